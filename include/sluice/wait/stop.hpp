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
  ~stop() { unique_handle(bell_.load(std::memory_order_relaxed)); }

  void request() noexcept {
    const auto before = word_.fetch_or(requested_bit, std::memory_order_seq_cst);
    if ((before & asleep_bit) != 0) detail::futex_wake(&word_, false);
    // Either the bell is seen here, or whoever is about to hang it sees the request: both sides are seq_cst.
    if (const int b = bell_.load(std::memory_order_seq_cst); b >= 0) detail::ring_bell(b);
  }
  [[nodiscard]] bool requested() const noexcept { return (word_.load(std::memory_order_acquire) & requested_bit) != 0; }

  void arm(want, wait_set& set) noexcept {
    if (set.prefers_handles() && hang_bell()) {
      hush_bell();
      set.on(bell_.load(std::memory_order_relaxed), want::pop);
    } else {
      const auto w = word_.fetch_or(asleep_bit, std::memory_order_seq_cst) | asleep_bit;
      set.on(&word_, w, false);
    }
    if ((word_.load(std::memory_order_seq_cst) & requested_bit) != 0) set.ready();
  }
  void disarm(want) noexcept {}  // a latch stays; so may the announcement of a sleeper

 private:
  // A forked child rings the same bell when it requests its own copy of this stop, and would leave it ringing for ever.
  // Whoever hushes a request of our own rings again for the others.
  void hush_bell() noexcept {
    const int bell = bell_.load(std::memory_order_relaxed);
    if (requested() || !detail::silence_bell(bell)) return;
    if ((word_.load(std::memory_order_seq_cst) & requested_bit) != 0) detail::ring_bell(bell);
  }
  static constexpr std::uint32_t asleep_bit = 1, requested_bit = 2;

  bool hang_bell() noexcept {
    if (bell_.load(std::memory_order_acquire) >= 0) return true;
    unique_handle fresh = detail::make_bell();
    if (!fresh) return false;
    int none = -1;
    if (bell_.compare_exchange_strong(none, fresh.get(), std::memory_order_seq_cst)) (void)fresh.release();
    return true;
  }

  std::atomic<std::uint32_t> word_{0};
  std::atomic<int> bell_{-1};
};

}  // namespace sluice

#endif
