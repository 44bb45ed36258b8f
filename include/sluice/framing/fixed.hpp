// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_FIXED_HPP
#define SLUICE_FRAMING_FIXED_HPP

#include <sluice/core/concepts.hpp>

namespace sluice {

/// Every message has the same size, so that its bytes need no header.
template <std::size_t Size>
struct fixed_framing {
  static_assert(Size != 0);
  static constexpr std::size_t max_size = Size;
  static constexpr std::size_t overhead = 0;

  [[nodiscard]] constexpr result<frame> next(std::span<const std::byte> in) const noexcept {
    if (in.size() < Size) return errc::empty;
    return frame{0, Size, Size};
  }
  [[nodiscard]] constexpr result<std::size_t> head(std::size_t n, std::span<std::byte>) const noexcept {
    if (n != Size) return errc::too_big;
    return std::size_t{0};
  }
};

}  // namespace sluice

#endif
