// SPDX-License-Identifier: MIT
#include <sluice/core/end_traits.hpp>

#include "catch.hpp"

namespace {

struct lossy_end {
  static constexpr sluice::end_traits traits{.reliable = false, .max_size = 508};
};
struct mute_end {};

template <class E>
concept states_traits = requires { sluice::traits_of<E>; };

}  // namespace

TEST_CASE("an end states what it differs in and promises the rest", "[end_traits]") {
  constexpr auto t = sluice::traits_of<lossy_end>;
  STATIC_REQUIRE(!t.reliable);
  STATIC_REQUIRE(t.max_size == 508);
  STATIC_REQUIRE(t.ordered);
  STATIC_REQUIRE(t.boundaries);
  STATIC_REQUIRE(t.carries_close);
  STATIC_REQUIRE(!t.detects_death);
  STATIC_REQUIRE(!t.outlives_process);
  STATIC_REQUIRE(t.survives_fork);
  STATIC_REQUIRE(t.spans == sluice::reach::process);
}

TEST_CASE("the traits of a reference are those of the end", "[end_traits]") {
  STATIC_REQUIRE(!sluice::traits_of<lossy_end&>.reliable);
  STATIC_REQUIRE(!sluice::traits_of<const lossy_end&>.reliable);
  STATIC_REQUIRE(states_traits<lossy_end&&>);
  STATIC_REQUIRE(!states_traits<mute_end>);
}
