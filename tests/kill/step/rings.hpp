// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_STEP_RINGS_HPP
#define SLUICE_TESTS_KILL_STEP_RINGS_HPP

#include "campaign.hpp"
#include "catch.hpp"
#include "rig/spsc.hpp"
#include "sanitizers.hpp"

#include <sluice/channel/crowds.hpp>

namespace rig {

struct mpmc {
  using kind = sluice::mpmc;
};

}  // namespace rig

/// The rings that are killed in, each known by its file in tests/rig.
#define SLUICE_KILLED_RINGS() rig::spsc, rig::mpmc
/// Those in which a role is one slot, which two may want at once.
#define SLUICE_ROLE_RINGS() rig::spsc

namespace kill_rig {

inline constexpr bool full = SLUICE_TEST_TIER_FULL != 0;
#ifdef __OPTIMIZE__
inline constexpr bool brief = false;
#else
inline constexpr bool brief = !full;  // ten times the instructions: the ci tier takes fewer scenes
#endif

/// Where processes cannot be stepped through, the test says so and counts as skipped; it never passes by doing nothing.
inline void require_stepping() {
  static const char* const why = sanitized ? "a sanitizer's instructions are not those that users run" : why_impossible();
  if (why == nullptr) return;
  std::printf("SKIPPED: %s\n", why);
  std::fflush(stdout);
  std::_Exit(77);
}

/// The findings of many campaigns; a fault in any fails the test.
struct totals {
  unsigned long scenes = 0, states = 0, kills = 0, faults = 0;
  std::int64_t told_ns = 0;

  void add(const findings& f) {
    f.print();
    ++scenes, states += f.places, kills += f.kills, faults += f.faults;
    told_ns = std::max(told_ns, f.told_ns);
    INFO(f.first_fault);
    CHECK(f.faults == 0);
  }
  template <class World>
  void run(const scene<World>& s, thoroughness how, stride by = stride::instruction) {
    static const char* const only = std::getenv("SLUICE_KILL_SCENE");  // a part of the name, as it is printed
    campaign<World> c(s);
    if (only == nullptr || c.called().find(only) != std::string::npos) add(c.run(how, by));
  }
  void print(const char* what) const {
    std::printf("%s: %lu scenes, %lu states, %lu kills, %lu bad", what, scenes, states, kills, faults);
    if (told_ns != 0) std::printf(", told within %.1f ms", static_cast<double>(told_ns) / 1e6);
    std::printf("\n");
    std::fflush(stdout);
    CHECK(kills != 0);
  }
};

}  // namespace kill_rig

#endif
