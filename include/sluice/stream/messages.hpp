// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_MESSAGES_HPP
#define SLUICE_STREAM_MESSAGES_HPP

#include <sluice/framing/fixed.hpp>
#include <sluice/wait/verbs.hpp>

// Byte streams as typed ends: source_of<T>(readable), sink_of<T>(writable).

namespace sluice {

namespace detail {

/// The traits of a message end over a stream of type S.
template <class T, class S>
constexpr end_traits message_traits() noexcept {
  end_traits t = traits_of<S>;
  t.boundaries = true;
  t.max_size = sizeof(T);
  return t;
}

/// A buffer for several small messages, or for one large one.
template <class T>
inline constexpr std::size_t message_buffer_bytes = sizeof(T) > 4096 ? sizeof(T) : 4096 / sizeof(T) * sizeof(T);

}  // namespace detail

/// Messages of type T out of a byte stream, read ahead in batches. A stream that ends inside a message is `truncated`.
///
/// Threads: one at a time. Blocks: pop; never try_pop. Allocates: never; the buffer is part of the object.
template <wire T, readable Stream>
class message_source : public source_verbs<message_source<T, Stream>> {
 public:
  using value_type = T;
  static constexpr end_traits traits = detail::message_traits<T, Stream>();

  explicit message_source(Stream s) noexcept : stream_(std::move(s)) {}
  message_source(message_source&& o) noexcept : stream_(std::move(o.stream_)) { take_buffer(o); }
  message_source& operator=(message_source&& o) noexcept {
    if (this != &o) {
      stream_ = std::move(o.stream_);
      take_buffer(o);
    }
    return *this;
  }

  result<T> try_pop() noexcept {
    for (;;) {
      const auto found = framing_.next(std::span(buffer_).subspan(begin_, end_ - begin_));
      if (found) {
        alignas(T) std::byte whole[sizeof(T)];
        __builtin_memcpy(whole, buffer_ + begin_ + found->skip, sizeof(T));
        begin_ += found->total;
        return *std::launder(reinterpret_cast<const T*>(whole));
      }
      if (found.err().code != errc::empty) return found.err();
      if (begin_ != 0) {
        __builtin_memmove(buffer_, buffer_ + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
      }
      const auto n = stream_.try_read(std::span(buffer_).subspan(end_));
      if (!n) {
        error e = n.err();
        if (e.code == errc::closed && end_ != 0) e.code = errc::truncated;
        return e.during(step::pop);
      }
      end_ += *n;
    }
  }
  void arm(want k, wait_set& set) noexcept { stream_.arm(k, set); }
  void disarm(want k) noexcept { stream_.disarm(k); }
  void close() noexcept {
    begin_ = end_ = 0;
    stream_.close();
  }
  [[nodiscard]] Stream& stream() noexcept { return stream_; }

 private:
  // What was read ahead goes along, and is given out once.
  void take_buffer(message_source& o) noexcept {
    begin_ = 0;
    end_ = o.end_ - o.begin_;
    __builtin_memcpy(buffer_, o.buffer_ + o.begin_, end_);
    o.begin_ = o.end_ = 0;
  }

  Stream stream_;
  [[no_unique_address]] fixed_framing<sizeof(T)> framing_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::byte buffer_[detail::message_buffer_bytes<T>];
};

/// Messages of type T into a byte stream. Where the stream takes only a part of one, the sink owns the rest and sends
/// it before anything else: push, flush and finish wait for that, close does what is possible at once.
///
/// Threads: one at a time. Blocks: push, flush, finish; never try_push. Allocates: never.
template <wire T, writable Stream>
class message_sink : public sink_verbs<message_sink<T, Stream>> {
  using verbs = sink_verbs<message_sink<T, Stream>>;

 public:
  using value_type = T;
  static constexpr end_traits traits = detail::message_traits<T, Stream>();

  explicit message_sink(Stream s) noexcept : stream_(std::move(s)) {}
  message_sink(message_sink&& o) noexcept
      : stream_(std::move(o.stream_)), begin_(std::exchange(o.begin_, sizeof(T))) {
    __builtin_memcpy(rest_, o.rest_, sizeof(T));
  }
  message_sink& operator=(message_sink&& o) noexcept {
    if (this != &o) {
      close();
      stream_ = std::move(o.stream_);
      begin_ = std::exchange(o.begin_, sizeof(T));
      __builtin_memcpy(rest_, o.rest_, sizeof(T));
    }
    return *this;
  }
  ~message_sink() { close(); }

  status try_push(const T& value) noexcept {
    if (const status s = try_flush(); !s) return s;
    __builtin_memcpy(rest_, &value, sizeof(T));
    const auto n = stream_.try_write(rest_);
    if (!n) return n.err().during(step::push);
    begin_ = *n;
    if (begin_ != sizeof(T)) (void)try_flush();
    return {};
  }
  /// Once the message is accepted, the patience that is left goes into sending all of it: whoever pushes a large one
  /// and then waits for the answer must not wait for a rest that nobody sends.
  template <class U = T>
    requires requires(verbs& v, U&& value, until u) { v.push(std::forward<U>(value), u); }
  auto push(U&& value, until u = {}) noexcept {
    auto pushed = verbs::push(std::forward<U>(value), now);  // a refused push has not touched its argument
    if (u.immediate() || (detail::settled(pushed) && begin_ == sizeof(T))) return pushed;
    const until by = u.absolute();  // one patience for both waits, and no look at the clock before the first
    if (!detail::settled(pushed)) pushed = verbs::push(std::forward<U>(value), by);
    if (pushed) (void)flush(by);
    return pushed;
  }
  /// Sends what was accepted. Out of patience it leaves the rest for the next push, flush or finish.
  status flush(until u = {}) noexcept {
    const status s = try_flush();
    if (detail::settled(s) || u.immediate()) return s;
    return detail::wait_for(*this, want::push, u, [this] { return try_flush(); });
  }
  /// Sends what was accepted and ends the stream. Out of patience it leaves both as they are, for another call.
  status finish(until u = {}) noexcept {
    const status s = flush(u);
    const error e = s.err();
    if (!e.again() && e.code != errc::timeout && e.code != errc::stopped) stream_.close();
    return s;
  }
  void arm(want k, wait_set& set) noexcept { stream_.arm(k, set); }
  void disarm(want k) noexcept { stream_.disarm(k); }
  void close() noexcept {
    (void)try_flush();
    stream_.close();
  }
  [[nodiscard]] Stream& stream() noexcept { return stream_; }

 private:
  status try_flush() noexcept {
    while (begin_ != sizeof(T)) {
      const auto n = stream_.try_write(std::span(rest_).subspan(begin_));
      if (!n) return n.err().during(step::push);
      begin_ += *n;
    }
    return {};
  }
  Stream stream_;
  std::size_t begin_ = sizeof(T);  // where the unsent rest of the last message starts
  std::byte rest_[sizeof(T)];
};

/// A stream that gives bytes, as a source of T.
template <wire T, readable Stream>
[[nodiscard]] message_source<T, Stream> source_of(Stream s) noexcept {
  return message_source<T, Stream>(std::move(s));
}
/// A stream that takes bytes, as a sink of T.
template <wire T, writable Stream>
[[nodiscard]] message_sink<T, Stream> sink_of(Stream s) noexcept {
  return message_sink<T, Stream>(std::move(s));
}

}  // namespace sluice

#endif
