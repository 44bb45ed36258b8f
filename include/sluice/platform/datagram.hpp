// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_DATAGRAM_HPP
#define SLUICE_PLATFORM_DATAGRAM_HPP

// datagram_batch: several datagrams by one system call. Groups that datagrams are sent to.
#include <sluice/platform/linux/datagram.hpp>
#include <sluice/platform/linux/multicast.hpp>

#endif
