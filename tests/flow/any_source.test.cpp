// SPDX-License-Identifier: MIT
#include <sluice/flow/any_source.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/flow/map.hpp>

#include "flow/rig.hpp"

using namespace flow_test;

TEST_CASE("any source is as the end inside, which is settled at run time", "[any_source]") {
  STATIC_REQUIRE(sluice::source<sluice::any_source<int>>);
  STATIC_REQUIRE(!sluice::traits_of<sluice::any_source<int>>.reliable);
  auto [tx, rx] = sluice::channel<int>(8);
  script<> other{10, 20};
  std::vector<sluice::any_source<int>> all;
  all.push_back(std::move(rx));
  all.emplace_back(std::move(other) | sluice::map([](int i) { return i + 1; }));
  CHECK(tx.push(1));
  CHECK(*all[0].pop() == 1);
  CHECK(*all[1].pop() == 11);
  CHECK(all[0].promises().reliable);
  CHECK(all[0].pop(1ms).err() == errc::timeout);
  tx.close();
  CHECK(all[0].pop().err() == errc::closed);
  int two[2] = {};
  CHECK(*all[1].pop(two) == 1);
  CHECK(two[0] == 21);
}

TEST_CASE("any source of an end that is only named does not close it", "[any_source]") {
  script<> from{1, 2};
  {
    sluice::any_source<int> any(from);
    auto moved = std::move(any);
    CHECK(any.try_pop().err() == errc::closed);
    CHECK(*moved.try_pop() == 1);
  }
  CHECK(!from.is_closed);
  STATIC_REQUIRE(!std::is_convertible_v<script<>&, sluice::any_source<int>>);
  sluice::any_source<int>(from).close();
  CHECK(from.is_closed);
}
