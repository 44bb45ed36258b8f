// SPDX-License-Identifier: MIT
#include <sluice/wait/wait_set.hpp>

#include "catch.hpp"
#include "refusing.hpp"

#include <atomic>
#include <chrono>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::until;
using sluice::wait_set;
using sluice::want;
using std::chrono::steady_clock;

namespace {

using words = std::atomic<std::uint32_t>;

struct raw_pipe {
  int in, out;
  raw_pipe() {
    int fd[2] = {-1, -1};
    REQUIRE(::pipe2(fd, O_CLOEXEC | O_NONBLOCK) == 0);
    in = fd[0], out = fd[1];
  }
  raw_pipe(const raw_pipe&) = delete;
  raw_pipe& operator=(const raw_pipe&) = delete;
  ~raw_pipe() { ::close(in), ::close(out); }
  void put() const { REQUIRE(::write(out, "x", 1) == 1); }
  void fill() const {
    char block[4096] = {};
    while (::write(out, block, sizeof block) > 0) {
    }
  }
};

struct stopwatch {
  steady_clock::time_point begun = steady_clock::now();
  [[nodiscard]] auto read() const { return steady_clock::now() - begun; }
};

constexpr auto patience = 10s;  // far more than any of these sleeps takes

}  // namespace

TEST_CASE("a word that has changed already does not let anybody sleep", "[wait_set]") {
  for (const bool shared : {false, true}) {
    words w{1};
    wait_set set;
    set.on(&w, 0, shared);
    const stopwatch t;
    CHECK(set.sleep(until(patience).absolute()));
    CHECK(t.read() < 5s);
  }
}

TEST_CASE("a change of one word wakes, however many are watched", "[wait_set]") {
  const unsigned n = GENERATE(1u, 2u, 16u);
  words w[16] = {};
  wait_set set;
  for (unsigned i = 0; i < n; ++i) set.on(&w[i], 0, i % 2 == 0);
  std::thread waker([&] {
    std::this_thread::sleep_for(5ms);
    w[n - 1].store(1);
    for (int i = 0; i < 2; ++i) sluice::detail::futex_wake(&w[n - 1], i == 0);
  });
  const stopwatch t;
  const auto slept = set.sleep(until(patience).absolute());
  waker.join();
  CHECK(slept);
  CHECK(t.read() < 5s);
}

TEST_CASE("a changed word among others is seen before sleeping", "[wait_set]") {
  words w[3] = {};
  w[1] = 9;
  wait_set set;
  for (auto& one : w) set.on(&one, 0, false);
  const stopwatch t;
  CHECK(set.sleep(until(patience).absolute()));
  CHECK(t.read() < 5s);
}

TEST_CASE("a deadline ends the sleep, never too early", "[wait_set]") {
  words w[2] = {};
  const raw_pipe p;
  const int what = GENERATE(0, 1, 2, 3, 4);
  for (const auto time : {std::chrono::nanoseconds(300us), std::chrono::nanoseconds(20ms)}) {
    wait_set set;
    if (what == 1 || what == 4) set.on(&w[0], 0, false);
    if (what == 2) set.on(&w[0], 0, true), set.on(&w[1], 0, false);
    if (what == 3 || what == 4) set.on(p.in, want::pop);
    const stopwatch t;
    const until u = until(time).absolute();
    auto slept = set.sleep(u);
    for (int i = 0; slept && i < 1000; ++i) slept = set.sleep(u);  // a set of both sleeps in slices
    CAPTURE(what, time.count());
    CHECK(slept.err() == sluice::error(errc::timeout, sluice::step::wait));
    CHECK(t.read() >= time);
    CHECK(t.read() < time + 1s);
  }
}

TEST_CASE("a deadline in the past is over at once", "[wait_set]") {
  words w{0};
  const raw_pipe p;
  for (int what = 0; what < 4; ++what) {
    wait_set set;
    if ((what & 1) != 0) set.on(&w, 0, false);
    if ((what & 2) != 0) set.on(p.in, want::pop);
    const stopwatch t;
    CHECK(set.sleep(steady_clock::now() - 1s).err() == errc::timeout);
    CHECK(set.sleep(steady_clock::time_point()).err() == errc::timeout);
    CHECK(set.sleep(steady_clock::time_point(-1s)).err() == errc::timeout);
    CHECK(t.read() < 1s);
  }
}

TEST_CASE("a descriptor wakes when it is ready for the verb", "[wait_set]") {
  const raw_pipe p;
  SECTION("something to read") {
    wait_set set;
    set.on(p.in, want::pop);
    p.put();
    CHECK(set.sleep(until(patience).absolute()));
  }
  SECTION("something to read, later") {
    wait_set set;
    set.on(p.in, want::pop);
    std::thread writer([&] {
      std::this_thread::sleep_for(5ms);
      (void)!::write(p.out, "x", 1);
    });
    const auto slept = set.sleep(until(patience).absolute());
    writer.join();
    CHECK(slept);
  }
  SECTION("room to write") {
    wait_set set;
    set.on(p.out, want::push);
    CHECK(set.sleep(until(patience).absolute()));
    p.fill();
    CHECK(set.sleep(until(2ms).absolute()).err() == errc::timeout);
  }
  SECTION("any of many") {
    raw_pipe others[15];
    wait_set set;
    for (auto& o : others) set.on(o.in, want::pop);
    set.on(p.in, want::pop);
    p.put();
    CHECK(set.sleep(until(patience).absolute()));
  }
  SECTION("a descriptor that is none says so by not sleeping") {
    wait_set set;
    set.on(1 << 20, want::pop);
    CHECK(set.sleep(until(patience).absolute()));
  }
}

namespace {

/// 0 if a sleep on a word and a descriptor ends with either. `slices`: and without both, soon.
int sleeps_on_both(bool slices) {
  words w{0};
  const raw_pipe p;
  for (const bool shared : {false, true}) {
    wait_set set;
    set.on(&w, 0, shared);
    if (set.mixed()) return 1;
    set.on(p.in, want::pop);
    if (!set.mixed()) return 2;
    if (!slices && set.sleep(until(20ms).absolute()).err() != errc::timeout) return 3;
    if (slices && !set.sleep(until(patience).absolute())) return 4;
    const stopwatch t;
    std::thread waker([&] {
      std::this_thread::sleep_for(5ms);
      w.store(1);
      sluice::detail::futex_wake(&w, shared);
    });
    auto slept = set.sleep(until(patience).absolute());
    while (slept && w.load() == 0) slept = set.sleep(until(patience).absolute());
    const bool still = !!set.sleep(until(patience).absolute());  // it has changed already
    waker.join();
    w = 0;
    if (!slept || !still || t.read() > 5s) return 5;
  }
  wait_set set;
  set.on(&w, 0, true);
  set.on(p.in, want::pop);
  const stopwatch t;
  p.put();
  return set.sleep(until(patience).absolute()) && t.read() < 5s ? 0 : 6;
}

}  // namespace

TEST_CASE("a word and a descriptor are slept on together", "[wait_set]") {
  const bool slices = !sluice::detail::word_bell(4);
  CHECK(sleeps_on_both(slices) == 0);
  CHECK(test::child([&] { return sleeps_on_both(slices); }).wait() == 0);  // of a process with one thread, and forked
}

TEST_CASE("without io_uring a word and a descriptor are looked at in slices", "[wait_set]") {
  CHECK(test::without({test::call_io_uring_setup}, [] { return sleeps_on_both(true); }) == 0);
}

TEST_CASE("without a wait for several words they are looked at in slices", "[wait_set]") {
  const auto body = [] {
    words w[3] = {};
    wait_set set;
    for (auto& one : w) set.on(&one, 0, false);
    w[2] = 1;
    const stopwatch t;
    if (!set.sleep(until(patience).absolute())) return 1;
    if (set.sleep(until(100us).absolute()).err() != errc::timeout) return 2;
    return t.read() < 5s ? 0 : 3;
  };
  CHECK(test::without({test::call_futex_waitv}, body) == 0);
}

TEST_CASE("a set that ran out of room sleeps in slices instead of missing anything", "[wait_set]") {
  SECTION("words") {
    words w[17] = {};
    wait_set set;
    for (auto& one : w) set.on(&one, 0, false);
    w[16] = 1;
    const stopwatch t;
    CHECK(set.sleep(until(patience).absolute()));
    CHECK(set.sleep(until().absolute()));
    CHECK(t.read() < 5s);
    CHECK(set.sleep(until(100us).absolute()).err() == errc::timeout);
  }
  SECTION("descriptors") {
    raw_pipe p[17];
    wait_set set;
    for (auto& one : p) set.on(one.in, want::pop);
    p[16].put();
    const stopwatch t;
    CHECK(set.sleep(until(patience).absolute()));
    CHECK(set.sleep(until().absolute()));
    CHECK(t.read() < 5s);
  }
}

TEST_CASE("within() ends a sleep early, and successfully", "[wait_set]") {
  words w{0};
  wait_set set;
  set.on(&w, 0, false);
  set.within(3'000'000);
  set.within(5'000'000'000);  // the shortest counts
  const stopwatch t;
  CHECK(set.sleep(until().absolute()));
  CHECK(t.read() >= 3ms);
  CHECK(t.read() < 3s);
  CHECK(set.sleep(until(1ms).absolute()).err() == errc::timeout);
}

TEST_CASE("ready() means not to sleep at all", "[wait_set]") {
  words w{0};
  wait_set set;
  set.on(&w, 0, false);
  set.ready();
  set.within(1'000'000'000);
  const stopwatch t;
  CHECK(set.sleep(until().absolute()));
  CHECK(t.read() < 500ms);
}

TEST_CASE("a set knows whether descriptors are preferred", "[wait_set]") {
  CHECK(!wait_set().prefers_handles());
  CHECK(wait_set(true).prefers_handles());
}
