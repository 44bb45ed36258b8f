// SPDX-License-Identifier: MIT
#include "rings.hpp"

using namespace kill_rig;

// A victim among others: a fellow lives beside it, or beside its peer, and may have a place or a message out meanwhile.

namespace {

constexpr beside at_hand[] = {beside::idle, beside::finishes, beside::gives_up};
constexpr std::pair<u64, u64> standings[] = {{1, 2}, {8, 3}, {0, 1}, {3, 4}};

/// So many scenes is run in the ci tier; the number divides no loop.
template <class Rig>
constexpr unsigned one_in_company = full ? 1 : brief ? 20 : std::is_same_v<Rig, rig::mpmc> || std::is_same_v<Rig, rig::broadcast> ? 2 : 4;

/// Which roles have room for a fellow of the victim's.
template <class World>
bool has_fellows(side s) {
  const unsigned most[] = {World::producers, World::consumers};
  return most[s == side::producer ? 0 : 1] > 1;
}

template <class World, class Visit>
void each_company(Visit visit) {
  for (const side role : {side::producer, side::consumer})
    for (const beside fellow : at_hand)
      if (has_fellows<World>(role)) visit(role, fellow);
}

template <class World>
void kill_in_traffic(totals& sum) {
  using ops = operations<World>;
  each_company<World>([&](side role, beside fellow) {
    for (const auto* op : {&ops::pushing, &ops::pushing_batch, &ops::committing, &ops::aborting, &ops::popping, &ops::popping_batch,
                           &ops::borrowing, &ops::keeping, &ops::recovering_source})
      for (const auto& [passed, filled] : standings)
        for (const bool persistent : {false, true}) {
          if (!full && (persistent || passed == 3 || (passed == 8 && op->moves == 0))) continue;
          // A place for bytes that comes round to padding needs the room of more than one message.
          constexpr bool pads = World::promises.tomb_takes > 1 && sizeof(typename World::sink::value_type) > sluice::bytes_granule;
          if (pads && filled == 4 && role == side::producer && fellow != beside::idle) continue;
          scene<World> s{op, {.persistent = persistent}, passed, filled};
          s.fellow = fellow, s.fellows_role = role;
          const bool all = full && passed == 1 && !persistent;
          sum.run(s, all ? thoroughness::each_instruction : thoroughness::each_state);
        }
  });
}

template <class World>
void kill_at_the_ends(totals& sum) {
  using ops = operations<World>;
  each_company<World>([&](side role, beside fellow) {
    for (const auto* op : {&ops::closing_sink, &ops::leaving_sink, &ops::closing_source, &ops::leaving_source})
      for (const bool persistent : {false, true}) {
        if (!full && (persistent || fellow == beside::gives_up)) continue;
        scene<World> s{op, {.persistent = persistent}, 1, 2};
        s.fellow = fellow, s.fellows_role = role;
        sum.run(s, thoroughness::each_state);
      }
    // Joins beside others, and takes over beside others.
    for (const auto* op : {&ops::opening_sink, &ops::opening_source})
      for (const before predecessor : {before::nobody, before::dead}) {
        if (!full && (predecessor == before::dead ? fellow != beside::finishes : fellow != beside::idle)) continue;
        const bool filled = predecessor == before::dead || op->who == side::consumer;
        scene<World> s{op, {}, 0, filled ? u64{2} : u64{0}, peer::awake, predecessor};
        if (fellow != beside::idle && role == side::consumer && s.filled == 0) continue;
        s.fellow = fellow, s.fellows_role = role;
        if (op->who == role || World::promises.to_each) sum.run(s, thoroughness::each_state, full ? stride::instruction : stride::call);
      }
  });
}

// Both wait for the same. Whoever is woken dies. The victim is patient, lest its time be over before it sleeps. Where all
// are woken, the fellow is always faster than somebody who is stepped through.
template <class World>
void kill_beside_a_sleeping_fellow(totals& sum) {
  using ops = operations<World>;
  for (const bool persistent : {false, true}) {
    scene<World> push{&ops::pushing_patient, {.persistent = persistent}, 1, 5};
    scene<World> pop{&ops::popping_patient, {.persistent = persistent}, 1, 0};
    if (World::promises.to_each) pop.passed = 0;
    for (auto* s : {&push, &pop}) {
      if (!has_fellows<World>(s->op->who)) continue;
      if (s->by_producer() && (!World::promises.one_order || World::promises.wakes_all)) continue;  // a lane is nobody else's
      s->answered = true, s->fellow = beside::asleep, s->fellows_role = s->op->who;
      sum.run(*s, thoroughness::each_state);
    }
  }
}

// Two victims, of which the second was cleaning up after the first; and somebody who lives beside them.
template <class World>
void kill_a_healer(totals& sum) {
  using ops = operations<World>;
  unsigned offered = 0;
  const auto two = [&](const scene<World>& first, scene<World> second) {
    if (!full && offered++ % (brief ? 20 : 5) != 0) return;
    const auto alone = campaign<World>(first).run(thoroughness::each_state).states;
    CHECK_FALSE(alone.empty());
    for (std::size_t j = 0; j < alone.size(); j += full ? 1 : 2) {
      const observation& after = alone[j].second;
      second.first = first.op, second.first_at = alone[j].first;
      second.first_moved = first.by_producer() ? after.published - first.passed - first.filled : after.taken - first.passed;
      sum.run(second, thoroughness::each_state);
    }
  };
  each_company<World>([&](side role, beside fellow) {
    for (const auto* op : {&ops::pushing, &ops::pushing_batch, &ops::committing, &ops::popping, &ops::popping_batch,
                           &ops::borrowing, &ops::keeping}) {
      scene<World> first{op, {}, 1, 3};
      scene<World> second{op->who == side::producer ? &ops::recovering_source : &ops::recovering_sink, {}, 1, 3, peer::dead};
      for (auto* s : {&first, &second}) s->fellow = fellow, s->fellows_role = role;
      two(first, second);
    }
  });
}

template <class Rig>
void kill_in_company() {
  using small = world<Rig, item>;
  totals sum{one_in_company<Rig>};
  kill_in_traffic<small>(sum);
  if constexpr (full || std::is_same_v<Rig, rig::bytes_mpsc>) kill_in_traffic<world<Rig, wide_item>>(sum);  // these shrink, and wrap
  kill_at_the_ends<small>(sum);
  sum.print("company");
  totals pairs;
  kill_a_healer<small>(pairs);
  pairs.print("healers in company");
  totals asleep;
  if (!brief) kill_beside_a_sleeping_fellow<small>(asleep);  // ten times slower, it would sleep too late
  if (asleep.scenes != 0) asleep.print("sleeping fellows");
  CHECK(asleep.told_ns < 1'000'000'000);
  // That the scenes are what they are meant to be.
  CHECK((asleep.scenes == 0 || asleep.told_ns != 0));
  if (Rig::promises.tombs) CHECK(sum.healed.undelivered + pairs.healed.undelivered > 0);
  if (Rig::promises.redelivers) CHECK(sum.healed.redelivered + pairs.healed.redelivered > 0);
  if (Rig::promises.tombs || std::is_same_v<Rig, rig::broadcast>) CHECK(sum.kept_waiting > 0);
}

}  // namespace

TEMPLATE_TEST_CASE("killed beside fellows, what they have out is theirs, and what the dead had is found", "", SLUICE_CROWD_RINGS()) {
  require_stepping();
  kill_in_company<TestType>();
}

TEMPLATE_TEST_CASE("killed beside other readers, or before them, all of them get everything", "", SLUICE_AUDIENCE_RINGS()) {
  require_stepping();
  kill_in_company<TestType>();
}
