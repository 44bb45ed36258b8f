// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_CLOCK_HPP
#define SLUICE_PLATFORM_CLOCK_HPP

// monotonic_ns: nanoseconds of the clock that std::chrono::steady_clock and the sleeping calls of this system use.
#include <sluice/platform/linux/clock.hpp>

#endif
