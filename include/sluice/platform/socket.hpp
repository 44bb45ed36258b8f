// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_SOCKET_HPP
#define SLUICE_PLATFORM_SOCKET_HPP

// make_socket, receive_some, send_some, set_option, get_option: sockets that never block and never raise SIGPIPE.
#include <sluice/platform/linux/socket.hpp>

#endif
