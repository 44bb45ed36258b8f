// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_STREAM_IO_HPP
#define SLUICE_PLATFORM_STREAM_IO_HPP

// read_some and write_some on non-blocking byte streams: at least one byte, or why not; never SIGPIPE. read_promptly
// and write_promptly do the same on descriptors that may block.
#include <sluice/platform/linux/stream_io.hpp>

#endif
