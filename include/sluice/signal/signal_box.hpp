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
// The program looks at the ring once more when it has seen the spill: what was put before that by the same thread is in the
// ring, and comes first.
//
//   word 0                nobody has folded; a handler that makes it 2 owns the event until it has added 1
//   word 2n, 2n + 1       n are folded; anybody may add 2; only the program, and only if it is odd, makes it 0

namespace sluice {

namespace site {
struct spill_look : order_site<std::memory_order_relaxed> {};  // only asks whether to fold
struct spill_fold : order_site<std::memory_order_acq_rel> {};
struct spill_fill : order_site<std::memory_order_release> {};
struct spill_filled : order_site<std::memory_order_acquire> {};
struct spill_taken : order_site<std::memory_order_release> {};
}  // namespace site

namespace detail {

/// Threads: put() from any handlers, the rest from one thread. Progress: lock-free. Allocates: make().
template <class P = native_memory>
class signal_box {
 public:
  status make(std::size_t capacity) noexcept { return ring_.make(capacity); }

  void put(const signal_event& e) noexcept {
    spill& s = spills_[e.signo - 1];
    if (s.word.load(P::template order<site::spill_look>) != 0 || !ring_.put(e)) fold(s, e);
  }
  bool take(signal_event& to) noexcept {
    if (ring_.take(to)) return true;
    for (spill& s : spills_) {
      if (!s.filled()) continue;
      if (!ring_.empty()) return ring_.take(to);  // false: claimed, and not there yet
      to = P::copy_in(&s.event);                  // stays as it is until the word is 0
      to.count = s.word.exchange(0, P::template order<site::spill_taken>) >> 1;
      return true;
    }
    return false;
  }
  /// Would take() find something?
  [[nodiscard]] bool filled() const noexcept {
    if (ring_.filled()) return true;
    for (const spill& s : spills_)
      if (s.filled()) return ring_.empty() || ring_.filled();
    return false;
  }

 private:
  struct spill {
    typename P::template atomic<std::uint32_t> word{0};
    signal_event event;
    [[nodiscard]] bool filled() const noexcept { return (word.load(P::template order<site::spill_filled>) & 1) != 0; }
  };

  static void fold(spill& s, const signal_event& e) noexcept {
    std::uint32_t word = s.word.load(P::template order<site::spill_look>);
    do {
      if (word >= 0xfffffffe) return;  // 2^31 - 1 is as far as it counts
    } while (!s.word.compare_exchange_weak(word, word + 2, P::template order<site::spill_fold>, std::memory_order_relaxed));
    if (word != 0) return;
    P::copy_out(&s.event, e);
    s.word.fetch_add(1, P::template order<site::spill_fill>);
  }

  handler_ring<signal_event, P> ring_;
  spill spills_[most_signals];
};

}  // namespace detail
}  // namespace sluice

#endif
