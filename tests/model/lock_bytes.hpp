// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_LOCK_BYTES_HPP
#define SLUICE_TESTS_MODEL_LOCK_BYTES_HPP

#include "explore.hpp"
#include "policy.hpp"

#include <sluice/core/liveness.hpp>

namespace model {

/// The kernel's part of a region, as far as liveness needs it: a life and a heal lock for each slot.
struct lock_bytes {
  static constexpr unsigned most = 8;
  unsigned slots = 2;  // that are in use
  std::uint32_t life[most] = {}, heal[most] = {};
  atomic<std::uint32_t> clean[most] = {};  // nobody has come to the slot since it was healed

  // liveness
  [[nodiscard]] bool begin_heal(unsigned slot) noexcept { return world::current()->try_lock(&heal[slot]); }
  [[nodiscard]] bool alive(unsigned slot) noexcept { return world::current()->locked(&life[slot]); }
  void end_heal(unsigned slot) noexcept { world::current()->unlock(&heal[slot]); }

  /// As membership::heal_if_dead: a slot that has been healed is not in use.
  template <class Heal>
  bool heal_once(unsigned slot, Heal heal_slot) noexcept {
    if (alive(slot) || clean[slot].load(order::acquire) != 0) return false;
    return sluice::heal_if_dead(*this, slot, [&] {
      if (clean[slot].load(order::acquire) != 0) return;
      heal_slot();
      clean[slot].exchange(1, order::release);
    });
  }
  /// An heir comes to the slot of a dead one, as membership::join does: H, then L, `heal` and begin, drop H.
  template <class Begin>
  void join(unsigned slot, Begin begin) {
    world& w = *world::current();
    while (!w.try_lock(&heal[slot])) w.pause();
    expect(w.try_lock(&life[slot]), "somebody else lives at the slot of the dead");
    begin();
    clean[slot].exchange(0, order::release);
    w.unlock(&heal[slot]);
  }
  void name_words(world& w) const {
    for (unsigned k = 0; k < slots; ++k) w.call(life[k], "life ", k), w.call(heal[k], "heal ", k), w.call(clean[k], "clean ", k);
  }
};
static_assert(sluice::liveness<lock_bytes>);

}  // namespace model

#endif
