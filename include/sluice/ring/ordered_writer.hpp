// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_ORDERED_WRITER_HPP
#define SLUICE_RING_ORDERED_WRITER_HPP

#include <sluice/ring/item.hpp>
#include <sluice/ring/ordered_hand.hpp>

namespace sluice::detail {

/// Claims places of an order and fills them.
///
/// Threads: one at a time. Progress: wait-free; `pending` after some hundred lost races. Errors: full; pending (the place
/// is still held: `who`); corrupt (a word that no correct peer writes).
template <class T, bool Many, class P>
class ordered_writer : public ordered_hand<T, P> {
  using base = ordered_hand<T, P>;
  using base::me_, base::ring_;

 public:
  using typename base::ring_type;
  using typename base::spot;
  using typename base::word;
  using base::most_tries, base::spot_at;

  status attach(const ring_type& r, unsigned seat) noexcept {
    word tail = 0;
    if (!r.load(r.order().tail, tail)) return error(errc::corrupt, step::join, subject::cursor);
    base::take_hold(r, seat);
    return {};
  }

  SLUICE_INLINE() error claim(spot& here) noexcept {
    auto& dispenser = ring_.order().tail;
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
  /// The first of up to n places, and how many.
  error claim(word& at, std::size_t& n) noexcept {
    auto& dispenser = ring_.order().tail;
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
  /// Builds the message and publishes it. If its constructor throws, the place becomes a tomb.
  template <class U>
  SLUICE_INLINE() static void fill(const spot& here, U&& value) {
    if constexpr (std::is_nothrow_constructible_v<T, U>) {
      put_item<P>(here.item(), std::forward<U>(value));
    } else {
      tomb_unless_done guard{here};
      put_item<P>(here.item(), std::forward<U>(value));
      guard.done = true;
    }
    publish(here, cell_state::full);
  }
  SLUICE_INLINE() static void publish(const spot& here, cell_state s) noexcept {
    here.cell->word.store(here.word_of(s), P::template order<site::ordered_publish>);  // (P4)
  }
  /// Is there a place at the tail?
  [[nodiscard]] bool room() const noexcept {
    word tail = 0;
    if (!ring_.load(ring_.order().tail, tail)) return false;
    const spot next = spot_at(tail);
    return next.look() == next.word_of(cell_state::vacant);
  }

 private:
  struct tomb_unless_done {
    const spot& here;
    bool done = false;
    ~tomb_unless_done() {
      if (!done) publish(here, cell_state::tomb);
    }
  };

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
    if (!ring_.load(ring_.order().tail, tail)) return error(errc::corrupt, step::push, subject::cursor);
    return tail != at ? error() : error(errc::corrupt, step::push, subject::stamp);
  }
};

}  // namespace sluice::detail

#endif
