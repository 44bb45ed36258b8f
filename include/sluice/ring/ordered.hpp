// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_ORDERED_HPP
#define SLUICE_RING_ORDERED_HPP

#include <sluice/ring/crowd_watch.hpp>
#include <sluice/ring/item.hpp>
#include <sluice/ring/ordered_layout.hpp>

#include <concepts>
#include <span>

// The two sides of the ordered ring. What they do, and why it survives a kill anywhere, is in ordered_layout.hpp.
//
// `Many` says that the side has fellows: it then takes positions by compare-exchange instead of a store, settles before it
// does, and passes wake-ups on. A side that is all zero is not ready, and its first use ends in a slow path that says why:
// a forked child finds its copy wiped and so touches nothing of its parent's.

namespace sluice {

namespace site {
// The dispenser of a side without fellows: read by itself, by who has seen its end or has a certificate, or for an estimate.
struct ordered_alone : order_site<std::memory_order_relaxed> {};
}  // namespace site

namespace detail {

/// What both sides of an ordered ring have in common: a seat in a crowd, and a readiness that one test asks for.
template <class T, class P>
class ordered_side : public crowd_watch<P> {
 public:
  using ring_type = ordered_ring<T, P>;

  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring_); }
  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }
  [[nodiscard]] unsigned seat() const noexcept { return static_cast<unsigned>(me_) - 1; }

 protected:
  using word = typename ring_type::word;

  void settle_in(const ring_type& r, unsigned seat) noexcept {
    ring_ = r;
    me_ = seat + 1;
    ready_ = true;
  }
  /// After so many lost races, or tombs passed, an operation says `pending`: nobody can keep it from ending.
  [[nodiscard]] word most_tries() const noexcept { return word{256} + ring_.capacity(); }
  /// A position, and what follows from it; so that nothing is worked out again behind a store that clobbers the ring.
  struct spot {
    word at = 0, lap = 0;
    typename ring_type::cell* cell = nullptr;

    [[nodiscard]] T* item() const noexcept { return cell->item(); }
    [[nodiscard]] word word_of(cell_state s) const noexcept { return ring_type::cell_word(lap, s); }
    [[nodiscard]] SLUICE_INLINE() word look() const noexcept { return cell->word.load(P::template order<site::ordered_cell>); }
  };
  [[nodiscard]] SLUICE_INLINE() spot spot_at(word at) const noexcept { return {at, ring_.lap_of(at), ring_.cells() + ring_.index_of(at)}; }
  /// Moves a dispenser on from `seen`, on behalf of this side.
  template <bool Many>
  SLUICE_INLINE() bool dispense(typename P::template atomic<word>& dispenser, word seen, word next) const noexcept {
    if constexpr (Many) {
      return dispenser.compare_exchange_strong(seen, next | me_, P::template order<site::ordered_dispense>,
                                               P::template order<site::ordered_position>);
    } else {
      dispenser.store(next | me_, P::template order<site::ordered_alone>);
      return true;
    }
  }
  [[nodiscard]] error not_ready(step s) const noexcept { return error(attached() ? errc::busy : errc::forked, s); }

  ring_type ring_;
  word me_ = 0;         // this side's slot plus one, as dispensers and cells name it
  bool ready_ = false;  // attached, and no place or message is out
};

}  // namespace detail

/// A side that items go into.
///
/// Threads: one at a time. Progress: wait-free; `pending` after some hundred lost races. Blocks: never. Allocates: never.
/// Errors: full; pending (the place is still held: `who`); closed, peer_died (nobody is left on the other side); busy (a
/// claim is out); corrupt (a word that no correct peer writes); forked (detached).
template <class T, bool Many, class P = native_memory>
class ordered_producer : public detail::ordered_side<T, P> {
  using base = detail::ordered_side<T, P>;
  using typename base::word;
  using typename base::spot;
  using base::me_, base::most_tries, base::ready_, base::ring_, base::spot_at;

 public:
  using typename base::ring_type;

  /// The caller owns the slot of that number.
  status attach(const ring_type& r, unsigned seat) noexcept {
    word tail = 0;
    if (!r.load(r.shared().tail, tail)) return error(errc::corrupt, step::join, subject::cursor);
    base::ignore_the_past(r.shared().consumers);
    base::settle_in(r, seat);
    return {};
  }
  void detach() noexcept { *this = {}; }
  void begin() noexcept { mine().begin(base::seat()); }
  /// Ends the session and tells whoever waits. A place that is out becomes a tomb.
  template <class Ring>
  void end(phase how, Ring&& ring) noexcept {
    if (!ready_) abandon(ring);
    mine().end(base::seat(), how);
    theirs().wake_all(ring);
  }

  template <class U = T, class Ring>
    requires std::convertible_to<U&&, T>
  SLUICE_INLINE() status try_push(U&& value, Ring&& ring) {
    spot here;
    if (const error e = claim(here)) [[unlikely]] return e;
    if constexpr (std::is_nothrow_constructible_v<T, U>) {
      detail::put_item<P>(here.item(), std::forward<U>(value));
    } else {
      tomb_unless_done guard{here};
      detail::put_item<P>(here.item(), std::forward<U>(value));
      guard.done = true;
    }
    publish(here, cell_state::full);
    wake(ring);
    return {};
  }
  /// Pushes as many of `values` as there is room for, at least one; each becomes visible by itself.
  template <std::same_as<std::span<const T>> Batch, class Ring>
    requires detail::copies_as_bytes<T>
  result<std::size_t> try_push(Batch values, Ring&& ring) {
    if (values.empty()) return std::size_t{0};
    std::size_t n = values.size();
    word at = 0;
    if (const error e = claim(at, n)) return e;
    for (const T& value : values.first(n)) {
      const spot here = spot_at(at);
      P::copy_out(here.item(), value);
      publish(here, cell_state::full);
      at = ring_.next(at);
    }
    wake(ring);
    return n;
  }
  /// The next place, raw: build an item there, then commit() it or abandon() the place. One claim at a time.
  result<T*> try_claim() noexcept {
    if (const error e = claim(claimed_)) return e.during(step::claim);
    ready_ = false;
    return claimed_.item();
  }
  template <class Ring>
  void commit(Ring&& ring) noexcept {
    give_back(cell_state::full, ring);
  }
  template <class Ring>
  void abandon(Ring&& ring) noexcept {
    give_back(cell_state::tomb, ring);
  }

  /// (W0) Returns the value to sleep on at doorstep(). The caller owes the heavy fence.
  std::uint32_t arm() noexcept { return mine().arm(base::seat()); }
  [[nodiscard]] gate<P>& doorstep() noexcept { return mine().doorstep(base::seat()); }
  template <class Ring>
  void disarm(Ring&& ring) noexcept {
    if (mine().disarm(base::seat())) wake_fellow(ring);
  }

 private:
  [[nodiscard]] crowd<P>& mine() const noexcept { return ring_.shared().producers; }
  [[nodiscard]] crowd<P>& theirs() const noexcept { return ring_.shared().consumers; }

  struct tomb_unless_done {  // what an exception of T's constructor leaves
    const spot& here;
    bool done = false;
    ~tomb_unless_done() {
      if (!done) publish(here, cell_state::tomb);
    }
  };

  SLUICE_INLINE() error admit() noexcept {
    if (!ready_) [[unlikely]] return base::not_ready(step::push);
    if (base::any_news(theirs())) [[unlikely]] return base::look_at(theirs(), ring_.persistent());
    return {};
  }
  SLUICE_INLINE() error claim(spot& here) noexcept {
    if (const error e = admit()) [[unlikely]] return e;
    auto& dispenser = ring_.shared().tail;
    for (auto tries = most_tries(); tries != 0; --tries) {
      word at = 0;
      if (!ring_.load(dispenser, at)) [[unlikely]] return error(errc::corrupt, step::push, subject::cursor);
      const spot s = spot_at(at);
      const word w = s.look();
      if (w != s.word_of(cell_state::vacant)) [[unlikely]] {
        if (const error e = why_not(at, w)) return e;
        continue;
      }
      if (Many && ring_type::owner_of(at) != me_) ring_.template settle<cell_state::vacant, cell_state::claimed>(at);
      if (base::template dispense<Many>(dispenser, at, ring_.next(at))) return here = s, error();
    }
    return error(errc::pending, step::push);
  }
  // The first of up to n places, and how many.
  error claim(word& at, std::size_t& n) noexcept {
    if (const error e = admit()) return e;
    auto& dispenser = ring_.shared().tail;
    for (auto tries = most_tries(); tries != 0; --tries) {
      if (!ring_.load(dispenser, at)) return error(errc::corrupt, step::push, subject::cursor);
      word end = at, w = 0;
      std::size_t found = 0;
      for (; found < n && found < ring_.capacity(); ++found, end = ring_.next(end)) {
        const spot s = spot_at(end);
        w = s.look();
        if (w != s.word_of(cell_state::vacant)) break;
      }
      if (found == 0) {
        if (const error e = why_not(at, w)) return e;
        continue;
      }
      if (Many && ring_type::owner_of(at) != me_) ring_.template settle<cell_state::vacant, cell_state::claimed>(at);
      if (!base::template dispense<Many>(dispenser, at, ring_type::position_of(end))) continue;
      n = found;
      return {};
    }
    return error(errc::pending, step::push);
  }
  SLUICE_INLINE() static void publish(const spot& here, cell_state s) noexcept {
    here.cell->word.store(here.word_of(s), P::template order<site::ordered_publish>);  // (P4)
  }
  template <class Ring>
  void give_back(cell_state s, Ring&& ring) noexcept {
    publish(claimed_, s);
    ready_ = true;
    wake(ring);
  }
  template <class Ring>
  SLUICE_INLINE() void wake(Ring&& ring) noexcept {
    P::light_fence();
    if (const auto sleepers = theirs().asleep()) [[unlikely]] theirs().wake_one(sleepers, ring);
    if constexpr (Many) {
      if (mine().asleep() != 0) [[unlikely]] wake_fellow(ring);
    }
  }
  // Whoever waits for the place after ours may have been woken while it waited for ours too.
  template <class Ring>
  SLUICE_NOINLINE() void wake_fellow(Ring&& ring) noexcept {
    word tail = 0;
    if (!ring_.load(ring_.shared().tail, tail)) return;
    const spot next = spot_at(tail);
    if (next.look() == next.word_of(cell_state::vacant)) mine().wake_one(mine().asleep(), ring);
  }

  // Why there is no place at the tail, of which w is the word; no error if there may be one by now. The word alone tells:
  // as long as it does not name a consumer, no message behind this one has been popped either.
  SLUICE_COLD() error why_not(word at, word w) const noexcept {
    if (ring_.lap_of(w) == ring_.lap_of(at) - ring_.one_lap()) {
      const error held(errc::pending, step::push);
      const word owner = ring_type::owner_of(w);
      switch (ring_type::state_of(w)) {
        case cell_state::full:
        case cell_state::orphan: return error(errc::full, step::push);
        case cell_state::taking:
        case cell_state::claimed:
          if (owner != 0) return held.by(static_cast<unsigned>(owner) - 1);
          break;
        case cell_state::vacant: return held;  // claimed together with all up to the tail
        case cell_state::tomb: return held;
      }
    }
    word tail = 0;
    if (!ring_.load(ring_.shared().tail, tail)) return error(errc::corrupt, step::push, subject::cursor);
    return tail != at ? error() : error(errc::corrupt, step::push, subject::stamp);
  }

  spot claimed_;  // the place that is out
};

/// A side that items come out of.
///
/// Threads: one at a time. Progress: wait-free; `pending` after some hundred lost races. Blocks: never. Allocates: never.
/// Errors: empty; pending (the next item is not there yet, or a fellow holds the last one: `who`); closed, peer_died (nobody
/// is left on the other side, and nothing is left to pop); busy (a loan is out); corrupt (a word that no correct peer
/// writes); forked (detached).
template <class T, bool Many, class P = native_memory>
class ordered_consumer : public detail::ordered_side<T, P> {
  using base = detail::ordered_side<T, P>;
  using typename base::word;
  using typename base::spot;
  using base::me_, base::most_tries, base::ready_, base::ring_, base::spot_at;

 public:
  using typename base::ring_type;

  /// The caller owns the slot of that number.
  status attach(const ring_type& r, unsigned seat) noexcept {
    word head = 0;
    if (!r.load(r.shared().head, head)) return error(errc::corrupt, step::join, subject::cursor);
    base::leave_what_was_told(r.shared().producers);
    orphans_ = r.shared().orphans.load(P::template order<site::ordered_orphans>) - 1;  // look for them at once
    base::settle_in(r, seat);
    return {};
  }
  void detach() noexcept { *this = {}; }
  void begin() noexcept { mine().begin(base::seat()); }
  /// Ends the session and tells whoever waits. A message that is out goes to a fellow or successor.
  template <class Ring>
  void end(phase how, Ring&& ring) noexcept {
    if (!ready_) keep_loan(ring);
    mine().end(base::seat(), how);
    theirs().wake_all(ring);
    mine().wake_all(ring);  // the last one to hold a message is what an end waits for
  }

  /// Was the last message taken over from a consumer that died with it, or put it back? It may then be out of order.
  [[nodiscard]] bool redelivered() const noexcept { return redelivered_; }

  template <class Ring>
  SLUICE_INLINE() result<T> try_pop(Ring&& ring) noexcept {
    spot here;
    if (const error e = take(here)) [[unlikely]] return e;
    result<T> taken = detail::take_item<P>(here.item());
    vacate(here);
    wake(ring);
    return taken;
  }
  /// Pops as many as are there and fit into `to`, at least one; each is popped by itself.
  template <class Ring>
    requires detail::copies_as_bytes<T>
  result<std::size_t> try_pop(std::span<T> to, Ring&& ring) noexcept {
    if (to.empty()) return std::size_t{0};
    std::size_t n = to.size();
    word at = 0;
    if (const error e = take(at, n)) return e;
    for (T& item : to.first(n)) {
      const spot here = spot_at(at);
      P::copy_in(&item, here.item(), 1);
      vacate(here);
      at = ring_.next(at);
    }
    wake(ring);
    return n;
  }
  /// The next item in place: then either consume_loan() or keep_loan(). One loan at a time.
  result<T*> try_borrow() noexcept {
    if (const error e = take(lent_)) return e.during(step::borrow);
    ready_ = false;
    return lent_.item();
  }
  template <class Ring>
  void consume_loan(Ring&& ring) noexcept {
    if constexpr (!std::is_trivially_destructible_v<T>) lent_.item()->~T();
    vacate(lent_);
    ready_ = true;
    wake(ring);
  }
  /// Puts the message back for whoever pops next.
  template <class Ring>
  void keep_loan(Ring&& ring) noexcept {
    lent_.cell->word.store(lent_.word_of(cell_state::orphan), P::template order<site::ordered_free>);
    ring_.shared().orphans.fetch_add(1, P::template order<site::ordered_raise>);
    ready_ = true;
    P::light_fence();
    if (const auto sleepers = mine().asleep()) mine().wake_one(sleepers, ring);
  }

  /// (W0) Returns the value to sleep on at doorstep(). The caller owes the heavy fence.
  std::uint32_t arm() noexcept { return mine().arm(base::seat()); }
  [[nodiscard]] gate<P>& doorstep() noexcept { return mine().doorstep(base::seat()); }
  template <class Ring>
  void disarm(Ring&& ring) noexcept {
    if (mine().disarm(base::seat())) wake_fellow(ring);
  }

 private:
  [[nodiscard]] crowd<P>& mine() const noexcept { return ring_.shared().consumers; }
  [[nodiscard]] crowd<P>& theirs() const noexcept { return ring_.shared().producers; }
  static constexpr word nothing = ring_type::one - 1;  // no position

  // Have dead consumers left messages?
  [[nodiscard]] SLUICE_INLINE() bool orphaned() const noexcept {
    return ring_.shared().orphans.load(P::template order<site::ordered_orphans>) != orphans_;
  }
  SLUICE_INLINE() error take(spot& here) noexcept {
    if (!ready_) [[unlikely]] return base::not_ready(step::pop);
    if (orphaned()) [[unlikely]] {
      if (const word at = adopt(); at != nothing) return here = spot_at(at), error();
    }
    auto& dispenser = ring_.shared().head;
    for (auto tries = most_tries(); tries != 0; --tries) {
      word at = 0;
      if (!ring_.load(dispenser, at)) [[unlikely]] return error(errc::corrupt, step::pop, subject::cursor);
      const spot s = spot_at(at);
      const word w = s.look();
      if (w != s.word_of(cell_state::full)) [[unlikely]] {
        if (const error e = step_over(s, w)) return e;
        continue;
      }
      if (pass(at, ring_.next(at))) return here = s, redelivered_ = false, error();
    }
    return error(errc::pending, step::pop);
  }
  // The first of up to n items, and how many.
  error take(word& at, std::size_t& n) noexcept {
    if (!ready_) return base::not_ready(step::pop);
    if (orphaned() && (at = adopt()) != nothing) return n = 1, error();
    for (auto tries = most_tries(); tries != 0; --tries) {
      if (!ring_.load(ring_.shared().head, at)) return error(errc::corrupt, step::pop, subject::cursor);
      word end = at, w = 0;
      std::size_t found = 0;
      for (; found < n && found < ring_.capacity(); ++found, end = ring_.next(end)) {
        const spot s = spot_at(end);
        w = s.look();
        if (w != s.word_of(cell_state::full)) break;
      }
      if (found == 0) {
        if (const error e = step_over(spot_at(at), w)) return e;
        continue;
      }
      if (pass(at, ring_type::position_of(end))) return n = found, redelivered_ = false, error();
    }
    return error(errc::pending, step::pop);
  }
  // Passes a tomb at the head; says why there is nothing, if there is none.
  SLUICE_COLD() error step_over(const spot& s, word w) noexcept {
    if (w != s.word_of(cell_state::tomb)) return why_not(s.at, w);
    if (pass(s.at, ring_.next(s.at))) ring_.bury(s.at);
    return {};
  }
  SLUICE_INLINE() bool pass(word at, word next) const noexcept {
    if (Many && ring_type::owner_of(at) != me_) ring_.template settle<cell_state::full, cell_state::taking>(at);
    return base::template dispense<Many>(ring_.shared().head, at, next);
  }
  // Takes the oldest message that was left by a dead consumer.
  SLUICE_COLD() word adopt() noexcept {
    const auto count = ring_.shared().orphans.load(P::template order<site::ordered_orphans>);
    word at = 0;
    if (!ring_.load(ring_.shared().head, at)) return nothing;
    word lap = ring_.lap_of(at) - ring_.one_lap(), index = ring_.index_of(at);
    for (word steps = 0; steps < ring_.capacity(); ++steps) {
      const spot s = spot_at(ring_type::position(lap, index));
      word w = s.word_of(cell_state::orphan);
      if (s.look() == w &&
          s.cell->word.compare_exchange_strong(w, s.word_of(cell_state::taking) | me_, P::template order<site::ordered_adopt>,
                                               P::template order<site::ordered_before>))
        return redelivered_ = true, s.at;
      if (++index == ring_.capacity()) index = 0, lap += ring_.one_lap();
    }
    orphans_ = count;
    return nothing;
  }
  SLUICE_INLINE() void vacate(const spot& here) const noexcept {
    here.cell->word.store(here.lap + ring_.one_lap(), P::template order<site::ordered_free>);  // (C4) vacant
  }
  template <class Ring>
  SLUICE_INLINE() void wake(Ring&& ring) noexcept {
    P::light_fence();
    if (const auto sleepers = theirs().asleep()) [[unlikely]] theirs().wake_one(sleepers, ring);
    if constexpr (Many) {
      if (mine().asleep() != 0) [[unlikely]] wake_fellow(ring);
    }
  }
  // The message after ours may have become ready before ours, and whoever was woken for it then went back to sleep.
  template <class Ring>
  SLUICE_NOINLINE() void wake_fellow(Ring&& ring) noexcept {
    word head = 0;
    if (!ring_.load(ring_.shared().head, head)) return;
    const spot next = spot_at(head);
    const word w = next.look();
    if (w == next.word_of(cell_state::full) || w == next.word_of(cell_state::tomb) || orphaned())
      mine().wake_one(mine().asleep(), ring);
  }

  // Why there is no item at the head, of which w is the word; no error if there may be one by now. The word alone tells:
  // as long as it does not name a producer, nothing has been pushed behind it either.
  SLUICE_COLD() error why_not(word at, word w) noexcept {
    const word lap = ring_.lap_of(at), owner = ring_type::owner_of(w);
    if (w == ring_type::cell_word(lap, cell_state::vacant) || ring_.lap_of(w) == lap - ring_.one_lap()) return nothing_there(at);
    if (owner != 0 && w == ring_type::cell_word(lap, cell_state::claimed, owner)) return error(errc::pending, step::pop).by(static_cast<unsigned>(owner) - 1);
    word head = 0;
    if (!ring_.load(ring_.shared().head, head)) return error(errc::corrupt, step::pop, subject::cursor);
    return head != at ? error() : error(errc::corrupt, step::pop, subject::stamp);
  }
  error nothing_there(word at) noexcept {
    return base::nothing_there(theirs(), ring_.persistent(), [&]() -> error {
      word tail = 0, owner = 0;
      if (!ring_.load(ring_.shared().tail, tail)) return error(errc::corrupt, step::pop, subject::cursor);
      if (ring_.distance(at, tail) != 0) return {};
      if (Many && held(owner)) return error(errc::pending, step::pop).by(static_cast<unsigned>(owner) - 1);
      return errc::empty;
    });
  }
  // Does a fellow still hold a message? If it dies, or keeps it, the message will be another's.
  bool held(word& owner) const noexcept {
    word head = 0;
    if (!ring_.load(ring_.shared().head, head)) return false;
    if (ring_type::owner_of(head) != me_) ring_.template settle<cell_state::full, cell_state::taking>(head);
    for (word k = 0; k < ring_.capacity(); ++k) {
      const word w = ring_.cells()[k].word.load(P::template order<site::ordered_cell>);
      owner = ring_type::owner_of(w);
      if (ring_type::state_of(w) == cell_state::orphan) return owner = me_, true;
      if (ring_type::state_of(w) == cell_state::taking && owner != me_) return owner != 0;
    }
    return false;
  }

  spot lent_;                      // the message that is out
  std::uint32_t orphans_ = 0;      // the count of orphans at which there were none
  bool redelivered_ = false;
};

}  // namespace sluice

#endif
