// SPDX-License-Identifier: MIT
#include "audience_trials.hpp"
#include "catch.hpp"

#include <map>

// Mutation control of memory orders in the rings with many readers: each named site is weakened in turn, and must be found,
// or be listed here with the proof that it is no worse than the original; and what is listed must really survive.

namespace {

using model::order;
const std::map<std::string, const char*> equivalent{};

using model::trial;

template <class Rig>
std::vector<trial> trials() {
  if constexpr (std::is_same_v<Rig, rig::broadcast>) return model::broadcast_trials();
  else return model::racing_trials<Rig>();
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
