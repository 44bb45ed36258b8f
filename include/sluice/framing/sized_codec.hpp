// SPDX-License-Identifier: MIT
#ifndef SLUICE_FRAMING_SIZED_CODEC_HPP
#define SLUICE_FRAMING_SIZED_CODEC_HPP

#include <sluice/framing/number_bytes.hpp>
#include <sluice/framing/text_codec.hpp>

namespace sluice {

namespace detail {

/// std::string, std::vector and their like, by what they can do: not every program pays for the header.
template <class T>
concept sequence = requires(T& s, std::size_t n) {
  s.resize(n);
  { s.data() } -> std::same_as<typename T::value_type*>;
  { s.size() } -> std::same_as<std::size_t>;
};

template <class T>
consteval bool has_sizes();
struct all_have_sizes {
  template <class... M>
  consteval bool operator()(type_list<M...>) const {
    return (has_sizes<M>() && ...);
  }
};
template <class T>
consteval bool has_sizes() {
  if constexpr (!std::default_initializable<T>) return false;
  else if constexpr (wire<T>) return true;
  else if constexpr (sequence<T>) return has_sizes<typename T::value_type>();
  else if constexpr (!std::is_class_v<T> || !std::is_aggregate_v<T> || std::is_empty_v<T>) return false;
  else if constexpr (has_bases<T> || member_count<T> == 0 || member_count<T> > max_members) return false;
  else return all_have_sizes{}(members_of<T>{});
}

using count_bytes = std::uint32_t;

/// The fewest bytes that a T can take: what bounds the count of elements before any is made.
template <class T>
consteval std::size_t fewest_bytes() {
  if constexpr (wire<T>) return sizeof(T);
  else if constexpr (sequence<T>) return sizeof(count_bytes);
  else return []<class... M>(type_list<M...>) { return (fewest_bytes<M>() + ...); }(members_of<T>{});
}

struct sized_writer {
  std::span<std::byte> out;
  std::size_t at = 0;

  bool bytes(const void* from, std::size_t n) noexcept {
    if (n > out.size() - at) return false;
    if (n != 0) __builtin_memcpy(out.data() + at, from, n);
    at += n;
    return true;
  }
  template <class T>
  bool one(const T& value) noexcept {
    if constexpr (wire<T>) {
      return bytes(&value, sizeof value);
    } else if constexpr (sequence<T>) {
      std::byte count[sizeof(count_bytes)];
      if (value.size() > static_cast<count_bytes>(-1)) return false;
      store_number<std::endian::little>(count, static_cast<count_bytes>(value.size()));
      if (!bytes(count, sizeof count)) return false;
      using element = typename T::value_type;
      if constexpr (wire<element>) {
        return bytes(value.data(), value.size() * sizeof(element));
      } else {
        for (const auto& v : value)
          if (!one(v)) return false;
        return true;
      }
    } else {
      return visit_members(value, [this](const auto&... m) { return (this->one(m) && ...); });
    }
  }
};

struct sized_reader {
  std::span<const std::byte> in;

  bool bytes(void* to, std::size_t n) noexcept {
    if (n > in.size()) return false;
    if (n != 0) __builtin_memcpy(to, in.data(), n);
    in = in.subspan(n);
    return true;
  }
  template <class T>
  bool one(T& value) {
    if constexpr (wire<T>) {
      return bytes(&value, sizeof value);
    } else if constexpr (sequence<T>) {
      using element = typename T::value_type;
      std::byte count[sizeof(count_bytes)];
      if (!bytes(count, sizeof count)) return false;
      const std::size_t n = load_number<std::endian::little, count_bytes>(count);
      if (n > in.size() / fewest_bytes<element>()) return false;
      value.resize(n);
      if constexpr (wire<element>) {
        return bytes(value.data(), n * sizeof(element));
      } else {
        for (auto& v : value)
          if (!one(v)) return false;
        return true;
      }
    } else {
      return visit_members(value, [this](auto&... m) { return (this->one(m) && ...); });
    }
  }
};

}  // namespace detail

/// What sized_codec can carry: wire types, std::string, std::vector of such (not of bool) and the like, and aggregates
/// of these.
template <class T>
concept sizable = detail::has_sizes<T>();

/// Values of variable size, of at most Max bytes: a string or vector is the count of its elements, 32 bits
/// little-endian, and then these; an aggregate is its members, one after the other; a wire type is its bytes.
///
/// Allocates: while decoding, for elements whose bytes are there, and never for a count alone. Errors: too_big;
/// corrupt, about `encoding`, for a count beyond the end of the message, or bytes behind the value.
template <sizable T, std::size_t Max = 65'536>
struct sized_codec {
  static constexpr std::size_t max_size = Max;

  result<std::size_t> encode(const T& value, std::span<std::byte> out) const noexcept {
    detail::sized_writer to{out.first(out.size() < Max ? out.size() : Max)};
    if (!to.one(value)) return error(errc::too_big, step::none, subject::frame);
    return to.at;
  }
  result<T> decode(std::span<const std::byte> in) const {
    if (in.size() > Max) return error(errc::too_big, step::none, subject::frame);
    detail::sized_reader from{in};
    T value{};
    if (!from.one(value) || !from.in.empty()) return error(errc::corrupt, step::none, subject::encoding);
    return value;
  }
};

template <sizable T, std::size_t Max>
  requires(!wire<T>)
struct default_codec<T, Max> {
  using type = sized_codec<T, Max>;
};

}  // namespace sluice

#endif
