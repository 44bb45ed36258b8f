// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_CANDIDATES_HPP
#define SLUICE_BENCH_CANDIDATES_HPP

#include "workload.hpp"

#include <functional>
#include <string>
#include <vector>

namespace bench {

enum class part { ours, peer, limit, reference };

/// What the column "to limit" of a workload says.
enum class yardstick {
  none,
  ping_pong,  // time / bare ping-pong around the sample: 1.00 is the least there can be
  speed,      // speed as a share of that of the limit or the reference in the same round
};

struct candidate {
  std::string name;
  part is;
  std::function<sample(const arrangement&)> run;
};
struct workload {
  std::string name, what;
  yardstick by = yardstick::none;
  std::string against = "";  // what the speed is a share of, for the head of the column
  bool one_cpu = false;
  bool sleeps = false;  // then the scheduler is part of what is measured
  std::vector<candidate> candidates = {};
};

}  // namespace bench

#endif
