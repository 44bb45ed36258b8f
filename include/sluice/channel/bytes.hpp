// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_BYTES_HPP
#define SLUICE_CHANNEL_BYTES_HPP

#include <sluice/channel/bytes_end.hpp>
#include <sluice/channel/channel.hpp>

// Messages of any length, built and read in place:
//
//     auto [tx, rx] = bytes_channel(64 * 1024);
//     if (auto place = tx.claim(1500)) place.commit(receive_into(*place));
//     while (auto message = rx.borrow()) handle(*message);

namespace sluice {

namespace detail {

template <class P>
struct bytes_ends {
  using kind = ring_kind<bytes>;
  using core = channel_core<std::byte, bytes, P>;
  using sink_home = local_home<bytes_producer<P>, std::byte, bytes, P>;
  using source_home = local_home<bytes_consumer<P>, std::byte, bytes, P>;
  using sink = bytes_sink<sink_home, P>;
  using source = bytes_source<source_home, P>;
};

}  // namespace detail

/// Both ends of a channel of bytes within a process: `auto [tx, rx] = bytes_channel(64 * 1024);`
template <class P>
struct bytes_channel_ends {
  typename detail::bytes_ends<P>::sink tx;
  typename detail::bytes_ends<P>::source rx;
};

/// A channel of messages of any length between threads, with `capacity` bytes for them (in whole granules of 64). Where
/// memory is short, or the capacity is 0, both ends are inert and say so with every verb.
///
/// Allocates: here, and nowhere later.
template <class P = native_memory>
[[nodiscard]] bytes_channel_ends<P> bytes_channel(std::size_t capacity = ring_kind<bytes>::default_capacity,
                                                  const channel_options& o = {}) noexcept {
  return detail::open_channel<bytes_channel_ends<P>, detail::bytes_ends<P>>(capacity, o);
}

}  // namespace sluice

#endif
