// SPDX-License-Identifier: MIT
#ifndef SLUICE_BRIDGE_EXPECTED_HPP
#define SLUICE_BRIDGE_EXPECTED_HPP

#include <sluice/core/result.hpp>

#include <version>

#ifdef __cpp_lib_expected
#include <expected>
#include <utility>

namespace sluice {

/// A result as the standard library has it, and back.
template <class T>
[[nodiscard]] constexpr std::expected<T, error> to_expected(result<T> r) {
  if (!r) return std::unexpected(r.err());
  if constexpr (std::is_void_v<T>) return {};
  else return std::expected<T, error>(std::in_place, *std::move(r));
}
template <class T>
[[nodiscard]] constexpr result<T> from_expected(std::expected<T, error> e) {
  if (!e) return e.error();
  if constexpr (std::is_void_v<T>) return {};
  else return result<T>(std::in_place, *std::move(e));
}

}  // namespace sluice

#endif

#endif
