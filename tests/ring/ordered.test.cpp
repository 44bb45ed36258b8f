// SPDX-License-Identifier: MIT
#include "ring/ordered_box.hpp"

#include <stdexcept>

using namespace ordered_test;
using sluice::error;
using sluice::step;
using sluice::subject;
using spsc_test::item;

namespace {

template <class T, bool ManyP = true, bool ManyC = true>
using box = box_of<sluice::ordered_ring<T, P>, sluice::ordered_producer<T, ManyP, P>, sluice::ordered_consumer<T, ManyC, P>>;

}  // namespace

TEST_CASE("random operations of many ends do to an ordered ring what they do to a queue, whoever dies in between") {
  for (const std::size_t capacity : capacities)
    for (const u64 lap : {u64{0}, u64{1}, last_lap, last_lap - 1})
      for (unsigned seed = 0; seed < 6; ++seed) {
        INFO("capacity " << capacity << ", lap " << lap << ", seed " << seed);
        CHECK(against_model<box<u64>, one_order>(capacity, lap, 3000, dice(seed + capacity)) == "");
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
  REQUIRE(c.try_borrow(no_bell));
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
  REQUIRE(c.try_borrow(no_bell));
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
    REQUIRE(c.try_borrow(no_bell));
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
