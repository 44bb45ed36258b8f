// SPDX-License-Identifier: MIT
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

}  // namespace

TEMPLATE_TEST_CASE("killed anywhere in creating, attaching or taking over, the next one succeeds", "", SLUICE_KILLED_RINGS()) {
  require_stepping();
  totals sum;
  kill_in_opening<world<TestType, item>>(sum, {});
  kill_in_opening<world<TestType, item>>(sum, {.on_file = true});
  if (full) {
    kill_in_opening<world<TestType, item>>(sum, {.persistent = true});
    kill_in_opening<world<TestType, item>>(sum, {.on_file = true, .on_disk = true});
    kill_in_opening<world<TestType, wide_item>>(sum, {.on_file = true, .persistent = true});
  }
  sum.print("opening");
}
