// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_LANES_HPP
#define SLUICE_RING_LANES_HPP

#include <sluice/ring/lanes_layout.hpp>
#include <sluice/ring/spsc_lane.hpp>

#include <bit>
#include <concepts>
#include <span>

// The two sides of a fan-in over lanes: each producer is the writer of one, the consumer the reader of all. What they
// do, and why it survives a kill anywhere, is in lanes_layout.hpp and spsc_lane.hpp.

namespace sluice {

/// A side that items go into.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: full (its own lane), closed, peer_died, busy (a claim is out), corrupt (an impossible head), forked
/// (detached).
template <class T, unsigned N, class P = native_memory>
class lanes_producer {
 public:
  using ring_type = lanes_ring<T, N, P>;

  /// Continues where the stamps say that the last producer at this slot ended. The caller owns the slot.
  status attach(const ring_type& r, unsigned slot) noexcept {
    const auto lane = r.at(ring_type::lane_of(slot));
    if (status s = writer_.attach(lane); !s) return s;
    lane_ = lane;
    ring_ = r;
    slot_ = slot;
    seen_ = theirs().read();  // a consumer that has ended before we came is not our peer
    return {};
  }
  void detach() noexcept { *this = {}; }
  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring_); }
  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }
  /// Counts a refusal; true now and then, when it is time to ask whether the others still live.
  [[nodiscard]] bool suspicious() noexcept { return ++refusals_ % 1024 == 0; }

  void begin() noexcept { mine().begin(slot_); }
  /// Ends the session and tells the consumer. A place that is out was never seen by anybody.
  template <class Ring>
  void end(phase how, Ring&& ring) noexcept {
    mine().end(slot_, how);
    wake(ring);
  }

  template <class U = T, class Ring>
    requires std::convertible_to<U&&, T>
  SLUICE_INLINE() status try_push(U&& value, Ring&& ring) {
    if (const error e = admit()) [[unlikely]] return e;
    writer_.push(lane_, std::forward<U>(value));
    wake(ring);
    return {};
  }
  /// Pushes as many of `values` as there is room for, at least one; the items of one block become visible together.
  template <std::same_as<std::span<const T>> Batch, class Ring>
    requires detail::copies_as_bytes<T>
  result<std::size_t> try_push(Batch values, Ring&& ring) {
    if (values.empty()) return std::size_t{0};
    if (const error e = admit()) [[unlikely]] return e;
    std::size_t done = 0;
    do done += writer_.push(lane_, values.data() + done, values.size() - done);
    while (done != values.size() && !refill());
    wake(ring);
    return done;
  }
  /// The next place, raw: build an item there, then commit() it or abandon() the place. One claim at a time.
  result<T*> try_claim() noexcept {
    if (const error e = admit()) [[unlikely]] return e.during(step::claim);
    return writer_.claim();
  }
  template <class Ring>
  void commit(Ring&& ring) noexcept {
    writer_.commit(lane_);
    wake(ring);
  }
  template <class Ring>
  void abandon(Ring&&) noexcept {
    writer_.abandon();
  }

  /// (W0) Returns the value to sleep on at doorstep(). The caller owes the heavy fence.
  std::uint32_t arm() noexcept { return mine().arm(slot_); }
  [[nodiscard]] gate<P>& doorstep() noexcept { return mine().doorstep(slot_); }
  template <class Ring>
  void disarm(Ring&&) noexcept {
    (void)mine().disarm(slot_);  // a wake-up for the room in this lane is no use to anybody else
  }

 private:
  [[nodiscard]] crowd<P>& mine() const noexcept { return ring_.shared().producers; }
  [[nodiscard]] role<P>& theirs() const noexcept { return ring_.shared().consumer; }

  SLUICE_INLINE() error admit() noexcept {
    if (!writer_.has_room()) [[unlikely]] {
      if (const error e = refill()) return e;
    }
    if (theirs().peek() != seen_) [[unlikely]] return look_at_consumer();
    return {};
  }
  SLUICE_NOINLINE() error refill() noexcept {
    const error e = writer_.refill(lane_);
    if (e != errc::full) return e;
    const error end = look_at_consumer();
    return end ? end : e;
  }
  SLUICE_COLD() error look_at_consumer() noexcept {
    const role_view there = theirs().read();
    if (there == seen_) return {};
    if (const errc why = there.verdict(ring_.persistent()); why != errc::ok) return error(why, step::push).by(ring_type::consumer_slot);
    seen_ = there;
    return {};
  }
  template <class Ring>
  SLUICE_INLINE() void wake(Ring&& ring) noexcept {
    theirs().doorstep().wake(ring);
  }

  detail::spsc_writer<T, P> writer_;
  role_view seen_;  // the consumer's role word that has been looked into
  std::uint32_t refusals_ = 0;
  typename ring_type::lane lane_;
  ring_type ring_;
  unsigned slot_ = 0;
};

/// The side that items come out of.
///
/// It goes round the lanes, and stays at one for at most `turn` messages while others have some. A lane in which a peer
/// has written nonsense is reported when no other has a message; the rest of the lanes stay in use.
///
/// Threads: one at a time. Progress: wait-free. Blocks: never. Allocates: never.
/// Errors: empty; closed, peer_died (no producer is left, and nothing is left to pop); busy (a loan is out); corrupt
/// (an impossible stamp; `who`); forked (detached).
template <class T, unsigned N, class P = native_memory>
class lanes_consumer {
 public:
  using ring_type = lanes_ring<T, N, P>;
  static constexpr unsigned turn = 16;

  /// Continues at the heads that the last consumer stored. The caller holds the consumer role.
  status attach(const ring_type& r, unsigned = 0) noexcept {
    for (unsigned k = 0; k < N; ++k) {
      lanes_[k].lane = r.at(k);
      if (status s = lanes_[k].reader.attach(lanes_[k].lane); !s) return detach(), s.err().by(ring_type::slot_of(k));
    }
    ring_ = r;
    told_before_ = theirs().told();
    seen_ = theirs().news() - 1;  // look into them before anything else
    return {};
  }
  void detach() noexcept { *this = {}; }
  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring_); }
  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }
  /// Counts a refusal; true now and then, when it is time to ask whether the others still live.
  [[nodiscard]] bool suspicious() noexcept { return ++refusals_ % 1024 == 0; }

  void begin() noexcept { mine().begin(); }
  /// Ends the session and tells whoever waits.
  template <class Ring>
  void end(phase how, Ring&& ring) noexcept {
    mine().end(how);
    theirs().wake_all(ring);
  }

  template <class Ring>
  SLUICE_INLINE() result<T> try_pop(Ring&& ring) noexcept {
    if (const error e = find_item()) [[unlikely]] return e;
    result<T> taken = here().reader.take(here().lane);
    left_ -= 1;
    wake(ring);
    return taken;
  }
  /// Pops as many as there are and fit into `to`, at least one. Those of one turn at a lane are taken together.
  template <class Ring>
    requires detail::copies_as_bytes<T>
  result<std::size_t> try_pop(std::span<T> to, Ring&& ring) noexcept {
    if (to.empty()) return std::size_t{0};
    if (const error e = find_item()) [[unlikely]] return e;
    std::size_t done = 0;
    do {
      const std::size_t rest = to.size() - done;
      const std::size_t n = here().reader.take(here().lane, to.data() + done, rest < left_ ? rest : std::size_t{left_});
      left_ -= static_cast<unsigned>(n);
      done += n;
      wake(ring);
    } while (done != to.size() && next_lane() == errc::ok);
    return done;
  }
  /// The next item in place: then either consume_loan() or keep_loan(). One loan at a time.
  result<T*> try_borrow() noexcept {
    if (const error e = find_item()) [[unlikely]] return e.during(step::borrow);
    return here().reader.lend();
  }
  template <class Ring>
  void consume_loan(Ring&& ring) noexcept {
    here().reader.consume(here().lane);
    left_ -= 1;
    wake(ring);
  }
  template <class Ring>
  void keep_loan(Ring&&) noexcept {
    here().reader.keep();
  }

  /// (W1) Returns the value to sleep on at doorstep(). The caller owes the heavy fence (W2).
  std::uint32_t arm() noexcept { return doorstep().arm(gate<P>::asleep); }
  [[nodiscard]] gate<P>& doorstep() noexcept { return mine().doorstep(); }
  template <class Ring>
  void disarm(Ring&&) noexcept {
    doorstep().disarm();
  }

 private:
  struct place {
    detail::spsc_reader<T, P> reader;
    typename ring_type::lane lane;
  };
  [[nodiscard]] role<P>& mine() const noexcept { return ring_.shared().consumer; }
  [[nodiscard]] crowd<P>& theirs() const noexcept { return ring_.shared().producers; }
  [[nodiscard]] SLUICE_INLINE() place& here() noexcept { return lanes_[at_]; }
  static constexpr std::uint64_t bit(unsigned k) noexcept { return std::uint64_t{1} << k; }

  SLUICE_INLINE() error find_item() noexcept {
    if (left_ != 0 && here().reader.find() == errc::ok) [[likely]] return {};
    return find_elsewhere();
  }
  SLUICE_NOINLINE() error find_elsewhere() noexcept {
    const errc at_hand = here().reader.find();
    if (at_hand == errc::busy || at_hand == errc::forked) return error(at_hand, step::pop);
    const errc e = next_lane();
    return e == errc::ok ? error() : why_not(e);
  }
  // Goes to the next lane that has an item, the present one last. corrupt if none has and one holds nonsense.
  SLUICE_INLINE() errc next_lane() noexcept {
    if (theirs().news() != seen_) [[unlikely]] look_at_producers();
    errc none = errc::empty;
    const std::uint64_t behind = active_ & (~std::uint64_t{0} << at_ << 1);
    for (std::uint64_t part : {behind, active_ & ~behind}) {
      for (; part != 0; part &= part - 1) {
        const auto k = static_cast<unsigned>(std::countr_zero(part));
        const errc e = lanes_[k].reader.find();
        if (e == errc::ok) return at_ = k, left_ = turn, e;
        if (e == errc::corrupt) none = e, bad_ = k;
      }
    }
    return none;
  }
  // Which lanes may have an item before the next news. The news and the seat come first, and then the lane (E2): what a
  // producer has pushed before it ended is there.
  SLUICE_COLD() void look_at_producers() noexcept {
    const crowd_view they = theirs().look();
    std::uint64_t active = 0;
    for (unsigned k = 0; k < N; ++k)
      if (theirs().read(ring_type::slot_of(k)).now() == phase::live || lanes_[k].reader.find() != errc::empty) active |= bit(k);
    active_ = active;
    seen_ = they.news;
    ended_ = they.verdict(ring_.persistent());
    last_ = they.seat();
  }
  SLUICE_COLD() error why_not(errc e) noexcept {
    if (e == errc::corrupt) return error(e, step::pop, subject::stamp).by(ring_type::slot_of(bad_));
    if (ended_ == errc::ok || seen_ == told_before_) return error(errc::empty, step::pop);
    if (theirs().told() != seen_) theirs().tell(seen_);
    return error(ended_, step::pop).by(last_);
  }
  template <class Ring>
  SLUICE_INLINE() void wake(Ring&& ring) noexcept {
    P::light_fence();
    const std::uint64_t waiting = theirs().asleep() & bit(ring_type::slot_of(at_));
    if (waiting != 0) [[unlikely]] theirs().wake_one(waiting, ring);
  }

  unsigned at_ = 0;                // the lane whose turn it is
  unsigned left_ = 0;              // messages of this turn
  std::uint64_t active_ = 0;       // the lanes that may have an item
  std::uint32_t seen_ = 0;         // the news of the producers that have been looked into
  std::uint32_t told_before_ = 0;  // the end that a predecessor was told of
  errc ended_ = errc::ok;          // what these news mean when all lanes are empty
  unsigned last_ = 0;              // whose end they are
  unsigned bad_ = 0;
  std::uint32_t refusals_ = 0;
  ring_type ring_;
  place lanes_[N] = {};
};

}  // namespace sluice

#endif
