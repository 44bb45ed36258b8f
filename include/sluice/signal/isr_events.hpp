// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_ISR_EVENTS_HPP
#define SLUICE_SIGNAL_ISR_EVENTS_HPP

#include <sluice/memory/inline_region.hpp>
#include <sluice/ring/spsc.hpp>

namespace sluice {

/// Events of one interrupt, for the main loop to dispatch: at least N of them wait, in a ring inside this object.
///
///     static isr_events<std::uint16_t, 16> samples;
///     extern "C" void ADC_IRQHandler() { (void)samples.post(read_adc()); }
///     for (;;) { samples.drain(sampled); sleep(); }            // sampled: a dispatcher<void(std::uint16_t), 4>
///
/// Threads: post() one interrupt (or several that do not interrupt each other), drain() the main loop; the same for a
/// signal handler and the thread it interrupts, or two threads. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: full (the event is lost and counted).
template <class Event, std::size_t N, class P = native_memory>
class isr_events {
  using ring = spsc_ring<Event, P>;
  static_assert(std::is_trivially_copyable_v<Event>, "sluice: an interrupt copies its event as bytes");
  static_assert(ring::bytes_for(N) != 0, "sluice: there is no ring of this capacity");

 public:
  isr_events() noexcept {
    const ring r(memory_.bytes, N);
    (void)in_.attach(r);   // of a ring that is all zero: cannot fail
    (void)out_.attach(r);
    in_.begin();
    out_.begin();
  }
  isr_events(const isr_events&) = delete;
  isr_events& operator=(const isr_events&) = delete;

  /// From the interrupt.
  status post(const Event& e) noexcept {
    const status s = in_.try_push(e, nobody_sleeps);
    if (!s) lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return s;
  }
  /// Dispatches what waits, at most N events, so that the main loop goes on however many come; returns how many. May be
  /// called by a handler: it takes the events behind. An exception of a handler loses its event, and none behind it.
  template <class Dispatcher>
  std::size_t drain(Dispatcher& to) {
    std::size_t n = 0;
    for (; n != N; ++n) {
      const auto e = out_.try_pop(nobody_sleeps);
      if (!e) break;
      to.dispatch(*e);
    }
    return n;
  }
  /// How many events found no room.
  [[nodiscard]] std::uint32_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

 private:
  static void nobody_sleeps(gate<P>&, std::uint32_t) noexcept {}

  inline_storage<ring::bytes_for(N)> memory_;
  spsc_producer<Event, P> in_;
  spsc_consumer<Event, P> out_;
  typename P::template atomic<std::uint32_t> lost_{0};  // written by the interrupt alone
};

}  // namespace sluice

#endif
