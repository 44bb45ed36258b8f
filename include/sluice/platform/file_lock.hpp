// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_FILE_LOCK_HPP
#define SLUICE_PLATFORM_FILE_LOCK_HPP

// Locks on single bytes of a file, owned by an open description and dropped by the kernel with its last reference:
// try_lock_byte, unlock_byte, byte_is_locked. fork_exclusion keeps fork() away while one is held by a descriptor.
#include <sluice/platform/linux/file_lock.hpp>

#endif
