// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_TEXT_CODEC_HPP
#define SLUICE_FRAMING_TEXT_CODEC_HPP

#include <sluice/framing/wire_codec.hpp>

#include <charconv>
#include <string>

namespace sluice {

/// Messages as text: a string is its characters, which may be any bytes; a number is written as std::to_chars does, and
/// read by std::from_chars, to the last character.
///
/// Allocates: what std::string does, for as many bytes as came. Errors: too_big; corrupt, for what is no such number.
template <class T>
struct text_codec;

template <>
struct text_codec<std::string> {
  result<std::size_t> encode(const std::string& value, std::span<std::byte> out) const noexcept {
    if (value.size() > out.size()) return error(errc::too_big, step::none, subject::frame);
    if (!value.empty()) __builtin_memcpy(out.data(), value.data(), value.size());
    return value.size();
  }
  result<std::string> decode(std::span<const std::byte> in) const {
    return std::string(reinterpret_cast<const char*>(in.data()), in.size());
  }
};

template <class T>
  requires(std::is_arithmetic_v<T> && !std::same_as<T, bool> &&
           requires(T v, char* p, const char* q) { std::to_chars(p, p, v), std::from_chars(q, q, v); })
struct text_codec<T> {
  static constexpr std::size_t max_size = 64;

  result<std::size_t> encode(T value, std::span<std::byte> out) const noexcept {
    char* const begin = reinterpret_cast<char*>(out.data());
    const auto done = std::to_chars(begin, begin + out.size(), value);
    if (done.ec != std::errc()) return error(errc::too_big, step::none, subject::frame);
    return static_cast<std::size_t>(done.ptr - begin);
  }
  result<T> decode(std::span<const std::byte> in) const noexcept {
    const char* const begin = reinterpret_cast<const char*>(in.data());
    T value{};
    const auto done = std::from_chars(begin, begin + in.size(), value);
    if (done.ec != std::errc() || done.ptr != begin + in.size())
      return error(errc::corrupt, step::none, subject::encoding);
    return value;
  }
};

template <std::size_t Max>
struct default_codec<std::string, Max> {
  using type = text_codec<std::string>;
};

}  // namespace sluice

#endif
