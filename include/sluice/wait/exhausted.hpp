// SPDX-License-Identifier: MIT
#ifndef SLUICE_WAIT_EXHAUSTED_HPP
#define SLUICE_WAIT_EXHAUSTED_HPP

#include <sluice/wait/stop.hpp>

namespace sluice::detail {

/// Has the patience of `u`, which must be absolute, come to an end: `stopped`, `timeout`, or no error? For loops that
/// may go on for ever without a wait that would notice.
inline error exhausted(const until& u) noexcept {
  if (u.interrupter() != nullptr && u.interrupter()->requested()) return error(errc::stopped, step::wait);
  const bool ends = !u.immediate() && u.deadline() != never;
  if (ends && monotonic_ns() >= u.deadline()) return error(errc::timeout, step::wait);
  return {};
}

}  // namespace sluice::detail

#endif
