// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_ORACLE_HPP
#define SLUICE_TESTS_KILL_ORACLE_HPP

#include "witness.hpp"

// What must hold for the survivors, whatever the instruction that the victim was killed at, where each message goes to one
// consumer, and nobody but the victim had its role:
//
//   what was pushed and not popped comes once, whole, in order; a push or pop that had returned counts, one that was cut
//   short counts wholly or not at all (a batch of pushes: a prefix), and later instructions never undo it;
//   then the other side is told of the death, or of the close if that was committed, within a bounded time, asleep or not;
//   healing again changes nothing;
//   both roles can be taken over, and the ring then holds exactly its capacity again, more than once;
//   nothing is left: no lock, no name but the region's, no descriptor, no mapping.

namespace kill_rig {

template <class World>
class oracle : public witness<World> {
  using base = witness<World>;
  using base::certainly_told, base::fault, base::find_bounds, base::hear_sleeper, base::leave_nothing, base::meaning, base::mine_,
      base::polls, base::published_, base::seen_, base::taken_, base::timed, base::told_right, base::trial_, base::what;

 public:
  using typename base::item;

  /// If a producer is missing, its successor may come before anybody has looked at what the dead one left.
  oracle(trial<World>& t, std::int64_t killed_at, bool successor_first)
      : base(t, killed_at), successor_first_(successor_first && !mine_.t && t.sleeper() == nullptr) {}

  observation ask() {
    (void)(hear_sleeper() && find_bounds() && succeed_first() && push_to_the_end() &&
           pop_to_the_end() && heal_again() && take_over() &&
           go_round(2) && replace_both() && go_round(1) && leave_nothing());
    return std::move(seen_);
  }

 private:
  static constexpr u64 successors = u64{1} << 40;  // where the numbers of a successor start, which knows of no others

  // A successor fills the ring behind what is in it, with numbers that tell its messages from those.
  bool succeed_first() {
    if (!successor_first_) return true;
    if (!take_over()) return false;
    while (accepted_ <= trial_.world().capacity() && mine_.t->try_push(numbered<item>(successors + accepted_))) ++accepted_;
    return true;
  }
  // A producer that lives: fills the ring, and is then told.
  bool push_to_the_end() {
    if (!mine_.t || successor_first_) return true;
    const u64 first = published_.least;
    const bool certain = certainly_told();
    sluice::error e;
    for (int poll = 0; poll < polls; ++poll) {
      const auto s = certain ? mine_.t->push(numbered<item>(first + accepted_), 3s)
                             : mine_.t->try_push(numbered<item>(first + accepted_));
      e = s.err();
      if (s) ++accepted_, poll = 0;
      else if (!e.again()) break;
      if (accepted_ > trial_.world().capacity()) return fault("more was accepted than fits", accepted_);
    }
    if (certain) timed();
    if (!told_right(meaning(e.code), false)) return false;
    if (e.code != errc::full && seen_.end == told::nothing) return fault("a strange error", static_cast<u64>(e.code));
    if (mine_.t->try_push(numbered<item>(0))) return fault("refused, and accepted again");
    return true;
  }

  // A consumer, be it the living peer or a successor: gets what was committed, once and in order, and is then told.
  bool pop_to_the_end() {
    if (!mine_.r) {
      if (const errc e = mine_.open_source(); e != errc::ok) return fault("no successor as consumer", static_cast<u64>(e));
    }
    u64 n = 0, first = 0;
    sluice::error e;
    for (;;) {
      const auto m = mine_.r->try_pop();
      e = m.err();
      if (!m) break;
      if (m->seq == successors && successor_first_) return pop_successors(n, first, *m);
      if (n == 0) first = m->seq;
      if (!is_numbered(*m, first + n)) return fault("torn, lost, repeated or out of order", m->seq, first + n);
      if (++n > trial_.world().capacity()) return fault("more came than fits", n);
    }
    if (successor_first_) {  // it found the ring full
      if (accepted_ != 0) return fault("the successor's messages are lost", accepted_);
      return pop_successors(n, first, numbered<item>(successors));
    }
    const bool producer_here = mine_.t.has_value();
    if (producer_here) {
      seen_.published = published_.least;
      seen_.taken = n != 0 ? first : seen_.published + accepted_;
      if (n != 0 && first + n != published_.least + accepted_) return fault("the last is missing", first + n, published_.least + accepted_);
    } else {
      note_positions(n, first);
    }
    if (!positions_hold()) return false;
    if (producer_here && seen_.end == told::nothing && n != trial_.world().capacity()) return fault("room was lost", n);
    mine_.next = seen_.published + accepted_;
    if (producer_here) return true;

    if (e.again() && certainly_told()) {
      e = mine_.r->pop(3s).err();
      timed();
    }
    for (int poll = 0; poll < polls && e.again(); ++poll) e = mine_.r->try_pop().err();
    return told_right(meaning(e.code), what().other == peer::asleep);
  }

  // The rest of a ring that a successor has filled up behind `n` messages; nobody is told of anything, for it lives.
  bool pop_successors(u64 n, u64 first, const item& head) {
    note_positions(n, first);
    if (!positions_hold()) return false;
    const u64 room = trial_.world().capacity() - n;
    if (accepted_ > room || accepted_ + tombs() < room) return fault("room for the successor", accepted_, room);
    if (!is_numbered(head, successors)) return fault("torn at the successor");
    for (u64 i = 1; i < accepted_; ++i)
      if (const auto m = mine_.r->try_pop(); !m || !is_numbered(*m, successors + i)) return fault("the successor's messages", i);
    for (int poll = 0; poll < polls; ++poll)
      if (mine_.r->try_pop().err() != errc::empty) return fault("the living successor is taken for dead");
    mine_.next = successors + accepted_;
    seen_.end_asked = false;
    return true;
  }
  // An empty ring does not tell where it stands; then all that can have been pushed has been taken.
  void note_positions(u64 n, u64 first) {
    seen_.published = n != 0 ? first + n : std::max(published_.least, taken_.least);
    seen_.taken = n != 0 ? first : seen_.published;
  }
  // Places that victims had claimed and not filled are passed over by the next consumer, and not before.
  u64 tombs() const {
    const auto claimed = [](const operation<World>* op) {
      return op == nullptr || op->who != side::producer ? 0 : World::promises.tomb_takes * (op->moves != 0 ? op->moves : 1);
    };
    return !World::promises.tombs ? 0 : claimed(what().op) + claimed(what().first);
  }
  bool positions_hold() {
    if (!published_.holds(seen_.published)) return fault("published", seen_.published, published_.least);
    return taken_.holds(seen_.taken) || fault("taken", seen_.taken, taken_.least);
  }

  bool heal_again() {
    snapshot image(trial_.world().path());
    (void)image.changed();
    for (int poll = 0; poll < polls; ++poll)
      if (mine_.r->try_pop()) return fault("empty, and yet a message");
    return !image.changed() || fault("healing again changed something");
  }
  bool take_over() {
    if (mine_.t) return true;
    const errc e = mine_.open_sink();
    return e == errc::ok || fault("no successor as producer", static_cast<u64>(e));
  }
  bool go_round(int laps) {
    const std::size_t capacity = trial_.world().capacity();
    for (int lap = 0; lap < laps; ++lap) {
      for (u64 i = 0; i < capacity; ++i)
        if (const auto s = mine_.t->try_push(numbered<item>(mine_.next + i)); !s) return fault("capacity", i, capacity);
      if (mine_.t->try_push(numbered<item>(0)).err() != errc::full) return fault("more than the capacity");
      for (u64 i = 0; i < capacity; ++i) {
        const auto m = mine_.r->pop(3s);
        if (!m || !is_numbered(*m, mine_.next)) return fault("round trip", m ? m->seq : ~u64{0}, mine_.next);
        ++mine_.next;
      }
      if (mine_.r->try_pop().err() != errc::empty) return fault("not empty after all");
    }
    if (mine_.t->peers() != 2) return fault("peers", mine_.t->peers(), 2);
    const auto locks = test::locks_on(trial_.world().path());
    return locks == 2 || fault("locks", locks, 2);
  }
  bool replace_both() {
    mine_.r.reset(), mine_.t.reset();
    if (mine_.open_source() != errc::ok) return fault("no second consumer");
    return mine_.open_sink() == errc::ok || fault("no second producer");
  }
  bool successor_first_;
  u64 accepted_ = 0;  // by a producer that lives
};

}  // namespace kill_rig

#endif
