// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_TAGGED_HPP
#define SLUICE_FLOW_TAGGED_HPP

#include <cstdint>

namespace sluice {

/// A request or a reply, and which call it belongs to. The upper 16 bits of the number say whose call it is.
template <class T>
struct tagged {
  std::uint64_t id;
  T body;

  static constexpr unsigned client_shift = 48;
  [[nodiscard]] constexpr std::uint16_t client() const noexcept {
    return static_cast<std::uint16_t>(id >> client_shift);
  }
};

/// The key by which `route` brings each reply to its client: client 0 has the first sink.
inline constexpr auto by_client = [](const auto& m) { return m.client(); };

}  // namespace sluice

#endif
