// SPDX-License-Identifier: MIT
#ifndef SLUICE_WAIT_WAIT_FOR_HPP
#define SLUICE_WAIT_WAIT_FOR_HPP

#include <sluice/core/memory_policy.hpp>
#include <sluice/wait/spin_habit.hpp>
#include <sluice/wait/stop.hpp>

namespace sluice {

/// What a waiting thread does before, or instead of, sleeping. An end may state its own by a member `waits()`.
enum class wait_strategy : std::uint8_t {
  spin_then_park,  // look for a few microseconds, then sleep
  spin,            // never sleep: lowest latency, one core
  park,            // sleep at once
};

namespace detail {

template <class End>
wait_strategy strategy_of(const End& end) noexcept {
  if constexpr (requires { end.waits(); }) return end.waits();
  else return wait_strategy::park;
}
/// Has the operation come to an end, good or bad?
template <class R>
bool settled(const R& r) noexcept {
  return static_cast<bool>(r) || !r.err().again();
}

/// Of an end whose tries are refused by the kernel alone, over the one descriptor that it arms: whatever a try after
/// arming would find, poll says.
template <class End>
inline constexpr bool polled = requires { requires End::polled; };

template <class R>
R not_tried() noexcept {
  return error(errc::pending, step::wait);
}

/// A few tries before sleeping, if that has been worth while lately. Have they settled it?
template <class Outcome, class Attempt>
bool looked(spin_habit& habit, Outcome& r, Attempt& attempt) {
  if (!habit.worth_while()) return false;
  constexpr unsigned looks = 5, pauses = 64;  // together about as long as a sleep and a wake-up take
  bool found = false;
  for (unsigned i = 0; i < looks && !found; ++i) {
    for (unsigned n = 0; n < pauses; ++n) native_memory::pause();  // each look holds up a peer that is in the kernel
    r = attempt();
    found = settled(r);
  }
  habit.found(found);
  return found;
}

/// An end that is armed, and who may interrupt its wait; until the end of the scope, also if a try throws.
template <class End>
class armed {
 public:
  armed(End& e, want k, stop* halt, wait_set& set) noexcept : end_(e), halt_(halt), want_(k) {
    e.arm(k, set);
    if (halt != nullptr) halt->arm(want::pop, set);
  }
  armed(const armed&) = delete;
  armed& operator=(const armed&) = delete;
  ~armed() {
    if (halt_ != nullptr) halt_->disarm(want::pop);
    end_.disarm(want_);
  }

 private:
  End& end_;
  stop* halt_;
  want want_;
};

/// Waits on `end` until `attempt` settles: the one blocking algorithm of the library. The attempt is made again after
/// arming, so no change is missed, and last of all after the sleep, so what came at the deadline is not left behind.
/// A polled end is spared the former.
template <class End, class Attempt>
SLUICE_NOINLINE() auto wait_for(End& end, want k, const until& patience, Attempt attempt) -> decltype(attempt()) {
  using outcome = decltype(attempt());
  constexpr unsigned looks = 64;
  const wait_strategy how = strategy_of(end);
  stop* const halt = patience.interrupter();
  if constexpr (requires { end.habit(); }) {
    outcome r = not_tried<outcome>();
    if (looked(end.habit(), r, attempt)) return r;
  }
  if (how != wait_strategy::park) {
    // Whoever waits for room looks ever more rarely: each look takes the line that the other side is about to write,
    // and a little room at a time would be bought with a line transfer each.
    unsigned pauses = 1;
    for (unsigned i = 0; i < looks; i += pauses) {
      if (k == want::push && pauses < looks / 4) pauses *= 2;
      for (unsigned n = 0; n < pauses; ++n) native_memory::pause();
      if (auto r = attempt(); settled(r)) return r;
    }
  }
  const until u = patience.absolute();
  for (;;) {
    if (halt != nullptr && halt->requested()) return error(errc::stopped, step::wait);
    if (how == wait_strategy::spin) {
      for (unsigned i = 0; i < looks; ++i) {
        if (auto r = attempt(); settled(r)) return r;
        native_memory::pause();
      }
      if (u.deadline() != never && monotonic_ns() >= u.deadline()) return error(errc::timeout, step::wait);
      continue;
    }
    for (bool mixed = false;; mixed = true) {  // at most twice: words first; if descriptors come along, descriptors for all
      wait_set set(mixed);
      outcome r = not_tried<outcome>();
      status slept;
      {
        const armed<End> for_now(end, k, halt, set);
        if (!mixed && set.mixed()) continue;
        if constexpr (!polled<End>) r = attempt();
        if (!settled(r)) {
          slept = set.sleep(u);
          if constexpr (requires { end.woken_by(set); }) end.woken_by(set);
          r = attempt();  // before disarming: an end that shares its waker knows then whether to pass a wake-up on
        }
      }
      if (settled(r)) return r;
      if (!slept) return slept.err();
      break;
    }
  }
}

/// What every verb with patience does: tries at once, and waits only where that did not settle it and the patience
/// allows. The attempt is held by value, so that what it captures can stay in registers until there is a wait.
template <class End, class Attempt>
SLUICE_INLINE() auto try_then_wait(End& end, want k, const until& patience, Attempt attempt) -> decltype(attempt()) {
  auto r = attempt();
  if (settled(r) || patience.immediate()) [[likely]] return r;
  // A function of its own: where an attempt is inlined, it is into the fast path alone.
  return wait_for(end, k, patience, [attempt]() SLUICE_NOINLINE_LAMBDA() { return attempt(); });
}

}  // namespace detail
}  // namespace sluice

#endif
