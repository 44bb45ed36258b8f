// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_SPAWN_HPP
#define SLUICE_PLATFORM_SPAWN_HPP

// start_child: a new process that runs a program, with its three standard streams. end_of, send_signal: what can be
// done to it.
#include <sluice/platform/linux/spawn.hpp>

#endif
