// SPDX-License-Identifier: MIT
#include <sluice/channel/channel.hpp>
#include <sluice/channel/crowds.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/platform/describe.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

// Channels with several ends on a side, within a process and between processes.

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::errc;
using sluice::mpmc;
using sluice::mpsc;
using sluice::spmc;
using sluice::spsc;
using u64 = std::uint64_t;

struct tagged {
  u64 from, number;
};

/// Every message once, and those of one producer in order wherever they come out.
struct census {
  std::vector<std::atomic<unsigned char>> seen;
  std::atomic<u64> wrong{0}, got{0};
  u64 each;
  census(u64 producers, u64 n) : seen(producers * n), each(n) {}
  void note(const tagged& m, std::vector<u64>& last) {
    if (m.from * each + m.number >= seen.size() || seen[m.from * each + m.number]++ != 0) ++wrong;
    if (last[m.from] > m.number) ++wrong;
    last[m.from] = m.number + 1;
    ++got;
  }
};

template <class Kind>
void run_threads(unsigned producers, unsigned consumers, std::size_t capacity, sluice::wait_strategy how, u64 each) {
  auto ends = channel<tagged, Kind>(capacity, {.wait = how});
  census all(producers, each);
  std::vector<std::thread> threads;
  const auto consume = [&all, producers](auto rx) {
    std::vector<u64> last(producers);
    auto every = rx.each();
    for (const auto& m : every) all.note(m, last);
    if (every.why != errc::closed) ++all.wrong;
  };
  const auto produce = [&all](auto tx, u64 from) {
    tagged some[5];
    for (u64 i = 0; i < all.each;) {
      if (i % 3 == 0) {
        u64 n = 0;
        for (; n < 5 && i + n < all.each; ++n) some[n] = {from, i + n};
        const auto done = tx.push(std::span<const tagged>(some, n));
        if (!done) return void(++all.wrong);
        i += *done;
      } else if (!tx.push(tagged{from, i++})) {
        return void(++all.wrong);
      }
    }
  };
  for (unsigned k = 1; k < consumers; ++k) threads.emplace_back(consume, std::move(*ends.rx.clone()));
  threads.emplace_back(consume, std::move(ends.rx));
  for (unsigned k = 1; k < producers; ++k) threads.emplace_back(produce, std::move(*ends.tx.clone()), u64{k});
  threads.emplace_back(produce, std::move(ends.tx), u64{0});
  for (auto& t : threads) t.join();
  INFO(producers << " x " << consumers << ", capacity " << capacity << ", strategy " << static_cast<int>(how));
  CHECK(all.wrong == 0);
  CHECK(all.got == producers * each);
}

constexpr sluice::wait_strategy strategies[] = {sluice::wait_strategy::spin_then_park, sluice::wait_strategy::park};

}  // namespace

TEST_CASE("many threads push and pop, asleep or not: every message comes once, and each producer's in order") {
  const u64 n = rounds(20'000);
  for (const auto how : strategies)
    for (const std::size_t capacity : {1u, 3u, 1000u}) {
      run_threads<mpmc>(4, 4, capacity, how, n);
      run_threads<mpmc>(1, 3, capacity, how, n);
      run_threads<mpsc>(4, 1, capacity, how, n);
      run_threads<spmc>(1, 4, capacity, how, n);
    }
}

TEST_CASE("a side has as many ends as its kind allows, and says so") {
  auto one = channel<u64, spsc>(4);
  CHECK(one.tx.clone().err() == sluice::error(errc::busy, sluice::step::join, sluice::subject::role).by(0));
  CHECK(one.rx.clone().err().code == errc::busy);
  auto in = channel<u64, mpsc>(4);
  CHECK(in.rx.clone().err().code == errc::busy);
  auto many = channel<u64, mpmc>(4);
  std::vector<decltype(many.tx)> more;
  for (auto next = many.tx.clone(); next; next = many.tx.clone()) more.push_back(std::move(*next));
  CHECK(more.size() == 62);
  CHECK(many.tx.clone().err() == sluice::error(errc::no_space, sluice::step::join, sluice::subject::participants));
  CHECK(many.rx.peers() == 64);
  more.pop_back();
  CHECK(many.tx.clone());
  auto gone = std::move(many.tx);
  gone.close();
  CHECK(gone.clone().err().code == errc::closed);
}

TEST_CASE("messages with a life are destroyed once, popped or not, by whichever end is the last") {
  const auto watch = std::make_shared<int>(7);
  {
    auto ends = channel<std::shared_ptr<int>, mpmc>(8);
    auto tx = std::move(*ends.tx.clone());
    for (int i = 0; i < 6; ++i) CHECK(tx.push(std::shared_ptr<int>(watch)));
    CHECK(**ends.rx.pop() == 7);
    {
      auto kept = ends.rx.borrow();
      CHECK(**kept == 7);
      kept.keep();
    }
    CHECK(ends.rx.redelivered() == false);
    CHECK(**ends.rx.pop() == 7);
    CHECK(ends.rx.redelivered());
    {
      const auto had = ends.rx.borrow();
    }
    CHECK(watch.use_count() == 4);
  }
  CHECK(watch.use_count() == 1);
}

TEST_CASE("a cancelled wait takes nothing and hands its wake-up on") {
  auto ends = channel<u64, mpmc>(4, {.wait = sluice::wait_strategy::park});
  std::atomic<u64> got{0}, gave_up{0};
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < 3; ++k)
    threads.emplace_back([&, rx = std::move(*ends.rx.clone()), k]() mutable {
      while (!over) {
        const auto m = rx.pop(std::chrono::microseconds(k == 0 ? 10'000'000 : 30));
        if (m) ++got;
        else ++gave_up;
      }
    });
  const u64 all = rounds(3000);
  std::int64_t slowest = 0;
  for (u64 i = 0; i < all; ++i) {
    const std::int64_t before = test::now_ns();
    REQUIRE(ends.tx.push(u64{i}));
    if (!test::eventually([&] { return got == i + 1; }, 2)) FAIL("a message lies there and nobody wakes up");
    slowest = std::max(slowest, test::now_ns() - before);
  }
  over = true;
  ends.tx.close();
  for (auto& t : threads) t.join();
  CHECK(got == all);
  std::printf("%llu messages to three sleepers, %llu cancelled waits, slowest %.1f ms\n", static_cast<unsigned long long>(all),
              static_cast<unsigned long long>(gave_up), static_cast<double>(slowest) / 1e6);
}

TEST_CASE("processes share a queue in shared memory or in a file, and a clone is one more participant") {
  const bool on_file = GENERATE(false, true);
  const test::scratch dir(on_file ? "/tmp" : "/dev/shm");
  sluice::ring_options o;
  if (!on_file) o.directory = dir.c_str();
  o.capacity = 7;
  o.participants = 6;
  const std::string path = dir / "q";
  const auto sink = [&] { return on_file ? sluice::mapped_sink<tagged, mpmc>(path, o) : sluice::shm_sink<tagged, mpmc>("q", o); };
  const auto source = [&] { return on_file ? sluice::mapped_source<tagged, mpmc>(path, o) : sluice::shm_source<tagged, mpmc>("q", o); };
  auto rx = source();
  REQUIRE(rx);
  auto more = rx->clone();
  REQUIRE(more);
  std::optional<test::child> c[3];
  for (u64 k = 0; k < 3; ++k)
    c[k].emplace([&, k] {
      auto tx = sink();
      if (!tx) return 1;
      for (u64 i = 0; i < 500; ++i)
        if (!tx->push(tagged{k, i}, 10s)) return 2;
      return 0;
    });
  std::vector<u64> last[2] = {std::vector<u64>(3), std::vector<u64>(3)};
  census all(3, 500);
  for (u64 i = 0; i < 1500; ++i) {
    auto m = (i % 2 == 0 ? *rx : *more).pop(10s);
    if (!m && m.err() == errc::closed) {  // for a moment nobody was there
      --i;
      continue;
    }
    REQUIRE(m);
    all.note(*m, last[i % 2]);
  }
  for (auto& p : c) CHECK(p->wait() == 0);
  CHECK(all.wrong == 0);
  CHECK(rx->pop(5s).err() == errc::closed);
  CHECK(more->pop(5s).err() == errc::closed);
  auto tx = sink();
  REQUIRE(tx);
  std::vector<sluice::result<std::remove_reference_t<decltype(*tx)>>> full;
  for (unsigned k = 0; k < 3; ++k) full.push_back(tx->clone());
  CHECK(full.back());
  CHECK(tx->clone().err() == sluice::error(errc::no_space, sluice::step::join, sluice::subject::participants));
  CHECK(rx->peers() == 6);
}

TEST_CASE("kinds, and what they have room for, are told apart") {
  const test::scratch dir;
  sluice::ring_options o;
  o.directory = dir.c_str();
  auto tx = sluice::shm_sink<u64, mpmc>("q", o);
  REQUIRE(tx);
  CHECK(sluice::shm_source<u64, mpsc>("q", o).err() == sluice::error(errc::mismatch, sluice::step::validate, sluice::subject::kind));
  o.participants = 65;
  CHECK(sluice::shm_sink<u64, mpmc>("p", o).err() == sluice::error(errc::invalid, sluice::step::create, sluice::subject::participants));
  o.participants = 0;
  auto in = sluice::shm_source<u64, mpsc>("in", o);
  REQUIRE(in);
  CHECK(sluice::shm_source<u64, mpsc>("in", o).err() == sluice::error(errc::busy, sluice::step::join, sluice::subject::role).by(0));
  auto out = sluice::shm_sink<u64, spmc>("out", o);
  REQUIRE(out);
  CHECK(sluice::shm_sink<u64, spmc>("out", o).err() == sluice::error(errc::busy, sluice::step::join, sluice::subject::role).by(0));
}

TEST_CASE("a forked child has no part in its parent's ends, which it can join anew") {
  const test::scratch dir;
  sluice::ring_options o;
  o.directory = dir.c_str();
  o.capacity = 4;
  auto tx = sluice::shm_sink<u64, mpmc>("q", o);
  auto rx = sluice::shm_source<u64, mpmc>("q", o);
  REQUIRE((tx && rx));
  test::child c([&] {
    if (tx->try_push(u64{1}).err() != errc::forked || rx->try_pop().err() != errc::forked) return 1;
    auto mine = sluice::reopen(*tx, o);
    if (!mine || !mine->push(u64{2})) return 2;
    auto another = mine->clone();
    return another && another->push(u64{3}) ? 0 : 3;
  });
  CHECK(c.wait() == 0);
  CHECK(*rx->pop(1s) == 2);
  CHECK(*rx->pop(1s) == 3);
  CHECK(tx->push(u64{4}));
  CHECK(*rx->pop(1s) == 4);
}

TEST_CASE("what a killed consumer held is dropped and counted where the region is made so, and nothing else is lost") {
  const bool on_file = GENERATE(false, true);
  const test::scratch dir(on_file ? "/tmp" : "/dev/shm");
  sluice::ring_options o;
  if (!on_file) o.directory = dir.c_str();
  o.capacity = 8;
  o.after_death = sluice::orphans::drop;
  const std::string path = dir / "q";
  const auto sink = [&] { return on_file ? sluice::mapped_sink<u64, mpmc>(path, o) : sluice::shm_sink<u64, mpmc>("q", o); };
  const auto source = [&] { return on_file ? sluice::mapped_source<u64, mpmc>(path, o) : sluice::shm_source<u64, mpmc>("q", o); };
  auto tx = sink();
  auto rx = source();
  REQUIRE((tx && rx));
  u64 next = 0, dropped = 0;
  for (unsigned k = 0; k < rounds(20); ++k) {
    for (u64 m = 0; m < 8; ++m) REQUIRE(tx->push(next + m));
    test::shared_with_children<std::atomic<u64>> held;
    test::child c([&] {
      auto mine = source();
      if (!mine || *mine->pop(1s) != next) return 1;  // popped: it had that one
      const auto loan = mine->borrow(1s);
      if (!loan) return 2;
      *held = *loan;
      ::kill(::getpid(), SIGKILL);
      return 3;
    });
    REQUIRE(c.wait() == -SIGKILL);
    CHECK(*held == next + 1);
    for (u64 m = 2; m < 8; ++m) CHECK(*rx->pop(1s) == next + m);
    CHECK_FALSE(rx->redelivered());
    CHECK(rx->pop(k % 2 == 0 ? 30ms : 0ms).err());
    if (k % 3 == 0) {  // it is the producer that heals, which is held up by what the dead one held
      for (u64 m = 0; m < 8; ++m) REQUIRE(tx->push(100 + m, 5s));
      for (u64 m = 0; m < 8; ++m) CHECK(*rx->pop(5s) == 100 + m);
    }
    (void)rx->recover();
    dropped = rx->recovered().dropped + tx->recovered().dropped;
    CHECK(dropped == k + 1);
    CHECK(rx->recovered().redelivered + tx->recovered().redelivered == 0);
    next += 1000;
  }
}

TEST_CASE("all ends of a region agree on what becomes of messages that a dead consumer held") {
  const test::scratch dir;
  const auto open = [&](const char* name, sluice::orphans fate) {
    sluice::ring_options o;
    o.directory = dir.c_str();
    o.after_death = fate;
    return sluice::shm_sink<u64, mpmc>(name, o);
  };
  using sluice::orphans;
  const sluice::error differs(errc::mismatch, sluice::step::validate, sluice::subject::after_death);
  auto drop = open("drop", orphans::drop), keep = open("keep", orphans::redeliver), usual = open("usual", orphans::as_created);
  REQUIRE((drop && keep && usual));
  CHECK(open("drop", orphans::as_created));
  CHECK(open("drop", orphans::drop));
  CHECK(open("drop", orphans::redeliver).err() == differs);
  CHECK(open("keep", orphans::drop).err() == differs);
  CHECK(open("usual", orphans::drop).err() == differs);
  CHECK(open("usual", orphans::redeliver));
  CHECK(drop->clone());
  CHECK(std::string(sluice::describe(differs).c_str()).find(".after_death") != std::string::npos);
  sluice::ring_options o;
  o.directory = dir.c_str();
  o.after_death = orphans::drop;
  const sluice::error never(errc::unsupported, sluice::step::open, sluice::subject::after_death);
  CHECK(sluice::shm_sink<u64>("one", o).err() == never);
  CHECK(sluice::shm_source<u64>("one", o).err() == never);
  CHECK(dir.entries() == 3);
  CHECK(sluice::shm_source<u64, mpsc>("in", o));
  CHECK(sluice::shm_source<u64, spmc>("out", o));
}

TEST_CASE("whoever is refused, or asks, heals what a killed process held, and reports it") {
  const test::scratch dir;
  sluice::ring_options o;
  o.directory = dir.c_str();
  o.capacity = 4;
  auto tx = sluice::shm_sink<u64, mpmc>("q", o);
  auto rx = sluice::shm_source<u64, mpmc>("q", o);
  REQUIRE((tx && rx));
  REQUIRE((tx->push(u64{1}) && tx->push(u64{2})));
  const auto die_with = [&](bool place) {
    test::child c([&, place] {
      auto t = sluice::shm_sink<u64, mpmc>("q", o);
      auto r = sluice::shm_source<u64, mpmc>("q", o);
      if (!t || !r) return 1;
      auto slot = place ? t->claim(1s) : sluice::error(errc::empty);
      auto loan = place ? sluice::error(errc::empty) : r->borrow(1s);
      if (place ? !slot : !loan) return 2;
      ::kill(::getpid(), SIGKILL);
      return 3;
    });
    CHECK(c.wait() == -SIGKILL);
  };
  die_with(false);
  const std::int64_t before = test::now_ns();
  const auto healed = rx->recover();
  CHECK(test::now_ns() - before < (sanitized ? 50'000'000 : 2'000'000));
  CHECK(healed.peers == 2);
  CHECK(healed.redelivered == 1);
  CHECK(rx->recover().peers == 0);
  CHECK(*rx->try_pop() == 1);
  CHECK(rx->redelivered());
  CHECK(*rx->try_pop() == 2);
  CHECK_FALSE(rx->redelivered());

  die_with(true);
  REQUIRE(tx->push(u64{3}));
  CHECK(rx->try_pop().err() == errc::pending);
  CHECK(*rx->pop(1s) == 3);
  CHECK(rx->recovered().undelivered == 1);
  CHECK(rx->recovered().peers == 4);
}
