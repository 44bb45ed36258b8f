// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_COMPANY_ORACLE_HPP
#define SLUICE_TESTS_KILL_COMPANY_ORACLE_HPP

#include "witness.hpp"

#include <algorithm>
#include <vector>

// What must hold for the survivors where a role has several holders and each message goes to one of them: a fellow lives
// beside the victim, or beside its peer.
//
//   all that was pushed and not popped comes once and whole, in the one order of the ring (lanes: of its producer), except
//   what says redelivered(), and that only the dead, or a fellow that puts it back, can have had in hand;
//   what the victim had not finished counts as in the oracle of one producer and one consumer;
//   a place or message that a living fellow has out is never taken from it: who stands behind it is told `pending`, and by
//   whom, for as long as it likes (lanes: nobody stands behind it);
//   as long as a fellow lives, nobody is told of an end; when the last of a role is gone, everybody on the other side is;
//   the victim is succeeded beside its fellows, and the capacity is exact before and after that.

namespace kill_rig {

template <class World>
class company_oracle : public witness<World> {
  using base = witness<World>;
  using base::capacity, base::fault, base::find_bounds, base::leave_nothing, base::meaning, base::mine_, base::persistent, base::polls,
      base::published_, base::seen_, base::taken_, base::timed, base::told_right, base::trial_, base::what;

 public:
  using typename base::item;
  using sink = typename World::sink;
  using source = typename World::source;

  /// `heals`: the survivors ask for it; or else they come to it by being refused.
  company_oracle(trial<World>& t, std::int64_t killed_at, bool heals)
      : base(t, killed_at), fellow_(t.fellow()), heir_(t.world()), heals_(heals) {}

  observation ask() {
    (void)(hear_sleeper() && find_bounds() && draw_line() && carry_on() && fill_roles() && wait_for_fellow() && drain() &&
           settle() && heal_again() && go_round() && succeed() && go_round() && leave());
    return std::move(this->seen_);
  }

 private:
  static constexpr u64 heirs = u64{1} << 42;  // where the numbers of later messages start

  // Messages in the order in which they should come.
  struct entry {
    u64 seq;
    enum { sure, pushed_in_doubt, popped_in_doubt, had } fate = sure;
    bool touched = false;  // somebody who is dead now, or has put it back, may have had it in hand
    bool came = false;
    bool out_of_turn = false;
  };
  void expect(u64 seq) { line_.push_back({seq}); }

  std::vector<sink*> producers() {
    std::vector<sink*> all;
    for (auto* e : {&mine_, &fellow_, &heir_})
      if (e->t && !e->place) all.push_back(&*e->t);
    return all;
  }
  std::vector<source*> consumers() {
    std::vector<source*> all;
    for (auto* e : {&mine_, &fellow_, &heir_})
      if (e->r && !e->lent) all.push_back(&*e->r);
    return all;
  }
  bool anybody(side s) const {
    const auto has = [s](const ends<World>& e) { return s == side::producer ? e.t.has_value() : e.r.has_value(); };
    return has(mine_) || has(fellow_) || has(heir_);
  }
  unsigned fellows_slot() const { return fellow_.t ? fellow_.t->home().member().slot() : fellow_.r->home().member().slot(); }
  static bool redelivered(const source& s) {
    if constexpr (requires { s.redelivered(); }) return s.redelivered();
    else return false;
  }

  // A fellow that sleeps in the victim's role: what the victim was woken for, and has not done, the fellow does within a slice.
  bool hear_sleeper() {
    if (what().fellow != beside::asleep) return true;
    const auto& report = trial_.others_report();
    const bool answered = mine_.next != (what().by_producer() ? trial_.taken() : trial_.pushed());
    const auto moved = [&] { return report.count != 0; };
    if (answered && !test::eventually(moved, 0.1)) {
      if (!what().by_producer()) (void)(seen_.returned || test::eventually(moved, 1));
      // A place that the victim had claimed is free only once a consumer has come past it, but the next one is free now.
      else if (const auto m = mine_.r->try_pop(); !m || !is_numbered(*m, mine_.next)) return fault("nothing to pop in a full ring");
      else if (++mine_.next; !test::eventually(moved, 1)) return fault("a fellow is left asleep");
    }
    if (moved()) timed();
    slept_through_ = answered && !moved();
    if (auto* const sleeper = trial_.sleeper()) sleeper->kill();
    return report.error == errc::ok || fault("a sleeper was told something", static_cast<u64>(report.error.load()));
  }

  // What is in the ring, as far as it is known before anybody looks.
  bool draw_line() {
    const bool asleep = what().fellow == beside::asleep;
    const u64 slept = asleep ? trial_.others_report().count.load() : 0;
    u64 next = what().first == nullptr && what().by_producer() ? taken_.least : trial_.taken();
    const auto held = [&](const operation<World>* op) {
      return op == nullptr || op->who == side::producer || op->opens ? 0 : op->moves != 0 ? op->moves : 1;
    };
    if (fellow_.lent) {
      if (!is_numbered(**fellow_.lent, next)) return fault("the fellow has the wrong message", (*fellow_.lent)->seq, next);
      line_.push_back({next++, entry::sure, what().fellow == beside::gives_up, what().fellow == beside::finishes});
    }
    if (!what().by_producer() && slept + taken_.least > published_.least) return fault("two have popped it", slept);
    for (u64 n = 0; asleep && !what().by_producer() && n < slept; ++n) line_.push_back({next++, entry::had});
    for (u64 n = trial_.taken(), end = n + held(what().op) + held(what().first); n < end && next < published_.least; ++n, ++next)
      line_.push_back({next, n < taken_.least ? entry::had : n < taken_.most ? entry::popped_in_doubt : entry::sure, true});
    for (; next < trial_.pushed(); ++next) expect(next);
    place_at_ = line_.size();
    if (fellow_.place && what().fellow == beside::finishes) expect(fellows);
    for (; next < published_.least; ++next) expect(next);
    for (; next < published_.most; ++next) line_.push_back({next, entry::pushed_in_doubt});
    if (what().by_producer())
      for (u64 n = 0; n < slept; ++n) expect(fellows + n);
    return true;
  }

  // Those who live go on at once; and if they have nobody left on the other side, they are told.
  bool carry_on() {
    if (heals_) {
      for (auto* t : producers()) (void)t->recover();
      for (auto* r : consumers()) (void)r->recover();
    }
    if (!what().by_producer()) return (!mine_.t || fill_up(mine_)) && (!fellow_.t || fellow_.place || fill_up(fellow_));
    return what().fellow != beside::idle || !fellow_.t || !anybody(side::consumer) || push_one();
  }
  // A fellow of the dead producer, behind the place that this one may have claimed.
  bool push_one() {
    const u64 room = capacity() - what().filled, taken = World::promises.tomb_takes * (what().op->moves != 0 ? what().op->moves : 1);
    const auto s = fellow_.t->try_push(numbered<item>(fellow_.next));
    if (s) return expect(fellow_.next++), true;
    if (!s.err().again()) return fault("a fellow is told of something", static_cast<u64>(s.err().code));
    return (World::promises.one_order && room <= taken) || fault("a fellow finds no room", static_cast<u64>(s.err().code));
  }
  // A producer before whom a consumer died: pushes until it is refused for good.
  bool fill_up(ends<World>& who) {
    sluice::error e;
    u64 n = 0;
    for (int poll = 0; poll < polls; ++poll) {
      const auto s = who.t->try_push(numbered<item>(who.next));
      e = s.err();
      if (!s && !e.again()) break;
      if (!s) continue;
      expect(who.next++), poll = 0;
      if (++n > capacity()) return fault("more was accepted than fits", n);
    }
    if (&who == &mine_) accepted_ = n;
    if (!anybody(side::consumer)) return told_right(meaning(e.code), false);
    if (!e.again()) return fault("was told of somebody who has a fellow", static_cast<u64>(e.code));
    seen_.kept_waiting += e == errc::pending ? 1u : 0u;
    return e != errc::pending || !fellow_.lent || e.who == fellows_slot() + 1 || fault("pending, by whom", e.who, fellows_slot() + 1);
  }
  bool fill_roles() {
    if (!anybody(side::consumer) && heir_.open_source() != errc::ok) return fault("no successor as consumer");
    return true;
  }
  // What a living fellow has out stays out.
  bool wait_for_fellow() {
    if (!fellow_.place && !fellow_.lent) return true;
    if (!consumers().empty()) {
      if (!drain()) return false;
      for (const auto e : last_errors_) {
        passed_over_ = passed_over_ || (fellow_.place && e == errc::empty);
        if (e == errc::pending ? !World::promises.one_order || e.who != fellows_slot() + 1 : e != errc::empty || !may_be_empty())
          return fault("what a fellow has out", static_cast<u64>(e.code) * 100 + e.who, fellows_slot() + 1);
        seen_.kept_waiting += e == errc::pending ? 1u : 0u;
      }
    }
    if (fellow_.place && what().fellow == beside::finishes) (*fellow_.place).commit();
    if (fellow_.lent && what().fellow == beside::finishes) (*fellow_.lent).release();
    if (fellow_.lent && what().fellow == beside::gives_up) (*fellow_.lent).keep();
    fellow_.place.reset(), fellow_.lent.reset();
    return true;
  }

  // Nothing need have been pushed behind a place that is out, and a message that is out is in the way of an end only.
  bool may_be_empty() const { return fellow_.place || persistent() || what().op->opens || anybody(side::producer); }

  // Takes all that comes, until nothing comes any more however often they ask.
  bool drain() {
    for (int poll = 0; poll < polls; ++poll) {
      last_errors_.clear();
      bool over = true;
      for (auto* r : consumers()) {
        const auto m = r->try_pop();
        last_errors_.push_back(m.err());
        over = over && m.err() && !m.err().again();
        if (!m) continue;
        poll = 0;
        if (!is_numbered(*m, m->seq)) return fault("torn", m->seq);
        if (!note(m->seq, redelivered(*r))) return false;
      }
      if (over) break;
    }
    return true;
  }
  bool note(u64 seq, bool again) {
    const auto here = std::find_if(line_.begin(), line_.end(), [seq](const entry& e) { return e.seq == seq; });
    if (here == line_.end()) return fault("nobody has pushed it", seq);
    if (here->came) return fault("came twice", seq);
    if (here->fate == entry::had) return fault("comes again, and was had", seq);
    if (again && !here->touched) return fault("redelivered, and nobody had it", seq);
    const auto group = [](u64 s) { return World::promises.one_order ? 0 : s >> 32; };
    if (!again)
      for (auto later = here + 1; later != line_.end(); ++later)
        if (later->came && !later->out_of_turn && group(later->seq) == group(seq)) return fault("out of order", seq, later->seq);
    here->came = true, here->out_of_turn = again;
    return true;
  }
  bool settle() {
    u64 pushed = 0, had = 0;
    bool gap = false, left = false;
    for (std::size_t k = 0; const entry& e : line_) {
      const bool behind = k++ >= place_at_ && e.seq != fellows;
      if (behind && e.came && passed_over_ && World::promises.one_order) return fault("empty, and yet behind a place", e.seq);
      switch (e.fate) {
        case entry::had: ++had; break;
        case entry::sure:
          if (!e.came) return fault("lost", e.seq);
          break;
        case entry::pushed_in_doubt:
          if (e.came && gap) return fault("a gap in what was pushed", e.seq);
          gap = gap || !e.came;
          pushed += e.came ? 1 : 0;
          break;
        case entry::popped_in_doubt:
          if (!e.came && left) return fault("a gap in what was popped", e.seq);
          left = left || e.came;
          had += e.came ? 0 : 1;
          if (e.came && slept_through_) return fault("a fellow is left asleep", e.seq);
          break;
      }
    }
    if (!what().by_producer() && mine_.t && what().fellow_at_hand() && what().fellows_role == side::consumer) {
      // A message that the fellow has out lies before those that the victim had, and their places stay behind it.
      const u64 room = capacity() - (published_.least - trial_.taken()) + (what().fellow == beside::idle ? had : 0);
      if (accepted_ != room) return fault("room beside a fellow", accepted_, room);
    }
    const bool either = what().fellow == beside::asleep;  // may have done it, as it happens
    seen_.published = either ? trial_.pushed() : published_.least + pushed;
    seen_.taken = trial_.taken() + (either ? 0 : had);
    for (const auto e : last_errors_) {
      if (!anybody(side::producer) && !told_right(meaning(e.code), false)) return false;
      if (anybody(side::producer) && e != errc::empty) return fault("told of somebody who has a fellow", static_cast<u64>(e.code));
    }
    return true;
  }

  bool heal_again() {
    for (auto* r : consumers()) (void)r->recover();
    snapshot image(trial_.world().path());
    (void)image.changed();
    for (int poll = 0; poll < polls; ++poll)
      for (auto* r : consumers())
        if (r->try_pop()) return fault("empty, and yet a message");
    for (auto* r : consumers()) (void)r->recover();
    return !image.changed() || fault("healing again changed something");
  }
  // Everybody who is there fills the ring, and everybody empties it.
  bool go_round() {
    if (!anybody(side::producer) && heir_.open_sink() != errc::ok) return fault("no successor as producer");
    const auto pushers = producers();
    const std::size_t room = World::promises.one_order ? capacity() : capacity() * pushers.size();
    for (int lap = 0; lap < 2; ++lap) {
      line_.clear();
      for (std::size_t i = 0; i < room; ++i) {
        const std::size_t k = i % pushers.size();
        const u64 number = heirs + (u64{k} << 32) + later_++;
        if (const auto s = pushers[k]->try_push(numbered<item>(number)); !s) return fault("capacity", i, room);
        expect(number);
      }
      for (auto* t : pushers)
        if (t->try_push(numbered<item>(0)).err() != errc::full) return fault("more than the capacity");
      if (!drain()) return false;
      for (const entry& e : line_)
        if (!e.came) return fault("round trip", e.seq);
      for (const auto e : last_errors_)
        if (e != errc::empty) return fault("not empty after all", static_cast<u64>(e.code));
    }
    const std::size_t all = producers().size() + consumers().size();
    if (const auto n = pushers.front()->peers(); n != all) return fault("peers", n, all);
    const auto locks = test::locks_on(trial_.world().path());
    return locks == all || fault("locks", locks, all);
  }
  // Somebody takes the victim's place, beside its fellow.
  bool succeed() {
    const bool producer = what().by_producer();
    if (producer ? heir_.t.has_value() : heir_.r.has_value()) return true;
    const errc e = producer ? heir_.open_sink() : heir_.open_source();
    return e == errc::ok || fault("no successor", static_cast<u64>(e));
  }
  bool leave() {
    for (auto* t : producers()) seen_.healed += t->recovered();
    for (auto* r : consumers()) seen_.healed += r->recovered();
    heir_.leave();
    return leave_nothing();
  }

  ends<World>& fellow_;
  ends<World> heir_;
  bool heals_;
  bool passed_over_ = false;    // somebody was told `empty` before the place of a fellow
  std::size_t place_at_ = 0;    // in the line
  bool slept_through_ = false;  // there was something to do for a sleeping fellow, and it did not
  std::vector<entry> line_;
  std::vector<sluice::error> last_errors_;  // of each consumer
  u64 accepted_ = 0;                        // by a producer that lives, before anybody has popped
  u64 later_ = 0;
};

}  // namespace kill_rig

#endif
