// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_LANES_TRIALS_HPP
#define SLUICE_TESTS_MODEL_LANES_TRIALS_HPP

#include "crowd_waiting_scenario.hpp"
#include "lanes_scenario.hpp"
#include "trials.hpp"

namespace model {

/// What lanes have to stand.
inline std::vector<trial> lanes_trials() {
  std::vector<trial> all;
  const auto add = [&](const lanes_case& c, std::uint64_t walks = 0) {
    all.push_back([c, walks](options o) {
      if (walks != 0 && *o.replay == '\0') o.how = walk::random, o.most = walks;
      return explore_lanes(c, o);
    });
  };
  add({.producers = 1, .messages = 2});
  add({.producers = 1, .capacity = 2, .messages = 2, .batches = true});
  add({.producers = 1, .messages = 1, .producer_dies = true});
  add({.producers = 1, .messages = 1, .consumer_dies = true});
  add({.messages = 2}, 5000);
  add({.capacity = 2, .messages = 3, .batches = true}, 5000);
  add({.capacity = 2, .messages = 3, .producer_dies = true}, 5000);
  add({.capacity = 2, .messages = 3, .consumer_dies = true}, 5000);
  for (const auto& c : {crowd_waiting_case{.messages = 1, .closes = true}, crowd_waiting_case{.producers = 2, .messages = 2, .closes = true},
                        crowd_waiting_case{.producers = 2, .messages = 2, .closes = true, .producer_dies = true, .slices = 8}})
    all.push_back([c](options o) {
      if (*o.replay == '\0') o.how = walk::random, o.most = 5000;
      return explore_crowd_waiting<rig::lanes>(c, o);
    });
  return all;
}

}  // namespace model

#endif
