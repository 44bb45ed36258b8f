// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_PROCESS_LOCK_HPP
#define SLUICE_SIGNAL_PROCESS_LOCK_HPP

#include <sluice/core/config.hpp>

#include <atomic>
#include <ctime>
#include <unistd.h>

namespace sluice::detail {

/// A lock of what concerns the whole process, such as dispositions. It holds the number of the process that has it: what a
/// forked child finds locked is nobody's, since the thread that would unlock it is not there.
///
/// Threads: any; no signal handler, which would wait for the thread that it interrupts. Blocks: lock, looking again.
class process_lock {
 public:
  constexpr process_lock() noexcept = default;

  void lock() noexcept {
    const int me = ::getpid();
    for (;;) {
      int there = 0;
      if (holder_.compare_exchange_strong(there, me, std::memory_order_acquire)) return;
      if (there != me && holder_.compare_exchange_strong(there, me, std::memory_order_acquire)) return;
      rest();
    }
  }
  void unlock() noexcept { holder_.store(0, std::memory_order_release); }

  /// Until somebody else has got on.
  static void rest() noexcept {
    const timespec little{0, 50'000};
    ::nanosleep(&little, nullptr);
  }

 private:
  std::atomic<int> holder_{0};
};

/// Holds it for as long as this lives.
class process_locked {
 public:
  explicit process_locked(process_lock& l) noexcept : lock_(l) { lock_.lock(); }
  process_locked(const process_locked&) = delete;
  process_locked& operator=(const process_locked&) = delete;
  ~process_locked() { lock_.unlock(); }

 private:
  process_lock& lock_;
};

}  // namespace sluice::detail

#endif
