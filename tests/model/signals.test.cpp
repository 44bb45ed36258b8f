// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "signal_box_scenario.hpp"

namespace {

using model::order;

bool proves(const model::box_case& c, std::initializer_list<const char*> what) {
  auto r = model::explore_box(c);
  r.print();
  return r.proves(what);
}

}  // namespace

TEST_CASE("no signal is lost in a box, none counted twice, and those of one thread come in order") {
  CHECK(proves(model::box_cases[0], {"taken meanwhile"}));
  CHECK(proves(model::box_cases[1], {"folded", "taken meanwhile"}));
  CHECK(proves(model::box_cases[2], {"folded"}));
  CHECK(proves(model::box_cases[3], {"taken meanwhile"}));
  CHECK(proves(model::box_cases[4], {"folded"}));
}

TEST_CASE("every weakened order of a box of signals is found") {
  const auto weakened = [](auto site) {
    using Site = decltype(site);
    model::order_of<Site> = order::relaxed;
    const auto v = model::judge(model::signal_box_trials());
    model::order_of<Site> = Site::value;
    return !v.killer.empty() && v.reproduced;
  };
  CHECK(weakened(sluice::site::handler_free{}));
  CHECK(weakened(sluice::site::handler_fill{}));
  CHECK(weakened(sluice::site::handler_filled{}));
  CHECK(weakened(sluice::site::handler_taken{}));
  CHECK(weakened(sluice::site::spill_fold{}));
  CHECK(weakened(sluice::site::spill_fill{}));
  CHECK(weakened(sluice::site::spill_filled{}));
  CHECK(weakened(sluice::site::spill_taken{}));
}
