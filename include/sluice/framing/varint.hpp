// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_VARINT_HPP
#define SLUICE_FRAMING_VARINT_HPP

#include <sluice/core/concepts.hpp>

#include <bit>

namespace sluice {

/// The size of a message stands before it, seven bits to a byte, the lowest first, the top bit set on all but the last
/// (LEB128). Only the shortest form of a number is one: a byte more would be another frame of the same message.
///
/// Errors: too_big, for a message of more than Max bytes; corrupt, for a size that could have been shorter.
template <std::size_t Max = 65'536>
struct varint_framing {
  static constexpr std::size_t max_size = Max;
  static constexpr std::size_t overhead = Max == 0 ? 1 : (static_cast<std::size_t>(std::bit_width(Max)) + 6) / 7;
  template <std::size_t Most>
  using limited = varint_framing<Most>;

  [[nodiscard]] constexpr result<frame> next(std::span<const std::byte> in) const noexcept {
    std::size_t n = 0;
    for (std::size_t i = 0; i < overhead; ++i) {
      if (i == in.size()) return errc::empty;
      const auto b = std::to_integer<unsigned>(in[i]);
      const std::size_t bits = b & 0x7fu;
      if (bits > Max >> 7 * i) return error(errc::too_big, step::none, subject::frame);  // so nothing is shifted out
      n |= bits << 7 * i;
      if (b > 0x7fu) continue;
      if (bits == 0 && i != 0) return error(errc::corrupt, step::none, subject::frame);
      if (n > Max) break;
      return in.size() - i - 1 < n ? result<frame>(errc::empty) : frame{i + 1, n, i + 1 + n};
    }
    return error(errc::too_big, step::none, subject::frame);
  }
  [[nodiscard]] constexpr result<std::size_t> head(std::size_t n, std::span<std::byte> out) const noexcept {
    if (n > Max) return error(errc::too_big, step::none, subject::frame);
    std::size_t i = 0;
    for (; n > 0x7f; n >>= 7) out[i++] = static_cast<std::byte>(n | 0x80u);
    out[i++] = static_cast<std::byte>(n);
    return i;
  }
};

}  // namespace sluice

#endif
