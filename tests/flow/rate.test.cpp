// SPDX-License-Identifier: MIT
#include <sluice/flow/rate.hpp>
#include <sluice/channel/channel.hpp>

#include "flow/rig.hpp"

using namespace flow_test;

TEST_CASE("a source with a rate gives no more than that, and waits in between", "[rate]") {
  script<> from{1, 2, 3, 4, 5};
  auto slow = from | sluice::rate(100, 1s);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(*slow.pop() == 1);
  CHECK(slow.try_pop().err() == errc::empty);
  CHECK(slow.pop(1ms).err() == errc::timeout);
  CHECK(from.armed == 0);  // its messages are not wanted yet
  for (int i = 2; i <= 5; ++i) CHECK(*slow.pop() == i);
  CHECK(since(begin) >= 40ms);
  CHECK(since(begin) < 5s);
}

TEST_CASE("a sink with a rate is full in between, and may catch up with a burst", "[rate]") {
  basket<> to;
  auto slow = to | sluice::rate(100, 1s, 3);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 1; i <= 3; ++i) CHECK(slow.try_push(i));
  CHECK(slow.try_push(4).err() == errc::full);
  for (int i = 4; i <= 6; ++i) CHECK(slow.push(i));
  CHECK(since(begin) >= 30ms);
  CHECK(to.items == ints{1, 2, 3, 4, 5, 6});
}

TEST_CASE("what a sink refuses costs no time of its rate", "[rate]") {
  basket<> to(0);
  auto slow = to | sluice::rate(1, 3600s);
  CHECK(slow.push(1, 2ms).err() == errc::timeout);
  CHECK(to.armed > 0);
  CHECK(to.armed == to.disarmed);
  to.room = 2;
  CHECK(slow.try_push(2));
  CHECK(slow.try_push(3).err() == errc::full);
}

TEST_CASE("an end with a rate that was closed says so at once", "[rate]") {
  script<> from{1, 2};
  auto in = from | sluice::rate(1, 3600s);
  CHECK(*in.try_pop() == 1);
  in.close();
  CHECK(in.pop(10s).err() == errc::closed);
  basket<> to;
  auto out = to | sluice::rate(1, 3600s);
  CHECK(out.try_push(1));
  out.close();
  CHECK(out.push(2, 10s).err() == errc::closed);
}
