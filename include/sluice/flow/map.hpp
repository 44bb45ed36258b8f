// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_MAP_HPP
#define SLUICE_FLOW_MAP_HPP

#include <sluice/flow/adaptor.hpp>
#include <sluice/flow/function_box.hpp>
#include <sluice/flow/over_source.hpp>

namespace sluice {

/// What a function makes of each message.
template <source Source, class F>
class map_source : public detail::over_source<map_source<Source, F>, Source> {
  using base = detail::over_source<map_source, Source>;

 public:
  using value_type = std::remove_cvref_t<std::invoke_result_t<F&, item_t<Source>&&>>;
  static constexpr end_traits traits = detail::resized(base::traits, sizeof(value_type));

  map_source(Source s, F f) noexcept : base(std::move(s)), f_(std::move(f)) {}

  result<value_type> try_pop() {
    auto m = this->source_.try_pop();
    if (!m) return m.err();
    return result<value_type>(std::in_place, f_(*std::move(m)));
  }

 private:
  [[no_unique_address]] detail::function_box<F> f_;
};

/// `source | map(f)`: f(message) for each message.
template <class F>
[[nodiscard]] auto map(F f) {
  return adaptor([f = std::move(f)]<source S>(S s) mutable
                   requires std::invocable<F&, item_t<S>&&>
                 { return map_source<S, F>(std::move(s), std::move(f)); });
}

}  // namespace sluice

#endif
