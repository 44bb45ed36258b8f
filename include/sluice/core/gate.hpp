// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_GATE_HPP
#define SLUICE_CORE_GATE_HPP

#include <sluice/core/memory_policy.hpp>

namespace sluice {

namespace site {
struct gate_arm : order_site<std::memory_order_seq_cst> {};     // (W1) pairs with (S2) through the two fences
struct gate_look : order_site<std::memory_order_relaxed> {};    // (S2)
struct gate_raise : order_site<std::memory_order_seq_cst> {};   // (S3) pairs with the futex compare of the sleeper
struct gate_disarm : order_site<std::memory_order_relaxed> {};  // (W5) only saves the waker a needless wake
}  // namespace site

/// An event count of 4 bytes, fit for shared memory: where one participant sleeps until another has news.
///
///     sleeper                                  waker
///     (W1) arm(): set the bit, w = word        (S1) publish
///     (W2) heavy fence                              light fence
///     (W3) try again; on success disarm        (S2) look: no bit set? done
///     (W4) sleep while word == w               (S3) clear the bits, raise the epoch
///     (W5) disarm()                            (S4) ring what (S3) cleared
///
/// The fences order each side's store before its load, so that (W3) sees the news or (S2) sees the bit. If (S2) sees
/// it, (S3) changes the word before (S4) wakes: a sleeper that is not asleep yet finds word != w. Should (S2) see no
/// bit although (W3) missed the news, some other waker has cleared it since (W1), and then the epoch has moved too. A
/// waker that dies between (S1) and (S4) is why sleeps between processes are sliced.
///
/// Threads: any number of wakers, one sleeper. Progress: wait-free for the sleeper, lock-free for wakers.
template <class P = native_memory>
class gate {
 public:
  enum : std::uint32_t { asleep = 1, bell = 2, armed = asleep | bell, step_ = 4 };

  /// (W1) Announces a sleeper; returns the value to sleep on. The caller owes the heavy fence (W2).
  std::uint32_t arm(std::uint32_t how) noexcept {
    return word_.fetch_or(how, P::template order<site::gate_arm>) | how;
  }
  /// (W5) Takes the announcement back, if no waker has done so yet.
  void disarm() noexcept {
    auto w = word_.load(P::template order<site::gate_look>);
    while ((w & armed) != 0 &&
           !word_.compare_exchange_weak(w, (w & ~armed) + step_, P::template order<site::gate_disarm>,
                                        P::template order<site::gate_look>)) {
    }
  }
  /// (S2) to (S3). Returns the kinds of sleepers that the caller must now wake (S4): usually 0, for one load.
  [[nodiscard]] SLUICE_INLINE() std::uint32_t signal() noexcept {
    P::light_fence();
    const auto w = word_.load(P::template order<site::gate_look>);
    if ((w & armed) == 0) [[likely]] return 0;
    return raise(w);
  }
  /// (S2) to (S4): wakes whoever sleeps here by `ring`, a callable taking a gate and the kinds of sleepers.
  template <class Ring>
  SLUICE_INLINE() void wake(Ring&& ring) noexcept {
    if (const auto kinds = signal()) [[unlikely]] ring(*this, kinds);
  }
  /// The word to sleep on.
  [[nodiscard]] typename P::template atomic<std::uint32_t>& word() noexcept { return word_; }

 private:
  // Not marked cold: GCC 12 then takes the store before the look to be cold as well, and moves it out of the caller's
  // line.
  SLUICE_NOINLINE() std::uint32_t raise(std::uint32_t w) noexcept {
    while (!word_.compare_exchange_weak(w, (w & ~armed) + step_, P::template order<site::gate_raise>,
                                        P::template order<site::gate_look>)) {
      if ((w & armed) == 0) return 0;  // another waker, or the sleeper itself, was first
    }
    return w & armed;
  }

  typename P::template atomic<std::uint32_t> word_;  // epoch << 2 | bell | asleep
};

}  // namespace sluice

#endif
