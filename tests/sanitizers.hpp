// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_SANITIZERS_HPP
#define SLUICE_TESTS_SANITIZERS_HPP

// What a test may expect of the build that it runs in: sanitized code is ten to a hundred times slower.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLUICE_TEST_SANITIZED() 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SLUICE_TEST_SANITIZED() 1
#endif
#endif
#if !defined(SLUICE_TEST_SANITIZED)
#define SLUICE_TEST_SANITIZED() 0
#endif

inline constexpr bool sanitized = SLUICE_TEST_SANITIZED() != 0;

/// So many rounds in a plain build, a twentieth of them in a sanitized one.
constexpr unsigned rounds(unsigned n) noexcept { return sanitized ? (n + 19) / 20 : n; }

#endif
