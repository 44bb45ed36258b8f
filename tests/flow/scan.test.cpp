// SPDX-License-Identifier: MIT
#include <sluice/flow/scan.hpp>

#include "flow/rig.hpp"

#include <string>

using namespace flow_test;

TEST_CASE("scan gives what has come together after each message", "[scan]") {
  script<> from{1, 2, error(errc::empty), 4};
  auto sum = from | sluice::scan(std::string("="), [](std::string s, int i) { return s + std::to_string(i); });
  CHECK(*sum.try_pop() == "=1");
  CHECK(*sum.try_pop() == "=12");
  CHECK(sum.try_pop().err() == errc::empty);
  CHECK(*sum.try_pop() == "=124");
  CHECK(sum.try_pop().err() == errc::closed);
}
