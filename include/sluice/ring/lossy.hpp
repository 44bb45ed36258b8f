// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_LOSSY_HPP
#define SLUICE_RING_LOSSY_HPP

#include <sluice/ring/lossy_layout.hpp>
#include <sluice/ring/overwriter.hpp>

#include <span>

// The two sides of the lossy broadcast. What they do, and why it survives a kill anywhere, is in lossy_layout.hpp.
//
// A side that is all zero is detached, and its first use ends in a slow path that says so.

namespace sluice {

/// The side that messages go into.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: busy (a claim is out), forked (detached). There is always room, and nobody need read.
template <class T, class P = native_memory>
class lossy_producer : public detail::overwriter<lossy_producer<T, P>, lossy_ring<T, P>> {
  using base = detail::overwriter<lossy_producer<T, P>, lossy_ring<T, P>>;

 public:
  using typename base::ring_type;

  /// Continues where the stamps say that the last producer ended. The caller holds the producer role.
  status attach(const ring_type& r, unsigned = speaker_slot) noexcept {
    number_ = r.find_tail();
    at_ = r.cell_of(number_ + 1);
    base::settle_in(r);
    return {};
  }

 private:
  friend base;
  SLUICE_INLINE() void publish(const T& value) noexcept {
    const auto n = ++number_;
    auto& c = *at_;
    c.stamp.store(ring_type::making(n), P::template order<site::lossy_begin>);   // (P1)
    c.item.store(value);                                                         // (P2)
    c.stamp.store(ring_type::there(n), P::template order<site::lossy_publish>);  // (P3)
    base::ring().shared().tail.store(n, P::template order<site::lossy_tail>);    // (P4)
    if (++at_ == base::ring().end()) at_ = base::ring().first();
  }

  typename ring_type::word number_ = 0;      // of the last message
  typename ring_type::cell* at_ = nullptr;  // where the next one goes
};

/// A side that messages come out of: all of them in order, but for those that were overwritten, whose number it says.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: empty; lagged (`detail` messages were overwritten before this reader came to them, or are skipped so that it
/// can keep up; the next one is ready); closed, peer_died (and nothing is left to pop); busy (a loan is out); corrupt
/// (a stamp that no correct peer writes); forked (detached).
template <class T, class P = native_memory>
class lossy_consumer : public detail::listener<lossy_consumer<T, P>, P> {
 public:
  using ring_type = lossy_ring<T, P>;
  using word = typename ring_type::word;

  /// Begins with the oldest message that is kept. The caller owns the slot of that number, or only looks on at
  /// `no_seat`.
  status attach(const ring_type& r, unsigned seat) noexcept {
    ring_ = r;
    go_to(r.oldest(r.find_tail()));
    ready_ = true;
    hurry_ = false;
    dropped_ = 0;
    this->sit_down(seat);
    return {};
  }
  void detach() noexcept {
    ring_ = {};
    ready_ = false;
  }
  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring_); }
  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }

  template <class Ring>
  SLUICE_INLINE() result<T> try_pop(Ring&&) noexcept {
    detail::fresh_item<T> copy;
    if (const error e = fetch(copy.bytes)) [[unlikely]] return e;
    pass();
    return result<T>(copy.value);
  }
  /// Pops as many as are there and fit into `to`, at least one.
  template <class Ring>
  result<std::size_t> try_pop(std::span<T> to, Ring&&) noexcept {
    std::size_t n = 0;
    for (; n < to.size(); ++n) {
      if (n == 0) {
        if (const error e = fetch(lent_.bytes())) return e;
      } else if (look() != 0 || !copy(lent_.bytes())) {
        break;  // what is to be said of it is said next time
      }
      pass();
      __builtin_memcpy(static_cast<void*>(to.data() + n), lent_.bytes(), sizeof(T));
    }
    return n;
  }
  /// The next message, as a private copy: then either consume_loan() or keep_loan(). One loan at a time.
  result<T*> try_borrow() noexcept {
    if (const error e = fetch(lent_.bytes())) return e.during(step::borrow);
    ready_ = false;
    return lent_.item();
  }
  template <class Ring>
  void consume_loan(Ring&&) noexcept {
    ready_ = true;
    pass();
  }
  template <class Ring>
  void keep_loan(Ring&&) noexcept {
    ready_ = true;
  }

  /// How many messages this reader has missed: the sum of all that `lagged` has said.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  /// How many messages were pushed after the last one that it has come to. Racy.
  [[nodiscard]] std::size_t lag() const noexcept {
    const word tail = ring_.shared().tail.load(P::template order<site::lossy_peek>);
    return tail >= next_ ? static_cast<std::size_t>(tail - next_ + 1) : 0;
  }
  /// How many of these are still there. Racy.
  [[nodiscard]] std::size_t approx_size() const noexcept {
    const std::size_t n = lag();
    return n < ring_.capacity() ? n : ring_.capacity();
  }

 private:
  void go_to(word number) noexcept {
    next_ = number;
    at_ = ring_.cell_of(number);
  }
  SLUICE_INLINE() void pass() noexcept {
    ++next_;
    hurry_ = false;
    if (++at_ == ring_.end()) at_ = ring_.first();
  }
  // (C1) 0: the next message is there; below: not yet; above: not any more.
  SLUICE_INLINE() std::int64_t look() const noexcept {
    return static_cast<std::int64_t>(at_->stamp.load(P::template order<site::lossy_stamp>) - ring_type::there(next_));
  }
  SLUICE_INLINE() bool copy(std::byte* to) const noexcept {
    at_->item.load(to);                                                                             // (C2)
    return at_->stamp.load(P::template order<site::lossy_check>) == ring_type::there(next_);  // (C3)
  }
  SLUICE_INLINE() error fetch(std::byte* to) noexcept {
    if (!ready_) [[unlikely]] return error(attached() ? errc::busy : errc::forked, step::pop);
    std::int64_t ahead = look();
    if (ahead < 0) [[unlikely]] {
      if (const error e = this->why_nothing([&] { return (ahead = look()) >= 0; })) return e;
    }
    if (ahead == 0 && copy(to)) [[likely]] return {};
    return overtaken();
  }
  // The next message is gone. Goes on with the oldest that is kept; but if that is gone before it was read, then with
  // the one in the middle, since this reader is slower than it takes to lap it.
  SLUICE_COLD() error overtaken() noexcept {
    const word stamp = at_->stamp.load(P::template order<site::lossy_stamp>), begun = ring_type::number_of(stamp);
    if (begun <= next_ || (begun - next_) % ring_.capacity() != 0) return error(errc::corrupt, step::pop, subject::stamp);
    word tail = ring_.shared().tail.load(P::template order<site::lossy_last>);
    const word whole = stamp % 2 == 0 ? begun : begun - 1;
    if (tail < whole) tail = whole;
    word to = ring_.oldest(tail);
    if (const word middle = tail - (ring_.capacity() - 1) / 2; hurry_ && to < middle) to = middle;
    if (to <= next_) return error(errc::corrupt, step::pop, subject::stamp);  // a stamp that went back
    const word missed = to - next_;
    constexpr auto most = word{INT32_MAX};
    hurry_ = true;
    dropped_ += missed;
    go_to(to);
    return error(errc::lagged, step::pop, static_cast<std::int32_t>(missed < most ? missed : most));
  }

  ring_type ring_;
  word next_ = 0;                           // the number of the next message
  typename ring_type::cell* at_ = nullptr;  // where it is
  bool ready_ = false;                      // attached, and no loan is out
  bool hurry_ = false;                      // overtaken, and nothing read since
  std::uint64_t dropped_ = 0;
  detail::copied_item<T> lent_;
};

}  // namespace sluice

#endif
