// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RIG_LANES_HPP
#define SLUICE_TESTS_RIG_LANES_HPP

#include <sluice/channel/lanes.hpp>

#include "promise.hpp"

namespace rig {

/// What the proof rig must know of lanes, of which it takes two.
struct lanes {
  using kind = sluice::lanes_of<2>;
  static constexpr const char* name = "lanes";
  static constexpr unsigned producers = 2, consumers = 1;  // how many may live at a time
  static constexpr unsigned parts = producers;              // each of which has the whole capacity
  static constexpr promise promises{.one_order = false, .pops_together = true, .asks_every = 1024};

  /// The shared words of the lanes, with a name.
  template <class Ring, class Visit>
  static void each_word(const Ring& r, Visit visit) {
    visit(r.shared().consumer.doorstep().word(), "consumer gate ", 0u);
    for (unsigned k = 0; k < producers; ++k) {
      const auto lane = r.at(k);
      visit(lane.head(), "head ", k);
      unsigned n = 0;
      for (auto* b = lane.first(); b != lane.end(); ++b) visit(b->stamp, "stamp ", 10 * k + n++);
      visit(r.shared().producers.doorstep(k + 1).word(), "producer gate ", k);
    }
  }
  template <class Ring, class Visit>
  static void each_word(const Ring& r, unsigned, Visit visit) {
    each_word(r, visit);
  }
  template <class Ring, class Visit>
  static void each_empty_seat(const Ring& r, unsigned, Visit visit) {
    each_empty_seat(r, visit);
  }
  /// The bytes of the seats that nobody takes.
  template <class Ring, class Visit>
  static void each_empty_seat(const Ring& r, Visit visit) {
    constexpr std::size_t seats_at = sluice::line_bytes, seat_bytes = sizeof(sluice::role<>);
    auto* const first = reinterpret_cast<const std::byte*>(&r.shared().producers) + seats_at;
    visit(first + (producers + 1) * seat_bytes, first + sluice::crowd<>::most * seat_bytes);
  }
  /// As if each lane had been filled and emptied `lap` times, so that the wrap of every counter can be started at.
  template <class Ring>
  static void start_at(const Ring& r, typename Ring::word lap) noexcept {
    using words = typename Ring::lane::words;
    if (lap == 0) return;
    const auto before = (lap - 1) & words::lap_mask;
    for (unsigned k = 0; k < producers; ++k) {
      const auto lane = r.at(k);
      lane.head().store(words::cursor(lap, 0, 0));
      for (auto* b = lane.first(); b != lane.end(); ++b) b->stamp.store(before << words::count_bits | Ring::lane::per_block);
    }
  }
  template <class Ring>
  static constexpr typename Ring::word last_lap = Ring::lane::words::lap_mask;
};

}  // namespace rig

#endif
