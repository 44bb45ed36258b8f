// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_SPSC_SESSION_HPP
#define SLUICE_RING_SPSC_SESSION_HPP

#include <sluice/core/role.hpp>

namespace sluice::detail {

/// The part of both sides that is about the session: Side has mine() and theirs(), the roles.
template <class Side, class P>
class spsc_session {
 public:
  void begin() noexcept { self().mine().begin(); }
  /// Ends the session and tells whoever waits.
  template <class Ring>
  void end(phase how, Ring&& ring) noexcept {
    self().mine().end(how);
    wake_peer(ring);
  }
  /// (W1) Returns the value to sleep on at doorstep(). The caller owes the heavy fence (W2).
  std::uint32_t arm() noexcept { return doorstep().arm(gate<P>::asleep); }
  template <class Ring>
  void disarm(Ring&&) noexcept {
    doorstep().disarm();
  }
  [[nodiscard]] gate<P>& doorstep() noexcept { return self().mine().doorstep(); }

 protected:
  template <class Ring>
  SLUICE_INLINE() void wake_peer(Ring&& ring) noexcept {
    self().theirs().doorstep().wake(ring);
  }

 private:
  Side& self() noexcept { return static_cast<Side&>(*this); }
};

}  // namespace sluice::detail

#endif
