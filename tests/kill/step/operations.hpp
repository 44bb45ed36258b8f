// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_OPERATIONS_HPP
#define SLUICE_TESTS_KILL_OPERATIONS_HPP

#include "world.hpp"

// Everything that a process can be killed in, as it looks from the process.

namespace kill_rig {

enum class side { producer, consumer };
enum class ending { none, closes, leaves };

/// An operation, and what it may have done to the world when it is cut short.
template <class World>
struct operation {
  using ends_type = ends<World>;
  const char* name;
  side who;
  u64 (*run)(ends_type&);  // returns how many messages it has moved
  u64 moves = 0;           // at most
  bool together = false;   // all of them or none
  ending end = ending::none;
  bool opens = false;
  bool reopens = false;    // an end that it has inherited from its predecessor, who forked it
};

template <class World>
struct operations {
  using item = typename World::sink::value_type;
  using ends_type = ends<World>;
  using operation_type = operation<World>;
  static constexpr u64 batch = 4;

  // A producer's
  static u64 push(ends_type& e) { return e.t->push(numbered<item>(e.next), sluice::now) ? 1 : 0; }
  static u64 push_batch(ends_type& e) {
    item some[batch];
    for (u64 i = 0; i < batch; ++i) some[i] = numbered<item>(e.next + i);
    const auto n = e.t->push(std::span<const item>(some), sluice::now);
    return n ? *n : 0;
  }
  static u64 claim_commit(ends_type& e) {
    auto s = e.t->claim(sluice::now);
    if (!s) return 0;
    *s = numbered<item>(e.next);
    s.commit();
    return 1;
  }
  static u64 claim_abort(ends_type& e) {
    auto s = e.t->claim(sluice::now);
    if (s) *s = numbered<item>(e.next + 1000);
    return 0;
  }
  static u64 push_waiting(ends_type& e) { return e.t->push(numbered<item>(e.next), 25ms) ? 1 : 0; }
  static u64 recover_sink(ends_type& e) { return (void)e.t->recover(), 0; }
  static u64 push_patient(ends_type& e) { return e.t->push(numbered<item>(e.next), 100ms) ? 1 : 0; }
  static u64 push_long(ends_type& e) { return e.t->push(numbered<item>(e.next), 2s) ? 1 : 0; }
  static u64 push_until_refused(ends_type& e) {
    if (World::promises.to_each) return recover_sink(e);  // nobody would refuse it
    u64 n = 0;
    while (e.t->push(numbered<item>(e.next + n), 25ms)) ++n;
    return n;
  }
  static u64 close_sink(ends_type& e) { return e.t->close(), 0; }
  static u64 leave_sink(ends_type& e) { return e.t.reset(), 0; }
  static u64 open_sink(ends_type& e) { return e.open_sink() == errc::ok ? 0 : ~u64{0}; }
  static u64 reopen_sink(ends_type& e) { return e.reopen_sink() == errc::ok ? 0 : ~u64{0}; }

  // A consumer's
  static u64 pop(ends_type& e) { return e.r->pop(sluice::now) ? 1 : 0; }
  static u64 pop_batch(ends_type& e) {
    item some[batch];
    const auto n = e.r->pop(std::span<item>(some), sluice::now);
    return n ? *n : 0;
  }
  static u64 borrow(ends_type& e) {
    const auto l = e.r->borrow(sluice::now);
    return l ? 1 : 0;
  }
  static u64 borrow_keep(ends_type& e) {
    auto l = e.r->borrow(sluice::now);
    if (l) l.keep();
    return 0;
  }
  static u64 pop_waiting(ends_type& e) { return e.r->pop(25ms) ? 1 : 0; }
  static u64 pop_patient(ends_type& e) { return e.r->pop(100ms) ? 1 : 0; }
  static u64 pop_long(ends_type& e) { return e.r->pop(2s) ? 1 : 0; }
  static u64 pop_until_refused(ends_type& e) {
    u64 n = 0;
    while (e.r->pop(25ms)) ++n;
    return n;
  }
  static u64 recover_source(ends_type& e) { return (void)e.r->recover(), 0; }
  static u64 close_source(ends_type& e) { return e.r->close(), 0; }
  static u64 leave_source(ends_type& e) { return e.r.reset(), 0; }
  static u64 open_source(ends_type& e) { return e.open_source() == errc::ok ? 0 : ~u64{0}; }
  static u64 reopen_source(ends_type& e) { return e.reopen_source() == errc::ok ? 0 : ~u64{0}; }

  /// At rest: what a predecessor does that is killed between operations.
  static u64 nothing(ends_type&) { return 0; }

  static constexpr operation_type
      pushing{"push", side::producer, push, 1},
      pushing_batch{"push, batch of 4", side::producer, push_batch, batch},
      committing{"claim, commit", side::producer, claim_commit, 1},
      aborting{"claim, abort", side::producer, claim_abort},
      pushing_waiting{"push, waiting", side::producer, push_waiting, 1},
      pushing_patient{"push, patient", side::producer, push_patient, 1},
      pushing_long{"push, waiting", side::producer, push_long, 1},
      healing_consumer{"push, healing", side::producer, push_until_refused, World::promises.to_each ? 0 : 64},
      recovering_sink{"recover, sink", side::producer, recover_sink},
      closing_sink{"close sink", side::producer, close_sink, 0, false, ending::closes},
      leaving_sink{"destroy sink", side::producer, leave_sink, 0, false, ending::leaves},
      opening_sink{"open sink", side::producer, open_sink, 0, false, ending::none, true},
      reopening_sink{"reopen sink", side::producer, reopen_sink, 0, false, ending::none, true, true},
      resting_producer{"at rest", side::producer, nothing};

  static constexpr operation_type
      popping{"pop", side::consumer, pop, 1},
      popping_batch{"pop, batch of 4", side::consumer, pop_batch, batch, World::promises.pops_together},
      borrowing{"borrow, release", side::consumer, borrow, 1},
      keeping{"borrow, keep", side::consumer, borrow_keep},
      popping_waiting{"pop, waiting", side::consumer, pop_waiting, 1},
      popping_patient{"pop, patient", side::consumer, pop_patient, 1},
      popping_long{"pop, waiting", side::consumer, pop_long, 1},
      healing_producer{"pop, healing", side::consumer, pop_until_refused, 64},
      recovering_source{"recover, source", side::consumer, recover_source},
      closing_source{"close source", side::consumer, close_source, 0, false, ending::closes},
      leaving_source{"destroy source", side::consumer, leave_source, 0, false, ending::leaves},
      opening_source{"open source", side::consumer, open_source, 0, false, ending::none, true},
      reopening_source{"reopen source", side::consumer, reopen_source, 0, false, ending::none, true, true},
      resting_consumer{"at rest", side::consumer, nothing};
};

}  // namespace kill_rig

#endif
