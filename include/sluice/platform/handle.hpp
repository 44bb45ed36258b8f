// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_HANDLE_HPP
#define SLUICE_PLATFORM_HANDLE_HPP

// unique_handle: an operating system handle with one owner; last_error: errno as an error.
#include <sluice/platform/linux/handle.hpp>

#endif
