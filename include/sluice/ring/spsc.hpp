// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_SPSC_HPP
#define SLUICE_RING_SPSC_HPP

#include <sluice/ring/item.hpp>
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

/// The part of both sides that is about the session: Side has mine() and theirs(), the roles.
template <class Side, class P>
class spsc_session {
 public:
  void begin() noexcept { self().mine().begin(); }
  /// Ends the session and tells whoever waits.
  template <class Ring>
  void end(phase how, Ring&& ring) noexcept {
    self().mine().end(how);
    wake_peer(ring);
  }
  /// (W1) Returns the value to sleep on at doorstep(). The caller owes the heavy fence (W2).
  std::uint32_t arm() noexcept { return doorstep().arm(gate<P>::asleep); }
  template <class Ring>
  void disarm(Ring&&) noexcept {
    doorstep().disarm();
  }
  [[nodiscard]] gate<P>& doorstep() noexcept { return self().mine().doorstep(); }

 protected:
  template <class Ring>
  SLUICE_INLINE() void wake_peer(Ring&& ring) noexcept {
    auto& door = self().theirs().doorstep();
    if (const auto kinds = door.signal()) [[unlikely]] ring(door, kinds);
  }

 private:
  Side& self() noexcept { return static_cast<Side&>(*this); }
};

}  // namespace detail

/// The side that items go into.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: full, closed, peer_died, busy (a claim is out), corrupt (the peer wrote an impossible head), forked (detached).
template <class T, class P = native_memory>
class spsc_producer : public detail::spsc_session<spsc_producer<T, P>, P> {
  using words = spsc_words<P>;
  using word = typename P::word;
  using block = spsc_block<T, P>;
  static constexpr word per_block = spsc_ring<T, P>::per_block;

 public:
  using ring_type = spsc_ring<T, P>;

  /// Continues where the stamps say that the last producer ended. The caller holds the producer role.
  status attach(const ring_type& r, unsigned = 0) noexcept {
    word head = 0, tail = 0, used = 0;
    if (!r.load_head(head)) return error(errc::corrupt, step::join, subject::cursor);
    if (!r.find_tail(head, tail) || !r.count_between(head, tail, used))
      return error(errc::corrupt, step::join, subject::stamp);
    ring_ = r;
    next_.at = r.first() + words::block_of(tail);
    next_.stamp = words::lap_of(tail) << words::count_bits | words::item_of(tail);
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
    const position here = next_;  // read before the item is stored, which might be a word of ours as far as a compiler knows
    detail::put_item<P>(here.place(), std::forward<U>(value));
    here.publish(1);
    credits_ -= 1;
    next_.pass(1, ring_);
    this->wake_peer(ring);
    return {};
  }
  /// Pushes as many of `values` as there is room for, at least one; the items of one block become visible together.
  template <std::same_as<std::span<const T>> Batch, class Ring>
    requires detail::copies_as_bytes<T>
  result<std::size_t> try_push(Batch values, Ring&& ring) {
    if (values.empty()) return std::size_t{0};
    if (const error e = admit()) [[unlikely]] return e;
    const T* from = values.data();
    std::size_t left = values.size();
    do {
      word n = credits_ < left ? credits_ : static_cast<word>(left);
      credits_ -= n;
      left -= static_cast<std::size_t>(n);
      position to = next_;  // in registers, which the members could not be: each publication is a release
      while (n != 0) {
        const word room = per_block - to.count(), m = n < room ? n : room;
        if (m == per_block) P::copy_out(to.place(), from, std::size_t{per_block});  // a size the compiler knows
        else P::copy_out(to.place(), from, static_cast<std::size_t>(m));
        to.publish(m);
        to.pass(m, ring_);
        from += m;
        n -= m;
      }
      next_ = to;
    } while (left != 0 && !refill());
    this->wake_peer(ring);
    return values.size() - left;
  }
  /// The next place, raw: build an item there, then commit() it or abandon() the place. One claim at a time.
  result<T*> try_claim() noexcept {
    if (const error e = admit()) [[unlikely]] return e.during(step::claim);
    held_ = credits_;
    credits_ = 0;  // so that a push meanwhile ends in refill(), which says busy
    return next_.place();
  }
  template <class Ring>
  void commit(Ring&& ring) noexcept {
    abandon(ring);
    next_.publish(1);
    credits_ -= 1;
    next_.pass(1, ring_);
    this->wake_peer(ring);
  }
  template <class Ring>
  void abandon(Ring&&) noexcept {
    credits_ = held_;
    held_ = 0;
  }

 private:
  // Where the next item goes.
  struct position {
    word stamp = 0;       // the stamp that the block has now, or will have with its first item
    block* at = nullptr;

    [[nodiscard]] word count() const noexcept { return stamp & words::count_mask; }
    [[nodiscard]] T* place() const noexcept { return at->item(per_block == 1 ? 0 : count()); }
    // No other store may stand between the item and its stamp: adjacent stores to one line leave the core together. With
    // one between, a polling consumer often takes the line after the first, and it has to come back for the second:
    // measured as 1.9 instead of 1.1 line round trips.
    SLUICE_INLINE() void publish(word n) const noexcept {
      at->stamp.store(stamp + n, P::template order<site::spsc_publish>);  // (P3)
    }
    SLUICE_INLINE() void pass(word n, const ring_type& r) noexcept {
      stamp += n;
      if (count() != per_block) return;
      stamp -= per_block;
      if (++at == r.end()) {
        at = r.first();
        stamp = (stamp + words::one_lap) & words::stamp_mask;
      }
    }
  };

  SLUICE_INLINE() error admit() noexcept {
    if (credits_ == 0) [[unlikely]] {
      if (const error e = refill()) return e;
    }
    if (theirs().peek() != seen_) [[unlikely]] return look_at_consumer();
    return {};
  }
  // Room according to the consumer's head (P1). Called once per lap while the consumer keeps up.
  error refill() noexcept {
    if (!attached()) return error(errc::forked, step::push);
    if (held_ != 0) return error(errc::busy, step::push);
    word head = 0, used = 0;
    const word tail = words::cursor(next_.stamp >> words::count_bits, static_cast<word>(next_.at - ring_.first()), next_.count());
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

  // The stamp and credits_ change together and must not be neighbours: a compiler would load both as one vector, which
  // cannot be forwarded from the two stores of a block change, and so would wait until those have left the core behind
  // all the items before them (measured: 60 instead of 12 ns for a push).
  position next_;
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
class spsc_consumer : public detail::spsc_session<spsc_consumer<T, P>, P> {
  using words = spsc_words<P>;
  using word = typename P::word;
  using block = spsc_block<T, P>;
  static constexpr word per_block = spsc_ring<T, P>::per_block;

 public:
  using ring_type = spsc_ring<T, P>;

  /// Continues at the head that the last consumer stored. The caller holds the consumer role.
  status attach(const ring_type& r, unsigned = 0) noexcept {
    word head = 0;
    if (!r.load_head(head)) return error(errc::corrupt, step::join, subject::cursor);
    ring_ = r;
    next_.cursor = head;
    next_.at = r.first() + words::block_of(head);
    next_.lap = words::lap_of(head) << words::count_bits;
    next_.ready = words::item_of(head);
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
    result<T> taken = detail::take_item<P>(next_.place());
    next_.pass(1, ring_);
    publish_head(ring);
    return taken;
  }
  /// Pops as many as fit into `to`, at least one. They are taken together: killed before the end, none was.
  template <class Ring>
    requires detail::copies_as_bytes<T>
  result<std::size_t> try_pop(std::span<T> to, Ring&& ring) noexcept {
    if (to.empty()) return std::size_t{0};
    if (const error e = find_item()) [[unlikely]] return e;
    fetch_ahead(to.size());
    position from = next_;  // in registers, which the members could not be: each look is an acquire
    T* put = to.data();
    std::size_t left = to.size();
    do {
      word n = from.ready - from.item();
      if (n > left) n = static_cast<word>(left);
      if (n == per_block) P::copy_in(put, from.place(), std::size_t{per_block});  // a size the compiler knows
      else P::copy_in(put, from.place(), static_cast<std::size_t>(n));
      from.pass(n, ring_);
      put += n;
      left -= static_cast<std::size_t>(n);
    } while (left != 0 && (from.item() != from.ready || from.look() == errc::ok));
    next_ = from;
    publish_head(ring);
    return to.size() - left;
  }
  /// The next item in place: then either consume_loan() or keep_loan(). One loan at a time.
  result<T*> try_borrow() noexcept {
    if (const error e = find_item()) [[unlikely]] return e.during(step::borrow);
    lent_ = next_.ready;
    next_.ready = next_.item();  // so that a pop meanwhile ends in find_more(), which says busy
    return next_.place();
  }
  template <class Ring>
  void consume_loan(Ring&& ring) noexcept {
    keep_loan(ring);
    if constexpr (!std::is_trivially_destructible_v<T>) next_.place()->~T();
    next_.pass(1, ring_);
    publish_head(ring);
  }
  template <class Ring>
  void keep_loan(Ring&&) noexcept {
    next_.ready = lent_;
    lent_ = 0;
  }

 private:
  // Where the next item is.
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
    SLUICE_INLINE() void pass(word n, const ring_type& r) noexcept {
      if constexpr (per_block != 1) {
        cursor += n;
        if (item() != per_block) return;
        cursor -= per_block;
      }
      ready = 0;
      cursor += words::one_block;
      if (++at == r.end()) {
        at = r.first();
        cursor = words::cursor(words::lap_of(cursor) + 1, 0, 0);
        lap = (lap + words::one_lap) & words::stamp_mask;
      }
    }
  };

  SLUICE_INLINE() error find_item() noexcept {
    return next_.item() == next_.ready ? find_more() : error();
  }
  SLUICE_INLINE() error find_more() noexcept {
    if (next_.at == nullptr) [[unlikely]] return error(errc::forked, step::pop);
    if (lent_ != 0) [[unlikely]] return error(errc::busy, step::pop);
    const errc e = next_.look();
    return e == errc::ok ? error() : why_not(e);
  }
  SLUICE_COLD() error why_not(errc e) noexcept {
    if (e == errc::corrupt) return error(errc::corrupt, step::pop, subject::stamp);
    const role_view now = theirs().read();
    const errc end = now.verdict(ring_.persistent());
    if (end == errc::ok || now.session() == told_before_) return error(errc::empty, step::pop);
    if (next_.look() == errc::ok) return {};  // published before the end that was just seen (E1, E2)
    ring_.shared().told.store(now.session(), P::template order<site::spsc_told>);
    return error(end, step::pop).by(static_cast<unsigned>(spsc_slot::producer));
  }
  // Starts the transfer of all the lines that a batch may touch: each stamp is waited for before the next is looked at.
  SLUICE_INLINE() void fetch_ahead(std::size_t items) const noexcept {
    constexpr std::size_t most = 16;
    const std::size_t blocks = items / per_block < most ? items / per_block : most;
    const block* b = next_.at;
    for (std::size_t i = 0; i < blocks; ++i) {
      if (++b == ring_.end()) b = ring_.first();
      __builtin_prefetch(b);
    }
  }
  template <class Ring>
  SLUICE_INLINE() void publish_head(Ring&& ring) noexcept {
    ring_.shared().head.store(next_.cursor, P::template order<site::spsc_consume>);  // (C3)
    this->wake_peer(ring);
  }

  position next_;
  word lent_ = 0;                  // next_.ready while a loan is out
  std::uint32_t told_before_ = 0;  // the end of this session was a predecessor's business
  std::uint32_t refusals_ = 0;
  ring_type ring_;
};

}  // namespace sluice

#endif
