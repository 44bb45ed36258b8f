// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_BROADCAST_HPP
#define SLUICE_CHANNEL_BROADCAST_HPP

#include <sluice/channel/ring_kind.hpp>
#include <sluice/ring/broadcast.hpp>
#include <sluice/ring/latest.hpp>
#include <sluice/ring/lossy.hpp>

namespace sluice {

/// One producer, any number of readers, each message to every reader. The producer waits for the slowest reader that
/// lives; where there is none, the ring keeps the last messages for who joins later.
struct broadcast {};
/// One producer, any number of readers, each message to every reader that comes in time: the producer waits for nobody,
/// and overwrites the oldest message. A reader that has missed some gets `lagged` with their number, and goes on.
struct lossy_broadcast {};
/// One producer, any number of readers; each gets the newest value, once, and never what has been replaced by a newer
/// one. The capacity is how many values may be pushed while a reader copies one. The default is few.
struct latest {};

namespace detail {

/// The kinds with one producer, in slot 0, whose every message is for every reader. A reader writes no message; one
/// that may miss some need write nothing, since nobody waits for it.
template <region_kind Id, bool Reliable>
struct audience_kind {
  static constexpr rights least_rights_to_read = Reliable ? rights::payload_read_only : rights::read_only;
  static constexpr region_kind in_region = Id;
  static constexpr bool reliable = Reliable;
  static constexpr bool sees_reader_go = false;  // whoever comes later may still want it
  static constexpr std::uint32_t participants = 16, most_participants = crowd<>::most;
  static constexpr slot_range producers = speaker_slot;
  static constexpr slot_range consumers = slot_range(first_reader_slot, crowd<>::most - 1);

  /// Repairs what the dead owner of a slot left in the ring, and wakes whoever may have waited for it.
  template <class AnyRing, class Ring>
  static recovery heal(const AnyRing& r, unsigned slot, Ring&& ring) noexcept {
    r.shared().hall.heal(slot, ring);
    return {.peers = 1};
  }
};

}  // namespace detail

template <>
struct ring_kind<latest> : detail::audience_kind<region_kind::latest, false> {
  template <class T, class P>
  using ring = latest_ring<T, P>;
  template <class T, class P>
  using producer = latest_producer<T, P>;
  template <class T, class P>
  using consumer = latest_consumer<T, P>;
  static constexpr std::size_t default_capacity = 3;
};

template <>
struct ring_kind<broadcast> : detail::audience_kind<region_kind::broadcast, true> {
  template <class T, class P>
  using ring = broadcast_ring<T, P>;
  template <class T, class P>
  using producer = broadcast_producer<T, P>;
  template <class T, class P>
  using consumer = broadcast_consumer<T, P>;

  /// The same; and a dead reader holds the producer no more.
  template <class T, class P, class Ring>
  static recovery heal(const broadcast_ring<T, P>& r, unsigned slot, Ring&& ring) noexcept {
    if (slot != speaker_slot && slot < crowd<P>::most) r.dismiss(slot);
    auto& hall = r.shared().hall;
    hall.heal(slot, ring);
    hall.producer.doorstep().wake(ring);
    return {.peers = 1};
  }
};

template <>
struct ring_kind<lossy_broadcast> : detail::audience_kind<region_kind::lossy_broadcast, false> {
  template <class T, class P>
  using ring = lossy_ring<T, P>;
  template <class T, class P>
  using producer = lossy_producer<T, P>;
  template <class T, class P>
  using consumer = lossy_consumer<T, P>;
};

}  // namespace sluice

#endif
