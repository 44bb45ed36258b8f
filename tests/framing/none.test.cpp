// SPDX-License-Identifier: MIT
#include <sluice/framing/none.hpp>

#include "frames.hpp"

using sluice::errc;
using sluice::error;
using sluice::no_framing;
using sluice::step;
using sluice::subject;

TEST_CASE("without framing what is there is one message", "[none]") {
  STATIC_REQUIRE(sluice::bounded_framing<no_framing<>>);
  STATIC_REQUIRE(sluice::detail::needs_boundaries<no_framing<>>);
  no_framing<100> f;
  CHECK(test::next_error(f, {}) == errc::empty);
  const auto found = f.next(test::pattern(100));
  REQUIRE(found);
  CHECK(found->skip == 0);
  CHECK(found->size == 100);
  CHECK(found->total == 100);
  CHECK(*test::seal(f, test::pattern(100)) == test::pattern(100));
}

TEST_CASE("without framing a message has a maximum, and is not empty", "[none]") {
  constexpr error too_big(errc::too_big, step::none, subject::frame);
  no_framing<100> f;
  CHECK(test::next_error(f, test::pattern(101)) == too_big);
  CHECK(test::seal(f, test::pattern(101)).err() == too_big);
  CHECK(test::seal(f, {}).err() == error(errc::invalid, step::none, subject::size));
}
