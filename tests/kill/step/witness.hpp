// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_WITNESS_HPP
#define SLUICE_TESTS_KILL_WITNESS_HPP

#include "trial.hpp"

// What the oracles of all rings have in common: what can have happened when the victim was killed, what somebody may be
// told of it, and what must not be left.

namespace kill_rig {

/// What the other side was told in the end. In the order in which an operation can change it.
enum class told { nothing, death, close };

struct observation {
  std::string fault;  // empty if all is well
  u64 published = 0;  // messages pushed in all, as the survivors found
  u64 taken = 0;
  told end = told::nothing;
  bool end_asked = true;     // whether the survivors were in a position to be told
  bool returned = false;     // the operation had come to its end
  std::int64_t told_ns = 0;  // from the death until somebody who waited was told
  sluice::recovery healed;   // by the survivors, as far as they have said so
  unsigned kept_waiting = 0; // behind a place or message that a living fellow had out
};

template <class World>
class witness {
 public:
  using item = typename World::sink::value_type;

  witness(trial<World>& t, std::int64_t killed_at) : trial_(t), mine_(t.mine()), killed_at_(killed_at) {
    seen_.returned = t.victims_report().done != 0;
  }

 protected:
  struct range {
    u64 least = 0, most = 0;
    bool holds(u64 n) const noexcept { return least <= n && n <= most; }
  };
  static constexpr int polls = 2 * static_cast<int>(World::promises.asks_every) + 100;  // enough to ask twice who lives

  bool fault(const char* what, u64 seen = 0, u64 wanted = 0) {
    seen_.fault = std::string(what) + ": " + std::to_string(seen) + ", wanted " + std::to_string(wanted);
    return false;
  }
  void timed() { seen_.told_ns = std::max(seen_.told_ns, test::now_ns() - killed_at_); }
  const scene<World>& what() const { return trial_.what(); }
  bool persistent() const { return what().channel.persistent; }
  std::size_t capacity() const { return trial_.world().capacity(); }
  static told meaning(errc e) noexcept {
    return e == errc::peer_died ? told::death : e == errc::closed ? told::close : told::nothing;
  }

  bool hear_sleeper() {
    if (trial_.sleeper() == nullptr) return true;
    const int code = trial_.sleeper()->wait(5);
    timed();
    if (code != 0) return fault(code == test::child::hung ? "a sleeper is left asleep" : "a sleeper failed", static_cast<u64>(-code));
    return told_right(meaning(trial_.others_report().error), false);
  }

  // What can have been published and taken, as far as it is known before anybody looks.
  bool find_bounds() {
    published_ = {trial_.pushed(), trial_.pushed()};
    taken_ = {trial_.taken(), trial_.taken()};
    if (what().first != nullptr) count(*what().first, what().first_moved, true);
    if (what().op->opens && seen_.returned && trial_.victims_report().moved != 0) return fault("the victim could not open its end");
    count(*what().op, trial_.victims_report().moved, seen_.returned);
    const bool producer_here = !what().by_producer();
    if (what().other == peer::asleep) {
      const u64 n = trial_.others_report().count;
      if (producer_here) published_ = {n, n};
      else taken_ = {n, n};
    } else if (what().other != peer::dead && mine_.next != 0) {
      if (producer_here) published_ = {mine_.next, mine_.next};
      else taken_ = {mine_.next, mine_.next};
    }
    return true;
  }
  void count(const operation<World>& op, u64 known, bool exact) {
    range& moved = op.who == side::producer ? published_ : taken_;
    moved.least += exact ? known : 0;
    moved.most += exact ? known : op.moves;
  }

  // Must somebody who looks be told of an end in any case?
  bool certainly_told() const {
    if (persistent() || what().other == peer::asleep || what().other == peer::dead || what().first != nullptr) return false;
    if (!what().by_producer() && what().other == peer::nobody) return false;  // gone before that producer came
    return !what().op->opens || what().predecessor == before::dead;
  }
  bool told_right(told now, bool known_before) {
    const auto* const op = what().op;
    bool right = true;
    const auto* const first = what().first;
    if (World::promises.to_each && !what().by_producer() && what().other != peer::dead) {
      right = now == told::nothing;  // nobody is told of a reader
    } else if (known_before || (first != nullptr && (first->opens || first->end != ending::none))) {
      // Of two ends, or of one that a sleeper was told of.
      right = !persistent() || now == told::nothing || (now == told::close && first != nullptr && first->end == ending::closes);
    } else if (what().other == peer::dead && !persistent()) {
      // A consumer that was killed while healing may have been told itself.
      right = now == told::death || (now == told::nothing && !what().by_producer() && !op->opens);
    } else if (!what().by_producer() && what().other == peer::nobody) {
      right = now == told::nothing;
    } else if (op->end == ending::closes || (op->end == ending::leaves && !persistent())) {
      right = now == told::close || (!seen_.returned && now == (persistent() ? told::nothing : told::death));
    } else if (op->opens && what().predecessor == before::nobody && !persistent()) {
      right = now == told::death || (!seen_.returned && now == told::nothing);
    } else {
      right = now == (persistent() ? told::nothing : told::death);
    }
    seen_.end = std::max(seen_.end, now);
    return right || fault("was told the wrong thing", static_cast<u64>(now));
  }

  bool leave_nothing() {
    mine_.leave(), trial_.fellow().leave();
    const auto& w = trial_.world();
    if (const auto n = test::locks_on(w.path()); n != 0) return fault("locks are left", n);
    // A maker of named files that was killed may leave one: the next one to make this region takes it away.
    if (what().channel.no_anonymous_files && w.names() == 2) {
      ::unlink(w.path().c_str());
      if (mine_.open_sink() != errc::ok) return fault("the region cannot be made again");
      mine_.t.reset();
    }
    if (const auto n = w.names(); n != 1) return fault("names", n, 1);
    if (const auto n = test::mappings_of(w.path()); n != 0) return fault("mappings are left", n);
    return true;
  }

  trial<World>& trial_;
  ends<World>& mine_;
  std::int64_t killed_at_;
  observation seen_;
  range published_, taken_;
};

}  // namespace kill_rig

#endif
