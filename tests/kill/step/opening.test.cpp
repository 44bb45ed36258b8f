// SPDX-License-Identifier: MIT
#include "named_files.hpp"
#include "rings.hpp"

using namespace kill_rig;

namespace {

template <class World>
void kill_in_opening(totals& sum, const terms& channel) {
  using ops = operations<World>;
  const auto run = [&](const operation<World>& op, u64 passed, u64 filled, peer other, before predecessor) {
    sum.run(scene<World>{&op, channel, passed, filled, other, predecessor}, thoroughness::each_state,
            full ? stride::instruction : stride::call);
  };
  run(ops::opening_sink, 0, 0, peer::nobody, before::nobody);  // creates
  run(ops::opening_source, 0, 0, peer::nobody, before::nobody);
  run(ops::opening_sink, 0, 0, peer::awake, before::nobody);  // attaches
  run(ops::opening_source, 0, 3, peer::awake, before::nobody);
  run(ops::opening_sink, 1, 2, peer::awake, before::dead);  // takes over
  run(ops::opening_source, 1, 2, peer::awake, before::dead);
  run(ops::opening_sink, 4, 5, peer::dead, before::dead);  // both roles are vacant
  run(ops::opening_source, 4, 5, peer::dead, before::dead);
}

// A forked child takes over what it inherited, once its parent is dead: it joins by a descriptor, and not by name.
template <class World>
void kill_in_reopening(totals& sum, const terms& channel) {
  using ops = operations<World>;
  const auto run = [&](const operation<World>& op, u64 passed, u64 filled, peer other) {
    sum.run(scene<World>{&op, channel, passed, filled, other, before::dead}, thoroughness::each_state,
            full ? stride::instruction : stride::call);
  };
  run(ops::reopening_sink, 1, 2, peer::awake);
  run(ops::reopening_source, 1, 2, peer::awake);
  run(ops::reopening_sink, 4, 5, peer::dead);
  run(ops::reopening_source, 4, 5, peer::dead);
}

// A region that is made under a temporary name beside its own.
template <class World>
void kill_in_naming(totals& sum, const terms& channel) {
  using ops = operations<World>;
  for (const auto* op : {&ops::opening_sink, &ops::opening_source})
    sum.run(scene<World>{op, channel, 0, 0, peer::nobody}, thoroughness::each_state, full ? stride::instruction : stride::call);
}

}  // namespace

TEMPLATE_TEST_CASE("killed anywhere in creating, attaching or taking over, the next one succeeds", "", SLUICE_KILLED_RINGS()) {
  require_stepping();
  totals sum{one_scene_of<TestType>};
  kill_in_opening<world<TestType, item>>(sum, {});
  kill_in_opening<world<TestType, item>>(sum, {.on_file = true});
  if (full) {
    kill_in_opening<world<TestType, item>>(sum, {.persistent = true});
    kill_in_opening<world<TestType, item>>(sum, {.on_file = true, .on_disk = true});
    kill_in_opening<world<TestType, wide_item>>(sum, {.on_file = true, .persistent = true});
  }
  sum.print("opening");
}

TEMPLATE_TEST_CASE("killed anywhere in taking over from a dead parent, the next one succeeds", "", SLUICE_KILLED_RINGS()) {
  require_stepping();
  totals sum{one_scene_of<TestType>};
  kill_in_reopening<world<TestType, item>>(sum, {});
  kill_in_reopening<world<TestType, item>>(sum, {.on_file = true});
  if (full) kill_in_reopening<world<TestType, wide_item>>(sum, {.on_file = true, .persistent = true});
  sum.print("reopening");
}

TEMPLATE_TEST_CASE("killed anywhere in creating without anonymous files, the next one succeeds", "", SLUICE_KILLED_RINGS()) {
  require_stepping();
  CHECK(without_anonymous_files([] {
    totals sum{one_scene_of<TestType>};
    kill_in_naming<world<TestType, item>>(sum, {.no_anonymous_files = true});
    kill_in_naming<world<TestType, item>>(sum, {.on_file = true, .no_anonymous_files = true});
    if (full) kill_in_naming<world<TestType, wide_item>>(sum, {.on_file = true, .persistent = true, .no_anonymous_files = true});
    sum.print("creating without anonymous files");
    return sum.faults == 0 && sum.kills != 0;
  }));
}
