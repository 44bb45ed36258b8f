// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_LANES_HPP
#define SLUICE_CHANNEL_LANES_HPP

#include <sluice/channel/ring_kind.hpp>
#include <sluice/ring/lanes.hpp>

namespace sluice {

/// Many producers, up to N at a time, and one consumer: the fan-in that scales. First in, first out for each producer,
/// and no order between them. Each producer has a lane of its own with exactly the capacity asked for, so a channel
/// takes N times the memory, and `full` is said of the lane.
template <unsigned N>
struct lanes_of {};
using lanes = lanes_of<16>;

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
      shared.consumer.doorstep().wake(ring);
    } else {
      shared.consumer.end(phase::died);
      shared.producers.wake_all(ring);
    }
    return {.peers = 1};
  }
};

}  // namespace sluice

#endif
