// SPDX-License-Identifier: MIT
#include <sluice/flow/drop_newest.hpp>

#include "flow/rig.hpp"

using namespace flow_test;

TEST_CASE("drop_newest loses what comes while there is no room, counts it, and is never full", "[drop_newest]") {
  basket<> to(2);
  auto out = to | sluice::drop_newest();
  for (int i = 1; i <= 5; ++i) CHECK(out.push(i));
  CHECK(to.items == ints{1, 2});
  CHECK(out.dropped() == 3);
  to.room = 1;
  CHECK(out.push(6));
  CHECK(to.items == ints{1, 2, 6});
  CHECK(out.dropped() == 3);
  to.close();
  CHECK(out.push(7).err() == errc::closed);
  CHECK(out.dropped() == 3);
}

TEST_CASE("a sink that is never full makes nobody sleep, and admits that it loses", "[drop_newest]") {
  basket<> to(0);
  auto out = to | sluice::drop_newest();
  STATIC_REQUIRE(!sluice::traits_of<decltype(out)>.reliable);
  sluice::wait_set set;
  out.arm(want::push, set);
  CHECK(set.sleep({}));
  out.disarm(want::push);
  CHECK(to.armed == 0);
}
