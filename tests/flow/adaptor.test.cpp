// SPDX-License-Identifier: MIT
#include <sluice/flow/filter.hpp>
#include <sluice/flow/map.hpp>
#include <sluice/flow/take.hpp>

#include "flow/rig.hpp"

using namespace flow_test;

TEST_CASE("an adaptor keeps an end that is given to it, and refers to one that is only named", "[adaptor]") {
  script<> from{1, 2, 3};
  {
    auto named = from | sluice::take(1);
    CHECK(*named.pop() == 1);
    CHECK(named.pop().err() == errc::closed);
  }
  CHECK(*from.pop() == 2);
  auto kept = std::move(from) | sluice::take(9);
  STATIC_REQUIRE(std::is_same_v<decltype(kept), sluice::take_source<script<>>>);
  CHECK(*kept.pop() == 3);
}

TEST_CASE("adaptors are put together before there is an end", "[adaptor]") {
  int factor = 10;
  auto tens = sluice::filter([](int i) { return i % 2 == 0; }) | sluice::map([factor](int i) { return i * factor; }) | sluice::take(2);
  script<> first{1, 2, 3, 4, 5, 6}, second{8, 10};
  auto a = first | tens;
  auto b = second | tens;
  CHECK(all_of(a) == ints{20, 40});
  CHECK(all_of(b) == ints{80, 100});
  CHECK(*first.try_pop() == 5);
}

TEST_CASE("an adapted end can be assigned, whatever its functions capture", "[adaptor]") {
  script<> first{1}, second{1};
  const auto plus = [](int n) { return sluice::map([n](int i) { return i + n; }); };
  auto a = first | plus(10);
  auto b = second | plus(20);
  a = std::move(b);
  CHECK(*a.try_pop() == 21);
  CHECK(b.try_pop().err() == errc::closed);
  CHECK(*first.try_pop() == 1);
}

TEST_CASE("a loop over an adapted end keeps it for as long as it goes on", "[adaptor]") {
  script<> from{1, 2, 3, 4};
  ints got;
  for (auto& m : (from | sluice::map([n = std::make_unique<int>(10)](int i) { return i * *n; }) | sluice::take(3)).each()) got.push_back(m);
  CHECK(got == ints{10, 20, 30});
  auto rest = (std::move(from) | sluice::take(9)).each();
  got.clear();
  for (auto& m : rest) got.push_back(m);
  CHECK(got == ints{4});
  CHECK(rest.why == errc::closed);
}
