// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_COBS_HPP
#define SLUICE_FRAMING_COBS_HPP

#include <sluice/core/concepts.hpp>
#include <sluice/framing/find_byte.hpp>

namespace sluice {

/// Messages of any bytes, made free of zeros at the cost of a byte in 254, and ended by a zero. For lines that lose
/// bytes: a new receiver is in step after any zero. Encodes and decodes in place.
///
/// Errors: too_big; corrupt, for bytes that no encoder writes. Source: Cheshire and Baker, "Consistent overhead byte
/// stuffing", 1999. Behind a full run in the last place the empty one is not written, and read where it is there.
template <std::size_t Max = 65'536>
struct cobs_framing {
  static constexpr std::size_t max_size = Max;
  static constexpr std::size_t lead = 1 + Max / 254;  // codes: the first, and one for each full run
  static constexpr std::size_t overhead = lead + 1;
  template <std::size_t Most>
  using limited = cobs_framing<Most>;

  [[nodiscard]] constexpr result<frame> next(std::span<const std::byte> in, std::size_t had = 0) const noexcept {
    constexpr std::size_t most = Max + overhead;
    const auto looked_at = in.first(in.size() < most ? in.size() : most);
    const std::size_t end = detail::find_byte(looked_at, had, std::byte{0});
    if (end < looked_at.size() && end == 0) return error(errc::corrupt, step::none, subject::frame);
    if (end < looked_at.size()) return frame{0, end, end + 1};
    if (in.size() < most) return errc::empty;
    return error(errc::too_big, step::none, subject::frame);
  }

  // A code is the distance to the next one, and stands for the zero before that; 255 stands for no zero. What is
  // written never overtakes what is read: before byte k of the message there are at most 1 + k / 254 codes.
  [[nodiscard]] constexpr result<std::span<std::byte>> seal(std::span<std::byte> room, std::size_t n) const noexcept {
    if (n > Max) return error(errc::too_big, step::none, subject::frame);
    std::size_t code = 0, end = 1;
    const auto close_run = [&] {
      room[code] = static_cast<std::byte>(end - code);
      code = end++;
    };
    for (std::size_t k = 0; k < n; ++k) {
      const std::byte b = room[lead + k];
      if (end - code == 255) close_run();
      if (b == std::byte{0}) close_run();
      else room[end++] = b;
    }
    room[code] = static_cast<std::byte>(end - code);
    room[end++] = std::byte{0};
    return room.first(end);
  }
  [[nodiscard]] constexpr result<std::span<std::byte>> open(std::span<std::byte> in, const frame& f) const noexcept {
    std::size_t end = 0;
    for (std::size_t at = 0; at < f.size;) {
      const auto code = std::to_integer<std::size_t>(in[at++]);
      if (code == 0 || code - 1 > f.size - at) return error(errc::corrupt, step::none, subject::frame);
      for (std::size_t k = 1; k < code; ++k) in[end++] = in[at++];
      if (code != 255 && at != f.size) in[end++] = std::byte{0};
    }
    if (end > Max) return error(errc::too_big, step::none, subject::frame);
    return in.first(end);
  }
};

}  // namespace sluice

#endif
