// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "ring_scenario.hpp"
#include "rig/spsc.hpp"

// Every execution of the ring that C++ allows, for capacities 1, 2 and 3, from the first lap and across the wrap of all
// counters, in each style of use, with nobody dying and with either side dying at any point and an heir following.

namespace {

using model::ring_case;
using model::style;

constexpr bool full = SLUICE_TEST_TIER_FULL;

struct totals {
  std::uint64_t executions = 0, graphs = 0;
  unsigned explorations = 0;
  ~totals() {
    std::printf("%u explorations, all exhaustive: %llu executions, %llu distinct\n", explorations,
                static_cast<unsigned long long>(executions), static_cast<unsigned long long>(graphs));
  }
};

template <unsigned W, class Word = std::uint64_t>
void prove(ring_case c, totals& sum, std::initializer_list<const char*> must_observe) {
  const auto r = model::explore_ring<rig::spsc, W, Word>(c);
  r.print();
  CHECK(r.proves(must_observe));
  sum.executions += r.executions, sum.graphs += r.graphs, ++sum.explorations;
}
template <unsigned W, class Word = std::uint64_t>
void prove_all(totals& sum, std::initializer_list<bool> wraps = {false, true}) {
  for (const bool wrap : wraps)
    for (const std::size_t capacity : {1u, 2u, 3u})
      for (const auto how : {style::single, style::batch, style::in_place}) {
        ring_case c;
        c.capacity = capacity, c.how = how, c.wrap = wrap;
        c.waiting = static_cast<unsigned>(capacity) - 1;
        c.messages = full ? 4 : 3;
        prove<W, Word>(c, sum, {"full", "empty", "closed"});
        c.messages = full ? 3 : how == style::batch && capacity == 2 ? 2 : 1;
        c.consumer_dies = true;
        prove<W, Word>(c, sum, {"closed", "killed before the commit of a pop", "killed after the commit of a pop"});
        c.consumer_dies = false, c.producer_dies = true;
        prove<W, Word>(c, sum, {"closed", "killed before the commit of a push", "killed after the commit of a push"});
      }
}

}  // namespace

TEST_CASE("a ring of one item per block keeps its promises in every execution") {
  totals sum;
  prove_all<8>(sum);
}
TEST_CASE("a ring of two items per block keeps its promises in every execution") {
  totals sum;
  prove_all<3>(sum);
}
TEST_CASE("a ring of many items per block keeps its promises in every execution") {
  totals sum;
  prove_all<1>(sum);
}
TEST_CASE("a ring of 32-bit words keeps its promises in every execution") {
  totals sum;
  prove_all<3, std::uint32_t>(sum, {true});
}
TEST_CASE("a dead side is healed by the living one, which never touches the heir") {
  totals sum;
  ring_case c;
  c.heals = true;
  c.producer_dies = true, c.messages = 1;
  prove<8>(c, sum, {"healed", "closed"});
  c.producer_dies = false, c.consumer_dies = true, c.messages = 2;
  prove<8>(c, sum, {"healed", "closed"});
}
TEST_CASE("two deaths, of both sides or of an heir that was about to heal, change nothing") {
  totals sum;
  for (const unsigned capacity : {1u, 2u}) {
    if (!full && capacity != 1) break;
    for (const int who : {1, 2, 3}) {
      ring_case c;
      c.capacity = capacity, c.waiting = capacity - 1, c.messages = 1, c.deaths = 2;
      c.producer_dies = (who & 1) != 0, c.consumer_dies = (who & 2) != 0;
      if (!full && who == 3) continue;
      prove<8>(c, sum, {"closed"});
    }
  }
}
