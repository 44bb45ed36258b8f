// SPDX-License-Identifier: MIT
#include "named_files.hpp"
#include "rings.hpp"

#include <thread>

using namespace kill_rig;

// An opener that is not killed but held still between two of its instructions, while another one wants the same role.
// Of a role with one holder, whoever is the first to hold the life lock has it, and the other is told `busy`; of a role
// with many, both have a slot of their own.

namespace {

struct rival_totals {
  unsigned one_of = 1;  // so many states is held
  unsigned long offered = 0, held = 0, first_won = 0, faults = 0;
  std::string first_fault;
};

/// What passes through the ring once all is quiet, with one end of each side in our hands.
template <class World>
const char* goes_on(trial<World>& t) {
  using item = typename World::sink::value_type;
  auto& mine = t.mine();
  constexpr rig::promise promises = World::promises;
  u64 next = t.taken();
  if constexpr (!promises.to_each) {
    for (; next != t.pushed(); ++next)
      if (const auto m = mine.r->pop(1s); !m || !is_numbered(*m, next)) return "lost, repeated or out of order";
    for (u64 i = 0; i < t.world().capacity(); ++i)
      if (!mine.t->push(numbered<item>(next + i), 1s)) return "capacity";
    for (u64 i = 0; i < t.world().capacity(); ++i)
      if (const auto m = mine.r->pop(1s); !m || !is_numbered(*m, next + i)) return "round trip";
    return nullptr;
  } else {  // where a reader begins depends on when it came
    while (const auto m = mine.r->try_pop()) {
      if (m->seq < next || m->seq >= t.pushed() || !is_numbered(*m, m->seq)) return "repeated or out of order";
      next = m->seq + 1;
    }
    for (const u64 i : {t.pushed(), t.pushed() + 1}) {
      if (!mine.t->push(numbered<item>(i), 1s)) return "no room";
      if (const auto m = mine.r->pop(1s); !m || !is_numbered(*m, i)) return "round trip";
    }
    return nullptr;
  }
}

// Empty if all is well.
template <class World>
std::string two_openers(const scene<World>& s, const place& where, rival_totals& sum) {
  trial<World> t(s);
  if (!t.ready()) return "the scene could not be set up";
  (void)bring_to(t.victim(), where, t.world().path(), s.by());
  if (!t.victim().running()) return "it has ended";

  const bool for_many = (s.by_producer() ? World::producers : World::consumers) > 1;
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
  if (for_many && !(held_one_owns && rival_owns)) return "one of two was refused";
  if (!for_many && held_one_owns && rival_owns) return "two owners";
  if (!held_one_owns && !rival_owns) return "no owner";
  if (!rival_owns && opened != errc::busy) return "a strange refusal";
  sum.first_won += held_one_owns ? 1u : 0u;

  // The owners count as alive; and once the held one is dead, the role is the rival's.
  const unsigned alive = (s.other == peer::awake ? 2u : 1u) + (for_many ? 1u : 0u);
  if (t.mine().t ? t.mine().t->peers() != alive : t.mine().r && t.mine().r->peers() != alive) return "peers";
  t.victim().kill();
  if (!t.mine().t && t.mine().open_sink() != errc::ok) return "no producer";
  if (!t.mine().r && t.mine().open_source() != errc::ok) return "no consumer";
  if (const char* const fault = goes_on(t)) return fault;
  if (t.world().names() != 1) return "names";
  return test::locks_on(t.world().path()) == 2 ? "" : "locks";
}

template <class World>
constexpr bool has_single_role = World::producers == 1 || World::consumers == 1;

template <class World>
void hold_openers(rival_totals& sum, const scene<World>& s) {
  const auto states = campaign<World>(s).run(thoroughness::each_state, stride::call).states;
  CHECK_FALSE(states.empty());
  const watchdog guard("a held opener");
  for (const auto& state : states) {
    if (sum.offered++ % sum.one_of != 0) continue;
    guard.within(30);
    const std::string fault = two_openers(s, state.first, sum);
    if (fault.empty()) continue;
    if (sum.faults++ == 0)
      sum.first_fault = std::string(s.op->name) + ", held after " + std::to_string(state.first.calls) + " calls: " + fault;
  }
}

}  // namespace

TEMPLATE_TEST_CASE("an opener that stops in the middle never makes two owners of a slot, or none", "", SLUICE_KILLED_RINGS()) {
  require_stepping();
  using ops = operations<world<TestType, item>>;
  rival_totals sum;
  sum.one_of = one_scene_of<TestType>;
  for (const bool on_file : {false, true}) {
    if (on_file && sum.one_of != 1) continue;
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
  CHECK((sum.first_won < sum.held || !has_single_role<world<TestType, item>>));
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
