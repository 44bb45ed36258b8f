// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_CRC32C_HPP
#define SLUICE_CORE_CRC32C_HPP

#include <sluice/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice {

/// CRC-32C (Castagnoli), bitwise reflected, as in iSCSI and ext4. Continue a sum by passing it as `seed`.
///
/// Source: RFC 3720 appendix B.4 has the check values used in the tests.
[[nodiscard]] constexpr std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t seed = 0) noexcept {
  // Half a byte at a time: 16 words of table, which firmware can afford, at a speed that headers and frames can.
  constexpr auto table = [] {
    struct {
      std::uint32_t at[16];
    } t{};
    for (std::uint32_t i = 0; i < 16; ++i) {
      std::uint32_t c = i;
      for (int k = 0; k < 4; ++k) c = (c & 1u) != 0 ? c >> 1 ^ 0x82f63b78u : c >> 1;
      t.at[i] = c;
    }
    return t;
  }();
  std::uint32_t c = ~seed;
  for (const std::byte b : bytes) {
    c ^= std::to_integer<std::uint32_t>(b);
    c = c >> 4 ^ table.at[c & 15u];
    c = c >> 4 ^ table.at[c & 15u];
  }
  return ~c;
}

}  // namespace sluice

#endif
