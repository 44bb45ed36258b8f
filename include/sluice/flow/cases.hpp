// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_CASES_HPP
#define SLUICE_FLOW_CASES_HPP

#include <sluice/core/unmet.hpp>
#include <sluice/wait/wait_for.hpp>

// What a select or a poller waits for: an end, a stop or a time, each with the handler that is called then.
//
//   on(source, f)         f(message), for each message
//   on(source, f, g)      and g(error) when the source says anything else
//   when_room(sink, f)    f(sink) tries to push, and returns what that returned
//   on(stop, f)           f(), once
//   after(d, f)           f(), every d
//
// A case is looked at in two steps, so that a handler runs while nobody is armed, and may do what it likes to any end:
//
//   find()     tries; true if that came to an end, good or bad. What it took is kept for
//   deliver()  which gives it to the handler, and returns the error if it was one
//
// Between the two there is nothing that can fail, and no wait: what find() has taken is always handed on.

namespace sluice {

namespace detail {

template <class C>
concept flow_case = waitable<C> && requires(C& c, const C& k) {
  { c.find() } -> std::same_as<bool>;
  { c.deliver() } -> std::same_as<error>;
  { k.over() } noexcept -> std::same_as<bool>;
  { c.resume() } noexcept;
  { C::polled } -> std::convertible_to<bool>;     // as for an end, see wait_for()
  { C::is_an_end } -> std::convertible_to<bool>;  // whoever waits for such cases gives up when all of them are over
};

/// Calls a handler with what there is to say, or, if it takes nothing, without.
template <class F, class... Args>
void tell(F& f, Args&&... args) {
  if constexpr (std::invocable<F&, Args&&...>) (void)f(std::forward<Args>(args)...);
  else (void)f();
}
struct tell_nobody {
  void operator()(error) const noexcept {}
};

/// Is it of no use to try again after this error? A reader that was overtaken goes on.
inline bool final_error(error e) noexcept { return e && !e.again() && !(e == errc::lagged); }

/// What cases over an end have in common.
template <class End>
class end_case {
 public:
  static constexpr bool polled = detail::polled<End>;
  static constexpr bool is_an_end = true;

  [[nodiscard]] bool over() const noexcept { return over_; }
  void resume() noexcept { over_ = false; }
  [[nodiscard]] wait_strategy waits() const noexcept { return strategy_of(*end_); }

 protected:
  explicit end_case(End& e) noexcept : end_(&e) {}

  End* end_;
  bool over_ = false;
};

template <class End>
auto take_from(End& from) {
  if constexpr (source<End>) return from.try_pop();
  else return from.try_borrow();
}

template <class End, class F, class G>
class source_case : public end_case<End> {
  using taken = decltype(take_from(std::declval<End&>()));
  using message = decltype(*std::declval<std::conditional_t<source<End>, taken, taken&>>());
  static_assert(std::invocable<F&, message> || std::invocable<F&>, "the handler must take the message, or nothing");
  static_assert(std::invocable<G&, error> || std::invocable<G&>, "the second handler must take an error, or nothing");

 public:
  source_case(End& e, F f, G g) : end_case<End>(e), handler_(std::move(f)), on_error_(std::move(g)) {}

  /// Only before it is looked at: nothing is found yet.
  source_case(source_case&& o) noexcept(std::is_nothrow_move_constructible_v<F> &&
                                        std::is_nothrow_move_constructible_v<G>)
      : end_case<End>(o), handler_(std::move(o.handler_)), on_error_(std::move(o.on_error_)) {}

  bool find() {
    found_ = take_from(*this->end_);
    return settled(found_);
  }
  /// Is there no message, as far as a look tells that is cheaper than a try?
  [[nodiscard]] SLUICE_INLINE() bool looks_empty() noexcept
    requires requires(End& e) { e.looks_empty(); }
  {
    return this->end_->looks_empty();
  }
  error deliver() {
    const error why = found_.err();
    if (why) {
      this->over_ = final_error(why);
      tell(on_error_, why);
    } else if constexpr (source<End>) {
      tell(handler_, *std::move(found_));
    } else {
      auto loan = std::move(found_);  // consumed when the handler has had it
      tell(handler_, *loan);
    }
    return why;
  }
  void arm(want, wait_set& set) noexcept { this->end_->arm(want::pop, set); }
  void disarm(want) noexcept { this->end_->disarm(want::pop); }

 private:
  F handler_;
  G on_error_;
  taken found_{error(errc::empty, step::pop)};
};

template <class End, class F, class G>
class room_case : public end_case<End> {
  static_assert(outcome<std::invoke_result_t<F&, End&>>, "return what try_push returned");

 public:
  room_case(End& e, F f, G g) : end_case<End>(e), handler_(std::move(f)), on_error_(std::move(g)) {}

  bool find() {
    why_ = handler_(*this->end_).err();
    return !why_.again();
  }
  error deliver() {
    this->over_ = final_error(why_);
    if (why_) tell(on_error_, why_);
    return why_;
  }
  void arm(want, wait_set& set) noexcept {
    armed_ = !(why_ == errc::empty);  // nothing to send: room would be no news
    if (armed_) this->end_->arm(want::push, set);
  }
  void disarm(want) noexcept {
    if (armed_) this->end_->disarm(want::push);
  }

 private:
  F handler_;
  G on_error_;
  error why_ = error(errc::full, step::push);
  bool armed_ = false;
};

template <class F>
class stop_case {
 public:
  static constexpr bool polled = false;
  static constexpr bool is_an_end = false;

  stop_case(stop& s, F f) : stop_(&s), handler_(std::move(f)) {}

  bool find() const noexcept { return stop_->requested(); }
  error deliver() {
    over_ = true;
    handler_();
    return {};
  }
  void arm(want k, wait_set& set) noexcept { stop_->arm(k, set); }
  void disarm(want k) noexcept { stop_->disarm(k); }
  [[nodiscard]] bool over() const noexcept { return over_; }
  void resume() noexcept { over_ = false; }

 private:
  stop* stop_;
  F handler_;
  bool over_ = false;
};

template <class F>
class time_case {
 public:
  static constexpr bool polled = false;
  static constexpr bool is_an_end = false;

  time_case(std::int64_t period, F f) : period_(period), handler_(std::move(f)) {}

  bool find() noexcept {
    const std::int64_t t = monotonic_ns();
    if (due_ == never) due_ = later(t);
    return t >= due_;
  }
  error deliver() {
    // No drift; but what was missed is not made up for.
    due_ = later(due_);
    if (const std::int64_t t = monotonic_ns(); due_ <= t) due_ = later(t);
    handler_();
    return {};
  }
  void arm(want, wait_set& set) noexcept {
    const std::int64_t left = due_ - monotonic_ns();
    set.within(left > 0 ? left : 0);
  }
  void disarm(want) noexcept {}
  [[nodiscard]] bool over() const noexcept { return false; }
  void resume() noexcept {}

 private:
  [[nodiscard]] std::int64_t later(std::int64_t t) const noexcept {
    return period_ > never - 1 - t ? never - 1 : t + period_;
  }

  std::int64_t period_;
  std::int64_t due_ = never;  // until the first look
  F handler_;
};

template <class E>
concept gives_messages = source<E> || requires(E& e) {
  { e.try_borrow() } -> outcome;
  requires waitable<E>;
};

}  // namespace detail

/// Calls `f(message)` for each message of the source, which may be one that only lends; then the loan is consumed when
/// `f` returns. Anything else that the source says goes to `g(error)`: after `lagged` it goes on, any other error ends
/// the case.
template <detail::gives_messages End, class F, class G = detail::tell_nobody>
[[nodiscard]] auto on(End& from, F f, G g = {}) {
  return detail::source_case<End, F, G>(from, std::move(f), std::move(g));
}

// The same for what is no source.
template <class End, class F, class G = detail::tell_nobody>
  requires(!detail::gives_messages<End> && !std::same_as<End, stop>)
auto on(End&, F, G = {}) {
  return detail::unmet_source<End>();
}

/// Calls `f(sink)` when there may be room. It tries to push, and returns what that returned: if that was `full`,
/// nothing has happened. If it returns `empty`, there is nothing to send, and the sink is not waited for: a select asks
/// again in its next wait, a poller when it is told to look_again(). Errors are those of on().
template <waitable End, class F, class G = detail::tell_nobody>
[[nodiscard]] auto when_room(End& into, F f, G g = {}) {
  return detail::room_case<End, F, G>(into, std::move(f), std::move(g));
}

/// Calls `f()` once, when the stop is requested.
template <std::invocable F>
[[nodiscard]] auto on(stop& s, F f) {
  return detail::stop_case<F>(s, std::move(f));
}

/// Calls `f()` every `d`, for the first time `d` after the first wait.
template <class Rep, class Period, std::invocable F>
[[nodiscard]] auto after(std::chrono::duration<Rep, Period> d, F f) {
  return detail::time_case<F>(until(std::chrono::steady_clock::time_point() + d).deadline(), std::move(f));
}

}  // namespace sluice

#endif
