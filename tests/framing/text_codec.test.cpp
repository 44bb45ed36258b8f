// SPDX-License-Identifier: MIT
#include <sluice/framing/text_codec.hpp>

#include "frames.hpp"

#include <limits>

using sluice::errc;
using sluice::error;
using sluice::step;
using sluice::subject;
using sluice::text_codec;
using test::to_bytes;

namespace {

template <class T>
std::string text(const T& v) {
  std::byte place[100];
  const auto n = text_codec<T>().encode(v, place);
  return n ? std::string(reinterpret_cast<const char*>(place), *n) : std::string("?");
}
template <class T>
bool is_same(T v) {
  const auto back = text_codec<T>().decode(to_bytes(text(v)));
  return back && *back == v;
}

}  // namespace

TEST_CASE("a string is its characters, whatever they are", "[text_codec]") {
  STATIC_REQUIRE(sluice::codec<text_codec<std::string>, std::string>);
  STATIC_REQUIRE(std::is_same_v<sluice::default_codec_t<std::string, 100>, text_codec<std::string>>);
  const text_codec<std::string> c;
  for (const std::string& s : {std::string(), std::string("line"), std::string("\0\xff\n", 3)}) {
    std::byte place[4];
    REQUIRE(c.encode(s, place).value_or(99u) == s.size());
    CHECK(*c.decode(std::span(place).first(s.size())) == s);
  }
  std::byte small[4];
  CHECK(c.encode("12345", small).err() == errc::too_big);
}

TEST_CASE("a number is its digits, to the last character", "[text_codec]") {
  STATIC_REQUIRE(sluice::codec<text_codec<int>, int>);
  CHECK(text(-17) == "-17");
  CHECK(text(std::uint64_t{0}) == "0");
  CHECK(is_same(std::numeric_limits<std::int64_t>::min()));
  CHECK(is_same(std::numeric_limits<std::uint64_t>::max()));
  CHECK(is_same(std::uint8_t{200}));
  constexpr error bad(errc::corrupt, step::none, subject::encoding);
  const text_codec<int> c;
  for (const char* const s : {"", " 1", "1 ", "1x", "x", "+1", "0x10", "99999999999", "-"}) {
    CAPTURE(s);
    CHECK(c.decode(to_bytes(s)).err() == bad);
  }
  CHECK(text_codec<std::uint8_t>().decode(to_bytes("256")).err() == bad);
  std::byte small[2];
  CHECK(c.encode(100, small).err() == errc::too_big);
  CHECK(c.encode(99, small).value_or(0u) == 2);
}

namespace {
template <class T>
void check_fractions() {
  if constexpr (sluice::codec<text_codec<T>, T>) {  // where the library has from_chars for them
    CHECK(text(T(0.5)) == "0.5");
    CHECK(is_same(T(1) / 3));
    CHECK(is_same(std::numeric_limits<T>::max()));
    CHECK(is_same(std::numeric_limits<T>::denorm_min()));
  }
}
}  // namespace

TEST_CASE("a fraction comes back as the same", "[text_codec]") {
  check_fractions<float>();
  check_fractions<double>();
  CHECK(is_same(1));
}
