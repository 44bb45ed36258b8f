// SPDX-License-Identifier: MIT
#include <sluice/sluice.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <thread>

// Two threads ask and answer, each time over a ring or a pipe as dice will have it. Each sleeps until the other one
// wakes it, and nothing looks now and then: a wake-up that is lost is a wait that takes ten seconds.

using namespace std::chrono_literals;
using u64 = std::uint64_t;

namespace {

constexpr u64 rounds = SLUICE_TEST_TIER_FULL ? 5'000'000 : 100'000;

/// One direction: what is sent over either comes to one waiter.
struct direction {
  sluice::channel_ends<u64, sluice::spsc, sluice::native_memory> ring =
      sluice::channel<u64>(2, {.wait = sluice::wait_strategy::park});
  sluice::pipe_ends pipe = sluice::must(sluice::pipe());
  decltype(sluice::sink_of<u64>(std::move(pipe.out))) out = sluice::sink_of<u64>(std::move(pipe.out));
  decltype(sluice::source_of<u64>(std::move(pipe.in))) in = sluice::source_of<u64>(std::move(pipe.in));

  bool send(u64 value, test::dice& dice) {
    return static_cast<bool>(dice.below(2) == 0 ? ring.tx.push(value, 10s) : out.push(value, 10s));
  }
};

struct by_select {
  direction& from;
  u64 last = 0;
  bool next(u64& value) {
    const auto keep = [&](u64 v) { last = v; };
    auto loop = sluice::select(sluice::on(from.ring.rx, keep), sluice::on(from.in, keep));
    const bool came = static_cast<bool>(loop.wait(10s));
    value = last;
    return came;
  }
};
struct by_poller {
  direction& from;
  u64 last = 0;
  sluice::poller loop{};
  explicit by_poller(direction& d) : from(d) {
    (void)loop.add(sluice::on(from.ring.rx, [&](u64 v) { last = v; }));
    (void)loop.add(sluice::on(from.in, [&](u64 v) { last = v; }));
  }
  bool next(u64& value) {
    const bool came = static_cast<bool>(loop.run(10s));
    value = last;
    return came;
  }
};

/// How many rounds went well.
template <class Waiter>
u64 ask_and_answer(u64 seed) {
  direction there, back;
  std::thread other([&] {
    test::dice dice(seed + 1);
    Waiter waiter{there};
    u64 value = 0;
    while (waiter.next(value) && value != 0)
      if (!back.send(value, dice)) return;
  });
  test::dice dice(seed);
  u64 done = 0;
  {
    Waiter waiter{back};
    for (u64 value = 0; done < rounds && there.send(done + 1, dice) && waiter.next(value) && value == done + 1;) ++done;
  }
  (void)there.send(0, dice);
  other.join();
  return done;
}

}  // namespace

TEST_CASE("no wake-up of a select is lost", "[stress][flow]") { CHECK(ask_and_answer<by_select>(1) == rounds); }
TEST_CASE("no wake-up of a poller is lost", "[stress][flow]") { CHECK(ask_and_answer<by_poller>(2) == rounds); }
