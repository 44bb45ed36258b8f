// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_BYTES_CROWD_HPP
#define SLUICE_CHANNEL_BYTES_CROWD_HPP

#include <sluice/channel/bytes_kind.hpp>
#include <sluice/channel/crowds.hpp>
#include <sluice/ring/bytes_crowd.hpp>

// Messages of any length from several producers, for channel/bytes.hpp and channel/shared_bytes.hpp:
// `bytes_channel<mpsc>(n)`, `shm_bytes_sink<mpsc>(name)`.

namespace sluice {

template <>
struct ring_kind<bytes_of<mpsc>> : detail::bytes_defaults, detail::crowd_kind<region_kind::bytes_mpsc, true, false> {
  template <class T, class P>
  using ring = bytes_crowd_ring<P>;
  template <class T, class P>
  using producer = bytes_crowd_producer<P>;
  template <class T, class P>
  using consumer = bytes_crowd_consumer<P>;
};

}  // namespace sluice

#endif
