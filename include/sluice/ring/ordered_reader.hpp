// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_ORDERED_READER_HPP
#define SLUICE_RING_ORDERED_READER_HPP

#include <sluice/ring/item.hpp>
#include <sluice/ring/ordered_hand.hpp>

namespace sluice::detail {

/// Takes messages of an order, those that dead consumers had begun to take first, and vacates their places.
///
/// `vacated` is called for each tomb that is passed: somebody may wait for its place, and there may be nothing to pop.
///
/// Threads: one at a time. Progress: wait-free; `pending` after some hundred lost races. Errors: empty; pending (the next
/// message is not there yet: `who`); corrupt (a word that no correct peer writes).
template <class T, bool Many, class P>
class ordered_reader : public ordered_hand<T, P> {
  using base = ordered_hand<T, P>;
  using base::me_, base::ring_;

 public:
  static constexpr bool any_room_will_do = true;  // for whoever waits for some
  using typename base::ring_type;
  using typename base::spot;
  using typename base::word;
  using base::most_tries, base::spot_at;

  status attach(const ring_type& r, unsigned seat) noexcept {
    word head = 0;
    if (!r.load(r.order().head, head)) return error(errc::corrupt, step::join, subject::cursor);
    orphans_ = r.order().orphans.load(P::template order<site::ordered_orphans>) - 1;  // look for them at once
    base::take_hold(r, seat);
    return {};
  }

  template <class Vacated>
  SLUICE_INLINE() error take(Vacated vacated, spot& here) noexcept {
    if (orphaned()) [[unlikely]] {
      if (spot left; adopt(left)) return here = left, error();
    }
    for (auto tries = most_tries(); tries != 0; --tries) {
      spot s;
      word w = 0;
      if (const error e = look(s, w)) [[unlikely]] return e;
      if (w != s.word_of(cell_state::full)) [[unlikely]] {
        if (const error e = step_over(s, w, vacated)) return e;
        continue;
      }
      if (take_found(s, ring_.next(s.at))) return here = s, error();
    }
    return error(errc::pending, step::pop);
  }
  /// The first of up to n messages, and how many.
  template <class Vacated>
  error take(Vacated vacated, word& at, std::size_t& n) noexcept {
    if (spot s; orphaned() && adopt(s)) return at = s.at, n = 1, error();
    for (auto tries = most_tries(); tries != 0; --tries) {
      spot first;
      word w = 0, end = 0;
      if (const error e = look(first, w)) return e;
      const std::size_t found = look_on(first, n, end);
      if (found == 0) {
        if (const error e = step_over(first, w, vacated)) return e;
        continue;
      }
      if (take_found(first, end)) return at = first.at, n = found, error();
    }
    return error(errc::pending, step::pop);
  }

  // ---- the steps of taking, for who chooses among several orders

  /// Have dead consumers left messages?
  [[nodiscard]] SLUICE_INLINE() bool orphaned() const noexcept {
    return ring_.order().orphans.load(P::template order<site::ordered_orphans>) != orphans_;
  }
  /// Takes the oldest message that was left by a dead consumer, if there is one.
  SLUICE_COLD() bool adopt(spot& here) noexcept {
    return oldest_orphan([&](const spot& s) {
      word w = s.word_of(cell_state::orphan);
      if (!s.cell->word.compare_exchange_strong(w, s.word_of(cell_state::taking) | me_, P::template order<site::ordered_adopt>,
                                                P::template order<site::ordered_before>))
        return false;
      return here = s, redelivered_ = true, true;
    });
  }
  /// What is at the head, and its word w.
  SLUICE_INLINE() error look(spot& here, word& w) const noexcept {
    word at = 0;
    if (!ring_.load(ring_.order().head, at)) [[unlikely]] return error(errc::corrupt, step::pop, subject::cursor);
    here = spot_at(at);
    w = here.look();
    return {};
  }
  /// How many messages there are from the head on, up to n, and the position behind them.
  std::size_t look_on(const spot& first, std::size_t n, word& end) const noexcept {
    end = ring_type::position_of(first.at);
    std::size_t found = 0;
    for (; found < n && found < ring_.capacity(); ++found, end = ring_.next(end)) {
      const spot s = spot_at(end);
      if (s.look() != s.word_of(cell_state::full)) break;
    }
    return found;
  }
  /// Takes what look() has found, up to `end`, if nobody was faster.
  SLUICE_INLINE() bool take_found(const spot& first, word end) noexcept {
    if (!pass(first.at, end)) return false;
    redelivered_ = false;
    return true;
  }
  /// Is there a message at the head, or one that a dead consumer left? If not, says why where that is more than `empty`.
  template <class Vacated>
  SLUICE_INLINE() bool find(Vacated vacated, spot& here, error& why) noexcept {
    word w = 0;
    if (const error e = look(here, w)) [[unlikely]] return why = e, false;
    if (w == here.word_of(cell_state::full)) return true;
    if (orphaned()) [[unlikely]] {
      if (oldest_orphan([](const spot&) { return true; })) return true;
    }
    if (w == here.word_of(cell_state::vacant)) [[likely]] return false;
    return find_behind(vacated, here, w, why);
  }
  /// Takes what find() has found, if nobody was faster.
  SLUICE_INLINE() bool take_found(spot& here) noexcept {
    if (orphaned()) [[unlikely]] return adopt(here);
    return take_found(here, ring_.next(here.at));
  }
  /// Passes a tomb at the head, or says why there is no message.
  template <class Vacated>
  SLUICE_COLD() error step_over(spot s, word w, Vacated vacated) noexcept {
    if (w != s.word_of(cell_state::tomb)) return why_not(s.at, w);
    if (!pass(s.at, ring_.next(s.at))) return {};
    ring_.bury(s.at);
    vacated();
    return {};
  }

  SLUICE_INLINE() void vacate(const spot& here) const noexcept {
    here.cell->word.store(here.lap + ring_.one_lap(), P::template order<site::ordered_free>);  // (C4) vacant
  }
  /// Leaves a message that was taken to whoever looks next.
  void put_back(const spot& here) const noexcept {
    here.cell->word.store(here.word_of(cell_state::orphan), P::template order<site::ordered_free>);
    ring_.order().orphans.fetch_add(1, P::template order<site::ordered_raise>);
  }
  /// Was the last message taken over from a consumer that died with it, or put back?
  [[nodiscard]] bool redelivered() const noexcept { return redelivered_; }

  /// Is there something at the head?
  [[nodiscard]] bool ready() const noexcept {
    spot next;
    word w = 0;
    if (look(next, w)) return false;
    return w == next.word_of(cell_state::full) || w == next.word_of(cell_state::tomb) || orphaned();
  }
  /// After an end: empty if nothing has been left, no error if there is something, `pending` if a fellow holds a message.
  error rest() noexcept {
    word at = 0, tail = 0, owner = 0;
    if (!ring_.load(ring_.order().head, at) || !ring_.load(ring_.order().tail, tail)) return error(errc::corrupt, step::pop, subject::cursor);
    if (ring_.distance(at, tail) != 0) return {};
    if (Many && held(owner)) return error(errc::pending, step::pop).by(static_cast<unsigned>(owner) - 1);
    return errc::empty;
  }

 private:
  // Calls `f` with what dead consumers have left, from the oldest on, until it says true. If it never did there are none.
  template <class F>
  bool oldest_orphan(F f) noexcept {
    const auto count = ring_.order().orphans.load(P::template order<site::ordered_orphans>);
    word at = 0;
    if (!ring_.load(ring_.order().head, at)) return false;
    word lap = ring_.lap_of(at) - ring_.one_lap(), index = ring_.index_of(at);
    for (word steps = 0; steps < ring_.capacity(); ++steps) {
      const spot s = spot_at(ring_type::position(lap, index));
      if (s.look() == s.word_of(cell_state::orphan) && f(s)) return true;
      if (++index == ring_.capacity()) index = 0, lap += ring_.one_lap();
    }
    orphans_ = count;
    return false;
  }
  // Of something at the head that is not yet a message, or no more.
  template <class Vacated>
  SLUICE_COLD() bool find_behind(Vacated vacated, spot& here, word w, error& why) noexcept {
    for (auto tries = most_tries(); tries != 0; --tries) {
      error e = step_over(here, w, vacated);
      if (!e) e = look(here, w);
      if (e) return why = e == errc::empty ? why : e, false;
      if (w == here.word_of(cell_state::full) || w == here.word_of(cell_state::vacant)) return w == here.word_of(cell_state::full);
    }
    return why = error(errc::pending, step::pop), false;
  }
  SLUICE_INLINE() bool pass(word at, word next) const noexcept {
    if (Many && ring_type::owner_of(at) != me_) ring_.template settle<cell_state::full, cell_state::taking>(at);
    return base::template dispense<Many>(ring_.order().head, at, next);
  }
  // Why there is no item at the head, of which w is the word; no error if there may be one by now. The word alone tells:
  // as long as it does not name a producer, nothing has been pushed behind it either.
  SLUICE_COLD() error why_not(word at, word w) const noexcept {
    const word lap = ring_.lap_of(at), owner = ring_type::owner_of(w);
    if (w == ring_type::cell_word(lap, cell_state::vacant) || ring_.lap_of(w) == lap - ring_.one_lap()) return error(errc::empty, step::pop);
    if (owner != 0 && w == ring_type::cell_word(lap, cell_state::claimed, owner)) return error(errc::pending, step::pop).by(static_cast<unsigned>(owner) - 1);
    word head = 0;
    if (!ring_.load(ring_.order().head, head)) return error(errc::corrupt, step::pop, subject::cursor);
    return head != at ? error() : error(errc::corrupt, step::pop, subject::stamp);
  }
  // Does a fellow still hold a message? If it dies, or keeps it, the message will be another's.
  bool held(word& owner) const noexcept {
    word head = 0;
    if (!ring_.load(ring_.order().head, head)) return false;
    if (ring_type::owner_of(head) != me_) ring_.template settle<cell_state::full, cell_state::taking>(head);
    for (word k = 0; k < ring_.capacity(); ++k) {
      const word w = ring_.cells()[k].word.load(P::template order<site::ordered_cell>);
      owner = ring_type::owner_of(w);
      if (ring_type::state_of(w) == cell_state::orphan) return owner = me_, true;
      if (ring_type::state_of(w) == cell_state::taking && owner != me_) return owner != 0;
    }
    return false;
  }

  std::uint32_t orphans_ = 0;  // the count of orphans at which there were none
  bool redelivered_ = false;
};

}  // namespace sluice::detail

#endif
