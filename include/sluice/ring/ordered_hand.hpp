// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_ORDERED_HAND_HPP
#define SLUICE_RING_ORDERED_HAND_HPP

#include <sluice/ring/ordered_layout.hpp>

// What takes positions of an order: ordered_writer its places, ordered_reader its messages. What they do, and why it
// survives a kill anywhere, is in ordered_layout.hpp. Neither knows of crowds and sleepers, which are the business of the
// side that it belongs to.
//
// `Many` says that the side has fellows: it then takes positions by compare-exchange instead of a store, and settles
// before it does.

namespace sluice {

namespace site {
// The dispenser of a side without fellows: read by itself, by who has seen its end or has a certificate, or for an
// estimate.
struct ordered_alone : order_site<std::memory_order_relaxed> {};
}  // namespace site

namespace detail {

/// What both have in common: the ring, and the name that dispensers and cells know its owner by.
template <class T, class P>
class ordered_hand {
 public:
  using ring_type = ordered_ring<T, P>;
  using word = typename ring_type::word;

  /// A position, and what follows from it; so that nothing is worked out again behind a store that clobbers the ring.
  struct spot {
    word at = 0, lap = 0;
    typename ring_type::cell* cell = nullptr;

    [[nodiscard]] T* item() const noexcept { return cell->item(); }
    [[nodiscard]] word word_of(cell_state s) const noexcept { return ring_type::cell_word(lap, s); }
    [[nodiscard]] SLUICE_INLINE() word look() const noexcept { return cell->word.load(P::template order<site::ordered_cell>); }
  };

  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }
  [[nodiscard]] unsigned seat() const noexcept { return static_cast<unsigned>(me_) - 1; }
  [[nodiscard]] SLUICE_INLINE() spot spot_at(word at) const noexcept { return {at, ring_.lap_of(at), ring_.cells() + ring_.index_of(at)}; }
  [[nodiscard]] word next(word at) const noexcept { return ring_.next(at); }
  /// After so many lost races, or tombs passed, an operation says `pending`: nobody can keep it from ending.
  [[nodiscard]] word most_tries() const noexcept { return word{256} + ring_.capacity(); }

 protected:
  void take_hold(const ring_type& r, unsigned seat) noexcept {
    ring_ = r;
    me_ = seat + 1;
  }
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

  ring_type ring_;
  word me_ = 0;  // the slot plus one
};

}  // namespace detail

}  // namespace sluice

#endif
