// SPDX-License-Identifier: MIT
#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/channel/shared.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <atomic>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sluice::broadcast;
using sluice::channel;
using sluice::errc;
using sluice::error;
using sluice::now;
using sluice::ring_options;
using sluice::step;
using sluice::wait_strategy;
using u64 = std::uint64_t;

struct world {
  bool mapped;
  test::scratch dir;
  std::string path = dir / "news";
  ring_options options;

  world(bool on_file, std::size_t capacity, bool persistent = false) : mapped(on_file), dir(on_file ? "/tmp" : "/dev/shm") {
    if (!mapped) options.directory = dir.c_str();
    options.capacity = capacity;
    options.persistent = persistent;
  }
  auto tx() const { return mapped ? sluice::mapped_sink<u64, broadcast>(path, options) : sluice::shm_sink<u64, broadcast>("news", options); }
  auto rx() const { return mapped ? sluice::mapped_source<u64, broadcast>(path, options) : sluice::shm_source<u64, broadcast>("news", options); }
};

}  // namespace

TEST_CASE("the ends of a broadcast are what the concepts promise") {
  using ends = decltype(channel<u64, broadcast>(4));
  STATIC_REQUIRE(sluice::lending_sink<decltype(ends::tx)>);
  STATIC_REQUIRE(sluice::lending_source<decltype(ends::rx)>);
  STATIC_REQUIRE(sluice::traits_of<decltype(ends::tx)>.reliable);
  const std::size_t capacity = GENERATE(1u, 2u, 5u, 8u, 100u);
  auto [tx, rx] = channel<u64, broadcast>(capacity);
  auto other = rx.clone();
  REQUIRE(other);
  for (int lap = 0; lap < 5; ++lap) {
    for (u64 i = 0; i < capacity; ++i) REQUIRE(tx.try_push(i));
    CHECK(tx.try_push(0u).err().code == errc::full);
    CHECK(tx.push(0u, 1ms).err().code == errc::timeout);
    CHECK(tx.approx_size() == capacity);
    CHECK(rx.approx_size() == capacity);
    for (u64 i = 0; i < capacity; ++i) CHECK(*rx.try_pop() == i);
    CHECK(tx.try_push(0u).err() == error(errc::full, step::push).by(2));  // held by the other
    for (u64 i = 0; i < capacity; ++i) CHECK(*other->try_borrow() == i);
    CHECK(other->lag() == 0);
  }
  CHECK(tx.clone().err() == errc::busy);  // there is one producer
  CHECK(rx.dropped() == 0);
}

TEST_CASE("a broadcast goes on without readers and keeps the last messages") {
  auto [tx, rx] = channel<u64, broadcast>(8);
  auto keeper = rx.clone();
  REQUIRE(keeper);
  rx.close();
  for (u64 i = 0; i < 8; ++i) REQUIRE(tx.push(i));
  CHECK(tx.push(8u, 1ms).err() == errc::timeout);
  auto copy = std::move(*keeper);
  for (u64 i = 0; i < 8; ++i) CHECK(*copy.pop() == i);
  for (u64 i = 8; i < 16; ++i) REQUIRE(tx.push(i));
  auto late = copy.clone();
  REQUIRE(late);
  for (u64 i = 8; i < 16; ++i) CHECK(*late->pop() == i);
  copy.close();
  late->close();
  for (u64 i = 16; i < 100; ++i) REQUIRE(tx.push(i, now));
}

TEST_CASE("everybody on a broadcast sleeps, is woken and comes to the end") {
  const auto how = GENERATE(wait_strategy::park, wait_strategy::spin_then_park);
  const std::size_t capacity = GENERATE(1u, 3u, 64u);
  auto [tx, rx] = channel<u64, broadcast>(capacity, {.wait = how});
  constexpr unsigned readers = 4;
  std::vector<decltype(rx)> ends;
  ends.push_back(std::move(rx));
  while (ends.size() < readers) {
    auto more = ends[0].clone();
    REQUIRE(more);
    ends.push_back(std::move(*more));
  }
  std::vector<u64> next(readers);
  std::vector<unsigned> bad(readers);
  std::vector<errc> why(readers);
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < readers; ++k)
    threads.emplace_back([&, k] {
      auto all = ends[k].each(20s);
      for (const u64 v : all) bad[k] += v != next[k]++;
      why[k] = all.why.code;
    });
  const unsigned messages = rounds(capacity == 64 ? 20'000 : 2'000);
  for (u64 i = 0; i < messages; ++i) REQUIRE(tx.push(i, 20s));
  tx.close();
  for (auto& t : threads) t.join();
  for (unsigned k = 0; k < readers; ++k) {
    CHECK(next[k] == messages);
    CHECK(bad[k] == 0);
    CHECK(why[k] == errc::closed);
  }
}

TEST_CASE("a sleeping producer of a broadcast is woken by a reader that leaves") {
  auto [tx, rx] = channel<u64, broadcast>(2, {.wait = wait_strategy::park});
  REQUIRE(tx.push(1u));
  REQUIRE(tx.push(2u));
  std::thread leaver([end = std::move(rx)]() mutable {
    test::sleep_us(20'000);
    end.close();
  });
  CHECK(tx.push(3u, 20s));
  leaver.join();
}

TEST_CASE("a reader of a broadcast that is killed while it holds the producer is evicted, a stopped one never") {
  const world w(GENERATE(false, true), 4);
  auto tx = w.tx();
  auto rx = w.rx();
  REQUIRE(tx);
  REQUIRE(rx);
  u64 n = 0;
  for (unsigned k = 0; k < rounds(20); ++k) {
    test::shared_with_children<std::atomic<bool>> up;
    test::child reader([&] {
      auto mine = w.rx();
      if (!mine) return 1;
      *up = true;
      for (;;) test::sleep_us(100'000);
    });
    REQUIRE(test::eventually([&] { return up->load(); }));
    error e;
    for (; !e; e = tx->try_push(n).err(), n += e ? 0u : 1u)
      while (rx->try_pop()) {
      }
    CHECK(e.code == errc::full);
    CHECK(e.who == 3);  // slot 2
    CHECK(tx->push(n, 30ms).err() == errc::timeout);
    ::kill(reader.pid(), SIGSTOP);
    CHECK(tx->push(n, 30ms).err() == errc::timeout);
    const std::int64_t before = test::now_ns();
    REQUIRE(reader.kill() == -SIGKILL);
    CHECK(tx->push(n, 5s));
    ++n;
    CHECK(test::now_ns() - before < 1'000'000'000);
    CHECK(tx->recovered().peers == k + 1);
  }
}

TEST_CASE("a producer of a broadcast that polls finds out that a reader was killed") {
  const world w(false, 2);
  auto tx = w.tx();
  REQUIRE(tx);
  test::shared_with_children<std::atomic<bool>> up;
  test::child reader([&] {
    auto mine = w.rx();
    if (!mine) return 1;
    *up = true;
    for (;;) test::sleep_us(100'000);
  });
  REQUIRE(test::eventually([&] { return up->load(); }));
  REQUIRE(tx->try_push(1u));
  REQUIRE(tx->try_push(2u));
  CHECK(tx->try_push(3u).err() == error(errc::full, step::push).by(1));
  REQUIRE(reader.kill() == -SIGKILL);
  CHECK(test::eventually([&] { return static_cast<bool>(tx->try_push(3u)); }));
}

TEST_CASE("a producer of a broadcast that is killed at any moment is followed by one that goes on, for every reader") {
  const bool persistent = GENERATE(false, true);
  const world w(GENERATE(false, true), GENERATE(1u, 3u, 64u), persistent);
  auto a = w.rx(), b = w.rx();
  REQUIRE(a);
  REQUIRE(b);
  test::dice d(7);
  u64 next[2] = {};
  unsigned faults = 0;
  for (unsigned k = 0; k < rounds(20); ++k) {
    test::shared_with_children<std::atomic<bool>> up;
    const u64 from = next[0];
    test::child writer([&] {
      auto tx = w.tx();
      if (!tx) return 1;
      for (u64 n = from;; ++n) {
        if (!tx->push(n, 20s)) return 2;
        *up = true;
      }
    });
    REQUIRE(test::eventually([&] { return up->load(); }));
    const auto read = [&](auto& rx, u64& at) {
      error e;
      while (!e) {
        const auto v = rx.try_pop();
        e = v.err();
        if (v && *v != at++) ++faults;
      }
      return e;
    };
    const std::int64_t until = test::now_ns() + static_cast<std::int64_t>(d.below(500)) * 1000;
    do (void)read(*a, next[0]), (void)read(*b, next[1]);
    while (test::now_ns() < until);
    REQUIRE(writer.kill() == -SIGKILL);
    for (auto* rx : {&*a, &*b}) {
      u64& at = next[rx == &*b];
      (void)read(*rx, at);
      CHECK(rx->pop(persistent ? 20ms : 5s).err() == (persistent ? errc::timeout : errc::peer_died));
    }
    REQUIRE(next[0] == next[1]);
    CHECK(next[0] > from);
  }
  CHECK(faults == 0);
}

TEST_CASE("readers that are killed at any moment, also while joining, hold nobody for long") {
  const world w(false, 8);
  auto tx = w.tx();
  auto rx = w.rx();
  REQUIRE(tx);
  REQUIRE(rx);
  std::atomic<bool> over{false};
  unsigned faults = 0;
  u64 next = 0;
  std::thread steady([&] {
    auto all = rx->each(20s);
    for (const u64 v : all) faults += v != next++;
    faults += all.why != errc::closed;
  });
  u64 n = 0;
  std::thread writer([&] {
    while (!over && tx->push(n, 20s)) ++n;
    tx->close();
  });
  test::dice d(3);
  for (unsigned k = 0; k < rounds(100); ++k) {
    test::child reader([&] {
      for (;;) {
        auto mine = w.rx();
        if (!mine) continue;
        u64 at = ~u64{0};
        for (unsigned m = 0; m < 20; ++m) {
          const auto v = mine->pop(20s);
          if (!v || (at != ~u64{0} && *v != at)) return 2;
          at = *v + 1;
        }
      }
    });
    test::sleep_us(static_cast<long>(500 + d.below(3000)));
    REQUIRE(reader.kill() == -SIGKILL);
  }
  over = true;
  writer.join();
  steady.join();
  CHECK(faults == 0);
  CHECK(next == n);
  CHECK(n > 100);
}
