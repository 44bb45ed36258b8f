// SPDX-License-Identifier: MIT
#include <sluice/ring/latest.hpp>

#include "catch.hpp"
#include "ring/audience_box.hpp"
#include "sanitizers.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using audience_test::dice;
using audience_test::no_bell;
using audience_test::words;
using sluice::errc;
using sluice::error;
using sluice::latest;
using sluice::phase;
using sluice::step;

namespace {

using u64 = std::uint64_t;
template <class T, class P = sluice::native_memory>
using box = audience_test::box<latest, T, P>;

struct odd {  // no multiple of a word
  unsigned char bytes[13];
  friend bool operator==(const odd&, const odd&) = default;
};

}  // namespace

TEST_CASE("a reader gets the newest value, once") {
  const std::size_t capacity = GENERATE(1u, 2u, 3u, 4u, 7u, 100u);
  box<u64> b(capacity);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  CHECK(c.try_pop(no_bell).err() == error(errc::empty, step::pop));
  u64 seen = 0;
  std::size_t skipped = 0;
  for (u64 i = 1; i < 300; ++i) {
    REQUIRE(p.try_push(i, no_bell));
    CHECK(c.lag() == i - seen);
    if (i % 7 == 0 || i % 5 == 0) {
      const auto v = c.try_pop(no_bell);
      REQUIRE(v);
      CHECK(*v == i);
      skipped += i - seen - 1;
      seen = i;
      CHECK(c.dropped() == skipped);
      CHECK(c.lag() == 0);
      CHECK(c.try_pop(no_bell).err() == errc::empty);
    }
  }
}

TEST_CASE("readers of the newest value know nothing of each other, and a late one gets what there is") {
  box<u64> b(1);
  auto p = b.make_producer();
  auto a = b.make_consumer(1);
  for (u64 i = 1; i <= 10; ++i) REQUIRE(p.try_push(i, no_bell));
  auto late = b.make_consumer(2);
  CHECK(*a.try_pop(no_bell) == 10);
  CHECK(a.dropped() == 9);
  CHECK(*late.try_pop(no_bell) == 10);
  CHECK(late.dropped() == 0);
  CHECK(late.try_pop(no_bell).err() == errc::empty);
}

TEST_CASE("values of any size come out as they went in") {
  box<odd> b(2);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  for (unsigned i = 0; i < 20; ++i) {
    odd v{};
    for (auto& x : v.bytes) x = static_cast<unsigned char>(i + (&x - v.bytes));
    REQUIRE(p.try_push(v, no_bell));
    CHECK(*c.try_pop(no_bell) == v);
  }
  box<unsigned char> small(1);
  auto q = small.make_producer();
  auto d = small.make_consumer();
  REQUIRE(q.try_push(static_cast<unsigned char>(200), no_bell));
  CHECK(*d.try_pop(no_bell) == 200);
  box<words<600>> large(1);
  auto r = large.make_producer();
  auto e = large.make_consumer();
  REQUIRE(r.try_push(words<600>::make(7), no_bell));
  CHECK(e.try_pop(no_bell)->whole());
}

TEST_CASE("a batch of values leaves the last one, and every one counts") {
  box<u64> b(1);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  const u64 some[] = {1, 2, 3, 4, 5};
  CHECK(*p.try_push(std::span<const u64>(some), no_bell) == 5);
  u64 to[3] = {};
  CHECK(*c.try_pop(std::span<u64>(to), no_bell) == 1);
  CHECK(to[0] == 5);
  CHECK(c.dropped() == 4);
  CHECK(*p.try_push(std::span<const u64>(), no_bell) == 0);
  CHECK(*c.try_pop(std::span<u64>(), no_bell) == 0);
}

TEST_CASE("a newest value is built and read in place, with one slot and one loan at a time") {
  box<u64> b(1);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  CHECK(c.try_borrow().err() == error(errc::empty, step::borrow));
  auto place = p.try_claim();
  REQUIRE(place);
  **place = 5;
  CHECK(p.try_push(u64{1}, no_bell).err() == error(errc::busy, step::push));
  CHECK(p.try_claim().err() == error(errc::busy, step::claim));
  CHECK(c.try_pop(no_bell).err() == errc::empty);
  p.abandon(no_bell);
  place = p.try_claim();
  **place = 6;
  p.commit(no_bell);
  auto lent = c.try_borrow();
  REQUIRE(lent);
  REQUIRE(p.try_push(u64{7}, no_bell));
  REQUIRE(p.try_push(u64{8}, no_bell));
  CHECK(**lent == 6);  // although its buffer has been used again
  CHECK(c.try_pop(no_bell).err() == error(errc::busy, step::pop));
  CHECK(c.try_borrow().err() == error(errc::busy, step::borrow));
  c.keep_loan(no_bell);
  CHECK(c.lag() == 3);
  lent = c.try_borrow();
  CHECK(**lent == 8);
  c.consume_loan(no_bell);
  CHECK(c.lag() == 0);
  CHECK(c.dropped() == 2);
}

TEST_CASE("a producer killed in the middle of a value leaves the one before it, and its successor goes on") {
  const std::size_t capacity = GENERATE(1u, 2u, 3u);
  using item = words<4>;
  box<item> b(capacity);
  auto p = b.make_producer();
  auto c = b.make_consumer(1), other = b.make_consumer(2);
  u64 n = 0;
  for (unsigned lap = 0; lap < 9; ++lap) {
    REQUIRE(p.try_push(item::make(++n), no_bell));
    if (lap % 3 == 0) CHECK(c.try_pop(no_bell)->number() == n);
    {  // what it would have stored before it was killed
      auto& torn = b.ring().buffer_of(b.shared().newest.load() + 1);
      torn.stamp.store(b.shared().newest.load() + 1);
      if (lap % 2 != 0) *reinterpret_cast<u64*>(torn.item.place()) = 0xdead;
    }
    b.heal(0);
    auto v = other.try_pop(no_bell);
    REQUIRE(v);
    CHECK(v->number() == n);
    CHECK(v->whole());
    CHECK(other.try_pop(no_bell).err() == errc::peer_died);
    p = b.make_producer();
    CHECK(other.try_pop(no_bell).err() == errc::empty);
  }
}

TEST_CASE("the end of the producer comes after its last value, and every reader is told") {
  const phase end = GENERATE(phase::closed, phase::left, phase::died);
  const bool persistent = GENERATE(false, true);
  const errc told = end == phase::died ? errc::peer_died : errc::closed;
  const bool is_end = !persistent || end == phase::closed;
  box<u64> b(2, persistent);
  auto p = b.make_producer();
  auto a = b.make_consumer(1), c = b.make_consumer(2);
  REQUIRE(p.try_push(u64{1}, no_bell));
  CHECK(*a.try_pop(no_bell) == 1);
  CHECK(a.try_pop(no_bell).err() == errc::empty);
  REQUIRE(p.try_push(u64{2}, no_bell));
  if (end == phase::died) b.heal(0);
  else p.end(end, no_bell);
  for (auto* reader : {&a, &c}) {
    CHECK(*reader->try_pop(no_bell) == 2);
    for (int again = 0; again < 2; ++again) {
      const error e = reader->try_pop(no_bell).err();
      CHECK(e.code == (is_end ? told : errc::empty));
      CHECK(e.who == (is_end ? 1 : 0));
    }
  }
  auto late = b.make_consumer(3);
  CHECK(*late.try_pop(no_bell) == 2);  // the value is kept
  CHECK(late.try_pop(no_bell).err() == errc::empty);  // whose end others were told of
  p = b.make_producer();
  REQUIRE(p.try_push(u64{3}, no_bell));
  for (auto* reader : {&a, &c, &late}) {
    CHECK(*reader->try_pop(no_bell) == 3);
    CHECK(reader->try_pop(no_bell).err() == errc::empty);
  }
}

TEST_CASE("a detached side of a newest value says forked") {
  sluice::latest_producer<u64> p;
  sluice::latest_consumer<u64> c;
  CHECK(p.try_push(u64{1}, no_bell).err() == error(errc::forked, step::push));
  CHECK(p.try_claim().err() == error(errc::forked, step::claim));
  CHECK(c.try_pop(no_bell).err() == error(errc::forked, step::pop));
  CHECK(c.try_borrow().err() == error(errc::forked, step::borrow));
}

TEST_CASE("a capacity that cannot be is refused by a ring for the newest value") {
  using ring = sluice::latest_ring<u64>;
  CHECK(ring::bytes_for(0) == 0);
  CHECK(ring::bytes_for(static_cast<std::size_t>(-1)) == 0);
  CHECK(ring::bytes_for(ring::most + 1) == 0);
  CHECK(sluice::latest_ring<words<1 << 16>>::bytes_for(ring::most) != 0);
  CHECK(ring::bytes_for(1) == ring::bytes_for(0 + 1));
  CHECK(ring::buffers_for(1) == 2);
  CHECK(ring::buffers_for(3) == 4);
  CHECK(ring::buffers_for(4) == 8);
}

TEST_CASE("numbers that no correct producer writes are corrupt, and no reader goes on for ever") {
  box<words<3>> b(3);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  REQUIRE(p.try_push(words<3>::make(1), no_bell));
  b.shared().newest.store(77);  // whose buffer has another stamp
  CHECK(c.try_pop(no_bell).err() == error(errc::corrupt, step::pop, sluice::subject::stamp));
  b.shared().newest.store(1);
  CHECK(c.try_pop(no_bell)->number() == 1);
  b.shared().newest.store(0);  // backwards, with the stamp to it
  b.ring().buffer_of(0).stamp.store(0);
  CHECK(c.try_pop(no_bell).err() == errc::corrupt);
  b.shared().newest.store(~u64{0});
  b.ring().buffer_of(~u64{0}).stamp.store(~u64{0});
  CHECK(c.try_pop(no_bell).err() == errc::corrupt);
  CHECK(c.dropped() == 0);
  dice d(5);
  for (unsigned i = 0; i < 20000; ++i) {
    auto& word = d.below(2) == 0 ? b.shared().newest : b.ring().buffer_of(d.next()).stamp;
    word.store(d.below(2) == 0 ? d.next() << d.below(64) : d.below(8));
    if (d.below(16) == 0) p = b.make_producer();
    if (d.below(16) == 0) c = b.make_consumer();
    (void)p.try_push(words<3>::make(i), no_bell);
    (void)c.try_pop(no_bell);
    (void)c.lag();
  }
}

TEST_CASE("values are whole and never go back while the producer runs on") {
  const std::size_t capacity = GENERATE(1u, 3u, 15u);
  using item = words<9>;
  box<item> b(capacity);
  constexpr u64 values = rounds(400'000);
  constexpr unsigned readers = 2;
  std::atomic<unsigned> faults{0}, torn{0};
  std::atomic<u64> last[readers] = {};
  std::vector<std::thread> threads;
  auto p = b.make_producer();
  std::vector<sluice::latest_consumer<item>> sides;
  for (unsigned r = 0; r < readers; ++r) sides.push_back(b.make_consumer(r + 1));
  for (unsigned r = 0; r < readers; ++r)
    threads.emplace_back([&, r] {
      auto& c = sides[r];
      u64 before = 0, got = 0;
      for (;;) {
        const auto v = c.try_pop(no_bell);
        if (!v) {
          if (v.err() == errc::closed) break;
          if (!v.err().again()) return void(++faults);
          continue;
        }
        ++got;
        if (!v->whole()) ++torn;
        if (v->number() <= before) ++faults;
        before = v->number();
        if (before != got + c.dropped()) ++faults;
      }
      last[r] = before;
    });
  for (u64 i = 1; i <= values; ++i) (void)p.try_push(item::make(i), no_bell);
  p.end(phase::closed, no_bell);
  for (auto& t : threads) t.join();
  CHECK(faults == 0);
  CHECK(torn == 0);
  for (const auto& l : last) CHECK(l == values);
}
