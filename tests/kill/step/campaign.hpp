// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_CAMPAIGN_HPP
#define SLUICE_TESTS_KILL_CAMPAIGN_HPP

#include "audience_oracle.hpp"
#include "company_oracle.hpp"
#include "oracle.hpp"

#include <string>
#include <utility>
#include <vector>

namespace kill_rig {

/// Ends the test, and says where it was, if one kill and its survivors take longer than that. Nothing here may hang.
class watchdog {
 public:
  explicit watchdog(const char* scene) noexcept {
    name() = scene;
    ::signal(SIGALRM, [](int) {
      (void)!::write(2, "hung in: ", 9);
      (void)!::write(2, name(), std::strlen(name()));
      (void)!::write(2, "\n", 1);
      ::_exit(1);
    });
  }
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  ~watchdog() { ::alarm(0); }
  void within(unsigned seconds) const noexcept { ::alarm(seconds); }

 private:
  static const char*& name() noexcept {
    static const char* n = "";
    return n;
  }
};

/// What a campaign has found.
struct findings {
  std::string name;
  unsigned long instructions = 0;  // that were stepped through
  unsigned long kills = 0, faults = 0;
  std::size_t places = 0;
  unsigned long commits_at = 0;  // the first boundary at which the effect was there
  std::int64_t told_ns = 0;      // the longest that somebody waited to be told
  sluice::recovery healed;
  unsigned long kept_waiting = 0;  // times that somebody stood behind a living fellow
  std::string first_fault;
  std::vector<std::pair<place, observation>> states;  // what was found in each, if each was asked for

  void add(unsigned long at, const std::string& fault) {
    if (fault.empty()) return;
    if (faults++ == 0) first_fault = name + ", killed after " + std::to_string(at) + " instructions: " + fault;
  }
  void print() const {
    std::printf("  %-58s %8lu instructions %5zu states %6lu kills %3lu bad", name.c_str(), instructions, places, kills, faults);
    if (commits_at != 0) std::printf("  commits at %lu", commits_at);
    if (told_ns != 0) std::printf("  told within %.1f ms", static_cast<double>(told_ns) / 1e6);
    std::printf("\n");
    if (faults != 0) std::printf("    %s\n", first_fault.c_str());
  }
};

/// Which boundaries of an operation a victim is really killed at.
enum class thoroughness {
  each_state,        // one of every class that leaves the same world
  each_instruction,  // all of them; if that costs too many steps, each state and a few dozen others
};

/// In every second of two cases somebody does `early` what others do late.
template <class World>
observation ask_survivors(trial<World>& t, std::int64_t killed_at, bool early) {
  if constexpr (World::promises.to_each) return audience_oracle<World>(t, killed_at, early).ask();
  else if (t.what().fellow != beside::nobody) return company_oracle<World>(t, killed_at, early).ask();
  else return oracle<World>(t, killed_at, early).ask();
}

template <class World>
class campaign {
 public:
  explicit campaign(scene<World> s) : scene_(std::move(s)), guard_(name()) { found_.name = name_; }

  const std::string& called() const noexcept { return name_; }
  findings run(thoroughness how, stride by = stride::instruction) {
    warm_up();
    const auto descriptors = test::open_descriptors();
    const auto maps = test::mappings();
    const walk w = whole_operation(by);
    const unsigned long n = w.instructions;
    const bool affordable = n * n / 2 <= most_steps;
    if (how == thoroughness::each_instruction) {
      const unsigned long apart = affordable ? 1 : n / 32;
      for (unsigned long k = 0; k < n; k += apart)
        kill_at(k, [&](trial<World>& t) { (void)bring_to(t.victim(), k); });
      if (last_) in_order(n, *last_);
      forget_order();
    }
    if (how == thoroughness::each_state || !affordable) {
      for (const place& p : w.places) {
        if (&p == &w.places.back()) break;  // the walk itself ended there
        kill_at(p.first, [&](trial<World>& t) { (void)bring_to(t.victim(), p, t.world().path(), scene_.by()); });
        found_.states.emplace_back(p, before_);
      }
      if (last_) {
        in_order(w.places.back().first, *last_);
        found_.states.emplace_back(w.places.back(), before_);
      }
    }
    if (test::open_descriptors() != descriptors) found_.add(0, "descriptors are left");
    if (test::mappings() > maps + 4) found_.add(0, "mappings are left");
    return found_;
  }
  /// Killed while it sleeps in the system call that it waits in.
  findings run_asleep() {
    warm_up();
    found_.name += ", asleep";
    found_.places = 1;
    kill_at(0, [&](trial<World>& t) {
      if (!t.victim().run_to_sleep()) found_.add(0, "it did not sleep");
    });
    return found_;
  }

 private:
  static constexpr unsigned long most_steps = SLUICE_TEST_TIER_FULL ? 1'000'000 : 30'000;

  // What a process does once for all its ends, victims inherit as done; or else the first would take another path than
  // those after it.
  static void warm_up() {
    static const bool done = [] {
      const World w{terms{}};
      ends<World> both(w);
      return both.open_sink() == errc::ok && both.open_source() == errc::ok;
    }();
    (void)done;
  }
  const char* name() {
    const auto& s = scene_;
    name_ = s.op->name;
    name_ += s.channel.on_disk ? ", disk" : s.channel.on_file ? ", file" : ", shm";
    if (sizeof(typename World::sink::value_type) > 64) name_ += ", wide";
    if (s.channel.persistent) name_ += ", persistent";
    if (s.channel.no_anonymous_files) name_ += ", named first";
    name_ += ", " + std::to_string(s.filled) + "/" + std::to_string(s.channel.capacity) + " after " + std::to_string(s.passed);
    if (s.predecessor == before::dead) name_ += ", predecessor dead";
    name_ += s.other == peer::nobody ? ", no peer" : s.other == peer::asleep ? ", peer asleep" : s.other == peer::dead ? ", peer dead" : "";
    static const char* const manners[] = {"", "idle", "who finishes", "who gives up", "asleep"};
    if (s.fellow != beside::nobody)
      name_ += std::string(", a fellow ") + (s.fellows_role == side::producer ? "producer " : "consumer ") + manners[static_cast<int>(s.fellow)];
    if (s.first != nullptr) name_ += std::string(" in ") + s.first->name + " at " + std::to_string(s.first_at.first);
    if (s.answered) name_ += ", answered";
    return name_.c_str();
  }

  // The walk through it, which also kills at the very end.
  walk whole_operation(stride by) {
    guard_.within(600);
    trial<World> t(scene_);
    walk w;
    if (!t.ready()) return found_.add(0, "the scene could not be set up"), w;
    w = step_through(t.victim(), t.world().path(), by);
    found_.instructions = w.instructions;
    found_.places = w.places.size();
    if (!w.complete) found_.add(w.instructions, "the operation did not come to its end");
    last_ = finish(t);
    return w;
  }
  template <class Bring>
  void kill_at(unsigned long at, Bring bring) {
    guard_.within(120);
    trial<World> t(scene_);
    if (!t.ready()) return found_.add(at, "the scene could not be set up");
    bring(t);
    in_order(at, finish(t));
  }
  // Every second victim is left a zombie while the survivors go on; in every second pair a successor is the first of them.
  observation finish(trial<World>& t) {
    const std::int64_t now = test::now_ns();
    if (++found_.kills % 2 == 0) t.victim().kill();
    else t.victim().kill_and_leave();
    guard_.within(20);
    observation o = ask_survivors(t, now, found_.kills / 2 % 2 == 1);
    t.victim().reap();
    found_.told_ns = std::max(found_.told_ns, o.told_ns);
    found_.healed += o.healed, found_.kept_waiting += o.kept_waiting;
    return o;
  }
  // What later boundaries must not undo; and a single message, or a batch of pops, has one commit point.
  void in_order(unsigned long at, const observation& o) {
    found_.add(at, o.fault);
    // Somebody who runs beside the victim makes each walk another one: by his pace there is one call more or less.
    if (!o.fault.empty() || scene_.by() == landmark::instruction || scene_.answered) return;
    const told end_before = end_.value_or(o.end), end = o.end_asked ? o.end : end_before;
    if (o.end_asked) end_ = o.end;
    if (any_) {
      const bool producer = scene_.by_producer();
      const u64 own = producer ? o.published : o.taken, own_before = producer ? before_.published : before_.taken;
      // A consumer that is killed while it heals has been told from some point on, and then its successor is not. And of
      // two ends in a row the second counts.
      const bool told_ahead = scene_.other == peer::dead && !scene_.by_producer();
      const bool end_undone = scene_.first == nullptr && (told_ahead ? end_before < end : end < end_before);
      if (own < own_before || end_undone)
        found_.add(at, "undone: " + std::to_string(own_before) + " to " + std::to_string(own) + ", told " +
                           std::to_string(static_cast<int>(end_before)) + " to " + std::to_string(static_cast<int>(end)));
      if (own != own_before || end > end_before) {
        found_.commits_at = at;
        if (++steps_ > 1 && (scene_.op->moves == 1 || scene_.op->together)) found_.add(at, "more than one commit point");
      }
    }
    before_ = o;
    any_ = true;
  }

  void forget_order() noexcept { any_ = false, steps_ = 0, end_.reset(); }

  scene<World> scene_;
  std::string name_;
  watchdog guard_;
  findings found_;
  std::optional<observation> last_;
  observation before_;
  std::optional<told> end_;  // the last one that was asked for
  bool any_ = false;
  unsigned steps_ = 0;
};

}  // namespace kill_rig

#endif
