// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_POLL_HPP
#define SLUICE_PLATFORM_POLL_HPP

// poll_any: sleeps until one of several descriptors is ready. ready_now: asks whether one is. make_bell, ring_bell: a descriptor that becomes readable.
#include <sluice/platform/linux/poll.hpp>

#endif
