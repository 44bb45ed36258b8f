// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "priority_scenario.hpp"

#include <set>

// The queue with priorities, two and three of them. What is said to be exhaustive is every execution that C++ allows of so
// many attempts, with a death at any point where there is one (with loads of at most so many old values by each thread,
// where that is said); what is larger is walked at random, and says so.

namespace {

using model::priority_case;
using model::style;

constexpr bool full = SLUICE_TEST_TIER_FULL;

template <unsigned N = 2>
void prove(const priority_case& c, std::initializer_list<const char*> must_observe, unsigned stale = ~0u) {
  model::options o;
  o.stale = stale;
  const auto r = model::explore_priorities<N>(c, o);
  r.print();
  CHECK(r.proves(must_observe));
}
template <unsigned N = 2>
void walk(const priority_case& c, std::initializer_list<const char*> must_observe) {
  model::options o;
  o.stale = 0;  // so that what the ledger knows of time is exact
  o.most = full ? 1'000'000 : 1'200;
  std::set<std::string, std::less<>> seen;
  for (const auto how : {model::walk::random, model::walk::priorities}) {
    o.how = how;
    auto r = model::explore_priorities<N>(c, o);
    r.print();
    CHECK(r.clean());
    seen.merge(r.seen);
  }
  for (const char* what : must_observe) {
    INFO(what);
    CHECK(seen.contains(what));
  }
}

constexpr const char *push_done = "killed after the commit of a push", *push_cut = "killed before the commit of a push",
                     *pop_done = "killed after the commit of a pop", *pop_cut = "killed before the commit of a pop";

}  // namespace

TEST_CASE("a queue with priorities of one and one is one in every execution, also where it is empty") {
  for (const auto how : {style::single, style::batch, style::in_place}) {
    prove({.how = how, .plan = {"01"}, .pops = 2}, {"empty"});
    prove({.capacity = 2, .how = how, .plan = {"010"}, .pops = 2, .wrap = true}, {"empty"});
    if (how != style::in_place) prove({.capacity = 2, .how = how, .waiting = "00", .plan = {"1"}, .pops = 2}, {"a message overtook another"});
    if (full || how == style::single) prove<3>({.how = how, .waiting = "0", .plan = {"21"}, .pops = 2}, {});
  }
  prove({.waiting = "0", .plan = {"01"}, .pops = 1}, {"full"});
}
TEST_CASE("what one of two producers has pushed above another message is not left behind it, in every execution") {
  for (const auto how : {style::single, style::batch, style::in_place}) {
    if (!full && how == style::in_place) continue;
    prove({.producers = 2, .how = how, .plan = {"1", "0"}, .pops = 1}, {"empty"});
    prove({.producers = 2, .capacity = 2, .how = how, .plan = {"1", "10"}, .pops = 1}, {"pop pending"}, full ? 1u : 0u);
  }
  prove({.producers = 2, .plan = {"1", "0"}, .pops = 2, .relay = true}, {"a pop at rest"});
}
TEST_CASE("two consumers leave nothing behind that was pushed above what they take, in every execution, or all that read the newest") {
  for (const auto how : {style::single, style::batch, style::in_place}) {
    if (!full && how == style::in_place) continue;
    prove({.consumers = 2, .how = how, .waiting = "0", .plan = {"1"}, .pops = 1}, {"empty"}, full || how == style::single ? ~0u : 0u);
    if (full || how == style::single) prove({.consumers = 2, .capacity = 2, .how = how, .waiting = "0", .plan = {"10"}, .pops = 1}, {}, 0);
  }
}
TEST_CASE("a producer dies anywhere, and nothing is lost at any priority, in every execution") {
  for (const auto how : {style::single, style::batch, style::in_place}) {
    prove({.capacity = 2, .how = how, .plan = {"10"}, .pops = 2, .producer_dies = true}, {push_cut, push_done, "healed"});
    if (full || how == style::single)
      prove({.producers = 2, .how = how, .plan = {"1", "0"}, .pops = 1, .producer_dies = true}, {push_cut, "healed"});
  }
  if (full) prove({.producers = 2, .capacity = 2, .plan = {"1", "10"}, .pops = 1, .producer_dies = true}, {push_cut, "healed", "pop pending"}, 0);
  prove({.capacity = 2, .plan = {"1", "0"}, .pops = 1, .producer_dies = true, .heir = true}, {push_cut, push_done});
}
TEST_CASE("a consumer dies anywhere, and what it had begun to take comes again at its priority, in every execution") {
  for (const auto how : {style::single, style::batch, style::in_place}) {
    if (how == style::in_place) continue;
    prove({.how = how, .waiting = "0", .plan = {"1"}, .pops = 1, .consumer_dies = true, .heir = true}, {pop_cut, pop_done, "redelivered"});
    prove({.consumers = 2, .how = how, .waiting = "01", .pops = 1, .consumer_dies = true}, {pop_cut, pop_done});
  }
}
TEST_CASE("the end is told after every message of every priority") {
  prove({.plan = {"01"}, .ends = true}, {"closed", "empty"});
  prove<3>({.plan = {"2"}, .ends = true}, {"closed", "empty"});
  if (full) prove({.consumers = 2, .plan = {"1"}, .ends = true}, {"closed", "empty"});
}
TEST_CASE("two of each with two and three priorities, of which one may die, are walked at random") {
  for (const auto how : {style::single, style::batch, style::in_place})
    for (const std::size_t capacity : {1u, 2u}) {
      priority_case c{.producers = 2, .consumers = 1, .capacity = capacity, .how = how, .plan = {"1010", "0011"}, .pops = 6};
      walk(c, {"a message overtook another"});
      c.consumers = 2, c.pops = 4, c.wrap = true;
      walk(c, {"empty"});
      c.plan[0] = "2101", c.plan[1] = "0122";
      walk<3>(c, {"empty", "a message overtook another"});
      c.plan[2] = "1", c.heir = capacity == 1, c.producer_dies = true;
      walk<3>(c, {"healed", push_cut});
      c.producer_dies = false, c.consumer_dies = true;
      walk<3>(c, {"healed", "redelivered", pop_cut});
    }
}
