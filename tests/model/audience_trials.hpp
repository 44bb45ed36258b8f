// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_AUDIENCE_TRIALS_HPP
#define SLUICE_TESTS_MODEL_AUDIENCE_TRIALS_HPP

#include "audience_waiting_scenario.hpp"
#include "broadcast_scenario.hpp"
#include "racing_scenario.hpp"
#include "rig/audience.hpp"
#include "trials.hpp"

namespace model {

/// What the ends of a ring with many readers have to stand where they wait.
template <class Rig>
void add_audience_waiting_trials(std::vector<trial>& all) {
  using kind = typename Rig::kind;
  const auto add = [&](const audience_waiting_case& c, std::uint64_t walks) {
    all.push_back([c, walks](options o) {
      if (walks != 0 && *o.replay == '\0') o.how = walk::random, o.most = walks;
      return explore_audience_waiting<kind>(Rig::name, c, o);
    });
  };
  add({.messages = 1}, 0);
  add({.readers = 2, .messages = 3}, 2000);
  add({.readers = 2, .messages = 3, .producer_dies = true, .slices = 8}, 2000);
}
/// What a lossless broadcast has to stand.
inline std::vector<trial> broadcast_trials() {
  std::vector<trial> all;
  const auto of_8 = [&](const broadcast_case& c) { all.push_back([c](const options& o) { return explore_broadcast<8>(c, o); }); };
  const auto of_3 = [&](const broadcast_case& c) { all.push_back([c](const options& o) { return explore_broadcast<3>(c, o); }); };
  of_8({.capacity = 1, .messages = 2, .joiner = false});
  of_8({.capacity = 1, .messages = 4, .joiner = false});
  of_3({.capacity = 2, .messages = 5, .joiner = false});
  of_8({.capacity = 1, .waiting = 3, .messages = 6, .resident = false});
  of_3({.capacity = 1, .waiting = 3, .messages = 6, .resident = false});
  of_8({.capacity = 2, .waiting = 3, .messages = 5, .resident = false});
  of_8({.capacity = 1, .messages = 5, .resident = false, .joiner_leaves = true});
  of_8({.capacity = 1, .messages = 3, .joiner = false, .resident_dies = true});
  of_8({.capacity = 1, .waiting = 1, .messages = 3, .resident = false, .joiner_dies = true});
  of_8({.capacity = 1, .messages = 2, .joiner = false, .producer_dies = true});
  add_audience_waiting_trials<rig::broadcast>(all);
  return all;
}
/// What a ring has to stand whose producer overwrites what may be being read.
template <class Rig>
std::vector<trial> racing_trials() {
  std::vector<trial> all;
  for (const auto& c : {racing_case{.capacity = 1, .waiting = 1, .messages = 3}, racing_case{.capacity = 1, .waiting = 1, .messages = 3, .joins = true},
                        racing_case{.capacity = 2, .waiting = 2, .messages = 4}, racing_case{.capacity = 2, .waiting = 2, .messages = 4, .joins = true},
                        racing_case{.capacity = 1, .waiting = 1, .messages = 2, .producer_dies = true}})
    all.push_back([c](const options& o) { return explore_racing<typename Rig::kind>(c, o); });
  add_audience_waiting_trials<Rig>(all);
  return all;
}
inline std::vector<trial> latest_trials() { return racing_trials<rig::latest>(); }
inline std::vector<trial> lossy_trials() { return racing_trials<rig::lossy_broadcast>(); }

}  // namespace model

#endif
