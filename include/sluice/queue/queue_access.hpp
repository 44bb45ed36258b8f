// SPDX-License-Identifier: MIT
#ifndef SLUICE_QUEUE_QUEUE_ACCESS_HPP
#define SLUICE_QUEUE_QUEUE_ACCESS_HPP

#include <sluice/core/result.hpp>

#include <sys/types.h>
#include <unistd.h>

// Whose queues of the system are talked through, and what rights those have that are made: the same for both kinds.

namespace sluice::detail {

inline constexpr uid_t any_trusted = static_cast<uid_t>(-1);  // this user, or root

/// A new queue is for its user, perhaps for its group, never for all: who may read a queue may empty it.
inline status queue_mode_allowed(mode_t mode) noexcept {
  const bool allowed = (mode & 0600) == 0600 && (mode & ~mode_t{0660}) == 0;
  return allowed ? status() : error(errc::invalid, step::open, subject::permissions);
}

/// A queue that is there is accepted if it is of `wanted`, and not writable by all.
inline status queue_trusted(uid_t owner, mode_t mode, uid_t wanted) noexcept {
  const bool ours = wanted == any_trusted ? owner == ::geteuid() || owner == 0 : owner == wanted;
  if (!ours) return error(errc::denied, step::open, subject::owner);
  if ((mode & 0002) != 0) return error(errc::denied, step::open, subject::world_writable);
  return {};
}

}  // namespace sluice::detail

#endif
