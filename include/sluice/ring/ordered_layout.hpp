// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_ORDERED_LAYOUT_HPP
#define SLUICE_RING_ORDERED_LAYOUT_HPP

#include <sluice/core/crowd.hpp>
#include <sluice/core/liveness.hpp>
#include <sluice/core/result.hpp>
#include <sluice/core/untrusted.hpp>

#include <bit>
#include <cstddef>
#include <new>

// A bounded queue with one global order, for several producers, consumers or both, that stays whole when any of them is
// killed at any instruction.
//
// `tail` and `head` dispense positions {lap, index}; each names besides who took the last one. A cell is a word and an
// item; its word says at which lap the cell is, and in which state:
//
//     vacant(L) ------> full(L) ------> vacant(L+1)        all that happens as long as nobody is in anybody's way
//       |  claimed(L,k) ^  |  taking(L,k) ^
//       `-----> tomb(L) ---+--> orphan(L) +
//
//   push   (P1) see vacant(L) at the tail; (P2) settle the position before; (P3) compare-exchange the tail: the place is
//          claimed; write the item; (P4) store full(L): pushed.
//   pop    (C1) see full(L) at the head; (C2) settle the position before; (C3) compare-exchange the head: the message is
//          taken; read the item; (C4) store vacant(L+1): popped.
//   settle The dispenser names only the owner of the last positions. Before anybody moves it on, it sees to it that these
//          are finished, or writes the owner into their cells: claimed(L,k) in place of vacant(L), taking(L,k) in place of
//          full(L). An owner finishes its positions in order, so those that are not finished are the last ones.
//
// So at every instruction each unfinished position has one owner on record, in the dispenser or in its cell, and neither
// costs the owner a store. Most of the time the position before is finished, and settling is one load.
//
//   heal   With a certificate that k is dead: settles the positions that the dispensers name k for; then every claimed(L,k)
//          becomes a tomb(L), which consumers pass, and every taking(L,k) an orphan(L), which the next consumer adopts
//          out of order, before anything else. `orphans` counts how often there may be new ones. A healer that dies is
//          followed by another, which finds the same, or less to do. Where orphans are to be dropped, taking(L,k) becomes
//          vacant(L+1) instead, which is what its owner would have stored in the end (C4): nobody can tell the difference.
//
// A stale compare-exchange of somebody who was stopped in between does no harm: a word comes back only after 2^53 operations.
//
// Who may write a cell: by store its living owner, who finishes; by compare-exchange anybody who settles, adopts or passes
// a tomb, and the healer. All zero is an empty queue.

namespace sluice {

namespace site {
struct ordered_dispense : order_site<std::memory_order_acq_rel> {};  // (P3), (C3) what was settled, before; pairs with the next two
struct ordered_position : order_site<std::memory_order_acquire> {};  // the dispenser: all before it is claimed and settled
struct ordered_publish : order_site<std::memory_order_release> {};   // (P4) the item before the word, pairs with (C1)
struct ordered_free : order_site<std::memory_order_release> {};      // (C4) the reads of the item before the word, pairs with (P1)
struct ordered_cell : order_site<std::memory_order_acquire> {};      // (P1), (C1)
struct ordered_before : order_site<std::memory_order_relaxed> {};    // the cell of the position before: the dispenser orders it
struct ordered_settle : order_site<std::memory_order_release> {};    // the owner written into a cell: after the dispenser's value
struct ordered_heal : order_site<std::memory_order_acq_rel> {};      // the healer's, which follows the dead one's last store
struct ordered_adopt : order_site<std::memory_order_acquire> {};     // an orphan's item before it is read again
struct ordered_raise : order_site<std::memory_order_release> {};     // (O1) orphans before the count, pairs with (O2)
struct ordered_orphans : order_site<std::memory_order_acquire> {};   // (O2) once it has changed
}  // namespace site

/// What a cell's word says of its item.
enum class cell_state : std::uint8_t {
  vacant,   // nothing yet at this lap
  claimed,  // a producer is about to write it; its slot is in the word
  full,     // a message
  taking,   // a consumer is about to read it; its slot is in the word
  orphan,   // a message that a dead consumer had begun to take
  tomb,     // nothing: its producer died, or thought better of it
};

/// The shared words of one order.
template <class P = native_memory>
struct ordered_words {
  alignas(apart_bytes) typename P::template atomic<std::uint64_t> tail;  // {lap, index, owner of the last}
  alignas(apart_bytes) typename P::template atomic<std::uint64_t> head;
  alignas(apart_bytes) typename P::template atomic<std::uint32_t> orphans;  // grows whenever there are new ones
};
/// Who takes part.
template <class P = native_memory>
struct ordered_crowds {
  alignas(apart_bytes) crowd<P> producers;
  alignas(apart_bytes) crowd<P> consumers;
};
template <class P = native_memory>
struct ordered_control {
  ordered_words<P> words;
  ordered_crowds<P> crowds;
};

template <class T, class P>
struct ordered_cell {
  typename P::template atomic<std::uint64_t> word;
  alignas(alignof(T)) std::byte bytes[sizeof(T)];

  [[nodiscard]] T* item() noexcept { return std::launder(reinterpret_cast<T*>(bytes)); }
};

/// An ordered ring of T in memory that somebody else provides: where it is, and how large. A private copy of the geometry;
/// nothing of it is read from the shared memory again.
template <class T, class P = native_memory>
class ordered_ring {
 public:
  using value_type = T;
  using policy = P;
  using word = std::uint64_t;
  using words = ordered_words<P>;
  using crowds = ordered_crowds<P>;
  using control = ordered_control<P>;
  using cell = ordered_cell<T, P>;
  static_assert(sizeof(typename P::word) == 8, "a ring of several producers or consumers needs 64-bit atomics");
  static_assert(alignof(T) <= apart_bytes);

  static constexpr std::size_t most = std::size_t{1} << (sizeof(std::size_t) == 8 ? 30 : 24);

  [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t capacity) noexcept {
    const std::size_t room = (static_cast<std::size_t>(-1) / 4 - sizeof(control)) / sizeof(cell);
    return capacity == 0 || capacity > most || capacity > room ? 0 : sizeof(control) + capacity * sizeof(cell);
  }

  constexpr ordered_ring() noexcept = default;
  /// Views `bytes_for(capacity)` bytes, aligned to `apart_bytes`, that are all zero or hold such a ring already.
  ordered_ring(std::byte* memory, std::size_t capacity, bool persistent = false) noexcept
      : ordered_ring(std::launder(reinterpret_cast<control*>(memory))->crowds, memory, memory + sizeof(control), capacity, persistent) {}
  /// Words and cells, where others use the same crowds.
  ordered_ring(crowds& all, std::byte* first_word, std::byte* first_cell, std::size_t capacity, bool persistent) noexcept
      : words_(std::launder(reinterpret_cast<words*>(first_word))),
        crowds_(&all),
        cells_(std::launder(reinterpret_cast<cell*>(first_cell))),
        capacity_(static_cast<std::uint32_t>(capacity)),
        one_lap_(one << std::bit_width(capacity - 1)),
        persistent_(persistent) {}

  [[nodiscard]] words& order() const noexcept { return *words_; }
  [[nodiscard]] crowds& shared() const noexcept { return *crowds_; }
  [[nodiscard]] cell* cells() const noexcept { return cells_; }
  /// Where an item may lie.
  [[nodiscard]] T* some_item() const noexcept { return cells_->item(); }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool persistent() const noexcept { return persistent_; }
  [[nodiscard]] explicit operator bool() const noexcept { return words_ != nullptr; }

  // ---- words
  //
  //   dispenser   lap | index | 0 | owner      the index as wide as the capacity needs it; the lap on top, where it wraps
  //   cell        lap |   0   | state | owner  by itself; the owner is a slot plus one
  //
  // So a cell is compared with a dispenser without a shift.

  static constexpr unsigned owner_bits = 8, state_bits = 3, low_bits = owner_bits + state_bits;
  static constexpr word owner_mask = (word{1} << owner_bits) - 1;
  static constexpr word one = word{1} << low_bits;  // position

  /// The lap of a dispenser or cell, in place.
  [[nodiscard]] SLUICE_INLINE() word lap_of(word w) const noexcept { return w & (word{0} - one_lap_); }
  [[nodiscard]] SLUICE_INLINE() word index_of(word dispenser) const noexcept { return (dispenser & (one_lap_ - 1)) >> low_bits; }
  [[nodiscard]] static constexpr word owner_of(word w) noexcept { return w & owner_mask; }
  [[nodiscard]] static constexpr word position_of(word dispenser) noexcept { return dispenser & ~(one - 1); }
  [[nodiscard]] static constexpr word position(word lap, word index) noexcept { return lap | index << low_bits; }
  [[nodiscard]] word one_lap() const noexcept { return one_lap_; }
  /// The position after that of an index below the capacity; without owner.
  [[nodiscard]] SLUICE_INLINE() word next(word dispenser) const noexcept {
    return index_of(dispenser) + 1 != capacity_ ? position_of(dispenser) + one : lap_of(dispenser) + one_lap_;
  }
  [[nodiscard]] word previous(word dispenser) const noexcept {
    return index_of(dispenser) != 0 ? position_of(dispenser) - one : position(lap_of(dispenser) - one_lap_, capacity_ - 1u);
  }
  [[nodiscard]] static constexpr word cell_word(word lap, cell_state s, word owner = 0) noexcept {
    return lap | static_cast<word>(s) << owner_bits | owner;
  }
  [[nodiscard]] static constexpr cell_state state_of(word cell) noexcept {
    return static_cast<cell_state>(cell >> owner_bits & ((word{1} << state_bits) - 1));
  }

  // ---- steps that more than one side makes

  /// Loads a dispenser; false if no correct peer has written it.
  [[nodiscard]] SLUICE_INLINE() bool load(const typename P::template atomic<word>& dispenser, word& seen) const noexcept {
    seen = dispenser.load(P::template order<site::ordered_position>);
    return index_of(seen) < capacity_;
  }
  /// How many positions lie from `head` to `tail`, both loaded by load(); more than the capacity if that cannot be.
  [[nodiscard]] word distance(word head, word tail) const noexcept {
    const word laps = lap_of(tail) - lap_of(head);
    if (laps != 0 && laps != one_lap_) return capacity_ + word{1};
    return index_of(tail) + (laps != 0 ? capacity_ : 0) - index_of(head);
  }
  /// (P2), (C2) Sees to it that the last positions of a dispenser are finished, or have their owner in their cells.
  template <cell_state Untouched, cell_state Owned>
  SLUICE_INLINE() void settle(word dispenser) const noexcept {
    if (owner_of(dispenser) == 0) return;
    const word at = previous(dispenser);
    const word w = cells_[index_of(at)].word.load(P::template order<site::ordered_before>);
    if (w == cell_word(lap_of(at), Untouched) || w == cell_word(lap_of(at), Owned, owner_of(dispenser)) ||
        (Untouched == cell_state::full && w == cell_word(lap_of(at), cell_state::tomb))) [[unlikely]]
      settle_back<Untouched, Owned>(at, owner_of(dispenser));
  }
  /// Vacates a tomb that the head has passed.
  void bury(word at) const noexcept {
    word w = cell_word(lap_of(at), cell_state::tomb);
    cells_[index_of(at)].word.compare_exchange_strong(w, vacant_after(at), P::template order<site::ordered_free>,
                                                      P::template order<site::ordered_before>);
  }
  [[nodiscard]] word vacant_after(word at) const noexcept { return cell_word(lap_of(at) + one_lap_, cell_state::vacant); }

  /// Repairs what the dead owner of a slot left. The caller holds its certificate; idempotent.
  recovery heal(unsigned slot, orphans after_death = orphans::redeliver) const noexcept {
    recovery found;
    const bool drop = after_death == orphans::drop;
    const word who = slot + 1;
    word tail = 0, head = 0;
    if (load(words_->tail, tail) && owner_of(tail) == who) settle<cell_state::vacant, cell_state::claimed>(tail);
    if (load(words_->head, head) && owner_of(head) == who) settle<cell_state::full, cell_state::taking>(head);
    bool left = false;  // orphans are
    for (word k = 0; k < capacity_; ++k) {
      auto& word_here = cells_[k].word;
      word w = word_here.load(P::template order<site::ordered_cell>);
      const word lap = lap_of(w);
      if (w == cell_word(lap, cell_state::claimed, who)) {
        if (word_here.compare_exchange_strong(w, cell_word(lap, cell_state::tomb), P::template order<site::ordered_heal>,
                                              P::template order<site::ordered_before>))
          ++found.undelivered;
      } else if (w == cell_word(lap, cell_state::taking, who)) {
        const word after = drop ? vacant_after(lap) : cell_word(lap, cell_state::orphan);
        if (word_here.compare_exchange_strong(w, after, P::template order<site::ordered_heal>, P::template order<site::ordered_before>))
          ++(drop ? found.dropped : found.redelivered);
        left = left || !drop;
      } else {
        left = left || state_of(w) == cell_state::orphan;  // perhaps made by a healer that died before it said so
      }
    }
    if (left) words_->orphans.fetch_add(1, P::template order<site::ordered_raise>);
    found.peers = 1;
    return found;
  }

  /// How many places between head and tail are taken, at some moment during the call.
  [[nodiscard]] std::size_t approx_size() const noexcept {
    word head = 0, tail = 0;
    if (!load(words_->head, head) || !load(words_->tail, tail)) return 0;
    const word n = distance(head, tail);
    return n <= capacity_ ? static_cast<std::size_t>(n) : 0;
  }

 private:
  template <cell_state Untouched, cell_state Owned>
  SLUICE_COLD() void settle_back(word at, word owner) const noexcept {
    for (word steps = 0; steps < capacity_; ++steps, at = previous(at)) {
      auto& word_here = cells_[index_of(at)].word;
      const word owned = cell_word(lap_of(at), Owned, owner);
      word w = cell_word(lap_of(at), Untouched);
      if (word_here.compare_exchange_strong(w, owned, P::template order<site::ordered_settle>,
                                            P::template order<site::ordered_before>) ||
          w == owned)
        continue;
      if (Untouched == cell_state::full && w == cell_word(lap_of(at), cell_state::tomb)) bury(at);
      return;  // finished, and so all before it
    }
  }

  words* words_ = nullptr;
  crowds* crowds_ = nullptr;
  cell* cells_ = nullptr;
  std::uint32_t capacity_ = 0;
  word one_lap_ = 0;
  bool persistent_ = false;
};

}  // namespace sluice

#endif
