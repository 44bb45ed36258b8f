// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_SCTP_HPP
#define SLUICE_PLATFORM_SCTP_HPP

// The numbers and structures of SCTP sockets.
#include <sluice/platform/linux/sctp.hpp>

#endif
