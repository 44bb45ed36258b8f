// SPDX-License-Identifier: MIT
#include "broadcast_scenario.hpp"
#include "catch.hpp"
#include "racing_scenario.hpp"
#include "rig/audience.hpp"

#include <functional>
#include <map>
#include <vector>

// Mutation control of memory orders in the rings with many readers: each named site is weakened in turn, and must be found,
// or be listed here with the proof that it is no worse than the original; and what is listed must really survive.

namespace {

using model::order;
using trial = std::function<model::report(const model::options&)>;

const std::map<std::string, const char*> equivalent{};

template <class Kind>
trial racing(model::racing_case c) {
  return [c](const model::options& o) { return model::explore_racing<Kind>(c, o); };
}
template <unsigned W>
trial gated(model::broadcast_case c) {
  return [c](const model::options& o) { return model::explore_broadcast<W>(c, o); };
}
template <class Rig>
std::vector<trial> trials() {
  if constexpr (std::is_same_v<Rig, rig::broadcast>) {
    return {gated<8>({.capacity = 1, .messages = 2, .joiner = false}),
            gated<8>({.capacity = 1, .messages = 4, .joiner = false}),
            gated<3>({.capacity = 2, .messages = 5, .joiner = false}),
            gated<8>({.capacity = 1, .waiting = 3, .messages = 6, .resident = false}),
            gated<3>({.capacity = 1, .waiting = 3, .messages = 6, .resident = false}),
            gated<8>({.capacity = 2, .waiting = 3, .messages = 5, .resident = false}),
            gated<8>({.capacity = 1, .messages = 5, .resident = false, .joiner_leaves = true}),
            gated<8>({.capacity = 1, .messages = 3, .joiner = false, .resident_dies = true}),
            gated<8>({.capacity = 1, .waiting = 1, .messages = 3, .resident = false, .joiner_dies = true}),
            gated<8>({.capacity = 1, .messages = 2, .joiner = false, .producer_dies = true})};
  } else {
    using kind = typename Rig::kind;
    return {racing<kind>({.capacity = 1, .waiting = 1, .messages = 3}),
            racing<kind>({.capacity = 1, .waiting = 1, .messages = 3, .joins = true}),
            racing<kind>({.capacity = 2, .waiting = 2, .messages = 4}),
            racing<kind>({.capacity = 2, .waiting = 2, .messages = 4, .joins = true}),
            racing<kind>({.capacity = 1, .waiting = 1, .messages = 2, .producer_dies = true})};
  }
}
std::string killer(const std::vector<trial>& all, bool& reproduced) {
  for (const auto& t : all) {
    const auto r = t({});
    if (r.failure.empty()) continue;
    model::options again;
    again.replay = r.replay.c_str();
    reproduced = t(again).failure == r.failure;
    return r.failure + " (" + r.name + ")";
  }
  return {};
}
template <class Rig>
void control() {
  const auto all = trials<Rig>();
  bool reproduced = false;
  REQUIRE(killer(all, reproduced) == "");
  Rig::each_site([&]<class Site>(const char* name) {
    if (Site::value == order::relaxed) return;
    model::order_of<Site> = order::relaxed;
    const std::string found = killer(all, reproduced);
    model::order_of<Site> = Site::value;
    const std::string mutant = std::string(Rig::name) + ": " + name;
    const auto excuse = equivalent.find(mutant);
    std::printf("%-40s %s\n", mutant.c_str(), found.empty() ? excuse != equivalent.end() ? excuse->second : "SURVIVED" : found.c_str());
    std::fflush(stdout);
    INFO(mutant);
    CHECK(found.empty() == (excuse != equivalent.end()));
    CHECK((found.empty() || reproduced));
  });
}

}  // namespace

TEST_CASE("every weakened order of a newest value is found, or proved to be no weaker") { control<rig::latest>(); }
#if SLUICE_TEST_TIER_FULL // a minute and more
TEST_CASE("every weakened order of a lossy broadcast is found, or proved to be no weaker") { control<rig::lossy_broadcast>(); }
TEST_CASE("every weakened order of a broadcast is found, or proved to be no weaker") { control<rig::broadcast>(); }
#endif
