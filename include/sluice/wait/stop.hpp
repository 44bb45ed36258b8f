// SPDX-License-Identifier: MIT
#ifndef SLUICE_WAIT_STOP_HPP
#define SLUICE_WAIT_STOP_HPP

#include <sluice/wait/bell.hpp>
#include <sluice/wait/wait_set.hpp>

#include <atomic>

namespace sluice {

/// A latch that interrupts waiting: pass it as patience, or wait on it like on any end.
///
/// Threads: any. request() is async-signal-safe and idempotent; there is no way back.
class stop {
 public:
  stop() noexcept = default;
  stop(const stop&) = delete;
  stop& operator=(const stop&) = delete;

  void request() noexcept {
    const auto before = word_.fetch_or(requested_bit, std::memory_order_seq_cst);
    if ((before & asleep_bit) != 0) detail::futex_wake(&word_, false);
    bell_.ring();
  }
  [[nodiscard]] bool requested() const noexcept { return (word_.load(std::memory_order_acquire) & requested_bit) != 0; }

  void arm(want, wait_set& set) noexcept {
    if (set.prefers_handles() && !set.watched() && bell_.hang()) {
      set.on(bell_.handle(), want::pop);
    } else {
      const auto w = word_.fetch_or(asleep_bit, std::memory_order_seq_cst) | asleep_bit;
      set.on(&word_, w, false);
    }
    if ((word_.load(std::memory_order_seq_cst) & requested_bit) != 0) set.ready();
  }
  void disarm(want) noexcept {}  // a latch stays; so may the announcement of a sleeper

 private:
  static constexpr std::uint32_t asleep_bit = 1, requested_bit = 2;

  std::atomic<std::uint32_t> word_{0};
  detail::bell bell_;
};

}  // namespace sluice

#endif
