// SPDX-License-Identifier: MIT
#include "audience_waiting_scenario.hpp"
#include "catch.hpp"
#include "rig/audience.hpp"

// Readers sleep until there is something to read, the producer of a lossless broadcast until there is room, both until the
// end; with one reader in every execution, with two at random.

namespace {

using model::audience_waiting_case;

constexpr bool full = SLUICE_TEST_TIER_FULL;

template <class Rig>
void prove(const audience_waiting_case& c, std::initializer_list<const char*> must_observe) {
  const auto r = model::explore_audience_waiting<typename Rig::kind>(Rig::name, c);
  r.print();
  CHECK(r.proves(must_observe));
}
template <class Rig>
void walk(const audience_waiting_case& c) {
  for (const auto how : {model::walk::random, model::walk::priorities}) {
    model::options o;
    o.how = how, o.most = full ? 1'000'000 : 4'000;
    const auto r = model::explore_audience_waiting<typename Rig::kind>(Rig::name, c, o);
    r.print();
    CHECK(r.clean());
  }
}
template <class Rig>
void all_of() {
  prove<Rig>({.messages = full ? 2u : 1u}, {"closed"});
  prove<Rig>({.messages = full ? 1u : 0u, .producer_dies = true, .slices = 3}, {"closed", "peer_died"});
  walk<Rig>({.readers = 2, .messages = 3});
  walk<Rig>({.readers = 2, .capacity = 2, .messages = 4, .producer_dies = true, .slices = 8});
  walk<Rig>({.readers = 2, .messages = 3, .reader_dies = true, .slices = 8});
}

}  // namespace

TEST_CASE("nobody sleeps on at a broadcast, whoever dies") { all_of<rig::broadcast>(); }
TEST_CASE("nobody sleeps on at a lossy broadcast, whoever dies") { all_of<rig::lossy_broadcast>(); }
TEST_CASE("nobody sleeps on at a newest value, whoever dies") { all_of<rig::latest>(); }
