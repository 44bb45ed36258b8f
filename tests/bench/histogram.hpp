// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_HISTOGRAM_HPP
#define SLUICE_BENCH_HISTOGRAM_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace bench {

/// A log-linear histogram of ticks: 32 buckets for each power of two, so a value is known to 3 %; the largest exactly.
class histogram {
  static constexpr unsigned fine = 5;

 public:
  [[gnu::always_inline]] void add(std::uint64_t ticks) {
    ++counts_[index(ticks)];
    ++total_;
    if (ticks > largest_) largest_ = ticks;
  }
  void add(const histogram& o) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += o.counts_[i];
    total_ += o.total_;
    if (o.largest_ > largest_) largest_ = o.largest_;
  }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t largest() const { return largest_; }
  /// The middle of the bucket below which the share `p` of all values lies.
  [[nodiscard]] double at(double p) const {
    const double wanted = p * static_cast<double>(total_);
    double below = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i)
      if ((below += static_cast<double>(counts_[i])) >= wanted) return middle(i);
    return static_cast<double>(largest_);
  }

 private:
  static std::size_t index(std::uint64_t v) {
    if (v < (1u << fine)) return static_cast<std::size_t>(v);
    const unsigned shift = static_cast<unsigned>(std::bit_width(v)) - 1 - fine;
    return ((static_cast<std::size_t>(shift) + 1) << fine) + static_cast<std::size_t>((v >> shift) - (1u << fine));
  }
  static double middle(std::size_t i) {
    if (i < (1u << fine)) return static_cast<double>(i);
    const auto shift = static_cast<unsigned>(i >> fine) - 1;
    return static_cast<double>((i & ((1u << fine) - 1)) + (1u << fine)) *
               static_cast<double>(std::uint64_t{1} << shift) +
           static_cast<double>(std::uint64_t{1} << shift) / 2;
  }

  std::array<std::uint64_t, (64 - fine + 1) << fine> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace bench

#endif
