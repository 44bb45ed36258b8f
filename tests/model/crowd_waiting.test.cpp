// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "crowd_waiting_scenario.hpp"
#include "priority_rig.hpp"
#include "rig/ordered.hpp"

// One sleeper is woken for each change, and passes on what it needs no more. All orders of steps are too many to be met here:
// these are random walks.

namespace {

using model::crowd_waiting_case;

constexpr bool full = SLUICE_TEST_TIER_FULL;

template <class Rig>
void walk(const crowd_waiting_case& c, std::initializer_list<const char*> must_observe = {}) {
  for (const auto how : {model::walk::random, model::walk::priorities}) {
    model::options o;
    o.how = how;
    o.most = full ? 3'000'000 : 6'000;
    const auto r = model::explore_crowd_waiting<Rig>(c, o);
    r.print();
    CHECK(r.clean());
    for (const char* what : must_observe) {
      INFO(what);
      CHECK(r.seen.contains(what));
    }
  }
}

}  // namespace

TEST_CASE("of two that sleep at a crowd each is woken for its message, for its place") {
  walk<rig::spmc>({.consumers = 2, .messages = 1}, {"a consumer sleeps at an empty ring"});
  walk<rig::spmc>({.consumers = 2, .capacity = 2, .messages = 2});
  walk<rig::mpsc>({.producers = 2, .waiting = 1, .messages = 1, .pops = 1}, {"a producer sleeps at a full ring"});
  for (const std::size_t capacity : {1u, 2u}) {
    walk<rig::mpmc>({.producers = 2, .consumers = 2, .capacity = capacity, .messages = 2, .pops = 2});
    walk<rig::mpmc>({.producers = 3, .consumers = 3, .capacity = capacity, .messages = 1, .pops = 1});
  }
}
TEST_CASE("who is woken at its deadline, or puts the message back, passes the wake-up on") {
  for (const std::size_t capacity : {1u, 2u}) {
    walk<rig::mpmc>({.producers = 2, .consumers = 2, .capacity = capacity, .messages = 1, .pops = 2, .consumer_gives_up = true, .spurious = 1},
                    {"a pop gave up"});
    walk<rig::mpmc>({.producers = 2, .consumers = 3, .capacity = capacity, .messages = 2, .pops = 2, .consumer_gives_up = true, .spurious = 2},
                    {"a pop gave up"});
    walk<rig::mpmc>({.producers = 2, .consumers = 2, .capacity = capacity, .waiting = 1, .messages = 2, .pops = 1, .producer_gives_up = true,
                     .spurious = 1},
                    {"a push gave up"});
    walk<rig::mpmc>({.producers = 2, .consumers = 2, .capacity = capacity, .messages = 2, .pops = 2, .keeps = true}, {"kept"});
  }
}
TEST_CASE("whoever waits for room is woken when the consumer passes a place that was abandoned, and finds nothing behind it") {
  walk<rig::mpsc>({.producers = 2, .messages = 1, .abandons = true}, {"abandoned"});
  walk<rig::mpsc>({.producers = 2, .messages = 1, .keeps = true, .abandons = true}, {"abandoned", "kept"});
  for (const std::size_t capacity : {1u, 2u})
    walk<rig::mpmc>({.producers = 3, .consumers = 2, .capacity = capacity, .messages = 1, .pops = 1, .abandons = true}, {"abandoned"});
}
TEST_CASE("what somebody died with that was woken for it, its fellow finds within a slice") {
  for (const std::size_t capacity : {1u, 2u}) {
    walk<rig::mpmc>({.producers = 2, .consumers = 2, .capacity = capacity, .messages = 1, .pops = 1, .consumer_dies = true, .slices = 2});
    walk<rig::mpmc>({.producers = 2, .consumers = 2, .capacity = capacity, .waiting = 1, .messages = 1, .pops = 1, .producer_dies = true, .slices = 2});
  }
  model::options o;
  o.how = model::walk::random, o.most = 100'000;
  const auto r = model::explore_crowd_waiting<rig::spmc>({.consumers = 2, .messages = 1, .consumer_dies = true}, o);
  r.print();
  CHECK(r.failure == "asleep, though a message is there");  // where sleeps are not sliced
}
TEST_CASE("who waits is told of the end, also by a healer of somebody who died between the end and its news, in every execution") {
  for (const unsigned messages : {0u, 1u}) {
    if (!full && messages != 0) continue;
    const auto r = model::explore_crowd_waiting<rig::mpsc>({.messages = messages, .closes = true, .producer_dies = true, .slices = 3});
    r.print();
    CHECK(r.proves({"a consumer was told of the end", "a consumer was told of the death of the producer"}));
  }
}
TEST_CASE("a crowd without either of its fences is found to lose a wake-up") {
  for (const bool light : {true, false}) {
    model::options o;
    o.how = model::walk::random, o.most = 100'000;
    o.without_light = light, o.without_heavy = !light;
    const auto r = model::explore_crowd_waiting<rig::spmc>({.consumers = 2, .messages = 1}, o);
    r.print();
    CHECK(r.failure == "asleep, though a message is there");
  }
}
TEST_CASE("whoever waits at a crowd of several priorities is woken by what is pushed at any, and by room at its own") {
  using two = rig::levels<2>;
  walk<two>({.producers = 2, .consumers = 2, .messages = 1});
  walk<two>({.producers = 2, .waiting = 1, .messages = 2, .pops = 1}, {"a producer sleeps at a full ring"});
  walk<two>({.producers = 3, .messages = 1, .pops = 2, .abandons = true}, {"abandoned"});
  walk<two>({.producers = 3, .consumers = 2, .capacity = 2, .messages = 1, .pops = 1});
  for (const std::size_t capacity : {1u, 2u}) {
    if (!full && capacity != 1) continue;
    walk<two>({.producers = 3, .consumers = 2, .capacity = capacity, .messages = 2, .pops = 3});
    walk<two>({.producers = 2, .consumers = 2, .capacity = capacity, .messages = 2, .pops = 2, .keeps = true}, {"kept"});
    walk<two>({.producers = 2, .consumers = 2, .capacity = capacity, .messages = 1, .pops = 2, .consumer_gives_up = true, .spurious = 1},
              {"a pop gave up"});
    walk<rig::levels<3>>({.producers = 3, .consumers = 2, .capacity = capacity, .messages = 2, .pops = 2, .consumer_dies = true, .slices = 2});
  }
  if (!full) return;
  walk<two>({.producers = 3, .consumers = 3, .capacity = 2, .waiting = 1, .messages = 2, .pops = 2});
}
