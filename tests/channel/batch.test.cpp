// SPDX-License-Identifier: MIT
#include <sluice/channel/channel.hpp>

#include "catch.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::errc;
using sluice::now;

// May be moved, but not copied, although its bytes may.
struct token {
  int number = 0;
  token() = default;
  explicit token(int n) : number(n) {}
  token(token&&) = default;
  token& operator=(token&&) = default;
};
static_assert(std::is_trivially_copyable_v<token> && !std::is_copy_constructible_v<token>);

}  // namespace

TEST_CASE("a batch is any contiguous range of messages") {
  auto [tx, rx] = channel<int>(64);
  const int raw[] = {1, 2};
  const std::array<int, 3> fixed = {3, 4, 5};
  std::vector<int> grown = {6, 7, 8, 9};
  CHECK(tx.push(raw).value_or(0u) == 2);
  CHECK(tx.push(fixed, now).value_or(0u) == 3);
  CHECK(tx.push(grown, 1s).value_or(0u) == 4);
  CHECK(tx.push(std::span(fixed)).value_or(0u) == 3);
  CHECK(tx.push(std::span(grown).first<2>()).value_or(0u) == 2);
  CHECK(tx.try_push(grown).value_or(0u) == 4);

  int two[2];
  std::array<int, 3> three;
  std::vector<int> many(32);
  CHECK(rx.pop(two).value_or(0u) == 2);
  CHECK(two[1] == 2);
  CHECK(rx.pop(three, 1s).value_or(0u) == 3);
  CHECK(three[2] == 5);
  CHECK(rx.pop(std::span(many).first<4>(), now).value_or(0u) == 4);
  CHECK(many[3] == 9);
  CHECK(rx.pop(many).value_or(0u) == 9);
  CHECK(many[8] == 9);
  CHECK(rx.pop(many, 1ms).err() == errc::timeout);
}

TEST_CASE("messages that own something go in batches too") {
  auto [tx, rx] = channel<std::string>(3);
  const std::string long_one(100, 'x');
  const std::string some[] = {"a", long_one, "c", "d"};
  CHECK(tx.push(some).value_or(0u) == 3);
  CHECK(tx.push(some, now).err() == errc::full);
  std::vector<std::string> got(2);
  CHECK(rx.pop(got).value_or(0u) == 2);
  CHECK(got[1] == long_one);
  CHECK(rx.pop(got, 1s).value_or(0u) == 1);
  CHECK(got[0] == "c");
  tx.close();
  CHECK(rx.pop(got, 1s).err() == errc::closed);
}

TEST_CASE("messages that cannot be copied come out in batches") {
  auto [tx, rx] = channel<std::unique_ptr<int>>(4);
  for (int i = 0; i < 3; ++i) REQUIRE(tx.push(std::make_unique<int>(i)));
  std::unique_ptr<int> got[4];
  REQUIRE(rx.pop(got).value_or(0u) == 3);
  CHECK(*got[2] == 2);
}

TEST_CASE("bytes that may move but not be copied are moved") {
  auto [tx, rx] = channel<token>(4);
  REQUIRE(tx.push(token(1)));
  token two(2);
  REQUIRE(tx.push(std::move(two), 1s));
  CHECK(rx.pop()->number == 1);
  token got[2];
  REQUIRE(rx.pop(got).value_or(0u) == 1);
  CHECK(got[0].number == 2);
}
