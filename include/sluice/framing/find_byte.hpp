// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_FIND_BYTE_HPP
#define SLUICE_FRAMING_FIND_BYTE_HPP

#include <sluice/core/config.hpp>

#include <cstddef>
#include <span>
#include <type_traits>

namespace sluice::detail {

/// Where `b` is for the first time from `from` on, or in.size().
constexpr std::size_t find_byte(std::span<const std::byte> in, std::size_t from, std::byte b) noexcept {
#if SLUICE_HAS_C_LIBRARY()
  if (!std::is_constant_evaluated()) {
    if (from >= in.size()) return in.size();
    const void* const at = __builtin_memchr(in.data() + from, std::to_integer<int>(b), in.size() - from);
    return at == nullptr ? in.size() : static_cast<std::size_t>(static_cast<const std::byte*>(at) - in.data());
  }
#endif
  for (; from < in.size(); ++from)
    if (in[from] == b) return from;
  return in.size();
}

}  // namespace sluice::detail

#endif
