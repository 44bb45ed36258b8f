// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_PACE_HPP
#define SLUICE_BENCH_PACE_HPP

#include <algorithm>
#include <cstdint>

namespace bench {

/// How many messages make a sample of so many ns, learnt from the sample before.
///
/// Equal numbers would make the samples of slow candidates long; long ones are dropped more often, for a change of regime
/// or another program, and the comparison would be left with those that happened to be fast.
class pace {
 public:
  explicit pace(std::uint64_t least, std::uint64_t most = 300'000, double ns = 1.5e6)
      : least_(least), most_(most), next_(4 * least), ns_(ns) {}
  [[nodiscard]] std::uint64_t messages() const { return next_; }
  void saw(double ns_per_message) {
    const auto n = static_cast<std::uint64_t>(ns_ / std::max(ns_per_message, 1.0));
    next_ = std::clamp(n, least_, most_);
  }

 private:
  std::uint64_t least_, most_, next_;
  double ns_;
};

}  // namespace bench

#endif
