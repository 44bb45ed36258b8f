// SPDX-License-Identifier: MIT
#include <sluice/channel/channel.hpp>
#include <sluice/channel/priorities.hpp>
#include <sluice/channel/shared.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

// A queue with priorities, within a process and between processes.

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::errc;
using sluice::priorities;
using sluice::priorities_of;
using u64 = std::uint64_t;

struct tagged {
  unsigned from, priority;
  u64 number;  // of this producer's, at any priority
};

constexpr unsigned levels = 8;
/// Two for each of four producers: what stands behind the place of another that is slow to fill it does not count as there.
constexpr unsigned priority_of(unsigned from, u64 number) noexcept {
  return 2 * from + static_cast<unsigned>(((number + from) * 0x9e3779b97f4a7c15u) >> 63);
}
constexpr unsigned any_priority_of(unsigned from, u64 number) noexcept {
  return static_cast<unsigned>(((number + from) * 0x9e3779b97f4a7c15u) >> 61);
}

/// What has become of all messages.
struct census {
  struct one {
    std::vector<u64> sent[levels];
    std::size_t had[levels] = {};
  };
  std::vector<one> from;
  u64 wrong = 0, higher_left = 0, total = 0;

  census(unsigned producers, u64 each) : from(producers) {
    for (unsigned p = 0; p < producers; ++p)
      for (u64 i = 0; i < each; ++i) from[p].sent[priority_of(p, i)].push_back(i);
  }
  /// Popped by the only consumer: nothing above it that the same producer pushed before it may be still to come.
  void note(const tagged& m, unsigned priority) {
    ++total;
    if (m.from >= from.size() || m.priority != priority) return void(++wrong);
    one& o = from[m.from];
    auto& n = o.had[priority];
    if (n == o.sent[priority].size() || o.sent[priority][n++] != m.number) return void(++wrong);
    for (unsigned k = priority + 1; k < levels; ++k)
      if (o.had[k] < o.sent[k].size() && o.sent[k][o.had[k]] < m.number) ++higher_left;
  }
};

template <class Sink>
bool send_all(Sink& tx, unsigned from, u64 each, unsigned (*priority_of)(unsigned, u64) noexcept = &::priority_of) {
  for (u64 i = 0; i < each;) {
    const unsigned k = priority_of(from, i);
    const tagged m{from, k, i};
    if (i % 3 == 0) {
      auto place = tx.claim(k, 10s);
      if (!place) return false;
      *place = m;
      if (i % 2 == 0) {  // thinks better of it
        place = sluice::error(errc::empty);
        place = tx.claim(k);
        if (!place) return false;
        *place = m;
      }
      place.commit();
      ++i;
    } else if (i % 3 == 1 && i + 1 < each && priority_of(from, i + 1) == k) {
      const tagged both[] = {m, {from, k, i + 1}};
      const auto n = tx.push(both, k, 10s);
      if (!n) return false;
      i += *n;
    } else if (!tx.push(m, k, 10s)) {
      return false;
    } else {
      ++i;
    }
  }
  return true;
}

constexpr sluice::wait_strategy strategies[] = {sluice::wait_strategy::spin_then_park, sluice::wait_strategy::park};

}  // namespace

TEST_CASE("many threads push at all priorities to one consumer, asleep or not: no message is popped before what is above it") {
  const u64 each = rounds(5'000);
  for (const auto how : strategies)
    for (const std::size_t capacity : {1u, 3u, 1000u})
      for (const bool in_batches : {false, true}) {
        auto ends = channel<tagged, priorities>(capacity, {.wait = how});
        census all(4, each);
        std::atomic<unsigned> failed{0};
        std::vector<std::thread> threads;
        for (unsigned p = 0; p < 4; ++p)
          threads.emplace_back([&failed, p, tx = std::move(*ends.tx.clone())]() mutable {
            failed += send_all(tx, p, each) ? 0u : 1u;
          });
        ends.tx.close();
        sluice::error end;
        for (u64 i = 0; !end; ++i) {
          if (in_batches) {
            tagged some[5];
            const auto n = ends.rx.pop(some, 10s);
            end = n.err();
            for (std::size_t k = 0; n && k < *n; ++k) all.note(some[k], ends.rx.last_priority());
          } else if (i % 5 == 0) {
            auto lent = ends.rx.borrow(10s);
            end = lent.err();
            if (!lent) continue;
            if (i % 2 == 0) lent.keep();  // and gets it again
            else all.note(*lent, ends.rx.last_priority());
          } else {
            const auto m = ends.rx.pop(10s);
            end = m.err();
            if (m) all.note(*m, ends.rx.last_priority());
          }
        }
        for (auto& t : threads) t.join();
        INFO("capacity " << capacity << ", strategy " << static_cast<int>(how) << ", in batches " << in_batches);
        CHECK(end == errc::closed);
        CHECK(failed == 0);
        CHECK(all.wrong == 0);
        CHECK(all.higher_left == 0);
        CHECK(all.total == 4 * each);
      }
}

TEST_CASE("many threads push and pop at all priorities: every message comes once, and those of a producer and priority in order") {
  const u64 each = rounds(20'000);
  for (const auto how : strategies)
    for (const std::size_t capacity : {1u, 3u, 1000u}) {
      auto ends = channel<tagged, priorities>(capacity, {.wait = how});
      std::vector<std::atomic<unsigned>> seen(4 * each);
      std::atomic<u64> wrong{0};
      std::vector<std::thread> threads;
      for (unsigned c = 0; c < 3; ++c)
        threads.emplace_back([&, rx = std::move(*ends.rx.clone())]() mutable {
          u64 next[4][levels] = {};
          for (auto m = rx.pop(); m || m.err() != errc::closed; m = rx.pop()) {
            if (!m || m->from >= 4 || m->number >= each || m->priority != rx.last_priority()) {
              ++wrong;
              continue;
            }
            wrong += seen[m->from * each + m->number]++;
            auto& after = next[m->from][m->priority];
            wrong += m->number < after ? 1u : 0u;
            after = m->number + 1;
          }
        });
      ends.rx.close();
      std::vector<std::thread> producers;
      for (unsigned p = 0; p < 4; ++p)
        producers.emplace_back([&wrong, p, tx = std::move(*ends.tx.clone())]() mutable {
          wrong += send_all(tx, p, each, any_priority_of) ? 0u : 1u;
        });
      ends.tx.close();
      for (auto& t : producers) t.join();
      for (auto& t : threads) t.join();
      INFO("capacity " << capacity << ", strategy " << static_cast<int>(how));
      CHECK(wrong == 0);
      u64 missing = 0;
      for (const auto& s : seen) missing += s == 0 ? 1u : 0u;
      CHECK(missing == 0);
    }
}

TEST_CASE("every verb takes a priority, says so where there is no such one, and keeps its deadline") {
  auto [tx, rx] = channel<u64, priorities_of<3>>(2);
  REQUIRE(tx.push(u64{1}));
  REQUIRE(tx.push(u64{20}, 2));
  REQUIRE(tx.push(u64{10}, 1, 1s));
  const std::vector<u64> more{21, 22};
  CHECK(tx.push(more, 2, sluice::now).value_or(0) == 1);
  CHECK(tx.try_push(more, 2).err() == errc::full);
  CHECK(tx.push(more, 2, 5ms).err() == errc::timeout);
  CHECK(tx.push(u64{9}, 2, 5ms).err() == errc::timeout);
  CHECK(tx.claim(2, 5ms).err() == errc::timeout);
  const sluice::error none(errc::invalid, sluice::step::push, sluice::subject::priority);
  CHECK(tx.try_push(u64{9}, 3).err() == none);
  CHECK(tx.push(u64{9}, ~0u).err() == none);
  CHECK(tx.push(more, 3).err() == none);
  CHECK(tx.try_claim(3).err() == none.during(sluice::step::claim));
  CHECK(rx.capacity() == 2);
  CHECK(rx.approx_size() == 4);
  {
    const auto lent = rx.borrow();
    CHECK((lent && *lent == 20 && rx.last_priority() == 2));
  }
  for (const u64 expected : {21u, 10u, 1u}) CHECK(rx.pop().value_or(0) == expected);
  CHECK(rx.last_priority() == 0);
  tx.close();
  CHECK(rx.pop().err() == errc::closed);
  CHECK(tx.push(u64{1}, 1).err() == errc::closed);
}

TEST_CASE("who waits for room at one priority is woken by room there, whoever else waits for some elsewhere") {
  auto ends = channel<u64, priorities_of<2>>(1, {.wait = sluice::wait_strategy::park});
  const u64 all = rounds(300);
  std::int64_t slowest = 0;
  for (u64 i = 0; i < all; ++i) {
    REQUIRE((ends.tx.push(u64{0}, 0) && ends.tx.push(u64{1}, 1)));
    std::atomic<unsigned> done[2] = {};
    std::vector<std::thread> threads;
    for (const unsigned k : {i % 2 == 0 ? 0u : 1u, i % 2 == 0 ? 1u : 0u})  // in either order of seats
      threads.emplace_back([&done, k, tx = std::move(*ends.tx.clone())]() mutable { done[k] = tx.push(u64{10 + k}, k, 10s) ? 1 : 2; });
    std::this_thread::sleep_for(2ms);
    const std::int64_t before = test::now_ns();
    REQUIRE(ends.rx.pop(1s).value_or(9) == 1);  // room at the higher one
    REQUIRE(test::eventually([&] { return done[1] != 0; }, 5));
    slowest = std::max(slowest, test::now_ns() - before);
    CHECK(done[0] == 0);
    REQUIRE(ends.rx.pop(1s).value_or(9) == 11);
    REQUIRE(ends.rx.pop(1s).value_or(9) == 0);
    REQUIRE(test::eventually([&] { return done[0] != 0; }, 5));
    REQUIRE(ends.rx.pop(1s).value_or(9) == 10);
    for (auto& t : threads) t.join();
    CHECK((done[0] == 1 && done[1] == 1));
  }
  std::printf("%llu pairs of sleepers, woken within %.1f ms\n", static_cast<unsigned long long>(all), static_cast<double>(slowest) / 1e6);
}

TEST_CASE("messages with a life are destroyed once at every priority, popped or not") {
  const auto watch = std::make_shared<int>(7);
  {
    auto [tx, rx] = channel<std::shared_ptr<int>, priorities>(4);
    for (unsigned k = 0; k < levels; ++k) CHECK(tx.push(std::shared_ptr<int>(watch), k));
    CHECK(**rx.pop() == 7);
    CHECK(watch.use_count() == levels);
  }
  CHECK(watch.use_count() == 1);
}

TEST_CASE("processes share a queue with priorities in shared memory or in a file, which outlives them") {
  const bool on_file = GENERATE(false, true);
  const test::scratch dir(on_file ? "/tmp" : "/dev/shm");
  sluice::ring_options o;
  if (!on_file) o.directory = dir.c_str();
  o.capacity = 7;
  o.persistent = true;
  const std::string path = dir / "q";
  const auto sink = [&] { return on_file ? sluice::mapped_sink<tagged, priorities>(path, o) : sluice::shm_sink<tagged, priorities>("q", o); };
  const auto source = [&] {
    return on_file ? sluice::mapped_source<tagged, priorities>(path, o) : sluice::shm_source<tagged, priorities>("q", o);
  };
  constexpr u64 each = 400;
  census all(3, each);
  {
    auto rx = source();
    REQUIRE(rx);
    std::optional<test::child> c[3];
    for (unsigned k = 0; k < 3; ++k)
      c[k].emplace([&, k] {
        auto tx = sink();
        return tx && send_all(*tx, k, each) ? 0 : 1;
      });
    for (u64 i = 0; i < 3 * each; ++i) {
      const auto m = rx->pop(10s);
      REQUIRE(m);
      all.note(*m, rx->last_priority());
    }
    for (auto& p : c) CHECK(p->wait() == 0);
    CHECK(all.wrong == 0);
    CHECK(all.higher_left == 0);
  }
  {
    auto tx = sink();
    REQUIRE(tx);
    for (unsigned k = 0; k < levels; ++k) REQUIRE(tx->push(tagged{0, k, k}, k));
  }
  auto rx = source();
  REQUIRE(rx);
  for (unsigned k = levels; k-- > 0;) CHECK(rx->pop(1s).value_or(tagged{}).priority == k);
}

TEST_CASE("what a killed consumer held comes again at its priority, or is dropped where the region is made so") {
  const bool drop = GENERATE(false, true);
  const test::scratch dir;
  sluice::ring_options o;
  o.directory = dir.c_str();
  o.capacity = 8;
  if (drop) o.after_death = sluice::orphans::drop;
  auto tx = sluice::shm_sink<u64, priorities>("q", o);
  auto rx = sluice::shm_source<u64, priorities>("q", o);
  REQUIRE((tx && rx));
  for (unsigned k = 0; k < rounds(20); ++k) {
    REQUIRE((tx->push(u64{1}, 1) && tx->push(u64{50}, 5) && tx->push(u64{51}, 5) && tx->push(u64{70}, 7)));
    test::child c([&] {
      auto mine = sluice::shm_source<u64, priorities>("q", o);
      if (!mine || mine->pop(1s).value_or(0) != 70) return 1;  // popped: it had that one
      const auto loan = mine->borrow(1s);
      if (!loan || *loan != 50) return 2;
      ::kill(::getpid(), SIGKILL);
      return 3;
    });
    REQUIRE(c.wait() == -SIGKILL);
    (void)rx->recover();
    if (!drop) {
      CHECK(rx->pop(1s).value_or(0) == 50);
      CHECK((rx->redelivered() && rx->last_priority() == 5));
    }
    CHECK(rx->pop(1s).value_or(0) == 51);
    CHECK_FALSE(rx->redelivered());
    CHECK(rx->pop(1s).value_or(0) == 1);
    CHECK(rx->pop(0ms).err());
    CHECK((drop ? rx->recovered().dropped : rx->recovered().redelivered) == k + 1);
  }
}

TEST_CASE("queues of another number of priorities are another kind") {
  const test::scratch dir;
  sluice::ring_options o;
  o.directory = dir.c_str();
  auto tx = sluice::shm_sink<u64, priorities>("q", o);
  REQUIRE(tx);
  const sluice::error other(errc::mismatch, sluice::step::validate, sluice::subject::kind);
  CHECK(sluice::shm_source<u64, priorities_of<3>>("q", o).err() == other);
  CHECK(sluice::shm_source<u64, sluice::mpmc>("q", o).err() == other);
  CHECK(sluice::shm_source<u64, priorities_of<8>>("q", o));
}
