// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_NEWEST_HPP
#define SLUICE_FLOW_NEWEST_HPP

#include <sluice/channel/broadcast.hpp>
#include <sluice/flow/adaptor.hpp>
#include <sluice/flow/over_source.hpp>

namespace sluice {

/// The newest message that is there; those before it are lost, and counted. An error behind it is told after it.
template <source Source>
class newest_source : public detail::over_source<newest_source<Source>, Source> {
  using base = detail::over_source<newest_source, Source>;

 public:
  using value_type = item_t<Source>;
  static constexpr end_traits traits = detail::unreliable(base::traits);

  explicit newest_source(Source s) noexcept : base(std::move(s)) {}

  result<value_type> try_pop() {
    if (why_) return std::exchange(why_, error());
    auto newest = this->source_.try_pop();
    if (!newest) return newest;
    // No longer than it takes to read any ring: one that is written as fast as it is read has no newest message.
    for (unsigned n = 0; n < most_at_once; ++n) {
      auto next = this->source_.try_pop();
      if (!next) {
        if (!next.err().again()) why_ = next.err();
        break;
      }
      newest = std::move(next);
      ++dropped_;
    }
    return newest;
  }
  void arm(want k, wait_set& set) noexcept {
    base::arm(k, set);
    if (why_) set.ready();
  }
  /// How many messages were lost.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  static constexpr unsigned most_at_once = 1u << 20;

  std::uint64_t dropped_ = 0;
  error why_;
};

/// `source | latest()`: the newest message of a source, whatever came before it.
template <class Source>
  requires(source<Source>)
[[nodiscard]] auto operator|(Source&& s, latest) {
  return newest_source<held_t<Source>>(held_t<Source>(std::forward<Source>(s)));
}

}  // namespace sluice

#endif
