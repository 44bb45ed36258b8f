// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_SPSC_KIND_HPP
#define SLUICE_CHANNEL_SPSC_KIND_HPP

#include <sluice/channel/ring_kind.hpp>
#include <sluice/ring/spsc.hpp>

namespace sluice {

template <>
struct ring_kind<spsc> : detail::pair_kind<region_kind::spsc> {
  template <class T, class P>
  using ring = spsc_ring<T, P>;
  template <class T, class P>
  using producer = spsc_producer<T, P>;
  template <class T, class P>
  using consumer = spsc_consumer<T, P>;
};

}  // namespace sluice

#endif
