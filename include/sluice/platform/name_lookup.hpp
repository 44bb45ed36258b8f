// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_NAME_LOOKUP_HPP
#define SLUICE_PLATFORM_NAME_LOOKUP_HPP

// name_lookup: the addresses of a host, without blocking.
#include <sluice/platform/linux/name_lookup.hpp>

#endif
