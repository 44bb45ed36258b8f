// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_BYTES_KIND_HPP
#define SLUICE_CHANNEL_BYTES_KIND_HPP

#include <sluice/channel/ring_kind.hpp>
#include <sluice/ring/bytes.hpp>

namespace sluice {

/// Messages of any length; first in, first out. As many producers and consumers as Kind has: spsc, or mpsc by
/// channel/bytes_crowd.hpp.
template <class Kind>
struct bytes_of {};

namespace detail {

/// What does not depend on who takes part.
struct bytes_defaults {
  static constexpr std::size_t default_capacity = 64 * 1024;
  static constexpr std::size_t max_size = end_traits{}.max_size;  // the capacity, which is known at run time only
};

}  // namespace detail

template <>
struct ring_kind<bytes_of<spsc>> : detail::bytes_defaults, detail::pair_kind<region_kind::bytes> {
  template <class T, class P>
  using ring = bytes_ring<P>;
  template <class T, class P>
  using producer = bytes_producer<P>;
  template <class T, class P>
  using consumer = bytes_consumer<P>;
};

}  // namespace sluice

#endif
