// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_PUMP_HPP
#define SLUICE_FLOW_PUMP_HPP

#include <sluice/core/unmet.hpp>
#include <sluice/flow/over_sink.hpp>

namespace sluice {

/// How many messages a pump has moved, and why it has ended.
///
/// A message that was popped and found no room is never dropped. Where the source lends, it was not popped: it stays
/// in the source. Elsewhere it is `rest`, to be pushed by the caller, or by the next pump if that is given this.
template <class T>
struct [[nodiscard]] pumped {
  std::size_t count = 0;
  error why;
  result<T> rest = errc::empty;
};

namespace detail {

/// Has the patience of a loop that never waits come to an end? A duration counts for each wait, so none of them has.
class loop_patience {
 public:
  explicit loop_patience(const until& u) noexcept : until_(u), timed_(u.has_deadline()) {}

  /// Asked before each message is taken; the clock is read for every 64th.
  error over() noexcept {
    if (until_.interrupter() != nullptr && until_.interrupter()->requested()) return error(errc::stopped, step::wait);
    if (timed_ && ++asked_ % 64 == 0 && monotonic_ns() >= until_.deadline()) return error(errc::timeout, step::wait);
    return {};
  }

 private:
  until until_;
  bool timed_;
  unsigned asked_ = 0;
};

template <class Source, class Sink>
inline constexpr bool pumps_in_place = lending_source<Source> && requires(Sink& out, const item_t<Source>& m, until u) {
  { out.push(m, u) } -> std::same_as<status>;
};

}  // namespace detail

/// Moves messages from a source into a sink until one of them ends, or patience does: {count, why}. A duration counts
/// for each wait, a time_point for the whole. Nothing is closed. `before`: what an earlier pump was left with.
///
/// Between the two ends a message is never lost by a deadline, a stop, an error or an end: see `pumped`. Nor by a
/// kill, where the source lends and outlives the process; it may then come twice.
template <class Source, class Sink, class T = item_t<Source>>
  requires(source<Source> && sink<Sink, T>)
pumped<T> pump(Source&& in, Sink&& out, until u = {}, pumped<T> before = {}) {
  std::size_t count = 0;
  if (before.rest) {
    const status s = detail::push_into(out, *std::move(before.rest), u);
    if (!s) return {0, s.err(), std::move(before.rest)};  // a push that fails has not touched it
    ++count;
  }
  detail::loop_patience patience(u);
  for (;; ++count) {
    if (const error over = patience.over()) return {count, over};
    if constexpr (detail::pumps_in_place<Source, Sink>) {
      auto m = detail::try_then_wait(in, want::pop, u, [&] { return in.try_borrow(); });
      if (!m) return {count, m.err()};
      if (const status s = out.push(*m, u); !s) {
        m.keep();
        return {count, s.err()};
      }
      m.release();
    } else {
      auto m = detail::try_then_wait(in, want::pop, u, [&] { return in.try_pop(); });
      if (!m) return {count, m.err()};
      if (const status s = detail::push_into(out, *std::move(m), u); !s) return {count, s.err(), std::move(m)};
    }
  }
}

// The same for what is no source, or no sink for its messages.
template <class Source, class Sink>
  requires(!source<Source>)
auto pump(Source&&, Sink&&, until = {}) {
  return detail::unmet_source<Source>();
}
template <source Source, class Sink>
  requires(!sink<Sink, item_t<Source>>)
auto pump(Source&&, Sink&&, until = {}) {
  return detail::unmet_sink<Sink, item_t<Source>>();
}

}  // namespace sluice

#endif
