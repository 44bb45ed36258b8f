// SPDX-License-Identifier: MIT
#ifndef SLUICE_MEMORY_INLINE_REGION_HPP
#define SLUICE_MEMORY_INLINE_REGION_HPP

#include <sluice/core/concepts.hpp>
#include <sluice/core/memory_policy.hpp>

namespace sluice {

/// A region inside an object, for static storage and stacks: no heap, no system. The handle to it is a pointer, so it
/// moves freely while the storage stays.
///
///     static constinit inline_storage<1024> memory;
///     inline_region where(memory);
template <std::size_t Bytes>
struct inline_storage {
  alignas(apart_bytes) std::byte bytes[Bytes]{};
};

/// A view of an `inline_storage`.
class inline_region {
 public:
  static constexpr bool shared = false;

  template <std::size_t Bytes>
  constexpr explicit inline_region(inline_storage<Bytes>& s) noexcept : data_(s.bytes), size_(Bytes) {}

  [[nodiscard]] constexpr std::byte* data() const noexcept { return data_; }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }

 private:
  std::byte* data_;
  std::size_t size_;
};

}  // namespace sluice

#endif
