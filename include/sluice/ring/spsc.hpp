// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_SPSC_HPP
#define SLUICE_RING_SPSC_HPP

#include <sluice/ring/spsc_lane.hpp>
#include <sluice/ring/spsc_session.hpp>

#include <concepts>
#include <span>

// The two sides of the ring: the writer and the reader of its lane, and the two roles. What either has done when it is
// killed somewhere is told in spsc_lane.hpp.
//
// An all-zero side is detached, and its first use ends in a slow path that says so. A forked child finds its copy
// wiped to zero and so touches nothing of its parent's.
//
// `ring` is a callable taking a gate and the kinds of sleepers to wake at it; it is called after the publication.

namespace sluice {

/// The side that items go into.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: full, closed, peer_died, busy (a claim is out), corrupt (the peer wrote an impossible head), forked
/// (detached).
template <class T, class P = native_memory>
class spsc_producer : public detail::spsc_session<spsc_producer<T, P>, P> {
 public:
  using ring_type = spsc_ring<T, P>;

  /// Continues where the stamps say that the last producer ended. The caller holds the producer role.
  status attach(const ring_type& r, unsigned = 0) noexcept {
    if (status s = writer_.attach(r); !s) return s;
    ring_ = r;
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
    writer_.push(ring_, std::forward<U>(value));
    this->wake_peer(ring);
    return {};
  }
  /// Pushes as many of `values` as there is room for, at least one; the items of one block become visible together.
  template <std::same_as<std::span<const T>> Batch, class Ring>
    requires detail::copies_as_bytes<T>
  result<std::size_t> try_push(Batch values, Ring&& ring) {
    if (values.empty()) return std::size_t{0};
    if (const error e = admit()) [[unlikely]] return e;
    std::size_t done = 0;
    do done += writer_.push(ring_, values.data() + done, values.size() - done);
    while (done != values.size() && !refill());
    this->wake_peer(ring);
    return done;
  }
  /// The next place, raw: build an item there, then commit() it or abandon() the place. One claim at a time.
  result<T*> try_claim() noexcept {
    if (const error e = admit()) [[unlikely]] return e.during(step::claim);
    return writer_.claim();
  }
  template <class Ring>
  void commit(Ring&& ring) noexcept {
    writer_.commit(ring_);
    this->wake_peer(ring);
  }
  template <class Ring>
  void abandon(Ring&&) noexcept {
    writer_.abandon();
  }

 private:
  SLUICE_INLINE() error admit() noexcept {
    if (!writer_.has_room()) [[unlikely]] {
      if (const error e = refill()) return e;
    }
    if (theirs().peek() != seen_) [[unlikely]] return look_at_consumer();
    return {};
  }
  SLUICE_NOINLINE() error refill() noexcept {
    const error e = writer_.refill(ring_);
    if (e != errc::full) return e;
    const error end = look_at_consumer();
    return end ? end : e;
  }
  SLUICE_COLD() error look_at_consumer() noexcept {
    const role_view there = theirs().read();
    if (there == seen_) return {};
    if (const errc why = there.verdict(ring_.persistent()); why != errc::ok)
      return error(why, step::push).by(static_cast<unsigned>(spsc_slot::consumer));
    seen_ = there;
    return {};
  }

  detail::spsc_writer<T, P> writer_;
  role_view seen_;  // the consumer's role word that has been looked into
  std::uint32_t refusals_ = 0;
  ring_type ring_;
};

/// The side that items come out of.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: empty, closed, peer_died, busy (a loan is out), corrupt (the peer wrote an impossible stamp), forked
/// (detached).
template <class T, class P = native_memory>
class spsc_consumer : public detail::spsc_session<spsc_consumer<T, P>, P> {
 public:
  using ring_type = spsc_ring<T, P>;

  /// Continues at the head that the last consumer stored. The caller holds the consumer role.
  status attach(const ring_type& r, unsigned = 0) noexcept {
    if (status s = reader_.attach(r); !s) return s;
    ring_ = r;
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

  /// Would a try say `empty`, or tell of an end? A look at the place of the next item alone.
  [[nodiscard]] SLUICE_INLINE() bool looks_empty() noexcept { return reader_.find() == errc::empty; }

  template <class Ring>
  SLUICE_INLINE() result<T> try_pop(Ring&& ring) noexcept {
    if (const error e = find_item()) [[unlikely]] return e;
    result<T> taken = reader_.take(ring_);
    this->wake_peer(ring);
    return taken;
  }
  /// Pops as many as fit into `to`, at least one. They are taken together: killed before the end, none was.
  template <class Ring>
    requires detail::copies_as_bytes<T>
  result<std::size_t> try_pop(std::span<T> to, Ring&& ring) noexcept {
    if (to.empty()) return std::size_t{0};
    if (const error e = find_item()) [[unlikely]] return e;
    const std::size_t n = reader_.take(ring_, to.data(), to.size());
    this->wake_peer(ring);
    return n;
  }
  /// The next item in place: then either consume_loan() or keep_loan(). One loan at a time.
  result<T*> try_borrow() noexcept {
    if (const error e = find_item()) [[unlikely]] return e.during(step::borrow);
    return reader_.lend();
  }
  template <class Ring>
  void consume_loan(Ring&& ring) noexcept {
    reader_.consume(ring_);
    this->wake_peer(ring);
  }
  template <class Ring>
  void keep_loan(Ring&&) noexcept {
    reader_.keep();
  }

 private:
  SLUICE_INLINE() error find_item() noexcept {
    const errc e = reader_.find();
    return e == errc::ok ? error() : why_not(e);
  }
  SLUICE_COLD() error why_not(errc e) noexcept {
    if (e == errc::corrupt) return error(errc::corrupt, step::pop, subject::stamp);
    if (e != errc::empty) return error(e, step::pop);
    const role_view there = theirs().read();
    const errc end = there.verdict(ring_.persistent());
    if (end == errc::ok || there.session() == told_before_) return error(errc::empty, step::pop);
    if (reader_.find() == errc::ok) return {};  // published before the end that was just seen (E1, E2)
    ring_.shared().told.store(there.session(), P::template order<site::spsc_told>);
    return error(end, step::pop).by(static_cast<unsigned>(spsc_slot::producer));
  }

  detail::spsc_reader<T, P> reader_;
  std::uint32_t told_before_ = 0;  // the end of this session was a predecessor's business
  std::uint32_t refusals_ = 0;
  ring_type ring_;
};

}  // namespace sluice

#endif
