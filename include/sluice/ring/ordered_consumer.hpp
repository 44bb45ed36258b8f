// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_ORDERED_CONSUMER_HPP
#define SLUICE_RING_ORDERED_CONSUMER_HPP

#include <sluice/ring/item.hpp>
#include <sluice/ring/ordered_side.hpp>

#include <span>

namespace sluice {

/// A side that items come out of.
///
/// Threads: one at a time. Progress: wait-free; `pending` after some hundred lost races. Blocks: never. Allocates: never.
/// Errors: empty; pending (the next item is not there yet, or a fellow holds the last one: `who`); closed, peer_died (nobody
/// is left on the other side, and nothing is left to pop); busy (a loan is out); corrupt (a word that no correct peer
/// writes); forked (detached).
template <class T, bool Many, class P = native_memory>
class ordered_consumer : public detail::ordered_side<ordered_consumer<T, Many, P>, T, P> {
  using base = detail::ordered_side<ordered_consumer, T, P>;
  friend detail::crowd_side<ordered_consumer, P>;
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
    return base::nothing_there([&]() -> error {
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
