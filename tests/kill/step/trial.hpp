// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_TRIAL_HPP
#define SLUICE_TESTS_KILL_TRIAL_HPP

#include "operations.hpp"
#include "snapshot.hpp"

#include <sluice/memory/region_format.hpp>

namespace kill_rig {

/// Who is on the other side of the victim.
enum class peer {
  nobody,  // comes only after the death
  awake,   // lives in the test process, and looks after the death
  asleep,  // a process of its own that sleeps on the ring meanwhile
  dead,    // was killed, too, before
};
/// Who held the victim's role before it, if it opens it only now.
enum class before {
  nobody,
  dead,
};

/// A fellow of the victim's, or of its peer: one more end, that lives in the test process and goes on after the death.
enum class beside {
  nobody,
  idle,
  finishes,  // has a place or a message out when the victim dies, and commits or releases it afterwards,
  gives_up,  // or abandons it, or puts it back
  asleep,    // in the victim's role, but in a process of its own, in which it sleeps on the ring
};

/// One situation that a victim is killed in.
template <class World>
struct scene {
  const operation<World>* op;
  terms channel;
  u64 passed = 0;  // messages that have gone through the ring: decides where in a block, and in which lap, it starts
  u64 filled = 0;  // messages that are in it
  peer other = peer::awake;
  before predecessor = before::nobody;
  const operation<World>* first = nullptr;  // what the earlier victim, predecessor or peer, was killed in;
  place first_at{};                         // and where;
  u64 first_moved = 0;                      // so many messages it had moved by then
  bool answered = false;                    // while the victim sleeps, the peer moves a message
  beside fellow = beside::nobody;
  side fellows_role = side::producer;
  bool fallen = false;                      // a fellow of the victim's was killed before, in `first`

  bool by_producer() const noexcept { return op->who == side::producer; }
  bool fellow_at_hand() const noexcept { return fellow != beside::nobody && fellow != beside::asleep; }
  landmark by() const noexcept {
    return other == peer::asleep || fellow == beside::asleep ? landmark::instruction : landmark::store;
  }
};

/// Where the numbers of a fellow's messages start, which knows nothing of the others'.
inline constexpr u64 fellows = u64{1} << 41;

/// What a process tells the test, in memory of the test's own.
struct report {
  std::atomic<u64> moved;   // by the operation
  std::atomic<u64> done;    // the operation has returned
  std::atomic<u64> count;   // a sleeper's messages
  std::atomic<errc> error;  // and what it was told in the end
};

/// A scene, set up afresh in a directory of its own: the victim stands before the first instruction of its operation.
template <class World>
class trial {
 public:
  using item = typename World::sink::value_type;
  using ends_type = ends<World>;
  using operation_type = operation<World>;

  explicit trial(const scene<World>& s) : what_(s), world_(s.channel), mine_(world_), fellow_(world_) {
    fellow_.next = fellows;
    clear(*page());
    clear(*other_page());
    ready_ = set_up();
  }

  bool ready() const noexcept { return ready_; }
  const scene<World>& what() const noexcept { return what_; }
  const World& world() const noexcept { return world_; }
  ends_type& mine() noexcept { return mine_; }
  ends_type& fellow() noexcept { return fellow_; }
  tracee& victim() noexcept { return *victim_; }
  /// Lets the victim finish its operation, if it has not done so.
  bool finish() { return victims_report().done != 0 || victim_->run_to_mark(); }
  test::child* sleeper() noexcept { return sleeper_ ? &*sleeper_ : nullptr; }
  const report& victims_report() const noexcept { return *page(); }
  const report& others_report() const noexcept { return *other_page(); }
  /// Messages that were surely pushed, and surely taken, before the last operation of anybody who was killed.
  u64 pushed() const noexcept { return what_.passed + what_.filled; }
  u64 taken() const noexcept { return what_.passed; }

 private:
  static report* page() {
    static const test::shared_with_children<report> p;
    return &*p;
  }
  static report* other_page() {
    static const test::shared_with_children<report> p;
    return &*p;
  }
  static void clear(report& r) { r.moved = 0, r.done = 0, r.count = 0, r.error = errc::ok; }

  // A process that opens its role, moves so many messages, one from mark to mark, and then does its operation.
  void start(std::optional<tracee>& who, const operation_type& op, u64 moves, report* tells, u64 from = 0) {
    who.emplace([this, &op, moves, tells, from] {
      ends_type e(world_);
      e.next = from;
      if (!op.opens && !open(e, op.who)) return 3;
      for (u64 i = 0; i < moves; ++i) {
        mark();
        if (!move_one(e, op.who)) return 4;
      }
      mark();
      const u64 n = op.run(e);
      tells->moved = n, tells->done = 1;
      mark();
      return 0;
    });
    who->run_to_mark();
  }
  // A process that opens the victim's role, moves its messages, and forks the victim, which reopens what it inherits.
  void start_parent(std::optional<tracee>& who, const operation_type& op, u64 moves) {
    who.emplace([this, &op, moves] {
      ends_type e(world_);
      if (!open(e, op.who)) return 3;
      for (u64 i = 0; i < moves; ++i) {
        mark();
        if (!move_one(e, op.who)) return 4;
      }
      mark();
      if (::fork() != 0)
        for (;;) ::pause();
      mark();
      page()->moved = op.run(e), page()->done = 1;
      mark();
      return 0;
    });
    who->run_to_mark();
  }
  static bool open(ends_type& e, side s) { return (s == side::producer ? e.open_sink() : e.open_source()) == errc::ok; }
  static bool move_one(ends_type& e, side s) {
    if (s == side::producer) return static_cast<bool>(e.t->try_push(numbered<item>(e.next++)));
    const auto m = e.r->try_pop();
    return m && is_numbered(*m, e.next++);
  }

  bool set_up() {
    const side ours = what_.op->who, theirs = ours == side::producer ? side::consumer : side::producer;
    const u64 our_moves = moves_of(ours), their_moves = moves_of(theirs);
    const bool replaced = what_.predecessor == before::dead;
    const operation_type& rests = ours == side::producer ? ops::resting_producer : ops::resting_consumer;
    const operation_type& peer_rests = ours == side::producer ? ops::resting_consumer : ops::resting_producer;

    // Whoever plays our part in the story so far: the victim itself, or a predecessor of it.
    std::optional<tracee> predecessor, dead_peer;
    std::optional<tracee>& we = replaced ? predecessor : victim_;
    const bool early = !what_.op->opens || replaced;
    if (early) {
      if (what_.op->reopens) start_parent(we, *what_.op, our_moves);
      else if (replaced) start(we, what_.first != nullptr ? *what_.first : rests, our_moves, other_page());
      else start(we, *what_.op, our_moves, page());
    }
    // And whoever plays the other's.
    const bool peer_in_story = what_.other != peer::nobody || their_moves != 0;
    if (what_.other == peer::dead) {
      start(dead_peer, what_.first != nullptr && !replaced ? *what_.first : peer_rests, their_moves, other_page());
    } else if (what_.other == peer::asleep) {
      sleeper_.emplace([this, theirs] { return sleep_on_it(theirs, 0); });
    } else if (peer_in_story && !open(mine_, theirs)) {
      return false;
    }
    if (what_.fellow_at_hand() && !open(fellow_, what_.fellows_role)) return false;

    // Who reads what every reader gets may come to it only later; then the others have read it without him.
    const auto we_move = [&] { return early ? we->run_to_mark() : World::promises.to_each && ours == side::consumer; };
    const auto they_move = [&] {
      if (what_.other == peer::asleep) return true;  // by itself
      return what_.other == peer::dead ? dead_peer->run_to_mark() : move_one(mine_, theirs);
    };
    const auto producer_moves = [&] { return ours == side::producer ? we_move() : they_move(); };
    const auto consumer_moves = [&] { return ours == side::producer ? they_move() : we_move(); };
    for (u64 i = 0; i < what_.passed; ++i) {
      if (!producer_moves()) return false;
      if (what_.other == peer::asleep && !sleeper_has_moved(i + 1)) return false;
      if (!consumer_moves() || !fellow_follows()) return false;
    }
    for (u64 i = 0; i < what_.filled; ++i)
      if (!producer_moves()) return false;
    if (!hold()) return false;
    if (what_.fallen) start(dead_peer, *what_.first, 0, other_page(), pushed());
    if (what_.other == peer::asleep) {
      const u64 all = ours == side::producer ? pushed() : taken() + what_.channel.capacity;
      if (!sleeper_has_moved(all) || !test::eventually([&] { return asleep(sleeper_->pid()); })) return false;
    }

    if (replaced) {
      if (what_.first != nullptr && !bring(*predecessor)) return false;
      if (what_.op->reopens) victim_.emplace(*predecessor);
      predecessor->kill();
    }
    if (dead_peer) {
      if (what_.first != nullptr && !replaced && !bring(*dead_peer)) return false;
      dead_peer->kill();
    }
    if (what_.other == peer::nobody) mine_.t.reset(), mine_.r.reset();
    if (what_.op->reopens) victim_->run_to_mark();
    else if (!early || replaced) start(victim_, *what_.op, 0, page());
    if (what_.fellow == beside::asleep) {
      sleeper_.emplace([this, ours] { return sleep_on_it(ours, ours == side::producer ? fellows : taken()); });
      if (!sleeper_has_moved(0) || !test::eventually([&] { return asleep(sleeper_->pid()); })) return false;
    }
    if (what_.answered) victim_->once_asleep([this, theirs] { (void)move_one(mine_, theirs); });
    return victim_->running();
  }
  // What the others have read, a fellow has read too, where every reader gets it.
  bool fellow_follows() {
    const bool reads = World::promises.to_each && what_.fellow_at_hand() && what_.fellows_role == side::consumer;
    if (!reads) return true;
    const auto m = fellow_.r->try_pop();
    return static_cast<bool>(m);
  }
  bool hold() {
    if (what_.fellow != beside::finishes && what_.fellow != beside::gives_up) return true;
    if (what_.fellows_role == side::consumer) return static_cast<bool>(fellow_.lent.emplace(fellow_.r->borrow(sluice::now)));
    auto& place = fellow_.place.emplace(fellow_.t->claim(sluice::now));
    if (place) *place = numbered<item>(fellow_.next++);
    return static_cast<bool>(place);
  }
  bool bring(tracee& t) {
    (void)bring_to(t, what_.first_at, world_.path(), landmark::store);  // or to the end of its operation
    return t.running();
  }
  u64 moves_of(side s) const noexcept { return s == side::producer ? what_.passed + what_.filled : what_.passed; }

  bool sleeper_has_moved(u64 n) {
    const auto there = [&] { return other_page()->done != 0 && other_page()->count >= n; };
    return test::eventually([&] { return there() || !sleeper_->running(); }) && sleeper_->running();
  }
  // A broadcaster that nobody holds any more would go on for ever.
  int sleep_on_it(side s, u64 from) {
    ends_type e(world_);
    e.next = from;
    report& tell = *other_page();
    const u64 enough = World::promises.to_each && s == side::producer ? taken() + 2 * what_.channel.capacity : ~u64{0};
    for (int tries = 0; !open(e, s); ++tries)
      if (tries == 100) return 1;
    tell.done = 1;
    while (tell.count < enough) {
      if (s == side::consumer) {
        const auto m = e.r->pop();
        if (!m) return tell.error = m.err().code, 0;
        if (World::promises.kept == rig::keeps::newest) e.next = std::max(e.next, m->seq);
        if (!is_numbered(*m, e.next)) return 2;
      } else {
        const auto done = e.t->push(numbered<item>(e.next));
        if (!done) return tell.error = done.err().code, 0;
      }
      ++e.next, ++tell.count;
    }
    return 0;
  }

  using ops = operations<World>;
  scene<World> what_;
  World world_;
  ends_type mine_, fellow_;
  std::optional<test::child> sleeper_;
  std::optional<tracee> victim_;
  bool ready_ = false;
};

}  // namespace kill_rig

#endif
