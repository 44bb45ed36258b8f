// SPDX-License-Identifier: MIT
#include <sluice/flow/deal.hpp>

#include "flow/rig.hpp"

using namespace flow_test;

TEST_CASE("deal gives each message to one sink, by turns, to the first that has room", "[deal]") {
  basket<> a, b(1), c;
  auto one_of = sluice::deal(a, b, c);
  for (int i = 1; i <= 7; ++i) CHECK(one_of.try_push(i));
  CHECK(a.items == ints{1, 4, 6});
  CHECK(b.items == ints{2});
  CHECK(c.items == ints{3, 5, 7});
}

TEST_CASE("a deal that no sink accepts has not touched its message", "[deal]") {
  basket<std::unique_ptr<int>> a(0), b(0);
  auto one_of = sluice::deal(a, b);
  auto m = std::make_unique<int>(3);
  CHECK(one_of.try_push(std::move(m)).err() == errc::full);
  REQUIRE(m);
  CHECK(one_of.push(std::move(m), 2ms).err() == errc::timeout);
  REQUIRE(m);
  CHECK(a.armed > 0);
  CHECK(b.armed == a.armed);
  CHECK(b.disarmed == b.armed);
  b.room = 1;
  CHECK(one_of.push(std::move(m), 10s));
  CHECK(*b.items.at(0) == 3);
}

TEST_CASE("a deal leaves out who has gone, and ends when all have", "[deal]") {
  basket<> a, b;
  auto one_of = sluice::deal(a, b);
  a.close();
  CHECK(one_of.try_push(1));
  CHECK(one_of.try_push(2));
  CHECK(b.items == ints{1, 2});
  b.room = 0;
  CHECK(one_of.push(3, 1ms).err() == errc::timeout);
  CHECK(a.armed == 0);
  b.close();
  CHECK(one_of.try_push(3).err() == errc::closed);
}

TEST_CASE("a deal passes on why one refuses a message, and goes on", "[deal]") {
  basket<> a(0), b;
  a.refusal = errc::too_big;
  auto one_of = sluice::deal(a, b);
  CHECK(one_of.try_push(1).err() == errc::too_big);
  CHECK(one_of.try_push(2));
  CHECK(b.items == ints{2});
}
