// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_PIDFD_HPP
#define SLUICE_PLATFORM_LINUX_PIDFD_HPP

#include <sluice/platform/linux/handle.hpp>

#if SLUICE_HAS_LINUX()

#include <csignal>
#include <sys/syscall.h>

namespace sluice::detail {

/// None, and errno: ESRCH where there is no such process; ENOSYS before Linux 5.3.
inline unique_handle open_pidfd(pid_t process) noexcept {
  constexpr long pidfd_open_number = 434;
  return unique_handle(static_cast<int>(::syscall(pidfd_open_number, process, 0)));
}

/// Sends as kill(2) does, or what `info` says. False, and errno: ESRCH where the process has ended and been buried.
inline bool signal_by_pidfd(int pidfd, int number, siginfo_t* info = nullptr) noexcept {
  constexpr long pidfd_send_signal_number = 424;
  return ::syscall(pidfd_send_signal_number, pidfd, number, info, 0) == 0;
}

}  // namespace sluice::detail

#endif
#endif
