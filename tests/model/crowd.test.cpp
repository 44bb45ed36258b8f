// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "crowd_scenario.hpp"
#include "rig/ordered.hpp"

// The ordered ring with one, two and more on each side. What is said to be exhaustive is every execution that C++ allows of
// so many attempts, with deaths at any point where there are any (with loads of at most so many old values by each thread,
// where that is said); what is larger is walked at random, and says so.

namespace {

using model::crowd_case;
using model::style;

constexpr bool full = SLUICE_TEST_TIER_FULL;

struct totals {
  std::uint64_t executions = 0, graphs = 0;
  unsigned explorations = 0;
  ~totals() {
    std::printf("%u explorations, all exhaustive: %llu executions, %llu distinct\n", explorations,
                static_cast<unsigned long long>(executions), static_cast<unsigned long long>(graphs));
  }
};

template <class Rig>
void prove(const crowd_case& c, totals& sum, std::initializer_list<const char*> must_observe, unsigned stale = ~0u) {
  model::options o;
  o.stale = stale;
  const auto r = model::explore_crowd<Rig>(c, o);
  r.print();
  CHECK(r.proves(must_observe));
  sum.executions += r.executions, sum.graphs += r.graphs, ++sum.explorations;
}
template <class Rig>
void walk(const crowd_case& c, std::initializer_list<const char*> must_observe) {
  model::options o;
  o.stale = 0;  // so that what the ledger knows of time is exact
  o.most = full ? 2'000'000 : 10'000;
  std::set<std::string, std::less<>> seen;
  for (const auto how : {model::walk::random, model::walk::priorities}) {
    o.how = how;
    auto r = model::explore_crowd<Rig>(c, o);
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

TEST_CASE("an ordered ring of one and one keeps its promises in every execution") {
  totals sum;
  const auto all = [&]<class Rig>(Rig) {
    for (const bool wrap : {false, true})
      for (const std::size_t capacity : {1u, 2u, 3u})
        for (const auto how : {style::single, style::batch, style::in_place}) {
          if (!full && (wrap != (capacity == 2))) continue;
          crowd_case c{.capacity = capacity, .how = how, .waiting = static_cast<unsigned>(capacity) - 1, .wrap = wrap};
          c.messages = full || how == style::in_place ? 3 : 2, c.pops = c.messages;
          prove<Rig>(c, sum, {"full"});
          c.waiting = 0;
          c.messages = (full ? 2 : 1) + (how == style::in_place ? 1 : 0), c.pops = 2;  // what is abandoned takes one attempt
          c.producer_dies = true;
          prove<Rig>(c, sum, {push_cut, push_done, "healed"});
          c.waiting = static_cast<unsigned>(capacity) - 1, c.messages = 2;
          c.producer_dies = false, c.consumer_dies = true;
          prove<Rig>(c, sum, {pop_cut, pop_done, "healed"});
        }
  };
  all(rig::mpsc{});
  all(rig::spmc{});
  if (full) all(rig::mpmc{});
}
TEST_CASE("two producers push into one order, in every execution") {
  totals sum;
  for (const auto how : {style::single, style::batch, style::in_place}) {
    const unsigned m = full && how == style::single ? 2 : 1;
    prove<rig::mpsc>({.producers = 2, .how = how, .messages = m, .pops = 2}, sum, {"empty", "push pending"});
    prove<rig::mpsc>({.producers = 2, .capacity = 2, .how = how, .messages = 1, .pops = 2}, sum, {"empty", "pop pending"});
    prove<rig::mpmc>({.producers = 2, .capacity = 3, .how = how, .waiting = 2, .messages = m, .pops = 1, .wrap = true}, sum, {"full"});
  }
}
TEST_CASE("two consumers share what one producer pushes, in every execution") {
  totals sum;
  for (const auto how : {style::single, style::batch, style::in_place}) {
    const unsigned pops = full && how == style::single ? 2 : 1;
    prove<rig::spmc>({.consumers = 2, .how = how, .waiting = 1, .messages = 1, .pops = pops}, sum, {"full", "empty"});
    prove<rig::spmc>({.consumers = 2, .capacity = 2, .how = how, .waiting = 2, .messages = 1, .pops = pops}, sum, {"full"});
    prove<rig::mpmc>({.consumers = 2, .capacity = 3, .how = how, .waiting = 2, .messages = 1, .pops = pops, .wrap = true}, sum, {});
  }
}
TEST_CASE("two push and two pop at once, in every execution, or in all in which so many old values are read") {
  totals sum;
  prove<rig::mpmc>({.producers = 2, .consumers = 2, .messages = 1, .pops = 1}, sum, {"full", "empty"}, full ? ~0u : 0u);
  if (!full) return;  // four minutes
  prove<rig::mpmc>({.producers = 2, .consumers = 2, .capacity = 2, .messages = 1, .pops = 1}, sum, {"empty", "pop pending"}, 1);
  prove<rig::mpmc>({.producers = 2, .consumers = 2, .capacity = 2, .how = style::batch, .messages = 1, .pops = 1}, sum,
                   {"empty", "a batch was popped"}, 0);
}
TEST_CASE("a producer dies anywhere, and its fellow and the consumer go on, in every execution") {
  totals sum;
  for (const auto how : {style::single, style::batch, style::in_place}) {
    const unsigned m = how == style::in_place && full ? 2 : 1;
    prove<rig::mpmc>({.producers = 2, .how = how, .messages = m, .pops = 1, .producer_dies = true}, sum, {push_cut, "healed", "pop pending"});
    prove<rig::mpmc>({.consumers = 2, .capacity = 2, .how = how, .waiting = 1, .messages = m, .pops = 1, .producer_dies = true}, sum,
                     {push_cut, "healed"});
    if (!full && how != style::single) continue;
    prove<rig::mpsc>({.producers = 2, .capacity = 2, .how = how, .messages = m, .pops = full ? 2u : 1u, .producer_dies = true}, sum,
                     {push_cut, "healed"});
  }
}
TEST_CASE("a consumer dies anywhere, and its fellow and the producer go on, in every execution") {
  totals sum;
  for (const auto how : {style::single, style::batch, style::in_place}) {
    prove<rig::mpmc>({.producers = 2, .capacity = 2, .how = how, .waiting = 1, .messages = 1, .pops = 1, .consumer_dies = true}, sum,
                     {"healed"});
    prove<rig::spmc>({.consumers = 2, .capacity = 2, .how = how, .waiting = 2, .messages = 1, .pops = 1, .consumer_dies = true}, sum,
                     {"healed", pop_cut, pop_done});
    if (!full && how == style::batch) continue;
    prove<rig::spmc>({.consumers = 2, .capacity = 3, .how = how, .waiting = 3, .messages = 1, .pops = full ? 2u : 1u, .wrap = true,
                      .consumer_dies = true},
                     sum, {"healed", "redelivered", pop_cut, pop_done});
  }
}
TEST_CASE("where orphans are dropped, exactly what the dead consumer had not released is lost, in every execution") {
  totals sum;
  for (const auto how : {style::single, style::batch, style::in_place}) {
    if (!full && how == style::in_place) continue;
    prove<rig::mpsc>({.capacity = 1, .how = how, .waiting = 1, .messages = 1, .pops = 2, .consumer_dies = true, .drops = true}, sum,
                     {"healed", "dropped", pop_cut, pop_done});
    prove<rig::spmc>({.consumers = 2, .capacity = 2, .how = how, .waiting = 2, .messages = 1, .pops = 1, .consumer_dies = true, .drops = true},
                     sum, {"healed", "dropped", pop_cut, pop_done});
    prove<rig::mpmc>({.producers = 2, .capacity = 1, .how = how, .waiting = 1, .messages = 1, .pops = 1, .consumer_dies = true, .drops = true},
                     sum, {"healed", "dropped"});
  }
  prove<rig::mpmc>({.messages = 2, .pops = 1, .consumer_dies = true, .heir = true, .drops = true}, sum, {"healed", "dropped", pop_cut, pop_done});
  if (full) {
    prove<rig::spmc>({.consumers = 2, .capacity = 3, .waiting = 3, .messages = 1, .pops = 2, .wrap = true, .consumer_dies = true, .drops = true},
                     sum, {"healed", "dropped"});
    prove<rig::spmc>({.consumers = 2, .capacity = 2, .waiting = 2, .messages = 1, .pops = 1, .consumer_dies = true, .all_mortal = true,
                      .deaths = 2, .drops = true},
                     sum, {"healed", "dropped"});
  }
  for (const auto how : {style::single, style::batch, style::in_place})
    for (const std::size_t capacity : {1u, 3u}) {
      crowd_case c{.producers = 2, .consumers = 2, .capacity = capacity, .how = how, .messages = 2, .pops = 3};
      c.producer_dies = c.consumer_dies = c.all_mortal = c.drops = true, c.deaths = 2;
      walk<rig::mpmc>(c, {"empty", "healed", "dropped", pop_cut});
    }
}
TEST_CASE("an heir comes to the slot of a dead one, in every execution") {
  totals sum;
  prove<rig::mpsc>({.capacity = 2, .messages = 1, .pops = 2, .producer_dies = true, .heals = false, .heir = true}, sum,
                   {push_cut, push_done});
  prove<rig::spmc>({.capacity = 2, .waiting = 1, .messages = 1, .pops = 1, .consumer_dies = true, .heals = false, .heir = true}, sum,
                   {pop_cut, pop_done, "redelivered"});
  prove<rig::mpmc>({.messages = 2, .pops = 1, .consumer_dies = true, .heir = true}, sum, {"healed", pop_cut, pop_done, "redelivered"});
}
TEST_CASE("what happened before is seen: a push that has returned, by the next push and by a pop") {
  totals sum;
  prove<rig::mpmc>({.producers = 2, .messages = 1, .pops = 2, .relay = true}, sum, {"full", "empty", "a push at rest", "a pop at rest"});
  prove<rig::mpsc>({.producers = 2, .capacity = 3, .messages = 1, .pops = 2, .relay = true}, sum, {});
  prove<rig::mpmc>({.producers = 2, .capacity = 2, .messages = 1, .pops = 2, .consumer_dies = true, .relay = true}, sum, {pop_cut, pop_done});
  prove<rig::mpmc>({.consumers = 2, .waiting = 1, .messages = 1, .pops = 2, .relay = true}, sum, {"full", "empty"});
}
TEST_CASE("the end is told after everything, to everybody that was there") {
  totals sum;
  prove<rig::mpsc>({.capacity = 2, .messages = 2, .ends = true}, sum, {"closed", "empty"});
  prove<rig::spmc>({.capacity = 1, .messages = 2, .ends = true}, sum, {"closed", "empty", "full"});
  prove<rig::mpsc>({.producers = 2, .capacity = 2, .messages = 0, .ends = true}, sum, {"closed", "empty"});
  if (full) {
    prove<rig::mpsc>({.producers = 2, .capacity = 2, .messages = 1, .ends = true}, sum, {"closed", "empty"});
    prove<rig::spmc>({.consumers = 2, .capacity = 1, .messages = 1, .ends = true}, sum, {"closed", "empty"});
  }
  for (const auto how : {style::single, style::batch, style::in_place}) {
    walk<rig::mpmc>({.producers = 2, .consumers = 2, .how = how, .messages = 2, .ends = true, .consumer_dies = true},
                    {"closed", "empty", "full", "healed", "redelivered", pop_cut});
    walk<rig::mpmc>({.producers = 2, .consumers = 2, .capacity = 3, .how = how, .messages = 3, .ends = true}, {"closed", "empty"});
  }
}
TEST_CASE("two of each, of which two die, are walked at random") {
  for (const auto how : {style::single, style::batch, style::in_place})
    for (const std::size_t capacity : {1u, 2u, 3u}) {
      crowd_case c{.producers = 2, .consumers = 2, .capacity = capacity, .how = how, .messages = 2, .pops = 3};
      walk<rig::mpmc>(c, {"empty"});
      c.wrap = true;
      c.producer_dies = c.consumer_dies = c.all_mortal = true, c.deaths = 2;
      walk<rig::mpmc>(c, {"empty", "healed", push_cut, pop_cut, "redelivered", "a pop at rest"});
      c.heals = capacity != 2, c.heir = true, c.all_mortal = false;
      walk<rig::mpmc>(c, {push_cut, pop_cut});
    }
}
TEST_CASE("what is put back twice is read by everybody before it is overwritten, in every execution") {
  totals sum;
  prove<rig::spmc>({.consumers = 2, .how = style::in_place, .waiting = 1, .messages = 1, .pops = 2, .keeps_again = true}, sum,
                   {"kept", "redelivered"});
}
TEST_CASE("a healer dies as well, and another follows, in every execution") {
  totals sum;
  prove<rig::mpmc>({.consumers = 2, .waiting = 1, .messages = 1, .pops = 1, .producer_dies = true, .consumer_dies = true, .deaths = 2}, sum,
                   {"healed", pop_cut});
  if (!full) return;
  prove<rig::mpmc>({.producers = 2, .messages = 1, .pops = 1, .producer_dies = true, .all_mortal = true, .deaths = 2}, sum, {"healed"});
  prove<rig::spmc>({.consumers = 2, .capacity = 2, .waiting = 2, .messages = 1, .pops = 1, .consumer_dies = true, .all_mortal = true, .deaths = 2},
                   sum, {"healed", "redelivered"});
  prove<rig::mpmc>({.capacity = 1, .messages = 1, .pops = 1, .producer_dies = true, .consumer_dies = true, .deaths = 2, .heir = true}, sum, {});
}
