// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_BYTES_CROWD_HPP
#define SLUICE_RING_BYTES_CROWD_HPP

#include <sluice/ring/bytes_crowd_layout.hpp>
#include <sluice/ring/bytes_reader.hpp>
#include <sluice/ring/crowd_side.hpp>

// The two sides of the ring of messages of any length with many producers. What they do, and why it survives a kill
// anywhere, is in bytes_crowd_layout.hpp. All-zero sides are detached; `ring` is called after the publication.

namespace sluice {

/// A side that messages go into, one of several.
///
/// A message takes granules as in the ring of one producer. What is given back, and what a commit leaves of a claim, is
/// free again once the reader has passed it.
///
/// Threads: one at a time. Progress: wait-free; `pending` after some hundred lost races. Blocks: never. Allocates:
/// never.
/// Errors: full; pending (there is no room, and the reader waits for the claim of `who`, or has yet to pass what was
/// given back); too_big (for this ring, now and ever); closed, peer_died (the reader has gone); busy (a claim is out);
/// corrupt (a word that no correct peer writes); forked (detached).
template <class P = native_memory>
class bytes_crowd_producer : public detail::crowd_side<bytes_crowd_producer<P>, P> {
  using base = detail::crowd_side<bytes_crowd_producer, P>;
  friend base;
  using word = typename P::word;

 public:
  using ring_type = bytes_crowd_ring<P>;

  /// The caller owns the slot of that number.
  status attach(const ring_type& r, unsigned seat) noexcept {
    bytes_crowd_producer fresh;
    word tail = 0;
    if (!r.load_head(fresh.head_) || !r.load_tail(tail)) return error(errc::corrupt, step::join, subject::cursor);
    fresh.ignore_the_past(r.shared().consumers);
    fresh.ring_ = r;
    fresh.seat_ = seat;
    fresh.ready_ = true;
    *this = fresh;
    return {};
  }
  void detach() noexcept { *this = {}; }
  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring_); }
  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }
  [[nodiscard]] unsigned seat() const noexcept { return seat_; }
  /// Ends the session and tells whoever waits. A place that is out is given back.
  template <class Ring>
  void end(phase how, Ring&& ring) noexcept {
    if (!ready_) abandon(ring);
    mine().end(seat_, how);
    theirs().wake_all(ring);
  }

  template <class Ring>
  status try_push(std::span<const std::byte> message, Ring&& ring) noexcept {
    if (const error e = claim(message.size())) [[unlikely]] return e;
    if (!message.empty()) P::copy_out(ring_.place(ring_.index_of(here_)), message.data(), message.size());
    publish(message.size(), ring_type::state::message, ring);
    return {};
  }
  /// A place for n bytes, raw: write there, then commit() it or abandon() the place. One claim at a time.
  result<std::span<std::byte>> try_claim(std::size_t n) noexcept {
    if (const error e = claim(n)) [[unlikely]] return e.during(step::claim);
    ready_ = false;
    claimed_ = n;
    return std::span<std::byte>(ring_.place(ring_.index_of(here_)), n);
  }
  /// Publishes the first m bytes of the place that was claimed, all of them at most.
  template <class Ring>
  void commit(std::size_t m, Ring&& ring) noexcept {
    SLUICE_ASSERT(m <= claimed_);
    if (m > claimed_) m = claimed_;
    const std::size_t all = ring_type::granules_of(claimed_), some = ring_type::granules_of(m);
    if (some != all) {
      const word rest = ring_.after(here_, static_cast<word>(some));
      const word frame = ring_.frame_word(ring_.lap_of(rest), (all - some) * bytes_granule, ring_type::state::skip);
      ring_.at(ring_.index_of(rest)).store(frame, P::template order<site::bytes_rest>);  // (P4)
    }
    ready_ = true;
    publish(m, ring_type::state::message, ring);
  }
  template <class Ring>
  void abandon(Ring&& ring) noexcept {
    ready_ = true;
    publish(claimed_, ring_type::state::skip, ring);  // wakes the reader, who makes room of it
  }

 private:
  using seen = typename ring_type::seen;
  enum class room : std::uint8_t { here, at_start, none };

  [[nodiscard]] crowd<P>& mine() const noexcept { return ring_.shared().producers; }
  [[nodiscard]] crowd<P>& theirs() const noexcept { return ring_.shared().consumers; }

  error claim(std::size_t n) noexcept {
    if (!ready_) [[unlikely]] return error(attached() ? errc::busy : errc::forked, step::push);
    if (n > ring_.capacity()) [[unlikely]] return error(errc::too_big, step::push);
    if (base::any_news()) [[unlikely]] {
      if (const error e = base::look_at_news()) return e;
    }
    const word k = static_cast<word>(ring_type::granules_of(n));
    for (word tries = 256 + ring_.granules(); tries != 0; --tries) {
      word t = 0, head = 0;
      if (!ring_.load_tail(t)) [[unlikely]] return error(errc::corrupt, step::push, subject::cursor);
      word frame = ring_.load_frame(t);
      if (const seen s = ring_.read(frame, t); s.what != seen::nothing) [[unlikely]] {
        if (const error e = help(s, t)) return e;
        continue;
      }
      room where = room_for(k, t);
      if (where == room::none) [[unlikely]] {
        if (!ring_.load_head(head)) return error(errc::corrupt, step::push, subject::cursor);
        if (std::exchange(head_, head) != head) continue;
        word at = head;
        const seen first = ring_.pass_all(at, t);
        if (at != t || !all_free(t)) {
          if (first.what == seen::nothing && ring_.load_head(head) && head != head_) continue;  // it has passed us
          return why_no_room(first, t);
        }
        where = k <= to_end(t) ? room::here : room::at_start;
      }
      const bool pad = where == room::at_start;
      const word lap = ring_.lap_of(t), length = pad ? to_end(t) : k;
      const word record = pad ? ring_.frame_word(lap, static_cast<std::size_t>(length) * bytes_granule, ring_type::state::skip)
                              : ring_.frame_word(lap, n, ring_type::state::claimed, seat_);
      if (!ring_.at(ring_.index_of(t)).compare_exchange_strong(frame, record, P::template order<site::bytes_claim>,
                                                               P::template order<site::bytes_lost>))  // (P2)
        continue;
      ring_.move_tail(t, length);
      if (!pad) return here_ = t, error();
    }
    return error(errc::pending, step::push);
  }
  // The place at t has been claimed already.
  SLUICE_NOINLINE() error help(const seen& s, word t) const noexcept {
    word tail = t;
    if (s.what == seen::later) (void)ring_.load_tail(tail);
    else if (s.what != seen::corrupt) return ring_.move_tail(t, s.granules), error();
    return tail != t ? error() : error(errc::corrupt, step::push, subject::stamp);
  }
  [[nodiscard]] SLUICE_INLINE() word to_end(word t) const noexcept { return ring_.granules() - ring_.index_of(t); }
  // Where are k granules free when t is the tail, by the head that was seen last?
  [[nodiscard]] SLUICE_INLINE() room room_for(word k, word t) const noexcept {
    const word laps = ring_.lap_of(t) - ring_.lap_of(head_), h = ring_.index_of(head_), i = ring_.index_of(t);
    if (laps == 0 && h <= i) return k <= to_end(t) ? room::here : k <= h ? room::at_start : room::none;
    return laps == ring_.one_lap() && i < h && k <= h - i ? room::here : room::none;
  }
  // Where nothing is to be read between head_ and t: is the whole area free, from its start?
  [[nodiscard]] bool all_free(word t) const noexcept {
    const word laps = ring_.lap_of(t) - ring_.lap_of(head_);
    return laps == 0 || (laps == ring_.one_lap() && ring_.index_of(t) == 0);
  }
  // `first` is what stands between head_ and t. head_ was loaded before t, and t is the tail.
  SLUICE_COLD() error why_no_room(const seen& first, word t) const noexcept {
    const word laps = ring_.lap_of(t) - ring_.lap_of(head_);
    if (laps > 2 * ring_.one_lap() || (laps == 0 && ring_.index_of(head_) > ring_.index_of(t)))
      return error(errc::corrupt, step::push, subject::cursor);
    if (first.what == seen::message) return error(errc::full, step::push);
    const error held(errc::pending, step::push);
    return first.what == seen::claimed ? held.by(first.owner) : held;
  }
  template <class Ring>
  SLUICE_INLINE() void publish(std::size_t size, word state, Ring&& ring) noexcept {
    const word frame = ring_.frame_word(ring_.lap_of(here_), size, state);
    ring_.at(ring_.index_of(here_)).store(frame, P::template order<site::bytes_publish>);  // (P5)
    P::light_fence();
    if (const auto sleepers = theirs().asleep()) [[unlikely]] theirs().wake_one(sleepers, ring);
  }

  ring_type ring_;
  word here_ = 0;            // the position of the claim
  word head_ = 0;            // as it was when last looked
  std::size_t claimed_ = 0;  // bytes of the claim that is out
  unsigned seat_ = 0;
  bool ready_ = false;       // attached, and no claim is out
};

/// The one side that messages come out of.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: empty; pending (the next message is not there yet: `who`); too_big, busy, forked as in the ring of one
/// producer; closed, peer_died (no producer is left); corrupt (a word that no correct peer writes).
template <class P = native_memory>
class bytes_crowd_consumer : public detail::crowd_side<bytes_crowd_consumer<P>, P>,
                             public detail::bytes_reader<bytes_crowd_consumer<P>, bytes_crowd_ring<P>> {
  using reader = detail::bytes_reader<bytes_crowd_consumer<P>, bytes_crowd_ring<P>>;
  using base = detail::crowd_side<bytes_crowd_consumer, P>;
  friend base;
  friend reader;
  using typename reader::word;
  using reader::cursor_, reader::found_, reader::ring_, reader::size_;

 public:
  using typename reader::ring_type;

  /// Continues at the head that the last consumer stored. The caller owns the slot of that number.
  status attach(const ring_type& r, unsigned seat) noexcept {
    bytes_crowd_consumer fresh;
    if (!r.load_head(fresh.head_)) return error(errc::corrupt, step::join, subject::cursor);
    fresh.cursor_ = fresh.head_;
    fresh.leave_what_was_told(r.shared().producers);
    fresh.ring_ = r;
    fresh.seat_ = seat;
    *this = fresh;
    return {};
  }
  void detach() noexcept { *this = {}; }
  [[nodiscard]] unsigned seat() const noexcept { return seat_; }
  template <class Ring>
  void end(phase how, Ring&& ring) noexcept {
    mine().end(seat_, how);
    theirs().wake_all(ring);
  }

 private:
  using seen = typename ring_type::seen;

  [[nodiscard]] crowd<P>& mine() const noexcept { return ring_.shared().consumers; }
  [[nodiscard]] crowd<P>& theirs() const noexcept { return ring_.shared().producers; }

  template <class Ring>
  SLUICE_INLINE() error find(Ring&& ring) noexcept {
    const seen s = ring_.look(cursor_);
    return s.what == seen::message ? found(s) : find_behind(s, ring);
  }
  SLUICE_INLINE() error found(const seen& s) noexcept {
    size_ = static_cast<std::size_t>(s.size);
    found_ = true;
    return {};
  }
  template <class Ring>
  SLUICE_NOINLINE() error find_behind(seen s, Ring&& ring) noexcept {
    for (word steps = 0; steps < 2 * ring_.granules() + 4; ++steps, s = ring_.look(cursor_)) {
      if (s.what == seen::message) return found(s);
      if (s.what == seen::later && ring_.lap_of(cursor_) != ring_.lap_of(head_)) break;
      if (ring_.pass(s, cursor_)) continue;
      if (s.what != seen::nothing && s.what != seen::claimed) break;
      if (cursor_ != head_) publish_head(ring);  // skips with nothing behind them yet: a producer may need their room
      if (s.what == seen::claimed) return error(errc::pending, step::pop).by(s.owner);
      const error e = base::nothing_there([&]() -> error {
        return ring_.look(cursor_).what == seen::nothing ? error(errc::empty) : error();
      });
      if (e) return e;
    }
    return error(errc::corrupt, step::pop, subject::stamp);
  }
  template <class Ring>
  SLUICE_INLINE() void publish_head(Ring&& ring) noexcept {
    ring_.sweep(head_, cursor_);  // (C3)
    head_ = cursor_;
    ring_.shared().head.store(cursor_, P::template order<site::bytes_consume>);  // (C4)
    theirs().wake_all(ring);
  }

  word head_ = 0;  // as this side stored it last
  unsigned seat_ = 0;
};

}  // namespace sluice

#endif
