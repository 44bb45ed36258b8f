// SPDX-License-Identifier: MIT
#include <sluice/channel/channel.hpp>
#include <sluice/channel/crowds.hpp>
#include <sluice/channel/explain.hpp>
#include <sluice/channel/lanes.hpp>
#include <sluice/channel/shared.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

// A fan-in over lanes, within a process and between processes.

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::errc;
using sluice::lanes;
using sluice::lanes_of;
using u64 = std::uint64_t;

struct tagged {
  u64 from, number;
};

void run_threads(unsigned producers, std::size_t capacity, sluice::wait_strategy how, u64 each, bool in_batches) {
  auto ends = channel<tagged, lanes>(capacity, {.wait = how});
  std::atomic<u64> wrong{0};
  std::vector<std::thread> threads;
  const auto produce = [&wrong, each](auto tx, u64 from) {
    tagged some[5];
    for (u64 i = 0; i < each;) {
      if (i % 3 == 0) {
        u64 n = 0;
        for (; n < 5 && i + n < each; ++n) some[n] = {from, i + n};
        const auto done = tx.push(std::span<const tagged>(some, n));
        if (!done) return void(++wrong);
        i += *done;
      } else if (i % 3 == 1) {
        auto place = tx.claim();
        if (!place) return void(++wrong);
        *place = {from, i};
        if (i++ % 2 == 0) {  // thinks better of it
          place = sluice::error(errc::empty);
          place = tx.claim();
          if (!place) return void(++wrong);
          *place = {from, i - 1};
        }
        place.commit();
      } else if (!tx.push(tagged{from, i++})) {
        return void(++wrong);
      }
    }
  };
  for (unsigned k = 1; k < producers; ++k) threads.emplace_back(produce, std::move(*ends.tx.clone()), u64{k});
  threads.emplace_back(produce, std::move(ends.tx), u64{0});
  std::vector<u64> next(producers);
  sluice::error end;
  const auto note = [&](const tagged& m) { wrong += m.from >= producers || m.number != next[m.from]++ ? 1u : 0u; };
  for (u64 i = 0; !end; ++i) {
    if (in_batches) {
      tagged some[9];
      const auto n = ends.rx.pop(std::span<tagged>(some));
      end = n.err();
      for (std::size_t k = 0; n && k < *n; ++k) note(some[k]);
    } else if (i % 5 == 0) {
      auto lent = ends.rx.borrow();
      end = lent.err();
      if (!lent) continue;
      if (i % 2 == 0) lent.keep();
      else note(*lent);
    } else {
      const auto m = ends.rx.pop();
      end = m.err();
      if (m) note(*m);
    }
  }
  for (auto& t : threads) t.join();
  INFO(producers << " producers, capacity " << capacity << ", strategy " << static_cast<int>(how));
  CHECK(end == errc::closed);
  CHECK(wrong == 0);
  for (const u64 n : next) CHECK(n == each);
}

constexpr sluice::wait_strategy strategies[] = {sluice::wait_strategy::spin_then_park, sluice::wait_strategy::park};

struct in_scratch {
  test::scratch dir;
  sluice::ring_options o;
  explicit in_scratch(std::size_t capacity, bool persistent = false) {
    o.directory = dir.c_str();
    o.capacity = capacity;
    o.persistent = persistent;
  }
  auto sink() const { return sluice::shm_sink<tagged, lanes>("fan", o); }
  auto source() const { return sluice::shm_source<tagged, lanes>("fan", o); }
};

}  // namespace

TEST_CASE("many threads push into lanes, asleep or not: every message comes once, and each producer's in order") {
  const u64 n = rounds(20'000);
  for (const auto how : strategies)
    for (const std::size_t capacity : {1u, 3u, 1000u})
      for (const bool in_batches : {false, true}) {
        run_threads(1, capacity, how, n, in_batches);
        run_threads(4, capacity, how, n, in_batches);
        run_threads(16, capacity, how, n / 8, in_batches);
      }
}

TEST_CASE("there are as many sending ends as lanes, one receiving end, and a lane is used again") {
  auto ends = channel<u64, lanes_of<3>>(2);
  CHECK(ends.rx.clone().err() == sluice::error(errc::busy, sluice::step::join, sluice::subject::role).by(0));
  auto second = ends.tx.clone(), third = ends.tx.clone();
  REQUIRE((second && third));
  CHECK(ends.tx.clone().err() == sluice::error(errc::no_space, sluice::step::join, sluice::subject::participants));
  CHECK(ends.rx.peers() == 4);
  CHECK(ends.rx.capacity() == 2);
  for (u64 i = 0; i < 2; ++i) REQUIRE((third->try_push(i) && ends.tx.try_push(10 + i)));
  CHECK(third->try_push(u64{}).err() == errc::full);
  CHECK(second->try_push(u64{20}));
  third->close();
  auto again = ends.tx.clone();  // in a lane that is still full
  REQUIRE(again);
  CHECK(again->try_push(u64{2}).err() == errc::full);
  CHECK(ends.rx.approx_size() == 5);
  u64 sum = 0;
  while (const auto m = ends.rx.try_pop()) sum += *m;
  CHECK(sum == 0 + 1 + 10 + 11 + 20);
  CHECK(again->try_push(u64{2}));
  CHECK(ends.rx.try_pop().value_or(0) == 2);
}

TEST_CASE("messages with a life that nobody popped are destroyed with the last end of their lanes") {
  const auto watch = std::make_shared<int>(7);
  {
    auto ends = channel<std::shared_ptr<int>, lanes>(8);
    auto other = std::move(*ends.tx.clone());
    for (int i = 0; i < 6; ++i) CHECK((ends.tx.push(std::shared_ptr<int>(watch)) && other.push(std::shared_ptr<int>(watch))));
    CHECK(**ends.rx.pop() == 7);
    CHECK(watch.use_count() == 12);
    other.close();
  }
  CHECK(watch.use_count() == 1);
}

TEST_CASE("a producer asleep on a full lane and a consumer asleep on empty ones are woken at once") {
  auto ends = channel<u64, lanes>(1, {.wait = sluice::wait_strategy::park});
  auto other = std::move(*ends.tx.clone());
  std::int64_t slowest = 0;
  const auto timed = [&](auto act) {
    const std::int64_t before = test::now_ns();
    act();
    slowest = std::max(slowest, test::now_ns() - before);
  };
  const u64 n = rounds(2000);
  std::thread t([&] {
    for (u64 i = 0; i < n; ++i) (void)other.push(u64{i});
    other.close();
  });
  for (u64 i = 0; i < n; ++i)
    timed([&] {
      const auto m = ends.rx.pop(10s);
      if (!m || *m != i) FAIL("a wake-up was lost");
    });
  t.join();
  std::printf("%llu messages from one sleeper to another, the slowest after %.1f ms\n", static_cast<unsigned long long>(n), static_cast<double>(slowest) / 1e6);
  CHECK(slowest < 5'000'000'000);
  CHECK(ends.rx.pop(1ms).err() == errc::timeout);  // one producer is left
}

TEST_CASE("regions of lanes are told apart by kind and by number of lanes") {
  const in_scratch s(10);
  const auto rx = s.source();
  REQUIRE(rx);
  const sluice::error other_kind(errc::mismatch, sluice::step::validate, sluice::subject::kind);
  CHECK(sluice::shm_sink<tagged, sluice::mpsc>("fan", s.o).err() == other_kind);
  CHECK(sluice::shm_sink<tagged, lanes_of<8>>("fan", s.o).err() == other_kind);
  CHECK(s.source().err() == sluice::error(errc::busy, sluice::step::join, sluice::subject::role).by(0));
  auto o = s.o;
  o.participants = 18;
  CHECK(sluice::shm_sink<tagged, lanes>("more", o).err() == sluice::error(errc::invalid, sluice::step::create, sluice::subject::participants));
  o.participants = 2;  // one lane of those that there are
  const auto only = sluice::shm_sink<tagged, lanes>("fewer", o);
  REQUIRE(only);
  CHECK(only->clone().err().code == errc::no_space);
}

TEST_CASE("processes push into lanes of shared memory or of a file") {
  const bool on_file = GENERATE(false, true);
  const test::scratch dir(on_file ? "/tmp" : "/dev/shm");
  sluice::ring_options o;
  if (!on_file) o.directory = dir.c_str();
  o.capacity = 5;
  const std::string path = dir / "q";
  auto rx = on_file ? sluice::mapped_source<tagged, lanes>(path, o) : sluice::shm_source<tagged, lanes>("q", o);
  REQUIRE(rx);
  const test::shared_with_children<std::atomic<unsigned>> ready;
  std::optional<test::child> c[4];
  for (u64 k = 0; k < 4; ++k)
    c[k].emplace([&, k] {
      auto tx = on_file ? sluice::mapped_sink<tagged, lanes>(path, o) : sluice::shm_sink<tagged, lanes>("q", o);
      if (!tx) return 1;
      ++*ready;
      if (!test::eventually([&] { return *ready == 4; })) return 3;
      for (u64 i = 0; i < 500; ++i)
        if (!tx->push(tagged{k, i}, 10s)) return 2;
      return 0;
    });
  u64 next[4] = {}, wrong = 0;
  for (;;) {
    const auto m = rx->pop(20s);
    if (!m) {
      CHECK(m.err() == errc::closed);
      break;
    }
    wrong += m->from >= 4 || m->number != next[m->from]++ ? 1u : 0u;
  }
  for (auto& p : c) CHECK(p->wait() == 0);
  CHECK(wrong == 0);
  for (const u64 n : next) CHECK(n == 500);
}

TEST_CASE("a forked child has no part in its parent's lanes, which it can join anew") {
  const in_scratch s(4);
  auto tx = s.sink();
  auto rx = s.source();
  REQUIRE((tx && rx));
  test::child c([&] {
    if (tx->try_push(tagged{}).err() != errc::forked || rx->try_pop().err() != errc::forked) return 1;
    auto mine = sluice::reopen(*tx, s.o);
    return mine && mine->push(tagged{1, 2}) ? 0 : 2;
  });
  CHECK(c.wait() == 0);
  CHECK(rx->pop(1s)->number == 2);
  CHECK(tx->push(tagged{1, 3}));
  CHECK(rx->pop(1s)->number == 3);
}

TEST_CASE("the lane of a killed producer drains, its death is told, and a successor goes on in it") {
  const in_scratch s(8);
  auto rx = s.source();
  REQUIRE(rx);
  for (u64 lap = 0; lap < 3; ++lap) {
    test::child c([&] {
      auto tx = s.sink();
      if (!tx) return 1;
      for (u64 i = 0; i < 8; ++i)
        if (!tx->try_push(tagged{lap, i})) return 2;
      ::kill(::getpid(), SIGKILL);
      return 3;
    });
    REQUIRE(c.wait() == -SIGKILL);
    auto heir = s.sink();
    REQUIRE(heir);
    CHECK(heir->peers() == 2);
    CHECK(heir->try_push(tagged{}).err() == errc::full);
    for (u64 i = 0; i < 4; ++i) {
      const auto m = rx->try_pop();
      REQUIRE(m);
      CHECK((m->from == lap && m->number == i));
    }
    REQUIRE(heir->try_push(tagged{lap, 8}));
    for (u64 i = 4; i < 9; ++i) CHECK(rx->try_pop()->number == i);
    CHECK(rx->try_pop().err() == errc::empty);
  }
  test::child last([&] {
    auto tx = s.sink();
    if (!tx || !tx->push(tagged{9, 9})) return 1;
    auto place = tx->claim(1s);
    if (place) *place = {9, 10};
    ::kill(::getpid(), SIGKILL);  // with a place in hand, that nobody will ever see
    return 3;
  });
  REQUIRE(last.wait() == -SIGKILL);
  CHECK(rx->pop(1s)->number == 9);
  const std::int64_t before = test::now_ns();
  CHECK(rx->pop(10s).err() == errc::peer_died);
  CHECK(test::now_ns() - before < 5'000'000'000);
  CHECK(rx->recovered().peers >= 1);
}

TEST_CASE("a killed consumer's successor gets every lane from where it was left, and sleepers are told") {
  const in_scratch s(8, true);
  std::vector<sluice::result<std::remove_reference_t<decltype(*s.sink())>>> tx;
  for (u64 k = 0; k < 3; ++k) {
    tx.push_back(s.sink());
    REQUIRE(tx.back());
    for (u64 i = 0; i < 8; ++i) REQUIRE(tx.back()->try_push(tagged{k, i}));
  }
  test::child c([&] {
    auto rx = s.source();
    if (!rx) return 1;
    for (u64 i = 0; i < 10; ++i)
      if (!rx->try_pop()) return 2;
    auto lent = rx->borrow(1s);
    ::kill(::getpid(), SIGKILL);  // with a message in hand
    return 3;
  });
  REQUIRE(c.wait() == -SIGKILL);
  auto rx = s.source();
  REQUIRE(rx);
  u64 next[3] = {8, 8, 8}, got = 0;
  for (; got < 14; ++got) {
    const auto m = rx->try_pop();
    REQUIRE(m);
    if (next[m->from] == 8) next[m->from] = m->number;
    CHECK(m->number == next[m->from]++);
  }
  CHECK(rx->try_pop().err() == errc::empty);
  for (const u64 n : next) CHECK(n == 8);

  const in_scratch t(1);
  auto in = t.sink();
  REQUIRE(in);
  test::child quiet([&] {
    auto out = t.source();
    if (!out || !out->pop(10s)) return 1;
    ::pause();
    return 2;
  });
  REQUIRE((in->push(tagged{0, 0}, 10s) && in->push(tagged{0, 1}, 10s)));
  std::thread killer([&] {
    test::sleep_us(20'000);
    quiet.kill();
  });
  CHECK(in->push(tagged{0, 2}, 10s).err() == errc::peer_died);  // slept meanwhile
  killer.join();
}
