// SPDX-License-Identifier: MIT
#include <sluice/sluice.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <cstdio>
#include <thread>

// Two sides ask and answer, each time over a ring or a pipe as dice will have it. Each sleeps until the other one wakes
// it. Between threads nothing looks now and then, so a wake-up that is lost is a wait that takes ten seconds; between
// processes a sleeper looks every 20 ms, so it is a round that takes that long.

using namespace std::chrono_literals;
using u64 = std::uint64_t;

namespace {

constexpr u64 rounds = SLUICE_TEST_TIER_FULL ? 5'000'000 : 100'000;
constexpr std::int64_t late = 9'000'000;
constexpr auto parked = sluice::wait_strategy::park;

struct wire {
  sluice::pipe_ends pipe = sluice::must(sluice::pipe());
  decltype(sluice::sink_of<u64>(std::move(pipe.out))) out = sluice::sink_of<u64>(std::move(pipe.out));
  decltype(sluice::source_of<u64>(std::move(pipe.in))) in = sluice::source_of<u64>(std::move(pipe.in));
};

template <class Ring>
struct mouth {
  Ring ring;
  wire& beside;

  bool send(u64 value, test::dice& dice) {
    return static_cast<bool>(dice.below(2) == 0 ? ring.push(value, 10s) : beside.out.push(value, 10s));
  }
};
template <class Ring>
mouth(Ring, wire&) -> mouth<Ring>;

template <class Ring>
struct ear_by_select {
  Ring ring;
  wire& beside;

  bool next(u64& value) {
    const auto keep = [&](u64 v) { value = v; };
    auto loop = sluice::select(sluice::on(ring, keep), sluice::on(beside.in, keep));
    return static_cast<bool>(loop.wait(10s));
  }
};
template <class Ring>
struct ear_by_poller {
  Ring ring;
  wire& beside;
  u64 last = 0;
  sluice::poller loop{};

  ear_by_poller(Ring r, wire& w) : ring(std::move(r)), beside(w) {
    (void)loop.add(sluice::on(ring, [&](u64 v) { last = v; }));
    (void)loop.add(sluice::on(beside.in, [&](u64 v) { last = v; }));
  }
  bool next(u64& value) {
    const bool came = static_cast<bool>(loop.run(10s));
    value = last;
    return came;
  }
};

struct score {
  u64 done = 0, late = 0;
};

score ask(auto& to, auto& from, u64 seed) {
  test::dice dice(seed);
  score s;
  for (u64 value = 0; s.done < rounds; ++s.done) {
    const auto begun = test::now_ns();
    if (!to.send(s.done + 1, dice) || !from.next(value) || value != s.done + 1) break;
    const auto took = test::now_ns() - begun;
    if (took < late) continue;
    ++s.late;
    std::printf("round %llu took %.1f ms\n", static_cast<unsigned long long>(s.done), static_cast<double>(took) / 1e6);
  }
  (void)to.send(0, dice);
  return s;
}
void answer(auto& from, auto& to, u64 seed) {
  test::dice dice(seed);
  for (u64 value = 0; from.next(value) && value != 0;)
    if (!to.send(value, dice)) return;
}

template <template <class> class Ear>
u64 between_threads(u64 seed) {
  wire there, back;
  auto [tx, rx] = sluice::channel<u64>(2, {.wait = parked});
  auto [tx2, rx2] = sluice::channel<u64>(2, {.wait = parked});
  mouth asks{std::move(tx), there}, answers{std::move(tx2), back};
  std::thread other([&, rx = std::move(rx)]() mutable {
    Ear<decltype(rx)> hears(std::move(rx), there);
    answer(hears, answers, seed + 1);
  });
  Ear<decltype(rx2)> hears(std::move(rx2), back);
  const auto s = ask(asks, hears, seed);
  other.join();
  return s.done;
}

template <template <class> class Ear>
score between_processes(u64 seed) {
  wire there, back;
  const std::string name = "/" + test::unique("flow"), other_name = name + "b";
  const sluice::ring_options o{.capacity = 2, .wait = parked};
  test::child other([&] {
    auto rx = sluice::must(sluice::shm_source<u64>(name, o));
    mouth answers{sluice::must(sluice::shm_sink<u64>(other_name, o)), back};
    Ear<decltype(rx)> hears(std::move(rx), there);
    answer(hears, answers, seed + 1);
    return 0;
  });
  auto rx = sluice::must(sluice::shm_source<u64>(other_name, o));
  mouth asks{sluice::must(sluice::shm_sink<u64>(name, o)), there};
  Ear<decltype(rx)> hears(std::move(rx), back);
  const auto s = ask(asks, hears, seed);
  CHECK(other.wait() == 0);
  (void)sluice::shm_remove(name), (void)sluice::shm_remove(other_name);
  std::printf("%llu rounds between processes, %llu of them late\n", static_cast<unsigned long long>(s.done),
              static_cast<unsigned long long>(s.late));
  return s;
}

}  // namespace

TEST_CASE("no wake-up of a select is lost", "[stress][flow]") { CHECK(between_threads<ear_by_select>(1) == rounds); }
TEST_CASE("no wake-up of a poller is lost", "[stress][flow]") { CHECK(between_threads<ear_by_poller>(2) == rounds); }
TEST_CASE("no wake-up of a select or a poller is lost between processes", "[stress][flow]") {
  for (const auto& s : {between_processes<ear_by_select>(3), between_processes<ear_by_poller>(4)}) {
    CHECK(s.done == rounds);
    CHECK(s.late <= rounds / 1'000);  // some are the scheduler's
  }
}
