// SPDX-License-Identifier: MIT
#include "rings.hpp"

using namespace kill_rig;

namespace {

// Where a ring can stand: empty, part full, full; in the middle of a block, before its border, before the next lap.
struct standing {
  u64 passed, filled;
};
constexpr standing standings[] = {{0, 0}, {1, 2}, {2, 0}, {7, 3}, {8, 0}, {4, 5}, {8, 1}};

template <class World>
void kill_in_traffic(totals& sum) {
  using ops = operations<World>;
  for (const auto* op : {&ops::pushing, &ops::pushing_batch, &ops::committing, &ops::aborting, &ops::popping,
                         &ops::popping_batch, &ops::borrowing, &ops::keeping})
    for (const standing at : standings)
      for (const bool persistent : {false, true}) {
        if (brief && (persistent || sizeof(typename World::sink::value_type) > 64) && at.passed != 8) continue;
        scene<World> s{op, {.persistent = persistent}, at.passed, at.filled};
        // Every instruction, not only one of each state: this is also what vouches for the division into states.
        const bool all = full || (at.passed == 1 && !persistent && sum.one_of == 1);
        sum.run(s, all ? thoroughness::each_instruction : thoroughness::each_state);
        if (full) s.channel.on_file = true, sum.run(s, thoroughness::each_state);
      }
}

template <class World>
void kill_at_the_end(totals& sum) {
  using ops = operations<World>;
  for (const auto* op : {&ops::closing_sink, &ops::leaving_sink, &ops::closing_source, &ops::leaving_source})
    for (const bool on_file : {false, true})
      for (const bool persistent : {false, true})
        for (const standing at : {standing{0, 0}, standing{1, 2}, standing{4, 5}})
          sum.run(scene<World>{op, {.on_file = on_file, .persistent = persistent}, at.passed, at.filled},
                  full ? thoroughness::each_instruction : thoroughness::each_state);
}

// The other side was there, has left, and comes again after the death.
template <class World>
void kill_alone(totals& sum) {
  using ops = operations<World>;
  for (const auto* op : {&ops::pushing, &ops::pushing_batch, &ops::committing, &ops::aborting, &ops::closing_sink, &ops::leaving_sink})
    for (const u64 filled : {u64{0}, u64{2}, u64{5}})
      for (const bool persistent : {false, true})
        sum.run(scene<World>{op, {.persistent = persistent}, 0, filled, peer::nobody}, thoroughness::each_state);
  for (const auto* op : {&ops::popping, &ops::popping_batch, &ops::borrowing, &ops::keeping, &ops::closing_source, &ops::leaving_source})
    for (const standing at : standings)
      sum.run(scene<World>{op, {.persistent = true}, at.passed, at.filled, peer::nobody}, thoroughness::each_state);
}

}  // namespace

TEMPLATE_TEST_CASE("killed anywhere in the traffic, what was committed arrives once and in order", "", SLUICE_KILLED_RINGS()) {
  require_stepping();
  totals sum{one_scene_of<TestType>};
  kill_in_traffic<world<TestType, item>>(sum);
  if constexpr (full || one_scene_of<TestType> == 1 || std::is_base_of_v<rig::bytes, TestType>) kill_in_traffic<world<TestType, wide_item>>(sum);
  sum.print("traffic");
}

TEMPLATE_TEST_CASE("killed anywhere in closing or leaving, the other side is told of one end", "", SLUICE_KILLED_RINGS()) {
  require_stepping();
  totals sum{one_scene_of<TestType>};
  kill_at_the_end<world<TestType, item>>(sum);
  sum.print("ends");
}

TEMPLATE_TEST_CASE("killed while the other side is away, it finds everything when it comes", "", SLUICE_KILLED_RINGS()) {
  require_stepping();
  totals sum{one_scene_of<TestType>};
  kill_alone<world<TestType, item>>(sum);
  sum.print("alone");
}
