// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_RING_KIND_HPP
#define SLUICE_CHANNEL_RING_KIND_HPP

#include <sluice/memory/region_format.hpp>
#include <sluice/ring/spsc.hpp>

namespace sluice {

/// One producer, one consumer; first in, first out.
struct spsc {};

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
  static constexpr std::uint32_t participants = 2;
  static constexpr unsigned producer_slot = static_cast<unsigned>(spsc_slot::producer);
  static constexpr unsigned consumer_slot = static_cast<unsigned>(spsc_slot::consumer);

  /// Repairs what the dead owner of a slot left in the ring at `body`: its session has ended, and nothing else is open.
  template <class P>
  static void heal(std::byte* body, unsigned slot) noexcept {
    auto& shared = *std::launder(reinterpret_cast<spsc_control<P>*>(body));
    (slot == producer_slot ? shared.producer : shared.consumer).end(phase::died);
  }
};

/// A kind of channel.
template <class K>
concept channel_kind = requires { ring_kind<K>::in_region; };

}  // namespace sluice

#endif
