// SPDX-License-Identifier: MIT
#include <sluice/bridge/throwing.hpp>

#ifdef __cpp_exceptions
#include <sluice/channel/channel.hpp>

#include "catch.hpp"

#include <memory>

using namespace std::chrono_literals;
using sluice::errc;

TEST_CASE("a throwing end throws what the verb would return, and changes nothing", "[throwing]") {
  auto [tx, rx] = sluice::channel<std::unique_ptr<int>>(1);
  auto out = sluice::throwing(tx);
  auto in = sluice::throwing(std::move(rx));
  CHECK(!in.try_pop());
  out.push(std::make_unique<int>(1));
  auto second = std::make_unique<int>(2);
  CHECK(!out.try_push(std::move(second)));
  REQUIRE(second);
  try {
    out.push(std::move(second), 1ms);
    FAIL("it was full");
  } catch (const std::system_error& e) {
    CHECK(e.code() == std::errc::timed_out);
    CHECK(std::string(e.what()).find("time is up") != std::string::npos);
  }
  REQUIRE(second);
  CHECK(**in.pop() == 1);
  try {
    (void)in.pop(1ms);
    FAIL("it was empty");
  } catch (const sluice::failure& e) {
    CHECK(e.why == errc::timeout);
  }
}

TEST_CASE("the end of a stream is no message and no failure, but nobody to read is one", "[throwing]") {
  auto [tx, rx] = sluice::channel<int>(4);
  auto out = sluice::throwing(tx);
  auto in = sluice::throwing(rx);
  out.push(1);
  out.push(2);
  out.close();
  int sum = 0;
  while (const auto m = in.pop()) sum += *m;
  CHECK(sum == 3);
  CHECK(!in.try_pop());
  CHECK_THROWS_AS(out.push(3), sluice::failure);
  CHECK_THROWS_AS((void)out.try_push(3), sluice::failure);
}

TEST_CASE("any result can be asked for its value", "[throwing]") {
  auto [tx, rx] = sluice::channel<int>(1);
  sluice::value_of(tx.push(5));
  CHECK(sluice::value_of(rx.pop()) == 5);
  CHECK_THROWS_AS(sluice::value_of(rx.try_pop()), std::system_error);
}
#endif
