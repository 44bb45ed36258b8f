// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_SCAN_HPP
#define SLUICE_FLOW_SCAN_HPP

#include <sluice/flow/adaptor.hpp>
#include <sluice/flow/function_box.hpp>
#include <sluice/flow/over_source.hpp>

namespace sluice {

/// What has come together so far, after each message.
template <source Source, class State, class F>
class scan_source : public detail::over_source<scan_source<Source, State, F>, Source> {
  using base = detail::over_source<scan_source, Source>;

 public:
  using value_type = State;
  static constexpr end_traits traits = detail::resized(base::traits, sizeof(State));

  scan_source(Source s, State first, F f) noexcept : base(std::move(s)), state_(std::move(first)), f_(std::move(f)) {}

  result<State> try_pop() {
    auto m = this->source_.try_pop();
    if (!m) return m.err();
    state_ = f_(std::move(state_), *std::move(m));
    return result<State>(std::in_place, std::as_const(state_));
  }

 private:
  State state_;
  [[no_unique_address]] detail::function_box<F> f_;
};

/// `source | scan(first, f)`: state = f(state, message), and the state, for each message.
template <std::copyable State, class F>
[[nodiscard]] auto scan(State first, F f) {
  return adaptor([first = std::move(first), f = std::move(f)]<source S>(S s) mutable
                   requires std::convertible_to<std::invoke_result_t<F&, State&&, item_t<S>&&>, State>
                 { return scan_source<S, State, F>(std::move(s), std::move(first), std::move(f)); });
}

}  // namespace sluice

#endif
