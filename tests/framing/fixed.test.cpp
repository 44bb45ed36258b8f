// SPDX-License-Identifier: MIT
#include <sluice/framing/fixed.hpp>

#include "catch.hpp"

#include <vector>

using sluice::errc;
using sluice::fixed_framing;

TEST_CASE("fixed framing is a framing without overhead", "[fixed]") {
  STATIC_REQUIRE(sluice::framing<fixed_framing<1>>);
  STATIC_REQUIRE(fixed_framing<12>::max_size == 12);
  STATIC_REQUIRE(fixed_framing<12>::overhead == 0);
  STATIC_REQUIRE(std::is_empty_v<fixed_framing<12>>);
}

TEST_CASE("a fixed frame is there once all its bytes are", "[fixed]") {
  constexpr fixed_framing<8> f;
  const std::vector<std::byte> bytes(20);
  for (std::size_t n = 0; n < 8; ++n) CHECK(f.next(std::span(bytes).first(n)).err() == errc::empty);
  for (std::size_t n = 8; n <= 20; ++n) {
    const auto found = f.next(std::span(bytes).first(n));
    REQUIRE(found);
    CHECK(found->skip == 0);
    CHECK(found->size == 8);
    CHECK(found->total == 8);
  }
}

TEST_CASE("a fixed frame has no header and one size", "[fixed]") {
  constexpr fixed_framing<8> f;
  STATIC_REQUIRE(*f.head(8, {}) == 0);
  CHECK(f.head(9, {}).err() == errc::too_big);
  CHECK(!f.head(7, {}));
}
