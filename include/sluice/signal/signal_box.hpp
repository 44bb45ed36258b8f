// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_SIGNAL_BOX_HPP
#define SLUICE_SIGNAL_SIGNAL_BOX_HPP

#include <sluice/signal/handler_ring.hpp>
#include <sluice/signal/signal_event.hpp>

// Where the handler puts what came, and the program takes it from: a ring, and where it is full, signals are folded. Each
// signal number has one spill, a word that holds 2 * count, plus 1 once the event beside it is there. From the first one on,
// all signals of that number go there, until the program, which first empties the ring, has taken the spill: so what one
// thread's handlers put comes out in order.
//
//   word 0                nobody has folded; a handler that makes it 2 owns the event until it has added 1
//   word 2n, 2n + 1       n are folded; anybody may add 2; only the program, and only if it is odd, makes it 0

namespace sluice::detail {

inline constexpr int most_signals = 64;  // SIGRTMAX on every Linux but MIPS

/// Threads: put() from any handlers, the rest from one thread. Progress: lock-free. Allocates: make().
class signal_box {
 public:
  bool make(std::size_t capacity) noexcept { return ring_.make(capacity); }

  void put(const signal_event& e) noexcept {
    spill& s = spills_[e.signo - 1];
    if (s.word.load(std::memory_order_acquire) != 0 || !ring_.put(e)) fold(s, e);
  }
  bool take(signal_event& to) noexcept {
    if (ring_.take(to)) return true;
    if (!ring_.empty()) return false;  // claimed: it comes before what is folded
    for (spill& s : spills_) {
      if (!s.filled()) continue;
      to = s.event;  // stays as it is until the word is 0
      to.count = s.word.exchange(0, std::memory_order_acq_rel) >> 1;
      return true;
    }
    return false;
  }
  /// Would take() find something?
  [[nodiscard]] bool filled() const noexcept {
    if (ring_.filled()) return true;
    if (!ring_.empty()) return false;
    for (const spill& s : spills_)
      if (s.filled()) return true;
    return false;
  }

 private:
  struct spill {
    std::atomic<std::uint32_t> word{0};
    signal_event event;
    [[nodiscard]] bool filled() const noexcept { return (word.load(std::memory_order_acquire) & 1) != 0; }
  };

  static void fold(spill& s, const signal_event& e) noexcept {
    std::uint32_t word = s.word.load(std::memory_order_acquire);
    do {
      if (word >= 0xfffffffe) return;  // 2^31 - 1 is as far as it counts
    } while (!s.word.compare_exchange_weak(word, word + 2, std::memory_order_acq_rel, std::memory_order_acquire));
    if (word != 0) return;
    s.event = e;
    s.word.fetch_add(1, std::memory_order_release);
  }

  handler_ring<signal_event> ring_;
  spill spills_[most_signals];
};

}  // namespace sluice::detail

#endif
