// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RIG_PRIORITIES_HPP
#define SLUICE_TESTS_RIG_PRIORITIES_HPP

#include <sluice/channel/priorities.hpp>

#include "ordered.hpp"

namespace rig {

/// What the proof rig must know of the queue with priorities, of which it takes three. Whoever knows nothing of them pushes
/// at the lowest, so that each pop has looked at the others before.
struct priorities : ordered {
  using kind = sluice::priorities_of<3>;
  static constexpr const char* name = "priorities";
  static constexpr unsigned producers = sluice::crowd<>::most - 1, consumers = sluice::crowd<>::most - 1;
  static constexpr promise promises{.tombs = true, .redelivers = true, .wakes_all = true, .asks_every = 4096};
  static constexpr unsigned parts = 3;  // each of which has the whole capacity

  /// Every shared word that slots below `seats` use, with a name.
  template <class Ring, class Visit>
  static void each_word(const Ring& r, unsigned seats, Visit visit) {
    for (unsigned k = 0; k < parts; ++k) each_word_of_order(r.level(k), 10 * k, visit);
    each_word_of_crowds(r.shared(), seats, visit);
  }
  /// As if each priority had been filled and emptied `lap` times.
  template <class Ring>
  static void start_at(const Ring& r, typename Ring::word lap) noexcept {
    for (unsigned k = 0; k < parts; ++k) ordered::start_at(r.level(k), lap);
  }
};

}  // namespace rig

#endif
