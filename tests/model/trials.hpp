// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_TRIALS_HPP
#define SLUICE_TESTS_MODEL_TRIALS_HPP

#include "gate_scenario.hpp"
#include "rig/spsc.hpp"
#include "ring_scenario.hpp"
#include "waiting_scenario.hpp"

namespace model {

/// One exploration, ready to run. All of them together must find every mutant, so they are small and many.
using trial = std::function<report(const options&)>;

inline void add_gate_trials(std::vector<trial>& all) {
  for (const auto& c : {gate_case{.wakers = 1}, gate_case{.wakers = 2}, gate_case{.wakers = 1, .spurious = 1},
                        gate_case{.wakers = 1, .waker_dies = true, .slices = 2}})
    all.push_back([c](const options& o) { return explore_gate(c, o); });
}
template <class Rig, unsigned W>
void add_ring_trials(std::vector<trial>& all) {
  for (const unsigned capacity : {1u, 2u, 3u})
    for (const auto how : {style::single, style::batch, style::in_place}) {
      ring_case c;
      c.capacity = capacity, c.how = how, c.waiting = capacity - 1, c.messages = 3, c.wrap = how == style::batch;
      all.push_back([c](const options& o) { return explore_ring<Rig, W>(c, o); });
      c.messages = 1, c.consumer_dies = true;
      all.push_back([c](const options& o) { return explore_ring<Rig, W>(c, o); });
      c.consumer_dies = false, c.producer_dies = true;
      all.push_back([c](const options& o) { return explore_ring<Rig, W>(c, o); });
    }
}
template <class Rig, unsigned W>
void add_healing_trials(std::vector<trial>& all) {
  for (const bool producer : {true, false}) {
    ring_case c;
    c.messages = producer ? 1 : 2, c.producer_dies = producer, c.consumer_dies = !producer, c.heals = true;
    all.push_back([c](const options& o) { return explore_ring<Rig, W>(c, o); });
  }
}
template <class Rig>
void add_waiting_trials(std::vector<trial>& all) {
  for (const auto& c : {waiting_case{}, waiting_case{.producer_dies = true, .slices = 2},
                        waiting_case{.impatient = true, .spurious = 1}})
    all.push_back([c](const options& o) { return explore_waiting<Rig>(c, o); });
  for (const auto how : {walk::random, walk::priorities}) {
    const auto roam = [how](const waiting_case& c) {
      return [c, how](options o) {
        if (*o.replay == '\0') o.how = how, o.most = 3000;
        return explore_waiting<Rig>(c, o);
      };
    };
    all.push_back(roam({.capacity = 2, .messages = 4}));
    all.push_back(roam({.capacity = 2, .messages = 4, .consumer_dies = true, .slices = 2}));
  }
}
/// What a ring, its gates and its waiting ends have to stand.
template <class Rig>
std::vector<trial> trials() {
  std::vector<trial> all;
  add_gate_trials(all);
  add_ring_trials<Rig, 8>(all);
  add_ring_trials<Rig, 3>(all);
  add_healing_trials<Rig, 8>(all);
  add_waiting_trials<Rig>(all);
  return all;
}

inline std::vector<trial> spsc_trials() { return trials<rig::spsc>(); }

/// How a mutant fared.
struct verdict {
  std::string killer;   // the exploration that found it; empty: none did
  std::string failure;
  std::uint64_t executions = 0;
  bool reproduced = false;  // the replay string led to the same failure
};
inline verdict judge(const std::vector<trial>& all, const options& o = {}) {
  verdict v;
  for (const auto& t : all) {
    const report r = t(o);
    v.executions += r.executions;
    if (r.failure.empty()) continue;
    options again = o;
    again.replay = r.replay.c_str();
    v.killer = r.name, v.failure = r.failure;
    v.reproduced = t(again).failure == r.failure;
    break;
  }
  return v;
}
inline void print_verdict(const std::string& mutant, const verdict& v, const char* proof) {
  if (v.killer.empty())
    std::printf("%-44s survived %llu executions: %s\n", mutant.c_str(), static_cast<unsigned long long>(v.executions),
                proof == nullptr ? "UNEXPLAINED" : proof);
  else
    std::printf("%-44s killed after %llu executions, %s: %s (%s)\n", mutant.c_str(), static_cast<unsigned long long>(v.executions),
                v.reproduced ? "reproduced" : "NOT REPRODUCED", v.failure.c_str(), v.killer.c_str());
}

}  // namespace model

#endif
