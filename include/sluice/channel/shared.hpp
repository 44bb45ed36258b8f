// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_SHARED_HPP
#define SLUICE_CHANNEL_SHARED_HPP

#include <sluice/channel/shared_home.hpp>
#include <sluice/channel/spsc_kind.hpp>
#include <sluice/core/unmet.hpp>

// Channels between processes.

namespace sluice {

/// Opens the sending end of the shared memory channel of this name, creating the channel if there is none.
///
/// Blocks: up to two seconds while another process joins the same role. Allocates: one page, and the region if created.
/// Errors: busy (a living sender; `who`), mismatch, corrupt, truncated, denied, invalid, not_found (the directory),
/// too_big, no_space, unsupported, os.
template <wire T, channel_kind Kind = spsc, class P = native_memory>
[[nodiscard]] auto shm_sink(std::string_view name, const ring_options& o = {}) noexcept {
  return detail::shared_ends<T, Kind, P>::open_sink(region_place::shared_memory(name, o.region()), o);
}
/// Opens the receiving end of the shared memory channel of this name; otherwise as shm_sink.
template <wire T, channel_kind Kind = spsc, class P = native_memory>
[[nodiscard]] auto shm_source(std::string_view name, const ring_options& o = {}) noexcept {
  return detail::shared_ends<T, Kind, P>::open_source(region_place::shared_memory(name, o.region()), o);
}
/// Opens the sending end of the channel in the file at `path`, creating the file if there is none.
///
/// After a reboot the channel is as it was if the last participant had left in order, and empty otherwise: opened()
/// says so. Blocks, Allocates, Errors: as shm_sink.
template <wire T, channel_kind Kind = spsc, class P = native_memory>
[[nodiscard]] auto mapped_sink(std::string_view path, const ring_options& o = {}) noexcept {
  return detail::shared_ends<T, Kind, P>::open_sink(detail::file_place(path, o), o);
}
/// Opens the receiving end of the channel in the file at `path`; otherwise as mapped_sink.
template <wire T, channel_kind Kind = spsc, class P = native_memory>
[[nodiscard]] auto mapped_source(std::string_view path, const ring_options& o = {}) noexcept {
  return detail::shared_ends<T, Kind, P>::open_source(detail::file_place(path, o), o);
}

// The same for what cannot be sent, or is no kind.
template <class T, class Kind = spsc, class P = native_memory>
  requires(!wire<T> || !channel_kind<Kind>)
auto shm_sink(std::string_view, const ring_options& = {}) noexcept {
  return detail::unmet<detail::unmet_wire<T>, detail::unmet_kind<Kind>>();
}
template <class T, class Kind = spsc, class P = native_memory>
  requires(!wire<T> || !channel_kind<Kind>)
auto shm_source(std::string_view, const ring_options& = {}) noexcept {
  return detail::unmet<detail::unmet_wire<T>, detail::unmet_kind<Kind>>();
}
template <class T, class Kind = spsc, class P = native_memory>
  requires(!wire<T> || !channel_kind<Kind>)
auto mapped_sink(std::string_view, const ring_options& = {}) noexcept {
  return detail::unmet<detail::unmet_wire<T>, detail::unmet_kind<Kind>>();
}
template <class T, class Kind = spsc, class P = native_memory>
  requires(!wire<T> || !channel_kind<Kind>)
auto mapped_source(std::string_view, const ring_options& = {}) noexcept {
  return detail::unmet<detail::unmet_wire<T>, detail::unmet_kind<Kind>>();
}

}  // namespace sluice

#endif
