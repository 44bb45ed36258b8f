// SPDX-License-Identifier: MIT
#include <sluice/flow/end_ref.hpp>

#include "flow/rig.hpp"

using namespace flow_test;

TEST_CASE("a reference to an end is that end, and does not close it when it goes", "[end_ref]") {
  script<> from{1, 2};
  {
    sluice::end_ref ref(from);
    STATIC_REQUIRE(sluice::source<decltype(ref)>);
    STATIC_REQUIRE(!sluice::sink<decltype(ref)>);
    CHECK(*ref.pop() == 1);
    sluice::wait_set set;
    ref.arm(want::pop, set);
    ref.disarm(want::pop);
    CHECK(from.armed == 1);
    CHECK(from.disarmed == 1);
  }
  CHECK(!from.is_closed);
  CHECK(*from.pop() == 2);
  sluice::end_ref(from).close();
  CHECK(from.is_closed);

  basket<> to;
  sluice::end_ref sink(to);
  STATIC_REQUIRE(sluice::sink<decltype(sink)>);
  STATIC_REQUIRE(!sluice::source<decltype(sink)>);
  CHECK(sink.push(7));
  CHECK(to.items == ints{7});
}

TEST_CASE("a reference that was moved from has ended, and closes nothing", "[end_ref]") {
  script<> from{1};
  sluice::end_ref husk(from);
  auto ref = std::move(husk);
  CHECK(husk.try_pop().err() == errc::closed);
  husk.close();
  CHECK(!from.is_closed);
  CHECK(*ref.try_pop() == 1);
  basket<> to;
  sluice::end_ref empty(to);
  auto sink = std::move(empty);
  CHECK(empty.try_push(1).err() == errc::closed);
  CHECK(to.tries == 0);
  CHECK(sink.try_push(2));
  CHECK(to.items == ints{2});
}
