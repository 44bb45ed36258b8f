// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_BROADCAST_HPP
#define SLUICE_RING_BROADCAST_HPP

#include <sluice/ring/broadcast_layout.hpp>
#include <sluice/ring/item.hpp>

#include <bit>
#include <concepts>
#include <span>

// The two sides of the broadcast. What they do, and why it survives a kill anywhere, is in broadcast_layout.hpp.
//
// A side that is all zero is detached, and its first use ends in a slow path that says so.

namespace sluice {

/// The side that messages go into.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: full (`who` is a reader that holds it back); busy (a claim is out); corrupt (a reader wrote an impossible
/// cursor: `who`); forked (detached). Nobody need read: then the ring keeps the last `capacity` messages.
template <class T, class P = native_memory>
class broadcast_producer : public detail::speaker<broadcast_producer<T, P>, P> {
 public:
  using ring_type = broadcast_ring<T, P>;
  using word = typename ring_type::word;

  /// Continues where the stamps say that the last producer ended. The caller holds the producer role.
  status attach(const ring_type& r, unsigned = speaker_slot) noexcept {
    const word limit = r.shared().limit.load(P::template order<site::broadcast_limit>);
    word tail = 0;
    if (!r.find_tail(limit, tail) || tail > limit) return error(errc::corrupt, step::join, subject::stamp);
    ring_ = r;
    next_ = r.place_of(tail);
    credits_ = held_ = 0;
    blocker_ = 0;
    return {};
  }
  void detach() noexcept { *this = {}; }
  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring_); }
  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }
  /// Counts a refusal; true now and then, when it is time to ask whether the readers still live.
  [[nodiscard]] bool suspicious() noexcept { return ++refusals_ % 256 == 0; }

  template <class U = T, class Ring>
    requires std::convertible_to<U&&, T>
  SLUICE_INLINE() status try_push(U&& value, Ring&& ring) {
    if (credits_ == 0) [[unlikely]] {
      if (const error e = grant()) return e;
    }
    const auto here = next_;  // read before the item is stored, which might be a word of ours as far as a compiler knows
    detail::put_item<P>(here.item(), std::forward<U>(value));
    publish(here, 1);
    credits_ -= 1;
    next_.pass(1, ring_);
    this->wake_readers(ring);
    return {};
  }
  /// Pushes as many of `values` as there is room for, at least one; the items of one block become visible together.
  template <std::same_as<std::span<const T>> Batch, class Ring>
  result<std::size_t> try_push(Batch values, Ring&& ring) {
    if (values.empty()) return std::size_t{0};
    if (credits_ == 0) {
      if (const error e = grant()) return e;
    }
    const T* from = values.data();
    std::size_t left = values.size();
    do {
      word n = credits_ < left ? credits_ : static_cast<word>(left);
      credits_ -= n;
      left -= static_cast<std::size_t>(n);
      auto to = next_;
      while (n != 0) {
        const word room = per_block - to.index, m = n < room ? n : room;
        P::copy_out(to.item(), from, static_cast<std::size_t>(m));
        publish(to, m);
        to.pass(m, ring_);
        from += m;
        n -= m;
      }
      next_ = to;
    } while (left != 0 && !grant());
    this->wake_readers(ring);
    return values.size() - left;
  }
  /// The next place, raw: build an item there, then commit() it or abandon() the place. One claim at a time.
  result<T*> try_claim() noexcept {
    if (credits_ == 0) {
      if (const error e = grant()) return e.during(step::claim);
    }
    held_ = credits_;
    credits_ = 0;  // so that a push meanwhile ends in grant(), which says busy
    return next_.item();
  }
  template <class Ring>
  void commit(Ring&& ring) noexcept {
    abandon(ring);
    publish(next_, 1);
    credits_ -= 1;
    next_.pass(1, ring_);
    this->wake_readers(ring);
  }
  template <class Ring>
  void abandon(Ring&&) noexcept {
    credits_ = held_;
    held_ = 0;
  }

 private:
  static constexpr word per_block = ring_type::per_block;
  using place = typename ring_type::place;

  SLUICE_INLINE() static void publish(const place& to, word n) noexcept {
    to.at->stamp.store(to.number + n, P::template order<site::broadcast_publish>);  // (P3)
  }
  [[nodiscard]] word behind(unsigned slot) const noexcept {
    return next_.number - ring_.shared().cursors[slot].at.load(P::template order<site::broadcast_cursor>);  // (G3)
  }
  // Room according to the cursors. Called a few times per lap while the readers keep up.
  SLUICE_NOINLINE() error grant() noexcept {
    if (!attached()) return error(errc::forked, step::push);
    if (held_ != 0) return error(errc::busy, step::push);
    auto& s = ring_.shared();
    const error full(errc::full, step::push);
    if (blocker_ != 0) {  // usually the same as the last time, and then nothing need be announced
      if ((s.active.load(P::template order<site::broadcast_peek>) >> blocker_ & 1) != 0 && behind(blocker_) >= ring_.capacity())
        return full.by(blocker_);
      blocker_ = 0;
    }
    const word quantum = ring_.quantum();
    s.limit.exchange(next_.number + quantum, P::template order<site::broadcast_grant>);  // (G1)
    word room = quantum;
    unsigned last = 0;
    for (word readers = s.active.load(P::template order<site::broadcast_active>); readers != 0; readers &= readers - 1) {  // (G2)
      const auto k = static_cast<unsigned>(std::countr_zero(readers));
      const word b = behind(k);
      if (b > next_.number) return error(errc::corrupt, step::push, subject::cursor).by(k);
      const word left = b < ring_.capacity() ? ring_.capacity() - b : 0;
      if (left < room) room = left, last = k;
    }
    if (room != 0) return credits_ = room, error();
    s.limit.store(next_.number, P::template order<site::broadcast_trim>);  // (G4)
    return full.by(blocker_ = last);
  }

  place next_;  // of the next item
  std::uint32_t refusals_ = 0;
  unsigned blocker_ = 0;  // the reader that held us back the last time; 0, the producer's own slot, is none
  ring_type ring_;
  word credits_ = 0;      // items that may be pushed without another look at the cursors
  word held_ = 0;         // the credits while a claim is out
};

/// A side that messages come out of: every message since it joined, and before these the ones that were still kept.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: empty; closed, peer_died (and nothing is left to pop); busy (a loan is out); corrupt (a stamp that no
/// correct producer writes); forked (detached).
template <class T, class P = native_memory>
class broadcast_consumer : public detail::listener<broadcast_consumer<T, P>, P> {
  using base = detail::listener<broadcast_consumer<T, P>, P>;

 public:
  using ring_type = broadcast_ring<T, P>;
  using word = typename ring_type::word;

  /// Begins with the oldest message that is kept, and from then on holds the producer. The caller owns the slot of that
  /// number.
  status attach(const ring_type& r, unsigned seat) noexcept {
    auto& s = r.shared();
    auto& cursor = s.cursors[seat].at;
    cursor.store(0, P::template order<site::broadcast_hold>);                              // (J1)
    s.active.fetch_or(word{1} << seat, P::template order<site::broadcast_join>);           // (J2)
    const word limit = s.limit.load(P::template order<site::broadcast_limit>);             // (J3)
    word tail = 0;
    if (!r.find_tail(limit, tail)) {
      r.dismiss(seat);
      return error(errc::corrupt, step::join, subject::stamp);
    }
    // Never less than `capacity` behind, unless there is less: so the producer was not held longer than it is now.
    const word start = tail > r.capacity() ? tail - r.capacity() : 0;
    cursor.store(start, P::template order<site::broadcast_start>);                         // (J4)
    ring_ = r;
    cursor_ = &cursor;
    next_ = {r.place_of(start), start};
    lent_ = 0;
    this->sit_down(seat);
    return {};
  }
  void detach() noexcept { *this = {}; }
  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring_); }
  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }

  /// Ends the session, and holds the producer no more.
  template <class Ring>
  void end(phase how, Ring&& ring) noexcept {
    ring_.dismiss(this->seat());
    base::end(how, ring);
    ring_.shared().hall.producer.doorstep().wake(ring);
  }

  template <class Ring>
  SLUICE_INLINE() result<T> try_pop(Ring&& ring) noexcept {
    if (const error e = find_item()) [[unlikely]] return e;
    result<T> taken = detail::take_item<P>(next_.item());
    move_on(1, ring);
    return taken;
  }
  /// Pops as many as fit into `to`, at least one. They are taken together: killed before the end, none was.
  template <class Ring>
  result<std::size_t> try_pop(std::span<T> to, Ring&& ring) noexcept {
    if (to.empty()) return std::size_t{0};
    if (const error e = find_item()) return e;
    const word before = next_.number;
    position from = next_;
    T* put = to.data();
    std::size_t left = to.size();
    do {
      word n = from.ready - from.number;
      if (n > left) n = static_cast<word>(left);
      P::copy_in(put, from.item(), static_cast<std::size_t>(n));
      from.pass(n, ring_);
      put += n;
      left -= static_cast<std::size_t>(n);
    } while (left != 0 && (from.number != from.ready || from.look() == errc::ok));
    next_ = from;
    publish_cursor(before, ring);
    return to.size() - left;
  }
  /// The next item in place: then either consume_loan() or keep_loan(). One loan at a time.
  result<T*> try_borrow() noexcept {
    if (const error e = find_item()) [[unlikely]] return e.during(step::borrow);
    lent_ = next_.ready;
    next_.ready = next_.number;  // so that a pop meanwhile ends in find_more(), which says busy
    return next_.item();
  }
  template <class Ring>
  void consume_loan(Ring&& ring) noexcept {
    keep_loan(ring);
    move_on(1, ring);
  }
  template <class Ring>
  void keep_loan(Ring&&) noexcept {
    next_.ready = lent_;
    lent_ = 0;
  }

  /// How many messages this reader has before it. Racy.
  [[nodiscard]] std::size_t approx_size() const noexcept {
    word tail = 0;
    if (!ring_.find_tail(ring_.shared().limit.load(P::template order<site::broadcast_limit>), tail)) return 0;
    return tail > next_.number ? static_cast<std::size_t>(tail - next_.number) : 0;
  }
  [[nodiscard]] std::size_t lag() const noexcept { return approx_size(); }

 private:
  // Where the next item is.
  struct position : ring_type::place {
    word ready = 0;  // what is before this position is there, as far as is known

    // (C1) Counts the items of this block that are there.
    SLUICE_INLINE() errc look() noexcept {
      const word stamp = this->at->stamp.load(P::template order<site::broadcast_stamp>), n = stamp - this->number;
      if (n - 1 >= ring_type::per_block - this->index) [[unlikely]]  // none yet, an earlier lap, or nonsense
        return stamp > this->number ? errc::corrupt : errc::empty;
      ready = stamp;
      return errc::ok;
    }
  };

  SLUICE_INLINE() error find_item() noexcept { return next_.number == next_.ready ? find_more() : error(); }
  SLUICE_INLINE() error find_more() noexcept {
    if (next_.at == nullptr) [[unlikely]] return error(errc::forked, step::pop);
    if (lent_ != 0) [[unlikely]] return error(errc::busy, step::pop);
    const errc e = next_.look();
    return e == errc::ok ? error() : why_not(e);
  }
  SLUICE_COLD() error why_not(errc e) noexcept {
    if (e == errc::empty) {
      const error nothing = this->why_nothing([&] { return (e = next_.look()) != errc::empty; });
      if (nothing) return nothing;
    }
    return e == errc::ok ? error() : error(errc::corrupt, step::pop, subject::stamp);
  }
  template <class Ring>
  SLUICE_INLINE() void move_on(word n, Ring&& ring) noexcept {
    const word before = next_.number;
    next_.pass(n, ring_);
    publish_cursor(before, ring);
  }
  template <class Ring>
  SLUICE_INLINE() void publish_cursor(word before, Ring&& ring) noexcept {
    cursor_->store(next_.number, P::template order<site::broadcast_consume>);  // (C3)
    P::light_fence();
    auto& door = ring_.shared().hall.producer.doorstep();
    if ((door.word().load(P::template order<site::gate_look>) & gate<P>::armed) != 0) [[unlikely]] wake_producer(before, ring);
  }
  // The producer sleeps because the ring is full, and then its limit is its tail: is it for us that it waits?
  template <class Ring>
  SLUICE_NOINLINE() void wake_producer(word before, Ring&& ring) noexcept {
    auto& s = ring_.shared();
    if (s.limit.load(P::template order<site::broadcast_peek>) - before < ring_.capacity()) return;
    s.hall.producer.doorstep().wake(ring);
  }

  position next_;
  word lent_ = 0;  // next_.ready while a loan is out
  typename P::template atomic<word>* cursor_ = nullptr;
  ring_type ring_;
};

}  // namespace sluice

#endif
