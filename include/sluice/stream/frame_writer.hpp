// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_FRAME_WRITER_HPP
#define SLUICE_STREAM_FRAME_WRITER_HPP

#include <sluice/framing/framed.hpp>
#include <sluice/framing/greeting.hpp>
#include <sluice/stream/frame_buffer.hpp>
#include <sluice/wait/wait_for.hpp>

#include <utility>

namespace sluice::detail {

/// Payloads into a byte stream: a frame is made in the buffer and goes out with one write. Where the stream takes only
/// a part of it, the rest is owned here, and goes out before anything else.
template <writable Stream, bounded_framing F, class Greeting>
class frame_writer {
  static_assert(!needs_boundaries<F> || traits_of<Stream>.boundaries,
                "this stream does not keep boundaries: name a framing that does");
  static constexpr std::size_t room = several_frames<frame_bytes<F>>;

 public:
  static constexpr bool polled = detail::polled<Stream>;

  frame_writer(frame_writer&& o) noexcept : stream_(std::move(o.stream_)) { take_over(o); }
  frame_writer& operator=(frame_writer&& o) noexcept {
    if (this != &o) {
      close();
      stream_ = std::move(o.stream_);
      take_over(o);
    }
    return *this;
  }

  /// Sends what was accepted. Out of patience it leaves the rest for the next push, flush or finish.
  status flush(until u = {}) noexcept {
    return try_then_wait(*this, want::push, u, [this] { return try_flush(); });
  }
  /// Sends what was accepted and ends the stream, in the stream's own orderly way where it has one. Out of patience it
  /// leaves both as they are, for another call.
  status finish(until u = {}) noexcept {
    const until by = u.immediate() ? u : u.absolute();
    const status s = flush(by);
    const error e = s.err();
    if constexpr (requires { { stream_.finish(by) } -> std::same_as<status>; }) {
      if (s) return stream_.finish(by);
    }
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

 protected:
  frame_writer(Stream s, F f) noexcept : stream_(std::move(s)), framing_(std::move(f)) {
    if (!buffer_.acquire()) why_ = error(errc::no_space, step::create);
    else if constexpr (Greeting::most != 0) buffer_.put(Greeting::write(buffer_.room()));
  }
  ~frame_writer() { close(); }

  /// Accepts as many payloads as there are and the stream takes, of which `fill(k, place)` writes the one of number k;
  /// as many as fit into the buffer with one write. Nothing happened if it accepts none.
  template <class Fill>
  result<std::size_t> try_send(std::size_t count, Fill fill) {
    std::size_t done = 0;
    error why = why_;
    while (done < count && !why) {
      if (const status s = try_flush(); !s) {
        why = s.err();
        break;
      }
      const F before = framing_;
      std::size_t k = done;
      while (k < count && !(why = append(k, fill))) ++k;
      if (k == done) break;
      if (const error refused = write_some()) {
        framing_ = before;
        buffer_.clear();
        why = refused;
        break;
      }
      done = k;
      if (why == errc::full) why = {};  // of the buffer, which the next round empties
    }
    if (done != 0) (void)try_flush();
    if (done != 0 || !why) return done;
    return why.during(step::push);
  }

  /// A push that waits: once a message is accepted, the patience that is left goes into sending all of it. Whoever
  /// pushes a large one and then waits for the answer must not wait for a rest that nobody sends.
  template <class Attempt>
  auto send_whole(until u, Attempt attempt) {
    auto pushed = attempt();
    if (u.immediate() || (settled(pushed) && buffer_.empty())) return pushed;
    const until by = u.absolute();  // one patience for both waits, and no look at the clock before the first
    if (!settled(pushed)) pushed = wait_for(*this, want::push, by, attempt);
    if (pushed) (void)flush(by);
    return pushed;
  }

 private:
  status try_flush() noexcept {
    while (!buffer_.empty())
      if (const error e = write_some()) return e;
    return {};
  }
  error write_some() noexcept {
    const auto n = stream_.try_write(buffer_.content());
    if (!n) return n.err().during(step::push);
    SLUICE_ASSERT(!needs_boundaries<F> || *n == buffer_.size());
    buffer_.take(*n);
    if (buffer_.empty()) buffer_.clear();
    return {};
  }
  template <class Fill>
  error append(std::size_t k, Fill& fill) {
    constexpr std::size_t lead = lead_of<F>;
    if (needs_boundaries<F> && !buffer_.empty()) return errc::full;  // one message, one write
    const auto place = buffer_.room();
    if (place.size() < frame_bytes<F>) return errc::full;
    const auto n = fill(k, place.subspan(lead, F::max_size));
    if (!n) return n.err();
    const auto whole = seal_frame(framing_, place, *n);
    if (!whole) return whole.err();
    const auto gap = static_cast<std::size_t>(whole->data() - place.data());  // before a short header
    if (gap != 0) __builtin_memmove(place.data(), whole->data(), whole->size());
    buffer_.put(whole->size());
    return {};
  }
  void take_over(frame_writer& o) noexcept {
    framing_ = o.framing_;
    why_ = std::exchange(o.why_, error(errc::closed, step::push));
    buffer_ = std::move(o.buffer_);
  }

  Stream stream_;
  [[no_unique_address]] F framing_;
  error why_;
  frame_buffer<(room > Greeting::most ? room : Greeting::most)> buffer_;
};

}  // namespace sluice::detail

#endif
