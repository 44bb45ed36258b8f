// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_TCP_HPP
#define SLUICE_STREAM_TCP_HPP

// TCP: tcp_listen() gives a source of streams, tcp_connect() a stream; sink_of<T> and source_of<T> make messages of it.
#include <sluice/stream/tcp_connect.hpp>
#include <sluice/stream/tcp_listener.hpp>
#include <sluice/stream/tcp_stream.hpp>

#endif
