// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "broadcast_scenario.hpp"

#include <cstdio>

// Every execution that C++ allows of a producer that goes round the ring while a reader joins, reads, leaves or dies, and of
// a producer that dies while one joins.

namespace {

using model::broadcast_case;

constexpr bool full = SLUICE_TEST_TIER_FULL;

template <unsigned W>
void prove(const broadcast_case& c, std::initializer_list<const char*> must_observe) {
  const auto r = model::explore_broadcast<W>(c);
  r.print();
  CHECK(r.proves(must_observe));
}

}  // namespace

TEST_CASE("a reader that joins a broadcast while the producer goes round it is never overtaken") {
  for (const std::size_t capacity : {1u, 2u, 3u})
    for (const unsigned waiting : {0u, 3u, 4u}) {
      broadcast_case c{.capacity = capacity, .waiting = waiting, .messages = waiting + (capacity == 1 || full ? 3 : 2), .resident = false};
      if (waiting == 0) prove<8>(c, {"joined at the beginning"});
      else prove<8>(c, {"joined late"});
      prove<3>(c, {});
      if (capacity != 1) c.batch = true, prove<3>(c, {});
    }
}
TEST_CASE("a reader joins and leaves a broadcast that another one follows") {
  for (const bool leaves : {false, true}) {
    if (!full && !leaves) continue;
    broadcast_case c{.capacity = 1, .messages = 2, .joiner_leaves = leaves};
    prove<8>(c, {"full"});
    if (!full) continue;
    c.capacity = 2, c.waiting = 2, c.messages = 4;
    prove<8>(c, {"full"});
  }
}
TEST_CASE("a reader of a broadcast that dies anywhere, also while it joins, is healed and holds nobody") {
  for (const std::size_t capacity : {1u, 2u}) {
    broadcast_case c{.capacity = capacity, .waiting = 1, .messages = capacity == 1 ? 3u : 4u, .resident = false, .joiner_dies = true};
    if (full || capacity == 1) prove<8>(c, {"healed"});
    c.waiting = 3, c.messages = 5;
    prove<8>(c, {"healed"});
    c = {.capacity = capacity, .messages = capacity == 1 ? 2u : 3u, .joiner = false, .resident_dies = true};
    prove<8>(c, {"healed"});
    prove<3>(c, {"healed"});
  }
}
TEST_CASE("a producer of a broadcast that dies anywhere is followed by one that goes on, for whoever is there and whoever joins") {
  for (const std::size_t capacity : {1u, 2u}) {
    broadcast_case c{.capacity = capacity, .waiting = 0, .messages = 2, .joiner = false, .producer_dies = true};
    prove<8>(c, {"killed before the commit of a push", "killed after the commit of a push"});
    prove<3>(c, {"killed before the commit of a push", "killed after the commit of a push"});
    c = {.capacity = capacity, .waiting = 3, .messages = full ? 5u : 4u, .resident = false, .producer_dies = true};
    prove<8>(c, {"killed before the commit of a push", "joined late"});
  }
}
