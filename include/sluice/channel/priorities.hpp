// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_PRIORITIES_HPP
#define SLUICE_CHANNEL_PRIORITIES_HPP

#include <sluice/channel/crowds.hpp>
#include <sluice/ring/priority.hpp>

namespace sluice {

/// Many producers, many consumers, each message to one of them: the highest priority first, and first in, first out
/// within one. There are N priorities, 0 the lowest and what a push has that says nothing of it. Each has exactly the
/// capacity asked for, so a channel takes N times the memory, and `full` is said of a priority. ring/priority_layout.hpp
/// says what "first" means where several push and pop at once.
template <unsigned N>
struct priorities_of {};
using priorities = priorities_of<8>;

/// Another number of priorities is another kind: it stands in the upper half, where it is not the default.
template <unsigned N>
struct ring_kind<priorities_of<N>>
    : detail::orphaning_kind<static_cast<region_kind>(static_cast<std::uint32_t>(region_kind::priorities) | (N == 8 ? 0u : N << 16)), true,
                             true> {
  static constexpr unsigned priorities = N;
  template <class T, class P>
  using ring = priority_ring<T, N, P>;
  template <class T, class P>
  using producer = priority_producer<T, N, P>;
  template <class T, class P>
  using consumer = priority_consumer<T, N, P>;
};

}  // namespace sluice

#endif
