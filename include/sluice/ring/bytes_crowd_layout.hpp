// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_BYTES_CROWD_LAYOUT_HPP
#define SLUICE_RING_BYTES_CROWD_LAYOUT_HPP

#include <sluice/core/crowd.hpp>
#include <sluice/core/liveness.hpp>
#include <sluice/ring/bytes_layout.hpp>

#include <bit>

// The ring of messages of any length for several producers and one consumer, with one order for all messages, which
// stays whole when any of them is killed at any instruction. Granules, frames and payload area are those of
// bytes_layout.hpp.
//
// A record is one or more granules in one piece. The frame of its first granule says {lap, size, owner, state};
// positions are cursors {lap, granule}. The records from the consumer's `head` on are a chain, each says where the next
// one is, and the chain ends, at the tail, with a frame that is not of its lap there. Only that frame may be claimed,
// so the frames say who owns what at every instruction. The word `tail` is a hint that lags behind, and that everybody
// helps on.
//
//   frame of {lap, granule}             who writes it, when
//   ----------------------------------  ----------------------------------------------------------------------------
//   of an earlier lap, or `nothing`     as it was left; inside of records the consumer, (C3), in one lap of many
//   claimed, by its owner               a producer, (P2): a message will be here
//   message                             its owner, (P5): the publication
//   skip: nothing for a reader          its owner, instead of the message or (P4) behind it; a healer, if the owner is dead;
//                                       any producer, (P2), for the granules at the end of the area that a message leaves out
//
//   producer                                            consumer
//   (P1) load tail, and the frame there, acquire; if    (C1) load the frame at the own cursor, acquire; pass skips
//        it is of this lap, help tail over it, again    (C2) read the payload
//        if it must, load head, acquire: is there room? (C3) in a lap of sweeping, give all frames from head to here
//   (P2) compare-exchange the frame: claimed, release        that are of an earlier lap this one, and state `nothing`
//   (P3) move tail over the record                      (C4) store head, release: past the message and the skips
//        write the payload                                   in front of it
//   (P4) a message that became smaller: store a skip
//        over the rest, release
//   (P5) store the frame of the message, or a skip, release
//
// Why a claim is right: the frame at t was not of t's lap, so nobody had claimed t when it was loaded. Whoever claims t
// changes it, and it does not come back, so if (P2) succeeds, t still is the tail. head only grows; so what was free
// is.
//
// Pairs: (P5) with (C1), payload and rest are there before the message; (C4) with the load of head, the last read is
// before the reuse. (P2), (P4) and (C3) with (P1): whoever sees a frame of a later lap than that of its t finds tail
// moved on, or the ring corrupt. So does (P5), which also gives what a dead or doubting owner wrote to those who write
// there next. (P3) with (P1): the records before tail are there for whoever asks them why there is no room. A claim
// does not need that: tail is never ahead of the chain, and what is old in it is helped on.
//
// Padding. A message that is too long for the end of the area gets the start of it, once there is room for both; a skip
// over the granules left out is a claim of its own. Where there is nothing in the ring that anybody will read, that is,
// only skips lie between head and tail, the whole area is free at its start: the message may lie over these skips,
// whose frames may then be overwritten by (P4) before the consumer has come to them. So to whoever comes from head over
// skips of the same lap, a frame of the next lap says what the padding said: go on at the start.
//
// Laps. A granule inside of longer messages keeps its frame from lap to lap. Sweeping, in each lap that is a multiple
// of a quarter of their range, sees to it that no frame at the tail is older than that, so a lap is older or newer by
// the sign of its distance. As sizes need fewer bits in a smaller ring, laps have more: a word comes back after 2^56
// bytes.
//
// Killed at any instruction. A producer: before (P2) nothing has happened; from there to (P5) the claim is in its
// frame, and a healer makes a skip of it, of the claimed size, which covers whatever (P4) has left; after (P5) the
// message is there. tail not moved, or padding with nothing behind it, is what everybody passes. The consumer: up to
// (C4) the message is left to its successor, which sweeps again; after it, it was had. A healer: the next one finds the
// same, or nothing to do.

namespace sluice {

namespace site {
struct bytes_tail : order_site<std::memory_order_acquire> {};   // (P1) who finds no room finds the records up to there
struct bytes_move : order_site<std::memory_order_release> {};   // (P3) the same
struct bytes_lost : order_site<std::memory_order_relaxed> {};   // a compare-exchange that has failed says nothing
struct bytes_claim : order_site<std::memory_order_release> {};  // (P2) the tail that was seen before the frame, pairs with (P1)
struct bytes_rest : order_site<std::memory_order_release> {};   // (P4) the same
struct bytes_sweep : order_site<std::memory_order_release> {};  // (C3) the same
struct bytes_heal : order_site<std::memory_order_release> {};   // for the dead: what it wrote before what is written there next
}  // namespace site

/// The shared words of a ring of bytes with many producers.
template <class P = native_memory>
struct bytes_crowd_control {
  alignas(apart_bytes) typename P::template atomic<typename P::word> tail;
  alignas(apart_bytes) typename P::template atomic<typename P::word> head;
  alignas(apart_bytes) crowd<P> producers;
  alignas(apart_bytes) crowd<P> consumers;
};

/// Such a ring in memory that somebody else provides: where it is, and how large.
template <class P = native_memory>
class bytes_crowd_ring : public bytes_area<bytes_crowd_control<P>, P> {
  using base = bytes_area<bytes_crowd_control<P>, P>;
  using base::control_, base::frames_, base::granules_;

 public:
  using typename base::word;
  using base::granules_of;

  // ---- words
  //
  //   frame    lap | size | owner | state     the size as wide as the capacity needs it; the lap on top, where it wraps
  //   cursor   lap | granule
  //
  // So a frame is compared with a cursor without a shift. The owner is a slot, and means something in a claim only.

  struct state {
    enum : word { nothing = 0, message = 1, claimed = 2, skip = 3 };
  };
  static constexpr unsigned word_bits = 8 * sizeof(word), state_bits = 2, owner_bits = crowd_view::seat_bits;
  static constexpr unsigned low_bits = state_bits + owner_bits, least_lap_bits = word_bits == 64 ? 16 : 4;
  static constexpr word most_bytes = (word{1} << (word_bits - low_bits - least_lap_bits)) - 1;

  /// The bytes that such a ring needs; 0 if there can be none.
  [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t capacity) noexcept {
    return base::bytes_for(capacity, most_bytes);
  }

  constexpr bytes_crowd_ring() noexcept = default;
  /// Views `bytes_for(capacity)` bytes, aligned to `apart_bytes`, that are all zero or hold such a ring already.
  bytes_crowd_ring(std::byte* memory, std::size_t capacity, bool persistent = false) noexcept
      : base(memory, capacity, persistent),
        one_lap_(static_cast<word>(word{1} << (low_bits + static_cast<unsigned>(std::bit_width(base::capacity()))))) {}

  [[nodiscard]] word one_lap() const noexcept { return one_lap_; }
  /// The lap of a frame or cursor, in place.
  [[nodiscard]] SLUICE_INLINE() word lap_of(word w) const noexcept { return w & (word{0} - one_lap_); }
  [[nodiscard]] SLUICE_INLINE() word index_of(word cursor) const noexcept { return cursor & (one_lap_ - 1); }
  [[nodiscard]] static constexpr word state_of(word w) noexcept { return w & ((word{1} << state_bits) - 1); }
  [[nodiscard]] static constexpr word frame_word(word lap, std::size_t size, word s, unsigned owner = 0) noexcept {
    return lap | static_cast<word>(size) << low_bits | static_cast<word>(owner) << state_bits | s;
  }
  [[nodiscard]] SLUICE_INLINE() word after(word cursor, word n) const noexcept {
    cursor += n;
    return index_of(cursor) == granules_ ? start_of_next_lap(cursor) : cursor;
  }
  [[nodiscard]] SLUICE_INLINE() word start_of_next_lap(word cursor) const noexcept { return lap_of(cursor) + one_lap_; }
  /// The cursors that are shared; false if they lie outside of the ring.
  [[nodiscard]] SLUICE_INLINE() bool load_head(word& cursor) const noexcept {
    cursor = control_->head.load(P::template order<site::bytes_head>);  // (P1)
    return index_of(cursor) < granules_;
  }
  [[nodiscard]] SLUICE_INLINE() bool load_tail(word& cursor) const noexcept {
    cursor = control_->tail.load(P::template order<site::bytes_tail>);  // (P1)
    return index_of(cursor) < granules_;
  }
  /// (P3) Helps the tail over a record of n granules.
  SLUICE_INLINE() void move_tail(word tail, word n) const noexcept {
    control_->tail.compare_exchange_strong(tail, after(tail, n), P::template order<site::bytes_move>,
                                           P::template order<site::bytes_lost>);
  }
  [[nodiscard]] SLUICE_INLINE() word load_frame(word cursor) const noexcept {
    return frames_[index_of(cursor)].load(P::template order<site::bytes_frame>);  // (P1), (C1)
  }

  // ---- records

  /// What a frame says at a position.
  struct seen {
    enum : std::uint8_t { nothing, message, claimed, skip, later, corrupt } what = nothing;
    word size = 0;      // in bytes, of a record; checked to fit between here and the end of the area
    word granules = 0;  // that the record takes
    unsigned owner = 0;  // of a claim
  };
  [[nodiscard]] SLUICE_INLINE() seen read(word w, word cursor) const noexcept {
    seen s;
    const bool this_lap = (w ^ cursor) < one_lap_;
    if (this_lap && state_of(w) != state::nothing) [[likely]] {
      const word room = (granules_ - index_of(cursor)) * bytes_granule;
      if (!untrusted<word>{w}.field(low_bits, (one_lap_ >> low_bits) - 1).within(0, room, s.size)) return s.what = seen::corrupt, s;
      constexpr decltype(s.what) of[] = {seen::corrupt, seen::message, seen::claimed, seen::skip};
      s.what = of[state_of(w)];
      s.granules = static_cast<word>(granules_of(static_cast<std::size_t>(s.size)));
      s.owner = static_cast<unsigned>(w >> state_bits) & ((1u << owner_bits) - 1);
      return s;
    }
    if (!this_lap && !older(w, cursor)) s.what = seen::later;
    return s;
  }
  [[nodiscard]] SLUICE_INLINE() seen look(word cursor) const noexcept { return read(load_frame(cursor), cursor); }
  /// Passes what is nothing for a reader, if it is that. Something later is a skip that was overwritten from the start
  /// of the area: the caller knows that it has come there from head.
  [[nodiscard]] bool pass(const seen& s, word& cursor) const noexcept {
    if (s.what == seen::later) return cursor = start_of_next_lap(cursor), true;
    if (s.what != seen::skip) return false;
    return cursor = after(cursor, s.granules), true;
  }
  /// Passes skips up to the tail; what stands in the way.
  [[nodiscard]] seen pass_all(word& cursor, word tail) const noexcept {
    seen s;
    for (word steps = 0; cursor != tail && steps < granules_ + 2; ++steps)
      if (s = look(cursor); !pass(s, cursor)) return s;
    return {};
  }

  /// (C3) Leaves no frame between two cursors older than its lap, if it is time for that.
  SLUICE_INLINE() void sweep(word from, word to) const noexcept {
    if (!sweeps(from) && !sweeps(to)) [[likely]] return;
    sweep_all(from, to);
  }

  /// Repairs what the dead owner of a slot left: one claim at most. The caller holds its certificate; idempotent.
  recovery heal(unsigned slot) const noexcept {
    recovery found;
    found.peers = 1;
    word head = 0;
    if (!load_head(head)) return found;
    word at = head;
    // Each step gains a granule, or the end of the area, or finds that the reader has; and a claim holds the reader up.
    for (word steps = 0; steps < 2 * granules_ + 4; ++steps) {
      word w = load_frame(at);
      const seen s = read(w, at);
      if (s.what == seen::later) {  // the reader has passed it meanwhile; or it is a skip that was overwritten
        word moved = 0;
        if (!load_head(moved)) return found;
        if (moved != head) at = head = moved;
        else if (!pass(s, at)) return found;
        continue;
      }
      if (s.what == seen::nothing || s.what == seen::corrupt) return found;
      if (s.what == seen::claimed && s.owner == slot) {
        const word tomb = frame_word(lap_of(at), static_cast<std::size_t>(s.size), state::skip);
        if (frames_[index_of(at)].compare_exchange_strong(w, tomb, P::template order<site::bytes_heal>,
                                                          P::template order<site::bytes_lost>))
          ++found.undelivered;
        return found;
      }
      at = after(at, s.granules);
    }
    return found;
  }

  /// How many messages wait, at some moment during the call. Walks the frames.
  [[nodiscard]] std::size_t approx_size() const noexcept {
    std::size_t messages = 0;
    word at = 0;
    if (!load_head(at)) return 0;
    for (word steps = 0; steps < granules_ + 2; ++steps) {
      const seen s = look(at);
      if (s.what == seen::message) ++messages;
      if (s.what == seen::message || s.what == seen::claimed) at = after(at, s.granules);
      else if (!pass(s, at)) break;
    }
    return messages;
  }

 private:
  /// Is the lap of a frame before that of a cursor, from which it differs?
  [[nodiscard]] SLUICE_INLINE() bool older(word w, word cursor) const noexcept {
    return static_cast<word>(lap_of(cursor) - lap_of(w)) >> (word_bits - 1) == 0;
  }
  [[nodiscard]] SLUICE_INLINE() bool sweeps(word cursor) const noexcept {
    constexpr word quarter = (word{1} << (word_bits - 2)) - 1;
    return (lap_of(cursor) & quarter) == 0;
  }
  SLUICE_COLD() void sweep_all(word from, word to) const noexcept {
    for (word steps = 0; from != to && steps < 2 * granules_; ++steps, from = after(from, 1)) {
      if (!sweeps(from)) continue;
      word w = load_frame(from);
      const word lap = lap_of(from);
      // A compare-exchange: who lies over its own padding may be writing here.
      if (lap_of(w) != lap && older(w, from))
        frames_[index_of(from)].compare_exchange_strong(w, frame_word(lap, 0, state::nothing), P::template order<site::bytes_sweep>,
                                                        P::template order<site::bytes_lost>);
    }
  }

  word one_lap_ = 0;
};

}  // namespace sluice

#endif
