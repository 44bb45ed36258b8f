// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_NUMBER_BYTES_HPP
#define SLUICE_FRAMING_NUMBER_BYTES_HPP

#include <sluice/core/config.hpp>

#include <bit>
#include <concepts>
#include <cstddef>

namespace sluice::detail {

/// Writes a number as bytes of a given order, whatever that of the machine; compilers make one store of it.
template <std::endian Order, std::unsigned_integral U>
constexpr void store_number(std::byte* to, U value) noexcept {
  for (std::size_t i = 0; i < sizeof(U); ++i) {
    const std::size_t shift = 8 * (Order == std::endian::little ? i : sizeof(U) - 1 - i);
    to[i] = static_cast<std::byte>(static_cast<unsigned char>(value >> shift));
  }
}
template <std::endian Order, std::unsigned_integral U>
constexpr U load_number(const std::byte* from) noexcept {
  U value = 0;
  for (std::size_t i = 0; i < sizeof(U); ++i) {
    const std::size_t shift = 8 * (Order == std::endian::little ? i : sizeof(U) - 1 - i);
    value = static_cast<U>(value | static_cast<U>(std::to_integer<U>(from[i]) << shift));
  }
  return value;
}

}  // namespace sluice::detail

#endif
