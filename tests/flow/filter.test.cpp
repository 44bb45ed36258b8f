// SPDX-License-Identifier: MIT
#include <sluice/flow/filter.hpp>

#include "flow/rig.hpp"

using namespace flow_test;

namespace {

/// Never ends, and never waits.
struct flood : sluice::source_verbs<flood> {
  using value_type = int;
  int next = 0;
  result<int> try_pop() { return next++; }
  void arm(want, sluice::wait_set& set) noexcept { set.within(60'000'000'000); }  // it will not ring for what is there
  void disarm(want) noexcept {}
  void close() noexcept {}
};

}  // namespace

TEST_CASE("filter gives what the predicate wants, in order, and nothing else", "[filter]") {
  script<> from{1, 2, 3, 4, error(errc::lagged, sluice::step::pop, 1), 5, 6};
  auto even = from | sluice::filter([](const int& i) { return i % 2 == 0; });
  CHECK(*even.pop() == 2);
  CHECK(*even.pop() == 4);
  CHECK(even.pop().err() == errc::lagged);
  CHECK(*even.pop() == 6);
  CHECK(even.pop().err() == errc::closed);
}

TEST_CASE("a filter whose source never rests keeps its deadline, hears a stop, and misses nothing", "[filter]") {
  auto none = flood() | sluice::filter([](int) { return false; });
  const auto begin = std::chrono::steady_clock::now();
  CHECK(none.pop(20ms).err() == errc::timeout);
  CHECK(since(begin) >= 20ms);
  CHECK(since(begin) < 5s);
  sluice::stop halt;
  halt.request();
  CHECK(none.pop(halt).err() == errc::stopped);
  CHECK(none.try_pop().err() == errc::pending);  // and a try ends
  auto rare = flood() | sluice::filter([](int i) { return i % 1000 == 999; });
  for (int i = 0; i < 5; ++i) CHECK(*rare.pop(10s) == i * 1000 + 999);  // no sleep until something new comes
}
