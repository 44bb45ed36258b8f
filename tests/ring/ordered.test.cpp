// SPDX-License-Identifier: MIT
#include <sluice/ring/ordered_consumer.hpp>
#include <sluice/ring/ordered_producer.hpp>

#include "catch.hpp"
#include "ring/spsc_box.hpp"

#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using sluice::cell_state;
using sluice::errc;
using sluice::error;
using sluice::phase;
using sluice::step;
using sluice::subject;
using spsc_test::dice;
using spsc_test::item;
using spsc_test::no_bell;

namespace {

using P = sluice::native_memory;
using u64 = std::uint64_t;

constexpr std::size_t capacities[] = {1, 2, 3, 5, 8, 9, 64, 100};

/// A ring in memory of its own, and how to pretend that it has long been in use.
template <class T, bool ManyP = true, bool ManyC = true>
struct box {
  using ring_type = sluice::ordered_ring<T, P>;
  using producer = sluice::ordered_producer<T, ManyP, P>;
  using consumer = sluice::ordered_consumer<T, ManyC, P>;

  explicit box(std::size_t capacity, bool persistent = false)
      : bytes(ring_type::bytes_for(capacity)),
        memory(static_cast<std::byte*>(::operator new(bytes, std::align_val_t{sluice::apart_bytes}))) {
    std::memset(memory.get(), 0, bytes);
    ring = ring_type(memory.get(), capacity, persistent);
  }
  void start_at_lap(u64 lap) {
    const u64 word = lap * ring.one_lap();
    ring.order().tail = ring.order().head = word;
    for (u64 k = 0; k < ring.capacity(); ++k) ring.cells()[k].word = word;
  }
  producer make_producer(unsigned seat) {
    producer p;
    REQUIRE(p.attach(ring, seat));
    p.begin();
    return p;
  }
  consumer make_consumer(unsigned seat) {
    consumer c;
    REQUIRE(c.attach(ring, seat));
    c.begin();
    return c;
  }
  sluice::recovery bury(unsigned seat) {
    const auto found = ring.heal(seat);
    ring.shared().producers.end(seat, phase::died);
    ring.shared().consumers.end(seat, phase::died);
    return found;
  }

  struct release {
    void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{sluice::apart_bytes}); }
  };
  std::size_t bytes;
  std::unique_ptr<std::byte, release> memory;
  ring_type ring;
};

constexpr u64 last_lap = ~u64{0};  // as many as there are: the next one wraps

/// What an ordered ring does, by positions: what became of each, and how far both sides are.
struct model {
  enum class is { claimed, message, nothing, out, again, gone };
  struct place {
    is state;
    u64 value;
    unsigned owner;
  };
  std::size_t capacity;
  std::vector<place> places = {};
  std::size_t head = 0;

  bool room() const { return places.size() < capacity || places[places.size() - capacity].state == is::gone; }
  void claim(u64 value, unsigned owner, is state) { places.push_back({state, value, owner}); }
  place* of(unsigned owner, is state) {
    for (auto& x : places)
      if (x.state == state && x.owner == owner) return &x;
    return nullptr;
  }
  /// The next message for a consumer, which may be one that comes again; passes what is nothing on the way.
  place* next() {
    for (auto& x : places)
      if (x.state == is::again) return &x;
    while (head < places.size() && places[head].state == is::nothing) places[head++].state = is::gone;
    return head < places.size() && places[head].state == is::message ? &places[head++] : nullptr;
  }
  bool more() const { return head < places.size() && places[head].state == is::message; }
};

/// Random operations of three producers and three consumers, any of which may be in the middle of one when it dies; and the
/// same on the model. Returns what went wrong first, or nothing.
std::string against_model(std::size_t capacity, u64 lap, unsigned operations, dice d) {
  using is = model::is;
  box<u64> b(capacity);
  b.start_at_lap(lap);
  constexpr unsigned each = 3;
  std::vector<box<u64>::producer> p;
  std::vector<box<u64>::consumer> c;
  for (unsigned k = 0; k < each; ++k) p.push_back(b.make_producer(k)), c.push_back(b.make_consumer(each + k));
  model m{capacity};
  std::optional<u64*> slots[each];
  bool lent[each] = {};
  u64 next = 1;
  bool filling = true;
  for (unsigned i = 0; i < operations; ++i) {
    if (d.below(40) == 0) filling = !filling;
    const unsigned k = static_cast<unsigned>(d.below(each));
    if (filling ? d.below(4) != 0 : d.below(4) == 0) {
      if (slots[k]) {
        auto* const mine = m.of(k, is::claimed);
        switch (d.below(4)) {
          case 0:
            if (p[k].try_push(u64{0}, no_bell).err() != errc::busy) return "push during a claim";
            continue;
          case 1: p[k].abandon(no_bell), mine->state = is::nothing; break;
          case 2: **slots[k] = mine->value, p[k].commit(no_bell), mine->state = is::message; break;
          case 3:  // dies with it
            if (b.bury(k).undelivered != 1 || b.bury(k).undelivered != 0) return "healing a claim";
            mine->state = is::nothing, p[k] = b.make_producer(k);
            break;
        }
        slots[k].reset();
        continue;
      }
      const bool room = m.room();
      switch (d.below(3)) {
        case 0: {
          const auto place = p[k].try_claim();
          if (static_cast<bool>(place) != room) return "claim";
          if (place) slots[k] = *place, m.claim(next++, k, is::claimed);
          break;
        }
        case 1: {
          const auto s = p[k].try_push(u64{next}, no_bell);
          if (static_cast<bool>(s) != room) return "push";
          if (s) m.claim(next++, k, is::message);
          else if (s.err() != errc::full && s.err() != errc::pending) return "push, refused";
          break;
        }
        case 2: {
          std::vector<u64> many(d.below(capacity + 2) + 1);
          for (std::size_t n = 0; n < many.size(); ++n) many[n] = next + n;
          const auto n = p[k].try_push(std::span<const u64>(many), no_bell);
          std::size_t fits = 0;
          for (; fits < many.size() && m.room(); ++fits) m.claim(next++, k, is::message);
          if ((n ? *n : 0) != fits) return "batch of pushes";
          break;
        }
      }
      continue;
    }
    if (lent[k]) {
      auto* const mine = m.of(each + k, is::out);
      switch (d.below(4)) {
        case 0:
          if (c[k].try_pop(no_bell).err() != errc::busy) return "pop during a loan";
          continue;
        case 1: c[k].consume_loan(no_bell), mine->state = is::gone; break;
        case 2: c[k].keep_loan(no_bell), mine->state = is::again; break;
        case 3:
          if (b.bury(each + k).redelivered != 1 || b.bury(each + k).redelivered != 0) return "healing a loan";
          mine->state = is::again, c[k] = b.make_consumer(each + k);
          break;
      }
      lent[k] = false;
      continue;
    }
    model::place* const at = m.next();
    const bool again = at != nullptr && at->state == is::again;
    switch (d.below(3)) {
      case 0: {
        const auto got = c[k].try_pop(no_bell);
        if (static_cast<bool>(got) != (at != nullptr)) return "pop";
        if (got && (*got != at->value || c[k].redelivered() != again)) return "pop, another message";
        if (got) at->state = is::gone;
        else if (got.err() != errc::empty && got.err() != errc::pending) return "pop, refused";
        break;
      }
      case 1: {
        const auto got = c[k].try_borrow();
        if (static_cast<bool>(got) != (at != nullptr)) return "borrow";
        if (got && (**got != at->value || c[k].redelivered() != again)) return "borrow, another message";
        if (got) at->state = is::out, at->owner = each + k, lent[k] = true;
        break;
      }
      case 2: {
        std::vector<u64> many(d.below(capacity + 2) + 1);
        const std::size_t before = at == nullptr ? 0 : static_cast<std::size_t>(at - m.places.data());
        const bool passed = at != nullptr && !again && before != 0 && m.places[before - 1].state == is::gone;
        const auto got = c[k].try_pop(std::span<u64>(many), no_bell);
        if (static_cast<bool>(got) != (at != nullptr)) return "batch of pops";
        if (!got || at == nullptr) break;
        if (many[0] != at->value || c[k].redelivered() != again) return "batch of pops, another message";
        at->state = is::gone;
        if (*got == 1 && (again || passed || !m.more() || many.size() == 1)) break;  // tombs are passed one by one
        std::size_t n = 1;
        for (; n < many.size() && m.more() && n < capacity; ++n) {
          auto* const then = m.next();
          if (then == nullptr || many[n] != then->value) return "batch of pops, another message later";
          then->state = is::gone;
        }
        if (n != *got) return "batch of pops, its size";
        break;
      }
    }
  }
  return "";
}

}  // namespace

TEST_CASE("random operations of many ends do to an ordered ring what they do to a queue, whoever dies in between") {
  for (const std::size_t capacity : capacities)
    for (const u64 lap : {u64{0}, u64{1}, last_lap, last_lap - 1})
      for (unsigned seed = 0; seed < 6; ++seed) {
        INFO("capacity " << capacity << ", lap " << lap << ", seed " << seed);
        CHECK(against_model(capacity, lap, 3000, dice(seed + capacity)) == "");
      }
}

TEST_CASE("an ordered ring holds exactly its capacity, lap after lap and across the wrap") {
  for (const std::size_t capacity : capacities)
    for (const u64 lap : {u64{0}, last_lap}) {
      box<item<8>> b(capacity);
      b.start_at_lap(lap);
      auto p = b.make_producer(0);
      auto c = b.make_consumer(1);
      for (unsigned k = 0; k < 3; ++k) {
        for (std::size_t i = 0; i < capacity; ++i) REQUIRE(p.try_push(item<8>::make(i), no_bell));
        CHECK(p.try_push(item<8>::make(0), no_bell).err() == error(errc::full, step::push));
        CHECK(b.ring.approx_size() == capacity);
        for (std::size_t i = 0; i < capacity; ++i) REQUIRE(*c.try_pop(no_bell) == item<8>::make(i));
        CHECK(c.try_pop(no_bell).err() == error(errc::empty, step::pop));
      }
    }
}

TEST_CASE("a place that is claimed and not filled is pending for consumers once another message is behind it") {
  box<u64> b(4);
  auto p = b.make_producer(5), q = b.make_producer(9);
  auto c = b.make_consumer(1);
  const auto place = p.try_claim();
  REQUIRE(place);
  CHECK(c.try_pop(no_bell).err() == error(errc::empty, step::pop));  // nothing has been pushed
  REQUIRE(q.try_push(u64{2}, no_bell));
  CHECK(c.try_pop(no_bell).err() == error(errc::pending, step::pop).by(5));
  **place = 1;
  p.commit(no_bell);
  CHECK(*c.try_pop(no_bell) == 1);
  CHECK(*c.try_pop(no_bell) == 2);
}

TEST_CASE("a message that is out is pending for producers once another has been popped behind it") {
  box<u64> b(2);
  auto p = b.make_producer(0);
  auto c = b.make_consumer(3), e = b.make_consumer(4);
  REQUIRE((p.try_push(u64{1}, no_bell) && p.try_push(u64{2}, no_bell)));
  REQUIRE(c.try_borrow());
  CHECK(p.try_push(u64{3}, no_bell).err() == error(errc::full, step::push));  // nothing has been popped
  CHECK(*e.try_pop(no_bell) == 2);
  CHECK(p.try_push(u64{3}, no_bell).err() == error(errc::pending, step::push).by(3));
  c.consume_loan(no_bell);
  CHECK(p.try_push(u64{3}, no_bell));
}

TEST_CASE("what the dead had claimed in a batch becomes tombs, and what they had taken comes again, oldest first") {
  for (const std::size_t capacity : {4u, 5u}) {
    box<u64> b(capacity);
    auto p = b.make_producer(0), q = b.make_producer(1);
    auto c = b.make_consumer(2), e = b.make_consumer(3);
    REQUIRE(p.try_push(u64{1}, no_bell));
    // Two places of a batch that was cut short before its first message: the tail names its owner, the cells nobody.
    auto& order = b.ring.order();
    u64 at = order.tail;
    order.tail = b.ring.next(b.ring.next(at)) | (0 + 1);
    REQUIRE(q.try_push(u64{4}, no_bell));  // which settles them
    CHECK(b.ring.state_of(b.ring.cells()[1].word) == cell_state::claimed);
    CHECK(b.ring.state_of(b.ring.cells()[2].word) == cell_state::claimed);
    CHECK(*c.try_pop(no_bell) == 1);
    CHECK(c.try_pop(no_bell).err() == error(errc::pending, step::pop).by(0));
    CHECK(b.bury(0).undelivered == 2);
    CHECK(*c.try_pop(no_bell) == 4);

    REQUIRE((q.try_push(u64{5}, no_bell) && q.try_push(u64{6}, no_bell) && q.try_push(u64{7}, no_bell)));
    at = order.head;
    order.head = b.ring.next(b.ring.next(at)) | (2 + 1);  // c has taken two, and read none
    CHECK(*e.try_pop(no_bell) == 7);
    CHECK_FALSE(e.redelivered());
    CHECK(b.bury(2).redelivered == 2);
    CHECK(*e.try_pop(no_bell) == 5);
    CHECK(e.redelivered());
    CHECK(*e.try_pop(no_bell) == 6);
    CHECK(e.redelivered());
    CHECK(e.try_pop(no_bell).err() == errc::empty);
    for (std::size_t i = 0; i < capacity; ++i) CHECK(q.try_push(u64{i}, no_bell));
    CHECK(q.try_push(u64{0}, no_bell).err() == errc::full);
  }
}

TEST_CASE("consumers are each told once everything is out that the last producer has gone, and producers of consumers") {
  box<u64> b(4);
  auto p = b.make_producer(0), q = b.make_producer(1);
  auto c = b.make_consumer(2), e = b.make_consumer(3);
  REQUIRE(p.try_push(u64{1}, no_bell));
  p.end(phase::closed, no_bell);
  REQUIRE(q.try_push(u64{2}, no_bell));
  q.end(phase::closed, no_bell);
  CHECK(*c.try_pop(no_bell) == 1);
  CHECK(*e.try_pop(no_bell) == 2);
  CHECK(c.try_pop(no_bell).err() == error(errc::closed, step::pop).by(1));
  CHECK(e.try_pop(no_bell).err() == error(errc::closed, step::pop).by(1));
  CHECK(c.try_pop(no_bell).err() == errc::closed);
  auto late = b.make_consumer(4);
  CHECK(late.try_pop(no_bell).err() == errc::empty);  // an end that others were told of
  auto r = b.make_producer(1);
  CHECK(c.try_pop(no_bell).err() == errc::empty);
  REQUIRE(r.try_push(u64{3}, no_bell));
  CHECK(*late.try_pop(no_bell) == 3);
  (void)b.bury(1);
  CHECK(late.try_pop(no_bell).err() == error(errc::peer_died, step::pop).by(1));

  auto s = b.make_producer(0);
  for (auto* x : {&c, &e}) x->end(phase::left, no_bell);
  CHECK(s.try_push(u64{4}, no_bell));
  late.end(phase::closed, no_bell);
  CHECK(s.try_push(u64{5}, no_bell).err() == error(errc::closed, step::push).by(4));
  auto t = b.make_producer(7);  // to whom they are none of its peers
  CHECK(t.try_push(u64{5}, no_bell));
}

TEST_CASE("an end is not told while a fellow still holds a message, which it may put back") {
  box<u64> b(4);
  auto p = b.make_producer(0);
  auto c = b.make_consumer(2), e = b.make_consumer(3);
  REQUIRE(p.try_push(u64{1}, no_bell));
  REQUIRE(c.try_borrow());
  p.end(phase::closed, no_bell);
  CHECK(e.try_pop(no_bell).err() == error(errc::pending, step::pop).by(2));
  c.end(phase::left, no_bell);
  CHECK(*e.try_pop(no_bell) == 1);
  CHECK(e.redelivered());
  CHECK(e.try_pop(no_bell).err() == errc::closed);
}

TEST_CASE("an exception while a message is built leaves a tomb, and the ring goes on") {
  struct thrower {
    int value = 0;
    explicit(false) thrower(int v) noexcept(false) : value(v) {
      if (v < 0) throw std::runtime_error("no");
    }
    thrower(thrower&& o) noexcept : value(o.value) {}
  };
  box<thrower> b(3);
  auto p = b.make_producer(0);
  auto c = b.make_consumer(1);
  REQUIRE(p.try_push(1, no_bell));
  CHECK_THROWS_AS((void)p.try_push(-1, no_bell), std::runtime_error);
  REQUIRE(p.try_push(2, no_bell));
  CHECK(p.try_push(3, no_bell).err() == errc::full);
  CHECK(c.try_pop(no_bell)->value == 1);
  CHECK(c.try_pop(no_bell)->value == 2);
  CHECK(c.try_pop(no_bell).err() == errc::empty);
}

TEST_CASE("words that no correct peer writes are corrupt, and nothing else happens") {
  box<u64> b(3);
  auto p = b.make_producer(0);
  auto c = b.make_consumer(1);
  auto& order = b.ring.order();
  order.tail = u64{3} << 11;  // an index that does not exist
  CHECK(p.try_push(u64{1}, no_bell).err() == error(errc::corrupt, step::push, subject::cursor));
  order.head = u64{3} << 11;
  CHECK(c.try_pop(no_bell).err() == error(errc::corrupt, step::pop, subject::cursor));
  order.tail = order.head = 0;
  for (const u64 word : {b.ring.one_lap() * 5, u64{7} << 8, b.ring.one_lap() | (u64{2} << 8), u64{1} << 8}) {
    b.ring.cells()[0].word = word;
    CHECK(p.try_push(u64{1}, no_bell).err() == error(errc::corrupt, step::push, subject::stamp));
    CHECK(c.try_pop(no_bell).err() == error(errc::corrupt, step::pop, subject::stamp));
  }
  typename box<u64>::producer late;
  order.tail = u64{3} << 11;
  CHECK(late.attach(b.ring, 2).err() == error(errc::corrupt, step::join, subject::cursor));
}

TEST_CASE("sides without fellows do without compare-exchange and are as exact") {
  box<u64, false, false> b(3);
  auto p = b.make_producer(0);
  auto c = b.make_consumer(1);
  for (u64 i = 0; i < 20; ++i) {
    REQUIRE(p.try_push(u64{i}, no_bell));
    REQUIRE(c.try_borrow());
    c.keep_loan(no_bell);
    REQUIRE(*c.try_pop(no_bell) == i);
    CHECK(c.redelivered());
  }
  CHECK(p.try_claim());
  p.abandon(no_bell);
  CHECK(c.try_pop(no_bell).err() == errc::empty);
  for (u64 i = 0; i < 3; ++i) CHECK(p.try_push(u64{i}, no_bell));
  CHECK(p.try_push(u64{3}, no_bell).err() == errc::full);
}
