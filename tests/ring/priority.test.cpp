// SPDX-License-Identifier: MIT
#include <sluice/ring/priority.hpp>

#include "ring/ordered_box.hpp"

using namespace ordered_test;
using sluice::error;
using sluice::step;
using sluice::subject;

namespace {

constexpr unsigned priorities = 3;

template <class T, unsigned N = priorities>
using box = box_of<sluice::priority_ring<T, N, P>, sluice::priority_producer<T, N, P>, sluice::priority_consumer<T, N, P>>;

}  // namespace

TEST_CASE("random operations of many ends do to a queue with priorities what they do to a queue for each, whoever dies in between") {
  for (const std::size_t capacity : {1u, 2u, 3u, 8u, 9u})
    for (const u64 lap : {u64{0}, last_lap, last_lap - 1})
      for (unsigned seed = 0; seed < 6; ++seed) {
        INFO("capacity " << capacity << ", lap " << lap << ", seed " << seed);
        CHECK(against_model<box<u64>, many_orders<priorities>>(capacity, lap, 3000, dice(seed + capacity)) == "");
      }
}

TEST_CASE("each priority has exactly the capacity, and whoever fills one keeps nobody from another") {
  box<u64> b(2);
  auto p = b.make_producer(0);
  auto c = b.make_consumer(1);
  for (unsigned k = 0; k < priorities; ++k) {
    for (const u64 i : {u64{0}, u64{1}}) REQUIRE(p.try_push(10 * k + i, no_bell, k));
    CHECK(p.try_push(u64{99}, no_bell, k).err() == error(errc::full, step::push));
  }
  CHECK(b.ring.approx_size() == 2 * priorities);
  CHECK(p.try_push(u64{99}, no_bell).err() == error(errc::full, step::push));  // which is at the lowest
  CHECK(p.try_push(u64{99}, no_bell, priorities).err() == error(errc::invalid, step::push, subject::priority));
  CHECK(p.try_claim(priorities).err() == error(errc::invalid, step::claim, subject::priority));
  for (const u64 expected : {20u, 21u, 10u, 11u, 0u, 1u}) {
    REQUIRE(c.try_pop(no_bell).value_or(77) == expected);
    CHECK(c.priority() == expected / 10);
  }
  CHECK(c.try_pop(no_bell).err() == error(errc::empty, step::pop));
  CHECK(c.priority() == 0);
}

TEST_CASE("a batch is of one priority, the highest, and a loan goes back to its own") {
  box<u64> b(4);
  auto p = b.make_producer(0);
  auto c = b.make_consumer(1);
  const u64 high[] = {20, 21, 22}, low[] = {1, 2};
  REQUIRE(p.try_push(std::span<const u64>(low), no_bell, 0u).value_or(0) == 2);
  REQUIRE(p.try_push(std::span<const u64>(high), no_bell, 2u).value_or(0) == 3);
  u64 got[9] = {};
  CHECK(c.try_pop(std::span<u64>(got, 2), no_bell).value_or(0) == 2);
  CHECK((got[0] == 20 && got[1] == 21));
  auto lent = c.try_borrow(no_bell);
  REQUIRE(lent);
  CHECK((**lent == 22 && c.priority() == 2));
  REQUIRE(p.try_push(u64{10}, no_bell, 1u));
  c.keep_loan(no_bell);
  CHECK(c.try_pop(std::span<u64>(got), no_bell).value_or(0) == 1);  // what was put back comes alone
  CHECK((got[0] == 22 && c.redelivered() && c.priority() == 2));
  CHECK(c.try_pop(no_bell).value_or(0) == 10);
  CHECK_FALSE(c.redelivered());
  CHECK(c.try_pop(std::span<u64>(got), no_bell).value_or(0) == 2);
  CHECK((got[0] == 1 && got[1] == 2 && c.priority() == 0));
}

TEST_CASE("a place that is claimed and not filled holds up its own priority only") {
  box<u64> b(2);
  auto p = b.make_producer(0), q = b.make_producer(1);
  auto c = b.make_consumer(2);
  auto place = p.try_claim(2u);
  REQUIRE(place);
  REQUIRE(q.try_push(u64{21}, no_bell, 2u));
  REQUIRE(q.try_push(u64{1}, no_bell));
  CHECK(c.try_pop(no_bell).value_or(0) == 1);
  CHECK(c.try_pop(no_bell).err() == error(errc::pending, step::pop).by(0));
  **place = 20, p.commit(no_bell);
  CHECK(c.try_pop(no_bell).value_or(0) == 20);
  CHECK(c.try_pop(no_bell).value_or(0) == 21);
}

TEST_CASE("an end is told once, and only when nothing is left at any priority, held by a fellow or not") {
  for (const bool killed : {false, true}) {
    box<u64> b(2);
    auto p = b.make_producer(0);
    auto c = b.make_consumer(1), d = b.make_consumer(2);
    REQUIRE((p.try_push(u64{20}, no_bell, 2u) && p.try_push(u64{1}, no_bell, 0u)));
    const auto lent = d.try_borrow(no_bell);
    REQUIRE((lent && **lent == 20));
    p.end(phase::closed, no_bell);
    p.detach();
    CHECK(c.try_pop(no_bell).value_or(0) == 1);
    CHECK(c.try_pop(no_bell).err() == error(errc::pending, step::pop).by(2));
    if (killed) CHECK(b.bury(2).redelivered == 1);
    else d.keep_loan(no_bell);
    CHECK(c.try_pop(no_bell).value_or(0) == 20);
    CHECK((c.redelivered() && c.priority() == 2));
    CHECK(c.try_pop(no_bell).err() == error(errc::closed, step::pop).by(0));
    auto late = b.make_consumer(3);
    CHECK(late.try_pop(no_bell).err() == error(errc::empty, step::pop));  // somebody else was told
  }
}

TEST_CASE("nonsense at one priority is told when no other has a message") {
  box<u64> b(3);
  auto p = b.make_producer(0);
  auto c = b.make_consumer(1);
  REQUIRE(p.try_push(u64{1}, no_bell));
  b.ring.level(1).order().head = u64{3} << 11;  // an index that does not exist
  b.ring.level(2).cells()[0].word = u64{7} << 8;
  CHECK(c.try_pop(no_bell).value_or(0) == 1);
  CHECK(c.try_pop(no_bell).err() == errc::corrupt);
  CHECK(p.try_push(u64{1}, no_bell, 2u).err() == error(errc::corrupt, step::push, subject::stamp));
  REQUIRE(p.try_push(u64{2}, no_bell));
  CHECK(c.try_pop(no_bell).value_or(0) == 2);
  box<u64>::consumer late;
  CHECK(late.attach(b.ring, 2).err() == error(errc::corrupt, step::join, subject::cursor));
}
