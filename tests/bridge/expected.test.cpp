// SPDX-License-Identifier: MIT
#include <sluice/bridge/expected.hpp>

#ifdef __cpp_lib_expected
#include <sluice/channel/channel.hpp>

#include "catch.hpp"

#include <memory>

using sluice::errc;

TEST_CASE("results become expected values, and these results again", "[expected]") {
  auto [tx, rx] = sluice::channel<std::unique_ptr<int>>(1);
  const std::expected<void, sluice::error> pushed = sluice::to_expected(tx.push(std::make_unique<int>(3)));
  CHECK(pushed);
  auto popped = sluice::to_expected(rx.pop());
  REQUIRE(popped);
  CHECK(**popped == 3);
  CHECK(sluice::to_expected(rx.try_pop()).error() == errc::empty);
  CHECK(**sluice::from_expected(std::move(popped)) == 3);
  CHECK(sluice::from_expected(std::expected<int, sluice::error>(std::unexpected(errc::closed))).err() == errc::closed);
  CHECK(sluice::from_expected(pushed));
}
#endif
