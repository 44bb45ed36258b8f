// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_MEMBERS_HPP
#define SLUICE_CORE_MEMBERS_HPP

#include <sluice/core/config.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

// The members of an aggregate without reflection: how many there are follows from how many braced initialisers it
// takes, and a structured binding of that many names reaches them.

namespace sluice::detail {

template <class T>
struct any_base_of {
  template <class U>
    requires(std::is_base_of_v<U, T> && !std::same_as<U, T>)
  constexpr operator U&() const noexcept;  // NOLINT: never defined, only asked whether it would do
};
template <class T>
inline constexpr bool has_bases = requires { T{any_base_of<T>{}}; };

inline constexpr std::size_t max_members = 128;

#define SLUICE_N1(p) p##0
#define SLUICE_N2(p) p##0, p##1
#define SLUICE_N3(p) p##0, p##1, p##2
#define SLUICE_N4(p) p##0, p##1, p##2, p##3
#define SLUICE_N5(p) p##0, p##1, p##2, p##3, p##4
#define SLUICE_N6(p) p##0, p##1, p##2, p##3, p##4, p##5
#define SLUICE_N7(p) p##0, p##1, p##2, p##3, p##4, p##5, p##6
#define SLUICE_N8(p) p##0, p##1, p##2, p##3, p##4, p##5, p##6, p##7
#define SLUICE_B1(p) {}
#define SLUICE_B2(p) {}, {}
#define SLUICE_B3(p) {}, {}, {}
#define SLUICE_B4(p) {}, {}, {}, {}
#define SLUICE_B5(p) {}, {}, {}, {}, {}
#define SLUICE_B6(p) {}, {}, {}, {}, {}, {}
#define SLUICE_B7(p) {}, {}, {}, {}, {}, {}, {}
#define SLUICE_B8(p) {}, {}, {}, {}, {}, {}, {}, {}
// SLUICE_Gn(eight, last): n times eight of something, then the last ones.
#define SLUICE_G0(e, last) last
#define SLUICE_G1(e, last) e(ma), last
#define SLUICE_G2(e, last) SLUICE_G1(e, e(mb)), last
#define SLUICE_G3(e, last) SLUICE_G2(e, e(mc)), last
#define SLUICE_G4(e, last) SLUICE_G3(e, e(md)), last
#define SLUICE_G5(e, last) SLUICE_G4(e, e(me)), last
#define SLUICE_G6(e, last) SLUICE_G5(e, e(mf)), last
#define SLUICE_G7(e, last) SLUICE_G6(e, e(mg)), last
#define SLUICE_G8(e, last) SLUICE_G7(e, e(mh)), last
#define SLUICE_G9(e, last) SLUICE_G8(e, e(mi)), last
#define SLUICE_G10(e, last) SLUICE_G9(e, e(mj)), last
#define SLUICE_G11(e, last) SLUICE_G10(e, e(mk)), last
#define SLUICE_G12(e, last) SLUICE_G11(e, e(ml)), last
#define SLUICE_G13(e, last) SLUICE_G12(e, e(mm)), last
#define SLUICE_G14(e, last) SLUICE_G13(e, e(mn)), last
#define SLUICE_G15(e, last) SLUICE_G14(e, e(mo)), last
#define SLUICE_8(of, g) of(g, 1) of(g, 2) of(g, 3) of(g, 4) of(g, 5) of(g, 6) of(g, 7) of(g, 8)
#define SLUICE_128(of)                                                                         \
  SLUICE_8(of, 0) SLUICE_8(of, 1) SLUICE_8(of, 2) SLUICE_8(of, 3) SLUICE_8(of, 4)              \
  SLUICE_8(of, 5) SLUICE_8(of, 6) SLUICE_8(of, 7) SLUICE_8(of, 8) SLUICE_8(of, 9)              \
  SLUICE_8(of, 10) SLUICE_8(of, 11) SLUICE_8(of, 12) SLUICE_8(of, 13) SLUICE_8(of, 14) SLUICE_8(of, 15)

/// Does T take n initialisers? Each has braces of its own, or an array would swallow one for every element.
#define SLUICE_TAKES(g, r)                                                      \
  if constexpr (n == 8 * g + r) {                                               \
    return requires { T{SLUICE_G##g(SLUICE_B8, SLUICE_B##r(z))}; };             \
  } else
template <class T, std::size_t n>
consteval bool takes() {
  SLUICE_128(SLUICE_TAKES) {
    return n == 0 || requires { T{SLUICE_G15(SLUICE_B8, SLUICE_B8(z)), {}}; };  // 129: one too many
  }
}

template <class T, std::size_t Low, std::size_t High>
consteval std::size_t count_between() {  // T takes Low initialisers, and not High
  if constexpr (High - Low == 1) {
    return Low;
  } else {
    constexpr std::size_t middle = (Low + High) / 2;
    if constexpr (takes<T, middle>())
      return count_between<T, middle, High>();
    else
      return count_between<T, Low, middle>();
  }
}

/// How many members T has; more than `max_members` where that is more than can be named here.
template <class T>
  requires std::is_aggregate_v<T>
inline constexpr std::size_t member_count = [] {
  if constexpr (takes<T, max_members + 1>())
    return max_members + 1;
  else
    return count_between<T, 0, max_members + 1>();
}();

#define SLUICE_VISIT(g, r)                                       \
  if constexpr (n == 8 * g + r) {                                \
    auto& [SLUICE_G##g(SLUICE_N8, SLUICE_N##r(z))] = value;      \
    return visit(SLUICE_G##g(SLUICE_N8, SLUICE_N##r(z)));        \
  } else
/// Calls `visit` with all members of `value`, in order.
template <class T, class Visit>
constexpr decltype(auto) visit_members(T& value, Visit visit) {
  constexpr std::size_t n = member_count<std::remove_const_t<T>>;
  SLUICE_128(SLUICE_VISIT) { return visit(); }
}

#undef SLUICE_N1
#undef SLUICE_N2
#undef SLUICE_N3
#undef SLUICE_N4
#undef SLUICE_N5
#undef SLUICE_N6
#undef SLUICE_N7
#undef SLUICE_N8
#undef SLUICE_B1
#undef SLUICE_B2
#undef SLUICE_B3
#undef SLUICE_B4
#undef SLUICE_B5
#undef SLUICE_B6
#undef SLUICE_B7
#undef SLUICE_B8
#undef SLUICE_G0
#undef SLUICE_G1
#undef SLUICE_G2
#undef SLUICE_G3
#undef SLUICE_G4
#undef SLUICE_G5
#undef SLUICE_G6
#undef SLUICE_G7
#undef SLUICE_G8
#undef SLUICE_G9
#undef SLUICE_G10
#undef SLUICE_G11
#undef SLUICE_G12
#undef SLUICE_G13
#undef SLUICE_G14
#undef SLUICE_G15
#undef SLUICE_8
#undef SLUICE_128
#undef SLUICE_TAKES
#undef SLUICE_VISIT

template <class... M>
struct type_list {};

struct member_types {
  template <class... M>
  constexpr type_list<M...> operator()(M&...) const noexcept {
    return {};
  }
};
/// The types of the members of T, arrays as arrays.
template <class T>
using members_of = decltype(visit_members(std::declval<T&>(), member_types{}));

}  // namespace sluice::detail

#endif
