// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_CROWDS_HPP
#define SLUICE_CHANNEL_CROWDS_HPP

#include <sluice/channel/ring_kind.hpp>
#include <sluice/ring/ordered_consumer.hpp>
#include <sluice/ring/ordered_producer.hpp>

namespace sluice {

/// Many producers, one consumer; one order for all messages.
struct mpsc {};
/// One producer, many consumers, each message to one of them.
struct spmc {};
/// Many producers, many consumers, each message to one of them; one order for all messages.
struct mpmc {};

namespace detail {

/// The kinds with several producers or consumers. A side of one has slot 0; a side of many has all the others, or any.
template <region_kind Id, bool ManyProducers, bool ManyConsumers>
struct crowd_kind {
  static constexpr region_kind in_region = Id;
  static constexpr std::uint32_t participants = 16, most_participants = crowd<>::most;
  static constexpr slot_range side(bool many, bool others_many) noexcept {
    return many ? slot_range(others_many ? 0 : 1, crowd<>::most - 1) : slot_range(0);
  }
  static constexpr slot_range producers = side(ManyProducers, ManyConsumers), consumers = side(ManyConsumers, ManyProducers);

  /// Repairs what the dead owner of a slot left in the ring, and wakes whoever may have waited for it.
  template <class AnyRing, class Ring, class... AfterDeath>
  static recovery heal(const AnyRing& r, unsigned slot, Ring&& ring, AfterDeath... after_death) noexcept {
    auto& shared = r.shared();
    const recovery found = r.heal(slot, after_death...);
    shared.producers.end(slot, phase::died);
    shared.consumers.end(slot, phase::died);
    shared.producers.wake_all(ring);
    shared.consumers.wake_all(ring);
    return found;
  }
};

/// Those whose consumers may find messages that the dead had begun to take.
template <region_kind Id, bool ManyProducers, bool ManyConsumers>
struct orphaning_kind : crowd_kind<Id, ManyProducers, ManyConsumers> {
  /// Who is told `pending` at the end, because a fellow still holds a message, is not woken when that one is popped.
  static constexpr std::int64_t longest_sleep = 20'000'000;
  static constexpr bool has_orphans = true;
};

/// Those that share one ordered ring.
template <region_kind Id, bool ManyProducers, bool ManyConsumers>
struct ordered_kind : orphaning_kind<Id, ManyProducers, ManyConsumers> {
  template <class T, class P>
  using ring = ordered_ring<T, P>;
  template <class T, class P>
  using producer = ordered_producer<T, ManyProducers, P>;
  template <class T, class P>
  using consumer = ordered_consumer<T, ManyConsumers, P>;
};

}  // namespace detail

template <>
struct ring_kind<mpsc> : detail::ordered_kind<region_kind::mpsc, true, false> {};
template <>
struct ring_kind<spmc> : detail::ordered_kind<region_kind::spmc, false, true> {};
template <>
struct ring_kind<mpmc> : detail::ordered_kind<region_kind::mpmc, true, true> {};

}  // namespace sluice

#endif
