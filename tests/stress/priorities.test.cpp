// SPDX-License-Identifier: MIT
#include <sluice/channel/channel.hpp>
#include <sluice/channel/priorities.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <atomic>
#include <cstdio>
#include <thread>

// Producers wait for room at one priority each. How often a pop wakes the wrong one only is seen by the clock: the right one
// then sleeps on until its slice of 20 ms is over.

using namespace std::chrono_literals;
using u64 = std::uint64_t;

TEST_CASE("a pop wakes the producer that waits for its priority, whoever else sleeps") {
  constexpr unsigned trials = SLUICE_TEST_TIER_FULL ? 200 : 20;
  constexpr std::int64_t prompt = 8'000'000, settle_us = 4'000;
  unsigned in_time[2] = {};  // with either of them in front
  for (unsigned n = 0; n < trials; ++n) {
    auto [tx, rx] = sluice::channel<u64, sluice::priorities_of<3>>(1, {.wait = sluice::wait_strategy::park});
    auto other = tx.clone();
    REQUIRE((other && tx.push(1, 0u, sluice::now) && tx.push(2, 2u, sluice::now)));
    // By turns each is the one in front.
    auto& low = n % 2 == 0 ? tx : *other;
    auto& high = n % 2 == 0 ? *other : tx;
    std::atomic<bool> high_done{false}, low_done{false};
    std::thread a([&] { low_done = static_cast<bool>(low.push(3, 0u, 5s)); });
    std::thread b([&] { high_done = static_cast<bool>(high.push(4, 2u, 5s)); });
    test::sleep_us(settle_us);
    const std::int64_t before = test::now_ns();
    CHECK(*rx.try_pop() == 2);
    CHECK(test::eventually([&] { return high_done.load(); }));
    in_time[n % 2] += test::now_ns() - before < prompt ? 1u : 0u;
    CHECK_FALSE(low_done);
    CHECK(*rx.try_pop() == 4);
    CHECK(*rx.try_pop() == 1);
    CHECK(*rx.pop(5s) == 3);
    a.join(), b.join();
    CHECK(low_done);
  }
  std::printf("priorities: the right producer was woken at once %u and %u of %u times\n", in_time[0], in_time[1], trials / 2);
  for (const unsigned n : in_time) CHECK(n > trials / 6);
}
