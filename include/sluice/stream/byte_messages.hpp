// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_BYTE_MESSAGES_HPP
#define SLUICE_STREAM_BYTE_MESSAGES_HPP

#include <sluice/core/lent_bytes.hpp>
#include <sluice/stream/messages.hpp>

// Messages of bytes over a stream, of any length up to the maximum of their framing, with the verbs of the byte rings:
// source_of<std::span<const std::byte>>(stream, framing), sink_of<std::span<const std::byte>>(stream, framing).

namespace sluice {

/// Messages of bytes out of a byte stream: lent in the buffer of this end, or copied into a place.
///
/// Threads: one at a time. Blocks: pop, borrow; never try_*. Allocates: a buffer for messages of more than 64 KiB, at
/// construction; else never. Errors: those of the framing, for good; truncated; busy, while a loan is out; no_space.
template <readable Stream, bounded_framing Framing>
class byte_message_source
    : public detail::frame_reader<Stream, detail::framing_for<Framing, void, Stream>, detail::no_greeting> {
  using framing_type = detail::framing_for<Framing, void, Stream>;
  using base = detail::frame_reader<Stream, framing_type, detail::no_greeting>;
  struct hand_back {};
  friend bytes_loan<byte_message_source, hand_back>;
  friend detail::lent_bytes<byte_message_source, const std::byte>;

 public:
  using value_type = std::span<const std::byte>;
  using loan_type = bytes_loan<byte_message_source, hand_back>;
  static constexpr end_traits traits = detail::message_traits<Stream>(framing_type::max_size);

  explicit byte_message_source(Stream s, Framing f = {}) noexcept
      : base(std::move(s), detail::narrowed<framing_type>(f)) {}
  byte_message_source(byte_message_source&& o) noexcept : base(std::move(o)) { o.lent_ = false; }
  byte_message_source& operator=(byte_message_source&& o) noexcept {
    base::operator=(std::move(o));
    lent_ = o.lent_ = false;
    return *this;
  }

  /// The next message, in place: until the loan ends, and not beyond a move of this end. It is consumed by the end of
  /// the loan; keep() leaves it.
  loan_type try_borrow() noexcept {
    if (lent_) return error(errc::busy, step::borrow);
    const auto payload = this->try_front();
    if (!payload) [[unlikely]] return payload.err().during(step::borrow);
    lent_ = true;
    return loan_type(*this, *payload);
  }
  loan_type borrow(until u = {}) {
    return detail::try_then_wait(*this, want::pop, u, [this] { return try_borrow(); });
  }
  /// Copies the next message into `to`, whole, and returns its size. If it does not fit: too_big in step `read`, with
  /// the size in `detail`, and the message stays.
  result<std::size_t> try_pop(std::span<std::byte> to) noexcept {
    if (lent_) return error(errc::busy, step::pop);
    const auto payload = this->try_front();
    if (!payload) [[unlikely]] return payload.err();
    const std::size_t n = payload->size();
    if (n > to.size()) {
      constexpr std::size_t most = 0x7fffffff;
      return error(errc::too_big, step::read, static_cast<std::int32_t>(n < most ? n : most));
    }
    if (n != 0) __builtin_memcpy(to.data(), payload->data(), n);
    this->consume();
    return n;
  }
  result<std::size_t> pop(std::span<std::byte> to, until u = {}) {
    return detail::try_then_wait(*this, want::pop, u, [this, to] { return try_pop(to); });
  }
  void close() noexcept {
    lent_ = false;
    base::close();
  }

 private:
  [[nodiscard]] bool attached() const noexcept { return lent_; }
  void consume_loan(hand_back) noexcept {
    lent_ = false;
    this->consume();
  }
  void keep_loan(hand_back) noexcept { lent_ = false; }

  bool lent_ = false;
};

/// Messages of bytes into a byte stream, each with one write; what the stream does not take at once is owned here.
///
/// Threads: one at a time. Blocks: push, flush, finish; never try_push. Allocates: a buffer for messages of more than
/// 64 KiB, at construction; else never. Errors: full, closed, os; too_big and others of the framing; no_space.
template <writable Stream, bounded_framing Framing>
class byte_message_sink
    : public detail::frame_writer<Stream, detail::framing_for<Framing, void, Stream>, detail::no_greeting> {
  using framing_type = detail::framing_for<Framing, void, Stream>;
  using base = detail::frame_writer<Stream, framing_type, detail::no_greeting>;

 public:
  using value_type = std::span<const std::byte>;
  static constexpr end_traits traits = detail::message_traits<Stream>(framing_type::max_size);

  explicit byte_message_sink(Stream s, Framing f = {}) noexcept
      : base(std::move(s), detail::narrowed<framing_type>(f)) {}

  status try_push(std::span<const std::byte> message) noexcept {
    const auto n = this->try_send(1, [message](std::size_t, std::span<std::byte> to) -> result<std::size_t> {
      if (message.size() > to.size()) return error(errc::too_big, step::none, subject::frame);
      if (!message.empty()) __builtin_memcpy(to.data(), message.data(), message.size());
      return message.size();
    });
    return n ? status() : status(n.err());
  }
  /// Waits until the message is accepted, and with the patience that is left until it is sent.
  status push(std::span<const std::byte> message, until u = {}) {
    return this->send_whole(u, [this, message] { return try_push(message); });
  }
};

/// A stream that gives bytes, as a source of messages of bytes.
template <std::same_as<std::span<const std::byte>> T, readable Stream, bounded_framing F>
[[nodiscard]] byte_message_source<Stream, F> source_of(Stream s, F f) noexcept {
  return byte_message_source<Stream, F>(std::move(s), std::move(f));
}
/// A stream that takes bytes, as a sink of messages of bytes.
template <std::same_as<std::span<const std::byte>> T, writable Stream, bounded_framing F>
[[nodiscard]] byte_message_sink<Stream, F> sink_of(Stream s, F f) noexcept {
  return byte_message_sink<Stream, F>(std::move(s), std::move(f));
}

}  // namespace sluice

#endif
