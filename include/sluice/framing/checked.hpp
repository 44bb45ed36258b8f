// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_CHECKED_HPP
#define SLUICE_FRAMING_CHECKED_HPP

#include <sluice/core/crc32c.hpp>
#include <sluice/framing/framed.hpp>
#include <sluice/framing/number_bytes.hpp>

namespace sluice {

/// Another framing, with a checksum and a sequence number before each message, inside its frame: CRC-32C of all that
/// follows, then the number, both 32 bits, little-endian. Numbers start at 0 on either side, and come round.
///
/// Errors: corrupt, about `frame_checksum` for an altered message, about `sequence` for one lost, repeated or
/// misplaced.
template <bounded_framing F>
class checked {
  static_assert(detail::any_payload<F>, "a checksum has any bytes, also those of a delimiter");
  static constexpr std::size_t prefix = 8;
  static_assert(F::max_size > prefix, "the framing has no room for more than a checksum");
  static constexpr std::size_t base_lead = detail::lead_of<F>;

 public:
  static constexpr bool needs_boundaries = detail::needs_boundaries<F>;
  static constexpr std::size_t max_size = F::max_size - prefix;
  static constexpr std::size_t lead = base_lead + prefix;
  static constexpr std::size_t overhead = F::overhead + prefix;
  template <std::size_t Most>
  using limited = checked<detail::limited_framing<F, Most + prefix>>;

  [[nodiscard]] constexpr result<frame> next(std::span<const std::byte> in, std::size_t had = 0) const noexcept {
    return detail::next_frame(base_, in, had);
  }
  [[nodiscard]] constexpr result<std::span<std::byte>> seal(std::span<std::byte> room, std::size_t n) noexcept {
    if (n > max_size) return error(errc::too_big, step::none, subject::frame);
    std::byte* const sum = room.data() + base_lead;
    detail::store_number<std::endian::little>(sum + 4, number_);
    detail::store_number<std::endian::little>(sum, crc32c({sum + 4, 4 + n}));
    const auto whole = detail::seal_frame(base_, room, prefix + n);
    if (whole) ++number_;
    return whole;
  }
  [[nodiscard]] constexpr result<std::span<std::byte>> open(std::span<std::byte> in, const frame& found) noexcept {
    const auto inner = detail::open_frame(base_, in, found);
    if (!inner) return inner.err();
    if (inner->size() < prefix) return error(errc::corrupt, step::none, subject::frame);
    const std::byte* const sum = inner->data();
    if (detail::load_number<std::endian::little, std::uint32_t>(sum) != crc32c(inner->subspan(4)))
      return error(errc::corrupt, step::none, subject::frame_checksum);
    if (detail::load_number<std::endian::little, std::uint32_t>(sum + 4) != number_)
      return error(errc::corrupt, step::none, subject::sequence);
    ++number_;
    return inner->subspan(prefix);
  }

 private:
  [[no_unique_address]] F base_;
  std::uint32_t number_ = 0;  // of the next frame
};

}  // namespace sluice

#endif
