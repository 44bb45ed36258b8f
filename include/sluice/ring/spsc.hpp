// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_SPSC_HPP
#define SLUICE_RING_SPSC_HPP

#include <sluice/ring/spsc_layout.hpp>

#include <concepts>
#include <span>

// The two sides of the ring. Both are private to their owner and hold nothing that a successor would miss: killed at any
// instruction, a producer has published exactly the items whose stamp it stored (P3), a consumer has taken exactly the
// items before the head it stored (C3).
//
// An all-zero side is detached, and its first use ends in a slow path that says so. A forked child finds its copy
// wiped to zero and so touches nothing of its parent's.
//
// `ring` is a callable taking a gate and the kinds of sleepers to wake at it; it is called after the publication.

namespace sluice {

namespace detail {

template <class P, class T, class U>
SLUICE_INLINE() void put_item(T* place, U&& value) noexcept(std::is_nothrow_constructible_v<T, U>) {
  if constexpr (std::is_trivially_copyable_v<T> && std::is_same_v<std::remove_cvref_t<U>, T>) {
    P::copy_out(place, value);
  } else if constexpr (std::is_trivially_copyable_v<T>) {
    P::copy_out(place, T(std::forward<U>(value)));
  } else {
    ::new (static_cast<void*>(place)) T(std::forward<U>(value));
  }
}
template <class P, class T>
SLUICE_INLINE() result<T> take_item(T* place) noexcept {
  if constexpr (std::is_trivially_copyable_v<T>) {
    return result<T>(P::copy_in(place));
  } else {
    result<T> moved(std::move(*place));
    place->~T();
    return moved;
  }
}

}  // namespace detail

/// The side that items go into.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: full, closed, peer_died, busy (a claim is out), corrupt (the peer wrote an impossible head), forked (detached).
template <class T, class P = native_memory>
class spsc_producer {
  using ring_type = spsc_ring<T, P>;
  using words = spsc_words<P>;
  using word = typename P::word;
  using block = spsc_block<T, P>;
  static constexpr word per_block = ring_type::per_block;

 public:
  /// Continues where the stamps say that the last producer ended. The caller holds the producer role.
  status attach(const ring_type& r) noexcept {
    word head = 0, tail = 0, used = 0;
    if (!r.load_head(head)) return error(errc::corrupt, step::join, subject::cursor);
    if (!r.find_tail(head, tail) || !r.count_between(head, tail, used))
      return error(errc::corrupt, step::join, subject::stamp);
    ring_ = r;
    block_ = r.first() + words::block_of(tail);
    stamp_ = words::lap_of(tail) << words::count_bits | words::item_of(tail);
    credits_ = r.capacity() - used;
    seen_ = r.shared().consumer.read();  // a consumer that has ended before we came is not our peer
    return {};
  }
  void detach() noexcept { *this = {}; }
  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring_); }
  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }
  [[nodiscard]] role<P>& mine() const noexcept { return ring_.shared().producer; }
  [[nodiscard]] role<P>& theirs() const noexcept { return ring_.shared().consumer; }
  /// Counts a refusal; true now and then, when it is time to ask whether the other side still lives.
  [[nodiscard]] bool suspicious() noexcept { return ++refusals_ % 256 == 0; }

  template <class U = T, class Ring>
    requires std::convertible_to<U&&, T>
  SLUICE_INLINE() status try_push(U&& value, Ring&& ring) {
    if (const error e = admit()) [[unlikely]] return e;
    block* const b = block_;
    const word stamp = stamp_ + 1;
    detail::put_item<P>(place(), std::forward<U>(value));
    publish(b, stamp);
    advance(1);
    wake_consumer(ring);
    return {};
  }
  /// Pushes as many of `values` as there is room for, at least one; the items of one block become visible together.
  template <std::same_as<std::span<const T>> Batch, class Ring>
    requires std::is_trivially_copyable_v<T>
  result<std::size_t> try_push(Batch values, Ring&& ring) {
    if (values.empty()) return std::size_t{0};
    if (const error e = admit()) [[unlikely]] return e;
    std::size_t done = 0;
    for (;;) {
      word n = per_block - count();
      if (n > credits_) n = credits_;
      if (n > values.size() - done) n = static_cast<word>(values.size() - done);
      block* const b = block_;
      const word stamp = stamp_ + n;
      P::copy_out(place(), values.data() + done, static_cast<std::size_t>(n));
      publish(b, stamp);
      advance(n);
      done += static_cast<std::size_t>(n);
      if (done == values.size() || (credits_ == 0 && refill())) break;
    }
    wake_consumer(ring);
    return done;
  }
  /// The next place, raw: build an item there, then commit() it or abandon() the place. One claim at a time.
  result<T*> try_claim() noexcept {
    if (const error e = admit()) [[unlikely]] return error(e.code == errc::busy ? error(errc::busy, step::claim) : e);
    held_ = credits_;
    credits_ = 0;  // so that a push meanwhile ends in refill(), which says busy
    return place();
  }
  template <class Ring>
  void commit(Ring&& ring) noexcept {
    abandon();
    publish(block_, stamp_ + 1);
    advance(1);
    wake_consumer(ring);
  }
  void abandon() noexcept {
    credits_ = held_;
    held_ = 0;
  }

 private:
  [[nodiscard]] word count() const noexcept { return stamp_ & words::count_mask; }
  [[nodiscard]] T* place() const noexcept { return block_->item(per_block == 1 ? 0 : count()); }

  SLUICE_INLINE() error admit() noexcept {
    if (credits_ == 0) [[unlikely]] {
      if (const error e = refill()) return e;
    }
    if (theirs().peek() != seen_) [[unlikely]] return look_at_consumer();
    return {};
  }
  // No other store may stand between the item and its stamp: adjacent stores to one line leave the core together. With
  // one between, a polling consumer often takes the line after the first, and it has to come back for the second:
  // measured as 1.9 instead of 1.1 line round trips.
  SLUICE_INLINE() void publish(block* b, word stamp) noexcept {
    b->stamp.store(stamp, P::template order<site::spsc_publish>);  // (P3)
  }
  SLUICE_INLINE() void advance(word n) noexcept {
    stamp_ += n;
    credits_ -= n;
    if (count() != per_block) return;
    stamp_ -= per_block;
    if (++block_ == ring_.end()) {
      block_ = ring_.first();
      stamp_ = (stamp_ + words::one_lap) & words::stamp_mask;
    }
  }
  template <class Ring>
  SLUICE_INLINE() void wake_consumer(Ring&& ring) noexcept {
    auto& door = theirs().doorstep();
    if (const auto kinds = door.signal()) [[unlikely]] ring(door, kinds);
  }
  // Room according to the consumer's head (P1). Called once per lap while the consumer keeps up.
  error refill() noexcept {
    if (!attached()) return error(errc::forked, step::push);
    if (held_ != 0) return error(errc::busy, step::push);
    word head = 0, used = 0;
    const word tail = words::cursor(stamp_ >> words::count_bits, static_cast<word>(block_ - ring_.first()), count());
    if (!ring_.load_head(head) || !ring_.count_between(head, tail, used))
      return error(errc::corrupt, step::push, subject::cursor);
    credits_ = ring_.capacity() - used;
    if (credits_ != 0) return {};
    if (const error e = look_at_consumer()) return e;
    return error(errc::full, step::push);
  }
  SLUICE_COLD() error look_at_consumer() noexcept {
    const role_view now = theirs().read();
    if (now == seen_) return {};
    if (const errc why = now.verdict(ring_.persistent()); why != errc::ok)
      return error(why, step::push).by(static_cast<unsigned>(spsc_slot::consumer));
    seen_ = now;
    return {};
  }

  // stamp_ and credits_ change together and must not be neighbours: a compiler would load both as one vector, which
  // cannot be forwarded from the two stores of a block change, and so would wait until those have left the core behind
  // all the items before them (measured: 60 instead of 12 ns for a push).
  word stamp_ = 0;          // the stamp as it will be stored, less the items of the next push
  block* block_ = nullptr;  // where the next item goes
  role_view seen_;          // the consumer's role word that has been looked into
  std::uint32_t refusals_ = 0;
  ring_type ring_;
  word credits_ = 0;        // items that may be pushed without another look at head
  word held_ = 0;           // the credits while a claim is out
};

/// The side that items come out of.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: empty, closed, peer_died, busy (a loan is out), corrupt (the peer wrote an impossible stamp), forked (detached).
template <class T, class P = native_memory>
class spsc_consumer {
  using ring_type = spsc_ring<T, P>;
  using words = spsc_words<P>;
  using word = typename P::word;
  using block = spsc_block<T, P>;
  static constexpr word per_block = ring_type::per_block;

 public:
  /// Continues at the head that the last consumer stored. The caller holds the consumer role.
  status attach(const ring_type& r) noexcept {
    word head = 0;
    if (!r.load_head(head)) return error(errc::corrupt, step::join, subject::cursor);
    ring_ = r;
    cursor_ = head;
    block_ = r.first() + words::block_of(head);
    lap_ = words::lap_of(head) << words::count_bits;
    ready_ = words::item_of(head);
    told_before_ = r.shared().told.load(P::template order<site::spsc_told>);
    return {};
  }
  void detach() noexcept { *this = {}; }
  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring_); }
  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }
  [[nodiscard]] role<P>& mine() const noexcept { return ring_.shared().consumer; }
  [[nodiscard]] role<P>& theirs() const noexcept { return ring_.shared().producer; }
  /// Counts a refusal; true now and then, when it is time to ask whether the other side still lives.
  [[nodiscard]] bool suspicious() noexcept { return ++refusals_ % 256 == 0; }

  template <class Ring>
  SLUICE_INLINE() result<T> try_pop(Ring&& ring) noexcept {
    if (const error e = find_item()) [[unlikely]] return e;
    result<T> taken = detail::take_item<P>(block_->item(item()));
    consume(1);
    publish_head(ring);
    return taken;
  }
  /// Pops as many as fit into `to`, at least one. They are taken together: killed before the end, none was.
  template <class Ring>
    requires std::is_trivially_copyable_v<T>
  result<std::size_t> try_pop(std::span<T> to, Ring&& ring) noexcept {
    if (to.empty()) return std::size_t{0};
    if (const error e = find_item()) [[unlikely]] return e;
    std::size_t done = 0;
    do {
      word n = ready_ - item();
      if (n > to.size() - done) n = static_cast<word>(to.size() - done);
      P::copy_in(to.data() + done, block_->item(item()), static_cast<std::size_t>(n));
      consume(n);
      done += static_cast<std::size_t>(n);
    } while (done != to.size() && (item() != ready_ || look() == errc::ok));
    publish_head(ring);
    return done;
  }
  /// The next item in place: then either consume_loan() or keep_loan(). One loan at a time.
  result<T*> try_borrow() noexcept {
    if (const error e = find_item()) [[unlikely]] return error(e.code == errc::busy ? error(errc::busy, step::borrow) : e);
    lent_ = ready_;
    ready_ = item();  // so that a pop meanwhile ends in find_more(), which says busy
    return block_->item(item());
  }
  template <class Ring>
  void consume_loan(Ring&& ring) noexcept {
    keep_loan();
    if constexpr (!std::is_trivially_destructible_v<T>) block_->item(item())->~T();
    consume(1);
    publish_head(ring);
  }
  void keep_loan() noexcept {
    ready_ = lent_;
    lent_ = 0;
  }

 private:
  [[nodiscard]] word item() const noexcept { return per_block == 1 ? 0 : words::item_of(cursor_); }

  SLUICE_INLINE() error find_item() noexcept {
    return item() == ready_ ? find_more() : error();
  }
  SLUICE_INLINE() error find_more() noexcept {
    if (block_ == nullptr) [[unlikely]] return error(errc::forked, step::pop);
    if (lent_ != 0) [[unlikely]] return error(errc::busy, step::pop);
    const errc e = look();
    return e == errc::ok ? error() : why_not(e);
  }
  // (C1) Counts the items of this block that are there.
  SLUICE_INLINE() errc look() noexcept {
    const word count = block_->stamp.load(P::template order<site::spsc_stamp>) - lap_;
    if (count - 1 >= per_block) [[unlikely]]  // none yet, an earlier lap, or nonsense
      return count - 1 < words::count_mask ? errc::corrupt : errc::empty;
    if (count <= item()) return errc::empty;
    ready_ = count;
    return errc::ok;
  }
  SLUICE_COLD() error why_not(errc e) noexcept {
    if (e == errc::corrupt) return error(errc::corrupt, step::pop, subject::stamp);
    const role_view now = theirs().read();
    const errc end = now.verdict(ring_.persistent());
    if (end == errc::ok || now.session() == told_before_) return error(errc::empty, step::pop);
    if (look() == errc::ok) return {};  // published before the end that was just seen (E1, E2)
    ring_.shared().told.store(now.session(), P::template order<site::spsc_told>);
    return error(end, step::pop).by(static_cast<unsigned>(spsc_slot::producer));
  }
  SLUICE_INLINE() void consume(word n) noexcept {
    if constexpr (per_block != 1) {
      cursor_ += n;
      if (item() != per_block) return;
      cursor_ -= per_block;
    }
    ready_ = 0;
    cursor_ += words::one_block;
    if (++block_ == ring_.end()) {
      block_ = ring_.first();
      cursor_ = words::cursor(words::lap_of(cursor_) + 1, 0, 0);
      lap_ = (lap_ + words::one_lap) & words::stamp_mask;
    }
  }
  template <class Ring>
  SLUICE_INLINE() void publish_head(Ring&& ring) noexcept {
    ring_.shared().head.store(cursor_, P::template order<site::spsc_consume>);  // (C3)
    auto& door = theirs().doorstep();
    if (const auto kinds = door.signal()) [[unlikely]] ring(door, kinds);
  }

  word cursor_ = 0;         // {lap, block, item} of the next item
  block* block_ = nullptr;  // its block
  word lap_ = 0;            // what a stamp of this lap starts from
  word ready_ = 0;          // items of this block known to be there
  word lent_ = 0;           // ready_ while a loan is out
  std::uint32_t told_before_ = 0;  // the end of this session was a predecessor's business
  std::uint32_t refusals_ = 0;
  ring_type ring_;
};

}  // namespace sluice

#endif
