// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_WHOLE_MESSAGES_HPP
#define SLUICE_STREAM_WHOLE_MESSAGES_HPP

#include <sluice/wait/verbs.hpp>

#include <climits>

// Messages that go through a pipe in one piece: up to PIPE_BUF bytes (4096) the kernel takes all of a write or nothing,
// and never mixes it with those of other writers. So a frame needs no header, and whoever is killed leaves no half of
// one.

namespace sluice {

namespace detail {

template <class T, class Stream>
constexpr end_traits whole_message_traits() noexcept {
  end_traits t = traits_of<Stream>;
  t.boundaries = true;
  t.max_size = sizeof(T);
  return t;
}

/// A T from a transport that keeps messages apart: `take(place)` gives the size of the next one, or `too_big` and keeps
/// it for `skip()`. One of another size is `mismatch`, once, and dropped.
template <class T, class Take, class Skip>
result<T> pop_whole(Take take, Skip skip) noexcept {
  alignas(T) std::byte whole[sizeof(T)];
  const auto n = take(std::span<std::byte>(whole));
  if (n && *n == sizeof(T)) return *std::launder(reinterpret_cast<const T*>(whole));
  if (!n && n.err() != errc::too_big) return n.err().during(step::pop);
  if (!n) skip();
  return error(errc::mismatch, step::pop, subject::size);
}

}  // namespace detail

/// Messages of type T, each in one write, which happens as a whole or not at all.
///
/// Threads: one at a time; any number of sinks on the same pipe. Blocks: push; never try_push. Allocates: never.
template <wire T, writable Stream>
class whole_sink : public sink_verbs<whole_sink<T, Stream>> {
  static_assert(sizeof(T) <= PIPE_BUF, "a pipe takes at most PIPE_BUF bytes in one piece: a larger message is torn");

 public:
  using value_type = T;
  static constexpr end_traits traits = detail::whole_message_traits<T, Stream>();

  explicit whole_sink(Stream s) noexcept : stream_(std::move(s)) {}

  status try_push(const T& value) noexcept {
    const auto n = stream_.try_write(std::as_bytes(std::span(&value, 1)));
    if (!n) return n.err().during(step::push);
    // Less than all of it: this is no pipe, or the kernel is not what it promises to be. Nothing after it would be read
    // right.
    if (*n != sizeof(T)) return stream_.close(), error(errc::truncated, step::push);
    return {};
  }
  void arm(want k, wait_set& set) noexcept { stream_.arm(k, set); }
  void disarm(want k) noexcept { stream_.disarm(k); }
  void close() noexcept { stream_.close(); }
  [[nodiscard]] Stream& stream() noexcept { return stream_; }

 private:
  Stream stream_;
};

}  // namespace sluice

#endif
