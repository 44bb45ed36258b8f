// SPDX-License-Identifier: MIT
#include <sluice/flow/any_sink.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/flow/tee.hpp>

#include "flow/rig.hpp"

using namespace flow_test;

TEST_CASE("any sink is as the end inside, which is settled at run time", "[any_sink]") {
  STATIC_REQUIRE(sluice::sink<sluice::any_sink<int>>);
  auto [tx, rx] = sluice::channel<int>(2);
  sluice::any_sink<int> out = std::move(tx);
  CHECK(out.push(1));
  const int more[] = {2, 3};
  CHECK(*out.push(more) == 1);
  CHECK(out.push(4, 1ms).err() == errc::timeout);
  CHECK(*rx.pop() == 1);
  CHECK(out.finish());
  CHECK(*rx.pop() == 2);
  CHECK(rx.pop().err() == errc::closed);
  CHECK(out.push(5).err() == errc::closed);
}

TEST_CASE("any sink flushes what the end inside owes, and refuses without a touch", "[any_sink]") {
  basket<> fast, slow(0);
  sluice::any_sink<int> both(sluice::tee(fast, slow));
  CHECK(both.push(1, 2ms));
  CHECK(both.owes());
  slow.room = 1;
  CHECK(both.flush(1s));
  CHECK(slow.items == ints{1});
  basket<std::unique_ptr<int>> full(0);
  sluice::any_sink<std::unique_ptr<int>> any(full);
  auto m = std::make_unique<int>(1);
  CHECK(any.push(std::move(m), 1ms).err() == errc::timeout);
  CHECK(m);
}
