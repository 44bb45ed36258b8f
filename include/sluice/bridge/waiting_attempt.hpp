// SPDX-License-Identifier: MIT
#ifndef SLUICE_BRIDGE_WAITING_ATTEMPT_HPP
#define SLUICE_BRIDGE_WAITING_ATTEMPT_HPP

#include <sluice/bridge/push_attempt.hpp>
#include <sluice/flow/poller.hpp>

#include <exception>

namespace sluice::detail {

/// One attempt at an end, until it settles or patience ends, as a case of a poller that is kept in whatever waits for it.
/// What it has taken is delivered in the same step: while it waits, nothing has been taken, so that it may be destroyed.
template <class End, class Attempt>
class waiting_attempt : public poll_entry {
 public:
  waiting_attempt(const waiting_attempt&) = delete;
  waiting_attempt& operator=(const waiting_attempt&) = delete;

 protected:
  using outcome = std::invoke_result_t<Attempt&>;

  waiting_attempt(poller& in, End& end, want k, until u, Attempt a, stop* also = nullptr)
      : poll_entry(detail::polled<End>, true, true), in_(&in), end_(&end), also_(also), patience_(u), want_(k),
        attempt_(std::move(a)) {}
  ~waiting_attempt() override { leave(); }

  /// False if there was no room for it; then that is the outcome.
  bool enter() {
    patience_ = patience_.absolute();
    const status s = in_->enter(*this);
    entered_ = static_cast<bool>(s);
    if (!entered_) outcome_ = s.err();
    return entered_;
  }
  void leave() noexcept {
    if (std::exchange(entered_, false) && !gone) in_->leave(*this);
  }
  /// Patience must be absolute.
  bool find() override {
    if (stopped(patience_.interrupter()) || stopped(also_)) return give_up(error(errc::stopped, step::wait)), true;
    const bool late = patience_.deadline() != never && monotonic_ns() >= patience_.deadline();
#ifdef __cpp_exceptions
    try {
      outcome_ = attempt_();
    } catch (...) {
      return thrown_ = std::current_exception(), true;
    }
#else
    outcome_ = attempt_();
#endif
    if (!settled(outcome_) && late) give_up(error(errc::timeout, step::wait));
    return late || settled(outcome_);
  }
  void give_up(error why) { outcome_ = given_up(attempt_, outcome(why)); }
  /// What came of it, once; throws what the attempt has thrown.
  outcome take() {
#ifdef __cpp_exceptions
    if (thrown_) std::rethrow_exception(thrown_);
#endif
    return std::move(outcome_);
  }

  poller* in_;
  End* end_;
  stop* also_;  // one more that ends it
  until patience_;
  want want_;
  [[no_unique_address]] Attempt attempt_;
  outcome outcome_ = not_tried<outcome>();

 private:
  static bool stopped(const stop* s) noexcept { return s != nullptr && s->requested(); }

  void arm(wait_set& set) noexcept override {
    end_->arm(want_, set);
    for (stop* const s : {patience_.interrupter(), also_})
      if (s != nullptr) s->arm(want::pop, set);
    if (patience_.deadline() == never) return;
    const std::int64_t left = patience_.deadline() - monotonic_ns();
    set.within(left > 0 ? left : 0);
  }
  void disarm() noexcept override {
    for (stop* const s : {patience_.interrupter(), also_})
      if (s != nullptr) s->disarm(want::pop);
    end_->disarm(want_);
  }
  [[nodiscard]] bool over() const noexcept override { return true; }

  bool entered_ = false;
  std::exception_ptr thrown_;
};

}  // namespace sluice::detail

#endif
