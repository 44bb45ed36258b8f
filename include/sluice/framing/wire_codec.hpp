// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_WIRE_CODEC_HPP
#define SLUICE_FRAMING_WIRE_CODEC_HPP

#include <sluice/core/concepts.hpp>

namespace sluice {

/// The bytes of a wire type as they are in memory.
///
/// Errors: mismatch, for a message that has not the size of T.
template <wire T>
struct wire_codec {
  static constexpr std::size_t max_size = sizeof(T);

  result<std::size_t> encode(const T& value, std::span<std::byte> out) const noexcept {
    if (out.size() < sizeof(T)) return error(errc::too_big, step::none, subject::frame);
    __builtin_memcpy(out.data(), &value, sizeof(T));
    return sizeof(T);
  }
  result<T> decode(std::span<const std::byte> in) const noexcept {
    if (in.size() != sizeof(T)) return error(errc::mismatch, step::none, subject::size);
    alignas(T) std::byte whole[sizeof(T)];
    __builtin_memcpy(whole, in.data(), sizeof(T));
    return *std::launder(reinterpret_cast<const T*>(whole));
  }
};

/// The codec that a message type has if none is named, with at most Max bytes. Another codec header adds its types; a
/// type of your own joins by a specialisation.
template <class T, std::size_t Max>
struct default_codec;

template <wire T, std::size_t Max>
struct default_codec<T, Max> {
  using type = wire_codec<T>;
};

template <class T, std::size_t Max>
using default_codec_t = typename default_codec<T, Max>::type;

namespace detail {

/// The most bytes that a codec writes, if it says so.
template <class C>
inline constexpr std::size_t codec_bytes = [] {
  if constexpr (requires { C::max_size; }) return std::size_t{C::max_size};
  else return static_cast<std::size_t>(-1);
}();

}  // namespace detail
}  // namespace sluice

#endif
