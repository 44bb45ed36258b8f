// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_PIDFD_HPP
#define SLUICE_PLATFORM_PIDFD_HPP

// open_pidfd: a descriptor that names a process for good, whatever becomes of its number. signal_by_pidfd: a signal to it.
#include <sluice/platform/linux/pidfd.hpp>

#endif
