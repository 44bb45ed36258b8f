// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_SPSC_LANE_HPP
#define SLUICE_RING_SPSC_LANE_HPP

#include <sluice/ring/item.hpp>
#include <sluice/ring/spsc_layout.hpp>

#include <cstddef>
#include <utility>

// Writing and reading a lane of stamped blocks, without a word of who else is there: what every ring made of such lanes
// does alike. Both are private to their owner and hold nothing that a successor would miss: killed at any instruction,
// a writer has published exactly the items whose stamp it stored (P3), a reader has taken exactly the items before the
// head it stored (C3).
//
// The lane is passed to each operation rather than kept, so that a side keeps its geometry once.

namespace sluice::detail {

/// Where the next item goes.
template <class T, class P>
class spsc_writer {
  using words = spsc_words<P>;
  using word = typename P::word;
  using block = spsc_block<T, P>;
  using lane = spsc_lane<T, P>;
  static constexpr word per_block = lane::per_block;

 public:
  /// Continues where the stamps say that the last producer ended.
  status attach(const lane& l) noexcept {
    word head = 0, tail = 0, used = 0;
    if (!l.load_head(head)) return error(errc::corrupt, step::join, subject::cursor);
    if (!l.find_tail(head, tail) || !l.count_between(head, tail, used))
      return error(errc::corrupt, step::join, subject::stamp);
    next_.at = l.first() + words::block_of(tail);
    next_.stamp = words::lap_of(tail) << words::count_bits | words::item_of(tail);
    credits_ = l.capacity() - used;
    return {};
  }
  /// Is there room without another look at the consumer's head?
  [[nodiscard]] SLUICE_INLINE() bool has_room() const noexcept { return credits_ != 0; }
  /// Room according to the consumer's head (P1). Called once per lap while the consumer keeps up.
  error refill(const lane& l) noexcept {
    if (next_.at == nullptr) return error(errc::forked, step::push);
    if (held_ != 0) return error(errc::busy, step::push);
    word head = 0, used = 0;
    const word tail = words::cursor(next_.stamp >> words::count_bits, static_cast<word>(next_.at - l.first()), next_.count());
    if (!l.load_head(head) || !l.count_between(head, tail, used))
      return error(errc::corrupt, step::push, subject::cursor);
    credits_ = l.capacity() - used;
    return credits_ != 0 ? error() : error(errc::full, step::push);
  }

  /// There is room.
  template <class U>
  SLUICE_INLINE() void push(const lane& l, U&& value) {
    const position here = next_;  // read before the item is stored, which might be a word of ours as far as a compiler knows
    put_item<P>(here.place(), std::forward<U>(value));
    here.publish(1);
    credits_ -= 1;
    next_.pass(1, l);
  }
  /// As many of `left` items as there is room for; those of one block become visible together.
  SLUICE_INLINE() std::size_t push(const lane& l, const T* from, std::size_t left) {
    word n = credits_ < left ? credits_ : static_cast<word>(left);
    const auto all = static_cast<std::size_t>(n);
    credits_ -= n;
    position to = next_;  // in registers, which the members could not be: each publication is a release
    while (n != 0) {
      const word room = per_block - to.count(), m = n < room ? n : room;
      if (m == per_block) P::copy_out(to.place(), from, std::size_t{per_block});  // a size the compiler knows
      else P::copy_out(to.place(), from, static_cast<std::size_t>(m));
      to.publish(m);
      to.pass(m, l);
      from += m;
      n -= m;
    }
    next_ = to;
    return all;
  }
  T* claim() noexcept {
    held_ = credits_;
    credits_ = 0;  // so that a push meanwhile ends in refill(), which says busy
    return next_.place();
  }
  void commit(const lane& l) noexcept {
    abandon();
    next_.publish(1);
    credits_ -= 1;
    next_.pass(1, l);
  }
  void abandon() noexcept {
    credits_ = held_;
    held_ = 0;
  }

 private:
  struct position {
    word stamp = 0;       // the stamp that the block has now, or will have with its first item
    block* at = nullptr;

    [[nodiscard]] word count() const noexcept { return stamp & words::count_mask; }
    [[nodiscard]] T* place() const noexcept { return at->item(per_block == 1 ? 0 : count()); }
    // No other store may stand between the item and its stamp: adjacent stores to one line leave the core together.
    // With one between, a polling consumer often takes the line after the first, and it has to come back for the
    // second: measured as 1.9 instead of 1.1 line round trips.
    SLUICE_INLINE() void publish(word n) const noexcept {
      at->stamp.store(stamp + n, P::template order<site::spsc_publish>);  // (P3)
    }
    SLUICE_INLINE() void pass(word n, const lane& l) noexcept {
      stamp += n;
      if (count() != per_block) return;
      stamp -= per_block;
      if (++at == l.end()) {
        at = l.first();
        stamp = (stamp + words::one_lap) & words::stamp_mask;
      }
    }
  };

  // The stamp and credits_ change together and must not be neighbours: a compiler would load both as one vector, which
  // cannot be forwarded from the two stores of a block change, and so would wait until those have left the core behind
  // all the items before them (measured: 60 instead of 12 ns for a push).
  position next_;
  word held_ = 0;     // the credits while a claim is out
  word credits_ = 0;  // items that may be pushed without another look at head
};

/// Where the next item is.
template <class T, class P>
class spsc_reader {
  using words = spsc_words<P>;
  using word = typename P::word;
  using block = spsc_block<T, P>;
  using lane = spsc_lane<T, P>;
  static constexpr word per_block = lane::per_block;

 public:
  /// Continues at the head that the last consumer stored.
  status attach(const lane& l) noexcept {
    word head = 0;
    if (!l.load_head(head)) return error(errc::corrupt, step::join, subject::cursor);
    next_.cursor = head;
    next_.at = l.first() + words::block_of(head);
    next_.lap = words::lap_of(head) << words::count_bits;
    next_.ready = words::item_of(head);
    return {};
  }
  /// Is there an item? ok, empty, corrupt, busy (a loan is out), forked (detached).
  [[nodiscard]] SLUICE_INLINE() errc find() noexcept { return next_.item() != next_.ready ? errc::ok : find_more(); }

  /// There is an item.
  SLUICE_INLINE() result<T> take(const lane& l) noexcept {
    result<T> taken = take_item<P>(next_.place());
    next_.pass(1, l);
    publish_head(l);
    return taken;
  }
  /// As many as there are and as `to` has room for, at least one, taken together: killed before the end, none was.
  SLUICE_INLINE() std::size_t take(const lane& l, T* to, std::size_t room) noexcept {
    fetch_ahead(l, room);
    position from = next_;  // in registers, which the members could not be: each look is an acquire
    std::size_t left = room;
    do {
      word n = from.ready - from.item();
      if (n > left) n = static_cast<word>(left);
      if (n == per_block) P::copy_in(to, from.place(), std::size_t{per_block});  // a size the compiler knows
      else P::copy_in(to, from.place(), static_cast<std::size_t>(n));
      from.pass(n, l);
      to += n;
      left -= static_cast<std::size_t>(n);
    } while (left != 0 && (from.item() != from.ready || from.look() == errc::ok));
    next_ = from;
    publish_head(l);
    return room - left;
  }
  T* lend() noexcept {
    lent_ = next_.ready;
    next_.ready = next_.item();  // so that a pop meanwhile ends in find_more(), which says busy
    return next_.place();
  }
  void consume(const lane& l) noexcept {
    keep();
    if constexpr (!std::is_trivially_destructible_v<T>) next_.place()->~T();
    next_.pass(1, l);
    publish_head(l);
  }
  void keep() noexcept {
    next_.ready = lent_;
    lent_ = 0;
  }

 private:
  struct position {
    word cursor = 0;      // {lap, block, item}
    block* at = nullptr;
    word lap = 0;         // what a stamp of this lap starts from
    word ready = 0;       // items of this block known to be there

    [[nodiscard]] word item() const noexcept { return per_block == 1 ? 0 : words::item_of(cursor); }
    [[nodiscard]] T* place() const noexcept { return at->item(item()); }
    // (C1) Counts the items of this block that are there.
    SLUICE_INLINE() errc look() noexcept {
      const word count = at->stamp.load(P::template order<site::spsc_stamp>) - lap;
      if (count - 1 >= per_block) [[unlikely]]  // none yet, an earlier lap, or nonsense
        return count - 1 < words::count_mask ? errc::corrupt : errc::empty;
      if (count <= item()) return errc::empty;
      ready = count;
      return errc::ok;
    }
    SLUICE_INLINE() void pass(word n, const lane& l) noexcept {
      if constexpr (per_block != 1) {
        cursor += n;
        if (item() != per_block) return;
        cursor -= per_block;
      }
      ready = 0;
      cursor += words::one_block;
      if (++at == l.end()) {
        at = l.first();
        cursor = words::cursor(words::lap_of(cursor) + 1, 0, 0);
        lap = (lap + words::one_lap) & words::stamp_mask;
      }
    }
  };

  SLUICE_INLINE() errc find_more() noexcept {
    if (next_.at == nullptr) [[unlikely]] return errc::forked;
    if (lent_ != 0) [[unlikely]] return errc::busy;
    return next_.look();
  }
  // Starts the transfer of all the lines that a batch may touch: each stamp is waited for before the next is looked at.
  SLUICE_INLINE() void fetch_ahead(const lane& l, std::size_t items) const noexcept {
    constexpr std::size_t most = 16;
    const std::size_t blocks = items / per_block < most ? items / per_block : most;
    const block* b = next_.at;
    for (std::size_t i = 0; i < blocks; ++i) {
      if (++b == l.end()) b = l.first();
      __builtin_prefetch(b);
    }
  }
  SLUICE_INLINE() void publish_head(const lane& l) const noexcept {
    l.head().store(next_.cursor, P::template order<site::spsc_consume>);  // (C3)
  }

  position next_;
  word lent_ = 0;  // next_.ready while a loan is out
};

}  // namespace sluice::detail

#endif
