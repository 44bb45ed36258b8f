// SPDX-License-Identifier: MIT
#ifndef SLUICE_WAIT_DOORBELL_HPP
#define SLUICE_WAIT_DOORBELL_HPP

#include <sluice/wait/bell.hpp>
#include <sluice/wait/wait_set.hpp>

namespace sluice::detail {

/// What one waiter sleeps on, by word or by descriptor, until somebody has put something somewhere and rings.
///
/// Threads: ring() any, and async-signal-safe; the rest is the waiter's.
class doorbell {
 public:
  /// After it was put.
  void ring() noexcept {
    // A read-modify-write on either side: whoever is about to sleep is seen here, or sees what was put.
    if ((word_.fetch_add(2, std::memory_order_seq_cst) & asleep_bit) != 0) futex_wake(&word_, false);
    bell_.ring();
  }
  /// `is_there()`: is there something already?
  template <class IsThere>
  void arm(wait_set& set, IsThere is_there) noexcept {
    const bool by_bell = set.prefers_handles() && bell_.hang();
    if (by_bell) bell_.silence();
    const auto w = word_.fetch_or(asleep_bit, std::memory_order_seq_cst) | asleep_bit;
    if (by_bell) set.on(bell_.handle(), want::pop);
    else set.on(&word_, w, false);
    if (is_there()) set.ready();
  }
  void disarm() noexcept { word_.fetch_and(~asleep_bit, std::memory_order_relaxed); }

 private:
  static constexpr std::uint32_t asleep_bit = 1;
  std::atomic<std::uint32_t> word_{0};  // the bit, and a count of rings
  bell bell_;
};

}  // namespace sluice::detail

#endif
