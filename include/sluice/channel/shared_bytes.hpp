// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_SHARED_BYTES_HPP
#define SLUICE_CHANNEL_SHARED_BYTES_HPP

#include <sluice/channel/bytes_end.hpp>
#include <sluice/channel/shared_home.hpp>

// Channels of messages of any length between processes.

namespace sluice {

namespace detail {

template <class Kind, class P>
struct shared_bytes {
  using producer = typename ring_kind<Kind>::template producer<std::byte, P>;
  using consumer = typename ring_kind<Kind>::template consumer<std::byte, P>;
  using sink = bytes_sink<Kind, shared_home<producer, Kind, P>, P>;
  using source = bytes_source<Kind, shared_home<consumer, Kind, P>, P>;
};

}  // namespace detail

/// Opens the sending end of the shared memory channel of bytes of this name, creating the channel if there is none.
/// `capacity` is in bytes; where nobody says otherwise it is 64 KiB. Blocks, Allocates, Errors: as shm_sink.
template <class Kind = spsc, class P = native_memory>
[[nodiscard]] auto shm_bytes_sink(std::string_view name, const ring_options& o = {}) noexcept {
  return detail::open_end<typename detail::shared_bytes<bytes_of<Kind>, P>::sink>(region_place::shared_memory(name, o.region()), o);
}
/// Opens the receiving end of the shared memory channel of bytes of this name; otherwise as shm_bytes_sink.
template <class Kind = spsc, class P = native_memory>
[[nodiscard]] auto shm_bytes_source(std::string_view name, const ring_options& o = {}) noexcept {
  return detail::open_end<typename detail::shared_bytes<bytes_of<Kind>, P>::source>(region_place::shared_memory(name, o.region()), o);
}
/// Opens the sending end of the channel of bytes in the file at `path`; otherwise as mapped_sink and shm_bytes_sink.
template <class Kind = spsc, class P = native_memory>
[[nodiscard]] auto mapped_bytes_sink(std::string_view path, const ring_options& o = {}) noexcept {
  return detail::open_end<typename detail::shared_bytes<bytes_of<Kind>, P>::sink>(detail::file_place(path, o), o);
}
/// Opens the receiving end of the channel of bytes in the file at `path`; otherwise as mapped_bytes_sink.
template <class Kind = spsc, class P = native_memory>
[[nodiscard]] auto mapped_bytes_source(std::string_view path, const ring_options& o = {}) noexcept {
  return detail::open_end<typename detail::shared_bytes<bytes_of<Kind>, P>::source>(detail::file_place(path, o), o);
}

}  // namespace sluice

#endif
