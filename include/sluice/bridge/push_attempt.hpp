// SPDX-License-Identifier: MIT
#ifndef SLUICE_BRIDGE_PUSH_ATTEMPT_HPP
#define SLUICE_BRIDGE_PUSH_ATTEMPT_HPP

#include <sluice/flow/over_sink.hpp>

namespace sluice::detail {

/// A push that is tried again and again, for who waits otherwise than by blocking. A stream may accept a message and send
/// a part of it: the patience that is left goes into the rest, as with the push that blocks.
template <class Sink, class Value>
class push_attempt {
 public:
  /// Value is a reference to what is pushed, or what is kept of it.
  push_attempt(Sink& into, Value&& value) : into_(&into), value_(static_cast<Value&&>(value)) {}

  status operator()() {
    if (!accepted_) {
      if (const status s = into_->try_push(static_cast<Value&&>(value_)); !s) return s;
      accepted_ = true;
    }
    if constexpr (can_flush<Sink>) {
      if (const status s = into_->flush(now); !s && s.err().again()) return error(errc::full, step::push);
    }
    return {};
  }
  /// It has been accepted, and will not be pushed again, whatever becomes of the rest.
  [[nodiscard]] bool accepted() const noexcept { return accepted_; }

 private:
  Sink* into_;
  Value value_;
  bool accepted_ = false;
};

/// What an attempt comes to that is given up: `why`, unless it was a push that had been accepted.
template <class Attempt, class Outcome>
Outcome given_up(const Attempt& attempt, Outcome why) {
  if constexpr (requires { attempt.accepted(); }) {
    if (attempt.accepted()) return {};
  }
  return why;
}

}  // namespace sluice::detail

#endif
