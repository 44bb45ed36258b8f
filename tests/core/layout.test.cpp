// SPDX-License-Identifier: MIT
#include <sluice/core/layout.hpp>

#include "catch.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

using sluice::has_layout;
using sluice::layout_of;
using sluice::members_in_place;

namespace {

template <class T>
std::string text_of() {
  char buffer[4096];
  return std::string(buffer, sluice::layout_text<T>(buffer, sizeof buffer));
}

enum class color : std::uint8_t { red, green };
enum plain { one, two };
struct none {};

struct point {
  std::int32_t x, y;
};
struct point_again {
  std::int32_t east, north;
};
struct swapped {
  std::int16_t a;
  std::uint16_t b;
};
struct swapped_back {
  std::uint16_t b;
  std::int16_t a;
};
struct padded {
  std::uint8_t a;
  std::uint64_t b;
  std::uint16_t c;
};
struct nested {
  std::uint64_t id;
  point at[3];
  double m[2][2];
  std::array<float, 3> v;
  color c;
  bool b;
};
struct with_empty {
  std::int32_t a;
  none e;
  std::int32_t b;
};
struct empty_last {
  std::int32_t a;
  none e;
};
struct initialised {
  int a = 1;
  bool b = true;
};

struct of_floats {
  float x, y;
};
struct of_unsigned {
  std::uint32_t x, y;
};
struct wide_point {
  std::int64_t x, y;
};
struct array4 {
  std::int32_t a[4];
  std::int32_t b[2];
};
struct array2 {
  std::int32_t a[2];
  std::int32_t b[4];
};
struct of_enum {
  color x;
};
struct of_byte {
  std::uint8_t x;
};
struct of_bool {
  bool x;
};

// None of these can be described.
struct has_pointer {
  int a;
  void* p;
};
struct has_deep_pointer {
  int a;
  struct {
    int b;
    char* names[2];
  } in[2];
};
struct has_function {
  void (*f)();
};
struct has_member_pointer {
  int point::*p;
};
struct has_nullptr {
  std::nullptr_t n;
};
struct has_reference {
  int& r;
};
struct has_const_reference {
  const int& r;
};
struct has_rvalue_reference {
  int&& r;
};
struct has_deep_rvalue_reference {
  has_rvalue_reference r;
  int a;
};
union either {
  int a;
  float b;
};
struct has_union {
  int a;
  either e;
};
struct base {
  int a;
};
struct derived : base {
  int b;
};
struct only_base : base {};
struct from_empty : none {
  int b;
};
class secret {
 public:
  secret() = default;
  int open() const { return a_; }

 private:
  int a_ = 0;
};
struct has_secret {
  int a;
  secret s;
};
struct has_const {
  const int a;
};
struct has_volatile {
  volatile int a;
};
struct has_constructor {
  explicit has_constructor(int v) : a(v) {}
  int a;
};
struct has_pointer_array {
  std::array<int*, 2> a;
};
struct virtual_one {
  virtual ~virtual_one() = default;
  int a;
};

// Member alignment moves a member to where its type would not put it.
struct moved_padding {  // changes the size
  char a;
  alignas(8) char b;
};
struct moved_member {  // does not
  std::int32_t x;
  char a;
  alignas(2) char b;
};
struct first_aligned {  // the members are where they would be anyway
  alignas(16) std::int32_t x;
  std::int32_t y;
};
struct holds_moved {
  moved_member in;
  std::int32_t y;
};
struct holds_moved_row {
  std::int32_t y;
  moved_member in[2];
};
struct holds_moved_array {
  std::array<moved_member, 2> in;
};
struct alignas(32) wide_struct {
  std::int32_t a;
};

class money {
 public:
  money() = default;
  explicit money(std::int64_t cents) : cents_(cents) {}
  std::int64_t cents() const { return cents_; }

 private:
  std::int64_t cents_ = 0;
};
struct invoice {
  std::uint32_t number;
  money total;
};
struct timed {
  std::chrono::nanoseconds at;
  std::int32_t what;
};
struct described_member_row {
  money m[3];
};

}  // namespace

template <>
struct sluice::described_layout<money> {
  static constexpr char text[] = "money/2:i64";
};
template <>
struct sluice::described_layout<std::chrono::nanoseconds> {
  static constexpr char text[] = "ns:i64";
};
template <>
struct sluice::described_layout<moved_padding> {
  static constexpr char text[] = "i8 i8@8";
};

TEST_CASE("numbers, enumerations and aggregates of such have a layout", "[layout]") {
  STATIC_REQUIRE(has_layout<int>);
  STATIC_REQUIRE(has_layout<char>);
  STATIC_REQUIRE(has_layout<bool>);
  STATIC_REQUIRE(has_layout<double>);
  STATIC_REQUIRE(has_layout<color>);
  STATIC_REQUIRE(has_layout<plain>);
  STATIC_REQUIRE(has_layout<std::byte>);
  STATIC_REQUIRE(has_layout<int[3]>);
  STATIC_REQUIRE(has_layout<int[2][3]>);
  STATIC_REQUIRE(has_layout<point>);
  STATIC_REQUIRE(has_layout<point[2]>);
  STATIC_REQUIRE(has_layout<nested>);
  STATIC_REQUIRE(has_layout<padded>);
  STATIC_REQUIRE(has_layout<std::array<point, 3>>);
  STATIC_REQUIRE(has_layout<none>);
  STATIC_REQUIRE(has_layout<with_empty>);
  STATIC_REQUIRE(has_layout<empty_last>);
  STATIC_REQUIRE(has_layout<initialised>);
  STATIC_REQUIRE(has_layout<wide_struct>);
}

TEST_CASE("a pointer or a reference anywhere inside is refused", "[layout]") {
  STATIC_REQUIRE(!has_layout<int*>);
  STATIC_REQUIRE(!has_layout<int&>);
  STATIC_REQUIRE(!has_layout<int* [2]>);
  STATIC_REQUIRE(!has_layout<has_pointer>);
  STATIC_REQUIRE(!has_layout<has_deep_pointer>);
  STATIC_REQUIRE(!has_layout<has_function>);
  STATIC_REQUIRE(!has_layout<has_member_pointer>);
  STATIC_REQUIRE(!has_layout<has_nullptr>);
  STATIC_REQUIRE(!has_layout<has_pointer_array>);
  STATIC_REQUIRE(!has_layout<has_reference>);
  STATIC_REQUIRE(!has_layout<has_const_reference>);
  CHECK(!has_layout<has_rvalue_reference>);
  CHECK(!has_layout<has_deep_rvalue_reference>);
}

TEST_CASE("what cannot be walked is refused", "[layout]") {
  STATIC_REQUIRE(!has_layout<either>);
  STATIC_REQUIRE(!has_layout<has_union>);
  STATIC_REQUIRE(!has_layout<derived>);
  STATIC_REQUIRE(!has_layout<only_base>);
  STATIC_REQUIRE(!has_layout<from_empty>);
  STATIC_REQUIRE(!has_layout<secret>);
  STATIC_REQUIRE(!has_layout<has_secret>);
  STATIC_REQUIRE(!has_layout<has_const>);
  STATIC_REQUIRE(!has_layout<has_volatile>);
  STATIC_REQUIRE(!has_layout<has_constructor>);
  STATIC_REQUIRE(!has_layout<virtual_one>);
  STATIC_REQUIRE(!has_layout<std::string>);
  STATIC_REQUIRE(!has_layout<std::unique_ptr<int>>);
  STATIC_REQUIRE(!has_layout<const int>);
  STATIC_REQUIRE(!has_layout<int[]>);
  STATIC_REQUIRE(!has_layout<void>);
  STATIC_REQUIRE(!has_layout<int()>);
}

TEST_CASE("the text of a layout", "[layout]") {
  CHECK(text_of<std::int32_t>() == "i32@0/4");
  CHECK(text_of<bool>() == "b8@0/1");
  CHECK(text_of<double>() == "f64@0/8");
  CHECK(text_of<color>() == "e8@0/1");
  CHECK(text_of<std::uint8_t[3]>() == "u8x3@0/1");
  CHECK(text_of<std::int16_t[2][3][4]>() == "i16x24@0/2");
  CHECK(text_of<point>() == "{i32@0 i32@4}8@0/4");
  CHECK(text_of<point[2]>() == "2x{i32@0 i32@4}8@0/4");
  CHECK(text_of<padded>() == "{u8@0 u64@8 u16@16}24@0/8");
  CHECK(text_of<nested>() == "{u64@0 3x{i32@8 i32@12}8@8 f64x4@32 f32x3@64 e8@76 b8@77}80@0/8");
  CHECK(text_of<std::array<std::int32_t, 3>>() == "i32x3@0/4");
  CHECK(text_of<none>() == "{}1@0/1");
  CHECK(text_of<with_empty>() == "{i32@0 {}1@4 i32@8}12@0/4");
  CHECK(text_of<money>() == "{money/2:i64}8@0/8");
  CHECK(text_of<invoice>() == "{u32@0 {money/2:i64}8@8}16@0/8");
  CHECK(text_of<described_member_row>() == "{3x{money/2:i64}8@0}24@0/8");
}

TEST_CASE("arrays within arrays are their elements in a row, whichever kind of array they are", "[layout]") {
  using array3 = std::array<std::int32_t, 3>;
  CHECK(text_of<std::array<array3, 2>>() == "i32x6@0/4");
  CHECK(text_of<array3[2]>() == "i32x6@0/4");
  CHECK(text_of<std::array<std::int32_t[3], 2>>() == "i32x6@0/4");
  CHECK(text_of<std::array<std::array<array3, 2>, 2>>() == "i32x12@0/4");
  CHECK(text_of<std::array<point, 2>[3]>() == "6x{i32@0 i32@4}8@0/4");
  CHECK(layout_of<std::array<array3, 2>> == layout_of<std::int32_t[6]>);
  CHECK(layout_of<std::array<array3, 2>> != layout_of<array3>);
  CHECK(layout_of<std::array<array3, 2>> != layout_of<std::array<array3, 4>>);
}

TEST_CASE("the text is cut where there is no room for it", "[layout]") {
  char buffer[5] = {'#', '#', '#', '#', '#'};
  CHECK(sluice::layout_text<point>(buffer, 4) == 4);
  CHECK(std::string(buffer, 5) == "{i32#");
  CHECK(sluice::layout_text<point>(buffer, 0) == 0);
}

TEST_CASE("the same fields in another struct give the same print", "[layout]") {
  STATIC_REQUIRE(layout_of<point> == layout_of<point_again>);
  STATIC_REQUIRE(layout_of<point> == layout_of<point>);
  STATIC_REQUIRE(layout_of<std::array<point, 2>> == layout_of<point_again[2]>);
}

TEST_CASE("another order, kind, width or count of fields gives another print", "[layout]") {
  STATIC_REQUIRE(layout_of<swapped> != layout_of<swapped_back>);
  STATIC_REQUIRE(layout_of<point> != layout_of<of_floats>);
  STATIC_REQUIRE(layout_of<point> != layout_of<of_unsigned>);
  STATIC_REQUIRE(layout_of<point> != layout_of<wide_point>);
  STATIC_REQUIRE(layout_of<array4> != layout_of<array2>);
  STATIC_REQUIRE(layout_of<of_byte> != layout_of<of_enum>);
  STATIC_REQUIRE(layout_of<of_byte> != layout_of<of_bool>);
  STATIC_REQUIRE(layout_of<int[4]> != layout_of<int[5]>);
  STATIC_REQUIRE(layout_of<point> != layout_of<std::int32_t[2]>);
  STATIC_REQUIRE(layout_of<wide_struct> != layout_of<base>);
  STATIC_REQUIRE(layout_of<money> != layout_of<std::int64_t>);
  STATIC_REQUIRE(layout_of<point>.low != layout_of<point>.high);
  STATIC_REQUIRE(layout_of<point>.low != layout_of<of_floats>.low);
  STATIC_REQUIRE(layout_of<point>.high != layout_of<of_floats>.high);
}

TEST_CASE("durations and points in time are numbers of known unit", "[layout]") {
  struct stamped {
    std::chrono::steady_clock::time_point at;
    std::chrono::milliseconds took[2];
    std::chrono::duration<float, std::ratio<1, 60>> frames;
  };
  CHECK(text_of<std::chrono::milliseconds>() == "i64*1:1000@0/8");
  STATIC_REQUIRE(layout_of<std::chrono::milliseconds> != layout_of<std::chrono::seconds>);
  STATIC_REQUIRE(layout_of<std::chrono::milliseconds> != layout_of<std::int64_t>);
  STATIC_REQUIRE(has_layout<stamped>);
  const stamped s{};
  CHECK(members_in_place(&s));
  STATIC_REQUIRE_FALSE(has_layout<std::pair<int, int>>);
  STATIC_REQUIRE_FALSE(has_layout<std::array<int, 0>>);
}

TEST_CASE("a type joins by describing itself, also as a member", "[layout]") {
  STATIC_REQUIRE(has_layout<money>);
  STATIC_REQUIRE(has_layout<invoice>);
  STATIC_REQUIRE(has_layout<std::chrono::nanoseconds>);
  STATIC_REQUIRE(has_layout<timed>);
  CHECK(text_of<timed>() == "{{ns:i64}8@0 i32@8}16@0/8");
  const timed t{};
  CHECK(members_in_place(&t));
}

TEST_CASE("members are in place unless an alignas moved one", "[layout]") {
  const nested n{};
  CHECK(members_in_place(&n));
  const padded p{};
  CHECK(members_in_place(&p));
  const with_empty e{};
  CHECK(members_in_place(&e));
  const first_aligned f{};
  CHECK(members_in_place(&f));
  const int i = 0;
  CHECK(members_in_place(&i));
  const invoice v{};
  CHECK(members_in_place(&v));
  const std::array<point, 2> a{};
  CHECK(members_in_place(&a));

  STATIC_REQUIRE(has_layout<moved_member>);
  const moved_member m{};
  CHECK(!members_in_place(&m));
  const moved_padding described{};
  CHECK(members_in_place(&described));
}

TEST_CASE("an alignas is found at any depth", "[layout]") {
  const holds_moved h{};
  CHECK(!members_in_place(&h));
  const holds_moved_row r{};
  CHECK(!members_in_place(&r));
  const holds_moved_array a{};
  CHECK(!members_in_place(&a));
}
