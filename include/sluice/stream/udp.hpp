// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_UDP_HPP
#define SLUICE_STREAM_UDP_HPP

// UDP: udp_socket for datagrams with their addresses, udp_sink and udp_source for typed ones.
#include <sluice/stream/udp_ends.hpp>
#include <sluice/stream/udp_socket.hpp>

#endif
