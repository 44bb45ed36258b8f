// SPDX-License-Identifier: MIT
#include <sluice/wait/spin_habit.hpp>

#include "catch.hpp"

using sluice::detail::spin_habit;

namespace {

/// How many waits sleep at once before the next one that looks.
unsigned rests(spin_habit& h) {
  unsigned n = 0;
  while (!h.worth_while()) ++n;
  return n;
}

}  // namespace

TEST_CASE("whoever waits a few times in his life never looks", "[spin_habit]") {
  spin_habit h;
  CHECK(rests(h) == 7);
}

TEST_CASE("looks that find something go on", "[spin_habit]") {
  spin_habit h;
  (void)rests(h);
  for (int i = 0; i < 1000; ++i) {
    h.found(true);
    REQUIRE(h.worth_while());
  }
}

TEST_CASE("looks that find nothing are tried again by one wait in 128", "[spin_habit]") {
  spin_habit h;
  (void)rests(h);
  for (int i = 0; i < 10; ++i) {
    h.found(false);
    REQUIRE(rests(h) == 127);
  }
}

TEST_CASE("after many successes a few failures are put up with", "[spin_habit]") {
  spin_habit h;
  (void)rests(h);
  for (int i = 0; i < 100; ++i) h.found(true);
  for (int i = 0; i < 3; ++i) {
    h.found(false);
    CHECK(rests(h) == 0);
  }
  h.found(false);
  CHECK(rests(h) == 127);
}

TEST_CASE("looks that mostly find something go on, and those that mostly do not end", "[spin_habit]") {
  spin_habit h;
  (void)rests(h);
  for (int i = 0; i < 100; ++i) h.found(true);
  for (int i = 0; i < 100; ++i) {
    h.found(i % 4 != 0);
    REQUIRE(rests(h) == 0);
  }
  unsigned waits = 0;
  while (rests(h) == 0 && waits < 100) h.found(++waits % 4 == 0);
  CHECK(waits < 16);
}

TEST_CASE("messages that come several at a time are slept for", "[spin_habit]") {
  spin_habit h;
  (void)rests(h);
  for (int i = 0; i < 100; ++i) h.found(true);
  h.rest();
  CHECK(rests(h) == 127);
}
