// SPDX-License-Identifier: MIT
#include <sluice/flow/route.hpp>

#include "flow/rig.hpp"

using namespace flow_test;

namespace {
const auto by_last_digit = [](int i) { return i % 10; };
}

TEST_CASE("route gives each message to the sink of its key, in order", "[route]") {
  basket<> a, b, c;
  auto by_key = sluice::route(by_last_digit, a, b, c);
  for (const int i : {10, 11, 20, 32, 31, 30}) CHECK(by_key.try_push(i));
  CHECK(a.items == ints{10, 20, 30});
  CHECK(b.items == ints{11, 31});
  CHECK(c.items == ints{32});
  CHECK(by_key.try_push(3).err() == error(errc::invalid, sluice::step::push, sluice::subject::route));
}

TEST_CASE("route waits for the sink that is meant, and for no other", "[route]") {
  basket<> a(0), b;
  auto by_key = sluice::route(by_last_digit, a, b);
  CHECK(by_key.push(10, 2ms).err() == errc::timeout);
  CHECK(a.armed > 0);
  CHECK(a.armed == a.disarmed);
  CHECK(b.armed == 0);
  CHECK(by_key.try_push(11));
  a.room = 1;
  CHECK(by_key.push(20, 10s));
  CHECK(a.items == ints{20});
}

TEST_CASE("where one sink of a route has ended, the others go on", "[route]") {
  basket<> a, b;
  auto by_key = sluice::route(by_last_digit, a, b);
  a.close();
  CHECK(by_key.try_push(10).err() == errc::closed);
  CHECK(by_key.try_push(11));
  by_key.close();
  CHECK(b.is_closed);
}
