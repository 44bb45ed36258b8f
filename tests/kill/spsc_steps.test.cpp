// SPDX-License-Identifier: MIT
#include "campaign.hpp"
#include "catch.hpp"
#include "rig/spsc.hpp"

#include <type_traits>

using namespace kill_rig;

namespace {

constexpr bool full = SLUICE_TEST_TIER_FULL != 0;

struct totals {
  unsigned long scenes = 0, kills = 0, faults = 0;
  std::size_t states = 0;
  std::int64_t told_ns = 0;

  void add(const findings& f) {
    f.print();
    ++scenes, states += f.places, kills += f.kills, faults += f.faults;
    told_ns = std::max(told_ns, f.told_ns);
    INFO(f.first_fault);
    CHECK(f.faults == 0);
  }
  void print(const char* what) const {
    std::printf("%s: %lu scenes, %zu states, %lu kills, %lu bad, told within %.1f ms\n", what, scenes, states, kills, faults,
                static_cast<double>(told_ns) / 1e6);
    std::fflush(stdout);
  }
};

template <class World>
void run(totals& sum, const scene<World>& s, thoroughness how = thoroughness::each_state) {
  sum.add(campaign<World>(s).run(how));
}

// The places where a ring can stand: empty, part full, full; in the middle of a block, before its border, before the lap.
struct standing {
  u64 passed, filled;
};
constexpr standing standings[] = {{0, 0}, {1, 2}, {2, 0}, {7, 3}, {8, 0}, {4, 5}, {8, 1}};

template <class World>
void kill_in_traffic(totals& sum, thoroughness how) {
  using ops = operations<World>;
  const operation<World>* const all[] = {&ops::pushing, &ops::pushing_batch, &ops::committing,    &ops::aborting,
                                         &ops::popping, &ops::popping_batch, &ops::borrowing,     &ops::keeping,
                                         &ops::closing_sink, &ops::leaving_sink, &ops::closing_source, &ops::leaving_source};
  for (const auto* op : all)
    for (const standing at : standings)
      for (const bool persistent : {false, true}) {
        const bool ends = op->end != ending::none;
        if (ends && at.passed != 1 && !full) continue;
        scene<World> s{op, {.persistent = persistent}, at.passed, at.filled};
        run(sum, s, how);
        if (ends || full) s.channel.on_file = true, run(sum, s, how);
      }
}

}  // namespace

TEMPLATE_TEST_CASE("killed anywhere in the traffic, nothing that was committed is lost or comes twice", "", rig::spsc) {
  if (const char* why = why_impossible()) {
    std::printf("SKIPPED: %s\n", why);
    std::exit(77);
  }
  totals sum;
  kill_in_traffic<world<TestType, item>>(sum, thoroughness::each_state);
  kill_in_traffic<world<TestType, wide_item>>(sum, thoroughness::each_state);
  sum.print("traffic");
}
