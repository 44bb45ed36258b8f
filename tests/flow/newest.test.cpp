// SPDX-License-Identifier: MIT
#include <sluice/flow/newest.hpp>
#include <sluice/channel/channel.hpp>

#include "flow/rig.hpp"

using namespace flow_test;

TEST_CASE("the newest message is had, those before it are counted, and what comes behind it is told", "[latest]") {
  script<> from({1, 2, 3, error(errc::empty), 4, error(errc::lagged, sluice::step::pop, 6), 5});
  auto last = from | sluice::latest();
  CHECK(*last.try_pop() == 3);
  CHECK(last.dropped() == 2);
  CHECK(*last.try_pop() == 4);
  CHECK(last.try_pop().err() == error(errc::lagged, sluice::step::pop, 6));
  CHECK(*last.try_pop() == 5);
  CHECK(last.try_pop().err() == errc::closed);
  CHECK(last.dropped() == 2);
}

TEST_CASE("a channel has a newest message, however many it holds", "[latest]") {
  auto [tx, rx] = sluice::channel<int>(5000);
  auto last = rx | sluice::latest();
  for (int i = 0; i < 5000; ++i) REQUIRE(tx.try_push(i));
  CHECK(*last.pop() == 4999);
  CHECK(last.try_pop().err() == errc::empty);
  CHECK(last.dropped() == 4999);
}
