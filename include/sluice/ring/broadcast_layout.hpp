// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_BROADCAST_LAYOUT_HPP
#define SLUICE_RING_BROADCAST_LAYOUT_HPP

#include <sluice/ring/audience.hpp>
#include <sluice/ring/spsc_layout.hpp>

#include <bit>
#include <cstddef>
#include <new>

// A broadcast that loses nothing: one producer, every reader gets every message, and the producer waits for the
// slowest.
//
// Messages have positions from 0 on, which never come back. They lie in the stamped blocks of the spsc ring; here the
// stamp of a block is the position after the last message that was pushed into it. Each reader has a cursor, on a line
// of its own: the position of its next message. A bit in `active` says that its cursor counts.
//
//   push  (P1) a position below the private limit needs no look at anybody; (P2) write the item; (P3) store the stamp.
//   pop   (C1) the stamp is above the position: it is there; (C2) read the item; (C3) store the cursor: popped.
//   grant At its limit the producer takes a new one: (G1) exchange limit = tail + quantum; (G2) load `active`; (G3) load
//         the cursors that count, and stay within the capacity of each. Nothing left: full, because of that reader; then
//         (G4) store limit = tail, by which readers know which of them the producer waits for.
//   join  (J1) store cursor = 0, so that it holds whatever there is; (J2) set the bit; (J3) load the limit, and look for
//         the tail from `quantum` before it on; begin `capacity` before the tail; (J4) store the cursor.
//   leave (L1) clear the bit. A healer does the same for the dead, with a certificate; nobody else does.
//
// (G1), (G2), (J2) and (J3) are sequentially consistent: either the producer sees the bit, and then grants nothing
// beyond the cursor; or the joiner sees the limit that was granted without it, and begins where that does no harm. Both
// are careful, so both may be. (G1) is an exchange because a producer killed after it may have begun to overwrite: no
// compiler may hold that announcement back, as it might a store. Where a sequentially consistent store is an exchange,
// it costs the same.
//
// The tail is at most `quantum` below the limit, so a joiner begins at most capacity + quantum below any limit that was
// granted without it, and there are blocks for that.
//
// A limit that was granted allows to write `quantum` messages more, during which somebody may join and want the last
// `capacity` of them. Therefore there are blocks for capacity + quantum messages, and a partly overwritten block. A
// reader that joins so holds the producer at once, or `quantum` messages later; whoever was there before is never
// further behind than the capacity.
//
// (P3) release, pairs with (C1) acquire: the item. (C3) release and (L1) release pair with (G3) and (G2): the producer
// reuses a block after the last read of it. (G1) and (G4) release besides, for (J3): whatever was pushed before the
// grant.
//
// Who writes what: stamps, items and `limit` the producer; a cursor its reader; `active` who joins or leaves, by
// read-modify-write. A push has none, a grant has one. All zero is an empty ring.
//
// What a kill leaves: a producer's item without a stamp, or a limit that is higher than need be; its successor finds
// the tail in the `quantum` positions below the limit. A reader's cursor, at the last message whose pop it had
// committed, and its bit, perhaps before it had chosen where to begin: it holds the producer until it is healed.

namespace sluice {

namespace site {
struct broadcast_publish : order_site<std::memory_order_release> {};  // (P3), pairs with (C1)
struct broadcast_stamp : order_site<std::memory_order_acquire> {};    // (C1)
struct broadcast_consume : order_site<std::memory_order_release> {};  // (C3) reads of the items before the cursor, pairs with (G3)
struct broadcast_grant : order_site<std::memory_order_seq_cst> {};    // (G1) before (G2); pairs with (J3)
struct broadcast_active : order_site<std::memory_order_seq_cst> {};   // (G2) pairs with (J2), (L1)
struct broadcast_cursor : order_site<std::memory_order_acquire> {};   // (G3)
struct broadcast_trim : order_site<std::memory_order_release> {};     // (G4) pairs with (J3)
struct broadcast_hold : order_site<std::memory_order_relaxed> {};     // (J1): (J2) publishes it
struct broadcast_join : order_site<std::memory_order_seq_cst> {};     // (J2) before (J3)
struct broadcast_limit : order_site<std::memory_order_seq_cst> {};    // (J3)
struct broadcast_start : order_site<std::memory_order_relaxed> {};    // (J4): nothing has been read yet
struct broadcast_leave : order_site<std::memory_order_release> {};    // (L1) reads of the items before the bit, pairs with (G2)
struct broadcast_peek : order_site<std::memory_order_relaxed> {};     // looks that a closer look follows
}  // namespace site

/// The shared words of a broadcast.
template <class P = native_memory>
struct broadcast_control {
  using word = std::uint64_t;
  struct alignas(apart_bytes) cursor {
    typename P::template atomic<word> at;
  };

  audience<P> hall;
  alignas(apart_bytes) typename P::template atomic<word> limit;   // positions below may be written at any time
  alignas(apart_bytes) typename P::template atomic<word> active;  // a bit for each reader whose cursor counts
  cursor cursors[crowd<P>::most];
};

/// A broadcast ring of T in memory that somebody else provides: where it is, and how large. A private copy of the
/// geometry; nothing of it is read from the shared memory again.
template <class T, class P = native_memory>
class broadcast_ring {
 public:
  using value_type = T;
  using policy = P;
  using word = std::uint64_t;
  using control = broadcast_control<P>;
  using block = spsc_block<T, P>;
  static_assert(sizeof(typename P::word) == 8, "positions that never come back need 64-bit atomics");
  static_assert(detail::copies_as_bytes<T>, "a message for several readers is copied: it must be trivially copyable");

  static constexpr word per_block = block::per_block;
  static constexpr std::size_t most = std::size_t{1} << (sizeof(std::size_t) == 8 ? 40 : 20);

  /// How many messages the producer may push between two looks at the cursors.
  [[nodiscard]] static constexpr std::size_t quantum_for(std::size_t capacity) noexcept { return capacity / 4 + (capacity % 4 != 0 ? 1 : 0); }
  [[nodiscard]] static constexpr std::size_t blocks_for(std::size_t capacity) noexcept {
    constexpr std::size_t per = static_cast<std::size_t>(per_block);
    return (capacity + quantum_for(capacity) + per - 1 + per - 1) / per;
  }
  /// The bytes that a ring of this capacity needs; 0 if there can be none.
  [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t capacity) noexcept {
    if (capacity == 0 || capacity > most) return 0;
    const std::size_t n = blocks_for(capacity), room = (static_cast<std::size_t>(-1) / 4 - sizeof(control)) / sizeof(block);
    return n > room ? 0 : sizeof(control) + n * sizeof(block);
  }

  constexpr broadcast_ring() noexcept = default;
  /// Views `bytes_for(capacity)` bytes, aligned to `apart_bytes`, that are all zero or hold such a ring already.
  broadcast_ring(std::byte* memory, std::size_t capacity, bool persistent = false) noexcept
      : control_(std::launder(reinterpret_cast<control*>(memory))),
        first_(std::launder(reinterpret_cast<block*>(memory + sizeof(control)))),
        end_(first_ + blocks_for(capacity)),
        capacity_(capacity),
        quantum_(quantum_for(capacity)),
        persistent_(persistent) {}

  [[nodiscard]] control& shared() const noexcept { return *control_; }
  [[nodiscard]] block* first() const noexcept { return first_; }
  [[nodiscard]] block* end() const noexcept { return end_; }
  [[nodiscard]] word blocks() const noexcept { return static_cast<word>(end_ - first_); }
  /// Goes from position to position.
  struct place {
    word number = 0;
    block* at = nullptr;
    word index = 0;  // within the block

    [[nodiscard]] T* item() const noexcept { return at->item(per_block == 1 ? 0 : index); }
    SLUICE_INLINE() void pass(word n, const broadcast_ring& r) noexcept {
      number += n;
      if ((index += n) != per_block) return;
      index = 0;
      if (++at == r.end()) at = r.first();
    }
  };
  /// The place of a position. Divides.
  [[nodiscard]] place place_of(word position) const noexcept { return {position, block_of(position), position % per_block}; }
  /// Where an item may lie.
  [[nodiscard]] T* some_item() const noexcept { return first_->item(0); }
  [[nodiscard]] word capacity() const noexcept { return capacity_; }
  [[nodiscard]] word quantum() const noexcept { return quantum_; }
  [[nodiscard]] bool persistent() const noexcept { return persistent_; }
  [[nodiscard]] explicit operator bool() const noexcept { return control_ != nullptr; }

  /// The first position that nothing had been pushed to at some moment during the call, read off the stamps from
  /// `quantum` below the limit on; false if no correct producer wrote them.
  [[nodiscard]] bool find_tail(word limit, word& tail) const noexcept {
    if (limit > ~word{0} / 2) return false;  // nobody comes that far, and further on a position might be 0 again
    word at = limit > quantum_ ? limit - quantum_ : 0;
    if (at != 0 && pushed_from(at - 1) == 0) return false;
    for (word steps = 0, n = 1; steps <= quantum_ && n != 0; ++steps) at += n = pushed_from(at);
    tail = at;
    return true;
  }
  /// (L1) The cursor of this slot counts no more. The caller owns the slot, or has a certificate of its owner's death.
  void dismiss(unsigned slot) const noexcept {
    control_->active.fetch_and(~(word{1} << slot), P::template order<site::broadcast_leave>);
  }
  /// How many messages the slowest reader has before it, at some moment during the call.
  [[nodiscard]] std::size_t approx_size() const noexcept {
    word tail = 0, most_behind = 0;
    if (!find_tail(control_->limit.load(P::template order<site::broadcast_limit>), tail)) return 0;
    for (word readers = control_->active.load(P::template order<site::broadcast_peek>); readers != 0; readers &= readers - 1) {
      const word behind = tail - control_->cursors[std::countr_zero(readers)].at.load(P::template order<site::broadcast_peek>);
      if (behind <= tail && behind > most_behind) most_behind = behind;
    }
    return static_cast<std::size_t>(most_behind < capacity_ ? most_behind : capacity_);
  }

 private:
  [[nodiscard]] block* block_of(word position) const noexcept { return first_ + position / per_block % blocks(); }
  // How many messages from this position on the stamp of its block shows.
  [[nodiscard]] word pushed_from(word position) const noexcept {
    const word n = block_of(position)->stamp.load(P::template order<site::broadcast_stamp>) - position;
    return n <= per_block - position % per_block ? n : 0;
  }

  control* control_ = nullptr;
  block* first_ = nullptr;
  block* end_ = nullptr;
  word capacity_ = 0;
  word quantum_ = 0;
  bool persistent_ = false;
};

}  // namespace sluice

#endif
