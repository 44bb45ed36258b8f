// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_OVER_SINK_HPP
#define SLUICE_FLOW_OVER_SINK_HPP

#include <sluice/flow/joined_traits.hpp>
#include <sluice/wait/verbs.hpp>

#include <utility>

namespace sluice::detail {

/// Is there nothing more to come, or to be taken, after this error?
constexpr bool is_end(error e) noexcept { return e == errc::closed || e == errc::peer_died; }

template <class S>
inline constexpr bool can_flush = requires(S& s, until u) { { s.flush(u) } -> std::same_as<status>; };

/// Sends on what a sink has accepted, where it may be holding something.
template <class S>
status flush_end(S& s, until u) {
  if constexpr (can_flush<S>) return s.flush(u);
  else return {};
}
/// Ends a sink in its own orderly way.
template <class S>
status finish_end(S& s, until u) {
  if constexpr (requires { { s.finish(u) } -> std::same_as<status>; }) {
    return s.finish(u);
  } else {
    s.close();
    return {};
  }
}

/// A push into any sink: its own, or what every sink can have.
template <class Sink, class U>
status push_into(Sink& out, U&& value, const until& u) {
  if constexpr (requires { { out.push(std::forward<U>(value), u) } -> std::same_as<status>; })
    return out.push(std::forward<U>(value), u);
  else return try_then_wait(out, want::push, u, [&] { return out.try_push(std::forward<U>(value)); });
}

/// push of a sink that may have accepted what it could not pass on: the patience that is left goes into that, so that
/// whoever pushes and then waits for an answer does not wait for a rest that nobody sends. The sink says by `owes()`
/// whether it may hold something.
template <class Derived>
class passing_verbs : public sink_verbs<Derived> {
  using verbs = sink_verbs<Derived>;

 public:
  template <class E = Derived, class U = typename E::value_type>
    requires requires(verbs& v, U&& value, until u) { v.push(std::forward<U>(value), u); }
  auto push(U&& value, until u = {}) {
    auto& d = static_cast<Derived&>(*this);
    auto pushed = verbs::push(std::forward<U>(value), now);  // one that is refused has not touched its argument
    if (u.immediate() || (settled(pushed) && (!pushed || !d.owes()))) return pushed;
    const until by = u.absolute();
    if (!settled(pushed)) pushed = verbs::push(std::forward<U>(value), by);
    if (pushed && d.owes()) (void)d.flush(by);
    return pushed;
  }
};

/// What sinks over one other sink share: they wait where that one waits, and end it.
template <class Derived, class Sink>
class over_sink : public passing_verbs<Derived> {
 public:
  using value_type = item_t<Sink>;
  static constexpr end_traits traits = stated_traits<Sink>();

  void arm(want k, wait_set& set) noexcept { sink_.arm(k, set); }
  void disarm(want k) noexcept { sink_.disarm(k); }
  void close() noexcept { sink_.close(); }
  /// Sends on what was accepted.
  status flush(until u = {}) { return flush_end(sink_, u); }
  /// The same, and then the end.
  status finish(until u = {}) { return finish_end(sink_, u); }
  [[nodiscard]] bool owes() const noexcept { return can_flush<Sink>; }
  [[nodiscard]] wait_strategy waits() const noexcept { return strategy_of(sink_); }

 protected:
  explicit over_sink(Sink s) noexcept : sink_(std::move(s)) {}

  Sink sink_;
};

}  // namespace sluice::detail

#endif
