// SPDX-License-Identifier: MIT
#include <sluice/core/layout_difference.hpp>

#include "catch.hpp"

using sluice::first_difference;

TEST_CASE("the first field that differs is named by its number and both entries", "[layout_difference]") {
  const auto d = first_difference("{u64@0 f64@8}16@0/8", "{u64@0 i64@8}16@0/8");
  REQUIRE(d);
  CHECK(d.index == 1);
  CHECK(d.theirs == "f64@8");
  CHECK(d.ours == "i64@8");
}

TEST_CASE("a field that only one side has is nothing on the other", "[layout_difference]") {
  const auto more = first_difference("u64@0 f64@8 i8@16", "u64@0 f64@8");
  REQUIRE(more);
  CHECK(more.index == 2);
  CHECK(more.theirs == "i8@16");
  CHECK(more.ours.empty());
  const auto all = first_difference("", "u64@0");
  REQUIRE(all);
  CHECK(all.index == 0);
  CHECK(all.theirs.empty());
}

TEST_CASE("equal layouts have no difference, and any bytes end", "[layout_difference]") {
  CHECK(!first_difference("{u64@0 f64@8}16@0/8", "{u64@0 f64@8}16@0/8"));
  CHECK(!first_difference("", ""));
  CHECK(!first_difference("{{{}", " }"));
}
