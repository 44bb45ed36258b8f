// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RIG_AUDIENCE_HPP
#define SLUICE_TESTS_RIG_AUDIENCE_HPP

#include <sluice/channel/broadcast.hpp>
#include <sluice/core/crowd.hpp>

#include "promise.hpp"

namespace rig {

/// What the rings with one producer and many readers have in common.
struct audience {
  static constexpr unsigned producers = 1, consumers = sluice::crowd<>::most - 1;  // how many may live at a time
};

/// Every order site of each, with its name.
struct broadcast : audience {
  using kind = sluice::broadcast;
  static constexpr promise promises{.to_each = true, .pops_together = true};
  static constexpr const char* name = "broadcast";
  template <class Visit>
  static void each_site(Visit visit) {
    visit.template operator()<sluice::site::broadcast_publish>("broadcast_publish");
    visit.template operator()<sluice::site::broadcast_stamp>("broadcast_stamp");
    visit.template operator()<sluice::site::broadcast_consume>("broadcast_consume");
    visit.template operator()<sluice::site::broadcast_grant>("broadcast_grant");
    visit.template operator()<sluice::site::broadcast_active>("broadcast_active");
    visit.template operator()<sluice::site::broadcast_cursor>("broadcast_cursor");
    visit.template operator()<sluice::site::broadcast_trim>("broadcast_trim");
    visit.template operator()<sluice::site::broadcast_hold>("broadcast_hold");
    visit.template operator()<sluice::site::broadcast_join>("broadcast_join");
    visit.template operator()<sluice::site::broadcast_limit>("broadcast_limit");
    visit.template operator()<sluice::site::broadcast_start>("broadcast_start");
    visit.template operator()<sluice::site::broadcast_leave>("broadcast_leave");
    visit.template operator()<sluice::site::broadcast_peek>("broadcast_peek");
    visit.template operator()<sluice::site::audience_told>("audience_told");
  }
};
struct latest : audience {
  using kind = sluice::latest;
  static constexpr promise promises{.to_each = true, .kept = keeps::newest};
  static constexpr const char* name = "latest";
  template <class Visit>
  static void each_site(Visit visit) {
    visit.template operator()<sluice::site::latest_begin>("latest_begin");
    visit.template operator()<sluice::site::latest_publish>("latest_publish");
    visit.template operator()<sluice::site::latest_newest>("latest_newest");
    visit.template operator()<sluice::site::latest_check>("latest_check");
    visit.template operator()<sluice::site::latest_peek>("latest_peek");
    visit.template operator()<sluice::site::racing_store>("racing_store");
    visit.template operator()<sluice::site::racing_load>("racing_load");
  }
};
struct lossy_broadcast : audience {
  using kind = sluice::lossy_broadcast;
  static constexpr promise promises{.to_each = true, .kept = keeps::last};
  static constexpr const char* name = "lossy";
  template <class Visit>
  static void each_site(Visit visit) {
    visit.template operator()<sluice::site::lossy_begin>("lossy_begin");
    visit.template operator()<sluice::site::lossy_publish>("lossy_publish");
    visit.template operator()<sluice::site::lossy_tail>("lossy_tail");
    visit.template operator()<sluice::site::lossy_stamp>("lossy_stamp");
    visit.template operator()<sluice::site::lossy_check>("lossy_check");
    visit.template operator()<sluice::site::lossy_last>("lossy_last");
    visit.template operator()<sluice::site::lossy_peek>("lossy_peek");
    visit.template operator()<sluice::site::racing_store>("racing_store");
    visit.template operator()<sluice::site::racing_load>("racing_load");
  }
};

}  // namespace rig

#endif
