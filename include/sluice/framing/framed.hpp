// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_FRAMED_HPP
#define SLUICE_FRAMING_FRAMED_HPP

#include <sluice/core/concepts.hpp>

// One way to use framings of both sorts, those that write a header and those that make the whole frame.

namespace sluice::detail {

/// How many bytes before a payload a sender leaves free.
template <bounded_framing F>
inline constexpr std::size_t lead_of = [] {
  if constexpr (requires { F::lead; }) return std::size_t{F::lead};
  else return std::size_t{F::overhead};
}();

/// The most bytes that a frame can have.
template <bounded_framing F>
inline constexpr std::size_t frame_bytes = F::max_size + F::overhead;

template <class F>
concept needs_boundaries = requires { requires F::needs_boundaries; };

/// May a payload have any bytes?
template <class F>
concept any_payload = !requires { requires !F::any_payload; };

// The framing that takes payloads of at most Most bytes, where it can say so.
template <class F, std::size_t Most>
struct limit {
  using type = F;
};
template <class F, std::size_t Most>
  requires(F::max_size > Most && requires { typename F::template limited<Most>; })
struct limit<F, Most> {
  using type = typename F::template limited<Most>;
};
template <bounded_framing F, std::size_t Most>
using limited_framing = typename limit<F, Most>::type;

template <framing F>
constexpr result<frame> next_frame(const F& f, std::span<const std::byte> in, std::size_t had) noexcept {
  if constexpr (requires { f.next(in, had); }) return f.next(in, had);
  else return f.next(in);
}

/// Makes a frame, in place, of a payload of n bytes at room[lead_of<F>]; returns where in the room it is.
template <bounded_framing F>
constexpr result<std::span<std::byte>> seal_frame(F& f, std::span<std::byte> room, std::size_t n) noexcept {
  if constexpr (sealing_framing<F>) {
    return f.seal(room, n);
  } else {
    std::byte header[F::overhead + 1]{};
    const auto size = f.head(n, header);
    if (!size) return size.err();
    const std::size_t begin = lead_of<F> - *size;
    for (std::size_t i = 0; i < *size; ++i) room[begin + i] = header[i];
    return room.subspan(begin, *size + n);
  }
}

/// The payload of a frame that next_frame() has found, in place.
template <framing F>
constexpr result<std::span<std::byte>> open_frame(F& f, std::span<std::byte> in, const frame& found) noexcept {
  if constexpr (sealing_framing<F>) return f.open(in, found);
  else return in.subspan(found.skip, found.size);
}

}  // namespace sluice::detail

#endif
