// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_LIVENESS_HPP
#define SLUICE_CORE_LIVENESS_HPP

#include <sluice/core/config.hpp>

#include <concepts>
#include <cstdint>
#include <utility>

namespace sluice {

/// Knows which participants of a region live. Passed by reference to slow paths only.
///
/// `begin_heal(slot)` takes the slot's heal lock, which excludes other healers and whoever wants to join at that slot,
/// and returns false if it is taken. `alive(slot)` is the kernel's word, never a guess: false is a death certificate
/// for as long as the heal lock is held. `end_heal(slot)` gives the lock back.
template <class L>
concept liveness = requires(L& l, unsigned slot) {
  { l.begin_heal(slot) } noexcept -> std::same_as<bool>;
  { l.alive(slot) } noexcept -> std::same_as<bool>;
  { l.end_heal(slot) } noexcept;
};

/// What becomes of a message that a consumer had taken and not finished when it died. One for all participants of a
/// region.
enum class orphans : std::uint8_t {
  as_created,  // what the region was created with; else `redeliver`
  redeliver,   // a fellow or successor gets it, and is told that it may be out of order
  drop,        // nobody gets it, and the healer counts it
};

/// What a healer found to do.
struct recovery {
  unsigned peers = 0;        // dead participants
  unsigned undelivered = 0;  // places they had claimed and not filled
  unsigned redelivered = 0;  // messages they had taken and not finished, and that others get
  unsigned dropped = 0;      // such messages that nobody gets

  constexpr recovery& operator+=(const recovery& r) noexcept {
    peers += r.peers, undelivered += r.undelivered, redelivered += r.redelivered, dropped += r.dropped;
    return *this;
  }
};

/// Runs `heal()` if the participant at `slot` is certified dead; true if it ran. `heal` must be idempotent: whoever
/// dies inside it is followed by another healer.
template <liveness L, class Heal>
bool heal_if_dead(L& l, unsigned slot, Heal&& heal) noexcept {
  if (l.alive(slot)) return false;
  if (!l.begin_heal(slot)) return false;
  const bool dead = !l.alive(slot);  // asked again: somebody may have joined before the lock was ours
  if (dead) std::forward<Heal>(heal)();
  l.end_heal(slot);
  return dead;
}

}  // namespace sluice

#endif
