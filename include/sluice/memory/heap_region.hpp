// SPDX-License-Identifier: MIT
#ifndef SLUICE_MEMORY_HEAP_REGION_HPP
#define SLUICE_MEMORY_HEAP_REGION_HPP

#include <sluice/core/concepts.hpp>
#include <sluice/core/memory_policy.hpp>

#include <new>
#include <utility>

namespace sluice {

/// A region on the heap of this process. Empty (data() is null) where memory is short.
///
/// Allocates: once, in the constructor.
class heap_region {
 public:
  static constexpr bool shared = false;

  constexpr heap_region() noexcept = default;
  explicit heap_region(std::size_t bytes) noexcept
      : data_(static_cast<std::byte*>(::operator new(bytes, alignment(), std::nothrow))),
        size_(data_ == nullptr ? 0 : bytes) {
    if (data_ != nullptr) __builtin_memset(data_, 0, bytes);
  }
  heap_region(heap_region&& o) noexcept : data_(std::exchange(o.data_, nullptr)), size_(std::exchange(o.size_, 0)) {}
  heap_region& operator=(heap_region&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(size_, o.size_);
    return *this;
  }
  ~heap_region() { ::operator delete(data_, alignment()); }

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  static constexpr std::align_val_t alignment() noexcept { return std::align_val_t{apart_bytes}; }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice

#endif
