// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_GREETING_HPP
#define SLUICE_FRAMING_GREETING_HPP

#include <sluice/core/concepts.hpp>
#include <sluice/core/crc32c.hpp>
#include <sluice/framing/number_bytes.hpp>

#include <string_view>

namespace sluice {

struct greeted_t {
  explicit greeted_t() = default;
};
/// Asks an end over a stream to begin with a greeting, which says what type the messages have.
inline constexpr greeted_t greeted{};

namespace detail {

/// What a sink of T sends first, and a source of T wants to see: magic, version, byte order, and the layout of T in
/// print and in words. docs/streams.md has the bytes.
template <wire T>
class greeting {
  static constexpr std::size_t head_bytes = 40;
  static constexpr std::size_t text_room = 3896;
  static constexpr std::uint16_t version = 1;
  static constexpr unsigned char magic[] = {0x89, 'S', 'L', 'U', 'M', 0x0d, 0x0a, 0x1a};
  static_assert(sizeof(T) <= 0xffffffff);
  static constexpr std::size_t text_size = [] {
    std::size_t n = 0;
    write_layout<T>([&n](char) { ++n; });
    return n < text_room ? n : text_room;
  }();
  static constexpr auto words = [] {
    struct {
      char at[text_size];
    } w{};
    std::size_t n = 0;
    write_layout<T>([&](char c) {
      if (n < text_size) w.at[n++] = c;
    });
    return w;
  }();

  template <class U>
  static U load(std::span<const std::byte> in, std::size_t at) noexcept {
    return load_number<std::endian::little, U>(in.data() + at);
  }
  template <class U>
  static void store(std::span<std::byte> out, std::size_t at, U value) noexcept {
    store_number<std::endian::little>(out.data() + at, value);
  }
  static std::uint32_t sum(std::span<const std::byte> whole) noexcept {
    return crc32c(whole.subspan(head_bytes), crc32c(whole.first(head_bytes - 4)));
  }
  static constexpr auto byte_order = static_cast<std::uint8_t>(std::endian::native == std::endian::little ? 1 : 2);

 public:
  /// The most bytes that a greeting can have, of whatever type.
  static constexpr std::size_t most = head_bytes + text_room;

  static std::size_t write(std::span<std::byte> out) noexcept {
    __builtin_memcpy(out.data() + head_bytes, words.at, text_size);
    for (std::size_t i = 0; i < sizeof magic; ++i) out[i] = static_cast<std::byte>(magic[i]);
    store(out, 8, version);
    store(out, 10, byte_order);
    store(out, 11, std::uint8_t{0});
    store(out, 12, static_cast<std::uint32_t>(sizeof(T)));
    store(out, 16, layout_of<T>.low);
    store(out, 24, layout_of<T>.high);
    store(out, 32, static_cast<std::uint32_t>(text_size));
    store(out, 36, sum(out.first(head_bytes + text_size)));
    return head_bytes + text_size;
  }
  /// The length of the greeting at the front, if it is there and is that of T.
  static result<std::size_t> check(std::span<const std::byte> in) noexcept {
    constexpr error none(errc::corrupt, step::none, subject::greeting);
    for (std::size_t i = 0; i < sizeof magic && i < in.size(); ++i)
      if (in[i] != static_cast<std::byte>(magic[i])) return none;
    if (in.size() < 10) return errc::empty;
    if (load<std::uint16_t>(in, 8) != version) return error(errc::mismatch, step::none, subject::format_version);
    if (in.size() < head_bytes) return errc::empty;
    const std::size_t n = load<std::uint32_t>(in, 32);
    if (n > text_room) return none;
    if (in.size() < head_bytes + n) return errc::empty;
    if (load<std::uint32_t>(in, 36) != sum(in.first(head_bytes + n))) return none;
    if (load<std::uint8_t>(in, 10) != byte_order) return error(errc::mismatch, step::none, subject::byte_order);
    if (load<std::uint32_t>(in, 12) != sizeof(T) || load<std::uint64_t>(in, 16) != layout_of<T>.low ||
        load<std::uint64_t>(in, 24) != layout_of<T>.high)
      return error(errc::mismatch, step::none, subject::type_layout);
    return head_bytes + n;
  }
  /// The layout in words: ours, cut if long, and that which a greeting has, once check() has found it whole.
  static constexpr std::string_view text() noexcept { return {words.at, text_size}; }
  static std::string_view text_of(std::span<const std::byte> in) noexcept {
    return {reinterpret_cast<const char*>(in.data()) + head_bytes, load<std::uint32_t>(in, 32)};
  }
};

/// A stream that begins with its first message.
struct no_greeting {
  static constexpr std::size_t most = 0;
};

}  // namespace detail
}  // namespace sluice

#endif
