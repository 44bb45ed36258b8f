// SPDX-License-Identifier: MIT
#ifndef SLUICE_WAIT_UNTIL_HPP
#define SLUICE_WAIT_UNTIL_HPP

#include <sluice/platform/clock.hpp>
#include <sluice/platform/futex.hpp>

// Of <chrono>, durations and clocks are wanted. libstdc++ has them in a header of its own, a quarter as long as the whole
// with its calendars, which would be a fifth of all lines that sluice.hpp comes to.
#if defined(_GLIBCXX_RELEASE) && __has_include(<bits/chrono.h>)
#include <bits/chrono.h>
#else
#include <chrono>
#endif

namespace sluice {

class stop;

/// Not at all: `rx.pop(now)`.
struct now_t {
  explicit constexpr now_t() = default;
};
inline constexpr now_t now{};

/// How long an operation may wait, and who may interrupt it: the one patience argument of every blocking verb.
///
///     pop()              as long as it takes          pop(halt)         until `halt` is requested
///     pop(now)           not at all                   pop({5ms, halt})  both
///     pop(5ms)           at most 5 ms
///     pop(time_point)    until then; use one for a whole exchange
///
/// The clock is read only by somebody about to sleep.
class until {
 public:
  constexpr until() noexcept = default;
  constexpr until(now_t) noexcept : time_(0), relative_(true) {}  // NOLINT: these conversions are the purpose
  template <class Rep, class Period>
  constexpr until(std::chrono::duration<Rep, Period> d) noexcept  // NOLINT
      : time_(saturated(d)), relative_(time_ != detail::never) {}
  template <class Duration>
  constexpr until(std::chrono::time_point<std::chrono::steady_clock, Duration> t) noexcept  // NOLINT
      : time_(saturated(t.time_since_epoch())) {}
  constexpr until(stop& s) noexcept : stop_(&s) {}  // NOLINT
  constexpr until(until u, stop& s) noexcept : time_(u.time_), relative_(u.relative_), stop_(&s) {}

  [[nodiscard]] constexpr bool immediate() const noexcept { return relative_ && time_ == 0; }
  [[nodiscard]] constexpr stop* interrupter() const noexcept { return stop_; }
  /// Does it end at a point in time, and not some time after each wait has begun?
  [[nodiscard]] constexpr bool has_deadline() const noexcept { return !relative_ && time_ != detail::never; }

  /// The same patience with a point in time instead of a duration, counted from this call.
  [[nodiscard]] until absolute() const noexcept {
    until u = *this;
    if (relative_) {
      const std::int64_t t = detail::monotonic_ns();
      u.time_ = time_ > detail::never - t ? detail::never : t + time_;
      u.relative_ = false;
    }
    return u;
  }
  /// Nanoseconds of the monotonic clock. Only of an absolute one.
  [[nodiscard]] constexpr std::int64_t deadline() const noexcept { return time_; }

 private:
  template <class Rep, class Period>
  static constexpr std::int64_t saturated(std::chrono::duration<Rep, Period> d) noexcept {
    if (!(d > d.zero())) return 0;  // nor a time that is none
    using std::chrono::duration;
    using seconds = duration<std::int64_t>;
    using nanoseconds = duration<std::int64_t, std::nano>;
    // Compared in floating point, where no duration overflows; a second of margin covers its rounding.
    constexpr double most = 9.223372035e9;
    if (duration<double>(d).count() >= most) return detail::never;
    if constexpr (std::is_floating_point_v<Rep>) {
      return std::chrono::duration_cast<nanoseconds>(d).count();
    } else {
      // Whole seconds apart, since a unit such as 1/60 s is multiplied before it is divided.
      const auto whole = std::chrono::duration_cast<seconds>(d);
      return nanoseconds(whole).count() + std::chrono::duration_cast<nanoseconds>(d - whole).count();
    }
  }

  std::int64_t time_ = detail::never;
  bool relative_ = false;
  stop* stop_ = nullptr;
};
static_assert(sizeof(until) <= 24);

}  // namespace sluice

#endif
