// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_RING_KIND_HPP
#define SLUICE_CHANNEL_RING_KIND_HPP

#include <sluice/core/end_traits.hpp>
#include <sluice/memory/membership.hpp>
#include <sluice/ring/spsc_layout.hpp>

namespace sluice {

/// One producer, one consumer; first in, first out: channel/spsc_kind.hpp. Other kinds have headers of their own, too.
struct spsc {};

/// What the channel floor must know of a kind of ring.
template <class Kind>
struct ring_kind;

namespace detail {

/// The kinds with one producer and one consumer, each in its slot.
template <region_kind Id>
struct pair_kind {
  static constexpr region_kind in_region = Id;
  static constexpr std::uint32_t participants = 2, most_participants = max_participants;
  static constexpr unsigned producer_slot = static_cast<unsigned>(spsc_slot::producer);
  static constexpr unsigned consumer_slot = static_cast<unsigned>(spsc_slot::consumer);
  static constexpr slot_range producers = producer_slot, consumers = consumer_slot;

  /// Repairs what the dead owner of a slot left in the ring: its session has ended, and nothing else is open.
  template <class AnyRing, class Ring>
  static recovery heal(const AnyRing& r, unsigned slot, Ring&&) noexcept {
    (slot == producer_slot ? r.shared().producer : r.shared().consumer).end(phase::died);
    return {.peers = 1};
  }
};

template <class Kind>
constexpr std::size_t default_capacity() noexcept {
  if constexpr (requires { ring_kind<Kind>::default_capacity; }) return ring_kind<Kind>::default_capacity;
  else return 1024;
}
/// How long somebody within a process may sleep without a look of its own, for whom a kind has no wake-up in some case.
template <class Kind>
constexpr std::int64_t longest_sleep() noexcept {
  if constexpr (requires { ring_kind<Kind>::longest_sleep; }) return ring_kind<Kind>::longest_sleep;
  else return never;
}
/// What is true of an end by its home, as far as its kind keeps it.
template <class Kind>
constexpr end_traits traits_of_kind(end_traits t) noexcept {
  if constexpr (requires { ring_kind<Kind>::reliable; }) t.reliable = t.reliable && ring_kind<Kind>::reliable;
  if constexpr (requires { ring_kind<Kind>::sees_reader_go; }) t.sees_reader_go = ring_kind<Kind>::sees_reader_go;
  if constexpr (requires { ring_kind<Kind>::max_size; }) t.max_size = ring_kind<Kind>::max_size;
  return t;
}

}  // namespace detail

/// A kind of channel.
template <class K>
concept channel_kind = requires { ring_kind<K>::in_region; };

namespace detail {

template <class K>
struct unmet_kind {
  static_assert(channel_kind<K>, "channel_kind: a tag such as spsc, mpsc, spmc, mpmc, lanes, broadcast or latest is wanted");
};

}  // namespace detail

}  // namespace sluice

#endif
