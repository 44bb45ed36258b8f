// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_DUPLEX_HPP
#define SLUICE_STREAM_DUPLEX_HPP

#include <sluice/stream/socket_stream.hpp>

// Two ends that both read and write. A pair of sockets, not two pipes: half as many descriptors, one to hand to a child
// as its input and output, and a write that cannot raise SIGPIPE without a detour. What only pipes have, splice and
// writes of PIPE_BUF bytes in one piece, two pipes have still: call pipe() twice.

namespace sluice {

namespace detail {

inline constexpr end_traits duplex_traits{.boundaries = false, .spans = reach::host};

}  // namespace detail

/// An end of a duplex pair; split() makes a reading and a writing half of it.
using duplex_stream = socket_stream<detail::duplex_traits>;

struct duplex_ends {
  duplex_stream one;
  duplex_stream other;
};

/// Two connected ends without a name. Both descriptors are closed on exec and do not block.
[[nodiscard]] inline result<duplex_ends> duplex() noexcept {
  int fd[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) != 0) return detail::socket_error(step::create);
  return duplex_ends{duplex_stream(unique_handle(fd[0])), duplex_stream(unique_handle(fd[1]))};
}

}  // namespace sluice

#endif
