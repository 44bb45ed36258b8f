// SPDX-License-Identifier: MIT
#include <sluice/flow/batch.hpp>
#include <sluice/channel/channel.hpp>

#include "flow/rig.hpp"

#include <span>

using namespace flow_test;

namespace {

template <class Batch>
ints items(Batch&& b) {
  return ints(b.begin(), b.end());
}
struct is_inline {
  template <class... A>
  static auto of(A... a) { return sluice::batch<4>(a...); }
};
struct is_in_the_heap {
  template <class... A>
  static auto of(A... a) { return sluice::batch(4, a...); }
};

}  // namespace

TEMPLATE_TEST_CASE("a batch is full, or late, or the last, and nothing gets lost in between", "[batch]", is_inline, is_in_the_heap) {
  SECTION("full, and the last") {
    script<> from{1, 2, 3, error(errc::empty), 4, 5, 6};
    auto fours = from | TestType::of();
    CHECK(fours.try_pop().err() == errc::empty);
    CHECK(items(*fours.try_pop()) == ints{1, 2, 3, 4});
    CHECK(items(*fours.try_pop()) == ints{5, 6});
    CHECK(fours.try_pop().err() == errc::closed);
    CHECK(fours.try_pop().err() == errc::closed);
  }
  SECTION("late") {
    script<> from({1, 2}, errc::empty);
    auto fours = from | TestType::of(20ms);
    const auto begin = std::chrono::steady_clock::now();
    CHECK(fours.pop(1ms).err() == errc::timeout);  // what it has gathered stays
    from.answers.push_back(3);
    CHECK(items(*fours.pop(10s)) == ints{1, 2, 3});
    CHECK(since(begin) >= 20ms);
    CHECK(since(begin) < 5s);
    CHECK(fours.pop(30ms).err() == errc::timeout);  // none is not a batch
    CHECK(from.armed == from.disarmed);
  }
  SECTION("what is there") {
    script<> from({1, 2, error(errc::empty), 3}, errc::empty);
    auto fours = from | TestType::of(sluice::now);
    CHECK(items(*fours.try_pop()) == ints{1, 2});
    CHECK(items(*fours.try_pop()) == ints{3});
    CHECK(fours.try_pop().err() == errc::empty);
  }
  SECTION("an error that is told once comes after what came before it") {
    script<> from{1, error(errc::lagged, sluice::step::pop, 9), 2};
    auto fours = from | TestType::of();
    CHECK(items(*fours.try_pop()) == ints{1});
    CHECK(fours.try_pop().err() == error(errc::lagged, sluice::step::pop, 9));
    CHECK(items(*fours.try_pop()) == ints{2});
    CHECK(fours.try_pop().err() == errc::closed);
  }
  SECTION("moved, it takes along what it has gathered; flushed, it gives it away") {
    script<> from({1, 2}, errc::empty);
    auto before = from | TestType::of();
    CHECK(before.try_pop().err() == errc::empty);
    auto after = std::move(before);
    CHECK(before.try_pop().err() == errc::closed);
    CHECK(items(*after.flush()) == ints{1, 2});
    CHECK(after.flush().err() == errc::empty);
  }
}

TEST_CASE("who sleeps for a batch is woken when it is late, though nothing else happens", "[batch]") {
  auto [tx, rx] = sluice::channel<int>(8);
  auto fours = rx | sluice::batch<4>(10ms);
  for (const int i : {1, 2}) REQUIRE(tx.try_push(i));
  const auto begin = std::chrono::steady_clock::now();
  CHECK(items(*fours.pop(20s)) == ints{1, 2});
  CHECK(since(begin) >= 10ms);
  CHECK(since(begin) < 10s);
}

TEST_CASE("a batch owns its messages", "[batch]") {
  static int alive = 0;
  struct counted {  // also what was moved from lives until it is destroyed
    counted() noexcept { ++alive; }
    counted(const counted&) noexcept { ++alive; }
    counted& operator=(const counted&) noexcept = default;
    ~counted() { --alive; }
  };
  script<counted> from({}, errc::empty);
  for (int i = 0; i < 3; ++i) from.answers.emplace_back(std::in_place);
  {
    auto twos = from | sluice::batch<2>();
    auto b = twos.try_pop();
    REQUIRE(b);
    auto moved = *std::move(b);
    CHECK(moved.size() == 2);
    CHECK(b->empty());
    CHECK(std::span<counted>(moved).size() == 2);
    CHECK(twos.try_pop().err() == errc::empty);
    CHECK(alive == 3);
  }
  CHECK(alive == 0);
}

TEST_CASE("a batch that cannot be is an error, and takes nothing", "[batch]") {
  script<> from{1};
  auto huge = from | sluice::batch(static_cast<std::size_t>(-1));
  CHECK(huge.try_pop().err() == errc::no_space);
  auto none = from | sluice::batch(0);
  CHECK(none.try_pop().err() == errc::invalid);
  CHECK(*from.try_pop() == 1);
}
