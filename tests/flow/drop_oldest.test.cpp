// SPDX-License-Identifier: MIT
#include <sluice/flow/drop_oldest.hpp>

#include "flow/rig.hpp"

using namespace flow_test;

TEST_CASE("drop_oldest keeps the newest messages, in order, and counts the others", "[drop_oldest]") {
  basket<> to(1);
  auto out = to | sluice::drop_oldest<2>();
  for (int i = 1; i <= 6; ++i) CHECK(out.push(i));
  CHECK(to.items == ints{1});
  CHECK(out.dropped() == 3);
  to.room = 9;
  CHECK(out.push(7));
  CHECK(to.items == ints{1, 5, 6, 7});
  CHECK(out.dropped() == 3);
}

TEST_CASE("a sink with latest keeps the newest message", "[drop_oldest]") {
  basket<> to(1);
  auto out = to | sluice::latest();
  for (int i = 1; i <= 6; ++i) CHECK(out.push(i));
  to.room = 9;
  CHECK(out.flush(1s));
  CHECK(to.items == ints{1, 6});
  CHECK(out.dropped() == 4);
}

TEST_CASE("flush waits for what waits, finish ends it, close does what is possible at once", "[drop_oldest]") {
  basket<> to(0);
  auto out = to | sluice::drop_oldest<4>();
  CHECK(out.push(1));
  CHECK(out.flush(2ms).err() == errc::timeout);
  CHECK(to.armed > 0);
  CHECK(to.armed == to.disarmed);
  CHECK(out.finish(2ms).err() == errc::timeout);
  CHECK(!to.is_closed);
  to.room = 1;
  out.close();
  CHECK(to.items == ints{1});
  CHECK(out.push(2).err() == errc::closed);
}

TEST_CASE("what waits in a drop_oldest goes along when it is moved, and out when it goes", "[drop_oldest]") {
  const auto alive = std::make_shared<int>(0);
  basket<std::shared_ptr<int>> to(0);
  {
    auto first = to | sluice::drop_oldest<3>();
    for (int i = 0; i < 5; ++i) CHECK(first.push(alive));
    auto second = std::move(first);
    CHECK(alive.use_count() == 4);
    CHECK(first.push(alive).err() == errc::closed);
    to.room = 2;
  }
  CHECK(to.items.size() == 2);
  CHECK(alive.use_count() == 3);
}
