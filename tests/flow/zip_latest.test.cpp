// SPDX-License-Identifier: MIT
#include <sluice/flow/zip_latest.hpp>

#include "flow/rig.hpp"

#include <string>

using namespace flow_test;

TEST_CASE("zip_latest gives the newest of each, from when all have spoken, with each message", "[zip_latest]") {
  script<int> a{1, 2, error(errc::empty), error(errc::empty), 3};
  script<std::string> b{result<std::string>(errc::empty), result<std::string>(errc::empty), result<std::string>("x"), result<std::string>("y")};
  auto both = sluice::zip_latest(a, b);
  using pair = std::tuple<int, std::string>;
  std::vector<pair> got;
  error why;
  do {
    auto m = both.try_pop();
    why = m ? error() : m.err();
    if (m) got.push_back(*m);
  } while (why != errc::closed);
  CHECK(got == std::vector<pair>{{2, "x"}, {2, "y"}, {3, "y"}});
  CHECK(both.try_pop().err() == errc::closed);
}

TEST_CASE("zip_latest ends at once when one has ended that never spoke, and then makes nobody sleep", "[zip_latest]") {
  script<> talks({1, 2, 3}, errc::empty), mute;
  auto both = sluice::zip_latest(talks, mute);
  CHECK(both.pop(10s).err() == errc::closed);
  sluice::wait_set set;
  both.arm(want::pop, set);
  CHECK(set.sleep({}));
  both.disarm(want::pop);
  CHECK(talks.armed == talks.disarmed);
}

TEST_CASE("zip_latest tells a death when all have ended, and other errors at once", "[zip_latest]") {
  script<> a({1}, errc::peer_died), b{2, error(errc::lagged, sluice::step::pop, 1), 3};
  auto both = sluice::zip_latest(a, b);
  CHECK(*both.try_pop() == std::tuple(1, 2));
  CHECK(both.try_pop().err() == errc::lagged);
  CHECK(*both.try_pop() == std::tuple(1, 3));
  CHECK(both.try_pop().err() == errc::peer_died);
}

TEST_CASE("zip_latest of one that never rests and one that is silent keeps its deadline", "[zip_latest]") {
  struct flood : sluice::source_verbs<flood> {
    using value_type = int;
    result<int> try_pop() { return 1; }
    void arm(want, sluice::wait_set& set) noexcept { set.within(60'000'000'000); }
    void disarm(want) noexcept {}
    void close() noexcept {}
  } busy;
  script<> silent({}, errc::empty);
  auto both = sluice::zip_latest(busy, silent);
  CHECK(both.pop(5ms).err() == errc::timeout);
  silent.answers.push_back(2);
  CHECK(*both.pop(10s) == std::tuple(1, 2));
}

namespace {

/// Wakes nobody for what is there already, as a ring does.
struct still : script<> {
  using script<>::script;
  void arm(want, sluice::wait_set& set) noexcept { set.within(60'000'000'000); }
};

}  // namespace

TEST_CASE("while one is silent, zip_latest keeps to the newest of the other, however many there are", "[zip_latest]") {
  still many({}, errc::empty), silent({}, errc::empty);
  for (int i = 0; i < 500; ++i) many.answers.emplace_back(i);
  auto both = sluice::zip_latest(many, silent);
  CHECK(both.pop(30ms).err() == errc::timeout);
  silent.answers.emplace_back(7);
  CHECK(*both.pop(10s) == std::tuple(499, 7));
}
