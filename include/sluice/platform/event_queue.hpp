// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_EVENT_QUEUE_HPP
#define SLUICE_PLATFORM_EVENT_QUEUE_HPP

// Many descriptors watched as one, at a cost that does not grow with those that are quiet.
#include <sluice/platform/linux/event_queue.hpp>

#endif
