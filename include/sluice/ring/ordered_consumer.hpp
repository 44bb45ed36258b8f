// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_ORDERED_CONSUMER_HPP
#define SLUICE_RING_ORDERED_CONSUMER_HPP

#include <sluice/ring/crowd_side.hpp>
#include <sluice/ring/ordered_reader.hpp>

#include <span>

namespace sluice {

/// A side that items come out of. Reader chooses them: out of one order, or of several.
///
/// If it is all zero it is not ready; see ordered_producer.
///
/// Threads: one at a time. Progress: wait-free; `pending` after some hundred lost races. Blocks: never. Allocates: never.
/// Errors: empty; pending (the next item is not there yet, or a fellow holds the last one: `who`); closed, peer_died (nobody
/// is left on the other side, and nothing is left to pop); busy (a loan is out); corrupt (a word that no correct peer
/// writes); forked (detached).
template <class T, bool Many, class P = native_memory, class Reader = detail::ordered_reader<T, Many, P>>
class ordered_consumer : public detail::crowd_side<ordered_consumer<T, Many, P, Reader>, P> {
  using base = detail::crowd_side<ordered_consumer, P>;
  friend base;
  using word = typename Reader::word;
  using spot = typename Reader::spot;

 public:
  using ring_type = typename Reader::ring_type;

  /// The caller owns the slot of that number.
  status attach(const ring_type& r, unsigned seat) noexcept {
    if (const status s = reader_.attach(r, seat); !s) return s;
    base::leave_what_was_told(theirs());
    ready_ = true;
    return {};
  }
  void detach() noexcept { *this = {}; }
  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring()); }
  [[nodiscard]] decltype(auto) ring() const noexcept { return reader_.ring(); }
  [[nodiscard]] unsigned seat() const noexcept { return reader_.seat(); }
  /// Ends the session and tells whoever waits. A message that is out goes to a fellow or successor.
  template <class Ring>
  void end(phase how, Ring&& ring) noexcept {
    if (!ready_) keep_loan(ring);
    mine().end(seat(), how);
    theirs().wake_all(ring);
    mine().wake_all(ring);  // the last one to hold a message is what an end waits for
  }

  /// Was the last message taken over from a consumer that died with it, or put back? It may then be out of order.
  [[nodiscard]] bool redelivered() const noexcept { return reader_.redelivered(); }
  /// That of the last message.
  [[nodiscard]] unsigned priority() const noexcept
    requires requires(const Reader& r) { r.priority(); }
  {
    return reader_.priority();
  }

  /// Would a try say `empty` or `pending`, or tell of an end? A look at the place of the next item alone.
  [[nodiscard]] SLUICE_INLINE() bool looks_empty() const noexcept { return ready_ && !reader_.ready(); }

  template <class Ring>
  SLUICE_INLINE() result<T> try_pop(Ring&& ring) noexcept {
    spot here;
    if (const error e = take(ring, here)) [[unlikely]] return e;
    result<T> taken = detail::take_item<P>(here.item());
    reader_.vacate(here);
    wake(ring);
    return taken;
  }
  /// Pops as many as are there and fit into `to`, at least one; each is popped by itself.
  template <class Ring>
    requires detail::copies_as_bytes<T>
  result<std::size_t> try_pop(std::span<T> to, Ring&& ring) noexcept {
    if (to.empty()) return std::size_t{0};
    std::size_t n = to.size();
    word at = 0;
    if (const error e = take(ring, at, n)) return e;
    for (T& item : to.first(n)) {
      const spot here = reader_.spot_at(at);
      P::copy_in(&item, here.item(), 1);
      reader_.vacate(here);
      at = reader_.next(at);
    }
    wake(ring);
    return n;
  }
  /// The next item in place: then either consume_loan() or keep_loan(). One loan at a time.
  template <class Ring>
  result<T*> try_borrow(Ring&& ring) noexcept {
    if (const error e = take(ring, lent_)) return e.during(step::borrow);
    ready_ = false;
    return lent_.item();
  }
  template <class Ring>
  void consume_loan(Ring&& ring) noexcept {
    if constexpr (!std::is_trivially_destructible_v<T>) lent_.item()->~T();
    reader_.vacate(lent_);
    ready_ = true;
    wake(ring);
  }
  /// Puts the message back for whoever pops next.
  template <class Ring>
  void keep_loan(Ring&& ring) noexcept {
    reader_.put_back(lent_);
    ready_ = true;
    P::light_fence();
    if (const auto sleepers = mine().asleep()) mine().wake_one(sleepers, ring);
  }

 private:
  [[nodiscard]] crowd<P>& mine() const noexcept { return ring().shared().consumers; }
  [[nodiscard]] crowd<P>& theirs() const noexcept { return ring().shared().producers; }

  template <class Ring, class... To>
  SLUICE_INLINE() error take(Ring& ring, To&... to) noexcept {
    if (!ready_) [[unlikely]] return error(attached() ? errc::busy : errc::forked, step::pop);
    const auto vacated = [this, &ring]() noexcept { wake_producers(ring); };
    for (bool looked = false;; looked = true) {
      const error e = reader_.take(vacated, to...);
      if (!(e == errc::empty) || looked) [[likely]] return e;
      if (const error end = look_for_end()) return end;
    }
  }
  SLUICE_COLD() error look_for_end() noexcept {
    return base::nothing_there([&] { return reader_.rest(); });
  }
  template <class Ring>
  SLUICE_INLINE() void wake_producers(Ring&& ring) noexcept {
    P::light_fence();
    if (const auto sleepers = theirs().asleep()) [[unlikely]] {
      if constexpr (Reader::any_room_will_do) theirs().wake_one(sleepers, ring);
      else theirs().wake_all(ring);
    }
  }
  template <class Ring>
  SLUICE_INLINE() void wake(Ring&& ring) noexcept {
    wake_producers(ring);
    if constexpr (Many) {
      if (mine().asleep() != 0) [[unlikely]] wake_fellow(ring);
    }
  }
  // The message after ours may have become ready before ours, and whoever was woken for it then went back to sleep.
  template <class Ring>
  SLUICE_NOINLINE() void wake_fellow(Ring&& ring) noexcept {
    if (reader_.ready()) mine().wake_one(mine().asleep(), ring);
  }

  Reader reader_;
  spot lent_;           // the message that is out
  bool ready_ = false;  // attached, and no message is out
};

}  // namespace sluice

#endif
