// SPDX-License-Identifier: MIT
#include "named_files.hpp"
#include "rings.hpp"

#include <thread>

using namespace kill_rig;

// An opener that is not killed but held still between two of its instructions, while another one wants the same role.
// Whoever is the first to hold the life lock has it; the other is told `busy`, and the role never has two owners.

namespace {

struct rival_totals {
  unsigned long held = 0, first_won = 0, faults = 0;
  std::string first_fault;
};

// Empty if all is well.
template <class World>
std::string two_openers(const scene<World>& s, const place& where, rival_totals& sum) {
  using item = typename World::sink::value_type;
  trial<World> t(s);
  if (!t.ready()) return "the scene could not be set up";
  (void)bring_to(t.victim(), where, t.world().path(), s.by());
  if (!t.victim().running()) return "it has ended";

  std::atomic<bool> settled{false};
  errc opened = errc::ok;
  std::thread rival([&] {
    opened = s.by_producer() ? t.mine().open_sink() : t.mine().open_source();
    settled = true;
  });
  (void)test::eventually([&] { return settled.load(); }, 0.02);  // it may have to wait until the held one goes on
  const bool finished = t.finish();
  rival.join();
  ++sum.held;
  if (!finished) return "the held opener did not come to its end";
  const bool held_one_owns = t.victims_report().moved == 0, rival_owns = opened == errc::ok;
  if (held_one_owns && rival_owns) return "two owners";
  if (!held_one_owns && !rival_owns) return "no owner";
  if (!rival_owns && opened != errc::busy) return "a strange refusal";
  sum.first_won += held_one_owns ? 1u : 0u;

  // The owner counts as alive; and once the held one is dead, the role is the rival's.
  const unsigned alive = s.other == peer::awake ? 2 : 1;
  if (t.mine().t ? t.mine().t->peers() != alive : t.mine().r && t.mine().r->peers() != alive) return "peers";
  t.victim().kill();
  if (!t.mine().t && t.mine().open_sink() != errc::ok) return "no producer";
  if (!t.mine().r && t.mine().open_source() != errc::ok) return "no consumer";
  u64 next = t.taken();
  for (; next != t.pushed(); ++next)
    if (const auto m = t.mine().r->try_pop(); !m || !is_numbered(*m, next)) return "lost, repeated or out of order";
  for (u64 i = 0; i < t.world().capacity(); ++i)
    if (!t.mine().t->try_push(numbered<item>(next + i))) return "capacity";
  for (u64 i = 0; i < t.world().capacity(); ++i)
    if (const auto m = t.mine().r->try_pop(); !m || !is_numbered(*m, next + i)) return "round trip";
  if (t.world().names() != 1) return "names";
  return test::locks_on(t.world().path()) == 2 ? "" : "locks";
}

template <class World>
void hold_openers(rival_totals& sum, const scene<World>& s) {
  const auto states = campaign<World>(s).run(thoroughness::each_state, stride::call).states;
  CHECK_FALSE(states.empty());
  const watchdog guard("a held opener");
  for (const auto& state : states) {
    guard.within(30);
    const std::string fault = two_openers(s, state.first, sum);
    if (fault.empty()) continue;
    if (sum.faults++ == 0)
      sum.first_fault = std::string(s.op->name) + ", held after " + std::to_string(state.first.calls) + " calls: " + fault;
  }
}

}  // namespace

TEMPLATE_TEST_CASE("an opener that stops in the middle never makes two owners of a role, or none", "", SLUICE_ROLE_RINGS()) {
  require_stepping();
  using ops = operations<world<TestType, item>>;
  rival_totals sum;
  for (const bool on_file : {false, true}) {
    if (brief && on_file) continue;
    const terms channel{.on_file = on_file};
    hold_openers<world<TestType, item>>(sum, {&ops::opening_sink, channel, 0, 0, peer::nobody});                // creates
    hold_openers<world<TestType, item>>(sum, {&ops::opening_source, channel, 0, 3});                            // attaches
    hold_openers<world<TestType, item>>(sum, {&ops::opening_sink, channel, 1, 2, peer::awake, before::dead});   // takes over
    hold_openers<world<TestType, item>>(sum, {&ops::opening_source, channel, 4, 5, peer::dead, before::dead});  // alone
  }
  std::printf("held openers: %lu times, the held one won %lu times, %lu bad\n", sum.held, sum.first_won, sum.faults);
  INFO(sum.first_fault);
  CHECK(sum.faults == 0);
  CHECK(sum.first_won > 0);
  CHECK(sum.first_won < sum.held);
}

TEMPLATE_TEST_CASE("a maker that stops in the middle is not robbed of its temporary name", "", SLUICE_ROLE_RINGS()) {
  require_stepping();
  CHECK(without_anonymous_files([] {
    using named = world<TestType, item>;
    rival_totals sum;
    hold_openers<named>(sum, {&operations<named>::opening_sink, {.no_anonymous_files = true}, 0, 0, peer::nobody});
    std::printf("held makers: %lu times, the held one won %lu times, %lu bad\n%s", sum.held, sum.first_won, sum.faults,
                sum.first_fault.c_str());
    return sum.faults == 0 && sum.first_won > 0 && sum.first_won < sum.held;
  }));
}
