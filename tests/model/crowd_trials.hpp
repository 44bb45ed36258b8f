// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_CROWD_TRIALS_HPP
#define SLUICE_TESTS_MODEL_CROWD_TRIALS_HPP

#include "crowd_scenario.hpp"
#include "crowd_waiting_scenario.hpp"
#include "rig/ordered.hpp"
#include "trials.hpp"

namespace model {

template <class Rig>
trial crowd_trial(const crowd_case& c) {
  return [c](const options& o) { return explore_crowd<Rig>(c, o); };
}
/// Where there is a replay string, it leads.
template <class Explore>
trial roaming(Explore explore, walk how, std::uint64_t most, unsigned stale = ~0u) {
  return [=](options o) {
    if (*o.replay == '\0') o.how = how, o.most = most;
    o.stale = stale;
    return explore(o);
  };
}

/// What an ordered ring and its crowds have to stand: small and many, and walks where that is not enough.
inline std::vector<trial> crowd_trials() {
  std::vector<trial> all;
  for (const auto how : {style::single, style::batch, style::in_place}) {
    const unsigned m = how == style::in_place ? 2 : 1;
    all.push_back(crowd_trial<rig::mpsc>({.how = how, .messages = 2, .pops = 2}));
    all.push_back(crowd_trial<rig::spmc>({.capacity = 2, .how = how, .waiting = 1, .messages = 2, .pops = 2, .wrap = true}));
    all.push_back(crowd_trial<rig::mpsc>({.capacity = 2, .how = how, .messages = m, .pops = 2, .producer_dies = true}));
    all.push_back(crowd_trial<rig::spmc>({.capacity = 2, .how = how, .waiting = 1, .messages = 1, .pops = 2, .consumer_dies = true}));
    all.push_back(crowd_trial<rig::mpsc>({.producers = 2, .how = how, .messages = 1, .pops = 2}));
    all.push_back(crowd_trial<rig::spmc>({.consumers = 2, .capacity = 2, .how = how, .waiting = 2, .messages = 1, .pops = 1}));
  }
  all.push_back(roaming([](const options& o) { return explore_crowd_waiting<rig::mpsc>({.producers = 2, .messages = 1, .abandons = true}, o); },
                        walk::random, 4000));
  all.push_back(crowd_trial<rig::mpsc>({.capacity = 2, .messages = 2, .ends = true}));
  all.push_back(crowd_trial<rig::mpsc>({.producers = 2, .capacity = 2, .messages = 0, .ends = true}));
  all.push_back(crowd_trial<rig::mpmc>({.producers = 2, .messages = 1, .pops = 2, .relay = true}));
  all.push_back(crowd_trial<rig::mpmc>({.messages = 2, .pops = 1, .consumer_dies = true, .heir = true}));
  all.push_back(crowd_trial<rig::mpmc>({.messages = 2, .pops = 1, .consumer_dies = true, .heir = true, .drops = true}));
  all.push_back(crowd_trial<rig::spmc>({.consumers = 2, .how = style::in_place, .waiting = 1, .messages = 1, .pops = 2, .keeps_again = true}));
  all.push_back(crowd_trial<rig::mpmc>({.consumers = 2, .waiting = 1, .messages = 1, .pops = 1, .producer_dies = true, .consumer_dies = true,
                                        .deaths = 2}));
  all.push_back([](const options& o) {
    return explore_crowd_waiting<rig::mpsc>({.messages = 0, .closes = true, .producer_dies = true, .slices = 3}, o);
  });
  all.push_back(crowd_trial<rig::mpsc>({.producers = 2, .capacity = 2, .messages = 1, .pops = 1, .producer_dies = true}));
  all.push_back(crowd_trial<rig::mpmc>({.producers = 2, .messages = 1, .pops = 1, .producer_dies = true}));
  all.push_back(crowd_trial<rig::spmc>({.consumers = 2, .capacity = 2, .waiting = 2, .messages = 1, .pops = 1, .consumer_dies = true}));
  for (const auto roam : {walk::random, walk::priorities}) {
    for (const unsigned stale : {~0u, 0u})
      for (const auto how : {style::single, style::batch, style::in_place})
        for (const std::size_t capacity : {1u, 2u, 3u}) {
          crowd_case c{.producers = 2, .consumers = 2, .capacity = capacity, .how = how, .messages = 2, .ends = true};
          all.push_back(roaming([c](const options& o) { return explore_crowd<rig::mpmc>(c, o); }, roam, 1000, stale));
          c.ends = false, c.pops = 3;
          c.producer_dies = c.consumer_dies = c.all_mortal = true, c.deaths = 2;
          all.push_back(roaming([c](const options& o) { return explore_crowd<rig::mpmc>(c, o); }, roam, 3000, stale));
        }
    for (const auto& c :
         {crowd_waiting_case{.consumers = 2, .messages = 1}, crowd_waiting_case{.consumers = 2, .capacity = 2, .messages = 2},
          crowd_waiting_case{.producers = 2, .waiting = 1, .messages = 1},
          crowd_waiting_case{.producers = 2, .consumers = 2, .capacity = 2, .messages = 2, .pops = 2},
          crowd_waiting_case{.producers = 2, .consumers = 2, .messages = 1, .pops = 2, .consumer_gives_up = true, .spurious = 1},
          crowd_waiting_case{.producers = 2, .consumers = 2, .capacity = 2, .messages = 1, .pops = 1, .consumer_gives_up = true, .spurious = 1},
          crowd_waiting_case{.producers = 2, .consumers = 2, .waiting = 1, .messages = 2, .pops = 1, .producer_gives_up = true, .spurious = 1},
          crowd_waiting_case{.producers = 2, .consumers = 2, .messages = 2, .pops = 2, .keeps = true},
          crowd_waiting_case{.producers = 2, .consumers = 2, .messages = 1, .pops = 1, .consumer_dies = true, .slices = 2}})
      all.push_back(roaming([c](const options& o) { return explore_crowd_waiting<rig::mpmc>(c, o); }, roam, 4000));
  }
  return all;
}

}  // namespace model

#endif
