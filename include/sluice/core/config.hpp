// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_CONFIG_HPP
#define SLUICE_CORE_CONFIG_HPP

#include <sluice/core/version.hpp>

// The one place that asks the compiler what it is. Feature macros are function-like, so that a missing include is an
// error and not a silent zero. No macro changes a layout.

#if defined(__linux__) && __STDC_HOSTED__
#define SLUICE_HAS_LINUX() 1
#else
#define SLUICE_HAS_LINUX() 0
#endif

/// More than the memcpy, memmove, memset and memcmp that a compiler itself needs.
#define SLUICE_HAS_C_LIBRARY() __STDC_HOSTED__

/// The processor may have an instruction for CRC-32C, and the runtime of the compiler says whether it has.
#if defined(__x86_64__) && defined(__GNUC__) && SLUICE_HAS_LINUX()
#define SLUICE_HAS_CRC32C_INSTRUCTION() 1
#else
#define SLUICE_HAS_CRC32C_INSTRUCTION() 0
#endif

#if defined(__GNUC__)
#define SLUICE_COLD() [[gnu::cold, gnu::noinline]]
#define SLUICE_INLINE() [[gnu::always_inline]] inline
#define SLUICE_NOINLINE() [[gnu::noinline]]
#define SLUICE_INLINE_LAMBDA() __attribute__((always_inline))  // behind the parameters
#define SLUICE_NOINLINE_LAMBDA() __attribute__((noinline))
#else
#define SLUICE_COLD()
#define SLUICE_INLINE() inline
#define SLUICE_NOINLINE()
#define SLUICE_INLINE_LAMBDA()
#define SLUICE_NOINLINE_LAMBDA()
#endif

/// Checks a precondition that only a bug in the calling program can break. Define it before the first include to
/// report in your own way; by default a broken precondition is not looked for.
#if !defined(SLUICE_ASSERT)
#define SLUICE_ASSERT(condition) static_cast<void>(0)
#endif

#endif
