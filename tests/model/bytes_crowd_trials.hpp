// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_BYTES_CROWD_TRIALS_HPP
#define SLUICE_TESTS_MODEL_BYTES_CROWD_TRIALS_HPP

#include "bytes_crowd_scenario.hpp"
#include "trials.hpp"

namespace model {

/// What a ring of bytes with several producers has to stand: small and many, and walks where that is not enough.
inline std::vector<trial> bytes_crowd_trials() {
  using scene = bytes_crowd_case;
  std::vector<trial> all;
  const auto explored = [&](const scene& c, unsigned stale = ~0u, std::uint64_t most = 20'000) {
    all.push_back([=](options o) {
      o.stale = stale;
      if (*o.replay == '\0') o.most = most;
      return explore_bytes_crowd(c, o);
    });
  };
  for (const bool in_place : {false, true})
    explored({.capacity = 3, .at = 2, .lap = -1, .sizes = {{2, 1, 1}}, .pops = 3, .in_place = in_place});
  explored({.capacity = 2, .at = 1, .sizes = {{2, 2, 1}}, .pops = 3, .shrinks = true});
  explored({.capacity = 3, .at = 1, .sizes = {{1, 2, 1}}, .pops = 3, .shrinks = true, .aborts = true});
  explored({.capacity = 2, .at = 1, .sizes = {{1, 1}}, .pops = 2, .producer_dies = true});
  explored({.capacity = 2, .at = 1, .sizes = {{2, 1}}, .pops = 3, .producer_dies = true, .heals = false, .heir = true});
  explored({.capacity = 2, .at = 1, .sizes = {{2, 1}}, .pops = 2, .consumer_dies = true, .heir = true});
  explored({.capacity = 2, .sizes = {{1}, {1}}, .pops = 2});
  explored({.capacity = 2, .sizes = {{1}}, .ends = true});
  for (const unsigned stale : {0u, 1u}) {
    explored({.capacity = 2, .at = 1, .sizes = {{2}, {1}}, .pops = 2}, stale);
    explored({.capacity = 3, .at = 2, .sizes = {{2}, {2}}, .pops = 2, .shrinks = true}, stale);
    explored({.capacity = 2, .at = 1, .sizes = {{1, 1}, {1}}, .pops = 2, .aborts = true}, stale);
    explored({.capacity = 2, .at = 1, .sizes = {{1}, {1}}, .pops = 2, .producer_dies = true}, stale);
  }
  for (const auto how : {walk::random, walk::priorities})
    all.push_back([=](options o) {
      if (*o.replay == '\0') o.how = how, o.most = 500;
      return explore_bytes_crowd({.capacity = 2, .lap = 0, .sizes = {{2, 2, 2, 1, 1}}, .ends = true, .aged = true}, o);
    });
  // Laps go round while somebody is stopped: small rings, many messages.
  for (const auto how : {walk::random, walk::priorities})
    for (const int lap : {-1, 0, 1})
      for (scene c : {scene{.capacity = 1, .sizes = {{1, 1, 1}, {1, 1, 1}}, .pops = 8},
                      scene{.capacity = 2, .at = 1, .sizes = {{1, 2, 1, 1}, {2, 1, 1}}, .pops = 9, .shrinks = true},
                      scene{.capacity = 3, .at = 2, .sizes = {{2, 1, 3}, {1, 2, 1}}, .pops = 8, .shrinks = true, .aborts = true},
                      scene{.capacity = 3, .at = 1, .sizes = {{2, 1}, {1, 3}}, .pops = 5, .producer_dies = true},
                      scene{.capacity = 2, .at = 1, .sizes = {{2, 1}, {1, 1}}, .pops = 4, .consumer_dies = true, .heir = true},
                      scene{.capacity = 2, .at = 1, .sizes = {{2, 1}, {1, 1}}, .ends = true}}) {
        c.lap = lap;
        all.push_back([=](options o) {
          if (*o.replay == '\0') o.how = how, o.most = 1000;
          return explore_bytes_crowd(c, o);
        });
      }
  return all;
}

}  // namespace model

#endif
