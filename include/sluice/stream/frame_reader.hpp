// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_FRAME_READER_HPP
#define SLUICE_STREAM_FRAME_READER_HPP

#include <sluice/framing/framed.hpp>
#include <sluice/framing/greeting.hpp>
#include <sluice/stream/frame_buffer.hpp>
#include <sluice/wait/wait_for.hpp>

#include <utility>

namespace sluice::detail {

/// Payloads out of a byte stream, one after the other, read ahead into a buffer that never grows.
///
/// Bytes that are no frame are an error for good: where the next frame begins, nobody can know.
template <readable Stream, bounded_framing F, class Greeting>
class frame_reader {
  static_assert(!needs_boundaries<F> || traits_of<Stream>.boundaries,
                "this stream does not keep boundaries: name a framing that does");
  static constexpr bool greets = Greeting::most != 0;
  static constexpr std::size_t room = several_frames<frame_bytes<F>>;

 public:
  static constexpr bool polled = detail::polled<Stream>;

  frame_reader(frame_reader&& o) noexcept : stream_(std::move(o.stream_)) { take_over(o); }
  frame_reader& operator=(frame_reader&& o) noexcept {
    if (this != &o) {
      stream_ = std::move(o.stream_);
      take_over(o);
    }
    return *this;
  }

  void arm(want k, wait_set& set) noexcept { stream_.arm(k, set); }
  void disarm(want k) noexcept { stream_.disarm(k); }
  [[nodiscard]] spin_habit& habit() noexcept
    requires polled
  {
    return habit_;
  }
  void close() noexcept {
    if (!why_) why_ = error(errc::closed, step::pop);
    total_ = 0;
    buffer_.clear();
    stream_.close();
  }
  [[nodiscard]] Stream& stream() noexcept { return stream_; }

 protected:
  frame_reader(Stream s, F f) noexcept : stream_(std::move(s)), framing_(std::move(f)) {
    if (!buffer_.acquire()) why_ = error(errc::no_space, step::create);
  }
  ~frame_reader() = default;

  /// The payload at the front: in the buffer, until consume().
  result<std::span<const std::byte>> try_front() noexcept {
    for (;;) {
      if (total_ != 0) return std::span<const std::byte>(buffer_.content().subspan(skip_, size_));
      if (why_) [[unlikely]] return why_;
      const error found = find();
      if (!found) {
        if (total_ < buffer_.size()) habit_.rest();
        continue;
      }
      if (found.code != errc::empty) return why_ = found.during(step::pop);
      had_ = buffer_.size();
      buffer_.compact();
      if (buffer_.room().empty()) return why_ = error(errc::too_big, step::pop, subject::frame);
      const auto n = stream_.try_read(buffer_.room());
      if (!n) {
        error e = n.err();
        if (e.code == errc::closed && !buffer_.empty()) e.code = errc::truncated;
        return e.during(step::pop);
      }
      buffer_.put(*n);
    }
  }
  void consume() noexcept {
    buffer_.take(total_);
    total_ = 0;
  }
  [[nodiscard]] std::span<const std::byte> unread() const noexcept { return buffer_.content(); }
  [[nodiscard]] error why() const noexcept { return why_; }

 private:
  // Looks for a frame, or for the greeting, in what is there.
  error find() noexcept {
    if constexpr (greets) {
      if (!met_) {
        const auto n = Greeting::check(buffer_.content());
        if (!n) return n.err();
        buffer_.take(*n);
        had_ = 0;
        met_ = true;
      }
    }
    const auto content = buffer_.content();
    const auto found = next_frame(framing_, content, had_);
    if (!found) return found.err();
    const auto payload = open_frame(framing_, content, *found);
    if (!payload) return payload.err();
    SLUICE_ASSERT(found->total != 0 && found->total <= content.size());
    had_ = 0;
    skip_ = static_cast<std::size_t>(payload->data() - content.data());
    size_ = payload->size();
    total_ = found->total;
    return {};
  }
  // What was read ahead goes along, and is given out once.
  void take_over(frame_reader& o) noexcept {
    framing_ = o.framing_;
    skip_ = o.skip_, size_ = o.size_, total_ = std::exchange(o.total_, 0);
    had_ = std::exchange(o.had_, 0);
    met_ = o.met_;
    habit_ = o.habit_;
    why_ = std::exchange(o.why_, error(errc::closed, step::pop));
    buffer_ = std::move(o.buffer_);
  }

  Stream stream_;
  [[no_unique_address]] F framing_;
  std::size_t skip_ = 0;   // of the frame at the front: its payload, and
  std::size_t size_ = 0;
  std::size_t total_ = 0;  // the whole of it, 0 before it was found
  std::size_t had_ = 0;    // bytes in which no frame was found
  bool met_ = false;       // the greeting was read
  spin_habit habit_;
  error why_;
  frame_buffer<(room > Greeting::most ? room : Greeting::most)> buffer_;
};

}  // namespace sluice::detail

#endif
