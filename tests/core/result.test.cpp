// SPDX-License-Identifier: MIT
#include <sluice/core/result.hpp>

#include "catch.hpp"

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

using sluice::errc;
using sluice::error;
using sluice::result;
using sluice::status;
using sluice::step;

namespace {

struct counted {
  static inline int alive = 0;
  int value;
  explicit counted(int v) noexcept : value(v) { ++alive; }
  counted(const counted& o) noexcept : value(o.value) { ++alive; }
  counted(counted&& o) noexcept : value(std::exchange(o.value, -1)) { ++alive; }
  counted& operator=(const counted&) = default;
  counted& operator=(counted&& o) noexcept {
    value = std::exchange(o.value, -1);
    return *this;
  }
  ~counted() { --alive; }
};

struct unassignable {
  const int value;
};

}  // namespace

TEST_CASE("a result is trivially copyable where its value is", "[result]") {
  STATIC_REQUIRE(std::is_trivially_copyable_v<result<int>>);
  STATIC_REQUIRE(std::is_trivially_destructible_v<result<int>>);
  STATIC_REQUIRE(std::is_trivially_copyable_v<result<double>>);
  STATIC_REQUIRE(std::is_trivially_copyable_v<result<int*>>);
  STATIC_REQUIRE(std::is_trivially_copyable_v<status>);
  STATIC_REQUIRE(sizeof(status) == 8);
  STATIC_REQUIRE(sizeof(result<long long>) == 16);
  STATIC_REQUIRE(!std::is_trivially_copyable_v<result<std::string>>);
  STATIC_REQUIRE(std::is_copy_constructible_v<result<std::string>>);
  STATIC_REQUIRE(!std::is_default_constructible_v<result<int>>);
}

TEST_CASE("a result holds a value or the reason why not", "[result]") {
  const result<int> yes = 7;
  CHECK(yes);
  CHECK(yes.has_value());
  CHECK(*yes == 7);
  CHECK(yes.err() == error());

  const result<int> no = error(errc::full, step::push, 3);
  CHECK(!no);
  CHECK(!no.has_value());
  CHECK(no.err() == error(errc::full, step::push, 3));

  const result<int> code = errc::empty;
  CHECK(code.err() == error(errc::empty));
}

TEST_CASE("a result works at compile time", "[result]") {
  constexpr result<int> yes = 7;
  STATIC_REQUIRE(yes);
  STATIC_REQUIRE(*yes == 7);
  constexpr result<int> no = errc::full;
  STATIC_REQUIRE(!no);
  STATIC_REQUIRE(result<int>(7).value_or(1) == 7);
  STATIC_REQUIRE(result<int>(errc::full).value_or(1) == 1);
}

TEST_CASE("a result carries a move-only value", "[result]") {
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<result<std::unique_ptr<int>>>);
  STATIC_REQUIRE(!std::is_copy_constructible_v<result<std::unique_ptr<int>>>);
  result<std::unique_ptr<int>> a = std::make_unique<int>(5);
  result<std::unique_ptr<int>> b = std::move(a);
  REQUIRE(b);
  CHECK(**b == 5);
  b = result<std::unique_ptr<int>>(errc::closed);
  CHECK(b.err() == errc::closed);
  b = result<std::unique_ptr<int>>(std::make_unique<int>(6));
  REQUIRE(b);
  const std::unique_ptr<int> taken = *std::move(b);
  CHECK(*taken == 6);
}

TEST_CASE("a value in a result is destroyed once", "[result]") {
  counted::alive = 0;
  {
    result<counted> a{counted(1)};
    CHECK(counted::alive == 1);
    result<counted> b = a;
    CHECK(counted::alive == 2);
    CHECK(b->value == 1);
    result<counted> c = std::move(a);
    CHECK(counted::alive == 3);
    CHECK(c->value == 1);
    CHECK(a->value == -1);
    result<counted> none = errc::empty;
    CHECK(counted::alive == 3);
    none = std::move(c);
    CHECK(counted::alive == 4);
    none = result<counted>(errc::closed);
    CHECK(counted::alive == 3);
    const result<counted> still_none = none;
    CHECK(still_none.err() == errc::closed);
    CHECK(counted::alive == 3);
    result<counted> made(std::in_place, 9);
    CHECK(made->value == 9);
    CHECK(counted::alive == 4);
    auto& self = made;
    made = std::move(self);
    CHECK(made->value == 9);
    CHECK(counted::alive == 4);
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("a value without assignment can still be returned and moved", "[result]") {
  result<unassignable> a = unassignable{3};
  a = result<unassignable>(unassignable{4});
  CHECK(a->value == 4);
  a = result<unassignable>(errc::full);
  CHECK(a.err() == errc::full);
}

TEST_CASE("transform and and_then go on with a value and pass an error by", "[result]") {
  int calls = 0;
  const auto twice = [&calls](int v) { return ++calls, 2L * v; };
  const auto half = [&calls](int v) { return ++calls, v % 2 == 0 ? result<int>(v / 2) : result<int>(errc::invalid); };
  CHECK(*result<int>(4).transform(twice) == 8L);
  CHECK(*result<int>(4).and_then(half) == 2);
  CHECK(result<int>(5).and_then(half).err() == errc::invalid);
  CHECK(calls == 3);
  CHECK(result<int>(error(errc::full, step::push)).transform(twice).err() == error(errc::full, step::push));
  CHECK(result<int>(errc::closed).and_then(half).err() == errc::closed);
  CHECK(calls == 3);
}

TEST_CASE("value_or moves the value out or takes the substitute", "[result]") {
  CHECK(result<std::string>(std::string("yes")).value_or("no") == "yes");
  CHECK(result<std::string>(errc::empty).value_or("no") == "no");
  CHECK(*result<std::unique_ptr<int>>(errc::empty).value_or(std::make_unique<int>(3)) == 3);
}

TEST_CASE("a status is done or says why not", "[result]") {
  constexpr status done;
  STATIC_REQUIRE(done);
  STATIC_REQUIRE(done.err() == error());
  const status refused = error(errc::busy, step::claim);
  CHECK(!refused);
  CHECK(refused.err() == error(errc::busy, step::claim));
  CHECK(*done.and_then([] { return result<int>(3); }) == 3);
  CHECK(refused.and_then([] { return result<int>(3); }).err() == errc::busy);
}
