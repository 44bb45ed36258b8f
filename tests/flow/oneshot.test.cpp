// SPDX-License-Identifier: MIT
#include <sluice/flow/oneshot.hpp>

#include "flow/rig.hpp"

#include <thread>

using namespace flow_test;

TEST_CASE("a oneshot takes one message, gives it, and is closed on both sides", "[oneshot]") {
  auto [tx, rx] = sluice::oneshot<std::unique_ptr<int>>();
  CHECK(rx.try_pop().err() == errc::empty);
  CHECK(tx.push(std::make_unique<int>(4)));
  CHECK(tx.push(std::make_unique<int>(5)).err() == errc::closed);
  auto m = rx.pop(10s);
  REQUIRE(m);
  CHECK(**m == 4);
  CHECK(rx.pop().err() == errc::closed);
}

TEST_CASE("a oneshot whose other end has gone says so, also to who sleeps", "[oneshot]") {
  {
    auto [tx, rx] = sluice::oneshot<int>();
    joining_thread goes([t = std::move(tx)]() mutable {
      std::this_thread::sleep_for(2ms);
      auto gone = std::move(t);
    });
    CHECK(rx.pop(20s).err() == errc::closed);
  }
  auto [tx, rx] = sluice::oneshot<int>();
  rx.close();
  CHECK(tx.push(1).err() == errc::closed);
}

TEST_CASE("a wait for a oneshot that ends early loses nothing", "[oneshot]") {
  for (int i = 0; i < 200; ++i) {
    auto [tx, rx] = sluice::oneshot<int>();
    joining_thread giver([&t = tx, i] { (void)t.push(i); });
    auto m = rx.pop(std::chrono::microseconds(i % 40));
    while (!m && m.err() != errc::closed) m = rx.pop(std::chrono::microseconds(5));
    REQUIRE(m);
    REQUIRE(*m == i);
  }
}
