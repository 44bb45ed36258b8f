// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_CLOCK_HPP
#define SLUICE_PLATFORM_LINUX_CLOCK_HPP

#include <sluice/core/config.hpp>

#if SLUICE_HAS_LINUX()

#include <cstdint>
#include <ctime>

namespace sluice::detail {

inline std::int64_t monotonic_ns() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace sluice::detail

#endif
#endif
