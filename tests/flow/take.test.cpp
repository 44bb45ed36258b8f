// SPDX-License-Identifier: MIT
#include <sluice/flow/take.hpp>

#include "flow/rig.hpp"

using namespace flow_test;

TEST_CASE("take ends after so many messages, without a look at the next", "[take]") {
  script<> from{1, error(errc::empty), 2, 3};
  auto two = from | sluice::take(2);
  CHECK(*two.try_pop() == 1);
  CHECK(two.try_pop().err() == errc::empty);
  CHECK(*two.try_pop() == 2);
  const auto tries = from.tries;
  CHECK(two.pop().err() == errc::closed);
  CHECK(two.try_pop().err() == errc::closed);
  CHECK(from.tries == tries);
  CHECK(!from.is_closed);
  CHECK(*from.pop() == 3);
  auto none = from | sluice::take(0);
  CHECK(none.pop().err() == errc::closed);
}

TEST_CASE("what take has ended makes nobody sleep", "[take]") {
  script<> from({}, errc::empty);
  auto none = from | sluice::take(0);
  sluice::wait_set set;
  none.arm(want::pop, set);
  CHECK(set.sleep({}));
  none.disarm(want::pop);
  CHECK(from.armed == from.disarmed);
}
