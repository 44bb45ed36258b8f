// SPDX-License-Identifier: MIT
#include <sluice/ring/lanes.hpp>

#include "catch.hpp"
#include "spsc_box.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace {

using sluice::errc;
using sluice::phase;
using spsc_test::dice;
using spsc_test::item;
using spsc_test::narrow_memory;
using spsc_test::no_bell;
using u64 = std::uint64_t;
constexpr u64 none = ~u64{0};

/// Memory for N lanes: exactly as much as they ask for, so that an address sanitizer sees the first byte too many.
template <class T, unsigned N, class P = sluice::native_memory>
struct box {
  using ring_type = sluice::lanes_ring<T, N, P>;
  using producer = sluice::lanes_producer<T, N, P>;
  using consumer = sluice::lanes_consumer<T, N, P>;

  explicit box(std::size_t capacity, bool persistent = false)
      : bytes(ring_type::bytes_for(capacity)),
        memory(static_cast<std::byte*>(::operator new(bytes, std::align_val_t{sluice::apart_bytes}))) {
    std::memset(memory, 0, bytes);
    ring = ring_type(memory, capacity, persistent);
  }
  box(const box&) = delete;
  box& operator=(const box&) = delete;
  ~box() { ::operator delete(memory, std::align_val_t{sluice::apart_bytes}); }

  /// As if each lane had been filled and emptied `lap` times.
  void start_at(typename P::word lap) const {
    using words = sluice::spsc_words<P>;
    for (unsigned k = 0; k < N; ++k) {
      const auto lane = ring.at(k);
      lane.head().store(words::cursor(lap, 0, 0));
      for (auto* b = lane.first(); b != lane.end(); ++b) b->stamp.store(((lap - 1) & words::lap_mask) << words::count_bits | lane.per_block);
    }
  }
  [[nodiscard]] producer send(unsigned slot) const {
    producer p;
    REQUIRE(p.attach(ring, slot));
    p.begin();
    return p;
  }
  [[nodiscard]] consumer receive() const {
    consumer c;
    REQUIRE(c.attach(ring));
    c.begin();
    return c;
  }

  std::size_t bytes;
  std::byte* memory;
  ring_type ring;
};

template <class Side>
void leave(Side& s, phase how = phase::left) {
  s.end(how, no_bell);
  s.detach();
}

/// Random operations of all sides, with producers and consumers that come and go, against one deque for each lane.
template <std::size_t Size, class P>
void walk(std::size_t capacity, bool wrap, u64 seed, unsigned steps) {
  constexpr unsigned lanes = 3;
  using T = item<Size>;
  box<T, lanes, P> b(capacity, true);
  if (wrap) b.start_at(sluice::spsc_words<P>::lap_mask);
  dice d(seed);
  std::optional<typename box<T, lanes, P>::producer> p[lanes];
  auto c = b.receive();
  std::deque<u64> model[lanes];
  u64 next = 0;
  // Whose message is it? It must be the oldest of one lane. (Small items repeat, so there may be more than one.)
  std::vector<unsigned> candidates;
  const auto take = [&](const T& got) {
    for (unsigned k = 0; k < lanes; ++k)
      if (!model[k].empty() && T::make(model[k].front()) == got) return model[k].pop_front(), true;
    return false;
  };
  const auto nothing = [&] { return model[0].empty() && model[1].empty() && model[2].empty(); };
  for (unsigned s = 0; s < steps; ++s) {
    const auto k = static_cast<unsigned>(d.below(lanes));
    if (!p[k]) {
      if (d.below(4) == 0) p[k] = b.send(k + 1);
    } else if (d.below(40) == 0) {
      if (d.below(2) == 0) leave(*p[k], d.below(2) == 0 ? phase::left : phase::died);  // or it is killed, and nobody knows yet
      p[k].reset();
    } else {
      const bool full = model[k].size() == capacity;
      switch (d.below(4)) {
        case 0: {
          const auto done = p[k]->try_push(T::make(next), no_bell);
          REQUIRE(done.err() == (full ? errc::full : errc::ok));
          if (done) model[k].push_back(next++);
          break;
        }
        case 1: {
          std::vector<T> some;
          for (u64 n = d.below(capacity + 3) + 1; some.size() < n;) some.push_back(T::make(next + some.size()));
          const auto done = p[k]->try_push(std::span<const T>(some), no_bell);
          const std::size_t room = capacity - model[k].size();
          REQUIRE(done.err() == (full ? errc::full : errc::ok));
          if (done) REQUIRE(*done == std::min(room, some.size()));
          for (std::size_t i = 0; done && i < *done; ++i) model[k].push_back(next++);
          break;
        }
        default: {
          const auto place = p[k]->try_claim();
          REQUIRE(place.err() == (full ? errc::full : errc::ok));
          if (!place) break;
          REQUIRE(p[k]->try_push(T{}, no_bell).err() == errc::busy);
          ::new (static_cast<void*>(*place)) T(T::make(next));
          if (d.below(4) == 0) p[k]->abandon(no_bell);
          else p[k]->commit(no_bell), model[k].push_back(next++);
        }
      }
    }
    if (d.below(50) == 0) {  // a successor, after an orderly end or a death
      if (d.below(2) == 0) leave(c, phase::died);
      c = b.receive();
    }
    switch (d.below(4)) {
      case 0: {
        const auto got = c.try_pop(no_bell);
        REQUIRE(got.err() == (nothing() ? errc::empty : errc::ok));
        if (got) REQUIRE(take(*got));
        break;
      }
      case 1: {
        std::vector<T> some(d.below(2 * capacity) + 1);
        const std::size_t there = model[0].size() + model[1].size() + model[2].size();
        const auto n = c.try_pop(std::span<T>(some), no_bell);
        REQUIRE(n.err() == (nothing() ? errc::empty : errc::ok));
        if (n) REQUIRE(*n == std::min(there, some.size()));
        for (std::size_t i = 0; n && i < *n; ++i) REQUIRE(take(some[i]));
        break;
      }
      case 2: {
        const auto lent = c.try_borrow();
        REQUIRE(lent.err() == (nothing() ? errc::empty : errc::ok));
        if (!lent) break;
        const T copy = **lent;
        REQUIRE(c.try_pop(no_bell).err() == errc::busy);
        REQUIRE(c.try_borrow().err() == errc::busy);
        if (d.below(2) == 0) {
          c.keep_loan(no_bell);
          const auto again = c.try_borrow();
          REQUIRE((again && **again == copy));
        }
        c.consume_loan(no_bell);
        REQUIRE(take(copy));
        break;
      }
      default: break;
    }
    REQUIRE(b.ring.approx_size() == model[0].size() + model[1].size() + model[2].size());
  }
}

template <std::size_t Size>
void walk_all() {
  for (const std::size_t capacity : {1u, 2u, 3u, 7u, 8u, 20u, 100u}) {
    INFO("items of " << Size << " bytes, capacity " << capacity);
    for (const bool wrap : {false, true}) {
      walk<Size, sluice::native_memory>(capacity, wrap, capacity, 3000);
      walk<Size, narrow_memory>(capacity, wrap, capacity + 1, 3000);
    }
  }
}

}  // namespace

TEST_CASE("each lane behaves as a queue of its own, whoever comes and goes") {
  walk_all<4>();
  walk_all<8>();
  walk_all<24>();
  walk_all<56>();
  walk_all<64>();
  walk_all<100>();
}

TEST_CASE("each producer has exactly the capacity, lap after lap, whatever the others have") {
  for (const std::size_t capacity : {1u, 2u, 6u, 7u, 8u, 64u}) {
    box<u64, 4> b(capacity);
    auto first = b.send(1), last = b.send(4);
    auto c = b.receive();
    CHECK(b.ring.capacity() == capacity);
    for (unsigned lap = 0; lap < 5; ++lap) {
      for (auto* p : {&first, &last}) {
        for (u64 i = 0; i < capacity; ++i) REQUIRE(p->try_push(i, no_bell));
        REQUIRE(p->try_push(u64{}, no_bell).err() == errc::full);
      }
      CHECK(b.ring.approx_size() == 2 * capacity);
      for (std::size_t i = 0; i < 2 * capacity; ++i) REQUIRE(c.try_pop(no_bell));
      REQUIRE(c.try_pop(no_bell).err() == errc::empty);
    }
  }
}

TEST_CASE("a capacity is refused when it is none or does not fit") {
  using ring = sluice::lanes_ring<u64, 16>;
  CHECK(ring::bytes_for(0) == 0);
  CHECK(ring::bytes_for(static_cast<std::size_t>(-1)) == 0);
  CHECK(ring::bytes_for(static_cast<std::size_t>(-1) / 64) == 0);
  CHECK(ring::bytes_for(1) == sizeof(sluice::lanes_control<>) + 16 * (sluice::apart_bytes + 128));
  CHECK(ring::bytes_for(1000) > 16 * 1000 * 8);
  using large = sluice::lanes_ring<item<100, 4>, 63>;
  CHECK(large::bytes_for(10) % sluice::apart_bytes == 0);
}

TEST_CASE("the consumer leaves a busy lane after one turn, and a quiet one at once") {
  box<u64, 16> b(64);
  auto busy = b.send(1), quiet = b.send(2), far_away = b.send(16);
  auto c = b.receive();
  constexpr u64 turn = decltype(c)::turn;
  const auto refill = [&] {
    while (busy.try_push(u64{1}, no_bell)) {}
  };
  for (unsigned round = 0; round < 50; ++round) {
    refill();
    REQUIRE(quiet.try_push(u64{2}, no_bell));
    REQUIRE(far_away.try_push(u64{3}, no_bell));
    u64 seen = 0, pops = 0;
    for (; seen != 5; ++pops) {
      const auto m = c.try_pop(no_bell);
      REQUIRE(m);
      if (*m != 1) seen += *m;
      refill();
    }
    CHECK(pops <= turn + 2);
  }
  std::vector<u64> some(turn + 2);  // a batch takes turns as well
  refill();
  REQUIRE(c.try_pop(std::span<u64>(some).first(turn), no_bell));
  refill();
  REQUIRE(quiet.try_push(u64{2}, no_bell));
  REQUIRE(c.try_pop(std::span<u64>(some), no_bell).value_or(0) == some.size());
  CHECK(std::count(some.begin(), some.end(), 2u) == 1);
}

TEST_CASE("all living producers are served alike when all lanes are full") {
  box<u64, 8> b(100);
  std::vector<box<u64, 8>::producer> p;
  for (unsigned k = 0; k < 8; ++k) p.push_back(b.send(k + 1));
  auto c = b.receive();
  u64 served[8] = {};
  for (unsigned i = 0; i < 8000; ++i) {
    for (u64 k = 0; k < 8; ++k)
      while (p[k].try_push(k, no_bell)) {}
    ++served[*c.try_pop(no_bell)];
  }
  for (const u64 n : served) CHECK((n >= 1000 - 16 && n <= 1000 + 16));
}

TEST_CASE("the end comes after everything that any producer pushed, and is told once") {
  box<u64, 4> b(8);
  auto one = b.send(1), two = b.send(3);
  auto c = b.receive();
  REQUIRE(one.try_push(u64{1}, no_bell));
  REQUIRE(two.try_push(u64{2}, no_bell));
  leave(one, phase::closed);
  CHECK(c.try_pop(no_bell));
  CHECK(c.try_pop(no_bell));
  CHECK(c.try_pop(no_bell).err() == errc::empty);  // one is left
  REQUIRE(two.try_push(u64{3}, no_bell));
  SECTION("closed") {
    leave(two, phase::closed);
    CHECK(c.try_pop(no_bell).value_or(none) == 3);
    CHECK(c.try_pop(no_bell).err() == errc::closed);
  }
  SECTION("left") {
    leave(two);
    CHECK(c.try_pop(no_bell).value_or(none) == 3);
    CHECK(c.try_pop(no_bell).err() == errc::closed);
  }
  SECTION("died") {
    b.ring.shared().producers.end(3, phase::died);
    CHECK(c.try_pop(no_bell).value_or(none) == 3);
    const auto e = c.try_pop(no_bell).err();
    CHECK(e == errc::peer_died);
    CHECK(e.who != 0);
  }
  CHECK(c.try_pop(no_bell).err() != errc::empty);
  leave(c);
  auto heir = b.receive();
  CHECK(heir.try_pop(no_bell).err() == errc::empty);  // its predecessor's business
  auto again = b.send(2);
  REQUIRE(again.try_push(u64{4}, no_bell));
  CHECK(heir.try_pop(no_bell).value_or(none) == 4);
  leave(again, phase::closed);
  CHECK(heir.try_pop(no_bell).err() == errc::closed);
}

TEST_CASE("in a persistent channel only a close is an end") {
  box<u64, 2> b(4, true);
  auto c = b.receive();
  for (const auto how : {phase::left, phase::died}) {
    auto p = b.send(1);
    REQUIRE(p.try_push(u64{1}, no_bell));
    leave(p, how);
    CHECK(c.try_pop(no_bell).value_or(none) == 1);
    CHECK(c.try_pop(no_bell).err() == errc::empty);
  }
  auto p = b.send(2);
  leave(p, phase::closed);
  CHECK(c.try_pop(no_bell).err() == errc::closed);
}

TEST_CASE("a message of a producer that came and went unseen is found") {
  box<u64, 16> b(4);
  auto c = b.receive();
  CHECK(c.try_pop(no_bell).err() == errc::empty);
  for (unsigned slot = 16; slot != 0; --slot) {
    auto p = b.send(slot);
    REQUIRE(p.try_push(u64{slot}, no_bell));
    leave(p);
  }
  u64 sum = 0;
  for (unsigned k = 0; k < 16; ++k) sum += c.try_pop(no_bell).value_or(none);
  CHECK(sum == 16 * 17 / 2);
  CHECK(c.try_pop(no_bell).err() == errc::closed);
}

TEST_CASE("a producer is told of the consumer's end, unless it came after it") {
  box<u64, 2> b(4);
  auto p = b.send(1);
  CHECK(p.try_push(u64{1}, no_bell));  // a consumer may come later
  auto c = b.receive();
  CHECK(p.try_push(u64{2}, no_bell));
  leave(c, phase::died);
  const auto e = p.try_push(u64{3}, no_bell).err();
  CHECK(e == errc::peer_died);
  CHECK(e.who == sluice::error(errc::peer_died).by(0).who);
  auto late = b.send(2);
  CHECK(late.try_push(u64{4}, no_bell));
  auto heir = b.receive();
  CHECK(p.try_push(u64{5}, no_bell));
  u64 sum = 0;
  while (const auto m = heir.try_pop(no_bell)) sum += *m;
  CHECK(sum == 1 + 2 + 4 + 5);
}

TEST_CASE("a pop wakes the producer of its lane and no other") {
  box<u64, 4> b(1);
  auto one = b.send(1), two = b.send(2);
  auto c = b.receive();
  REQUIRE(one.try_push(u64{1}, no_bell));
  REQUIRE(two.try_push(u64{2}, no_bell));
  std::vector<void*> rung;
  const auto bell = [&](auto& door, std::uint32_t) noexcept { rung.push_back(&door); };
  const auto before_one = one.arm(), before_two = two.arm();
  const u64 first = c.try_pop(bell).value_or(none);
  auto& woken = first == 1 ? one : two;
  auto& asleep = first == 1 ? two : one;
  REQUIRE(rung.size() == 1);
  CHECK(rung[0] == &woken.doorstep());
  CHECK(woken.doorstep().word().load() != (first == 1 ? before_one : before_two));
  CHECK(asleep.doorstep().word().load() == (first == 1 ? before_two : before_one));
  woken.disarm(bell);
  asleep.disarm(bell);
  CHECK(c.try_pop(bell));
  CHECK(rung.size() == 1);  // nobody slept any more
  (void)one.arm();
  (void)two.arm();
  c.end(phase::closed, bell);
  CHECK(rung.size() == 3);
}

TEST_CASE("a push and the end of a producer wake the consumer") {
  box<u64, 4> b(4);
  auto one = b.send(1), two = b.send(4);
  auto c = b.receive();
  unsigned rung = 0;
  const auto bell = [&](auto& door, std::uint32_t) noexcept { rung += &door == &c.doorstep() ? 1u : 0u; };
  REQUIRE(one.try_push(u64{1}, bell));
  CHECK(rung == 0);
  (void)c.arm();
  REQUIRE(two.try_push(u64{1}, bell));
  REQUIRE(one.try_push(u64{1}, bell));
  CHECK(rung == 1);
  (void)c.arm();
  const auto place = one.try_claim();
  REQUIRE(place);
  **place = 4;
  one.commit(bell);
  CHECK(rung == 2);
  (void)c.arm();
  const u64 some[2] = {5, 6};
  REQUIRE(two.try_push(std::span<const u64>(some), bell));
  CHECK(rung == 3);
  (void)c.arm();
  two.end(phase::closed, bell);
  CHECK(rung == 4);
  (void)c.arm();
  c.disarm(bell);
  REQUIRE(one.try_push(u64{1}, bell));
  CHECK(rung == 4);
}

TEST_CASE("a detached side touches nothing and says why") {
  sluice::lanes_producer<u64, 16> p;
  sluice::lanes_consumer<u64, 16> c;
  CHECK(p.try_push(u64{1}, no_bell).err() == errc::forked);
  CHECK(p.try_claim().err() == errc::forked);
  CHECK(c.try_pop(no_bell).err() == errc::forked);
  CHECK(c.try_borrow().err() == errc::forked);
  CHECK_FALSE(p.attached());
  CHECK_FALSE(c.attached());
}

TEST_CASE("an impossible stamp is reported, and the other lanes stay in use") {
  for (const u64 nonsense : {u64{8}, u64{200}, u64{255}}) {
    box<u64, 4> b(20);
    auto good = b.send(1), bad = b.send(3);
    auto c = b.receive();
    REQUIRE(good.try_push(u64{1}, no_bell));
    REQUIRE(bad.try_push(u64{2}, no_bell));
    b.ring.at(2).first()->stamp.store(nonsense);
    CHECK(c.try_pop(no_bell).value_or(none) == 1);
    for (unsigned k = 0; k < 3; ++k) {
      const auto e = c.try_pop(no_bell).err();
      CHECK(e == errc::corrupt);
      CHECK(e.who == sluice::error(errc::corrupt).by(3).who);
      REQUIRE(good.try_push(u64{k}, no_bell));
      CHECK(c.try_pop(no_bell).value_or(none) == k);
    }
    leave(bad);
    sluice::lanes_producer<u64, 4> heir;
    CHECK(heir.attach(b.ring, 3).err() == errc::corrupt);
    CHECK(heir.attach(b.ring, 2));
  }
}

TEST_CASE("an impossible head is refused by whoever reads it") {
  using words = sluice::spsc_words<sluice::native_memory>;
  for (const u64 nonsense : {words::cursor(0, 0, 7), words::cursor(0, 4, 0), words::cursor(7, 0, 0), ~u64{0}}) {
    box<u64, 4> b(20);
    auto p = b.send(2);
    for (u64 i = 0; i < 20; ++i) REQUIRE(p.try_push(i, no_bell));
    b.ring.at(1).head().store(nonsense);
    CHECK(p.try_push(u64{}, no_bell).err() == errc::corrupt);
    sluice::lanes_producer<u64, 4> heir;
    sluice::lanes_consumer<u64, 4> c;
    if (words::block_of(nonsense) < 4 && words::item_of(nonsense) < 7) {  // a lap alone may be anything
      CHECK(heir.attach(b.ring, 2));
      CHECK(c.attach(b.ring));
      CHECK(c.try_pop(no_bell).err() != errc::ok);
    } else {
      CHECK(heir.attach(b.ring, 2).err() == errc::corrupt);
      const auto s = c.attach(b.ring);
      CHECK(s.err() == errc::corrupt);
      CHECK(s.err().who == sluice::error(errc::corrupt).by(2).who);
      CHECK_FALSE(c.attached());
    }
  }
}

TEST_CASE("random words everywhere lead to errors and odd messages, and nowhere else") {
  dice d(5);
  for (unsigned round = 0; round < 300; ++round) {
    box<u64, 3> b(1 + d.below(30));
    box<u64, 3>::producer p[3];
    box<u64, 3>::consumer c;
    for (unsigned step = 0; step < 200; ++step) {
      const auto at = d.below(b.bytes / 8) * 8;
      const u64 value = d.below(3) == 0 ? d.next() : d.below(300);
      std::memcpy(b.memory + at, &value, 8);
      if (d.below(3) == 0) {
        const u64 cursor = sluice::spsc_words<sluice::native_memory>::cursor(d.below(2), d.below(6), d.below(8));
        b.ring.at(static_cast<unsigned>(d.below(3))).head().store(cursor);
      }
      const auto k = static_cast<unsigned>(d.below(3));
      if (!p[k].attached() && p[k].attach(b.ring, k + 1)) p[k].begin();
      if (!c.attached() && c.attach(b.ring)) c.begin();
      u64 some[40];
      (void)p[k].try_push(value, no_bell);
      (void)p[k].try_push(std::span<const u64>(some, 0), no_bell);
      (void)c.try_pop(no_bell);
      (void)c.try_pop(std::span<u64>(some), no_bell);
      (void)b.ring.approx_size();
      if (d.below(10) == 0 && p[k].attached()) leave(p[k]);
      if (d.below(20) == 0 && c.attached()) leave(c);
    }
  }
}

TEST_CASE("messages with a life of their own are moved in, and out, once") {
  box<std::shared_ptr<int>, 2> b(5);
  const auto watched = std::make_shared<int>(1);
  auto p = b.send(1), q = b.send(2);
  auto c = b.receive();
  for (unsigned lap = 0; lap < 4; ++lap) {
    for (unsigned k = 0; k < 5; ++k) REQUIRE((p.try_push(watched, no_bell) && q.try_push(watched, no_bell)));
    CHECK(watched.use_count() == 11);
    auto kept = watched;
    CHECK_FALSE(p.try_push(std::move(kept), no_bell));
    CHECK(kept == watched);  // a refused message is untouched
    kept.reset();
    while (c.try_pop(no_bell)) {}
    CHECK(watched.use_count() == 1);
  }
}
