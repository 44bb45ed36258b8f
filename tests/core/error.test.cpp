// SPDX-License-Identifier: MIT
#include <sluice/core/error.hpp>

#include "catch.hpp"

#include <type_traits>

using sluice::errc;
using sluice::error;
using sluice::step;
using sluice::subject;

TEST_CASE("an error is 8 trivial bytes", "[error]") {
  STATIC_REQUIRE(sizeof(error) == 8);
  STATIC_REQUIRE(std::is_trivially_copyable_v<error>);
  STATIC_REQUIRE(std::is_standard_layout_v<error>);
  STATIC_REQUIRE(std::is_nothrow_default_constructible_v<error>);
}

TEST_CASE("a default error is no error", "[error]") {
  constexpr error none;
  STATIC_REQUIRE(!none);
  STATIC_REQUIRE(none == errc::ok);
  STATIC_REQUIRE(none.op == step::none);
  STATIC_REQUIRE(none.who == 0);
  STATIC_REQUIRE(none.detail == 0);
  STATIC_REQUIRE(static_cast<bool>(error(errc::empty)));
}

TEST_CASE("waiting cures empty, full and pending, and nothing else", "[error]") {
  for (unsigned c = 0; c <= static_cast<unsigned>(errc::os); ++c) {
    const error e(static_cast<errc>(c));
    CAPTURE(c);
    CHECK(e.again() == (e == errc::empty || e == errc::full || e == errc::pending));
    CHECK(static_cast<bool>(e) == (c != 0));
  }
}

TEST_CASE("by() names a participant by slot plus one and leaves the rest", "[error]") {
  constexpr error e = error(errc::pending, step::pop, subject::stamp).by(0);
  STATIC_REQUIRE(e.who == 1);
  STATIC_REQUIRE(e.code == errc::pending);
  STATIC_REQUIRE(e.op == step::pop);
  STATIC_REQUIRE(e.about() == subject::stamp);
  CHECK(e.by(41).who == 42);
  CHECK(e.by(65534).who == 65535);
}

TEST_CASE("the detail is a subject except where it is an error number or a count", "[error]") {
  CHECK(error(errc::corrupt, step::push, subject::cursor).about() == subject::cursor);
  CHECK(error(errc::os, step::open, 5).about() == subject::none);
  CHECK(error(errc::os, step::open, 5).detail == 5);
  CHECK(error(errc::lagged, step::pop, 7).about() == subject::none);
  CHECK(error(errc::lagged, step::pop, 7).detail == 7);
}

TEST_CASE("errors are equal in all parts, and to a code in the code alone", "[error]") {
  CHECK(error(errc::full, step::push) == error(errc::full, step::push));
  CHECK(error(errc::full, step::push) != error(errc::full, step::claim));
  CHECK(error(errc::full, step::push) != error(errc::full, step::push).by(0));
  CHECK(error(errc::full, step::push, 1) != error(errc::full, step::push, 2));
  CHECK(error(errc::full, step::push, 1).by(3) == errc::full);
  CHECK(errc::full == error(errc::full, step::push, 1));
  CHECK(error(errc::full) != errc::empty);
}
