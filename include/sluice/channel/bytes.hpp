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

template <class Kind, class P>
struct bytes_ends : local_ends<std::byte, Kind, P> {
  using base = local_ends<std::byte, Kind, P>;
  using sink = bytes_sink<Kind, typename base::sink_home, P>;
  using source = bytes_source<Kind, typename base::source_home, P>;
};

}  // namespace detail

/// Both ends of a channel of bytes within a process: `auto [tx, rx] = bytes_channel(64 * 1024);`
template <class Kind, class P>
struct bytes_channel_ends {
  typename detail::bytes_ends<bytes_of<Kind>, P>::sink tx;
  typename detail::bytes_ends<bytes_of<Kind>, P>::source rx;
};

/// A channel of messages of any length between threads, with `capacity` bytes for them (in whole granules of 64). Where
/// memory is short, or the capacity is 0, both ends are inert and say so with every verb.
///
/// Where its kind allows more ends of a side, as `bytes_channel<mpsc>` does, these are clones.
///
/// Allocates: here and in clone(), and nowhere later.
template <class Kind = spsc, class P = native_memory>
[[nodiscard]] bytes_channel_ends<Kind, P> bytes_channel(std::size_t capacity = detail::bytes_defaults::default_capacity,
                                                        const channel_options& o = {}) noexcept {
  return detail::open_channel<bytes_channel_ends<Kind, P>, detail::bytes_ends<bytes_of<Kind>, P>>(capacity, o);
}

}  // namespace sluice

#endif
