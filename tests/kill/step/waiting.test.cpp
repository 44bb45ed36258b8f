// SPDX-License-Identifier: MIT
#include "rings.hpp"

using namespace kill_rig;

namespace {

constexpr std::int64_t prompt = 1'000'000'000;  // far above a slice of 20 ms, for the sake of busy machines

template <class World>
void kill_beside_a_sleeper(totals& sum) {
  using ops = operations<World>;
  for (const auto* op : {&ops::pushing, &ops::pushing_batch, &ops::committing, &ops::aborting, &ops::closing_sink, &ops::leaving_sink})
    for (const u64 passed : {u64{0}, u64{2}}) {
      const bool all = full || (op == &ops::pushing && passed == 0 && sum.one_of == 1);
      sum.run(scene<World>{op, {}, passed, 0, peer::asleep}, all ? thoroughness::each_instruction : thoroughness::each_state);
    }
  if (World::promises.kept != rig::keeps::all) return;  // no producer ever sleeps
  for (const auto* op : {&ops::popping, &ops::popping_batch, &ops::borrowing, &ops::keeping, &ops::closing_source, &ops::leaving_source})
    for (const u64 passed : {u64{0}, u64{2}}) {
      const bool all = full || (op == &ops::popping && passed == 0 && sum.one_of == 1);
      sum.run(scene<World>{op, {}, passed, 5, peer::asleep}, all ? thoroughness::each_instruction : thoroughness::each_state);
    }
}

template <class World>
void kill_while_waiting(totals& sum, bool on_file) {
  using ops = operations<World>;
  for (const bool answered : {false, true})
    for (const bool persistent : {false, true}) {
      // Who is answered must not run out of time before that, however slowly it is stepped through.
      const terms channel{.on_file = on_file, .persistent = persistent};
      scene<World> push{answered ? &ops::pushing_long : &ops::pushing_waiting, channel, 1, 5};
      scene<World> pop{answered ? &ops::popping_long : &ops::popping_waiting, channel, 2, 0};
      push.answered = pop.answered = answered;
      for (const auto& s : {push, pop}) {
        if (s.by_producer() && World::promises.kept != rig::keeps::all) continue;  // never waits
        sum.run(s, thoroughness::each_state);
        if (!answered && sum.one_of == 1) sum.add(campaign<World>(s).run_asleep());
      }
    }
}

template <class World>
void kill_a_healer(totals& sum, bool on_file) {
  using ops = operations<World>;
  for (const bool persistent : {false, true}) {
    const terms channel{.on_file = on_file, .persistent = persistent};
    sum.run(scene<World>{&ops::healing_producer, channel, 1, 2, peer::dead}, thoroughness::each_state);
    sum.run(scene<World>{&ops::healing_consumer, channel, 1, 4, peer::dead}, thoroughness::each_state);
    sum.run(scene<World>{&ops::recovering_source, channel, 1, 2, peer::dead}, thoroughness::each_state);
    sum.run(scene<World>{&ops::recovering_sink, channel, 1, 4, peer::dead}, thoroughness::each_state);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("killed anywhere beside a sleeper, the sleeper does not sleep on", "", SLUICE_KILLED_RINGS()) {
  require_stepping();
  totals sum{one_scene_of<TestType>};
  kill_beside_a_sleeper<world<TestType, item>>(sum);
  sum.print("sleepers");
  CHECK(sum.told_ns < prompt);
}

TEMPLATE_TEST_CASE("killed anywhere in waiting, asleep or awake, nothing was taken or sent by halves", "", SLUICE_KILLED_RINGS()) {
  require_stepping();
  totals sum{one_scene_of<TestType>};
  kill_while_waiting<world<TestType, item>>(sum, false);
  if (full) kill_while_waiting<world<TestType, item>>(sum, true);
  sum.print("waiting");
  CHECK(sum.told_ns < prompt);
}

TEMPLATE_TEST_CASE("a healer killed anywhere leaves what the next healer can heal", "", SLUICE_KILLED_RINGS()) {
  require_stepping();
  totals sum{one_scene_of<TestType>};
  kill_a_healer<world<TestType, item>>(sum, false);
  if (full) kill_a_healer<world<TestType, item>>(sum, true);
  sum.print("healing");
}
