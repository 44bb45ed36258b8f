// SPDX-License-Identifier: MIT
#include <sluice/core/untrusted.hpp>

#include "catch.hpp"

#include <cstdint>
#include <type_traits>

using sluice::untrusted;

TEST_CASE("an untrusted value comes out only through a range check", "[untrusted]") {
  STATIC_REQUIRE(!std::is_convertible_v<untrusted<int>, int>);
  STATIC_REQUIRE(!std::is_convertible_v<int, untrusted<int>>);
  int out = -1;
  CHECK(untrusted(5).within(5, 9, out));
  CHECK(out == 5);
  CHECK(untrusted(9).within(5, 9, out));
  CHECK(out == 9);
  CHECK(!untrusted(4).within(5, 9, out));
  CHECK(!untrusted(10).within(5, 9, out));
  CHECK(out == 9);
  CHECK(!untrusted(7).within(9, 5, out));
}

TEST_CASE("the ends of the type are ordinary values to a range check", "[untrusted]") {
  constexpr auto top = UINT64_MAX;
  std::uint64_t out = 1;
  CHECK(untrusted(top).within(0, top, out));
  CHECK(out == top);
  CHECK(!untrusted(top).within(0, top - 1, out));
  CHECK(untrusted(std::uint64_t{0}).within(0, 0, out));
  CHECK(out == 0);
}

TEST_CASE("a part of an untrusted value is untrusted itself", "[untrusted]") {
  const untrusted<std::uint32_t> word(0xabcd1234u);
  std::uint32_t out = 0;
  CHECK(word.field(16, 0xffffu).within(0xabcd, 0xabcd, out));
  CHECK(out == 0xabcd);
  CHECK(word.field(0, 0xffu).is(0x34));
  CHECK(!word.field(0, 0xffu).is(0x35));
  CHECK(word.is(0xabcd1234u));
}
