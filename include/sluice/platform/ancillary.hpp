// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_ANCILLARY_HPP
#define SLUICE_PLATFORM_ANCILLARY_HPP

// send_message, receive_message: messages that take descriptors and credentials along.
#include <sluice/platform/linux/ancillary.hpp>

#endif
