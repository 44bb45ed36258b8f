// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_NONE_HPP
#define SLUICE_FRAMING_NONE_HPP

#include <sluice/core/concepts.hpp>

namespace sluice {

/// For transports that keep boundaries: what one read gives is one message, and not a byte is added.
///
/// Errors: too_big; invalid, at the sender, for an empty message, which such transports take for the end of the stream.
template <std::size_t Max = 65'536>
struct no_framing {
  static constexpr bool needs_boundaries = true;
  static constexpr std::size_t max_size = Max;
  static constexpr std::size_t lead = 0;
  static constexpr std::size_t overhead = 1;  // so that a longer message is seen, and not cut
  template <std::size_t Most>
  using limited = no_framing<Most>;

  [[nodiscard]] constexpr result<frame> next(std::span<const std::byte> in) const noexcept {
    if (in.empty()) return errc::empty;
    if (in.size() > Max) return error(errc::too_big, step::none, subject::frame);
    return frame{0, in.size(), in.size()};
  }
  [[nodiscard]] constexpr result<std::size_t> head(std::size_t n, std::span<std::byte>) const noexcept {
    if (n > Max) return error(errc::too_big, step::none, subject::frame);
    if (n == 0) return error(errc::invalid, step::none, subject::size);
    return std::size_t{0};
  }
};

}  // namespace sluice

#endif
