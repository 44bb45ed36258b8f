// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_BYTES_HPP
#define SLUICE_RING_BYTES_HPP

#include <sluice/ring/bytes_reader.hpp>
#include <sluice/ring/spsc_session.hpp>

// The two sides of the ring of messages of any length. As those of the spsc ring they are private to their owner and
// hold nothing that a successor would miss; all-zero sides are detached; `ring` is called after the publication.

namespace sluice {

/// The side that messages go into.
///
/// A message of n bytes takes max(1, ceil(n / 64)) granules, in one piece. It goes in if so many are free behind the
/// last one, or from the start of the area; the granules then left out at the end are taken until the reader has passed
/// them. So every message up to the capacity fits once all before it are consumed.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: full, too_big (for this ring, now and ever), closed, peer_died, busy (a claim is out), corrupt (the peer
/// wrote an impossible head), forked (detached).
template <class P = native_memory>
class bytes_producer : public detail::spsc_session<bytes_producer<P>, P> {
  using words = bytes_words<P>;
  using word = typename P::word;

 public:
  using ring_type = bytes_ring<P>;

  /// Continues where the frames say that the last producer ended. The caller holds the producer role.
  status attach(const ring_type& r, unsigned = 0) noexcept {
    word head = 0;
    if (!r.load_head(head)) return error(errc::corrupt, step::join, subject::cursor);
    const auto found = r.walk(head);
    if (!found.sound) return error(errc::corrupt, step::join, subject::stamp);
    bytes_producer fresh;
    fresh.ring_ = r;
    fresh.tail_ = found.tail;
    fresh.padding_ = found.padding;
    fresh.bare_ = found.messages == 0 && found.padding != found.tail;
    fresh.head_ = words::index_of(head);
    fresh.seen_ = r.shared().consumer.read();  // a consumer that has ended before we came is not our peer
    *this = fresh;
    return {};
  }
  void detach() noexcept { *this = {}; }
  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring_); }
  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }
  [[nodiscard]] role<P>& mine() const noexcept { return ring_.shared().producer; }
  [[nodiscard]] role<P>& theirs() const noexcept { return ring_.shared().consumer; }
  /// Counts a refusal; true now and then, when it is time to ask whether the other side still lives.
  [[nodiscard]] bool suspicious() noexcept { return ++refusals_ % 256 == 0; }

  template <class Ring>
  status try_push(std::span<const std::byte> message, Ring&& ring) noexcept {
    if (const error e = admit(message.size())) [[unlikely]] return e;
    if (!message.empty()) P::copy_out(ring_.place(words::index_of(start())), message.data(), message.size());
    publish(message.size(), ring);
    return {};
  }
  /// A place for n bytes, raw: write there, then commit() it or abandon() the place. One claim at a time.
  result<std::span<std::byte>> try_claim(std::size_t n) noexcept {
    if (const error e = admit(n)) [[unlikely]] return e.during(step::claim);
    held_ = room_;
    room_ = 0;  // so that a push meanwhile ends in make_room(), which says busy
    claimed_ = n;
    return std::span<std::byte>(ring_.place(words::index_of(start())), n);
  }
  /// Publishes the first m bytes of the place that was claimed, all of them at most; the rest goes back.
  template <class Ring>
  void commit(std::size_t m, Ring&& ring) noexcept {
    SLUICE_ASSERT(m <= claimed_);
    room_ = held_;
    held_ = 0;
    publish(m < claimed_ ? m : claimed_, ring);
  }
  template <class Ring>
  void abandon(Ring&&) noexcept {
    room_ = wraps_ ? 0 : held_;  // a smaller message than this one may need no padding
    wraps_ = false;
    held_ = 0;
  }

 private:
  // Where the next message begins.
  [[nodiscard]] word start() const noexcept { return wraps_ ? ring_type::start_of_next_lap(tail_) : tail_; }

  SLUICE_INLINE() error admit(std::size_t n) noexcept {
    const std::size_t k = ring_type::granules_of(n);
    if (k > room_) [[unlikely]] {
      if (const error e = make_room(k)) return e;
    }
    if (theirs().peek() != seen_) [[unlikely]] return look_at_consumer();
    return {};
  }
  // Room for k granules in one piece, according to the consumer's head (P1).
  SLUICE_NOINLINE() error make_room(std::size_t k) noexcept {
    if (!attached()) return error(errc::forked, step::push);
    if (held_ != 0) return error(errc::busy, step::push);
    const word whole = ring_.granules();
    if (k > whole) return error(errc::too_big, step::push);
    word head = 0;
    if (!ring_.load_head(head) || !ring_.possible(head, tail_, padding_))
      return error(errc::corrupt, step::push, subject::cursor);
    head_ = words::index_of(head);
    const word t = words::index_of(tail_), laps = (words::lap_of(tail_) - words::lap_of(head)) & words::lap_mask;
    const bool idle = head == tail_ || (bare_ && head == padding_);  // nothing is there that anybody will read
    word here = 0, at_start = 0;
    if (laps == 0) here = whole - t, at_start = idle ? whole : head_;
    else if (idle) here = whole;
    else if (laps == 1 && t < head_) here = head_ - t;
    wraps_ = k > here && k <= at_start;
    room_ = wraps_ ? at_start : here;
    if (k <= room_) return {};
    if (const error e = look_at_consumer()) return e;
    return error(errc::full, step::push);
  }
  template <class Ring>
  SLUICE_INLINE() void publish(std::size_t size, Ring&& ring) noexcept {
    const bool over = wraps_ || bare_;
    if (wraps_) [[unlikely]] {
      const word t = words::index_of(tail_);
      const word left_out = (ring_.granules() - t) * bytes_granule;
      const word frame = words::frame(words::lap_of(tail_), left_out, words::padding);
      ring_.at(t).store(frame, P::template order<site::bytes_pad>);  // (B1)
      padding_ = tail_;
      tail_ = start();
      wraps_ = false;
    }
    const word here = tail_, k = static_cast<word>(ring_type::granules_of(size));
    tail_ = ring_.after(here, k);
    const word t = words::index_of(tail_);
    if (t == 0) room_ = 0;
    else if (!over) room_ -= k;
    else room_ = t < head_ ? head_ - t : 0;  // this message may lie over what was left out; the next one may not
    bare_ = false;
    // The frame at head may be unread, and if it is not, it is of the lap before: no need to clear it.
    if (t != head_) ring_.at(t).store(0, P::template order<site::bytes_clear>);  // (B2)
    const word frame = words::frame(words::lap_of(here), static_cast<word>(size), words::message);
    ring_.at(words::index_of(here)).store(frame, P::template order<site::bytes_publish>);  // (B3)
    this->wake_peer(ring);
  }
  SLUICE_COLD() error look_at_consumer() noexcept {
    const role_view peer = theirs().read();
    if (peer == seen_) return {};
    if (const errc why = peer.verdict(ring_.persistent()); why != errc::ok)
      return error(why, step::push).by(static_cast<unsigned>(spsc_slot::consumer));
    seen_ = peer;
    return {};
  }

  ring_type ring_;
  word tail_ = 0;            // the end of the chain
  word room_ = 0;            // granules in one piece that may be used without another look at head
  word held_ = 0;            // the same while a claim is out
  word head_ = 0;            // the granule that head was at when last looked
  word padding_ = 0;         // where the last padding lies
  std::size_t claimed_ = 0;  // bytes of the claim that is out
  role_view seen_;           // the consumer's role word that has been looked into
  std::uint32_t refusals_ = 0;
  bool wraps_ = false;       // room_ counts from the start of the area, and padding is due before the next message
  bool bare_ = false;        // a predecessor left padding with nothing behind it
};

/// The side that messages come out of.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: empty, too_big (larger than the caller's memory: step `read`, the size in `detail`, and the message stays),
/// closed, peer_died, busy (a loan is out), corrupt (the peer wrote an impossible frame), forked (detached).
template <class P = native_memory>
class bytes_consumer : public detail::spsc_session<bytes_consumer<P>, P>,
                       public detail::bytes_reader<bytes_consumer<P>, bytes_ring<P>> {
  using base = detail::bytes_reader<bytes_consumer<P>, bytes_ring<P>>;
  friend base;
  using typename base::word;
  using base::cursor_, base::found_, base::ring_, base::size_;

 public:
  using typename base::ring_type;

  /// Continues at the head that the last consumer stored. The caller holds the consumer role.
  status attach(const ring_type& r, unsigned = 0) noexcept {
    word head = 0;
    if (!r.load_head(head)) return error(errc::corrupt, step::join, subject::cursor);
    bytes_consumer fresh;
    fresh.ring_ = r;
    fresh.cursor_ = head;
    fresh.told_before_ = r.shared().told.load(P::template order<site::spsc_told>);
    *this = fresh;
    return {};
  }
  void detach() noexcept { *this = {}; }
  [[nodiscard]] role<P>& mine() const noexcept { return ring_.shared().consumer; }
  [[nodiscard]] role<P>& theirs() const noexcept { return ring_.shared().producer; }
  /// Counts a refusal; true now and then, when it is time to ask whether the other side still lives.
  [[nodiscard]] bool suspicious() noexcept { return ++refusals_ % 256 == 0; }

 private:
  template <class Ring>
  SLUICE_INLINE() error find(Ring&& ring) noexcept {
    const errc e = look();
    return e == errc::ok ? error() : why_not(e, ring);
  }
  SLUICE_INLINE() errc look() noexcept {
    auto s = ring_.look(cursor_);
    if (s.what == ring_type::seen::padding) [[unlikely]] {
      cursor_ = ring_type::start_of_next_lap(cursor_);
      passed_ = true;
      s = ring_.look(cursor_);  // at the start of the area, where there is no padding
    }
    if (s.what != ring_type::seen::message) return s.what == ring_type::seen::nothing ? errc::empty : errc::corrupt;
    size_ = static_cast<std::size_t>(s.size);
    found_ = true;
    return errc::ok;
  }
  template <class Ring>
  SLUICE_COLD() error why_not(errc e, Ring&& ring) noexcept {
    if (e == errc::corrupt) return error(errc::corrupt, step::pop, subject::stamp);
    if (passed_) publish_head(ring);  // padding with nothing behind it yet: a producer may need its room
    const role_view peer = theirs().read();
    const errc end = peer.verdict(ring_.persistent());
    if (end == errc::ok || peer.session() == told_before_) return error(errc::empty, step::pop);
    // Published before the end that was just seen (E1, E2)?
    if (const errc again = look(); again != errc::empty)
      return again == errc::ok ? error() : error(errc::corrupt, step::pop, subject::stamp);
    ring_.shared().told.store(peer.session(), P::template order<site::spsc_told>);
    return error(end, step::pop).by(static_cast<unsigned>(spsc_slot::producer));
  }
  template <class Ring>
  SLUICE_INLINE() void publish_head(Ring&& ring) noexcept {
    passed_ = false;
    ring_.shared().head.store(cursor_, P::template order<site::bytes_consume>);  // (C3)
    this->wake_peer(ring);
  }

  bool passed_ = false;            // padding lies between head and here
  std::uint32_t told_before_ = 0;  // the end of this session was a predecessor's business
  std::uint32_t refusals_ = 0;
};

}  // namespace sluice

#endif
