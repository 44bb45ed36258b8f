// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_CROWDS_HPP
#define SLUICE_CHANNEL_CROWDS_HPP

#include <sluice/channel/ring_kind.hpp>
#include <sluice/ring/ordered.hpp>

namespace sluice {

/// Many producers, one consumer; one order for all messages.
struct mpsc {};
/// One producer, many consumers, each message to one of them.
struct spmc {};
/// Many producers, many consumers, each message to one of them; one order for all messages.
struct mpmc {};

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
  /// Who is told `pending` at the end, because a fellow still holds a message, is not woken when that one is popped.
  static constexpr std::int64_t longest_sleep = 20'000'000;
  static constexpr bool has_orphans = true;
  static constexpr slot_range side(bool many, bool others_many) noexcept {
    return many ? slot_range(others_many ? 0 : 1, crowd<>::most - 1) : slot_range(0);
  }
  static constexpr slot_range producers = side(ManyProducers, ManyConsumers), consumers = side(ManyConsumers, ManyProducers);

  /// Repairs what the dead owner of a slot left in the ring, and wakes whoever may have waited for it.
  template <class T, class P, class Ring>
  static recovery heal(const ordered_ring<T, P>& r, unsigned slot, Ring&& ring, orphans after_death = orphans::redeliver) noexcept {
    auto& shared = r.shared();
    const recovery found = r.heal(slot, after_death);
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

}  // namespace sluice

#endif
