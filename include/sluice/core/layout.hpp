// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_LAYOUT_HPP
#define SLUICE_CORE_LAYOUT_HPP

#include <sluice/core/members.hpp>

#include <cstdint>

namespace sluice {

/// Describes a trivially copyable type whose members cannot be walked (private data, bases, unions, bit-fields, member
/// alignment): specialise it with a `text` of your own, and change that text whenever the meaning of the bytes changes.
///
///     template <> struct sluice::described_layout<money> { static constexpr char text[] = "money/2:i64"; };
template <class T>
struct described_layout {};

/// 128 bits that differ when two types differ in the offset, size or kind of any field.
struct layout_print {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend constexpr bool operator==(layout_print, layout_print) noexcept = default;
};

namespace detail {

template <class T>
concept described = requires { described_layout<T>::text; };

template <class T>
concept leaf = std::is_arithmetic_v<T> || std::is_enum_v<T>;

// std::array and its like are their elements in a row, whatever they call their member.
template <class T>
concept array_class = std::is_class_v<T> && requires { typename T::value_type; std::tuple_size<T>::value; } &&
                      sizeof(T) == std::tuple_size<T>::value * sizeof(typename T::value_type);

// std::chrono::duration and time_point and their like, without their header: a number of known unit, and the time since
// an epoch of known unit.
template <class T>
concept unit_class = std::is_class_v<T> && requires { T::period::num; T::period::den; typename T::rep; } &&
                     sizeof(T) == sizeof(typename T::rep);
template <class T>
concept epoch_class = std::is_class_v<T> && requires { typename T::clock; typename T::duration; } &&
                      unit_class<typename T::duration> && sizeof(T) == sizeof(typename T::duration);

template <class T>
consteval bool layout_known();

template <class T, class... M>
consteval bool members_known(type_list<M...>) {
  if constexpr ((layout_known<M>() && ...)) {
    std::size_t end = 0;
    ((end = (end + alignof(M) - 1) / alignof(M) * alignof(M) + sizeof(M)), ...);
    return (end + alignof(T) - 1) / alignof(T) * alignof(T) == sizeof(T);
  } else {
    return false;
  }
}
template <class T>
consteval bool layout_known() {
  if constexpr (std::is_const_v<T> || std::is_volatile_v<T>)
    return false;
  else if constexpr (described<T> || leaf<T>)
    return true;
  else if constexpr (std::is_bounded_array_v<T>)
    return layout_known<std::remove_extent_t<T>>();
  else if constexpr (array_class<T>)
    return layout_known<typename T::value_type>();
  else if constexpr (unit_class<T>)
    return leaf<typename T::rep>;
  else if constexpr (epoch_class<T>)
    return leaf<typename T::duration::rep>;
  else if constexpr (requires { std::tuple_size<T>::value; })
    return false;  // an array of nothing, a pair, a tuple: what its members are, nobody says
  else if constexpr (!std::is_class_v<T> || !std::is_aggregate_v<T>)
    return false;  // pointers, unions, private members
  else if constexpr (!std::is_copy_assignable_v<T>)
    return false;  // a reference inside
  else if constexpr (std::is_empty_v<T>)
    return true;
  else if constexpr (has_bases<T> || member_count<T> == 0 || member_count<T> > max_members)
    return false;
  else
    return members_known<T>(members_of<T>{});
}

// T with all its array dimensions, of either kind of array, multiplied out: the bytes are those of the elements in a
// row.
template <class T>
struct flat {
  using element = T;
  static constexpr std::size_t count = 0;  // no array
};
template <class T, std::size_t N>
struct flat<T[N]> {
  using element = typename flat<T>::element;
  static constexpr std::size_t count = N * (flat<T>::count == 0 ? 1 : flat<T>::count);
};
template <array_class T>
  requires(!described<T> && std::tuple_size<T>::value != 0)
struct flat<T> : flat<typename T::value_type[std::tuple_size<T>::value]> {};

// Writes the canonical text of a layout: "u64@0 f64@8 u8x48@16 3x{i32@64 f32@68}12@64". An entry is a kind, a size in
// bits and the offset from the start; an array is its count, an `x` and its first element.
template <class Put>
struct layout_writer {
  Put put;
  bool first = true;

  constexpr void number(std::size_t n) {
    char digits[20];
    int k = 0;
    do digits[k++] = static_cast<char>('0' + n % 10);
    while ((n /= 10) != 0);
    while (k > 0) put(digits[--k]);
  }
  template <class T>
  constexpr char kind() {
    if constexpr (std::is_enum_v<T>) return 'e';
    else if constexpr (std::is_same_v<T, bool>) return 'b';
    else if constexpr (std::is_floating_point_v<T>) return 'f';
    else return std::is_signed_v<T> ? 'i' : 'u';
  }
  // Seconds as a fraction: "i64*1:1000000000".
  template <class T>
  constexpr void unit() {
    if constexpr (epoch_class<T>) {
      put('t'), unit<typename T::duration>();
    } else {
      put(kind<typename T::rep>()), number(sizeof(T) * 8), put('*');
      number(static_cast<std::size_t>(T::period::num)), put(':'), number(static_cast<std::size_t>(T::period::den));
    }
  }
  template <class T, class... M>
  constexpr void members(std::size_t at, type_list<M...>) {
    std::size_t end = 0;
    ((end = (end + alignof(M) - 1) / alignof(M) * alignof(M), one<M>(at + end), end += sizeof(M)), ...);
  }
  template <class T>
  constexpr void one(std::size_t at, std::size_t times = 0) {
    if constexpr (flat<T>::count != 0) {
      one<typename flat<T>::element>(at, flat<T>::count);
    } else {
      if (!first) put(' ');
      if constexpr (leaf<T>) {
        put(kind<T>()), number(sizeof(T) * 8);
        if (times != 0) put('x'), number(times);
      } else if constexpr (!described<T> && (unit_class<T> || epoch_class<T>)) {
        if (times != 0) number(times), put('x');
        unit<T>();
      } else {
        if (times != 0) number(times), put('x');
        put('{');
        first = true;
        if constexpr (described<T>) {
          for (const char c : described_layout<T>::text)
            if (c != '\0') put(c);
        } else if constexpr (!std::is_empty_v<T>) {
          members<T>(at, members_of<T>{});
        }
        put('}'), number(sizeof(T));
      }
      put('@'), number(at);
      first = false;
    }
  }
};

template <class T, class Put>
constexpr void write_layout(Put put) {
  layout_writer<Put> w{put};
  w.template one<T>(0);
  w.put('/');
  w.number(alignof(T));
}

template <class T>
bool in_place(const T* at) noexcept;

struct where_members_are {
  const void* base;
  template <class... M>
  bool operator()(const M&... m) const noexcept {
    std::size_t end = 0;
    return ((end = (end + alignof(M) - 1) / alignof(M) * alignof(M),
             static_cast<const void*>(&m) == static_cast<const char*>(base) + (end += sizeof(M)) - sizeof(M) &&
                 in_place(&m)) &&
            ...);
  }
};
template <class T>
bool in_place(const T* at) noexcept {
  using element = typename flat<T>::element;  // of an array the first one speaks for all
  if constexpr (std::is_class_v<element> && std::is_aggregate_v<element> && !described<element> &&
                !std::is_empty_v<element>)
    return visit_members(*reinterpret_cast<const element*>(at), where_members_are{at});
  else
    return true;
}

}  // namespace detail

/// True for the types whose bytes can be described: no pointer, reference or unknown private part anywhere inside.
template <class T>
concept has_layout = detail::layout_known<T>();

/// The fingerprint of T.
template <has_layout T>
inline constexpr layout_print layout_of = [] {
  layout_print p{0xcbf29ce484222325u, 0x9e3779b97f4a7c15u};
  detail::write_layout<T>([&p](char c) {  // two FNV-1a sums with different primes; no secret is kept here
    const auto b = static_cast<unsigned char>(c);
    p.low = (p.low ^ b) * 0x100000001b3u;
    p.high = (p.high ^ b ^ p.low >> 56) * 0xd6e8feb86659fd93u;
  });
  return p;
}();

/// Writes the layout of T as text into `to`, cut at `room` characters; returns the length.
template <has_layout T>
std::size_t layout_text(char* to, std::size_t room) noexcept {
  std::size_t n = 0;
  detail::write_layout<T>([&](char c) {
    if (n < room) to[n++] = c;
  });
  return n;
}

/// True if the members of T really are where their types put them. False means an alignas on a member, which the
/// walk cannot see: such a type needs a `described_layout`. Looks at addresses only, never at the bytes.
template <has_layout T>
bool members_in_place(const T* place) noexcept {
  return detail::in_place(place);
}

}  // namespace sluice

#endif
