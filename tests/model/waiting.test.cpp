// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "rig/spsc.hpp"
#include "waiting_scenario.hpp"

namespace {

using model::waiting_case;

model::report shown(const waiting_case& c, const model::options& o = {}) {
  auto r = model::explore_waiting<rig::spsc>(c, o);
  r.print();
  return r;
}
bool stuck(const model::report& r) { return r.failure.find("stuck") == 0; }

}  // namespace

TEST_CASE("both ends of a ring block, wake each other, and come to the end") {
  CHECK(shown({.capacity = 1}).proves({"closed"}));
  CHECK(shown({.capacity = 1, .waiting = 1}).proves({"closed"}));
  CHECK(shown({.capacity = 1, .impatient = true, .spurious = 1}).proves({"a pop gave up"}));
}

TEST_CASE("a peer that is stopped is waited for, and nothing of it is touched") {
  const auto r = shown({.producer_stops = true, .slices = 1});
  CHECK(r.proves({"closed"}));
  CHECK(r.waited != 0);
}

TEST_CASE("who waits for a peer that is killed is told so, after every message, where sleeps are sliced") {
  CHECK(shown({.producer_dies = true, .slices = 2}).proves({"the consumer was told of the death of the producer"}));
  CHECK(stuck(shown({.producer_dies = true})));
  model::options o;
  if (!SLUICE_TEST_TIER_FULL) o.how = model::walk::random, o.most = 50'000;  // instead of two and a half million
  const auto r = shown({.waiting = 1, .consumer_dies = true, .slices = 2}, o);
  CHECK(r.clean());
  CHECK(r.seen.contains("the producer was told of the death of the consumer"));
  CHECK(r.exhaustive == SLUICE_TEST_TIER_FULL);
  o.how = model::walk::random;
  CHECK(stuck(shown({.waiting = 1, .consumer_dies = true}, o)));
}

TEST_CASE("a channel without either of its fences is found to lose a wake-up") {
  model::options o;
  o.without_light = true;
  CHECK(stuck(shown({}, o)));
  o.without_light = false, o.without_heavy = true;
  CHECK(stuck(shown({}, o)));
}

TEST_CASE("longer dialogues are walked at random") {
  for (const auto how : {model::walk::random, model::walk::priorities})
    for (const bool dies : {false, true}) {
      model::options o;
      o.how = how;
      o.most = SLUICE_TEST_TIER_FULL ? 5'000'000 : 20'000;
      CHECK(shown({.capacity = 2, .messages = 6, .slices = 2, .spurious = 2}, o).clean());
      CHECK(shown({.capacity = 2, .messages = 6, .producer_dies = dies, .consumer_dies = !dies, .slices = 2}, o).clean());
    }
}
