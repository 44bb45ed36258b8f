// SPDX-License-Identifier: MIT
#ifndef SLUICE_MEMORY_SLOT_LOCKS_HPP
#define SLUICE_MEMORY_SLOT_LOCKS_HPP

#include <sluice/core/result.hpp>
#include <sluice/platform/file_lock.hpp>

// Two lock bytes for each slot, life L and heal H:
//   healer:  takes H; asks for L; if L is free, the owner is dead and none can come while H is held; heals; drops H.
//   joiner:  takes H, then L (held by another: `busy`); heals what a dead owner left; raises the incarnation; drops H.
// One more byte, J, is held while a durable region is checked for a reboot or left in order.

namespace sluice {

/// Which slots of a region an opener may take: the first free one of these.
struct slot_range {
  unsigned first = 0, last = ~0u;

  constexpr slot_range() noexcept = default;  // any
  constexpr slot_range(unsigned only) noexcept : first(only), last(only) {}  // NOLINT: one slot is a range
  constexpr slot_range(unsigned from, unsigned to) noexcept : first(from), last(to) {}
  [[nodiscard]] constexpr bool single() const noexcept { return first == last; }
};

namespace detail {

/// Where the lock bytes of a region are, and how a joiner takes a slot by them.
struct slot_locks {
  static constexpr std::int64_t first = std::int64_t{1} << 40;  // far behind the end of any region
  static constexpr std::int64_t joining = first - 1;             // J
  [[nodiscard]] static constexpr std::int64_t life(unsigned slot) noexcept { return first + 2 * std::int64_t{slot}; }
  [[nodiscard]] static constexpr std::int64_t heal(unsigned slot) noexcept { return life(slot) + 1; }

  /// Takes the first free one of these slots: H, then L. A taken H passes; a taken L is somebody alive.
  static result<unsigned> take_slot(int fd, slot_range range, unsigned count) noexcept {
    error why(errc::no_space, step::join, subject::participants);
    for (unsigned k = range.first; k < count && k <= range.last; ++k) {
      if (const error e = try_lock_byte(fd, heal(k))) {
        if (range.single() || e.code != errc::busy) return e;
        why = e;
        continue;
      }
      const error e = try_lock_byte(fd, life(k));
      if (!e) return k;
      unlock_byte(fd, heal(k));
      if (e.code != errc::busy) return e;
      if (range.single()) return error(errc::busy, step::join, subject::role).by(k);
    }
    return why;
  }
};

}  // namespace detail
}  // namespace sluice

#endif
