// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_DUPLEX_HPP
#define SLUICE_STREAM_DUPLEX_HPP

#include <sluice/stream/unix_stream.hpp>

// Two ends that both read and write. A pair of sockets, not two pipes: half as many descriptors, one to hand to a child
// as its input and output, and a write that cannot raise SIGPIPE without a detour. What only pipes have, splice and
// writes of PIPE_BUF bytes in one piece, two pipes have still: call pipe() twice.

namespace sluice {

/// An end of a duplex pair; split() makes a reading and a writing half of it.
using duplex_stream = unix_stream;

struct duplex_ends {
  duplex_stream one;
  duplex_stream other;
};

/// Two connected ends without a name: a unix_pair() that no descriptors can be passed through. Both are closed on exec
/// and do not block.
[[nodiscard]] inline result<duplex_ends> duplex() noexcept {
  auto both = unix_pair();
  if (!both) return both.err();
  return duplex_ends{std::move(both->first), std::move(both->second)};
}

}  // namespace sluice

#endif
