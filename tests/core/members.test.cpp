// SPDX-License-Identifier: MIT
#include <sluice/core/members.hpp>

#include "catch.hpp"

#include <array>
#include <cstddef>
#include <string>

// Structs of 1 to 128 members: n_g_r has g times eight of them and r more.
#define TEST_R1(p) unsigned char p##1;
#define TEST_R2(p) TEST_R1(p) unsigned char p##2;
#define TEST_R3(p) TEST_R2(p) unsigned char p##3;
#define TEST_R4(p) TEST_R3(p) unsigned char p##4;
#define TEST_R5(p) TEST_R4(p) unsigned char p##5;
#define TEST_R6(p) TEST_R5(p) unsigned char p##6;
#define TEST_R7(p) TEST_R6(p) unsigned char p##7;
#define TEST_R8(p) TEST_R7(p) unsigned char p##8;
#define TEST_E0
#define TEST_E1 TEST_R8(a)
#define TEST_E2 TEST_E1 TEST_R8(b)
#define TEST_E3 TEST_E2 TEST_R8(c)
#define TEST_E4 TEST_E3 TEST_R8(d)
#define TEST_E5 TEST_E4 TEST_R8(e)
#define TEST_E6 TEST_E5 TEST_R8(f)
#define TEST_E7 TEST_E6 TEST_R8(g)
#define TEST_E8 TEST_E7 TEST_R8(h)
#define TEST_E9 TEST_E8 TEST_R8(i)
#define TEST_E10 TEST_E9 TEST_R8(j)
#define TEST_E11 TEST_E10 TEST_R8(k)
#define TEST_E12 TEST_E11 TEST_R8(l)
#define TEST_E13 TEST_E12 TEST_R8(m)
#define TEST_E14 TEST_E13 TEST_R8(n)
#define TEST_E15 TEST_E14 TEST_R8(o)
#define TEST_8(of, g) of(g, 1) of(g, 2) of(g, 3) of(g, 4) of(g, 5) of(g, 6) of(g, 7) of(g, 8)
#define TEST_128(of)                                                                                                 \
  TEST_8(of, 0) TEST_8(of, 1) TEST_8(of, 2) TEST_8(of, 3) TEST_8(of, 4) TEST_8(of, 5) TEST_8(of, 6) TEST_8(of, 7)    \
  TEST_8(of, 8) TEST_8(of, 9) TEST_8(of, 10) TEST_8(of, 11) TEST_8(of, 12) TEST_8(of, 13) TEST_8(of, 14)             \
  TEST_8(of, 15)

namespace {

#define TEST_STRUCT(g, r) \
  struct n_##g##_##r {    \
    TEST_E##g TEST_R##r(z) \
  };
TEST_128(TEST_STRUCT)
#undef TEST_STRUCT

struct n129 {
  TEST_E15 TEST_R8(z) int one_more;
};
struct n130 {
  TEST_E15 TEST_R8(z) int one_more, another;
};
struct n136 {
  TEST_E15 TEST_R8(z) TEST_R8(y)
};

struct none {};
struct inner {
  int a;
  double b;
};
enum class color : unsigned char { red };
struct everything {
  int a[3];
  int m[2][3];
  inner in;
  inner many[4];
  std::array<int, 5> arr;
  std::array<inner, 2> arr2;
  color c;
  bool b;
  none e;
  long long last;
};
struct initialised {
  int a = 1;
  inner in = {2, 3};
  int b[2] = {4, 5};
};
struct base {
  int a;
};
struct derived : base {
  int b;
};
struct only_base : base {};
struct empty_base : none {
  int b;
};
struct two_bases : none, base {
  int b;
};
struct has_base_as_member {
  base a;
  derived d;
};

using sluice::detail::has_bases;
using sluice::detail::max_members;
using sluice::detail::member_count;
using sluice::detail::members_of;
using sluice::detail::type_list;
using sluice::detail::visit_members;

/// Visits `n` bytes and says whether they are what their position says.
template <class T>
bool visits_in_order() {
  T value{};
  auto* bytes = reinterpret_cast<unsigned char*>(&value);
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<unsigned char>(i + 1);
  return visit_members(value, [](auto&... m) {
    unsigned i = 0;
    return sizeof...(m) == sizeof(T) && ((m == ++i) && ...);
  });
}

}  // namespace

TEST_CASE("1 to 128 members are counted right", "[members]") {
#define TEST_COUNT(g, r) STATIC_REQUIRE(member_count<n_##g##_##r> == 8 * g + r);
  TEST_128(TEST_COUNT)
#undef TEST_COUNT
  STATIC_REQUIRE(member_count<none> == 0);
}

TEST_CASE("more than 128 members are too many, and said to be", "[members]") {
  STATIC_REQUIRE(max_members == 128);
  STATIC_REQUIRE(member_count<n129> > max_members);
  STATIC_REQUIRE(member_count<n130> > max_members);
  STATIC_REQUIRE(member_count<n136> > max_members);
}

TEST_CASE("1 to 128 members are visited, each once, in order", "[members]") {
#define TEST_VISIT(g, r) CHECK(visits_in_order<n_##g##_##r>());
  TEST_128(TEST_VISIT)
#undef TEST_VISIT
}

TEST_CASE("an array, a struct and an empty struct are one member each", "[members]") {
  STATIC_REQUIRE(member_count<everything> == 10);
  STATIC_REQUIRE(std::is_same_v<members_of<everything>,
                                type_list<int[3], int[2][3], inner, inner[4], std::array<int, 5>, std::array<inner, 2>,
                                          color, bool, none, long long>>);
}

TEST_CASE("default member initialisers do not count", "[members]") {
  STATIC_REQUIRE(member_count<initialised> == 3);
  STATIC_REQUIRE(std::is_same_v<members_of<initialised>, type_list<int, inner, int[2]>>);
}

TEST_CASE("a base class is noticed, a member of that class is not one", "[members]") {
  STATIC_REQUIRE(has_bases<derived>);
  STATIC_REQUIRE(has_bases<only_base>);
  STATIC_REQUIRE(has_bases<empty_base>);
  STATIC_REQUIRE(has_bases<two_bases>);
  STATIC_REQUIRE(!has_bases<base>);
  STATIC_REQUIRE(!has_bases<none>);
  STATIC_REQUIRE(!has_bases<inner>);
  STATIC_REQUIRE(!has_bases<has_base_as_member>);
  STATIC_REQUIRE(!has_bases<everything>);
}

TEST_CASE("members are visited where they are, and can be written", "[members]") {
  inner v{1, 2.0};
  visit_members(v, [](int& a, double& b) { a = 7, b = 8.0; });
  CHECK(v.a == 7);
  CHECK(v.b == 8.0);
  const inner& c = v;
  CHECK(visit_members(c, [&](const int& a, const double& b) { return &a == &v.a && &b == &v.b; }));
}
