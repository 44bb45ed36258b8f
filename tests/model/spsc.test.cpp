// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "ring_scenario.hpp"
#include "rig/spsc.hpp"

TEST_CASE("probe") {
  for (const bool wrap : {false, true})
    for (const std::size_t capacity : {1u, 2u, 3u})
      for (const auto how : {model::style::single, model::style::batch, model::style::in_place})
        for (const int dies : {0, 1, 2}) {
          model::ring_case c;
          c.capacity = capacity, c.how = how, c.wrap = wrap, c.producer_dies = dies == 1, c.consumer_dies = dies == 2;
          model::options o;
          o.seconds = 2;
          const auto r = model::explore_ring<rig::spsc, 3>(c, o);
          r.print();
          CHECK(r.clean());
        }
}
