// SPDX-License-Identifier: MIT
#include "named_files.hpp"
#include "rings.hpp"

using namespace kill_rig;

// Two victims: the first is killed in every state of its operation, and each time whoever cleans up after it, by healing
// or by taking over, in every state of that. In the ci tier a sample of the pairs.

namespace {

struct pair_totals {
  unsigned one_of = 1;  // so many pairs of operations is tried
  unsigned long firsts = 0, kills = 0, faults = 0, offered = 0;
};

template <class World>
void kill_two(pair_totals& sum, const scene<World>& first, scene<World> second, unsigned every) {
  if (sum.offered++ % sum.one_of != 0) return;
  const auto alone = campaign<World>(first).run(thoroughness::each_state, stride::call).states;
  CHECK_FALSE(alone.empty());
  second.first = first.op;
  unsigned long kills = 0, faults = 0;
  for (std::size_t j = 0; j < alone.size(); j += full ? 1 : brief ? 3 * every : every) {
    second.first_at = alone[j].first;
    const observation& after = alone[j].second;
    second.first_moved = first.by_producer() ? after.published - first.passed - first.filled : after.taken - first.passed;
    const findings f = campaign<World>(second).run(thoroughness::each_state, stride::call);
    ++sum.firsts, kills += f.kills, faults += f.faults;
    INFO(f.first_fault);
    CHECK(f.faults == 0);
  }
  std::printf("  %-24s then %-16s %3zu states of the first, %5lu kills of the second, %lu bad\n", first.op->name, second.op->name,
              alone.size(), kills, faults);
  sum.kills += kills, sum.faults += faults;
}

template <class World>
void kill_all_pairs(pair_totals& sum, const terms& channel) {
  using ops = operations<World>;
  for (const auto* op : {&ops::pushing, &ops::pushing_batch, &ops::committing, &ops::closing_sink, &ops::leaving_sink}) {
    const scene<World> first{op, channel, 1, 2};
    kill_two(sum, first, {&ops::opening_sink, channel, 1, 2, peer::awake, before::dead}, 3);  // and its successor
    kill_two(sum, first, {&ops::healing_producer, channel, 1, 2, peer::dead}, 2);             // and its healer
  }
  for (const auto* op : {&ops::popping, &ops::popping_batch, &ops::borrowing, &ops::closing_source, &ops::leaving_source}) {
    const scene<World> first{op, channel, 1, 4};
    kill_two(sum, first, {&ops::opening_source, channel, 1, 4, peer::awake, before::dead}, 3);
    kill_two(sum, first, {&ops::healing_consumer, channel, 1, 4, peer::dead}, 2);
  }
  // A successor, and its successor; a creator, and who comes then.
  kill_two(sum, scene<World>{&ops::opening_sink, channel}, {&ops::opening_sink, channel, 0, 0, peer::awake, before::dead}, 9);
  kill_two(sum, scene<World>{&ops::opening_source, channel}, {&ops::opening_source, channel, 0, 0, peer::awake, before::dead}, 9);
  kill_two(sum, scene<World>{&ops::opening_sink, channel, 0, 0, peer::nobody},
           {&ops::opening_sink, channel, 0, 0, peer::nobody, before::dead}, 14);
}

}  // namespace

TEMPLATE_TEST_CASE("two victims, one in the middle of cleaning up after the other", "", SLUICE_KILLED_RINGS()) {
  require_stepping();
  pair_totals sum{one_scene_of<TestType>};
  kill_all_pairs<world<TestType, item>>(sum, {});
  if (full) {
    kill_all_pairs<world<TestType, item>>(sum, {.persistent = true});
    kill_all_pairs<world<TestType, item>>(sum, {.on_file = true});
  }
  // A maker, and who makes the region after it, with what the first left in the way. How it is made is nobody's ring.
  if (sum.one_of == 1) CHECK(without_anonymous_files([] {
    pair_totals makers;
    using named = world<TestType, item>;
    using ops = operations<named>;
    const terms channel{.no_anonymous_files = true};
    kill_two(makers, scene<named>{&ops::opening_sink, channel, 0, 0, peer::nobody},
             {&ops::opening_sink, channel, 0, 0, peer::nobody, before::dead}, 14);
    std::printf("makers without anonymous files: %lu places of the first victim, %lu pairs, %lu bad\n", makers.firsts, makers.kills,
                makers.faults);
    return makers.faults == 0 && makers.kills != 0;
  }));
  std::printf("pairs: %lu places of the first victim, %lu pairs, %lu bad\n", sum.firsts, sum.kills, sum.faults);
  std::fflush(stdout);
}
