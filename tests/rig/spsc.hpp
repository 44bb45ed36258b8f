// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RIG_SPSC_HPP
#define SLUICE_TESTS_RIG_SPSC_HPP

#include <sluice/channel/spsc_kind.hpp>

#include "promise.hpp"

namespace rig {

/// What the proof rig must know of the spsc ring. One such file brings a ring into the model checker, the kill rig, the
/// fuzzers and the mutation table.
struct spsc {
  using kind = sluice::spsc;  // ring_kind<kind> has the ring, its two sides, its slots and its healer
  static constexpr const char* name = "spsc";
  static constexpr unsigned producers = 1, consumers = 1;  // how many may live at a time
  static constexpr promise promises{.pops_together = true};

  /// Every order site of the ring and of what it stands on, with its name.
  template <class Visit>
  static void each_site(Visit visit) {
    visit.template operator()<sluice::site::spsc_publish>("spsc_publish");
    visit.template operator()<sluice::site::spsc_stamp>("spsc_stamp");
    visit.template operator()<sluice::site::spsc_consume>("spsc_consume");
    visit.template operator()<sluice::site::spsc_head>("spsc_head");
    visit.template operator()<sluice::site::spsc_told>("spsc_told");
    visit.template operator()<sluice::site::role_end>("role_end");
    visit.template operator()<sluice::site::role_read>("role_read");
    visit.template operator()<sluice::site::role_peek>("role_peek");
    visit.template operator()<sluice::site::gate_arm>("gate_arm");
    visit.template operator()<sluice::site::gate_look>("gate_look");
    visit.template operator()<sluice::site::gate_raise>("gate_raise");
    visit.template operator()<sluice::site::gate_disarm>("gate_disarm");
  }

  /// Loads of shared words that an operation makes at most: a single one, each message of a batch, and each message of
  /// the capacity where it walks the ring. Tests of hostile memory hold the code to it.
  static constexpr unsigned loads = 12, loads_in_batch = 3, loads_in_walk = 2;

  /// Every shared word, with a name.
  template <class Ring, class Visit>
  static void each_word(const Ring& r, Visit visit) {
    auto& s = r.shared();
    visit(s.head, "head ", 0u);
    visit(s.told, "told ", 0u);
    visit(s.producer.doorstep().word(), "producer gate ", 0u);
    visit(s.consumer.doorstep().word(), "consumer gate ", 0u);
    unsigned k = 0;
    for (auto* b = r.first(); b != r.end(); ++b) visit(b->stamp, "stamp ", k++);
  }
  /// As if the ring had been filled and emptied `lap` times, so that the wrap of every counter can be started at.
  template <class Ring>
  static void start_at(const Ring& r, typename Ring::word lap) noexcept {
    using words = typename Ring::words;
    if (lap == 0) return;
    r.shared().head.store(words::cursor(lap, 0, 0));
    const auto before = (lap - 1) & words::lap_mask;
    for (auto* b = r.first(); b != r.end(); ++b) b->stamp.store(before << words::count_bits | Ring::per_block);
  }
  template <class Ring>
  static constexpr typename Ring::word last_lap = Ring::words::lap_mask;

  /// What the memory must say after so many messages from start_at(r, lap) on: does it, as `read(word)` sees it?
  template <class Ring, class Read>
  static bool shows_pushed(const Ring& r, typename Ring::word lap, std::uint64_t messages, Read read) noexcept {
    using words = typename Ring::words;
    if (messages == 0) return true;
    const std::uint64_t block = (messages - 1) / Ring::per_block, count = messages - block * Ring::per_block;
    const auto in_lap = static_cast<typename Ring::word>(lap + block / r.blocks()) & words::lap_mask;
    return read(r.first()[block % r.blocks()].stamp) == (in_lap << words::count_bits | static_cast<typename Ring::word>(count));
  }
  template <class Ring, class Read>
  static bool shows_popped(const Ring& r, typename Ring::word lap, std::uint64_t messages, Read read) noexcept {
    using word = typename Ring::word;
    const std::uint64_t block = messages / Ring::per_block, item = messages % Ring::per_block;
    return read(r.shared().head) == Ring::words::cursor(static_cast<word>(lap + block / r.blocks()),
                                                        static_cast<word>(block % r.blocks()), static_cast<word>(item));
  }
};

}  // namespace rig

#endif
