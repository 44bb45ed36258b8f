// SPDX-License-Identifier: MIT
#include <sluice/flow/topic.hpp>
#include <sluice/flow/filter.hpp>

#include "flow/rig.hpp"

#include <algorithm>

using namespace flow_test;

TEST_CASE("every subscriber gets what is published, and one that is too slow is told what it has missed", "[topic]") {
  sluice::topic<int> t(4);
  STATIC_REQUIRE(sluice::sink<sluice::topic<int>>);
  CHECK(t.push(0));  // nobody listens, and nobody waits
  auto quick = t.subscribe(), slow = t.subscribe();
  REQUIRE(quick);
  REQUIRE(slow);
  auto even = *t.subscribe() | sluice::filter([](int i) { return i % 2 == 0; });
  ints got;
  for (int i = 1; i <= 10; ++i) {
    CHECK(t.push(i));
    while (auto m = quick->try_pop()) got.push_back(*m);
  }
  got.erase(got.begin(), std::find(got.begin(), got.end(), 1));
  CHECK(got == ints{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const auto missed = slow->try_pop();
  CHECK(missed.err() == errc::lagged);
  CHECK(missed.err().detail >= 6);
  ints rest;
  t.close();
  for (auto& m : slow->each()) rest.push_back(m);
  CHECK(rest == ints{7, 8, 9, 10});
  CHECK(even.pop().err() == errc::lagged);
  CHECK(*even.pop() == 8);
  CHECK(*even.pop() == 10);
  CHECK(even.pop().err() == errc::closed);
}
