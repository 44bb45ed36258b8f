// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_STATS_HPP
#define SLUICE_BENCH_STATS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <random>
#include <vector>

namespace bench {

inline double median(std::vector<double> v) {
  if (v.empty()) return 0;
  std::sort(v.begin(), v.end());
  const std::size_t n = v.size();
  return n % 2 != 0 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/// A median and its 95 % bootstrap interval. Below three values there is no interval, and `low > high` says so.
struct estimate {
  std::size_t n = 0;
  double mid = 0, low = 1, high = 0;
  [[nodiscard]] bool has_interval() const { return low <= high; }
};
inline estimate estimate_of(const std::vector<double>& v) {
  estimate e;
  e.n = v.size();
  e.mid = median(v);
  if (v.size() < 3) return e;
  std::mt19937_64 random(12345);  // the same data give the same interval
  std::uniform_int_distribution<std::size_t> any(0, v.size() - 1);
  constexpr std::size_t times = 2000;
  std::vector<double> medians(times), again(v.size());
  for (auto& m : medians) {
    for (auto& x : again) x = v[any(random)];
    m = median(again);
  }
  std::sort(medians.begin(), medians.end());
  e.low = medians[times * 25 / 1000];
  e.high = medians[times * 975 / 1000];
  return e;
}

/// The states that the machine jumps between, told apart by its bare ping-pong.
enum class regime { close_by, middle, far_off, one_cpu };
inline constexpr std::array<const char*, 4> regime_names{"< 200 ns", "200 to 500 ns", "> 500 ns", "one cpu"};

/// The limit around a sample; usable if it was the same before and after.
struct surroundings {
  double before = 0, after = 0;
  [[nodiscard]] double mean() const { return (before + after) / 2; }
  [[nodiscard]] bool steady() const { return std::max(before, after) <= 1.3 * std::min(before, after); }
  [[nodiscard]] regime state() const {
    if (before == 0) return regime::one_cpu;
    return mean() < 200 ? regime::close_by : mean() <= 500 ? regime::middle : regime::far_off;
  }
};

}  // namespace bench

#endif
