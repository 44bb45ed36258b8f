// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_HELD_AMONG_HPP
#define SLUICE_TESTS_KILL_HELD_AMONG_HPP

#include "campaign.hpp"

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

// A healer that is not killed but held still between two of its instructions, in a ring that goes on around it: a newcomer
// takes the slot that is being healed, or another of that role, and has a place or a message out; a fellow of the dead
// one's, or of the healer's, finishes what it has out, and goes on, or heals as well; and so does the peer, where the dead
// one was a fellow of the healer's. Then the healer goes on.
//
// Unlike one that is killed, it keeps what it has in its registers. So it is held at both ends of each stretch in which the
// world does not change: before it looks, and when it has looked and not yet acted.
//
//   all that the living have pushed, and the dead surely had, comes once, whole, and in order (to each reader, where each
//   gets everything); what the dead one was in the middle of may come;
//   nobody is told of an end while the newcomer lives, and all are when it closes;
//   the newcomer is alive to everybody, and holds a broadcaster as any reader does;
//   the capacity is exact afterwards, and so are the locks.

namespace kill_rig {

struct held_totals {
  unsigned long held = 0, kept_out = 0, faults = 0;
  std::string first_fault;
};

template <class World>
class held_among {
  static constexpr bool to_each = World::promises.to_each;
  static constexpr rig::keeps kept = World::promises.kept;
  static constexpr int polls = 2 * static_cast<int>(World::promises.asks_every) + 100;  // enough to ask twice who lives
  static constexpr u64 newcomers = u64{1} << 42;  // where the numbers of its messages start, and of all later ones
  using sink = typename World::sink;
  using source = typename World::source;
  using item = typename World::sink::value_type;

 public:
  /// `s` is of a healer whose peer is dead, or a fellow of whom has fallen, and has a fellow that lives. It is held so many
  /// instructions after a place.
  held_among(const scene<World>& s, const place& where, unsigned long later, bool rival)
      : trial_(s), where_(where), later_(later), rival_(rival), newcomer_(trial_.world()) {
    newcomer_.next = newcomers, peer().next = newcomers + (u64{1} << 20);
  }

  // Empty if all is well.
  std::string run(held_totals& sum) {
    if (!trial_.ready()) return "the scene could not be set up";
    draw_line();
    (void)bring_to(trial_.victim(), where_, trial_.world().path(), landmark::store);
    (void)bring_to(trial_.victim(), later_);
    if (!trial_.victim().running()) return "it has ended";

    if (rival_) (void)(fellow().t ? fellow().t->recover() : fellow().r->recover());
    // If the healer holds the lock of the only slot of that role, the newcomer waits until it goes on.
    std::atomic<bool> open{false};
    errc opened = errc::ok;
    std::thread coming([&] {
      opened = by_producer() ? newcomer_.open_sink() : newcomer_.open_source();
      open = true;
    });
    const bool in = test::eventually([&] { return open.load(); }, 0.02);
    ++sum.held, sum.kept_out += in ? 0u : 1u;
    const bool here = in && opened == errc::ok;
    const bool busy = (!here || newcomer_acts()) && fellow_acts(here) && peer_acts(here);
    const bool finished = trial_.finish();
    coming.join();
    if (opened != errc::ok) return "no newcomer: " + std::to_string(static_cast<int>(opened));
    if (!finished) return "the healer did not come to its end";
    if (busy && replace_healer() && (here || newcomer_acts()) && read_all(true) && let_go() && read_all() && settle())
      (void)(go_round() && end());
    return fault_;
  }

 private:
  struct entry {
    u64 seq;
    bool in_doubt;  // the dead one was in the middle of it
  };
  // What comes out, of the whole ring or, where each reader gets everything, for one of them.
  struct view {
    std::set<u64> came;
    std::size_t from = 0;  // in the line: it has had, or need not get, what is before
    u64 missed = 0;        // and was told so
    bool told = false;     // of the death
  };

  bool fault(const std::string& what, u64 seen = 0, u64 wanted = 0) {
    if (fault_.empty()) fault_ = what + ": " + std::to_string(seen) + ", wanted " + std::to_string(wanted);
    return false;
  }
  /// Was the dead one a producer? So is the newcomer.
  bool by_producer() const { return trial_.what().by_producer() == trial_.what().fallen; }
  bool gives_up() const { return trial_.what().fellow == beside::gives_up; }
  ends<World>& fellow() { return trial_.fellow(); }
  ends<World>& peer() { return trial_.mine(); }  // of the dead one; if the healer was, then who succeeds it
  std::vector<ends<World>*> all() { return {&newcomer_, &fellow(), &peer()}; }
  view& view_of(const ends<World>& e) { return views_[!to_each || &e == &newcomer_ ? 0 : &e == &trial_.fellow() ? 1 : 2]; }
  void expect(u64 seq, bool in_doubt = false) { line_.push_back({seq, in_doubt}); }

  // What is in the ring, in order.
  void draw_line() {
    const auto& first = *trial_.what().first;
    for (u64 n = to_each ? 0 : trial_.taken(); n < trial_.pushed(); ++n) expect(n);
    if (to_each) view_of(fellow()).from = trial_.taken();
    if (fellow().lent && !gives_up()) take(fellow(), (*fellow().lent)->seq, false);
    const std::size_t had = !to_each && fellow().lent ? 1 : 0;
    if (!by_producer() && !to_each)
      for (std::size_t k = had; k < had + first.moves && k < line_.size(); ++k) line_[k].in_doubt = true;
    if (fellow().place && !gives_up()) expect(fellows);
    if (by_producer())
      for (u64 n = 0; n < first.moves; ++n) expect(trial_.pushed() + n, true);
  }

  bool push(ends<World>& e, bool nobody_reads = false) {
    const auto s = e.t->try_push(numbered<item>(e.next));
    if (s) return expect(e.next++), true;
    return s.err().again() || nobody_reads || fault("a push", static_cast<u64>(s.err().code));
  }
  bool newcomer_acts() {
    ends<World>& e = newcomer_;
    if (e.r) {
      view_of(e).from = to_each ? line_.size() : 0;  // it need not get what is older, but may
      if (to_each && !pop(e)) return false;
      if (auto& lent = e.lent.emplace(e.r->borrow(sluice::now)); lent) return take(e, lent->seq, redelivered(*e.r));
      return e.lent.reset(), true;
    }
    if (!push(e)) return false;
    if (auto& place = e.place.emplace(e.t->claim(sluice::now)); !place) return e.place.reset(), true;
    return *(*e.place) = numbered<item>(e.next), expect(e.next++), true;
  }
  bool fellow_acts(bool newcomer_is_here) {
    ends<World>& e = fellow();
    if (e.place && !gives_up()) (*e.place).commit();
    e.place.reset();
    if (e.lent && gives_up()) (*e.lent).keep(), e.lent.reset();
    if (e.lent && !give_back(e)) return false;
    return e.t ? push(e, !newcomer_is_here && !by_producer()) : pop(e);
  }
  bool peer_acts(bool newcomer_is_here) {
    if (!trial_.what().fallen) return true;
    return peer().t ? push(peer(), !newcomer_is_here && !by_producer()) : pop(peer());
  }
  bool let_go() {
    ends<World>& e = newcomer_;
    if (e.place) (*e.place).commit(), e.place.reset();
    return !e.lent || give_back(e);
  }
  bool give_back(ends<World>& e) {
    const bool whole = is_numbered(**e.lent, (*e.lent)->seq);
    (*e.lent).release(), e.lent.reset();
    return whole || fault("a message was overwritten while it was out");
  }
  // The healer has done its part; if it was the peer, it leaves its role to somebody here.
  bool replace_healer() {
    trial_.victim().kill();
    if (trial_.what().fallen) return true;
    const errc e = by_producer() ? peer().open_source() : peer().open_sink();
    if (to_each && by_producer()) view_of(peer()).from = line_.size();
    return e == errc::ok || fault("no successor of the healer", static_cast<u64>(e));
  }

  static bool redelivered(const source& s) {
    if constexpr (requires { s.redelivered(); }) return s.redelivered();
    else return false;
  }
  // One message, if there is one; what else is said is kept.
  bool pop(ends<World>& e) {
    const auto m = e.r->try_pop();
    last_ = m.err();
    view& v = view_of(e);
    if (last_ == errc::lagged) v.missed += static_cast<u64>(last_.detail);
    if (last_ == errc::peer_died && by_producer() && !std::exchange(v.told, true)) last_ = errc::empty;  // once, of that death
    if (!m) return true;
    return (is_numbered(*m, m->seq) || fault("torn", m->seq)) && take(e, m->seq, redelivered(*e.r));
  }
  bool take(ends<World>& e, u64 seq, bool again) {
    view& v = view_of(e);
    const auto here = std::find_if(line_.begin(), line_.end(), [seq](const entry& l) { return l.seq == seq; });
    if (here == line_.end()) return fault("nobody has pushed it", seq);
    if (!v.came.insert(seq).second) return fault("came twice", seq);
    const auto group = [](u64 s) { return World::promises.one_order ? 0 : s >> 41; };
    if (again) return out_of_turn_.insert(seq), true;
    for (auto later = here + 1; later != line_.end(); ++later)
      if (v.came.contains(later->seq) && !out_of_turn_.contains(later->seq) && group(later->seq) == group(seq))
        return fault("out of order", seq, later->seq);
    v.from = std::min(v.from, static_cast<std::size_t>(here - line_.begin()));
    return true;
  }
  // `out`: the newcomer has something out that others may have to stand behind.
  bool read_all(ends<World>& e, bool out) {
    for (int poll = 0; poll < (out ? 10 : polls); ++poll) {
      if (!pop(e)) return false;
      if (!last_ || last_ == errc::lagged) poll = 0;
      else if (last_ != errc::empty && (!out || last_ != errc::pending))
        return fault("told of somebody who lives", static_cast<u64>(last_.code));
    }
    return true;
  }
  bool read_all(bool out = false) {
    for (int twice = 0; twice < 2; ++twice)  // what one puts back, or leaves, another gets
      for (auto* e : all())
        if (e->r && !e->lent && !read_all(*e, out)) return false;
    return true;
  }
  // Has everything come that had to?
  bool settle() {
    for (auto* e : all()) {
      if (!e->r) continue;
      const view& v = view_of(*e);
      u64 missing = 0, lost = 0;
      for (std::size_t k = v.from; k < line_.size(); ++k)
        if (!line_[k].in_doubt && !v.came.contains(line_[k].seq)) ++missing, lost = line_[k].seq;
      if (kept == rig::keeps::newest ? !v.came.contains(line_.back().seq) && v.from < line_.size() : missing > v.missed)
        return fault("lost", lost);
    }
    return true;
  }

  std::vector<ends<World>*> of(bool producers) {
    std::vector<ends<World>*> some;
    for (auto* e : all())
      if (producers ? e->t.has_value() : e->r.has_value()) some.push_back(e);
    return some;
  }
  bool forget() {
    line_.clear(), out_of_turn_.clear();
    for (view& v : views_) v = view{{}, 0, 0, v.told};
    return true;
  }
  bool go_round() {
    const auto pushers = of(true), readers = of(false);
    const std::size_t room = trial_.world().capacity() * (World::promises.one_order ? 1 : pushers.size());
    for (std::size_t lap = 0; lap < 2 * readers.size(); ++lap) {
      (void)forget();
      for (std::size_t k = 0; k < room; ++k) {
        ends<World>& e = *pushers[k % pushers.size()];
        if (!e.t->try_push(numbered<item>(e.next))) return fault("capacity", k, room);
        expect(e.next++);
      }
      // Where everybody gets everything, each in turn is the one that the others' reading does not help.
      if (to_each)
        for (auto* e : readers)
          if (e != readers[lap % readers.size()] && !read_all(*e, false)) return false;
      if (kept == rig::keeps::all)
        for (auto* e : pushers)
          if (e->t->try_push(numbered<item>(0)).err() != errc::full) return fault("more than the capacity");
      if (!read_all() || !settle()) return false;
    }
    const auto here = static_cast<unsigned>(pushers.size() + readers.size());
    if (const auto n = pushers.front()->t->peers(); n != here) return fault("peers", n, here);
    const auto locks = test::locks_on(trial_.world().path());
    if (locks != here) return fault("locks", locks, here);
    return trial_.world().names() == 1 || fault("names", trial_.world().names(), 1);
  }
  // A session that the healer had ended by mistake would not end again, or not be what keeps the role from ending.
  bool end() {
    if (to_each && !by_producer()) return true;
    const auto told = [&] {
      return by_producer() ? peer().r->try_pop().err().code : peer().t->try_push(numbered<item>(0)).err().code;
    };
    const auto close = [&](ends<World>& e) {
      if (e.t && by_producer()) e.t->close();
      if (e.r && !by_producer()) e.r->close();
    };
    close(fellow());
    if (told() == errc::closed) return fault("the newcomer's session had ended before it closed");
    close(newcomer_);
    return told() == errc::closed || fault("the newcomer's session does not end");
  }

  trial<World> trial_;
  place where_;
  unsigned long later_;
  bool rival_;
  ends<World> newcomer_;
  std::vector<entry> line_;
  std::set<u64> out_of_turn_;
  view views_[3];
  sluice::error last_;
  std::string fault_;
};

/// Who dies, who heals it, and who lives beside them.
struct cast {
  side dead;
  side healer;
  side fellow;
  beside manner;
};

/// How many of the deaths are tried, and whether one fault is enough.
struct extent {
  unsigned one_of = 1;
  bool until_found = false;
};

/// Each healer of what somebody has left that was killed in the middle of something, held in each of its states.
template <class World>
void hold_healers(held_totals& sum, const cast& who, const extent& how) {
  using ops = operations<World>;
  static unsigned long offered = 0;
  const watchdog guard("a held healer, among others");
  guard.within(600);
  const auto walk_of = [](const scene<World>& s) {
    trial<World> t(s);
    return t.ready() ? step_through(t.victim(), t.world().path()).places : std::vector<place>{};
  };
  static constexpr const operation<World>* deadly[][2] = {{&ops::pushing, &ops::committing}, {&ops::popping, &ops::borrowing}};
  for (const auto* op : deadly[who.dead == side::producer ? 0 : 1]) {
    scene<World> alone{op, {}, 1, 2};
    alone.fellow = who.manner, alone.fellows_role = who.fellow;
    std::vector<place> deaths;
    for (const place& death : walk_of(alone))
      if (offered++ % how.one_of == 0) deaths.push_back(death);
    for (const place& death : deaths) {
      scene<World> s = alone;
      s.op = who.healer == side::consumer ? &ops::recovering_source : &ops::recovering_sink;
      s.first = op, s.first_at = death, s.fallen = who.dead == who.healer;
      if (!s.fallen) s.other = peer::dead;
      for (const place& where : walk_of(s))
        for (const bool acts : {false, true}) {
          const unsigned long later = acts ? where.width - 1 : 0;
          if ((acts && later == 0) || (how.until_found && sum.faults != 0)) continue;
          const std::string fault = held_among<World>(s, where, later, sum.held % 3 == 2).run(sum);
          if (fault.empty() || sum.faults++ != 0) continue;
          sum.first_fault = std::string(op->name) + " killed after " + std::to_string(death.first) + ", " + s.op->name +
                            " held after " + std::to_string(where.first + later) + ", fellow " +
                            std::to_string(static_cast<int>(who.fellow)) + std::to_string(static_cast<int>(who.manner)) + ": " + fault;
        }
    }
  }
}

/// Every role that can die beside a fellow, every role that can heal it, and every fellow.
template <class World>
held_totals hold_all_healers(const extent& how) {
  held_totals sum;
  const auto most = [](side s) {
    constexpr unsigned of[] = {World::producers, World::consumers};
    return of[s == side::producer ? 0 : 1];
  };
  for (const side dead : {side::producer, side::consumer})
    for (const side healer : {side::producer, side::consumer})
      for (const side fellow : {side::producer, side::consumer})
        for (const beside manner : {beside::idle, beside::finishes, beside::gives_up})
          if (most(fellow) > 1 && (dead != healer || most(dead) > 2) && (!how.until_found || sum.faults == 0))
            hold_healers<World>(sum, {dead, healer, fellow, manner}, how);
  return sum;
}

}  // namespace kill_rig

#endif
