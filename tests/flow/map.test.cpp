// SPDX-License-Identifier: MIT
#include <sluice/flow/map.hpp>

#include "flow/rig.hpp"

#include <string>

using namespace flow_test;

TEST_CASE("map gives what the function makes of each message, and passes on what is no message", "[map]") {
  script<> from{1, error(errc::lagged, sluice::step::pop, 5), 2};
  auto texts = from | sluice::map([n = 0](int i) mutable { return std::to_string(i) + "/" + std::to_string(++n); });
  STATIC_REQUIRE(std::is_same_v<sluice::item_t<decltype(texts)>, std::string>);
  STATIC_REQUIRE(sluice::source<decltype(texts)>);
  CHECK(*texts.pop() == "1/1");
  CHECK(texts.pop().err() == error(errc::lagged, sluice::step::pop, 5));
  CHECK(*texts.pop() == "2/2");
  CHECK(texts.pop().err() == errc::closed);
}

TEST_CASE("map passes messages that can only be moved", "[map]") {
  script<std::unique_ptr<int>> from;
  from.answers.push_back(std::make_unique<int>(4));
  auto same = from | sluice::map([](std::unique_ptr<int> p) { return p; }) | sluice::map([](std::unique_ptr<int> p) { return *p; });
  CHECK(*same.pop() == 4);
}

TEST_CASE("a mapped end waits where its source waits, and tells its size", "[map]") {
  script<> from({}, errc::empty);
  auto wide = from | sluice::map([](int i) { return static_cast<std::int64_t>(i); });
  STATIC_REQUIRE(sluice::traits_of<decltype(wide)>.max_size == 8);
  CHECK(wide.pop(1ms).err() == errc::timeout);
  CHECK(from.armed > 0);
  CHECK(from.armed == from.disarmed);
}
