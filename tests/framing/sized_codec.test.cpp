// SPDX-License-Identifier: MIT
#include <sluice/framing/sized_codec.hpp>

#include "frames.hpp"

using sluice::errc;
using sluice::error;
using sluice::sized_codec;
using sluice::step;
using sluice::subject;
using test::bytes;
using test::hex;

namespace {

constexpr error bad(errc::corrupt, step::none, subject::encoding);

struct point {
  std::uint16_t x, y;
  friend bool operator==(const point&, const point&) = default;
};
struct person {
  std::uint32_t id;
  std::string name;
  std::vector<std::string> titles;
  std::vector<point> path;
  friend bool operator==(const person&, const person&) = default;
};
struct team {
  std::vector<person> members;
  point at;
  friend bool operator==(const team&, const team&) = default;
};
struct with_pointer {
  std::string name;
  int* p;
};

template <class T, std::size_t Max = 1000>
bytes encoded(const T& v) {
  std::byte place[1000];
  const auto n = sized_codec<T, Max>().encode(v, place);
  REQUIRE(n);
  return test::exact(std::span(place).first(*n));
}
template <class T>
error decode_error(const bytes& in) {
  const auto v = sized_codec<T, 1000>().decode(in);
  return v ? error() : v.err();
}

/// Counts what is allocated for its elements.
template <class T>
struct counting_allocator {
  using value_type = T;
  static inline std::size_t most = 0;
  counting_allocator() = default;
  template <class U>
  counting_allocator(const counting_allocator<U>&) noexcept {}  // NOLINT
  T* allocate(std::size_t n) {
    most = n > most ? n : most;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* p, std::size_t n) noexcept { std::allocator<T>().deallocate(p, n); }
  friend bool operator==(counting_allocator, counting_allocator) noexcept { return true; }
};

}  // namespace

TEST_CASE("strings and vectors say how many elements they have", "[sized_codec]") {
  STATIC_REQUIRE(sluice::codec<sized_codec<person, 100>, person>);
  STATIC_REQUIRE(std::is_same_v<sluice::default_codec_t<std::vector<int>, 100>, sized_codec<std::vector<int>, 100>>);
  CHECK(encoded(std::string("ab")) == hex("02000000 6162"));
  CHECK(encoded(std::vector<point>{{1, 2}, {3, 4}}) == hex("02000000 01000200 03000400"));
  CHECK(encoded(std::vector<std::string>{"a", "", "bc"}) == hex("03000000 01000000 61 00000000 02000000 6263"));
  CHECK(encoded(person{7, "x", {}, {{5, 6}}}) == hex("07000000 01000000 78 00000000 01000000 05000600"));
}

TEST_CASE("values of variable size come back, and no prefix of them does", "[sized_codec]") {
  const team t{{{1, "one", {"a", "b"}, {{1, 2}}}, {2, "", {}, {}}}, {8, 9}};
  const bytes whole = encoded(t);
  const auto back = sized_codec<team, 1000>().decode(whole);
  REQUIRE(back);
  CHECK(*back == t);
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK(decode_error<team>(test::exact(std::span(whole).first(n))) == bad);
  bytes longer = whole;
  longer.push_back(std::byte{0});
  CHECK(decode_error<team>(longer) == bad);
}

TEST_CASE("what has pointers, bits or no default is not sized", "[sized_codec]") {
  STATIC_REQUIRE(sluice::sizable<team>);
  STATIC_REQUIRE(sluice::sizable<std::vector<std::vector<std::string>>>);
  STATIC_REQUIRE(!sluice::sizable<std::vector<bool>>);
  STATIC_REQUIRE(!sluice::sizable<std::vector<int*>>);
  STATIC_REQUIRE(!sluice::sizable<with_pointer>);
  STATIC_REQUIRE(!sluice::sizable<std::unique_ptr<int>>);
}

TEST_CASE("a count of more elements than there are bytes for allocates nothing", "[sized_codec]") {
  using counted = std::vector<std::uint64_t, counting_allocator<std::uint64_t>>;
  using nested = std::vector<std::string, counting_allocator<std::string>>;
  for (const char* const count : {"02000000", "ffffffff", "00000080", "ffffff1f"}) {
    CHECK(decode_error<counted>(hex(std::string(count) + "0000000000000000 000000")) == bad);
    CHECK(decode_error<nested>(hex(std::string(count) + "00000000 000000")) == bad);
  }
  CHECK(counting_allocator<std::uint64_t>::most == 0);
  CHECK(counting_allocator<std::string>::most == 0);
  CHECK(decode_error<counted>(hex("01000000 0000000000000000")) == error());
  CHECK(counting_allocator<std::uint64_t>::most == 1);
}

TEST_CASE("what is larger than the maximum is refused on both sides", "[sized_codec]") {
  using small = sized_codec<std::string, 10>;
  std::byte place[100];
  CHECK(small().encode("123456", place).value_or(0u) == 10);
  CHECK(small().encode("1234567", place).err() == error(errc::too_big, step::none, subject::frame));
  CHECK(small().encode("12", std::span(place).first(5)).err() == errc::too_big);
  CHECK(small().decode(encoded(std::string("1234567"))).err() == error(errc::too_big, step::none, subject::frame));
}
