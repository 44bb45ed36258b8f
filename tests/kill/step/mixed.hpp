// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_STEP_MIXED_HPP
#define SLUICE_TESTS_KILL_STEP_MIXED_HPP

#include "rig/priorities.hpp"
#include "trial.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <vector>

// Victims that are killed while messages of all priorities lie in the queue.
//
// What a death has left is read from the words of the queue before anybody acts, as ring/ordered_layout.hpp has them: a
// place from the head on that says `full` is a message that nobody has begun to take; one that the head has passed, and
// which is not yet vacant (C4), was taken and not popped; a place that is neither holds nothing. By this alone:
//
//   each message that nobody had begun to take comes once, does not say redelivered(), and in order in its priority;
//   each that the dead had taken and not popped comes once, and says so; no other one comes;
//   what the dead had taken, or popped, are the first of the highest priority; what it pushed is of its priority, and
//   the first of its batch; and later instructions undo none of it;
//   once the dead are healed, they come from the highest priority downwards, of each first those that were taken before;
//   a message that a living fellow has out is its own;
//   healing again changes nothing, and each priority has its exact capacity, lap after lap.

namespace kill_rig::mixed {

inline constexpr unsigned levels = rig::priorities::parts;
inline constexpr std::size_t each = 4;  // the capacity, of each priority
inline constexpr u64 batch = 4;
inline constexpr u64 victims = 1000, refills = 2000;  // where the numbers of later messages start

constexpr u64 numbered_at(u64 number, unsigned priority) noexcept { return u64{priority} << 32 | number; }
constexpr u64 number_of(u64 seq) noexcept { return seq & 0xffffffff; }
constexpr unsigned priority_of(u64 seq) noexcept { return static_cast<unsigned>(seq >> 32); }

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
    all.push_back({"push", side::producer, [p](e& v) {
                     const auto done = v.t->push(numbered<item>(numbered_at(victims, p)), p, sluice::now);
                     return u64{done ? 1u : 0u};
                   }, 1, p});
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

inline const std::vector<setting>& settings() {
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

  mixed_trial(const setting& s, const deed_type& d)
      : setting_(s), deed_(d), world_({.capacity = each}), living_(world_), fellow_(world_) {
    done() = 0;
    const auto open = [](errc e) { return e == errc::ok; };
    ready_ = open(living_.open_sink()) && open(living_.open_source()) && open(fellow_.open_source()) && fill();
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
    (void)(look(left) && blame(left, done() != 0) && let_fellow_finish(left, heals) && drain(left, heals) &&
           heal_again() && go_round() && leave());
    return fault_;
  }

 private:
  using ring_type = typename world_type::sink::home_type::ring_type;

  static std::atomic<u64>& done() {
    static const test::shared_with_children<std::atomic<u64>> d;
    return *d;
  }
  bool fault(const std::string& what, u64 seen = 0, u64 wanted = 0) {
    const auto text = [](u64 seq) {
      return std::to_string(number_of(seq)) + " at " + std::to_string(priority_of(seq));
    };
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
    const ring_type ring(member.body(), each, member.persistent());
    u64 there = 0;
    for (unsigned p = 0; p < levels; ++p) {
      const auto level = ring.level(p);
      auto at = level.order().tail.load();
      const auto ahead = level.distance(level.order().head.load(), at);
      if (ahead > each) return fault("more places than there are", ahead);
      std::deque<u64> taken;
      for (std::size_t k = 1; k <= each; ++k) {
        at = level.previous(at);
        auto& cell = level.cells()[level.index_of(at)];
        const auto w = cell.word.load();
        const auto state = ring_type::level_type::state_of(w);
        if (level.lap_of(w) != level.lap_of(at) || state == sluice::cell_state::tomb) continue;  // popped, or nothing
        if (state == sluice::cell_state::vacant || state == sluice::cell_state::claimed) continue;
        const u64 seq = cell.item()->seq;
        if (priority_of(seq) != p) return fault("in the ring of another priority", seq, numbered_at(0, p));
        if (k > ahead) taken.push_front(seq);
        else left.fresh[p].push_front(seq);
        ++(number_of(seq) < victims ? there : left.pushed);
      }
      for (const u64 seq : taken)
        if (!fellow_.lent || (*fellow_.lent)->seq != seq) left.taken.push_back(seq);
    }
    const u64 fellows = fellow_.lent ? 1 : 0;
    left.touched = setting_.priorities.size() - there + left.taken.size();
    return there >= fellows || fault("the fellow's message is gone");
  }
  // Was the deed what it should be, as far as it came?
  bool blame(const remains& left, bool over) {
    const unsigned from = highest();
    const u64 could_take = deed_.who == side::consumer ? std::min<u64>(deed_.moves, lay_[from].size()) : 0;
    const u64 room = each - lay_[deed_.priority].size();
    const u64 could_push = deed_.who == side::producer ? std::min(deed_.moves, room) : 0;
    const auto fits = [over](u64 done, u64 all) { return over ? done == all : done <= all; };
    if (!fits(left.touched, could_take)) return fault("taken", left.touched, could_take);
    if (!fits(left.pushed, could_push)) return fault("pushed", left.pushed, could_push);
    const auto touched_end = lay_[from].cbegin() + static_cast<std::ptrdiff_t>(left.touched);
    for (unsigned p = 0; p < levels; ++p) {
      std::deque<u64> wanted = lay_[p];
      if (p == from) wanted.assign(touched_end, lay_[from].cend());
      if (p == deed_.priority)
        for (u64 k = 0; k < left.pushed; ++k) wanted.push_back(numbered_at(victims + k, p));
      if (left.fresh[p] != wanted)
        return fault("untouched messages", numbered_at(left.fresh[p].size(), p), numbered_at(wanted.size(), p));
    }
    for (const u64 seq : left.taken)
      if (std::find(lay_[from].cbegin(), touched_end, seq) == touched_end)
        return fault("the wrong message was taken", seq, lay_[from].front());
    return !over || left.taken.size() == (deed_.keeps ? could_take : 0) ||
           fault("a pop that has returned", left.taken.size());
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
      if (p >= levels || living_.r->last_priority() != p)
        return fault("it says another priority", living_.r->last_priority(), m->seq);
      const auto had = std::find(left.taken.begin(), left.taken.end(), m->seq);
      const bool again = had != left.taken.end();
      if (living_.r->redelivered() != again)
        return fault(again ? "comes again, and does not say so" : "redelivered, and nobody had it", m->seq);
      if (!again && (left.fresh[p].empty() || left.fresh[p].front() != m->seq))
        return fault("twice, out of order or out of nothing", m->seq);
      if (again) left.taken.erase(had);
      else left.fresh[p].pop_front();
      if (healed && !in_turn(left, m->seq, again)) return false;
    }
    for (const auto& fresh : left.fresh)
      if (!fresh.empty()) return fault("lost", fresh.front());
    return left.taken.empty() || fault("lost with the dead", left.taken.front());
  }
  // Where nothing of the dead is in the way any more.
  bool in_turn(const remains& left, u64 came, bool again) {
    const unsigned p = priority_of(came);
    for (unsigned above = p + 1; above < levels; ++above)
      if (!left.fresh[above].empty()) return fault("before a higher one", came, left.fresh[above].front());
    for (const u64 seq : left.taken)
      if (priority_of(seq) > p || (priority_of(seq) == p && !again))
        return fault("before one that was taken", came, seq);
    return true;
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
        for (u64 k = 0; k < each; ++k)
          if (!living_.t->push(numbered<item>(numbered_at(refills + k, p)), p, sluice::now))
            return fault("capacity", numbered_at(k, p));
        if (living_.t->push(numbered<item>(0), p, sluice::now).err() != errc::full)
          return fault("more than the capacity", numbered_at(0, p));
      }
      for (unsigned p = levels; p-- != 0;)
        for (u64 k = 0; k < each; ++k)
          if (const auto m = living_.r->try_pop(); !m || m->seq != numbered_at(refills + k, p))
            return fault("round trip", m ? m->seq : 0, numbered_at(k, p));
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

}  // namespace kill_rig::mixed

#endif
