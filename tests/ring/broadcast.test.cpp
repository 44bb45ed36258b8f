// SPDX-License-Identifier: MIT
#include <sluice/ring/broadcast.hpp>

#include "catch.hpp"
#include "ring/audience_box.hpp"
#include "sanitizers.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

using audience_test::dice;
using audience_test::no_bell;
using audience_test::words;
using sluice::broadcast;
using sluice::errc;
using sluice::error;
using sluice::phase;
using sluice::step;
using sluice::subject;

namespace {

using u64 = std::uint64_t;
template <class T, class P = sluice::native_memory>
using box = audience_test::box<broadcast, T, P>;

constexpr std::size_t capacities[] = {1, 2, 3, 4, 5, 7, 8, 13, 14, 15, 64, 100};

/// Random operations of one producer and three readers that come, go and die, against what they must see. Positions count
/// from 0. Returns what went wrong first.
template <class T>
std::string against_model(std::size_t capacity, unsigned operations, dice d) {
  box<T> b(capacity);
  auto p = b.make_producer();
  constexpr unsigned readers = 3;
  sluice::broadcast_consumer<T> c[readers];
  bool here[readers] = {};
  u64 next[readers] = {}, pushed = 0;
  u64 granted[readers] = {};  // what the producer may still push in any case: it got it before the reader joined
  std::vector<T> many(2 * capacity + 4);
  const auto oldest = [&] { return pushed > capacity ? pushed - capacity : 0; };
  // How many messages fit at least, and at most.
  const auto room = [&](bool most) {
    u64 r = ~u64{0};
    for (unsigned k = 0; k < readers; ++k)
      if (here[k]) r = std::min(r, std::max<u64>(std::max<u64>(next[k] + capacity, pushed) - pushed, most ? granted[k] : 0));
    return r;
  };
  const auto held = [&](const error& e) {
    if (e.code != errc::full || e.who < 2 || e.who > readers + 1) return false;
    return here[e.who - 2] && pushed - next[e.who - 2] >= capacity;
  };
  const auto pushed_more = [&](u64 n) {
    pushed += n;
    for (auto& g : granted) g -= std::min(g, n);
  };
  bool filling = true;
  for (unsigned i = 0; i < operations; ++i) {
    if (d.below(24) == 0) filling = !filling;
    const auto k = static_cast<unsigned>(d.below(readers));
    if (filling ? d.below(4) != 0 : d.below(4) == 0) {  // the producer
      switch (d.below(6)) {
        case 0:
          p = b.make_producer();
          if (!p.attached()) return "attach of a producer";
          std::fill(granted, granted + readers, 0);
          break;
        case 1: {
          const auto place = p.try_claim();
          if (!place) {
            if (room(false) != 0 || !held(place.err())) return "claim";
            break;
          }
          if (room(true) == 0) return "claimed too much";
          *(*place) = T::make(pushed);
          if (p.try_push(T::make(0), no_bell).err() != error(errc::busy, step::push)) return "push during a claim";
          if (p.try_claim().err() != error(errc::busy, step::claim)) return "claim during a claim";
          const auto end = d.below(4);
          if (end == 0) p.abandon(no_bell);
          else if (end == 1) p = b.make_producer(), std::fill(granted, granted + readers, 0);  // killed with a claim out
          else p.commit(no_bell), pushed_more(1);
          break;
        }
        case 2: {
          const std::size_t n = 1 + d.below(many.size());
          for (std::size_t m = 0; m < n; ++m) many[m] = T::make(pushed + m);
          const auto done = p.try_push(std::span<const T>(many.data(), n), no_bell);
          if (!done) {
            if (room(false) != 0 || !held(done.err())) return "batch push";
            break;
          }
          if (*done < std::min<u64>(n, room(false)) || *done > std::min<u64>(n, room(true))) return "batch push count";
          pushed_more(*done);
          break;
        }
        default: {
          const auto s = p.try_push(T::make(pushed), no_bell);
          if (!s) {
            if (room(false) != 0 || !held(s.err())) return "push";
          } else {
            if (room(true) == 0) return "pushed too much";
            pushed_more(1);
          }
        }
      }
    } else if (!here[k]) {
      if (d.below(4) != 0) continue;
      c[k] = b.make_consumer(k + 1);
      if (!c[k].attached()) return "attach of a reader";
      here[k] = true;
      next[k] = oldest();
      granted[k] = b.ring().quantum();
    } else {
      const u64 there = pushed - next[k];
      if (c[k].lag() != there) return "lag";
      switch (d.below(8)) {
        case 0:
          if (d.below(4) != 0) break;
          if (d.below(2) == 0) c[k].end(phase::left, no_bell), c[k].detach();
          else b.heal(k + 1);
          here[k] = false;
          break;
        case 1: {
          const auto lent = c[k].try_borrow();
          if (static_cast<bool>(lent) != (there != 0)) return "borrow";
          if (!lent) {
            if (lent.err() != error(errc::empty, step::borrow)) return "borrow of nothing";
            break;
          }
          if (!(**lent == T::make(next[k]))) return "borrowed another message";
          if (c[k].try_pop(no_bell).err() != error(errc::busy, step::pop)) return "pop during a loan";
          if (d.below(2) == 0) c[k].keep_loan(no_bell);
          else c[k].consume_loan(no_bell), ++next[k];
          break;
        }
        case 2: {
          const std::size_t n = 1 + d.below(many.size());
          const auto done = c[k].try_pop(std::span<T>(many.data(), n), no_bell);
          if (static_cast<bool>(done) != (there != 0)) return "batch pop";
          if (!done) break;
          if (*done != (n < there ? n : there)) return "batch pop count";
          for (std::size_t m = 0; m < *done; ++m)
            if (!(many[m] == T::make(next[k] + m))) return "batch popped another message";
          next[k] += *done;
          break;
        }
        default: {
          const auto v = c[k].try_pop(no_bell);
          if (there == 0) {
            if (v.err() != error(errc::empty, step::pop)) return "pop of nothing";
          } else {
            if (!v || !(*v == T::make(next[k]))) return "popped another message";
            ++next[k];
          }
        }
      }
    }
  }
  return {};
}

}  // namespace

TEMPLATE_TEST_CASE("a broadcast does what its model does", "", words<1>, words<3>, words<8>, spsc_test::item<1>, spsc_test::item<24>) {
  for (const std::size_t capacity : capacities)
    for (u64 seed = 0; seed < 6; ++seed) {
      CAPTURE(capacity, seed);
      REQUIRE(against_model<TestType>(capacity, rounds(4000), dice(seed * 7 + capacity)) == "");
    }
}

TEST_CASE("every reader gets every message, and the slowest one holds the producer") {
  for (const std::size_t capacity : capacities) {
    CAPTURE(capacity);
    box<u64> b(capacity);
    auto p = b.make_producer();
    auto a = b.make_consumer(3), c = b.make_consumer(9);
    u64 n = 0;
    for (unsigned lap = 0; lap < 4; ++lap) {
      for (std::size_t i = 0; i < capacity; ++i) REQUIRE(p.try_push(n + i, no_bell));
      CHECK(p.try_push(u64{0}, no_bell).err().code == errc::full);
      for (std::size_t i = 0; i < capacity; ++i) CHECK(*a.try_pop(no_bell) == n + i);
      CHECK(a.try_pop(no_bell).err() == error(errc::empty, step::pop));
      CHECK(p.try_push(u64{0}, no_bell).err() == error(errc::full, step::push).by(9));
      CHECK(p.try_claim().err() == error(errc::full, step::claim).by(9));
      CHECK(c.lag() == capacity);
      CHECK(b.ring().approx_size() == capacity);
      for (std::size_t i = 0; i < capacity; ++i) CHECK(*c.try_pop(no_bell) == n + i);
      CHECK(b.ring().approx_size() == 0);
      n += capacity;
    }
  }
}

TEST_CASE("without a reader a push succeeds, and who joins later gets the last messages") {
  for (const std::size_t capacity : capacities)
    for (const u64 messages : {u64{0}, u64{1}, u64{5}, u64{20}, u64{300}, u64{301}, u64{302}, u64{303}}) {
      CAPTURE(capacity, messages);
      box<u64> b(capacity);
      auto p = b.make_producer();
      for (u64 i = 0; i < messages; ++i) REQUIRE(p.try_push(i, no_bell));
      auto c = b.make_consumer(1);
      const u64 kept = messages < capacity ? messages : capacity;
      CHECK(c.lag() == kept);
      for (u64 i = messages - kept; i < messages; ++i) REQUIRE(*c.try_pop(no_bell) == i);
      REQUIRE(c.try_pop(no_bell).err() == errc::empty);
      for (u64 i = 0; i < 2 * capacity; ++i) {
        REQUIRE(p.try_push(i, no_bell));
        REQUIRE(*c.try_pop(no_bell) == i);
      }
      for (u64 i = 0; i < capacity; ++i) REQUIRE(p.try_push(i, no_bell));
      CHECK(p.try_push(u64{0}, no_bell).err() == errc::full);
    }
}

TEST_CASE("a dead reader holds the producer until it is healed, one that leaves no longer") {
  box<u64> b(2);
  auto p = b.make_producer();
  (void)b.make_consumer(1);  // and nothing more is heard of it
  auto gone = b.make_consumer(2);
  REQUIRE(p.try_push(u64{1}, no_bell));
  REQUIRE(p.try_push(u64{2}, no_bell));
  CHECK(p.try_push(u64{3}, no_bell).err().code == errc::full);
  CHECK(*gone.try_pop(no_bell) == 1);
  CHECK(p.try_push(u64{3}, no_bell).err() == error(errc::full, step::push).by(1));
  b.heal(1);
  REQUIRE(p.try_push(u64{3}, no_bell));
  CHECK(p.try_push(u64{4}, no_bell).err() == error(errc::full, step::push).by(2));
  gone.end(phase::closed, no_bell);
  for (u64 i = 4; i < 10; ++i) REQUIRE(p.try_push(i, no_bell));
  b.heal(1), b.heal(2), b.heal(63);  // once more is nothing
  auto back = b.make_consumer(1);
  CHECK(*back.try_pop(no_bell) == 8);
}

TEST_CASE("a reader killed while it was joining holds the producer until it is healed") {
  box<u64> b(4);
  auto p = b.make_producer();
  for (u64 i = 0; i < 20; ++i) REQUIRE(p.try_push(i, no_bell));
  b.shared().cursors[5].at.store(0);
  b.shared().active.fetch_or(u64{1} << 5);
  error e;
  for (u64 i = 20; !e; ++i) e = p.try_push(i, no_bell).err();
  CHECK(e == error(errc::full, step::push).by(5));
  b.heal(5);
  REQUIRE(p.try_push(u64{1}, no_bell));
}

TEST_CASE("a producer killed anywhere in a push or a grant is followed by one that goes on from the stamps") {
  for (const std::size_t capacity : capacities) {
    CAPTURE(capacity);
    using item = words<2>;
    box<item> b(capacity);
    auto c = b.make_consumer(1);
    u64 n = 0, expected = 0;
    for (unsigned lap = 0; lap < 60; ++lap) {
      auto p = b.make_producer();
      REQUIRE(p.attached());
      for (unsigned i = 0; i <= lap % 3; ++i)
        if (p.try_push(item::make(n), no_bell)) ++n;
      if (lap % 2 == 0) b.shared().limit.store(n + b.ring().quantum());  // a grant that was not trimmed
      if (const auto place = p.try_claim(); place && lap % 4 < 2) **place = item::make(99);  // an item that has no stamp
      b.heal(0);
      if (lap % 5 != 0) continue;
      for (auto v = c.try_pop(no_bell);; v = c.try_pop(no_bell)) {
        if (!v) {
          CHECK(v.err() == errc::peer_died);
          break;
        }
        CHECK(*v == item::make(expected++));
      }
      CHECK(expected == n);
    }
  }
}

TEST_CASE("the end of the producer comes after its last message, and every reader of a broadcast is told") {
  const phase end = GENERATE(phase::closed, phase::left, phase::died);
  const bool persistent = GENERATE(false, true);
  const bool is_end = !persistent || end == phase::closed;
  box<u64> b(4, persistent);
  auto p = b.make_producer();
  auto a = b.make_consumer(1), c = b.make_consumer(2);
  for (u64 i = 1; i <= 3; ++i) REQUIRE(p.try_push(i, no_bell));
  if (end == phase::died) b.heal(0);
  else p.end(end, no_bell);
  for (auto* reader : {&a, &c}) {
    for (u64 i = 1; i <= 3; ++i) CHECK(*reader->try_pop(no_bell) == i);
    for (int again = 0; again < 2; ++again) {
      const error e = reader->try_pop(no_bell).err();
      CHECK(e.code == (!is_end ? errc::empty : end == phase::died ? errc::peer_died : errc::closed));
      CHECK(e.who == (is_end ? 1 : 0));
    }
  }
  p = b.make_producer();
  REQUIRE(p.try_push(u64{4}, no_bell));
  for (auto* reader : {&a, &c}) {
    CHECK(*reader->try_pop(no_bell) == 4);
    CHECK(reader->try_pop(no_bell).err() == errc::empty);
  }
}

TEST_CASE("a detached side of a broadcast says forked") {
  sluice::broadcast_producer<u64> p;
  sluice::broadcast_consumer<u64> c;
  CHECK(p.try_push(u64{1}, no_bell).err() == error(errc::forked, step::push));
  CHECK(p.try_claim().err() == error(errc::forked, step::claim));
  CHECK(c.try_pop(no_bell).err() == error(errc::forked, step::pop));
  CHECK(c.try_borrow().err() == error(errc::forked, step::borrow));
  CHECK(sluice::broadcast_ring<u64>::bytes_for(0) == 0);
  CHECK(sluice::broadcast_ring<u64>::bytes_for(static_cast<std::size_t>(-1)) == 0);
}

TEST_CASE("only a reader that holds the sleeping producer wakes it") {
  box<u64> b(2);
  auto p = b.make_producer();
  auto a = b.make_consumer(1), c = b.make_consumer(2);
  unsigned rung = 0;
  const auto bell = [&](auto&, std::uint32_t) { ++rung; };
  for (u64 i = 0; i < 2; ++i) REQUIRE(p.try_push(i, bell));
  CHECK(*a.try_pop(bell) == 0);
  (void)p.arm();
  CHECK(p.try_push(u64{2}, bell).err() == error(errc::full, step::push).by(2));
  CHECK(*a.try_pop(bell) == 1);
  CHECK(rung == 0);
  CHECK(*c.try_pop(bell) == 0);
  CHECK(rung == 1);
  p.disarm(bell);
  CHECK(p.try_push(u64{2}, bell));
  (void)p.arm();
  CHECK(p.try_push(u64{3}, bell).err() == errc::full);
  c.end(phase::left, bell);
  CHECK(rung == 2);
  p.disarm(bell);
  (void)a.arm();
  CHECK(p.try_push(u64{3}, bell));
  CHECK(rung == 3);
  a.disarm(bell);
}

TEST_CASE("words of a broadcast that no correct peer writes are corrupt, and nobody goes on for ever") {
  box<words<3>> b(3);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  REQUIRE(p.try_push(words<3>::make(0), no_bell));
  auto& stamp = b.ring().first()->stamp;
  stamp.store(77);
  CHECK(c.try_pop(no_bell).err() == error(errc::corrupt, step::pop, subject::stamp));
  stamp.store(1);
  CHECK(c.try_pop(no_bell)->number() == 0);
  b.shared().cursors[1].at.store(1000);
  while (p.try_push(words<3>::make(1), no_bell)) {
  }
  CHECK(p.try_push(words<3>::make(1), no_bell).err() == error(errc::corrupt, step::push, subject::cursor).by(1));
  b.shared().limit.store(1000);
  CHECK_FALSE(b.make_producer().attached());
  CHECK_FALSE(b.make_consumer(2).attached());
  CHECK((b.shared().active.load() >> 2 & 1) == 0);
  dice d(5);
  unsigned attached = 0;
  for (unsigned i = 0; i < 100'000; ++i) {
    const auto what = d.below(8);
    auto& word = what == 0   ? b.shared().limit
                 : what == 1 ? b.shared().active
                 : what < 4  ? b.shared().cursors[d.below(4)].at
                             : b.ring().first()[d.below(b.ring().blocks())].stamp;
    word.store(d.below(2) == 0 ? d.next() << d.below(64) : d.below(16));
    if (d.below(4) == 0) {
      auto again = b.make_producer();
      if (again.attached()) p = again, ++attached;
    }
    if (d.below(4) == 0) {
      auto again = b.make_consumer(1 + static_cast<unsigned>(d.below(3)));
      if (again.attached()) c = again, ++attached;
    }
    (void)p.try_push(words<3>::make(i), no_bell);
    (void)c.try_pop(no_bell);
    words<3> some[9];
    (void)p.try_push(std::span<const words<3>>(some), no_bell);
    (void)c.try_pop(std::span<words<3>>(some), no_bell);
    (void)c.lag();
    (void)b.ring().approx_size();
  }
  CHECK(attached > 100);
}

TEST_CASE("readers come and go while the producer runs on, and none misses a message") {
  const std::size_t capacity = GENERATE(1u, 3u, 64u);
  using item = words<3>;
  box<item> b(capacity);
  const u64 messages = rounds(capacity == 64 ? 200'000 : 20'000);
  constexpr unsigned readers = 3;
  std::atomic<unsigned> faults{0}, joined{0}, held{0};
  std::atomic<bool> seated{false}, over{false};
  auto p = b.make_producer();
  std::vector<std::thread> threads;
  for (unsigned r = 0; r < readers; ++r)
    threads.emplace_back([&, r] {
      dice d(r + 1);
      for (;;) {
        auto c = b.make_consumer(r + 1);
        if (!c.attached()) return void(++faults);
        ++joined;
        if (r == 0) seated = true;
        u64 next = ~u64{0};
        for (auto left = r == 0 ? ~u64{0} : 1 + d.below(200); left != 0;) {
          const auto v = c.try_pop(no_bell);
          if (!v) {
            if (v.err() == errc::closed) {
              if (next != messages && next != ~u64{0}) ++faults;
              return c.end(phase::left, no_bell);
            }
            if (v.err() != errc::empty || (r != 0 && over)) {
              if (v.err() != errc::empty) ++faults;
              return c.end(phase::left, no_bell);
            }
            std::this_thread::yield();
            continue;
          }
          if (!v->whole() || (next != ~u64{0} && v->number() != next)) ++faults;
          next = v->number() + 1, --left;
        }
        c.end(phase::left, no_bell);
      }
    });
  while (!seated) std::this_thread::yield();  // later, it might find an end that a fellow was told of before
  for (u64 i = 0; i < messages; ++i)
    for (auto s = p.try_push(item::make(i), no_bell); !s; s = p.try_push(item::make(i), no_bell)) {
      if (s.err() != errc::full) ++faults;
      ++held;
      std::this_thread::yield();
    }
  p.end(phase::closed, no_bell);
  over = true;
  for (auto& t : threads) t.join();
  CHECK(faults == 0);
  CHECK(joined >= readers);
  CHECK(held != 0);
}
