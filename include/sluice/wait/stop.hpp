// SPDX-License-Identifier: MIT
#ifndef SLUICE_WAIT_STOP_HPP
#define SLUICE_WAIT_STOP_HPP

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
  ~stop() {
    if (const auto b = bell_.load(std::memory_order_relaxed); b != 0) unique_handle(handle_of(b));
  }

  void request() noexcept {
    const auto before = word_.fetch_or(requested_bit, std::memory_order_seq_cst);
    if ((before & asleep_bit) != 0) detail::futex_wake(&word_, false);
    // Either the bell is seen here, or whoever is about to hang it sees the request: both sides are seq_cst.
    if (const auto b = bell_.load(std::memory_order_seq_cst); b != 0 && ours(b)) detail::ring_bell(handle_of(b));
  }
  [[nodiscard]] bool requested() const noexcept { return (word_.load(std::memory_order_acquire) & requested_bit) != 0; }

  void arm(want, wait_set& set) noexcept {
    if (set.prefers_handles() && hang_bell()) {
      set.on(handle_of(bell_.load(std::memory_order_relaxed)), want::pop);
    } else {
      const auto w = word_.fetch_or(asleep_bit, std::memory_order_seq_cst) | asleep_bit;
      set.on(&word_, w, false);
    }
    if ((word_.load(std::memory_order_seq_cst) & requested_bit) != 0) set.ready();
  }
  void disarm(want) noexcept {}  // a latch stays; so may the announcement of a sleeper

 private:
  // A bell is of one process: a forked child inherits it, but has a stop of its own, and so hangs a bell of its own.
  static int handle_of(std::uint64_t bell) noexcept { return static_cast<int>(bell & 0xffffffffu); }
  static bool ours(std::uint64_t bell) noexcept { return bell >> 32 == static_cast<std::uint64_t>(::getpid()); }
  static constexpr std::uint32_t asleep_bit = 1, requested_bit = 2;

  bool hang_bell() noexcept {
    auto there = bell_.load(std::memory_order_acquire);
    if (ours(there)) return true;
    unique_handle fresh = detail::make_bell();
    if (!fresh) return false;
    const auto mine = static_cast<std::uint64_t>(::getpid()) << 32 | static_cast<std::uint32_t>(fresh.get());
    if (bell_.compare_exchange_strong(there, mine, std::memory_order_seq_cst)) {
      (void)fresh.release();
      if (there != 0) unique_handle(handle_of(there));  // the inherited one
    }
    return true;
  }

  std::atomic<std::uint32_t> word_{0};
  std::atomic<std::uint64_t> bell_{0};  // whose process << 32 | descriptor; 0: none yet
};

}  // namespace sluice

#endif
