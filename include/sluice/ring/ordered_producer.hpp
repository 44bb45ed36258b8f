// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_ORDERED_PRODUCER_HPP
#define SLUICE_RING_ORDERED_PRODUCER_HPP

#include <sluice/ring/item.hpp>
#include <sluice/ring/ordered_side.hpp>

#include <concepts>
#include <span>

namespace sluice {

/// A side that items go into.
///
/// Threads: one at a time. Progress: wait-free; `pending` after some hundred lost races. Blocks: never. Allocates: never.
/// Errors: full; pending (the place is still held: `who`); closed, peer_died (nobody is left on the other side); busy (a
/// claim is out); corrupt (a word that no correct peer writes); forked (detached).
template <class T, bool Many, class P = native_memory>
class ordered_producer : public detail::ordered_side<ordered_producer<T, Many, P>, T, P> {
  using base = detail::ordered_side<ordered_producer, T, P>;
  friend detail::crowd_side<ordered_producer, P>;
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
    if (base::any_news()) [[unlikely]] return base::look_at_news();
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

}  // namespace sluice

#endif
