// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_UNTRUSTED_HPP
#define SLUICE_CORE_UNTRUSTED_HPP

#include <sluice/core/config.hpp>

namespace sluice {

/// A value that a peer can write. It was loaded once; only a range check gives it away.
template <class T>
class untrusted {
 public:
  constexpr explicit untrusted(T value) noexcept : value_(value) {}

  /// Stores the value and returns true, if it is at least `low` and at most `high`.
  [[nodiscard]] constexpr bool within(T low, T high, T& checked) const noexcept {
    if (value_ < low || high < value_) return false;
    checked = value_;
    return true;
  }
  [[nodiscard]] constexpr bool is(T expected) const noexcept { return value_ == expected; }

  /// A part of the value, as little to be trusted as the whole.
  [[nodiscard]] constexpr untrusted field(unsigned shift, T mask) const noexcept {
    return untrusted(static_cast<T>((value_ >> shift) & mask));
  }

 private:
  T value_;
};

}  // namespace sluice

#endif
