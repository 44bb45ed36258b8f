// SPDX-License-Identifier: MIT
#include "bytes_crowd_trials.hpp"
#include "catch.hpp"

// The ring of bytes with two producers and a reader, with nobody dying and with one of them dying at any point. What is said to be exhaustive is every execution that C++ allows of so many attempts (with loads of at
// most so many old values by each thread, where that is said); what is larger is walked at random.

namespace {

using scene = model::bytes_crowd_case;

constexpr bool full = SLUICE_TEST_TIER_FULL;

template <class Word = std::uint64_t>
void prove(const scene& c, std::initializer_list<const char*> must_observe, unsigned stale = ~0u) {
  model::options o;
  o.stale = stale;
  const auto r = model::explore_bytes_crowd<Word>(c, o);
  r.print();
  CHECK(r.proves(must_observe));
}
void walk(const scene& c, std::initializer_list<const char*> must_observe) {
  model::options o;
  o.most = full ? 1'000'000 : 3'000;
  std::set<std::string, std::less<>> seen;
  for (const unsigned stale : {0u, ~0u})
    for (const auto how : {model::walk::random, model::walk::priorities}) {
      o.how = how, o.stale = stale;
      auto r = model::explore_bytes_crowd(c, o);
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

TEST_CASE("a ring of bytes of many keeps its promises to one producer in every execution") {
  for (const int lap : {-1, 0, 1}) {
    prove({.capacity = 2, .lap = lap, .sizes = {{1, 1, 1}}, .pops = 3}, {"full", "empty"});
    prove({.capacity = 2, .at = 1, .lap = lap, .sizes = {{2, 1, 1}}, .pops = 3, .in_place = true}, {"full", "pop pending"});
    prove({.capacity = 3, .at = 2, .lap = lap, .sizes = {{1, 2, 1}}, .pops = 3, .shrinks = true}, {"full", "empty"});
    prove({.capacity = 3, .at = 1, .lap = lap, .sizes = {{3, 1}}, .pops = 3, .aborts = true}, {"full", "empty"});
    prove<std::uint32_t>({.capacity = 3, .at = 2, .lap = lap, .sizes = {{2, 2, 1}}, .pops = 3, .shrinks = true}, {"full"});
  }
  prove({.capacity = 2, .at = 1, .sizes = {{2, 1}}, .ends = true}, {"closed", "full"});
}
TEST_CASE("two producers claim places in one ring of bytes, in every execution") {
  prove({.capacity = 2, .sizes = {{1}, {1}}, .pops = 2}, {"empty", "pop pending"});
  prove({.capacity = 2, .at = 1, .sizes = {{2}, {1}}, .pops = full ? 2u : 1u}, {"full", "push pending"}, 0);
  prove({.capacity = 3, .at = 2, .sizes = {{2}, {1}}, .pops = full ? 2u : 1u}, {"empty", "pop pending"}, 0);
  prove({.capacity = 3, .at = 1, .lap = -1, .sizes = {{3}, {2}}, .pops = 1}, {"full", "push pending"}, 0);
  prove({.capacity = 2, .sizes = {{1}, {1}}, .pops = 2, .shrinks = true}, {"full", "empty", "push pending", "pop pending"});
  if (!full) return;  // hours without the bound
  prove({.capacity = 3, .at = 2, .sizes = {{1}, {1}}, .pops = 2, .shrinks = true}, {"full", "push pending", "pop pending"}, 1);
  prove({.capacity = 2, .at = 1, .lap = 0, .sizes = {{1}, {1}}, .pops = 2, .shrinks = true}, {"push pending"}, 0);
  prove({.capacity = 2, .at = 1, .lap = -1, .sizes = {{2}, {1}}, .pops = 1, .aborts = true}, {"push pending"}, 0);
}
TEST_CASE("a producer killed anywhere in a ring of bytes of many leaves its message or a place that is passed") {
  prove({.capacity = 2, .at = 1, .sizes = {{2}}, .pops = 2, .producer_dies = true}, {push_cut, push_done, "healed"});
  prove({.capacity = 3, .at = 2, .lap = 0, .sizes = {{1}}, .pops = 2, .shrinks = true, .producer_dies = true}, {push_cut, push_done, "healed"});
  prove({.capacity = 2, .at = 1, .sizes = {{2}}, .pops = 1, .producer_dies = true, .heals = false, .heir = true}, {push_cut, push_done});
  prove({.capacity = 2, .at = 1, .sizes = {{1}, {1}}, .pops = full ? 2u : 1u, .producer_dies = true}, {push_cut, push_done, "healed"}, 0);
}
TEST_CASE("a consumer of bytes of many that is killed leaves to its heir what it had not committed") {
  for (const int lap : {0, 1})
    prove({.capacity = 2, .at = 1, .lap = lap, .sizes = {{2, 1}}, .pops = 1, .consumer_dies = true, .heir = true}, {pop_cut, pop_done});
}
TEST_CASE("walks of laps around a ring of bytes with two and three producers, and a death") {
  for (const int lap : {-1, 0}) {
    walk({.capacity = 1, .lap = lap, .sizes = {{1, 1, 1}, {1, 1, 1}}, .pops = 8}, {"empty", "full"});
    walk({.capacity = 2, .at = 1, .lap = lap, .sizes = {{1, 2, 1, 1}, {2, 1, 1}}, .pops = 9, .shrinks = true}, {"full"});
    walk({.capacity = 3, .at = 2, .lap = lap, .sizes = {{2, 1, 3}, {1, 2, 1}, {1, 1}}, .pops = 8, .aborts = true}, {"push pending"});
    walk({.capacity = 3, .at = 1, .lap = lap, .sizes = {{2, 1}, {1, 3}}, .pops = 5, .shrinks = true, .producer_dies = true}, {push_cut, push_done, "healed"});
    walk({.capacity = 2, .at = 1, .lap = lap, .sizes = {{2, 1}, {1, 1}}, .pops = 4, .consumer_dies = true, .heir = true}, {pop_cut, pop_done});
    walk({.capacity = 2, .at = 1, .lap = lap, .sizes = {{2, 1}, {1, 1}}, .ends = true}, {"closed"});
  }
}
