// SPDX-License-Identifier: MIT
#include <sluice/framing/wire_codec.hpp>

#include "frames.hpp"

using sluice::errc;
using sluice::error;
using sluice::step;
using sluice::subject;
using sluice::wire_codec;

namespace {
struct point {
  std::uint16_t x, y;
};
struct initialised {
  int a = 1;
};
}  // namespace

TEST_CASE("a wire type is its bytes", "[wire_codec]") {
  STATIC_REQUIRE(sluice::codec<wire_codec<point>, point>);
  STATIC_REQUIRE(std::is_same_v<sluice::default_codec_t<point, 100>, wire_codec<point>>);
  STATIC_REQUIRE(sluice::detail::codec_bytes<wire_codec<point>> == 4);
  const wire_codec<point> c;
  std::byte place[5] = {};
  REQUIRE(c.encode({0x0102, 0x0304}, place).value_or(0u) == 4);
  const auto back = c.decode(std::span(place).first(4));
  REQUIRE(back);
  CHECK(back->x == 0x0102);
  CHECK(back->y == 0x0304);
  CHECK(wire_codec<initialised>().decode(test::hex("05000000"))->a == 5);
}

TEST_CASE("bytes of another size are no such wire type", "[wire_codec]") {
  const wire_codec<point> c;
  constexpr error other(errc::mismatch, step::none, subject::size);
  CHECK(c.decode(test::pattern(3)).err() == other);
  CHECK(c.decode(test::pattern(5)).err() == other);
  CHECK(c.decode({}).err() == other);
  std::byte small[3];
  CHECK(c.encode({}, small).err() == errc::too_big);
}
