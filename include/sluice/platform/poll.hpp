// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_POLL_HPP
#define SLUICE_PLATFORM_POLL_HPP

// poll_any: sleeps until one of several descriptors is ready. readiness, ready_now: what one is ready for just now.
// make_bell, ring_bell: a descriptor that becomes readable.
#include <sluice/platform/linux/poll.hpp>

#endif
