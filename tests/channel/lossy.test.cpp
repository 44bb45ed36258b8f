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
using sluice::channel;
using sluice::errc;
using sluice::lossy_broadcast;
using sluice::now;
using sluice::ring_options;
using sluice::wait_strategy;
using u64 = std::uint64_t;

struct tick {
  u64 seq, a, b;
  static tick make(u64 n) noexcept { return {n, n * 3, ~n}; }
  [[nodiscard]] bool whole() const noexcept { return a == seq * 3 && b == ~seq; }
};

struct world {
  bool mapped;
  test::scratch dir;
  std::string path = dir / "ticks";
  ring_options options;

  world(bool on_file, std::size_t capacity) : mapped(on_file), dir(on_file ? "/tmp" : "/dev/shm") {
    if (!mapped) options.directory = dir.c_str();
    options.capacity = capacity;
  }
  auto tx() const { return mapped ? sluice::mapped_sink<tick, lossy_broadcast>(path, options) : sluice::shm_sink<tick, lossy_broadcast>("ticks", options); }
  auto rx() const { return mapped ? sluice::mapped_source<tick, lossy_broadcast>(path, options) : sluice::shm_source<tick, lossy_broadcast>("ticks", options); }
};

// Reads on until something else than a message or a gap comes. Messages are numbered from `next` on.
template <class Rx>
sluice::error follow(Rx& rx, u64& next, unsigned& faults, sluice::until patience) {
  for (;;) {
    const auto v = rx.pop(patience);
    if (v) {
      if (!v->whole() || v->seq != next) ++faults;
      next = v->seq + 1;
    } else if (v.err() == errc::lagged) {
      next += static_cast<u64>(v.err().detail);
    } else {
      return v.err();
    }
  }
}

}  // namespace

TEST_CASE("the ends of a lossy broadcast are what the concepts promise") {
  using ends = decltype(channel<u64, lossy_broadcast>(4));
  STATIC_REQUIRE(sluice::lending_sink<decltype(ends::tx)>);
  STATIC_REQUIRE(sluice::lending_source<decltype(ends::rx)>);
  STATIC_REQUIRE_FALSE(sluice::traits_of<decltype(ends::tx)>.reliable);
  auto [tx, rx] = channel<u64, lossy_broadcast>(4);
  CHECK(rx.capacity() == 4);
  for (u64 i = 0; i < 10; ++i) REQUIRE(tx.push(i));
  CHECK(tx.approx_size() == 4);
  CHECK(rx.approx_size() == 4);
  CHECK(rx.lag() == 10);
  CHECK(rx.pop().err() == sluice::error(errc::lagged, sluice::step::pop, 6));
  CHECK(rx.dropped() == 6);
  CHECK(*rx.pop() == 6);
  auto more = rx.clone();
  REQUIRE(more);
  CHECK(*more->pop() == 6);  // begins with the oldest that is kept
  CHECK(*rx.pop() == 7);
}

TEST_CASE("every reader of a lossy broadcast sleeps, is woken, and misses exactly what it is told") {
  const auto how = GENERATE(wait_strategy::park, wait_strategy::spin_then_park);
  auto [tx, rx] = channel<tick, lossy_broadcast>(32, {.wait = how});
  constexpr unsigned readers = 3;
  std::vector<decltype(rx)> ends;
  ends.push_back(std::move(rx));
  while (ends.size() < readers) {
    auto more = ends[0].clone();
    REQUIRE(more);
    ends.push_back(std::move(*more));
  }
  std::vector<u64> next(readers, 1);
  std::vector<unsigned> faults(readers);
  std::vector<errc> why(readers);
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < readers; ++k)
    threads.emplace_back([&, k] { why[k] = follow(ends[k], next[k], faults[k], 20s).code; });
  const unsigned messages = rounds(20'000);
  for (u64 i = 1; i <= messages; ++i) {
    REQUIRE(tx.push(tick::make(i)));
    if (i % 16 == 0) std::this_thread::yield();
  }
  tx.close();
  for (auto& t : threads) t.join();
  for (unsigned k = 0; k < readers; ++k) {
    CHECK(next[k] == messages + 1);
    CHECK(faults[k] == 0);
    CHECK(why[k] == errc::closed);
  }
}

TEST_CASE("a lossy writer that is killed at any moment leaves whole messages, and its successor goes on from there") {
  const world w(GENERATE(false, true), GENERATE(1u, 3u, 64u));
  auto rx = w.rx();
  REQUIRE(rx);
  test::dice d(7);
  u64 next = 1;
  unsigned faults = 0;
  for (unsigned k = 0; k < rounds(20); ++k) {
    test::shared_with_children<std::atomic<bool>> up;
    const u64 from = next;
    test::child writer([&] {
      auto tx = w.tx();
      if (!tx) return 1;
      for (u64 n = from;; ++n) {
        if (!tx->push(tick::make(n))) return 2;
        *up = true;
      }
    });
    REQUIRE(test::eventually([&] { return up->load(); }));
    test::sleep_us(static_cast<long>(d.below(500)));
    REQUIRE(writer.kill() == -SIGKILL);
    CHECK(follow(*rx, next, faults, 5s) == errc::peer_died);
    CHECK(next > from);
  }
  CHECK(faults == 0);
}

TEST_CASE("a reader of a lossy broadcast that is killed is nobody's business, and its slot is free again") {
  world w(false, 4);
  w.options.participants = 3;  // the writer and two readers
  auto tx = w.tx();
  auto rx = w.rx();
  REQUIRE(tx);
  REQUIRE(rx);
  for (u64 k = 1; k <= rounds(20); ++k) {
    test::child reader([&] {
      auto mine = w.rx();
      if (!mine) return 1;
      for (;;)
        if (const auto v = mine->pop(20s); !v && v.err() != errc::lagged) return 2;
    });
    REQUIRE(test::eventually([&] { return tx->peers() == 3; }));
    CHECK(w.rx().err().code == errc::no_space);
    REQUIRE(tx->push(tick::make(k)));
    test::sleep_us(static_cast<long>(k * 50));
    REQUIRE(reader.kill() == -SIGKILL);
    CHECK(rx->pop(5s)->seq == k);
    REQUIRE(w.rx());
  }
}
