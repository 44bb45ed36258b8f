// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_PROCESS_HPP
#define SLUICE_PLATFORM_PROCESS_HPP

// Who this process is (for diagnosis only, never to decide whether somebody lives) and in which boot it runs.
#include <sluice/platform/linux/process.hpp>

#endif
