// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_FENCE_HPP
#define SLUICE_PLATFORM_FENCE_HPP

// The asymmetric fence: join_heavy_fence lets others fence this process, heavy_fence fences them.
#include <sluice/platform/linux/fence.hpp>

#endif
