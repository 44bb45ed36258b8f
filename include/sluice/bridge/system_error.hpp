// SPDX-License-Identifier: MIT
#ifndef SLUICE_BRIDGE_SYSTEM_ERROR_HPP
#define SLUICE_BRIDGE_SYSTEM_ERROR_HPP

#include <sluice/platform/describe.hpp>

#include <string>
#include <system_error>

namespace sluice {

/// The category of our codes: `ec == errc::closed` asks for one of ours, `ec == std::errc::timed_out` for its like.
/// The sentences are those of describe() for the code alone; who wants all of an error keeps the error.
inline const std::error_category& error_category() noexcept {
  static const class final : public std::error_category {
    const char* name() const noexcept override { return "sluice"; }
    std::string message(int code) const override { return describe(error(static_cast<errc>(code))).c_str(); }
    std::error_condition default_error_condition(int code) const noexcept override {
      switch (static_cast<errc>(code)) {
        case errc::empty:
        case errc::full:
        case errc::pending: return std::errc::resource_unavailable_try_again;
        case errc::timeout: return std::errc::timed_out;
        case errc::stopped: return std::errc::operation_canceled;
        case errc::closed: return std::errc::broken_pipe;
        case errc::too_big: return std::errc::message_size;
        case errc::truncated:
        case errc::corrupt:
        case errc::mismatch: return std::errc::bad_message;
        case errc::peer_died: return std::errc::owner_dead;
        case errc::busy: return std::errc::device_or_resource_busy;
        case errc::forked:
        case errc::denied: return std::errc::permission_denied;
        case errc::invalid: return std::errc::invalid_argument;
        case errc::not_found: return std::errc::no_such_file_or_directory;
        case errc::no_space: return std::errc::no_space_on_device;
        case errc::unsupported: return std::errc::not_supported;
        default: return {code, *this};
      }
    }
  } it;
  return it;
}

[[nodiscard]] inline std::error_code make_error_code(errc c) noexcept { return {static_cast<int>(c), error_category()}; }
/// That of the system where it was the system that refused.
[[nodiscard]] inline std::error_code make_error_code(error e) noexcept {
  return e == errc::os ? std::error_code(e.detail, std::system_category()) : make_error_code(e.code);
}

}  // namespace sluice

template <>
struct std::is_error_code_enum<sluice::errc> : std::true_type {};

#endif
