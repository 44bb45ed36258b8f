// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_CRC32C_HPP
#define SLUICE_CORE_CRC32C_HPP

#include <sluice/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace sluice {

namespace detail {

// Half a byte at a time: 16 words of table, which firmware can afford, at a speed that headers and short frames can.
constexpr std::uint32_t crc32c_by_table(std::span<const std::byte> bytes, std::uint32_t c) noexcept {
  constexpr auto table = [] {
    struct {
      std::uint32_t at[16];
    } t{};
    for (std::uint32_t i = 0; i < 16; ++i) {
      std::uint32_t r = i;
      for (int k = 0; k < 4; ++k) r = (r & 1u) != 0 ? r >> 1 ^ 0x82f63b78u : r >> 1;
      t.at[i] = r;
    }
    return t;
  }();
  for (const std::byte b : bytes) {
    c ^= std::to_integer<std::uint32_t>(b);
    c = c >> 4 ^ table.at[c & 15u];
    c = c >> 4 ^ table.at[c & 15u];
  }
  return c;
}

#if SLUICE_HAS_CRC32C_INSTRUCTION()
[[gnu::target("sse4.2")]] inline std::uint32_t crc32c_by_instruction(std::span<const std::byte> bytes,
                                                                     std::uint32_t c) noexcept {
  const std::byte* at = bytes.data();
  std::size_t n = bytes.size();
  std::uint64_t wide = c;
  for (; n >= sizeof wide; at += sizeof wide, n -= sizeof wide) {
    std::uint64_t word;
    __builtin_memcpy(&word, at, sizeof word);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  c = static_cast<std::uint32_t>(wide);
  for (; n != 0; ++at, --n) c = __builtin_ia32_crc32qi(c, std::to_integer<unsigned char>(*at));
  return c;
}
#endif

}  // namespace detail

/// CRC-32C (Castagnoli), bitwise reflected, as in iSCSI and ext4. Continue a sum by passing it as `seed`.
///
/// Source: RFC 3720 appendix B.4 has the check values used in the tests.
[[nodiscard]] constexpr std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t seed = 0) noexcept {
#if SLUICE_HAS_CRC32C_INSTRUCTION()
  if (!std::is_constant_evaluated() && __builtin_cpu_supports("sse4.2"))
    return ~detail::crc32c_by_instruction(bytes, ~seed);
#endif
  return ~detail::crc32c_by_table(bytes, ~seed);
}

}  // namespace sluice

#endif
