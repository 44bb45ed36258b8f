// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_COMPARE_HPP
#define SLUICE_BENCH_COMPARE_HPP

#include "stats.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace bench {

/// One way to do something: its name, and ns for each time.
struct way {
  std::string name;
  std::function<double()> ns;
};

/// Prints a table: all ways take turns in each round, and are compared with the first of the same round.
inline void compare(const char* what, const char* first, unsigned rounds, const std::vector<way>& ways) {
  std::vector<std::vector<double>> ns(ways.size()), ratio(ways.size());
  for (unsigned r = 0; r < rounds; ++r) {
    for (std::size_t w = 0; w < ways.size(); ++w) {
      ns[w].push_back(ways[w].ns());
      ratio[w].push_back(ns[w].back() / ns[0].back());
    }
  }
  std::printf("\n| %s | median ns [lowest, highest] | times %s [95 %%] |\n|---|---|---|\n", what, first);
  for (std::size_t w = 0; w < ways.size(); ++w) {
    const auto [low, high] = std::minmax_element(ns[w].begin(), ns[w].end());
    const estimate e = estimate_of(ratio[w]);
    std::printf("| %s | %.2f [%.2f, %.2f] | %.2f", ways[w].name.c_str(), median(ns[w]), *low, *high, e.mid);
    if (e.has_interval()) std::printf(" [%.2f, %.2f]", e.low, e.high);
    std::printf(" |\n");
  }
  std::fflush(stdout);
}

}  // namespace bench

#endif
