// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_LENGTH_HPP
#define SLUICE_FRAMING_LENGTH_HPP

#include <sluice/core/concepts.hpp>
#include <sluice/framing/number_bytes.hpp>

namespace sluice {

/// The size of a message stands before it, as a number of the type `Head` in the byte order `Order`.
///
/// Errors: too_big, for a message of more than Max bytes, as soon as its header says so.
template <std::size_t Max = 65'536, std::unsigned_integral Head = std::uint32_t,
          std::endian Order = std::endian::little>
struct length_framing {
  static_assert(Max <= static_cast<Head>(-1), "the header cannot say so many bytes");
  static constexpr std::size_t max_size = Max;
  static constexpr std::size_t overhead = sizeof(Head);
  template <std::size_t Most>
  using limited = length_framing<Most, Head, Order>;

  [[nodiscard]] constexpr result<frame> next(std::span<const std::byte> in) const noexcept {
    if (in.size() < sizeof(Head)) return errc::empty;
    const Head n = detail::load_number<Order, Head>(in.data());
    if (n > Max) return error(errc::too_big, step::none, subject::frame);
    if (in.size() - sizeof(Head) < n) return errc::empty;
    return frame{sizeof(Head), static_cast<std::size_t>(n), sizeof(Head) + static_cast<std::size_t>(n)};
  }
  [[nodiscard]] constexpr result<std::size_t> head(std::size_t n, std::span<std::byte> out) const noexcept {
    if (n > Max) return error(errc::too_big, step::none, subject::frame);
    detail::store_number<Order>(out.data(), static_cast<Head>(n));
    return sizeof(Head);
  }
};

}  // namespace sluice

#endif
