// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_LATEST_HPP
#define SLUICE_RING_LATEST_HPP

#include <sluice/ring/latest_layout.hpp>
#include <sluice/ring/overwriter.hpp>

#include <span>

// The two sides of the newest value. What they do, and why it survives a kill anywhere, is in latest_layout.hpp.
//
// A side that is all zero is detached, and its first use ends in a slow path that says so.

namespace sluice {

/// The side that values go into.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: busy (a claim is out), forked (detached). There is always room, and nobody need read.
template <class T, class P = native_memory>
class latest_producer : public detail::overwriter<latest_producer<T, P>, latest_ring<T, P>> {
  using base = detail::overwriter<latest_producer<T, P>, latest_ring<T, P>>;

 public:
  using typename base::ring_type;

  /// Continues after the last value that is whole. The caller holds the producer role.
  status attach(const ring_type& r, unsigned = speaker_slot) noexcept {
    number_ = r.shared().newest.load(P::template order<site::latest_newest>);
    base::settle_in(r);
    return {};
  }

 private:
  friend base;
  SLUICE_INLINE() void publish(const T& value) noexcept {
    const auto n = ++number_;
    auto& b = base::ring().buffer_of(n);
    b.stamp.store(n, P::template order<site::latest_begin>);                        // (P1)
    b.item.store(value);                                                            // (P2)
    base::ring().shared().newest.store(n, P::template order<site::latest_publish>);  // (P3)
  }

  typename ring_type::word number_ = 0;  // of the last value
};

/// A side that values come out of: each the newest there is, and none twice.
///
/// Threads: one at a time. Progress: lock-free: begins again when the producer has overtaken it by a whole ring.
/// Blocks: never. Allocates: never.
/// Errors: empty; pending (overtaken again and again; `who` is the producer); closed, peer_died (and the last value has
/// been seen); busy (a loan is out); corrupt (a number that no correct peer writes); forked (detached).
template <class T, class P = native_memory>
class latest_consumer : public detail::listener<latest_consumer<T, P>, P> {
 public:
  using ring_type = latest_ring<T, P>;
  using word = typename ring_type::word;

  /// Begins with the value that there is, if any. The caller owns the slot of that number, or only looks on at
  /// `no_seat`.
  status attach(const ring_type& r, unsigned seat) noexcept {
    const word newest = r.shared().newest.load(P::template order<site::latest_newest>);
    ring_ = r;
    seen_ = newest != 0 ? newest - 1 : 0;
    ready_ = true;
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
    word number = 0;
    if (const error e = fetch(copy.bytes, number)) [[unlikely]] return e;
    take(number);
    return result<T>(copy.value);
  }
  /// The newest value: one at most.
  template <class Ring>
  result<std::size_t> try_pop(std::span<T> to, Ring&&) noexcept {
    if (to.empty()) return std::size_t{0};
    word number = 0;
    if (const error e = fetch(lent_.bytes(), number)) return e;
    take(number);
    __builtin_memcpy(static_cast<void*>(to.data()), lent_.bytes(), sizeof(T));
    return std::size_t{1};
  }
  /// The newest value, as a private copy: then either consume_loan() or keep_loan(). One loan at a time.
  result<T*> try_borrow() noexcept {
    if (const error e = fetch(lent_.bytes(), lent_number_)) return e.during(step::borrow);
    ready_ = false;
    return lent_.item();
  }
  template <class Ring>
  void consume_loan(Ring&&) noexcept {
    ready_ = true;
    take(lent_number_);
  }
  /// Counts the value as not seen.
  template <class Ring>
  void keep_loan(Ring&&) noexcept {
    ready_ = true;
  }

  /// How many values this reader has never seen, because a newer one came first.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  /// How many values were pushed after the last one that it has seen. Racy.
  [[nodiscard]] std::size_t lag() const noexcept {
    const word n = ring_.shared().newest.load(P::template order<site::latest_peek>);
    return n > seen_ ? static_cast<std::size_t>(n - seen_) : 0;
  }
  /// Is there a value to pop?
  [[nodiscard]] std::size_t approx_size() const noexcept { return lag() != 0 ? 1 : 0; }

 private:
  static constexpr unsigned patience = 64;

  SLUICE_INLINE() void take(word number) noexcept {
    dropped_ += number - seen_ - 1;
    seen_ = number;
  }
  // Copies the newest value to `to`, if it is newer than the last one taken.
  SLUICE_INLINE() error fetch(std::byte* to, word& number) noexcept {
    if (!ready_) [[unlikely]] return error(attached() ? errc::busy : errc::forked, step::pop);
    number = ring_.shared().newest.load(P::template order<site::latest_newest>);  // (C1)
    if (number == seen_) [[unlikely]] {
      const error e = this->why_nothing([&] { return (number = ring_.shared().newest.load(P::template order<site::latest_newest>)) != seen_; });
      if (e) return e;
    }
    if (copy(to, number)) [[likely]] return {};
    return again(to, number);
  }
  SLUICE_INLINE() bool copy(std::byte* to, word number) const noexcept {
    auto& b = ring_.buffer_of(number);
    b.item.load(to);                                                          // (C2)
    return b.stamp.load(P::template order<site::latest_check>) == number &&  // (C3)
           number - seen_ < ~word{0} / 2;
  }
  SLUICE_COLD() error again(std::byte* to, word& number) const noexcept {
    for (unsigned tries = 0; tries < patience; ++tries) {
      const word before = number;
      number = ring_.shared().newest.load(P::template order<site::latest_newest>);
      if (number - before - 1 > ~word{0} / 2) break;  // overtaken by nothing
      if (copy(to, number)) return {};
      if (tries + 1 == patience) return error(errc::pending, step::pop).by(speaker_slot);
    }
    return error(errc::corrupt, step::pop, subject::stamp);
  }

  ring_type ring_;
  word seen_ = 0;         // the number of the last value taken, or that of one before the first to be taken
  bool ready_ = false;    // attached, and no loan is out
  word lent_number_ = 0;  // of the value that is out
  std::uint64_t dropped_ = 0;
  detail::copied_item<T> lent_;
};

}  // namespace sluice

#endif
