// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_ORDERED_SIDE_HPP
#define SLUICE_RING_ORDERED_SIDE_HPP

#include <sluice/ring/crowd_side.hpp>
#include <sluice/ring/ordered_layout.hpp>

// The two sides of the ordered ring, ordered_producer and ordered_consumer. What they do, and why it survives a kill
// anywhere, is in ordered_layout.hpp.
//
// `Many` says that the side has fellows: it then takes positions by compare-exchange instead of a store, settles before
// it does, and passes wake-ups on. A side that is all zero is not ready, and its first use ends in a slow path that
// says why: a forked child finds its copy wiped and so touches nothing of its parent's.

namespace sluice {

namespace site {
// The dispenser of a side without fellows: read by itself, by who has seen its end or has a certificate, or for an
// estimate.
struct ordered_alone : order_site<std::memory_order_relaxed> {};
}  // namespace site

namespace detail {

/// What both sides of an ordered ring have in common: a seat in a crowd, and a readiness that one test asks for.
template <class Side, class T, class P>
class ordered_side : public crowd_side<Side, P> {
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

}  // namespace sluice

#endif
