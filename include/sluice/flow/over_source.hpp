// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_OVER_SOURCE_HPP
#define SLUICE_FLOW_OVER_SOURCE_HPP

#include <sluice/flow/joined_traits.hpp>
#include <sluice/wait/verbs.hpp>

#include <utility>

namespace sluice::detail {

/// How many messages a try may take that it does not hand out, before it says `pending`: a try does not block, and a
/// wait looks at its deadline now and then.
inline constexpr unsigned most_passed_over = 64;

/// What sources over one other source share: they wait where that one waits, and end with it.
template <class Derived, source Source>
class over_source : public source_verbs<Derived> {
 public:
  static constexpr end_traits traits = stated_traits<Source>();

  void arm(want k, wait_set& set) noexcept { source_.arm(k, set); }
  void disarm(want k) noexcept { source_.disarm(k); }
  void close() noexcept { source_.close(); }
  [[nodiscard]] wait_strategy waits() const noexcept { return strategy_of(source_); }

 protected:
  explicit over_source(Source s) noexcept : source_(std::move(s)) {}

  Source source_;
};

}  // namespace sluice::detail

#endif
