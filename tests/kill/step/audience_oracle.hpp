// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_AUDIENCE_ORACLE_HPP
#define SLUICE_TESTS_KILL_AUDIENCE_ORACLE_HPP

#include "witness.hpp"

#include <algorithm>
#include <array>

// What must hold for the survivors of a ring in which each message is for every reader.
//
//   all readers agree on what was pushed: all before the victim's last operation, and of that, a prefix (all of it, if it
//   had returned);
//   each reader gets, whole and in order, what it has not had; where the kind keeps less, it is told exactly how much it
//   has missed, and misses nothing that is kept, but for one message that the victim had begun to overwrite;
//   who comes late gets what is kept;
//   when the producer dies, every reader is told; when a reader dies, nobody is, and it holds the producer no more;
//   a reader that lives, and does not read, is never robbed: the producer finds exactly the room that it leaves;
//   healing again changes nothing; a successor continues; the capacity is exact; nothing is left.

namespace kill_rig {

template <class World>
class audience_oracle : public witness<World> {
  using base = witness<World>;
  using base::capacity, base::fault, base::find_bounds, base::hear_sleeper, base::leave_nothing, base::meaning, base::mine_,
      base::polls, base::published_, base::seen_, base::told_right, base::trial_, base::what;
  static constexpr rig::keeps kept = World::promises.kept;

 public:
  using typename base::item;
  using source = typename World::source;

  /// `heals`: the survivors ask for it; or else they come to it by being refused.
  audience_oracle(trial<World>& t, std::int64_t killed_at, bool heals)
      : base(t, killed_at), fellow_(t.fellow()), late_(t.world()), heals_(heals) {
    const bool answered = what().answered && mine_.r;  // then the reader has moved on while the victim waited
    from_ = {answered ? mine_.next : t.taken(), t.taken()};
    seen_.taken = t.taken();
  }

  observation ask() {
    (void)(hear_sleepers() && find_bounds() && press_on() && read_on() && come_late() && heal_again() && take_over() && go_round() &&
           go_round() && leave());
    return std::move(this->seen_);
  }

 private:
  std::vector<source*> readers() {
    std::vector<source*> all;
    for (auto* e : {&mine_, &fellow_, &late_})
      if (e->r) all.push_back(&*e->r);
    return all;
  }
  // May a producer have died with a message half overwritten?
  bool cut_short() const {
    return (what().by_producer() && !seen_.returned) || (what().first != nullptr && what().first->who == side::producer);
  }

  bool hear_sleepers() {
    if (what().fellow != beside::asleep) return hear_sleeper();
    // A reader in a process of its own: the message that its fellow was woken for is for it, too.
    const bool answered = mine_.next != trial_.pushed();
    const bool moved = !answered || test::eventually([&] { return trial_.others_report().count != 0; }, 1);
    this->timed();
    if (auto* const sleeper = trial_.sleeper()) sleeper->kill();
    return moved || fault("a fellow is left asleep");
  }

  // A producer that lives: held by the readers that live, and by no others.
  bool press_on() {
    if (mine_.t && kept == rig::keeps::all && !fill_up()) return false;
    if (mine_.t) published_ = {mine_.next, mine_.next};
    if (heals_)
      for (auto* r : readers()) (void)r->recover();
    return true;
  }
  bool fill_up() {
    const bool lent = fellow_.lent.has_value();
    if (fellow_.r && !lent)
      for (u64& next = from_[1]; next != mine_.next; ++next)
        if (const auto m = fellow_.r->try_pop(); !m || !is_numbered(*m, next)) return fault("a fellow does not get it", next);
    // Before anybody has healed, the dead one holds the producer with the cursor that it had stored.
    const u64 pushed = mine_.next, at_once = push_until_refused(1);
    if (!lent && what().fellow != beside::asleep && !what().op->opens && what().op->end == ending::none) {
      seen_.taken = pushed + at_once - capacity();
      const u64 moved = trial_.victims_report().moved;
      if (seen_.taken < trial_.taken() + moved || seen_.taken > trial_.taken() + (seen_.returned ? moved : what().op->moves))
        return fault("taken", seen_.taken, trial_.taken() + moved);
    }
    if (heals_) (void)mine_.t->recover();
    const u64 all = at_once + push_until_refused(polls);
    if (!fellow_.r) return all >= 2 * capacity() || fault("the dead hold the producer", all);
    const u64 room = capacity() - (lent ? pushed - from_[1] : 0);
    if (all != room) return fault("room before a reader that lives", all, room);
    ++seen_.kept_waiting;
    return refused_.who == fellow_.r->home().member().slot() + 1 || fault("held by another", refused_.who);
  }
  // Gives up after so many refusals, or if nobody holds it.
  u64 push_until_refused(int patience) {
    u64 n = 0;
    for (int refusals = 0; refusals < patience && n < 4 * capacity();) {
      const auto s = mine_.t->try_push(numbered<item>(mine_.next));
      if (s) ++mine_.next, ++n;
      else ++refusals, refused_ = s.err();
    }
    return n;
  }

  bool read_on() {
    if (fellow_.lent && !end_loan()) return false;
    for (std::size_t k = 0; auto* e : {&mine_, &fellow_}) {
      u64& next = from_[k++];
      if (!e->r) continue;
      if (!read_all(*e->r, next)) return false;
      if (mine_.t && last_ != errc::empty) return fault("told of a reader", static_cast<u64>(last_.code));
      if (!mine_.t && !told_right(meaning(last_.code), false)) return false;
    }
    const bool all_came = what().other == peer::asleep && what().by_producer() && kept != rig::keeps::newest && end_;
    return !all_came || this->taken_.least == *end_ || fault("a sleeper got fewer", this->taken_.least, *end_);
  }
  bool end_loan() {
    auto& lent = *fellow_.lent;
    u64& next = from_[1];
    const u64 number = std::max(next, oldest(trial_.pushed()));
    if (!is_numbered(*lent, number)) return fault("the fellow has the wrong message", lent->seq, number);
    if (what().fellow == beside::finishes) {
      lent.release();
      if (fellow_.r->dropped() != number - next) return fault("dropped", fellow_.r->dropped(), number - next);
      next = number + 1;
    } else {
      lent.keep();
    }
    fellow_.lent.reset();
    return true;
  }
  [[nodiscard]] u64 oldest(u64 end) const {
    if (kept == rig::keeps::all) return 0;
    const u64 n = kept == rig::keeps::newest ? 1 : capacity();
    return end > n ? end - n : 0;
  }
  // Reads from message `next` on to the end, of which all readers have the same idea; `next` is then there.
  bool read_all(source& r, u64& next) {
    const u64 begin = next, dropped = r.dropped();
    u64 missed = 0;
    bool any = false;
    for (int poll = 0; poll < polls; ++poll) {
      const auto m = r.try_pop();
      last_ = m.err();
      if (last_ == errc::lagged) {
        next += static_cast<u64>(last_.detail), missed += static_cast<u64>(last_.detail), poll = 0;
        continue;
      }
      if (!m && !last_.again()) break;
      if (!m) continue;
      poll = 0;
      if (kept == rig::keeps::newest && m->seq > next) missed += m->seq - next, next = m->seq;
      if (!is_numbered(*m, next)) return fault("torn, lost, repeated or out of order", m->seq, next);
      if (!any) first_ = next;
      any = true;
      ++next;
    }
    const u64 end = next;
    if (!published_.holds(end)) return fault("published", end, published_.least);
    if (end_ && end != *end_) return fault("readers differ", end, *end_);
    end_ = end;
    if (r.dropped() != dropped + missed) return fault("dropped", r.dropped(), dropped + missed);
    return missed_right(begin, end, any);
  }
  // Is what came first the oldest that it can be?
  bool missed_right(u64 begin, u64 end, bool any) {
    if (!any) return begin == end || fault("nothing came", begin, end);
    const u64 wanted = std::max(begin, oldest(end));
    if (first_ == wanted) return true;
    if (kept != rig::keeps::last || !cut_short()) return fault("missed more than was lost", first_, wanted);
    return first_ == wanted + 1 || fault("missed more than was lost", first_, wanted);  // the oldest is half overwritten
  }

  // Somebody comes now, and gets what is kept.
  bool come_late() {
    const bool others = !readers().empty() || (what().other == peer::asleep && what().by_producer());
    if (late_.open_source() != errc::ok) return fault("no late reader");
    auto first = late_.r->try_pop();
    u64 missed = 0;
    for (; first.err() == errc::lagged; first = late_.r->try_pop()) missed += static_cast<u64>(first.err().detail);
    if (first && !is_numbered(*first, first->seq)) return fault("torn", first->seq);
    u64 next = first ? first->seq + 1 : 0;
    if (!read_all(*late_.r, next)) return false;
    const u64 kept_from = kept == rig::keeps::all ? next - std::min<u64>(next, capacity()) : oldest(next);
    const bool one_less = kept == rig::keeps::last && cut_short() && first && first->seq == kept_from + 1;  // that one
    if (first && (missed != 0 || (first->seq != kept_from && !one_less))) return fault("kept", first->seq - missed, kept_from);
    seen_.published = next;
    if (what().other == peer::asleep && !what().by_producer())  // a producer that left when it had enough
      return last_ == (this->persistent() ? errc::empty : errc::closed) || fault("not told", static_cast<u64>(last_.code));
    if (others || mine_.t) return last_ == errc::empty || fault("told again", static_cast<u64>(last_.code));
    return told_right(meaning(last_.code), false);
  }

  bool heal_again() {
    for (auto* r : readers()) (void)r->recover();
    snapshot image(trial_.world().path());
    (void)image.changed();
    for (int poll = 0; poll < polls; ++poll)
      for (auto* r : readers())
        if (r->try_pop()) return fault("empty, and yet a message");
    for (auto* r : readers()) (void)r->recover();
    return !image.changed() || fault("healing again changed something");
  }
  bool take_over() {
    if (mine_.t) return true;
    const errc e = mine_.open_sink();
    mine_.next = *end_;
    return e == errc::ok || fault("no successor as producer", static_cast<u64>(e));
  }
  // The producer goes once round the ring, and everybody reads.
  bool go_round() {
    const u64 begin = mine_.next;
    for (u64 i = 0; i < capacity(); ++i)
      if (!mine_.t->try_push(numbered<item>(mine_.next++))) return fault("capacity", i, capacity());
    const auto more = mine_.t->try_push(numbered<item>(mine_.next));
    if (kept == rig::keeps::all ? more.err() != errc::full : !more) return fault("more than the capacity");
    if (more) ++mine_.next;
    published_ = {mine_.next, mine_.next};
    end_.reset();
    for (auto* r : readers()) {
      u64 next = begin;
      if (!read_all(*r, next)) return false;
      if (last_ != errc::empty) return fault("not empty after all", static_cast<u64>(last_.code));
    }
    const std::size_t all = readers().size() + 1;
    if (const auto n = mine_.t->peers(); n != all) return fault("peers", n, all);
    const auto locks = test::locks_on(trial_.world().path());
    return locks == all || fault("locks", locks, all);
  }
  bool leave() {
    for (auto* r : readers()) seen_.healed += r->recovered();
    late_.leave();
    return leave_nothing();
  }

  ends<World>& fellow_;
  ends<World> late_;
  bool heals_;
  std::array<u64, 2> from_{};  // what the peer, and the fellow, will read next
  sluice::error last_, refused_;
  u64 first_ = 0;              // what came first
  std::optional<u64> end_;     // how many were pushed in all, as the first reader found
};

}  // namespace kill_rig

#endif
