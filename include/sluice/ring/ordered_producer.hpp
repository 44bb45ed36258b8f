// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_ORDERED_PRODUCER_HPP
#define SLUICE_RING_ORDERED_PRODUCER_HPP

#include <sluice/ring/crowd_side.hpp>
#include <sluice/ring/ordered_writer.hpp>

#include <concepts>
#include <span>

namespace sluice {

/// A side that items go into. Writer has the places: of one order, or of several to choose from (`to`).
///
/// If it is all zero it is not ready, and its first use ends in a slow path that says why: a forked child finds its copy
/// wiped and so touches nothing of its parent's.
///
/// Threads: one at a time. Progress: wait-free; `pending` after some hundred lost races. Blocks: never. Allocates: never.
/// Errors: full; pending (the place is still held: `who`); closed, peer_died (nobody is left on the other side); busy (a
/// claim is out); corrupt (a word that no correct peer writes); forked (detached).
template <class T, bool Many, class P = native_memory, class Writer = detail::ordered_writer<T, Many, P>>
class ordered_producer : public detail::crowd_side<ordered_producer<T, Many, P, Writer>, P> {
  using base = detail::crowd_side<ordered_producer, P>;
  friend base;
  using word = typename Writer::word;
  using spot = typename Writer::spot;

 public:
  using ring_type = typename Writer::ring_type;

  /// The caller owns the slot of that number.
  status attach(const ring_type& r, unsigned seat) noexcept {
    if (const status s = writer_.attach(r, seat); !s) return s;
    base::ignore_the_past(theirs());
    ready_ = true;
    return {};
  }
  void detach() noexcept { *this = {}; }
  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring()); }
  [[nodiscard]] decltype(auto) ring() const noexcept { return writer_.ring(); }
  [[nodiscard]] unsigned seat() const noexcept { return writer_.seat(); }
  /// Ends the session and tells whoever waits. A place that is out becomes a tomb.
  template <class Ring>
  void end(phase how, Ring&& ring) noexcept {
    if (!ready_) abandon(ring);
    mine().end(seat(), how);
    theirs().wake_all(ring);
  }

  template <class U = T, class Ring, class... To>
    requires std::convertible_to<U&&, T>
  SLUICE_INLINE() status try_push(U&& value, Ring&& ring, To... to) {
    if (const error e = admit()) [[unlikely]] return e;
    spot here;
    if (const error e = writer_.claim(here, to...)) [[unlikely]] return e;
    Writer::fill(here, std::forward<U>(value));
    wake(ring);
    return {};
  }
  /// Pushes as many of `values` as there is room for, at least one; each becomes visible by itself.
  template <std::same_as<std::span<const T>> Batch, class Ring, class... To>
    requires detail::copies_as_bytes<T>
  result<std::size_t> try_push(Batch values, Ring&& ring, To... to) {
    if (values.empty()) return std::size_t{0};
    if (const error e = admit()) return e;
    std::size_t n = values.size();
    word at = 0;
    if (const error e = writer_.claim(at, n, to...)) return e;
    for (const T& value : values.first(n)) {
      const spot here = writer_.spot_at(at);
      P::copy_out(here.item(), value);
      Writer::publish(here, cell_state::full);
      at = writer_.next(at);
    }
    wake(ring);
    return n;
  }
  /// The next place, raw: build an item there, then commit() it or abandon() the place. One claim at a time.
  template <class... To>
  result<T*> try_claim(To... to) noexcept {
    error e = admit();
    if (!e) e = writer_.claim(claimed_, to...);
    if (e) return e.during(step::claim);
    ready_ = false;
    return claimed_.item();
  }
  template <class Ring>
  void commit(Ring&& ring) noexcept {
    give_back(cell_state::full, ring);
  }
  template <class Ring>
  void abandon(Ring&& ring) noexcept {
    give_back(cell_state::tomb, ring);
  }

 private:
  [[nodiscard]] crowd<P>& mine() const noexcept { return ring().shared().producers; }
  [[nodiscard]] crowd<P>& theirs() const noexcept { return ring().shared().consumers; }

  SLUICE_INLINE() error admit() noexcept {
    if (!ready_) [[unlikely]] return error(attached() ? errc::busy : errc::forked, step::push);
    if (base::any_news()) [[unlikely]] return base::look_at_news();
    return {};
  }
  template <class Ring>
  void give_back(cell_state s, Ring&& ring) noexcept {
    Writer::publish(claimed_, s);
    ready_ = true;
    wake(ring);
  }
  template <class Ring>
  SLUICE_INLINE() void wake(Ring&& ring) noexcept {
    P::light_fence();
    if (const auto sleepers = theirs().asleep()) [[unlikely]] theirs().wake_one(sleepers, ring);
    if constexpr (Many) {
      if (mine().asleep() != 0) [[unlikely]] wake_fellow(ring);
    }
  }
  // Whoever waits for the place after ours may have been woken while it waited for ours too.
  template <class Ring>
  SLUICE_NOINLINE() void wake_fellow(Ring&& ring) noexcept {
    if (writer_.room()) mine().wake_one(mine().asleep(), ring);
  }

  Writer writer_;
  spot claimed_;        // the place that is out
  bool ready_ = false;  // attached, and no place is out
};

}  // namespace sluice

#endif
