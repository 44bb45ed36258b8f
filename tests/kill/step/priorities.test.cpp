// SPDX-License-Identifier: MIT
#include "mixed.hpp"
#include "rings.hpp"

using namespace kill_rig;
using namespace kill_rig::mixed;

namespace planted {

struct heals_lowest {};  // a healer that looks only where messages without a priority lie

}  // namespace planted

template <>
struct sluice::ring_kind<planted::heals_lowest> : sluice::ring_kind<sluice::priorities_of<3>> {
  template <class T, unsigned N, class P, class Ring>
  static recovery heal(const priority_ring<T, N, P>& r, unsigned slot, Ring&& ring, orphans after_death) noexcept {
    struct lowest : priority_ring<T, N, P> {
      recovery heal(unsigned dead, orphans how) const noexcept { return this->level(0).heal(dead, how); }
    };
    return ring_kind<mpmc>::heal(lowest{r}, slot, ring, after_death);
  }
};

namespace {

struct heals_lowest : rig::priorities {
  using kind = planted::heals_lowest;
};

struct mixed_totals {
  unsigned long scenes = 0, kills = 0, faults = 0;
  std::string first_fault;

  void add(const std::string& where, const std::string& fault) {
    ++kills;
    if (!fault.empty() && faults++ == 0) first_fault = where + ": " + fault;
  }
};

/// Kills in each place of the deed that leaves another world; where asked for, at each instruction.
template <class Rig>
std::vector<place> kill_in(mixed_totals& sum, const setting& s, const deed<world<Rig, item>>& d,
                           bool each_instruction) {
  const std::string where = std::string(d.name) + " at " + std::to_string(d.priority) + ", " + s.name;
  const watchdog guard(where.c_str());
  walk w;
  remains before;
  const auto kill = [&](const std::string& point, auto bring) {
    guard.within(120);
    mixed_trial<Rig> t(s, d);
    if (!t.ready()) return sum.add(where, "the scene could not be set up");
    bring(t);
    t.victim().kill();
    remains left;
    sum.add(where + point, t.ask(sum.kills % 2 == 0, left));
    if (left.touched < before.touched || left.pushed < before.pushed) sum.add(where + point, "undone");
    before.touched = left.touched, before.pushed = left.pushed;
  };
  ++sum.scenes;
  guard.within(120);
  {
    mixed_trial<Rig> t(s, d);
    if (!t.ready()) return sum.add(where, "the scene could not be set up"), w.places;
    w = step_through(t.victim(), t.path());
    if (!w.complete) sum.add(where, "it did not come to its end");
  }
  for (unsigned long k = 0; each_instruction && k < w.instructions; ++k)
    kill(", killed after " + std::to_string(k) + " instructions", [k](auto& t) { (void)bring_to(t.victim(), k); });
  for (std::size_t k = 0; !each_instruction && k < w.places.size(); ++k)
    kill(", killed after " + std::to_string(w.places[k].first),
         [&](auto& t) { (void)bring_to(t.victim(), w.places[k], t.path(), landmark::store); });
  kill(", killed after the whole", [](auto& t) { (void)t.victim().run_to_mark(); });
  return w.places;
}

/// And in each place of healing it.
template <class Rig>
void kill_healers_of(mixed_totals& sum, const setting& s, const deed<world<Rig, item>>& d, const place& at) {
  const std::string where = std::string("healing of ") + d.name + " at " + std::to_string(d.priority) + ", " + s.name +
                            ", after " + std::to_string(at.first);
  const watchdog guard(where.c_str());
  const auto begin = [&](mixed_trial<Rig>& t) {
    guard.within(120);
    if (!t.ready() || !t.begin_healing(sum.scenes % 2 == 0)) return false;
    (void)bring_to(t.victim(), at, t.path(), landmark::store);
    t.victim().kill();
    return true;
  };
  ++sum.scenes;
  walk w;
  {
    mixed_trial<Rig> t(s, d);
    if (!begin(t)) return sum.add(where, "the scene could not be set up");
    w = step_through(t.second(), t.path());
  }
  for (const place& p : w.places) {
    mixed_trial<Rig> t(s, d);
    if (!begin(t)) return sum.add(where, "the scene could not be set up");
    (void)bring_to(t.second(), p, t.path(), landmark::store);
    t.second().kill();
    remains left;
    sum.add(where + ", its healer after " + std::to_string(p.first), t.ask(sum.kills % 2 == 0, left));
  }
}

}  // namespace

TEST_CASE("killed anywhere among messages of all priorities, each is had once, and the higher first") {
  require_stepping();
  mixed_totals sum;
  unsigned offered = 0;
  for (const auto& d : all_deeds<world<rig::priorities, item>>())
    for (const setting& s : settings()) {
      if (brief && offered++ % 10 != 0) continue;  // the number divides no loop that is shorter
      (void)kill_in<rig::priorities>(sum, s, d, full);
    }
  std::printf("priorities: %lu scenes, %lu kills, %lu bad\n", sum.scenes, sum.kills, sum.faults);
  INFO(sum.first_fault);
  CHECK(sum.faults == 0);
  CHECK(sum.kills > sum.scenes);
}

TEST_CASE("who heals a queue with priorities is killed anywhere, and the next one finishes it") {
  require_stepping();
  mixed_totals sum, alone;
  unsigned offered = 0;
  for (const auto& d : all_deeds<world<rig::priorities, item>>())
    for (const setting& s : {settings()[0], settings()[6]}) {
      if (!full && offered++ % (brief ? 9 : 3) != 0) continue;
      const auto places = kill_in<rig::priorities>(alone, s, d, false);
      for (std::size_t k = 0; k < places.size(); k += full ? 1 : 2)
        kill_healers_of<rig::priorities>(sum, s, d, places[k]);
    }
  std::printf("priorities, healers: %lu deaths, %lu kills, %lu bad\n", sum.scenes, sum.kills, sum.faults);
  INFO(alone.first_fault << sum.first_fault);
  CHECK(alone.faults + sum.faults == 0);
  CHECK(sum.kills > sum.scenes);
}

TEST_CASE("a healer that looks at the lowest priority only is found out") {
  require_stepping();
  mixed_totals sum;
  const auto deeds = all_deeds<world<heals_lowest, item>>();
  for (const auto& d : {deeds[2], deeds[6]}) (void)kill_in<heals_lowest>(sum, settings()[0], d, false);
  std::printf("planted, a healer of the lowest priority only: %lu of %lu kills bad: %s\n", sum.faults, sum.kills,
              sum.first_fault.c_str());
  CHECK(sum.faults > 0);
  CHECK(sum.faults < sum.kills);
}
