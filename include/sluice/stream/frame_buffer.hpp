// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_FRAME_BUFFER_HPP
#define SLUICE_STREAM_FRAME_BUFFER_HPP

#include <sluice/memory/heap_region.hpp>

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace sluice::detail {

template <std::size_t Room>
struct inline_bytes {
  std::byte* data() noexcept { return bytes_; }
  [[nodiscard]] const std::byte* data() const noexcept { return bytes_; }

 private:
  std::byte bytes_[Room];
};

/// Bytes in order: put in at the back, taken out at the front. They go along when it is moved. A moderate buffer is a
/// part of the object; the memory of a large one must be acquired, and goes along too.
template <std::size_t Room>
class frame_buffer {
  static constexpr bool large = Room > 68 * 1024;  // 64 KiB of payload, and what may stand around it

 public:
  frame_buffer() noexcept = default;
  frame_buffer(frame_buffer&& o) noexcept { *this = std::move(o); }
  frame_buffer& operator=(frame_buffer&& o) noexcept {
    if constexpr (large) {
      bytes_ = std::move(o.bytes_);
      begin_ = o.begin_, end_ = o.end_;
    } else {
      begin_ = 0, end_ = o.size();
      __builtin_memcpy(bytes_.data(), o.bytes_.data() + o.begin_, end_);
    }
    o.clear();
    return *this;
  }

  /// False if there is no memory; then the buffer must not be used.
  [[nodiscard]] bool acquire() noexcept {
    if constexpr (large) {
      bytes_ = heap_region(Room);
      return bytes_.data() != nullptr;
    } else {
      return true;
    }
  }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::span<std::byte> content() noexcept { return {bytes_.data() + begin_, size()}; }
  [[nodiscard]] std::span<const std::byte> content() const noexcept { return {bytes_.data() + begin_, size()}; }
  /// The room behind the content, and with compact() all that there is.
  [[nodiscard]] std::span<std::byte> room() noexcept { return {bytes_.data() + end_, Room - end_}; }
  void compact() noexcept {
    if (begin_ == 0) return;
    if (begin_ != end_) __builtin_memmove(bytes_.data(), bytes_.data() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
  }
  void put(std::size_t n) noexcept { end_ += n; }
  void take(std::size_t n) noexcept { begin_ += n; }
  void clear() noexcept { begin_ = end_ = 0; }

 private:
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::conditional_t<large, heap_region, inline_bytes<Room>> bytes_;
};

/// Room for several small frames, or for one large one.
template <std::size_t Frame>
inline constexpr std::size_t several_frames = Frame > 4096 ? Frame : 4096 / Frame * Frame;

}  // namespace sluice::detail

#endif
