// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "racing_scenario.hpp"

// Every execution that C++ allows of a reader whose message is overwritten while it reads, and of a producer that dies.

namespace {

using model::racing_case;

constexpr bool full = SLUICE_TEST_TIER_FULL;

template <class Kind>
void prove(const racing_case& c, std::initializer_list<const char*> must_observe) {
  const auto r = model::explore_racing<Kind>(c);
  r.print();
  CHECK(r.proves(must_observe));
}

}  // namespace

TEST_CASE("a newest value is whole in every execution") {
  for (const std::size_t capacity : {1u, 3u})
    for (const bool joins : {false, true}) prove<sluice::latest>({.capacity = capacity, .waiting = 1, .messages = full ? 5u : 4u, .joins = joins}, {"missed some"});
}
TEST_CASE("a newest value survives the death of its producer in every execution") {
  prove<sluice::latest>({.capacity = 1, .waiting = 1, .messages = full ? 4u : 3u, .producer_dies = true},
                        {"killed before the commit of a push", "killed after the commit of a push"});
}
TEST_CASE("a lossy broadcast tells every gap in every execution") {
  for (const std::size_t capacity : {1u, 2u})
    for (const bool joins : {false, true}) {
      const auto n = static_cast<unsigned>(capacity);
      prove<sluice::lossy_broadcast>({.capacity = capacity, .waiting = n, .messages = n + (joins && !full ? 1 : 2), .joins = joins}, {"lagged"});
    }
}
TEST_CASE("a lossy broadcast survives the death of its producer in every execution") {
  prove<sluice::lossy_broadcast>({.capacity = 1, .waiting = 1, .messages = 2, .producer_dies = true},
                                 {"killed before the commit of a push", "killed after the commit of a push"});
  prove<sluice::lossy_broadcast>({.capacity = 2, .waiting = 2, .messages = full ? 4u : 3u, .producer_dies = true},
                                 {"killed before the commit of a push", "killed after the commit of a push"});
}
