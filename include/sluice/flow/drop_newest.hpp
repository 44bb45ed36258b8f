// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_DROP_NEWEST_HPP
#define SLUICE_FLOW_DROP_NEWEST_HPP

#include <sluice/flow/adaptor.hpp>
#include <sluice/flow/over_sink.hpp>

namespace sluice {

/// A sink that is never full: a message for which there is no room is lost, and counted.
template <class Sink>
class drop_newest_sink : public detail::over_sink<drop_newest_sink<Sink>, Sink> {
  using base = detail::over_sink<drop_newest_sink, Sink>;

 public:
  using typename base::value_type;
  static constexpr end_traits traits = detail::unreliable(base::traits);

  explicit drop_newest_sink(Sink s) noexcept : base(std::move(s)) {}

  template <class U = value_type>
    requires std::convertible_to<U&&, value_type>
  status try_push(U&& value) {
    const status s = this->sink_.try_push(std::forward<U>(value));
    if (s || !s.err().again()) return s;
    ++dropped_;
    return {};
  }
  void arm(want, wait_set& set) noexcept { set.ready(); }
  void disarm(want) noexcept {}
  /// How many messages were lost.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  std::uint64_t dropped_ = 0;
};

/// `sink | drop_newest()`: who has no room loses what comes.
[[nodiscard]] inline auto drop_newest() {
  return adaptor([]<class S>(S s) requires sink<S> { return drop_newest_sink<S>(std::move(s)); });
}

}  // namespace sluice

#endif
