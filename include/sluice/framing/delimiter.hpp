// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_DELIMITER_HPP
#define SLUICE_FRAMING_DELIMITER_HPP

#include <sluice/core/concepts.hpp>
#include <sluice/framing/find_byte.hpp>

namespace sluice {

/// Messages end with the bytes of a delimiter, which no message may contain: delimiter_framing<4096, '\r', '\n'>.
///
/// Errors: invalid, at the sender, for a message in which a receiver would find the delimiter too early; too_big.
template <std::size_t Max, char... Delimiter>
struct delimiter_framing {
  static_assert(sizeof...(Delimiter) != 0);
  static constexpr std::size_t max_size = Max;
  static constexpr std::size_t overhead = sizeof...(Delimiter);
  static constexpr std::size_t lead = 0;
  static constexpr bool any_payload = false;
  template <std::size_t Most>
  using limited = delimiter_framing<Most, Delimiter...>;

  [[nodiscard]] constexpr result<frame> next(std::span<const std::byte> in, std::size_t had = 0) const noexcept {
    constexpr error more_than_max(errc::too_big, step::none, subject::frame);
    const auto size = find(in, had < overhead ? 0 : had - overhead + 1);
    if (size > Max && in.size() >= Max + overhead) return more_than_max;
    if (size == in.size()) return errc::empty;
    return frame{0, size, size + overhead};
  }
  [[nodiscard]] constexpr result<std::span<std::byte>> seal(std::span<std::byte> room, std::size_t n) const noexcept {
    if (n > Max) return error(errc::too_big, step::none, subject::frame);
    for (std::size_t i = 0; i < overhead; ++i) room[n + i] = mark[i];
    const auto whole = room.first(n + overhead);
    if (find(whole, 0) != n) return error(errc::invalid, step::none, subject::delimiter);  // or begins in the message
    return whole;
  }
  [[nodiscard]] constexpr result<std::span<std::byte>> open(std::span<std::byte> in, const frame& f) const noexcept {
    return in.first(f.size);
  }

 private:
  static constexpr std::byte mark[overhead] = {static_cast<std::byte>(Delimiter)...};

  // Where the delimiter is, or in.size(). Looks for its last byte, so that none is looked at twice but those before one.
  static constexpr std::size_t find(std::span<const std::byte> in, std::size_t from) noexcept {
    for (std::size_t last = from + overhead - 1;; ++last) {
      last = detail::find_byte(in, last, mark[overhead - 1]);
      if (last == in.size()) return last;
      const std::size_t begin = last + 1 - overhead;
      std::size_t same = 0;
      while (same < overhead - 1 && in[begin + same] == mark[same]) ++same;
      if (same == overhead - 1) return begin;
    }
  }
};

/// Lines of text.
template <std::size_t Max = 4096>
using line_framing = delimiter_framing<Max, '\n'>;

}  // namespace sluice

#endif
