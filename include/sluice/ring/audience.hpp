// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_AUDIENCE_HPP
#define SLUICE_RING_AUDIENCE_HPP

#include <sluice/core/crowd.hpp>
#include <sluice/core/result.hpp>

// What the rings with one producer and any number of readers have in common: who is there, who sleeps, and how the end
// of the producer is told. Every message is for every reader, so readers know nothing of each other, and the producer
// does not care whether there are any.

namespace sluice {

namespace site {
struct audience_told : order_site<std::memory_order_relaxed> {};  // tells at most once too often
}  // namespace site

/// The producer has slot 0 of the region, a reader one of the others, which is also its seat.
inline constexpr unsigned speaker_slot = 0, first_reader_slot = 1;
/// Of a reader that only looks on: it writes nothing that is shared, and so wakes nobody and is woken by nobody.
inline constexpr unsigned no_seat = ~0u;

/// The shared words about who is there. Threads: any.
template <class P = native_memory>
struct audience {
  alignas(apart_bytes) role<P> producer;
  typename P::template atomic<std::uint32_t> told;  // the last producer session whose end a reader was told of
  alignas(apart_bytes) crowd<P> consumers;

  /// Ends what the dead owner of a slot had begun, and wakes whoever may wait for that. The caller holds its
  /// certificate.
  template <class Ring>
  void heal(unsigned slot, Ring&& ring) noexcept {
    if (slot == speaker_slot) producer.end(phase::died);
    else if (slot < crowd<P>::most) consumers.end(slot, phase::died);
    consumers.wake_all(ring);
  }
};

namespace detail {

/// The part of a producer that is about its session; Side has ring().
template <class Side, class P>
class speaker {
 public:
  void begin() noexcept { hall().producer.begin(); }
  /// Ends the session and tells whoever waits.
  template <class Ring>
  void end(phase how, Ring&& ring) noexcept {
    hall().producer.end(how);
    hall().consumers.wake_all(ring);
  }
  /// (W1) Returns the value to sleep on at doorstep(). The caller owes the heavy fence (W2).
  std::uint32_t arm() noexcept { return doorstep().arm(gate<P>::asleep); }
  template <class Ring>
  void disarm(Ring&&) noexcept {
    doorstep().disarm();
  }
  [[nodiscard]] gate<P>& doorstep() noexcept { return hall().producer.doorstep(); }

 protected:
  /// After a publication: it is for all of those who sleep.
  template <class Ring>
  SLUICE_INLINE() void wake_readers(Ring&& ring) noexcept {
    P::light_fence();
    if (hall().consumers.asleep() != 0) [[unlikely]] hall().consumers.wake_all(ring);
  }

 private:
  [[nodiscard]] auto& hall() noexcept { return static_cast<Side&>(*this).ring().shared().hall; }
};

/// The part of a reader that is about its session; Side has ring().
template <class Side, class P>
class listener {
 public:
  [[nodiscard]] unsigned seat() const noexcept { return seat_; }
  void begin() noexcept {
    if (seat_ != no_seat) hall().consumers.begin(seat_);
  }
  /// Ends the session. Nobody waits for that.
  template <class Ring>
  void end(phase how, Ring&&) noexcept {
    if (seat_ != no_seat) hall().consumers.end(seat_, how);
  }
  /// (W0) Returns the value to sleep on at doorstep(). The caller owes the heavy fence (W2), and has a seat.
  std::uint32_t arm() noexcept { return hall().consumers.arm(seat_); }
  /// A wake-up that was spent on this reader was meant for it, and its fellows got theirs.
  template <class Ring>
  void disarm(Ring&&) noexcept {
    if (seat_ != no_seat) (void)hall().consumers.disarm(seat_);
  }
  [[nodiscard]] gate<P>& doorstep() noexcept { return hall().consumers.doorstep(seat_); }
  /// Counts a refusal; true now and then, when it is time to ask whether the other side still lives.
  [[nodiscard]] bool suspicious() noexcept { return ++refusals_ % 256 == 0; }
  /// For who can heal nobody: is the producer dead, as far as `dead(slot)`, the kernel's word, says? Its session was
  /// live before and after that, and a session has one owner, who lives as long as it: so it is this one that has died.
  template <class Dead>
  void look_for_death(Dead dead) noexcept {
    const role_view there = hall().producer.read();
    if (there.now() == phase::live && dead(speaker_slot) && hall().producer.read().word == there.word) died_ = there.session();
  }

 protected:
  void sit_down(unsigned seat) noexcept {
    seat_ = seat;
    told_before_ = hall().told.load(P::template order<site::audience_told>);
  }
  /// Nothing is there: now, or for ever? No error if `look_again`, after the end was seen, finds something (E1, E2).
  template <class LookAgain>
  [[nodiscard]] error why_nothing(LookAgain look_again) noexcept {
    auto& h = hall();
    role_view there = h.producer.read();
    if (there.now() == phase::live && there.session() == died_) there = role_view::make(died_, phase::died);
    const errc end = there.verdict(static_cast<Side&>(*this).ring().persistent());
    if (end == errc::ok || there.session() == told_before_) return error(errc::empty, step::pop);
    if (look_again()) return {};
    if (seat_ != no_seat) h.told.exchange(there.session(), P::template order<site::audience_told>);  // fellows may, too
    return error(end, step::pop).by(speaker_slot);
  }

 private:
  [[nodiscard]] auto& hall() noexcept { return static_cast<Side&>(*this).ring().shared().hall; }

  unsigned seat_ = 0;
  std::uint32_t told_before_ = 0;  // the end of this session was somebody else's business
  std::uint32_t died_ = 0;         // this session has, though nobody may have said so yet
  std::uint32_t refusals_ = 0;
};

}  // namespace detail
}  // namespace sluice

#endif
