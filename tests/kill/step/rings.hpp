// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_STEP_RINGS_HPP
#define SLUICE_TESTS_KILL_STEP_RINGS_HPP

#include "campaign.hpp"
#include "catch.hpp"
#include "rig/audience.hpp"
#include "rig/bytes.hpp"
#include "rig/lanes.hpp"
#include "rig/ordered.hpp"
#include "rig/priorities.hpp"
#include "rig/spsc.hpp"
#include "sanitizers.hpp"

/// The rings that are killed in, each known by its file in tests/rig. Both sides of an mpmc are those of mpsc and spmc, so
/// the ci tier leaves these out. Code that is not optimised is ten times as long and takes as long to compile: there the ci
/// tier kills in one ring of each sort.
#if defined(__OPTIMIZE__) || SLUICE_TEST_TIER_FULL
#if SLUICE_TEST_TIER_FULL
#define SLUICE_ORDERED_RINGS() rig::mpsc, rig::spmc, rig::mpmc
#else
#define SLUICE_ORDERED_RINGS() rig::mpmc
#endif
#define SLUICE_KILLED_RINGS() \
  rig::spsc, rig::bytes, SLUICE_ORDERED_RINGS(), rig::bytes_mpsc, rig::lanes, rig::broadcast, rig::lossy_broadcast, rig::latest, \
      rig::priorities
/// Those in which each message goes to one reader, and some role has several holders.
#define SLUICE_CROWD_RINGS() SLUICE_ORDERED_RINGS(), rig::bytes_mpsc, rig::lanes, rig::priorities
/// Those whose healers are held still: in the ci tier not those of three rings at once, which take a minute and more.
#if SLUICE_TEST_TIER_FULL
#define SLUICE_HELD_RINGS() SLUICE_CROWD_RINGS()
#else
#define SLUICE_HELD_RINGS() SLUICE_ORDERED_RINGS(), rig::bytes_mpsc, rig::lanes
#endif
/// Those in which each message goes to every reader.
#define SLUICE_AUDIENCE_RINGS() rig::broadcast, rig::lossy_broadcast, rig::latest
#else
#define SLUICE_KILLED_RINGS() rig::spsc, rig::mpmc
#define SLUICE_CROWD_RINGS() rig::mpmc
#define SLUICE_HELD_RINGS() rig::mpmc
#define SLUICE_AUDIENCE_RINGS() rig::broadcast
#endif
/// Those in which a role is one slot, which two may want at once.
#define SLUICE_ROLE_RINGS() rig::spsc

namespace kill_rig {

inline constexpr bool full = SLUICE_TEST_TIER_FULL != 0;
#ifdef __OPTIMIZE__
inline constexpr bool brief = false;
#else
inline constexpr bool brief = !full;  // ten times the instructions: the ci tier takes fewer scenes
#endif

/// In the ci tier spsc is killed in every scene, mpmc in a third of them, and the others, which share most with these, in a
/// sample; where code is not optimised, all in a sample.
template <class Rig>
constexpr unsigned one_scene_of = [] {
  if (full) return 1u;
  if (std::is_same_v<Rig, rig::spsc>) return brief ? 5u : 1u;
  if (std::is_same_v<Rig, rig::mpmc>) return brief ? 21u : 3u;
  return brief ? 21u : 7u;
}();

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
  unsigned one_of = 1;  // so many scenes is run
  unsigned long scenes = 0, states = 0, kills = 0, faults = 0, offered = 0, kept_waiting = 0;
  sluice::recovery healed = {};
  std::int64_t told_ns = 0;

  void add(const findings& f) {
    f.print();
    ++scenes, states += f.places, kills += f.kills, faults += f.faults;
    told_ns = std::max(told_ns, f.told_ns);
    healed += f.healed, kept_waiting += f.kept_waiting;
    INFO(f.first_fault);
    CHECK(f.faults == 0);
  }
  template <class World>
  void run(const scene<World>& s, thoroughness how, stride by = stride::instruction) {
    static const char* const only = std::getenv("SLUICE_KILL_SCENE");  // a part of the name, as it is printed
    if (offered++ % one_of != 0) return;
    campaign<World> c(s);
    if (only == nullptr || c.called().find(only) != std::string::npos) add(c.run(how, by));
  }
  void print(const char* what) const {
    std::printf("%s: %lu scenes, %lu states, %lu kills, %lu bad", what, scenes, states, kills, faults);
    if (told_ns != 0) std::printf(", told within %.1f ms", static_cast<double>(told_ns) / 1e6);
    if (kept_waiting != 0)
      std::printf(", healed %u places and %u messages, stood behind the living %lu times", healed.undelivered,
                  healed.redelivered, kept_waiting);
    std::printf("\n");
    std::fflush(stdout);
    CHECK(kills != 0);
  }
};

}  // namespace kill_rig

#endif
