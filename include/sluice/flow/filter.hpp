// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_FILTER_HPP
#define SLUICE_FLOW_FILTER_HPP

#include <sluice/flow/adaptor.hpp>
#include <sluice/flow/function_box.hpp>
#include <sluice/flow/over_source.hpp>

namespace sluice {

/// The messages that a predicate wants; the others are consumed. Never sleeps with a message in its hand.
template <source Source, class P>
class filter_source : public detail::over_source<filter_source<Source, P>, Source> {
  using base = detail::over_source<filter_source, Source>;

 public:
  using value_type = item_t<Source>;

  filter_source(Source s, P p) noexcept : base(std::move(s)), wants_(std::move(p)) {}

  result<value_type> try_pop() {
    more_ = false;
    for (unsigned n = 0; n < detail::most_passed_over; ++n) {
      auto m = this->source_.try_pop();
      if (!m || wants_(std::as_const(*m))) return m;
    }
    more_ = true;
    return error(errc::pending, step::pop);
  }
  void arm(want k, wait_set& set) noexcept {
    base::arm(k, set);
    if (more_) set.ready();  // there may be one behind those that were passed over
  }

 private:
  [[no_unique_address]] detail::function_box<P> wants_;
  bool more_ = false;
};

/// `source | filter(p)`: the messages for which p(message) is true.
template <class P>
[[nodiscard]] auto filter(P p) {
  return adaptor([p = std::move(p)]<source S>(S s) mutable
                   requires std::predicate<P&, const item_t<S>&>
                 { return filter_source<S, P>(std::move(s), std::move(p)); });
}

}  // namespace sluice

#endif
