// SPDX-License-Identifier: MIT
#include "rings.hpp"

#include <algorithm>
#include <deque>
#include <functional>

using namespace kill_rig;

// Victims that are killed while messages of all priorities lie in the queue.
//
// What a death has left is read from the words of the queue before anybody acts, as ring/ordered_layout.hpp has them: a
// place from the head on that says `full` is a message that nobody has begun to take; one that the head has passed, and
// which is not yet vacant (C4), was taken and not popped; a place that is neither holds nothing. By this alone:
//
//   each message that nobody had begun to take comes once, does not say redelivered(), and those of one priority in order;
//   each that the dead had taken and not popped comes once, and says so; no other one comes;
//   what the dead had taken, or popped, are the first of the highest priority; what it pushed is of its priority, and the
//   first of its batch; and later instructions undo none of it;
//   once the dead are healed, they come from the highest priority downwards, of each those that were taken before first;
//   a message that a living fellow has out is its own;
//   healing again changes nothing, and each priority has its exact capacity, lap after lap.

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

constexpr unsigned levels = rig::priorities::parts;
constexpr std::size_t capacity = 4;
constexpr u64 batch = 4;
constexpr u64 victims = 1000, refills = 2000;  // where the numbers of later messages start

constexpr u64 numbered_at(u64 number, unsigned priority) noexcept { return u64{priority} << 32 | number; }
constexpr unsigned priority_of(u64 seq) noexcept { return static_cast<unsigned>(seq >> 32); }

struct heals_lowest : rig::priorities {
  using kind = planted::heals_lowest;
};

template <class World>
struct deed {
  const char* name;
  side who;
  std::function<u64(ends<World>&)> run;  // says how many messages it has moved
  u64 moves = 1;                         // at most
  unsigned priority = 0;                 // of what it pushes
  bool keeps = false;                    // puts back what it has taken
};

template <class World>
std::vector<deed<World>> all_deeds() {
  using e = ends<World>;
  std::vector<deed<World>> all;
  for (unsigned p = 0; p < levels; ++p)
    all.push_back({"push", side::producer,
                   [p](e& v) { return u64{v.t->push(numbered<item>(numbered_at(victims, p)), p, sluice::now) ? 1u : 0u}; }, 1, p});
  all.push_back({"push, batch", side::producer, [](e& v) {
                   item some[batch];
                   for (u64 k = 0; k < batch; ++k) some[k] = numbered<item>(numbered_at(victims + k, 1));
                   return u64{v.t->push(std::span<const item>(some), 1, sluice::now).value_or(0)};
                 }, batch, 1});
  all.push_back({"claim, commit", side::producer, [](e& v) {
                   auto place = v.t->claim(2, sluice::now);
                   if (!place) return u64{0};
                   *place = numbered<item>(numbered_at(victims, 2));
                   place.commit();
                   return u64{1};
                 }, 1, 2});
  all.push_back({"claim, abort", side::producer, [](e& v) {
                   const auto place = v.t->claim(2, sluice::now);
                   return u64{0};
                 }, 0, 2});
  all.push_back({"pop", side::consumer, [](e& v) { return u64{v.r->pop(sluice::now) ? 1u : 0u}; }});
  all.push_back({"pop, batch", side::consumer, [](e& v) {
                   item some[batch];
                   return u64{v.r->pop(std::span<item>(some), sluice::now).value_or(0)};
                 }, batch});
  all.push_back({"borrow, release", side::consumer, [](e& v) { return u64{v.r->borrow(sluice::now) ? 1u : 0u}; }});
  all.push_back({"borrow, keep", side::consumer, [](e& v) {
                   auto lent = v.r->borrow(sluice::now);
                   if (lent) lent.keep();
                   return u64{0};
                 }, 1, 0, true});
  return all;
}

/// What lies in the queue before the deed, and who has something of it out.
struct setting {
  const char* name;
  std::vector<unsigned> priorities;  // of the messages, in the order in which they were pushed
  u64 passed = 0;                    // messages that have gone through each priority before
  beside fellow = beside::nobody;    // a consumer that has the first message out
};

/// What a death has left.
struct remains {
  std::deque<u64> fresh[levels];  // in order
  std::vector<u64> taken;         // and not popped
  u64 touched = 0;                // of the messages that lay there: taken or popped by the dead
  u64 pushed = 0;                 // by the dead
};

template <class Rig>
class mixed_trial {
 public:
  using world_type = world<Rig, item>;
  using deed_type = deed<world_type>;

  mixed_trial(const setting& s, const deed_type& d) : setting_(s), deed_(d), world_({.capacity = capacity}), living_(world_), fellow_(world_) {
    done() = 0;
    ready_ = living_.open_sink() == errc::ok && living_.open_source() == errc::ok && fellow_.open_source() == errc::ok && fill();
    if (ready_) begin(victim_, deed_);
  }
  [[nodiscard]] bool ready() const { return ready_ && victim_->running(); }
  tracee& victim() { return *victim_; }
  const std::string& path() const { return world_.path(); }
  /// Somebody comes who will heal what the victim leaves, and is killed in turn.
  bool begin_healing(bool by_consumer) {
    healer_.name = "heal", healer_.who = by_consumer ? side::consumer : side::producer;
    healer_.run = [by_consumer](auto& e) { return by_consumer ? (void)e.r->recover() : (void)e.t->recover(), u64{0}; };
    begin(second_, healer_);
    return second_->running();
  }
  tracee& second() { return *second_; }

  /// What is wrong; empty if all is well.
  std::string ask(bool heals, remains& left) {
    (void)(look(left) && blame(left, done() != 0) && let_fellow_finish(left, heals) && drain(left, heals) && heal_again() && go_round() && leave());
    return fault_;
  }

 private:
  using ring_type = typename world_type::sink::home_type::ring_type;

  static std::atomic<u64>& done() {
    static const test::shared_with_children<std::atomic<u64>> d;
    return *d;
  }
  bool fault(const std::string& what, u64 seen = 0, u64 wanted = 0) {
    const auto text = [](u64 seq) { return std::to_string(seq & 0xffffffff) + " at " + std::to_string(priority_of(seq)); };
    if (fault_.empty()) fault_ = what + ": " + text(seen) + ", wanted " + text(wanted);
    return false;
  }
  bool fill() {
    for (u64 k = 0; k < setting_.passed; ++k)
      for (unsigned p = 0; p < levels; ++p)
        if (!living_.t->push(numbered<item>(0), p, sluice::now) || !living_.r->try_pop()) return false;
    for (u64 n = 0; const unsigned p : setting_.priorities) {
      if (!living_.t->push(numbered<item>(numbered_at(n, p)), p, sluice::now)) return false;
      lay_[p].push_back(numbered_at(n++, p));
    }
    if (setting_.fellow == beside::nobody) return true;
    auto& lent = fellow_.lent.emplace(fellow_.r->borrow(sluice::now));
    if (!lent || lay_[highest()].front() != lent->seq) return false;
    lay_[highest()].pop_front();
    return true;
  }
  unsigned highest() const {
    unsigned p = levels - 1;
    while (p != 0 && lay_[p].empty()) --p;
    return p;
  }
  void begin(std::optional<tracee>& who, const deed_type& d) {
    who.emplace([this, &d] {
      ends<world_type> e(world_);
      if ((d.who == side::producer ? e.open_sink() : e.open_source()) != errc::ok) return 3;
      mark();
      const u64 n = d.run(e);
      if (&d == &deed_) done() = n + 1;
      mark();
      return 0;
    });
    who->run_to_mark();
  }

  // Reads the words, and whose messages they are.
  bool look(remains& left) {
    const auto& member = living_.r->home().member();
    const ring_type ring(member.body(), capacity, member.persistent());
    std::size_t there = 0;
    for (unsigned p = 0; p < levels; ++p) {
      const auto level = ring.level(p);
      auto at = level.order().tail.load();
      const auto ahead = level.distance(level.order().head.load(), at);
      if (ahead > capacity) return fault("more places than there are", ahead);
      std::deque<u64> taken;
      for (std::size_t k = 1; k <= capacity; ++k) {
        at = level.previous(at);
        auto& cell = level.cells()[level.index_of(at)];
        const auto w = cell.word.load();
        const auto state = ring_type::level_type::state_of(w);
        if (level.lap_of(w) != level.lap_of(at) || state == sluice::cell_state::tomb) continue;  // popped, or nothing
        if (state == sluice::cell_state::vacant || state == sluice::cell_state::claimed) continue;  // not pushed
        const u64 seq = cell.item()->seq;
        if (priority_of(seq) != p) return fault("in the ring of another priority", seq, numbered_at(0, p));
        if (k > ahead) taken.push_front(seq);
        else left.fresh[p].push_front(seq);
        there += (seq & 0xffffffff) < victims ? 1u : 0u;
        left.pushed += (seq & 0xffffffff) >= victims ? 1u : 0u;
      }
      for (const u64 seq : taken)
        if (!fellow_.lent || (*fellow_.lent)->seq != seq) left.taken.push_back(seq);
    }
    const std::size_t fellows = fellow_.lent ? 1 : 0;
    left.touched = setting_.priorities.size() - there + left.taken.size();
    return there >= fellows || fault("the fellow's message is gone");
  }
  // Was the deed what it should be, as far as it came?
  bool blame(const remains& left, bool over) {
    const unsigned from = highest();
    const u64 could_take = deed_.who == side::consumer ? std::min<u64>(deed_.moves, lay_[from].size()) : 0;
    const u64 could_push = deed_.who == side::producer ? std::min<u64>(deed_.moves, capacity - lay_[deed_.priority].size()) : 0;
    if (left.touched > could_take || (over && left.touched != could_take)) return fault("taken", left.touched, could_take);
    if (left.pushed > could_push || (over && left.pushed != could_push)) return fault("pushed", left.pushed, could_push);
    for (unsigned p = 0; p < levels; ++p) {
      std::deque<u64> wanted = lay_[p];
      if (p == from) wanted.erase(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(left.touched));
      if (p == deed_.priority)
        for (u64 k = 0; k < left.pushed; ++k) wanted.push_back(numbered_at(victims + k, p));
      if (left.fresh[p] != wanted) return fault("untouched messages of this priority", numbered_at(left.fresh[p].size(), p), numbered_at(wanted.size(), p));
    }
    for (const u64 seq : left.taken)
      if (const auto end = lay_[from].begin() + static_cast<std::ptrdiff_t>(left.touched); std::find(lay_[from].begin(), end, seq) == end)
        return fault("the wrong message was taken", seq, lay_[from].front());
    if (over && left.taken.size() != (deed_.keeps ? could_take : 0)) return fault("a pop that has returned", left.taken.size());
    return true;
  }
  bool let_fellow_finish(remains& left, bool heals) {
    if (heals) (void)living_.r->recover(), (void)living_.t->recover();
    if (!fellow_.lent) return true;
    const u64 seq = (*fellow_.lent)->seq;
    if (setting_.fellow == beside::gives_up) (*fellow_.lent).keep(), left.taken.push_back(seq);
    else (*fellow_.lent).release();
    fellow_.lent.reset();
    return true;
  }
  bool drain(remains left, bool healed) {
    constexpr int polls = 2 * static_cast<int>(Rig::promises.asks_every) + 100;  // enough to ask twice who lives
    for (int poll = 0; poll < polls; ++poll) {
      const auto m = living_.r->try_pop();
      if (!m && !m.err().again()) return fault("was told something", static_cast<u64>(m.err().code));
      if (!m) continue;
      poll = 0;
      if (!is_numbered(*m, m->seq)) return fault("torn", m->seq);
      const unsigned p = priority_of(m->seq);
      if (p >= levels || living_.r->last_priority() != p) return fault("it says another priority", living_.r->last_priority(), m->seq);
      const auto had = std::find(left.taken.begin(), left.taken.end(), m->seq);
      const bool again = had != left.taken.end();
      if (living_.r->redelivered() != again) return fault(again ? "comes again, and does not say so" : "redelivered, and nobody had it", m->seq);
      if (again) left.taken.erase(had);
      else if (left.fresh[p].empty() || left.fresh[p].front() != m->seq) return fault("twice, out of order or out of nothing", m->seq);
      else left.fresh[p].pop_front();
      if (!healed) continue;
      for (unsigned above = p + 1; above < levels; ++above)
        if (!left.fresh[above].empty()) return fault("before a higher one", m->seq, left.fresh[above].front());
      for (const u64 seq : left.taken)
        if (priority_of(seq) > p || (priority_of(seq) == p && !again)) return fault("before one that was taken", m->seq, seq);
    }
    for (const auto& fresh : left.fresh)
      if (!fresh.empty()) return fault("lost", fresh.front());
    return left.taken.empty() || fault("lost with the dead", left.taken.front());
  }
  bool heal_again() {
    (void)living_.r->recover(), (void)living_.t->recover();
    snapshot image(path());
    (void)image.changed();
    (void)living_.r->recover(), (void)living_.t->recover();
    return !image.changed() || fault("healing again changed something");
  }
  bool go_round() {
    for (int lap = 0; lap < 2; ++lap) {
      for (unsigned p = 0; p < levels; ++p) {
        for (u64 k = 0; k < capacity; ++k)
          if (!living_.t->push(numbered<item>(numbered_at(refills + k, p)), p, sluice::now)) return fault("capacity", numbered_at(k, p));
        if (living_.t->push(numbered<item>(0), p, sluice::now).err() != errc::full) return fault("more than the capacity", numbered_at(0, p));
      }
      for (unsigned p = levels; p-- != 0;)
        for (u64 k = 0; k < capacity; ++k)
          if (const auto m = living_.r->try_pop(); !m || m->seq != numbered_at(refills + k, p)) return fault("round trip", m ? m->seq : 0, numbered_at(k, p));
      if (living_.r->try_pop().err() != errc::empty) return fault("not empty after all");
    }
    if (const auto n = living_.t->peers(); n != 3) return fault("peers", n, 3);
    const auto n = test::locks_on(path());
    return n == 3 || fault("locks", n, 3);
  }
  bool leave() {
    living_.leave(), fellow_.leave();
    const auto n = test::locks_on(path());
    return n == 0 || fault("locks are left", n);
  }

  const setting& setting_;
  const deed_type& deed_;
  world_type world_;
  ends<world_type> living_, fellow_;
  std::deque<u64> lay_[levels];  // what nobody has out, in order
  std::optional<tracee> victim_, second_;
  deed_type healer_;
  bool ready_ = false;
  std::string fault_;
};

struct mixed_totals {
  unsigned long scenes = 0, kills = 0, faults = 0;
  std::string first_fault;

  void add(const std::string& where, const std::string& fault) {
    ++kills;
    if (!fault.empty() && faults++ == 0) first_fault = where + ": " + fault;
  }
};

const std::vector<setting>& settings() {
  static const std::vector<setting> all{
      {"all priorities", {0, 1, 2, 0, 1, 2, 0}},
      {"all, later", {2, 1, 0, 1, 2, 0}, 6, beside::finishes},
      {"nothing above", {0, 1, 0, 1, 1}, 3},
      {"the lowest only", {0, 0, 0}, 1, beside::gives_up},
      {"full on top", {2, 0, 2, 2, 1, 2}, 2},
      {"nothing", {}, 5},
      {"taken above", {1, 2, 0, 1}, 0, beside::gives_up},
  };
  return all;
}

/// Kills in each place of the deed that leaves another world; where asked for, at each instruction.
template <class Rig>
std::vector<place> kill_in(mixed_totals& sum, const setting& s, const deed<world<Rig, item>>& d, bool each_instruction) {
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
    kill(", killed after " + std::to_string(w.places[k].first), [&](auto& t) { (void)bring_to(t.victim(), w.places[k], t.path(), landmark::store); });
  kill(", killed after the whole", [](auto& t) { (void)t.victim().run_to_mark(); });
  return w.places;
}

/// And in each place of healing it.
template <class Rig>
void kill_healers_of(mixed_totals& sum, const setting& s, const deed<world<Rig, item>>& d, const place& at) {
  const std::string where = std::string("healing of ") + d.name + " at " + std::to_string(d.priority) + ", " + s.name + ", after " + std::to_string(at.first);
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
      for (std::size_t k = 0; k < places.size(); k += full ? 1 : 2) kill_healers_of<rig::priorities>(sum, s, d, places[k]);
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
  std::printf("planted, a healer of the lowest priority only: %lu of %lu kills bad: %s\n", sum.faults, sum.kills, sum.first_fault.c_str());
  CHECK(sum.faults > 0);
  CHECK(sum.faults < sum.kills);
}
