// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_SELECT_HPP
#define SLUICE_FLOW_SELECT_HPP

#include <sluice/flow/cases.hpp>

#include <tuple>

namespace sluice {

/// In the order in which they are written down: `select(prioritized, on(...), ...)`.
struct prioritized_t {
  explicit constexpr prioritized_t() = default;
};
inline constexpr prioritized_t prioritized{};

/// One turn of a select: whose it was, and what the end said if it was no message.
struct turn {
  std::size_t which = 0;
  error why;
};

/// Waits for whichever of its cases comes first: what select() makes.
///
/// A select is an end like others to the one blocking algorithm: its try looks at all cases, and arming it arms them
/// all. So a wait that is stopped or times out has taken nothing.
///
/// Threads: one at a time, the one that owns its ends. Blocks: wait. Allocates: never.
template <bool Prioritized, detail::flow_case... Cases>
class selector {
  static constexpr std::size_t count = sizeof...(Cases);
  static_assert(count != 0 && count <= 64);
  static constexpr bool has_ends = (... || Cases::is_an_end);
  static constexpr unsigned char none = 255;
  static constexpr auto all = std::index_sequence_for<Cases...>();

 public:
  explicit selector(Cases... cases) : cases_(std::move(cases)...) {}

  /// Waits for one case and calls its handler.
  ///
  /// Errors: timeout; stopped; closed, once all its ends are over, or, if it has none, all its stops; busy, in a handler.
  SLUICE_INLINE() result<turn> wait(until u = {}) {
    turn t;
    if (running_) [[unlikely]] return error(errc::busy, step::wait);
    if (++waits_begun_ % asks_every == 0 && is_news(waits_begun_ / asks_every % count, t)) return t;
    // From the case whose turn it is to the last, and on from the first. A ring that looks empty is not tried: that costs
    // as much as a message.
    const std::size_t first = next_;
    std::uint64_t tried = 0;
    const auto has_something = [&](auto& one, std::size_t n) SLUICE_INLINE_LAMBDA() {
      if (one.over() || skipped(one)) return false;
      if (one.find()) return t = played(one, n), true;
      if constexpr (!requires { one.looks_empty(); }) tried |= bit(n);
      return false;
    };
    if (each([&](auto& one, std::size_t n) SLUICE_INLINE_LAMBDA() { return n >= first && has_something(one, n); })) [[likely]]
      return t;
    if (each([&](auto& one, std::size_t n) SLUICE_INLINE_LAMBDA() { return n < first && has_something(one, n); })) return t;
    quiet_ = tried;
    return wait_for_any(u);
  }
  /// Goes on with a case that is over: its end has been replaced, or what it complained of was removed.
  void resume(std::size_t which) noexcept {
    each([&](auto& one, std::size_t n) { return n == which && (one.resume(), true); });
  }
  /// Is a case over?
  [[nodiscard]] bool over(std::size_t which) noexcept {
    return each([&](auto& one, std::size_t n) { return n == which && one.over(); });
  }

  void arm(want k, wait_set& set) noexcept {
    each([&](auto& one, std::size_t n) {
      if (one.over()) return false;
      const std::size_t before = set.handles().size();
      one.arm(k, set);
      const bool by_handle = one.polled && set.handles().size() != before;
      handle_of_[n] = by_handle ? static_cast<unsigned char>(before) : none;
      if (by_handle) quiet_ |= bit(n);
      return false;
    });
  }
  /// Of the ends that poll watches only those that it names are worth a try: a system call each.
  void woken_by(const wait_set& set) noexcept {
    quiet_ = 0;
    each([&](auto& one, std::size_t n) {
      if (!one.over() && handle_of_[n] != none && set.handles()[handle_of_[n]].quiet) quiet_ |= bit(n);
      return false;
    });
  }
  void disarm(want k) noexcept {
    each([&](auto& one, std::size_t) { return !one.over() && (one.disarm(k), false); });
  }
  /// Looks before sleeping only if all ends do: a look at others is a system call.
  [[nodiscard]] wait_strategy waits() const noexcept {
    bool parks = !has_ends, spins = true;
    const auto ask = [&](const auto& one) {
      if constexpr (requires { one.waits(); }) {
        parks = parks || one.waits() == wait_strategy::park;
        spins = spins && one.waits() == wait_strategy::spin;
      }
    };
    std::apply([&](const auto&... one) { (..., ask(one)); }, cases_);
    return parks ? wait_strategy::park : spins ? wait_strategy::spin : wait_strategy::spin_then_park;
  }

 private:
  template <class Case>
  SLUICE_INLINE() static bool skipped(Case& one) noexcept {
    if constexpr (requires { one.looks_empty(); }) return one.looks_empty();
    else return false;
  }
  /// What a ring that looks empty has to say is asked for now and then, while others have messages: it may have ended.
  SLUICE_NOINLINE() bool is_news(std::size_t asked, turn& t) {
    return each([&](auto& one, std::size_t n) {
      if constexpr (requires { one.looks_empty(); }) {
        return n == asked && !one.over() && one.looks_empty() && one.find() && (t = played(one, n), true);
      } else {
        return false;
      }
    });
  }
  template <class Case>
  SLUICE_INLINE() turn played(Case& one, std::size_t n) {
    if constexpr (!Prioritized) next_ = n + 1 < count ? n + 1 : 0;
    const struct handler_runs {
      bool& flag;
      ~handler_runs() { flag = false; }
    } while_it_runs{running_};
    running_ = true;
    return {n, one.deliver()};
  }
  SLUICE_NOINLINE() result<turn> wait_for_any(const until& u) {
    const auto which = detail::try_then_wait(*this, want::pop, u, [this] { return try_find(); });
    if (!which) return which.err();
    turn t;
    each([&](auto& one, std::size_t n) { return n == *which && (t = played(one, n), true); });
    return t;
  }
  /// The first case from the one whose turn it is that has something.
  result<std::size_t> try_find() {
    const std::uint64_t quiet = std::exchange(quiet_, 0);
    std::size_t found = count;
    const auto look = [&](auto& one, std::size_t n) {
      if (one.over() || (quiet & bit(n)) != 0 || !one.find()) return false;
      found = n;
      return true;
    };
    if (each([&](auto& one, std::size_t n) { return n >= next_ && look(one, n); })) return found;
    if (!Prioritized && each([&](auto& one, std::size_t n) { return n < next_ && look(one, n); })) return found;
    return error(open() ? errc::empty : errc::closed, step::wait);
  }
  static constexpr std::uint64_t bit(std::size_t n) noexcept { return std::uint64_t{1} << n; }
  [[nodiscard]] bool open() noexcept {
    return each([](auto& one, std::size_t) { return one.is_an_end == has_ends && !one.over(); });
  }
  /// Calls `f` with each case and its number until it says true. Has it?
  template <class F>
  SLUICE_INLINE() bool each(F f) {
    return each(f, all);
  }
  template <class F, std::size_t... N>
  SLUICE_INLINE() bool each(F& f, std::index_sequence<N...>) {
    return (... || f(std::get<N>(cases_), N));
  }

  std::tuple<Cases...> cases_;
  static constexpr unsigned asks_every = 8;

  bool running_ = false;
  std::size_t next_ = 0;
  std::size_t waits_begun_ = 0;
  std::uint64_t quiet_ = 0;           // cases of no use to the next look: just tried, or poll says so, or will say
  unsigned char handle_of_[count]{};  // where each armed its descriptor in the set
};

/// Whichever comes first of messages, room, stops and times:
///
///     auto loop = select(on(quotes, [](quote q) { ... }), on(halt, [&] { quit = true; }), after(20ms, [] { ... }));
///     while (!quit && loop.wait(1s)) {}
///
/// Each wait() calls one handler. The case behind the one that was last has the first turn, so one that is always ready
/// is at most once ahead of each other; with `prioritized` the first that is ready has it. That a ring has ended is told
/// within 8 turns for each case. The ends must outlive it.
///
/// A source that is over is not asked any more; that it is over is a turn of its own, with the reason in `why`.
template <detail::flow_case... Cases>
[[nodiscard]] selector<false, Cases...> select(Cases... cases) {
  return selector<false, Cases...>(std::move(cases)...);
}
template <detail::flow_case... Cases>
[[nodiscard]] selector<true, Cases...> select(prioritized_t, Cases... cases) {
  return selector<true, Cases...>(std::move(cases)...);
}

}  // namespace sluice

#endif
