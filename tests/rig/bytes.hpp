// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RIG_BYTES_HPP
#define SLUICE_TESTS_RIG_BYTES_HPP

#include <sluice/channel/bytes_crowd.hpp>

namespace rig {

/// What the proof rig must know of the rings of messages of any length.
struct bytes {
  using kind = sluice::bytes_of<sluice::spsc>;
  static constexpr const char* name = "bytes";

  template <class Visit>
  static void each_site(Visit visit) {
    visit.template operator()<sluice::site::bytes_publish>("bytes_publish");
    visit.template operator()<sluice::site::bytes_frame>("bytes_frame");
    visit.template operator()<sluice::site::bytes_consume>("bytes_consume");
    visit.template operator()<sluice::site::bytes_head>("bytes_head");
    visit.template operator()<sluice::site::bytes_pad>("bytes_pad");
    visit.template operator()<sluice::site::bytes_clear>("bytes_clear");
  }
  template <class Ring, class Visit>
  static void each_word(const Ring& r, Visit visit) {
    visit(r.shared().head, "head ", 0u);
    visit(r.shared().told, "told ", 0u);
    each_frame(r, visit);
  }

 protected:
  template <class Ring, class Visit>
  static void each_frame(const Ring& r, Visit visit) {
    for (unsigned k = 0; k < r.granules(); ++k) visit(r.at(k), "frame ", k);
  }
};

/// With many producers. Not the sites of gates and crowds, which the ordered ring has too.
struct bytes_mpsc : bytes {
  using kind = sluice::bytes_of<sluice::mpsc>;
  static constexpr const char* name = "bytes of many";

  template <class Visit>
  static void each_site(Visit visit) {
    visit.template operator()<sluice::site::bytes_publish>("bytes_publish");
    visit.template operator()<sluice::site::bytes_frame>("bytes_frame");
    visit.template operator()<sluice::site::bytes_consume>("bytes_consume");
    visit.template operator()<sluice::site::bytes_head>("bytes_head");
    visit.template operator()<sluice::site::bytes_tail>("bytes_tail");
    visit.template operator()<sluice::site::bytes_move>("bytes_move");
    visit.template operator()<sluice::site::bytes_lost>("bytes_lost");
    visit.template operator()<sluice::site::bytes_claim>("bytes_claim");
    visit.template operator()<sluice::site::bytes_rest>("bytes_rest");
    visit.template operator()<sluice::site::bytes_sweep>("bytes_sweep");
    visit.template operator()<sluice::site::bytes_heal>("bytes_heal");
  }
  template <class Ring, class Visit>
  static void each_word(const Ring& r, Visit visit) {
    visit(r.shared().tail, "tail ", 0u);
    visit(r.shared().head, "head ", 0u);
    each_frame(r, visit);
  }
  /// As if the ring had been filled by messages of one granule and emptied, `lap` times.
  template <class Ring>
  static void start_at(const Ring& r, typename Ring::word lap) noexcept {
    using word = typename Ring::word;
    const auto here = static_cast<word>(lap * r.one_lap()), before = static_cast<word>(here - r.one_lap());
    r.shared().tail.store(here);
    r.shared().head.store(here);
    for (word k = 0; k < r.granules(); ++k) r.at(k).store(Ring::frame_word(before, 1, Ring::message));
  }
  /// How many laps there are.
  template <class Ring>
  static constexpr auto laps(const Ring& r) noexcept {
    return static_cast<typename Ring::word>(static_cast<typename Ring::word>(0 - r.one_lap()) / r.one_lap() + 1);
  }
};

}  // namespace rig

#endif
