// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_TAKE_HPP
#define SLUICE_FLOW_TAKE_HPP

#include <sluice/flow/adaptor.hpp>
#include <sluice/flow/over_source.hpp>

#include <cstdint>

namespace sluice {

/// The first messages of a source, then `closed`. Takes not one more, and leaves the source open.
template <source Source>
class take_source : public detail::over_source<take_source<Source>, Source> {
  using base = detail::over_source<take_source, Source>;

 public:
  using value_type = item_t<Source>;

  take_source(Source s, std::uint64_t n) noexcept : base(std::move(s)), left_(n) {}

  result<value_type> try_pop() {
    if (left_ == 0) return error(errc::closed, step::pop);
    auto m = this->source_.try_pop();
    if (m) --left_;
    return m;
  }
  void arm(want k, wait_set& set) noexcept {
    base::arm(k, set);
    if (left_ == 0) set.ready();
  }

 private:
  std::uint64_t left_;
};

/// `source | take(n)`: its first n messages.
[[nodiscard]] inline auto take(std::uint64_t n) {
  return adaptor([n]<source S>(S s) { return take_source<S>(std::move(s), n); });
}

}  // namespace sluice

#endif
