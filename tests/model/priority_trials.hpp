// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_PRIORITY_TRIALS_HPP
#define SLUICE_TESTS_MODEL_PRIORITY_TRIALS_HPP

#include "crowd_waiting_scenario.hpp"
#include "priority_scenario.hpp"
#include "trials.hpp"

namespace model {

/// What a queue with priorities has to stand beyond what its rings do.
inline std::vector<trial> priority_trials() {
  std::vector<trial> all;
  const auto prove = [&all](const priority_case& c, unsigned stale = ~0u) {
    all.push_back([c, stale](options o) {
      o.stale = stale;
      return explore_priorities<2>(c, o);
    });
  };
  const auto roam = [&all](auto explore, std::uint64_t most, unsigned stale = ~0u) {
    for (const auto how : {walk::random, walk::priorities})
      all.push_back([=](options o) {
        if (*o.replay == '\0') o.how = how, o.most = most;
        o.stale = stale;
        return explore(o);
      });
  };
  for (const auto how : {style::single, style::batch}) {
    prove({.how = how, .plan = {"10"}, .pops = 1});
    prove({.capacity = 2, .how = how, .waiting = "0", .plan = {"10"}, .pops = 1});
    prove({.capacity = 2, .how = how, .plan = {"1"}, .pops = 1, .producer_dies = true});
    prove({.how = how, .waiting = "10", .pops = 1, .consumer_dies = true, .heir = true});
  }
  prove({.producers = 2, .capacity = 2, .plan = {"1", "10"}, .pops = 1}, 0);
  prove({.plan = {"1"}, .ends = true});
  for (const auto how : {style::single, style::batch, style::in_place})
    for (const std::size_t capacity : {1u, 2u}) {
      priority_case c{.consumers = 2, .capacity = capacity, .how = how, .waiting = "0", .plan = {"1010"}, .pops = 3};
      roam([c](const options& o) { return explore_priorities<2>(c, o); }, 4000, 0);
      c.producers = 2, c.consumers = 1, c.waiting = capacity == 1 ? "" : "0", c.plan[0] = "110", c.plan[1] = "1010";
      roam([c](const options& o) { return explore_priorities<2>(c, o); }, 4000, 0);
      c.consumers = 2, c.consumer_dies = true;
      roam([c](const options& o) { return explore_priorities<2>(c, o); }, 2000, 0);
    }
  for (const auto& c : {crowd_waiting_case{.producers = 2, .waiting = 1, .messages = 2, .pops = 1},
                        crowd_waiting_case{.producers = 3, .messages = 1, .pops = 2, .abandons = true},
                        crowd_waiting_case{.producers = 3, .consumers = 2, .capacity = 2, .messages = 1, .pops = 1},
                        crowd_waiting_case{.producers = 3, .consumers = 2, .capacity = 2, .messages = 2, .pops = 3},
                        crowd_waiting_case{.consumers = 2, .capacity = 2, .messages = 1, .pops = 1, .keeps = true}})
    roam([c](const options& o) { return explore_crowd_waiting<rig::levels<2>>(c, o); }, 4000);
  return all;
}

}  // namespace model

#endif
