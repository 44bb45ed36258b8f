// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_LOCK_BYTES_HPP
#define SLUICE_TESTS_MODEL_LOCK_BYTES_HPP

#include "explore.hpp"

#include <sluice/core/liveness.hpp>

namespace model {

/// The kernel's part of a region, as far as liveness needs it: a life and a heal lock for each slot.
struct lock_bytes {
  static constexpr unsigned most = 8;
  unsigned slots = 2;  // that are in use
  std::uint32_t life[most] = {}, heal[most] = {};

  // liveness
  [[nodiscard]] bool begin_heal(unsigned slot) noexcept { return world::current()->try_lock(&heal[slot]); }
  [[nodiscard]] bool alive(unsigned slot) noexcept { return world::current()->locked(&life[slot]); }
  void end_heal(unsigned slot) noexcept { world::current()->unlock(&heal[slot]); }

  /// An heir comes to the slot of a dead one, as membership::join does: H, then L, `heal` and begin, drop H.
  template <class Begin>
  void join(unsigned slot, Begin begin) {
    world& w = *world::current();
    while (!w.try_lock(&heal[slot])) w.pause();
    expect(w.try_lock(&life[slot]), "somebody else lives at the slot of the dead");
    begin();
    w.unlock(&heal[slot]);
  }
  void name_words(world& w) const {
    for (unsigned k = 0; k < slots; ++k) w.call(life[k], "life ", k), w.call(heal[k], "heal ", k);
  }
};
static_assert(sluice::liveness<lock_bytes>);

}  // namespace model

#endif
