// SPDX-License-Identifier: MIT
#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/channel/shared.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::errc;
using sluice::latest;
using sluice::now;
using sluice::ring_options;
using sluice::wait_strategy;
using u64 = std::uint64_t;

struct pose {
  u64 seq, a, b, c;
  static pose make(u64 n) noexcept { return {n, n * 3, n * 5, n * 7}; }
  [[nodiscard]] bool whole() const noexcept { return a == seq * 3 && b == seq * 5 && c == seq * 7; }
};

// The same over shared memory and over a mapped file.
struct world {
  bool mapped;
  test::scratch dir;
  std::string path = dir / "pose";
  ring_options options;

  explicit world(bool on_file) : mapped(on_file), dir(on_file ? "/tmp" : "/dev/shm") {
    if (!mapped) options.directory = dir.c_str();
  }
  auto tx() const { return mapped ? sluice::mapped_sink<pose, latest>(path, options) : sluice::shm_sink<pose, latest>("pose", options); }
  auto rx() const { return mapped ? sluice::mapped_source<pose, latest>(path, options) : sluice::shm_source<pose, latest>("pose", options); }
};

}  // namespace

TEST_CASE("the ends of a channel for the newest value are what the concepts promise") {
  using ends = decltype(channel<u64, latest>());
  STATIC_REQUIRE(sluice::lending_sink<decltype(ends::tx)>);
  STATIC_REQUIRE(sluice::lending_source<decltype(ends::rx)>);
  STATIC_REQUIRE_FALSE(sluice::traits_of<decltype(ends::rx)>.reliable);
  auto [tx, rx] = channel<u64, latest>();
  CHECK(tx.capacity() == 3);
  CHECK(rx.approx_size() == 0);
  REQUIRE(tx.push(1u));
  REQUIRE(tx.push(2u));
  REQUIRE(tx.push(3u));
  CHECK(rx.approx_size() == 1);
  CHECK(rx.lag() == 3);
  CHECK(*rx.pop() == 3);
  CHECK(rx.dropped() == 2);
  CHECK(rx.pop(1ms).err() == errc::timeout);
  CHECK(tx.clone().err() == errc::busy);  // there is one producer
}

TEST_CASE("every reader of a newest value sleeps, is woken and comes to the end") {
  const auto how = GENERATE(wait_strategy::park, wait_strategy::spin_then_park);
  auto [tx, rx] = channel<pose, latest>(2, {.wait = how});
  constexpr unsigned readers = 4;
  std::vector<decltype(rx)> ends;
  ends.push_back(std::move(rx));
  while (ends.size() < readers) {
    auto more = ends[0].clone();
    REQUIRE(more);
    ends.push_back(std::move(*more));
  }
  CHECK(ends[0].peers() == readers + 1);
  std::vector<u64> last(readers), bad(readers);
  std::vector<errc> why(readers);
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < readers; ++k)
    threads.emplace_back([&, k] {
      auto all = ends[k].each(20s);
      for (const auto& p : all) {
        if (!p.whole() || p.seq <= last[k]) ++bad[k];
        last[k] = p.seq;
      }
      why[k] = all.why.code;
    });
  const unsigned values = rounds(20'000);
  for (u64 i = 1; i <= values; ++i) {
    REQUIRE(tx.push(pose::make(i)));
    if (i % 64 == 0) std::this_thread::yield();
  }
  tx.close();
  for (auto& t : threads) t.join();
  for (unsigned k = 0; k < readers; ++k) {
    CHECK(last[k] == values);
    CHECK(bad[k] == 0);
    CHECK(why[k] == errc::closed);
  }
}

TEST_CASE("a writer that is killed at any moment leaves a whole value, and its successor goes on from there") {
  const world w(GENERATE(false, true));
  auto rx = w.rx();
  REQUIRE(rx);
  test::dice d(7);
  u64 before = 0;
  unsigned deaths = 0;
  const unsigned writers = rounds(60);
  for (unsigned k = 0; k < writers; ++k) {
    test::child writer([&] {
      auto tx = w.tx();
      auto mine = w.rx();
      if (!tx || !mine) return 1;
      const auto v = mine->pop(now);  // what there is
      for (u64 n = v ? v->seq + 1 : 1;; ++n)
        if (!tx->push(pose::make(n))) return 2;
    });
    REQUIRE(test::eventually([&] {  // until it comes, the end of the one before
      const auto v = rx->pop(now);
      if (v) before = v->seq;
      return static_cast<bool>(v);
    }));
    test::sleep_us(static_cast<long>(d.below(500)));
    REQUIRE(writer.kill() == -SIGKILL);
    for (auto v = rx->pop(5s);; v = rx->pop(5s)) {
      if (!v) {
        CHECK(v.err() == errc::peer_died);
        CHECK(v.err().who == 1);
        ++deaths;
        break;
      }
      REQUIRE(v->whole());
      REQUIRE(v->seq > before);
      before = v->seq;
    }
    auto late = w.rx();
    REQUIRE(late);
    const auto kept = late->pop(now);
    REQUIRE(kept);
    CHECK(kept->seq == before);
    CHECK(kept->whole());
  }
  CHECK(deaths == writers);
}

TEST_CASE("a reader of a newest value that is killed is nobody's business, and its slot is free again") {
  world w(false);
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
        if (!mine->pop(20s)) return 2;
    });
    REQUIRE(test::eventually([&] { return tx->peers() == 3; }));
    CHECK(w.rx().err().code == errc::no_space);
    REQUIRE(tx->push(pose::make(k)));
    test::sleep_us(static_cast<long>(k * 50));
    REQUIRE(reader.kill() == -SIGKILL);
    CHECK(rx->pop(5s)->seq == k);
    auto again = w.rx();
    REQUIRE(again);
    CHECK(again->pop(now)->seq == k);
  }
}

TEST_CASE("an end for the newest value says forked in a forked child") {
  world w(false);
  auto tx = w.tx();
  auto rx = w.rx();
  REQUIRE(tx);
  REQUIRE(rx);
  test::child c([&] { return tx->push(pose::make(1)).err() == errc::forked && rx->pop(now).err() == errc::forked ? 0 : 1; });
  CHECK(c.wait() == 0);
  REQUIRE(tx->push(pose::make(2)));
  CHECK(rx->pop(5s)->seq == 2);
}
