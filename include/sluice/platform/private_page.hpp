// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_PRIVATE_PAGE_HPP
#define SLUICE_PLATFORM_PRIVATE_PAGE_HPP

// private_page: memory of this process that a forked child finds wiped to zero.
#include <sluice/platform/linux/private_page.hpp>

#endif
