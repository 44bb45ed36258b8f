// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_FENCE_HPP
#define SLUICE_PLATFORM_LINUX_FENCE_HPP

#include <sluice/core/config.hpp>

#if SLUICE_HAS_LINUX()

#include <atomic>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::detail {

enum class membarrier_command { global = 1 << 1, register_global = 1 << 2, local = 1 << 3, register_local = 1 << 4 };

inline bool membarrier(membarrier_command c) noexcept { return ::syscall(SYS_membarrier, c, 0, 0) == 0; }

/// Registers this process, so that the heavy fence of a sleeper reaches its threads: `shared` for sleepers in any
/// process, otherwise in this one. False if the kernel (before 4.16) or a sandbox refuses.
inline bool join_heavy_fence(bool shared) noexcept {
  static constinit std::atomic<signed char> known[2]{};  // 0 not asked yet, 1 yes, -1 no
  auto& answer = known[shared ? 1 : 0];
  if (const auto k = answer.load(std::memory_order_relaxed)) return k > 0;
  const bool yes = membarrier(shared ? membarrier_command::register_global : membarrier_command::register_local);
  answer.store(yes ? 1 : -1, std::memory_order_relaxed);
  return yes;
}

/// Acts as a full fence in every running thread of the registered processes (or of this one), and here. False if only
/// the latter could be done: then whoever sleeps must look again by itself.
inline bool heavy_fence(bool shared) noexcept {
  const auto command = shared ? membarrier_command::global : membarrier_command::local;
  if (join_heavy_fence(shared) && membarrier(command)) return true;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return false;
}

}  // namespace sluice::detail

#endif
#endif
