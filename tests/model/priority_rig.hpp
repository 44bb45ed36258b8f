// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_PRIORITY_RIG_HPP
#define SLUICE_TESTS_MODEL_PRIORITY_RIG_HPP

#include "rig/ordered.hpp"

#include <sluice/channel/priorities.hpp>

namespace rig {

/// What the model must know of the queue with N priorities: an ordered ring for each, and the crowds of one.
template <unsigned N>
struct levels : ordered {
  using kind = sluice::priorities_of<N>;
  static constexpr const char* name = N == 2 ? "two priorities" : N == 3 ? "three priorities" : "priorities";
  static constexpr unsigned producers = sluice::crowd<>::most - 1, consumers = sluice::crowd<>::most - 1;

  template <class Ring, class Visit>
  static void each_word(const Ring& r, unsigned seats, Visit visit) {
    for (unsigned k = 0; k < N; ++k) each_word_of_order(r.level(k), 10 * k, visit);
    each_word_of_crowds(r.shared(), seats, visit);
  }
  template <class Ring>
  static void start_at(const Ring& r, typename Ring::word lap) noexcept {
    for (unsigned k = 0; k < N; ++k) ordered::start_at(r.level(k), lap);
  }
  template <class Ring>
  static constexpr typename Ring::word last_lap = ~typename Ring::word{0};
};

}  // namespace rig

#endif
