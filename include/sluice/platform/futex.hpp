// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_FUTEX_HPP
#define SLUICE_PLATFORM_FUTEX_HPP

// Sleeping on words: futex_wait, futex_wait_any, futex_wake. `shared` says that the word lies in memory that other
// processes map. Not std::atomic::wait, which is private to one process in libstdc++.
#include <sluice/platform/linux/futex.hpp>

#endif
