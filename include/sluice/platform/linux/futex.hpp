// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_FUTEX_HPP
#define SLUICE_PLATFORM_LINUX_FUTEX_HPP

#include <sluice/core/error.hpp>

#if SLUICE_HAS_LINUX()

#include <cerrno>
#include <climits>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::detail {

/// How a sleep ended. `woken` includes spurious wakes, signals, and a word that had changed already.
enum class wakeup { woken, timeout, unsupported };

inline constexpr std::int64_t never = INT64_MAX;  // nanoseconds of the monotonic clock

inline timespec to_timespec(std::int64_t ns) noexcept {
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

/// One word that a sleeper watches, and the value it must not have any more.
struct watched_word {
  const void* word;
  std::uint32_t value;
  bool shared;
};

/// Sleeps while the word has its value, at most until `deadline` (absolute).
inline wakeup futex_wait(const watched_word& w, std::int64_t deadline) noexcept {
  const timespec until = to_timespec(deadline);
  const long r = ::syscall(SYS_futex, w.word, FUTEX_WAIT_BITSET | (w.shared ? 0 : FUTEX_PRIVATE_FLAG), w.value,
                           deadline == never ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
  return r == -1 && errno == ETIMEDOUT ? wakeup::timeout : wakeup::woken;
}

inline constexpr unsigned max_watched_words = 16;

/// Sleeps while every one of at most `max_watched_words` words has its value. Linux 5.16; `unsupported` before.
inline wakeup futex_wait_any(const watched_word* words, unsigned n, std::int64_t deadline) noexcept {
  struct {  // struct futex_waitv; spelled out because older kernel headers lack it
    std::uint64_t value;
    std::uint64_t address;
    std::uint32_t flags;
    std::uint32_t reserved;
  } list[max_watched_words] = {};
  for (unsigned i = 0; i < n; ++i)
    list[i] = {words[i].value, reinterpret_cast<std::uintptr_t>(words[i].word),
               2u /* 32 bits */ | (words[i].shared ? 0u : static_cast<std::uint32_t>(FUTEX_PRIVATE_FLAG)), 0};
  const timespec until = to_timespec(deadline);
  constexpr long futex_waitv = 449;
  const long r = ::syscall(futex_waitv, list, n, 0u, deadline == never ? nullptr : &until, CLOCK_MONOTONIC);
  if (r == -1 && errno == ETIMEDOUT) return wakeup::timeout;
  if (r == -1 && (errno == ENOSYS || errno == EPERM)) return wakeup::unsupported;
  return wakeup::woken;
}

/// Wakes at most `n` of those who sleep on the word. Async-signal-safe; keeps errno.
inline void futex_wake(const void* word, bool shared, int n = INT_MAX) noexcept {
  const int keep = errno;
  ::syscall(SYS_futex, word, FUTEX_WAKE | (shared ? 0 : FUTEX_PRIVATE_FLAG), n, nullptr, nullptr, 0);
  errno = keep;
}

}  // namespace sluice::detail

#endif
#endif
