// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_SHARED_BYTES_HPP
#define SLUICE_CHANNEL_SHARED_BYTES_HPP

#include <sluice/channel/bytes_end.hpp>
#include <sluice/channel/shared.hpp>

// Channels of messages of any length between processes.

namespace sluice {

namespace detail {

template <class P>
using shared_bytes_sink = bytes_sink<shared_home<bytes_producer<P>, bytes, P>, P>;
template <class P>
using shared_bytes_source = bytes_source<shared_home<bytes_consumer<P>, bytes, P>, P>;

}  // namespace detail

/// Opens the sending end of the shared memory channel of bytes of this name, creating the channel if there is none.
/// `capacity` is in bytes; where nobody says otherwise it is 64 KiB. Blocks, Allocates, Errors: as shm_sink.
template <class P = native_memory>
[[nodiscard]] auto shm_bytes_sink(std::string_view name, const ring_options& o = {}) noexcept {
  return detail::open_end<detail::shared_bytes_sink<P>>(region_place::shared_memory(name, o.region()), o);
}
/// Opens the receiving end of the shared memory channel of bytes of this name; otherwise as shm_bytes_sink.
template <class P = native_memory>
[[nodiscard]] auto shm_bytes_source(std::string_view name, const ring_options& o = {}) noexcept {
  return detail::open_end<detail::shared_bytes_source<P>>(region_place::shared_memory(name, o.region()), o);
}
/// Opens the sending end of the channel of bytes in the file at `path`; otherwise as mapped_sink and shm_bytes_sink.
template <class P = native_memory>
[[nodiscard]] auto mapped_bytes_sink(std::string_view path, const ring_options& o = {}) noexcept {
  return detail::open_end<detail::shared_bytes_sink<P>>(detail::file_place(path, o), o);
}
/// Opens the receiving end of the channel of bytes in the file at `path`; otherwise as mapped_bytes_sink.
template <class P = native_memory>
[[nodiscard]] auto mapped_bytes_source(std::string_view path, const ring_options& o = {}) noexcept {
  return detail::open_end<detail::shared_bytes_source<P>>(detail::file_place(path, o), o);
}

}  // namespace sluice

#endif
