// SPDX-License-Identifier: MIT
#include <sluice/ring/lossy.hpp>

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
using sluice::errc;
using sluice::error;
using sluice::lossy_broadcast;
using sluice::phase;
using sluice::step;
using sluice::subject;

namespace {

using u64 = std::uint64_t;
template <class T, class P = sluice::native_memory>
using box = audience_test::box<lossy_broadcast, T, P>;

/// Random operations of one producer and three readers, against what they must see. Returns what went wrong first.
std::string against_model(std::size_t capacity, unsigned operations, dice d) {
  using item = words<3>;
  box<item> b(capacity);
  auto p = b.make_producer();
  sluice::lossy_consumer<item> c[3];
  u64 next[3], pushed = 0;  // messages are numbered from 1
  bool hurry[3] = {};       // has missed some, and read nothing since
  for (unsigned k = 0; k < 3; ++k) c[k] = b.make_consumer(k + 1), next[k] = 1;
  const auto oldest = [&] { return pushed > capacity ? pushed - capacity + 1 : 1; };
  const auto resume = [&](unsigned k) {
    next[k] = std::max(hurry[k] ? pushed - (capacity - 1) / 2 : oldest(), next[k] + 1);
    hurry[k] = true;
  };
  std::vector<item> many(capacity + 4);
  for (unsigned i = 0; i < operations; ++i) {
    const auto k = static_cast<unsigned>(d.below(3));
    const bool gone = next[k] < oldest(), none = next[k] > pushed;
    switch (d.below(8)) {
      case 0:
        if (d.below(2) == 0) p = b.make_producer();
        else c[k] = b.make_consumer(k + 1), next[k] = oldest(), hurry[k] = false;
        break;
      case 1: {
        const std::size_t n = 1 + d.below(many.size());
        for (std::size_t m = 0; m < n; ++m) many[m] = item::make(++pushed);
        const auto done = p.try_push(std::span<const item>(many.data(), n), no_bell);
        if (!done || *done != n) return "batch push";
        break;
      }
      case 2: {
        const auto place = p.try_claim();
        if (!place) return "claim";
        **place = item::make(pushed + 1);
        if (p.try_push(item::make(0), no_bell).err() != error(errc::busy, step::push)) return "push during a claim";
        if (d.below(3) == 0) p.abandon(no_bell);
        else p.commit(no_bell), ++pushed;
        break;
      }
      case 3: {
        const auto lent = c[k].try_borrow();
        if (static_cast<bool>(lent) == (gone || none)) return "borrow";
        if (!lent) {
          if (gone) resume(k);
          break;
        }
        if (!(**lent == item::make(next[k]))) return "borrowed another message";
        if (c[k].try_pop(no_bell).err() != error(errc::busy, step::pop)) return "pop during a loan";
        if (d.below(2) == 0) c[k].keep_loan(no_bell);
        else c[k].consume_loan(no_bell), ++next[k], hurry[k] = false;
        break;
      }
      case 4: {
        const std::size_t n = 1 + d.below(many.size());
        const auto done = c[k].try_pop(std::span<item>(many.data(), n), no_bell);
        if (static_cast<bool>(done) == (gone || none)) return "batch pop";
        if (!done) {
          if (gone) resume(k);
          break;
        }
        hurry[k] = false;
        const u64 there = pushed - next[k] + 1;
        if (*done != (n < there ? n : there)) return "batch pop count";
        for (std::size_t m = 0; m < *done; ++m)
          if (!(many[m] == item::make(next[k]++))) return "batch popped another message";
        break;
      }
      case 5:
        if (!p.try_push(item::make(++pushed), no_bell)) return "push";
        break;
      default: {
        if (c[k].lag() != (none ? 0 : pushed - next[k] + 1)) return "lag";
        const auto v = c[k].try_pop(no_bell);
        if (none) {
          if (v.err() != error(errc::empty, step::pop)) return "pop of nothing";
        } else if (gone) {
          const u64 before = next[k];
          resume(k);
          if (v.err() != error(errc::lagged, step::pop, static_cast<std::int32_t>(next[k] - before))) return "lagged";
        } else {
          if (!v || !(*v == item::make(next[k]++))) return "popped another message";
          hurry[k] = false;
        }
      }
    }
  }
  return {};
}

}  // namespace

TEST_CASE("a lossy broadcast does what its model does") {
  for (const std::size_t capacity : {1u, 2u, 3u, 4u, 7u, 64u})
    for (u64 seed = 0; seed < 20; ++seed) {
      CAPTURE(capacity, seed);
      REQUIRE(against_model(capacity, rounds(4000), dice(seed * 7 + capacity)) == "");
    }
}

TEST_CASE("a reader that has missed messages learns how many, and goes on with the oldest that is kept") {
  box<u64> b(4);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  for (u64 i = 1; i <= 10; ++i) REQUIRE(p.try_push(i, no_bell));
  CHECK(c.lag() == 10);
  CHECK(c.approx_size() == 4);
  CHECK(c.try_pop(no_bell).err() == error(errc::lagged, step::pop, 6));
  CHECK(c.dropped() == 6);
  for (u64 i = 7; i <= 10; ++i) CHECK(*c.try_pop(no_bell) == i);
  CHECK(c.try_pop(no_bell).err() == error(errc::empty, step::pop));
  auto late = b.make_consumer(2);
  CHECK(late.lag() == 4);
  CHECK(*late.try_pop(no_bell) == 7);
  CHECK(late.dropped() == 0);
}

TEST_CASE("a reader that is overtaken again before it has read anything goes on in the middle") {
  box<u64> b(8);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  u64 n = 0;
  while (n < 9) REQUIRE(p.try_push(++n, no_bell));
  CHECK(c.try_pop(no_bell).err().detail == 1);
  while (n < 11) REQUIRE(p.try_push(++n, no_bell));
  CHECK(c.try_pop(no_bell).err().detail == 6);
  CHECK(*c.try_pop(no_bell) == 8);
  while (n < 17) REQUIRE(p.try_push(++n, no_bell));
  CHECK(c.try_pop(no_bell).err().detail == 1);  // that was the first time again
  CHECK(*c.try_pop(no_bell) == 10);
}

TEST_CASE("a count of missed messages that does not fit says the largest that does") {
  box<u64> b(2);
  (void)b.make_producer();
  auto c = b.make_consumer();
  const u64 far = (u64{1} << 40) + 1;  // in the first cell
  b.shared().tail.store(far);
  b.ring().first()[0].stamp.store(b.ring().there(far));
  b.ring().first()[1].stamp.store(b.ring().there(far - 1));
  const auto e = c.try_pop(no_bell).err();
  CHECK(e == errc::lagged);
  CHECK(e.detail == 0x7fffffff);
  CHECK(c.dropped() == far - 2);
}

TEST_CASE("a lossy producer killed in the middle of a message has lost the one it overwrote, and nothing else") {
  const std::size_t capacity = GENERATE(1u, 2u, 3u, 5u);
  const bool before_tail = GENERATE(false, true);
  using item = words<4>;
  box<item> b(capacity);
  auto p = b.make_producer();
  auto c = b.make_consumer(1);
  u64 n = 0, expected = 1;
  for (unsigned lap = 0; lap < 20; ++lap) {
    REQUIRE(p.try_push(item::make(++n), no_bell));
    const u64 next = n + 1;  // what it would have stored before it was killed
    auto& cell = *b.ring().cell_of(next);
    cell.stamp.store(b.ring().making(next));
    cell.item.store(item::make(next));
    if (before_tail) cell.stamp.store(b.ring().there(next)), ++n;
    b.heal(0);
    for (;;) {
      const auto v = c.try_pop(no_bell);
      if (v) {
        CHECK(v->whole());
        CHECK(v->number() == expected++);
      } else if (v.err() == errc::lagged) {
        expected += static_cast<u64>(v.err().detail);
      } else {
        CHECK(v.err() == errc::peer_died);
        break;
      }
    }
    CHECK(expected == n + 1);
    CHECK((capacity == 1 || c.dropped() == 0));
    p = b.make_producer();
    CHECK(c.try_pop(no_bell).err() == errc::empty);
  }
}

TEST_CASE("a slow reader is told once what a producer killed in the middle of a message has cost it, and a new one nothing") {
  const std::size_t capacity = GENERATE(1u, 2u, 3u, 8u);
  const u64 pushed = GENERATE(1u, 2u, 3u) * capacity + GENERATE(0u, 1u);
  using item = words<4>;
  box<item> b(capacity);
  auto p = b.make_producer();
  auto slow = b.make_consumer(1);
  for (u64 i = 1; i <= pushed; ++i) REQUIRE(p.try_push(item::make(i), no_bell));
  b.ring().cell_of(pushed + 1)->stamp.store(b.ring().making(pushed + 1));  // and was killed
  b.heal(0);
  auto late = b.make_consumer(2);
  const u64 lost = pushed - (capacity - 1);
  const error told = slow.try_pop(no_bell).err();
  CHECK(told == error(errc::lagged, step::pop, static_cast<std::int32_t>(lost)));
  for (auto* reader : {&slow, &late}) {
    for (u64 i = lost + 1; i <= pushed; ++i) {
      const auto v = reader->try_pop(no_bell);
      REQUIRE(v);
      CHECK(*v == item::make(i));
    }
    CHECK(reader->try_pop(no_bell).err() == errc::peer_died);
  }
  CHECK(slow.dropped() == lost);
  CHECK(late.dropped() == 0);
}

TEST_CASE("the end of a lossy producer comes after its last message, and every reader is told") {
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

TEST_CASE("a detached side of a lossy broadcast says forked") {
  sluice::lossy_producer<u64> p;
  sluice::lossy_consumer<u64> c;
  CHECK(p.try_push(u64{1}, no_bell).err() == error(errc::forked, step::push));
  CHECK(p.try_claim().err() == error(errc::forked, step::claim));
  CHECK(c.try_pop(no_bell).err() == error(errc::forked, step::pop));
  CHECK(c.try_borrow().err() == error(errc::forked, step::borrow));
  CHECK(sluice::lossy_ring<u64>::bytes_for(0) == 0);
  CHECK(sluice::lossy_ring<u64>::bytes_for(static_cast<std::size_t>(-1)) == 0);
}

TEST_CASE("stamps that no correct producer writes are corrupt, and no reader goes on for ever") {
  box<words<3>> b(3);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  for (u64 i = 1; i <= 4; ++i) REQUIRE(p.try_push(words<3>::make(i), no_bell));
  b.ring().first()->stamp.store(b.ring().there(6));  // that message goes elsewhere
  CHECK(c.try_pop(no_bell).err() == error(errc::corrupt, step::pop, subject::stamp));
  dice d(5);
  for (unsigned i = 0; i < 50000; ++i) {
    auto& word = d.below(3) == 0 ? b.shared().tail : b.ring().first()[d.below(3)].stamp;
    word.store(d.below(2) == 0 ? d.next() << d.below(64) : d.below(16));
    if (d.below(8) == 0) p = b.make_producer();
    if (d.below(8) == 0) c = b.make_consumer();
    (void)p.try_push(words<3>::make(i), no_bell);
    (void)c.try_pop(no_bell);
    (void)c.lag();
    (void)c.approx_size();
  }
}

TEST_CASE("messages are whole, in order and counted while the producer runs on") {
  const std::size_t capacity = GENERATE(1u, 4u, 64u);
  using item = words<9>;
  box<item> b(capacity);
  const u64 messages = rounds(300'000);
  constexpr unsigned readers = 2;
  std::atomic<unsigned> faults{0}, torn{0};
  std::atomic<u64> last[readers] = {}, lost[readers] = {};
  std::vector<std::thread> threads;
  auto p = b.make_producer();
  std::vector<sluice::lossy_consumer<item>> sides;
  for (unsigned r = 0; r < readers; ++r) sides.push_back(b.make_consumer(r + 1));
  for (unsigned r = 0; r < readers; ++r)
    threads.emplace_back([&, r] {
      auto& c = sides[r];
      u64 next = 1;
      for (;;) {
        const auto v = c.try_pop(no_bell);
        if (v) {
          if (!v->whole()) ++torn;
          if (v->number() != next++) ++faults;
        } else if (v.err() == errc::lagged) {
          next += static_cast<u64>(v.err().detail);
        } else if (v.err() == errc::closed) {
          break;
        } else if (v.err() != errc::empty) {
          return void(++faults);
        }
      }
      last[r] = next - 1;
      lost[r] = c.dropped();
    });
  for (u64 i = 1; i <= messages; ++i) (void)p.try_push(item::make(i), no_bell);
  p.end(phase::closed, no_bell);
  for (auto& t : threads) t.join();
  CHECK(faults == 0);
  CHECK(torn == 0);
  for (unsigned r = 0; r < readers; ++r) CHECK(last[r] == messages);
}
