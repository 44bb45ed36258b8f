// SPDX-License-Identifier: MIT
#include <sluice/wait/until.hpp>
#include <sluice/wait/stop.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>

using namespace std::chrono_literals;
using sluice::until;
using std::chrono::duration;
using std::chrono::steady_clock;

namespace {

constexpr std::int64_t for_ever = sluice::detail::never;

std::int64_t left(const until& u) { return u.absolute().deadline() - sluice::detail::monotonic_ns(); }

bool takes(until) { return true; }

}  // namespace

TEST_CASE("a patience is small and cheap to pass", "[until]") {
  STATIC_REQUIRE(sizeof(until) <= 24);
  STATIC_REQUIRE(std::is_trivially_copyable_v<until>);
}

TEST_CASE("everything that is a patience converts to one", "[until]") {
  sluice::stop halt;
  CHECK(takes({}));
  CHECK(takes(sluice::now));
  CHECK(takes(5ms));
  CHECK(takes(1.5s));
  CHECK(takes(steady_clock::now()));
  CHECK(takes(halt));
  CHECK(takes({5ms, halt}));
  CHECK(takes({steady_clock::now(), halt}));
  STATIC_REQUIRE(!std::is_convertible_v<int, until>);
  STATIC_REQUIRE(!std::is_convertible_v<std::chrono::system_clock::time_point, until>);
}

TEST_CASE("no patience at all is immediate, and nothing else is", "[until]") {
  STATIC_REQUIRE(until(sluice::now).immediate());
  STATIC_REQUIRE(until(0ms).immediate());
  STATIC_REQUIRE(until(-1ms).immediate());
  STATIC_REQUIRE(until(std::chrono::hours::min()).immediate());
  STATIC_REQUIRE(until(-0.5s).immediate());
  STATIC_REQUIRE(!until().immediate());
  STATIC_REQUIRE(!until(1ns).immediate());
  STATIC_REQUIRE(!until(std::chrono::hours::max()).immediate());
  STATIC_REQUIRE(!until(steady_clock::time_point()).immediate());
}

TEST_CASE("a patience without a limit has no deadline", "[until]") {
  CHECK(until().absolute().deadline() == for_ever);
  CHECK(until(std::chrono::hours::max()).absolute().deadline() == for_ever);
  CHECK(until(std::chrono::nanoseconds::max()).absolute().deadline() == for_ever);
  CHECK(until(std::chrono::seconds::max()).absolute().deadline() == for_ever);
  CHECK(until(duration<double>(1e300)).absolute().deadline() == for_ever);
  CHECK(until(duration<double>(std::numeric_limits<double>::infinity())).absolute().deadline() == for_ever);
  CHECK(until(duration<float, std::ratio<86400>>(1e30f)).absolute().deadline() == for_ever);
  CHECK(until(steady_clock::time_point::max()).absolute().deadline() == for_ever);
}

TEST_CASE("a long patience does not overflow into the past", "[until]") {
  constexpr auto most = std::chrono::nanoseconds(for_ever);
  for (const auto less : {2s, 10s, 1000s, 1000000s}) {
    const auto d = until(most - less).absolute().deadline();
    CHECK(d > sluice::detail::monotonic_ns());
  }
  CHECK(left(24h * 365 * 200) > std::int64_t{6'000'000'000'000'000'000});
}

TEST_CASE("a unit that is no multiple of a nanosecond does not overflow either", "[until]") {
  using frames = duration<std::int64_t, std::ratio<1, 60>>;
  const auto hundred_years = left(frames(std::int64_t{60} * 86400 * 36525));
  CHECK(hundred_years > 3'155'000'000'000'000'000);
  CHECK(hundred_years < 3'156'000'000'000'000'000);
}

TEST_CASE("a duration counts from the call of absolute()", "[until]") {
  const auto check = [](until u, std::int64_t ns) {
    const auto rest = left(u);
    CHECK(rest <= ns);
    CHECK(rest > ns - 1'000'000'000);
  };
  check(5s, 5'000'000'000);
  check(2min, 120'000'000'000);
  check(1.5s, 1'500'000'000);
  check(duration<float, std::milli>(2500.0f), 2'500'000'000);
  check(duration<int, std::ratio<1, 2>>(9), 4'500'000'000);
  check(duration<std::int64_t, std::pico>(7'000'000'000'999), 7'000'000'000);
  check(duration<std::uint8_t>(200), 200'000'000'000);
}

TEST_CASE("a patience that is no number is none", "[until]") {
  CHECK(until(duration<double>(std::numeric_limits<double>::quiet_NaN())).immediate());
}

TEST_CASE("a point in time is kept as it is", "[until]") {
  const auto t = steady_clock::now() + 7s;
  const until u = t;
  CHECK(u.deadline() == std::chrono::nanoseconds(t.time_since_epoch()).count());
  CHECK(u.absolute().deadline() == u.deadline());
  CHECK(until(std::chrono::time_point_cast<std::chrono::milliseconds>(t)).deadline() <= u.deadline());
  CHECK(until(steady_clock::time_point(-5s)).deadline() <= 0);
  CHECK(left(steady_clock::now() - 1s) < 0);
}

TEST_CASE("an interrupter rides along", "[until]") {
  sluice::stop halt;
  CHECK(until().interrupter() == nullptr);
  CHECK(until(halt).interrupter() == &halt);
  CHECK(until(halt).absolute().deadline() == for_ever);
  const until both{0ms, halt};
  CHECK(both.interrupter() == &halt);
  CHECK(both.immediate());
  CHECK(until{5s, halt}.absolute().interrupter() == &halt);
  CHECK(left(until{5s, halt}) > 4'000'000'000);
  CHECK(until{sluice::now, halt}.immediate());
}
