// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_MESSAGES_HPP
#define SLUICE_STREAM_MESSAGES_HPP

#include <sluice/framing/fixed.hpp>
#include <sluice/framing/wire_codec.hpp>
#include <sluice/platform/explain_layouts.hpp>
#include <sluice/stream/frame_reader.hpp>
#include <sluice/stream/frame_writer.hpp>
#include <sluice/wait/verbs.hpp>

// Byte streams as typed ends: source_of<T>(stream), sink_of<T>(stream), and the same with a framing, a codec and a
// greeting. A wire type needs none of them: its bytes in a row are what a foreign program expects.

namespace sluice {

namespace detail {

/// Only a wire type has a size of its own; for others a framing must be named.
template <class T>
struct default_framing;
template <wire T>
struct default_framing<T> {
  using type = fixed_framing<sizeof(T)>;
};
template <class T>
using default_framing_t = typename default_framing<T>::type;

/// The most that a message of this framing and codec can have over a stream S.
template <class F, class C, class S>
inline constexpr std::size_t most_bytes = [] {
  std::size_t most = codec_bytes<C>;
  if (F::max_size < most) most = F::max_size;
  if (needs_boundaries<F> && traits_of<S>.max_size < most) most = traits_of<S>.max_size;
  return most;
}();
template <class F, class C, class S>
using framing_for = limited_framing<F, most_bytes<F, C, S>>;

/// The traits of a message end over a stream of type S.
template <class S>
constexpr end_traits message_traits(std::size_t most) noexcept {
  end_traits t = traits_of<S>;
  t.boundaries = true;
  t.max_size = most;
  return t;
}

/// The framing with its state, or one with a smaller maximum at its start.
template <class Narrow, class F>
Narrow narrowed(F& f) noexcept {
  if constexpr (std::is_same_v<Narrow, F>) return std::move(f);
  else return Narrow{};
}

template <class C, class T>
inline constexpr bool decodes_nothrow =
    noexcept(std::declval<const C&>().decode(std::span<const std::byte>()));
template <class C, class T>
inline constexpr bool encodes_nothrow =
    noexcept(std::declval<const C&>().encode(std::declval<const T&>(), std::span<std::byte>()));

}  // namespace detail

/// Messages of type T out of a byte stream, read ahead in batches.
///
/// Threads: one at a time. Blocks: pop; never try_pop. Allocates: never for wire types; else what the codec does. A
/// buffer for messages of more than 64 KiB is allocated at construction. Errors: those of framing and codec; truncated,
/// where the stream ends inside a message; no_space. Bytes that are no frame are an error for good.
template <class T, readable Stream, bounded_framing Framing = detail::default_framing_t<T>,
          codec<T> Codec = default_codec_t<T, Framing::max_size>, class Greeting = detail::no_greeting>
class message_source
    : public source_verbs<message_source<T, Stream, Framing, Codec, Greeting>>,
      public detail::frame_reader<Stream, detail::framing_for<Framing, Codec, Stream>, Greeting> {
  using framing_type = detail::framing_for<Framing, Codec, Stream>;
  using base = detail::frame_reader<Stream, framing_type, Greeting>;

 public:
  using value_type = T;
  static constexpr end_traits traits = detail::message_traits<Stream>(detail::most_bytes<Framing, Codec, Stream>);

  explicit message_source(Stream s, Framing f = {}, Codec c = {}) noexcept
      : base(std::move(s), detail::narrowed<framing_type>(f)), codec_(std::move(c)) {}

  result<T> try_pop() noexcept(detail::decodes_nothrow<Codec, T>) {
    const auto payload = this->try_front();
    if (!payload) [[unlikely]] return payload.err();
    auto value = codec_.decode(*payload);
    if (!value) [[unlikely]] return value.err().during(step::pop);  // and the message stays
    this->consume();
    return value;
  }
  /// Drops the next message: one, say, that the codec refuses.
  status try_skip() noexcept {
    if (const auto payload = this->try_front(); !payload) return payload.err();
    this->consume();
    return {};
  }
  /// After a refused greeting: the first field that differs. The entries live for as long as this end.
  [[nodiscard]] layout_difference difference() const noexcept
    requires(Greeting::most != 0)
  {
    if (this->why() != error(errc::mismatch, step::pop, subject::type_layout)) return {};
    return first_difference(Greeting::text_of(this->unread()), Greeting::text());
  }
  /// The same in words.
  [[nodiscard]] explanation explain() const noexcept
    requires(Greeting::most != 0)
  {
    explanation t;
    if (!this->why()) return t.add("nothing is wrong so far");
    t.add(describe(this->why()).c_str()).add(".");
    if (difference()) detail::explain_layouts(t, Greeting::text_of(this->unread()), Greeting::text(), "there");
    return t;
  }

 private:
  [[no_unique_address]] Codec codec_;
};

/// Messages of type T into a byte stream, each with one write, a batch with few. Where the stream takes only a part of
/// a message, the sink owns the rest and sends it before anything else: push, flush and finish wait for that, close
/// does what is possible at once.
///
/// Threads: one at a time. Blocks: push, flush, finish; never try_push. Allocates: a buffer for messages of more than
/// 64 KiB, at construction; else never. Errors: full, closed, os; too_big, and others of framing and codec; no_space.
template <class T, writable Stream, bounded_framing Framing = detail::default_framing_t<T>,
          codec<T> Codec = default_codec_t<T, Framing::max_size>, class Greeting = detail::no_greeting>
class message_sink
    : public sink_verbs<message_sink<T, Stream, Framing, Codec, Greeting>>,
      public detail::frame_writer<Stream, detail::framing_for<Framing, Codec, Stream>, Greeting> {
  using framing_type = detail::framing_for<Framing, Codec, Stream>;
  using base = detail::frame_writer<Stream, framing_type, Greeting>;
  using verbs = sink_verbs<message_sink>;
  static_assert(!wire<T> || detail::codec_bytes<Codec> != sizeof(T) || framing_type::max_size >= sizeof(T),
                "the framing, or the stream, is too small for this type");

 public:
  using value_type = T;
  static constexpr end_traits traits = detail::message_traits<Stream>(detail::most_bytes<Framing, Codec, Stream>);

  explicit message_sink(Stream s, Framing f = {}, Codec c = {}) noexcept
      : base(std::move(s), detail::narrowed<framing_type>(f)), codec_(std::move(c)) {}

  status try_push(const T& value) noexcept(detail::encodes_nothrow<Codec, T>) {
    const auto n = this->try_send(1, [&](std::size_t, std::span<std::byte> to) { return codec_.encode(value, to); });
    return n ? status() : status(n.err());
  }
  result<std::size_t> try_push(std::span<const T> values) noexcept(detail::encodes_nothrow<Codec, T>) {
    return this->try_send(values.size(),
                          [&](std::size_t k, std::span<std::byte> to) { return codec_.encode(values[k], to); });
  }
  /// Waits until the message is accepted, and with the patience that is left until it is sent.
  template <class U = T>
    requires requires(verbs& v, U&& value, until u) { v.push(std::forward<U>(value), u); }
  auto push(U&& value, until u = {}) {
    // A refused push has not touched its argument.
    return this->send_whole(u, [&] { return verbs::push(std::forward<U>(value), now); });
  }

 private:
  [[no_unique_address]] Codec codec_;
};

/// A stream that gives bytes, as a source of T: without framing, codec or greeting, with some of them, or with all.
template <class T, readable Stream>
[[nodiscard]] message_source<T, Stream> source_of(Stream s) noexcept {
  return message_source<T, Stream>(std::move(s));
}
template <class T, readable Stream, bounded_framing F>
[[nodiscard]] message_source<T, Stream, F> source_of(Stream s, F f) noexcept {
  return message_source<T, Stream, F>(std::move(s), std::move(f));
}
template <class T, readable Stream, bounded_framing F, codec<T> C>
[[nodiscard]] message_source<T, Stream, F, C> source_of(Stream s, F f, C c) noexcept {
  return message_source<T, Stream, F, C>(std::move(s), std::move(f), std::move(c));
}
template <wire T, readable Stream, bounded_framing F = fixed_framing<sizeof(T)>>
[[nodiscard]] auto source_of(Stream s, greeted_t, F f = {}) noexcept {
  return message_source<T, Stream, F, wire_codec<T>, detail::greeting<T>>(std::move(s), std::move(f));
}

/// A stream that takes bytes, as a sink of T: without framing, codec or greeting, with some of them, or with all.
template <class T, writable Stream>
[[nodiscard]] message_sink<T, Stream> sink_of(Stream s) noexcept {
  return message_sink<T, Stream>(std::move(s));
}
template <class T, writable Stream, bounded_framing F>
[[nodiscard]] message_sink<T, Stream, F> sink_of(Stream s, F f) noexcept {
  return message_sink<T, Stream, F>(std::move(s), std::move(f));
}
template <class T, writable Stream, bounded_framing F, codec<T> C>
[[nodiscard]] message_sink<T, Stream, F, C> sink_of(Stream s, F f, C c) noexcept {
  return message_sink<T, Stream, F, C>(std::move(s), std::move(f), std::move(c));
}
template <wire T, writable Stream, bounded_framing F = fixed_framing<sizeof(T)>>
[[nodiscard]] auto sink_of(Stream s, greeted_t, F f = {}) noexcept {
  return message_sink<T, Stream, F, wire_codec<T>, detail::greeting<T>>(std::move(s), std::move(f));
}

}  // namespace sluice

#endif
