// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "lanes_scenario.hpp"

#include <set>

// Two lanes and their consumer, with one producer in every execution that C++ allows, with two at random.

namespace {

using model::lanes_case;

constexpr bool full = SLUICE_TEST_TIER_FULL;

void prove(const lanes_case& c, std::initializer_list<const char*> must_observe, unsigned stale = ~0u) {
  model::options o;
  o.stale = stale;
  const auto r = model::explore_lanes(c, o);
  r.print();
  CHECK(r.proves(must_observe));
}

// Two producers are too many for every execution: so many of those at random.
void walk(const lanes_case& c, std::initializer_list<const char*> must_observe) {
  model::options o;
  o.most = full ? 2'000'000 : 10'000;
  std::set<std::string, std::less<>> seen;
  for (const auto how : {model::walk::random, model::walk::priorities}) {
    o.how = how;
    auto r = model::explore_lanes(c, o);
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

TEST_CASE("the end of all lanes comes after every message, in every execution") {
  prove({.producers = 1, .messages = 2}, {"closed", "empty", "full"});
  prove({.producers = 1, .capacity = 2, .messages = 3, .wrap = true}, {"closed", "empty", "full"});
  prove({.producers = 1, .capacity = 8, .messages = 2, .batches = true}, {"closed", "empty", "a batch of two"});
}

TEST_CASE("lanes lose nothing and give nothing twice when one of their users is killed, in every execution") {
  prove({.producers = 1, .messages = 2, .producer_dies = true}, {push_cut, push_done, "healed", "peer_died", "closed"});
  prove({.producers = 1, .messages = 2, .consumer_dies = true}, {pop_cut, pop_done});
  if (full) prove({.producers = 1, .capacity = 2, .messages = 2, .wrap = true, .consumer_dies = true}, {pop_cut, pop_done});
}

TEST_CASE("two lanes of one message each end after both, in every execution with the newest values (full tier)") {
  if (full) prove({.messages = 1}, {"closed", "empty"}, 0);
}

TEST_CASE("two lanes, of whose users one may be killed, are walked at random") {
  for (const bool batches : {false, true})
    for (const std::size_t capacity : {1u, 2u}) {
      lanes_case c{.capacity = capacity, .messages = 3, .batches = batches, .wrap = capacity == 1};
      walk(c, {"closed", "empty", "full"});
      c.producer_dies = true;
      walk(c, {push_cut, push_done, "healed", "peer_died", "closed"});
      c.producer_dies = false, c.consumer_dies = true;
      walk(c, {pop_cut, pop_done});
    }
}
