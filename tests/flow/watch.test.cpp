// SPDX-License-Identifier: MIT
#include <sluice/flow/watch.hpp>
#include <sluice/channel/shared.hpp>

#include "flow/rig.hpp"
#include "process.hpp"

using namespace flow_test;

TEST_CASE("a watch gives the newest value once, and shows the current one any time", "[watch]") {
  auto [tx, rx] = sluice::watch<int>();
  CHECK(rx.peek().err() == errc::empty);
  CHECK(rx.try_pop().err() == errc::empty);
  for (const int i : {1, 2, 3}) CHECK(tx.push(i));
  CHECK(*rx.peek() == 3);
  CHECK(*rx.peek() == 3);
  CHECK(*rx.pop() == 3);
  CHECK(rx.try_pop().err() == errc::empty);
  CHECK(*rx.peek() == 3);
  CHECK(tx.push(4));
  auto other = rx.clone();
  REQUIRE(other);
  CHECK(*other->pop() == 4);
  CHECK(*rx.peek() == 4);
  tx.close();
  CHECK(*rx.pop() == 4);
  CHECK(rx.pop().err() == errc::closed);
  CHECK(*rx.peek() == 4);
}

TEST_CASE("a watch that was never told anything ends without a value", "[watch]") {
  auto [tx, rx] = sluice::watch<int>();
  tx.close();
  CHECK(rx.peek().err() == errc::closed);
}

TEST_CASE("a watch works over shared memory", "[watch]") {
  const std::string name = test::unique("watch");
  auto tx = sluice::shm_sink<int, sluice::latest>(name);
  auto rx = sluice::shm_source<int, sluice::latest>(name);
  REQUIRE(tx);
  REQUIRE(rx);
  REQUIRE(sluice::shm_remove(name));
  auto value = *std::move(rx) | sluice::watched();
  CHECK(tx->push(7));
  CHECK(*value.peek() == 7);
  CHECK(*value.pop(10s) == 7);
  CHECK(value.pop(1ms).err() == errc::timeout);
  CHECK(*value.peek() == 7);
}
