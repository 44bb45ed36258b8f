// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_RING_KIND_HPP
#define SLUICE_CHANNEL_RING_KIND_HPP

#include <sluice/core/end_traits.hpp>
#include <sluice/memory/membership.hpp>
#include <sluice/ring/broadcast.hpp>
#include <sluice/ring/lanes.hpp>
#include <sluice/ring/latest.hpp>
#include <sluice/ring/lossy.hpp>
#include <sluice/ring/ordered.hpp>
#include <sluice/ring/spsc.hpp>

namespace sluice {

/// One producer, one consumer; first in, first out.
struct spsc {};
/// Many producers, one consumer; one order for all messages.
struct mpsc {};
/// One producer, many consumers, each message to one of them.
struct spmc {};
/// Many producers, many consumers, each message to one of them; one order for all messages.
struct mpmc {};

/// Many producers, up to N at a time, and one consumer: the fan-in that scales. First in, first out for each producer, and
/// no order between them. Each producer has a lane of its own with exactly the capacity asked for, so a channel takes N
/// times the memory, and `full` is said of the lane.
template <unsigned N>
struct lanes_of {};
using lanes = lanes_of<16>;
/// One producer, any number of readers, each message to every reader. The producer waits for the slowest reader that lives;
/// where there is none, the ring keeps the last messages for who joins later.
struct broadcast {};
/// One producer, any number of readers, each message to every reader that comes in time: the producer waits for nobody, and
/// overwrites the oldest message. A reader that has missed some gets `lagged` with their number, and goes on.
struct lossy_broadcast {};
/// One producer, any number of readers; each gets the newest value, once, and never what has been replaced by a newer one.
/// The capacity is how many values may be pushed while a reader copies one. The default is few.
struct latest {};

/// What the channel floor must know of a kind of ring.
template <class Kind>
struct ring_kind;

template <>
struct ring_kind<spsc> {
  template <class T, class P>
  using ring = spsc_ring<T, P>;
  template <class T, class P>
  using producer = spsc_producer<T, P>;
  template <class T, class P>
  using consumer = spsc_consumer<T, P>;

  static constexpr region_kind in_region = region_kind::spsc;
  static constexpr std::uint32_t participants = 2, most_participants = detail::max_participants;
  static constexpr unsigned producer_slot = static_cast<unsigned>(spsc_slot::producer);
  static constexpr unsigned consumer_slot = static_cast<unsigned>(spsc_slot::consumer);
  static constexpr slot_range producers = producer_slot, consumers = consumer_slot;

  /// Repairs what the dead owner of a slot left in the ring: its session has ended, and nothing else is open.
  template <class T, class P, class Ring>
  static recovery heal(const spsc_ring<T, P>& r, unsigned slot, Ring&&) noexcept {
    (slot == producer_slot ? r.shared().producer : r.shared().consumer).end(phase::died);
    return {.peers = 1};
  }
};

namespace detail {

/// The kinds that share one ordered ring. A side of one has slot 0; a side of many has all the others, or any.
template <region_kind Id, bool ManyProducers, bool ManyConsumers>
struct ordered_kind {
  template <class T, class P>
  using ring = ordered_ring<T, P>;
  template <class T, class P>
  using producer = ordered_producer<T, ManyProducers, P>;
  template <class T, class P>
  using consumer = ordered_consumer<T, ManyConsumers, P>;

  static constexpr region_kind in_region = Id;
  static constexpr std::uint32_t participants = 16, most_participants = crowd<>::most;
  static constexpr slot_range side(bool many, bool others_many) noexcept {
    return many ? slot_range(others_many ? 0 : 1, crowd<>::most - 1) : slot_range(0);
  }
  static constexpr slot_range producers = side(ManyProducers, ManyConsumers), consumers = side(ManyConsumers, ManyProducers);

  /// Repairs what the dead owner of a slot left in the ring, and wakes whoever may have waited for it.
  template <class T, class P, class Ring>
  static recovery heal(const ordered_ring<T, P>& r, unsigned slot, Ring&& ring) noexcept {
    auto& shared = r.shared();
    const recovery found = r.heal(slot);
    shared.producers.end(slot, phase::died);
    shared.consumers.end(slot, phase::died);
    shared.producers.wake_all(ring);
    shared.consumers.wake_all(ring);
    return found;
  }
};

}  // namespace detail

template <>
struct ring_kind<mpsc> : detail::ordered_kind<region_kind::mpsc, true, false> {};
template <>
struct ring_kind<spmc> : detail::ordered_kind<region_kind::spmc, false, true> {};
template <>
struct ring_kind<mpmc> : detail::ordered_kind<region_kind::mpmc, true, true> {};

namespace detail {

/// The kinds with one producer, in slot 0, whose every message is for every reader.
template <region_kind Id, bool Reliable>
struct audience_kind {
  static constexpr region_kind in_region = Id;
  static constexpr bool reliable = Reliable;
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

template <class Kind>
constexpr std::size_t default_capacity() noexcept {
  if constexpr (requires { ring_kind<Kind>::default_capacity; }) return ring_kind<Kind>::default_capacity;
  else return 1024;
}
/// What is true of an end by its home, as far as its kind keeps it.
template <class Kind>
constexpr end_traits traits_of_kind(end_traits t) noexcept {
  if constexpr (requires { ring_kind<Kind>::reliable; }) t.reliable = t.reliable && ring_kind<Kind>::reliable;
  return t;
}

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
    if (const auto kinds = hall.producer.doorstep().signal()) ring(hall.producer.doorstep(), kinds);
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

template <unsigned N>
struct ring_kind<lanes_of<N>> {
  template <class T, class P>
  using ring = lanes_ring<T, N, P>;
  template <class T, class P>
  using producer = lanes_producer<T, N, P>;
  template <class T, class P>
  using consumer = lanes_consumer<T, N, P>;

  /// Another number of lanes is another kind: it stands in the upper half, where it is not the default.
  static constexpr region_kind in_region = static_cast<region_kind>(static_cast<std::uint32_t>(region_kind::lanes) | (N == 16 ? 0u : N << 16));
  static constexpr std::uint32_t participants = N + 1, most_participants = N + 1;
  static constexpr slot_range consumers = 0u, producers = slot_range(1, N);

  /// Repairs what the dead owner of a slot left in the ring: its session has ended, and nothing else is open.
  template <class T, class P, class Ring>
  static recovery heal(const lanes_ring<T, N, P>& r, unsigned slot, Ring&& ring) noexcept {
    auto& shared = r.shared();
    if (slot != lanes_ring<T, N, P>::consumer_slot) {
      shared.producers.end(slot, phase::died);
      auto& door = shared.consumer.doorstep();
      if (const auto kinds = door.signal()) ring(door, kinds);
    } else {
      shared.consumer.end(phase::died);
      shared.producers.wake_all(ring);
    }
    return {.peers = 1};
  }
};

/// A kind of channel.
template <class K>
concept channel_kind = requires { ring_kind<K>::in_region; };

}  // namespace sluice

#endif
