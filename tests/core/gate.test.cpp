// SPDX-License-Identifier: MIT
#include <sluice/core/gate.hpp>

#include "catch.hpp"
#include "sanitizers.hpp"

#include <thread>
#include <type_traits>

namespace {

using gate = sluice::gate<sluice::fenced_memory>;

}  // namespace

TEST_CASE("a gate is one word", "[gate]") {
  STATIC_REQUIRE(sizeof(gate) == 4);
  STATIC_REQUIRE(alignof(gate) == 4);
  STATIC_REQUIRE(sizeof(sluice::gate<>) == 4);
  STATIC_REQUIRE(std::is_standard_layout_v<gate>);
}

TEST_CASE("signalling an empty gate rings nobody and writes nothing", "[gate]") {
  gate g{};
  for (int i = 0; i < 3; ++i) CHECK(g.signal() == 0);
  CHECK(g.word().load() == 0);
}

TEST_CASE("arm sets its bit and returns the word to sleep on", "[gate]") {
  gate g{};
  CHECK(g.arm(gate::asleep) == gate::asleep);
  CHECK(g.word().load() == gate::asleep);
  CHECK(g.arm(gate::bell) == gate::armed);
  CHECK(g.word().load() == gate::armed);
  CHECK(g.arm(gate::asleep) == gate::armed);
}

TEST_CASE("signal says which sleepers to ring, once", "[gate]") {
  const auto how = GENERATE(std::uint32_t{gate::asleep}, std::uint32_t{gate::bell}, std::uint32_t{gate::armed});
  gate g{};
  const auto slept_on = g.arm(how);
  CHECK(g.signal() == how);
  CHECK(g.word().load() != slept_on);
  CHECK((g.word().load() & gate::armed) == 0);
  CHECK(g.signal() == 0);
}

TEST_CASE("the epoch moves whenever a flag is cleared, by whomsoever", "[gate]") {
  gate g{};
  std::uint32_t last = g.word().load();
  for (int i = 0; i < 100; ++i) {
    const auto slept_on = g.arm(i % 3 == 0 ? gate::bell : gate::asleep);
    CHECK(slept_on >> 2 == last >> 2);
    if (i % 2 == 0) CHECK(g.signal() != 0);
    else g.disarm();
    const auto w = g.word().load();
    CHECK(w >> 2 == (last >> 2) + 1);
    CHECK((w & gate::armed) == 0);
    last = w;
  }
}

TEST_CASE("disarming what nobody armed changes nothing", "[gate]") {
  gate g{};
  g.disarm();
  CHECK(g.word().load() == 0);
  (void)g.arm(gate::asleep);
  (void)g.signal();
  const auto w = g.word().load();
  g.disarm();
  CHECK(g.word().load() == w);
}

TEST_CASE("a full epoch wraps without touching the flags", "[gate]") {
  gate g{};
  g.word().store(0xfffffffcu);
  CHECK(g.arm(gate::asleep) == 0xfffffffdu);
  CHECK(g.signal() == gate::asleep);
  CHECK(g.word().load() == 0);
}

TEST_CASE("of several wakers exactly one rings a sleeper", "[gate]") {
  gate g{};
  std::atomic<unsigned> turn{0};
  std::atomic<unsigned> arrived{0};
  unsigned rung[2] = {0, 0};
  const unsigned times = rounds(20000);
  const auto waker = [&](unsigned me) {
    for (unsigned i = 1; i <= times; ++i) {
      while (turn.load() < i) std::this_thread::yield();
      if (g.signal() != 0) ++rung[me];
      arrived.fetch_add(1);
    }
  };
  std::thread a(waker, 0), b(waker, 1);
  for (unsigned i = 1; i <= times; ++i) {
    (void)g.arm(gate::asleep);
    turn.store(i);
    while (arrived.load() < 2 * i) std::this_thread::yield();
  }
  a.join(), b.join();
  CHECK(rung[0] + rung[1] == times);
  CHECK(g.word().load() == times << 2);
}
