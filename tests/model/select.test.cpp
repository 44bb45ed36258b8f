// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "rig/ordered.hpp"
#include "rig/spsc.hpp"
#include "select_scenario.hpp"

#include <set>
#include <string>

// Everything that happens between two rings and a select that sleeps on both. What is too much to be met in all orders is
// walked at random.

namespace {

using model::select_case;

constexpr bool full = SLUICE_TEST_TIER_FULL;

template <class Rig>
void walk(const select_case& c, std::initializer_list<const char*> must_observe = {}) {
  std::set<std::string> seen;
  for (const auto how : {model::walk::random, model::walk::priorities}) {
    model::options o;
    o.how = how;
    o.most = full ? 3'000'000 : 6'000;
    const auto r = model::explore_select<Rig>(c, o);
    r.print();
    CHECK(r.clean());
    seen.insert(r.seen.begin(), r.seen.end());
  }
  for (const char* what : must_observe) {
    INFO(what);
    CHECK(seen.contains(what));
  }
}

}  // namespace

TEST_CASE("a select is woken by whichever of two rings is the first, in every execution") {
  for (const unsigned turns : {1u, 2u}) {
    if (!full && turns != 1) continue;
    const auto r = model::explore_select<rig::spsc>({.turns = turns, .closes = false});
    r.print();
    CHECK(r.proves({"the first ring had the turn", "the second ring had the turn"}));
  }
}
TEST_CASE("a select is woken by either of two rings, and comes to the end of both") {
  walk<rig::spsc>({}, {"a ring has ended", "the select has ended"});
  walk<rig::spsc>({.messages = 3}, {"the select has ended"});
  walk<rig::mpmc>({.messages = 2}, {"the select has ended"});
}
TEST_CASE("a select that is late has taken nothing, and goes on, or leaves everything where it is") {
  walk<rig::spsc>({.messages = 2, .impatient = true, .spurious = 2}, {"the select was late", "the select has ended"});
  walk<rig::spsc>({.messages = 2, .impatient = true, .gives_up = true, .spurious = 1}, {"the select was late"});
  walk<rig::mpmc>({.messages = 2, .impatient = true, .gives_up = true, .spurious = 1}, {"the select was late"});
}
TEST_CASE("a wake-up that a select was given and has no use for goes to its fellow") {
  walk<rig::mpmc>({.turns = 1, .fellow = true, .closes = false});
  walk<rig::mpmc>({.messages = 2, .turns = 2, .fellow = true, .closes = false});
  walk<rig::mpmc>({.turns = 1, .fellow = true, .closes = false, .impatient = true, .gives_up = true, .spurious = 1},
                  {"the select was late"});
}
TEST_CASE("a select is told of a producer that was killed, and those who wait for a select that was killed go on") {
  walk<rig::spsc>({.messages = 2, .producer_dies = true, .slices = 3}, {"a producer has died"});
  walk<rig::mpmc>({.turns = 1, .fellow = true, .closes = false, .select_dies = true, .slices = 3});
}
TEST_CASE("a select without either fence is found to lose a wake-up") {
  for (const bool light : {true, false}) {
    model::options o;
    o.how = model::walk::random, o.most = 100'000;
    o.without_light = light, o.without_heavy = !light;
    const auto r = model::explore_select<rig::spsc>({.closes = false}, o);
    r.print();
    CHECK(r.failure == "asleep, though a message is there");
  }
}
