// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_WORD_BELL_HPP
#define SLUICE_PLATFORM_WORD_BELL_HPP

// Words that somebody sleeps on by futex, as a descriptor that poll and epoll can watch.
#include <sluice/platform/linux/word_bell.hpp>

#endif
