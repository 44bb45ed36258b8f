// SPDX-License-Identifier: MIT
#include <sluice/flow/merge.hpp>

#include "flow/rig.hpp"

#include <algorithm>

using namespace flow_test;

TEST_CASE("merge takes turns, keeps the order of each, and ends when all have ended", "[merge]") {
  script<> a{1, 2, 3}, b{10, 20, 30, 40};
  auto both = sluice::merge(a, b);
  error why;
  CHECK(all_of(both, &why) == ints{1, 10, 2, 20, 3, 30, 40});
  CHECK(why == errc::closed);
  CHECK(both.try_pop().err() == errc::closed);
}

TEST_CASE("merge waits for all that have not ended, and for them only", "[merge]") {
  script<> silent({}, errc::empty), ended;
  auto both = sluice::merge(silent, ended);
  CHECK(both.try_pop().err() == errc::empty);
  const auto tries = ended.tries;
  CHECK(both.pop(2ms).err() == errc::timeout);
  CHECK(ended.tries == tries);
  CHECK(ended.armed == 0);  // what has ended is always ready: waiting for it would be no sleep
  CHECK(silent.armed > 0);
  CHECK(silent.armed == silent.disarmed);
}

TEST_CASE("merge takes back its announcement also where a source ends before the sleep", "[merge]") {
  script<> a({}, errc::empty);
  auto one = sluice::merge(a);
  sluice::wait_set set;
  one.arm(want::pop, set);
  a.at_end = errc::closed;
  CHECK(one.try_pop().err() == errc::closed);
  one.disarm(want::pop);
  CHECK(a.armed == 1);
  CHECK(a.disarmed == 1);
}

TEST_CASE("merge tells a death when all have ended, and other errors at once", "[merge]") {
  script<> dies({1}, error(errc::peer_died, sluice::step::pop).by(3)), lags{error(errc::lagged, sluice::step::pop, 2), 7, 8};
  auto both = sluice::merge(dies, lags);
  CHECK(*both.try_pop() == 1);
  CHECK(both.try_pop().err() == errc::lagged);
  CHECK(*both.try_pop() == 7);
  CHECK(*both.try_pop() == 8);
  CHECK(both.try_pop().err() == error(errc::peer_died, sluice::step::pop).by(3));
  CHECK(both.try_pop().err() == error(errc::peer_died, sluice::step::pop).by(3));
}

TEST_CASE("a source that fails for good does not silence the others", "[merge]") {
  script<> broken({}, errc::corrupt), fine({1, 2, 3}, errc::empty);
  auto both = sluice::merge(broken, fine);
  ints got;
  unsigned errors = 0;
  for (int i = 0; i < 6; ++i)
    if (auto m = both.try_pop()) got.push_back(*m);
    else if (m.err() == errc::corrupt) ++errors;
  CHECK(got == ints{1, 2, 3});
  CHECK(errors == 3);
}

TEST_CASE("merge says pending where one of its sources says it, and has the type that they share", "[merge]") {
  script<int> a({}, error(errc::pending, sluice::step::pop).by(4));
  script<double> b({2.5}, errc::empty);
  auto both = sluice::merge(a, b);
  STATIC_REQUIRE(std::is_same_v<sluice::item_t<decltype(both)>, double>);
  CHECK(*both.try_pop() == 2.5);
  CHECK(both.try_pop().err() == error(errc::pending, sluice::step::pop).by(4));
}
