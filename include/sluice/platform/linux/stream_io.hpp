// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_STREAM_IO_HPP
#define SLUICE_PLATFORM_LINUX_STREAM_IO_HPP

#include <sluice/core/result.hpp>
#include <sluice/platform/handle.hpp>

#if SLUICE_HAS_LINUX()

#include <atomic>
#include <csignal>
#include <cstddef>
#include <span>
#include <sys/uio.h>

namespace sluice::detail {

inline result<std::size_t> read_some(int fd, std::span<std::byte> to) noexcept {
  if (to.empty()) return error(errc::invalid, step::read, subject::size);
  const auto n = retry_interrupted([&] { return ::read(fd, to.data(), to.size()); });
  if (n > 0) return static_cast<std::size_t>(n);
  if (n == 0) return error(errc::closed, step::read);
  return errno == EAGAIN ? error(errc::empty, step::read) : last_error(step::read);
}

// Writes with SIGPIPE held back in this thread, and swallows the one that this write may have raised. Dispositions and
// signals that were pending before stay as they are.
inline ssize_t write_without_sigpipe(int fd, std::span<const std::byte> from) noexcept {
  sigset_t pipe_signal, pending, before;
  sigemptyset(&pipe_signal), sigaddset(&pipe_signal, SIGPIPE);
  sigemptyset(&pending), sigpending(&pending);
  const bool was_pending = sigismember(&pending, SIGPIPE) == 1;
  if (!was_pending) ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const auto n = retry_interrupted([&] { return ::write(fd, from.data(), from.size()); });
  const int why = errno;
  if (!was_pending) {
    if (n == -1 && why == EPIPE) {
      const timespec now{};
      (void)retry_interrupted([&] { return ::sigtimedwait(&pipe_signal, nullptr, &now); });
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  errno = why;
  return n;
}

inline result<std::size_t> write_some(int fd, std::span<const std::byte> from) noexcept {
  if (from.empty()) return error(errc::invalid, step::write, subject::size);
  // Linux 6.18 can leave SIGPIPE out of a single write; asked once per process whether this kernel does.
  static constinit std::atomic<bool> kernel_can{true};
  ssize_t n = -1;
  bool tried = false;
  if (kernel_can.load(std::memory_order_relaxed)) {
    constexpr int no_signal = 0x100;
    const iovec v{const_cast<std::byte*>(from.data()), from.size()};
    n = retry_interrupted([&] { return ::pwritev2(fd, &v, 1, -1, no_signal); });
    tried = n != -1 || (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS);
    if (!tried) kernel_can.store(false, std::memory_order_relaxed);
  }
  if (!tried) n = write_without_sigpipe(fd, from);
  if (n > 0) return static_cast<std::size_t>(n);
  if (n == 0 || errno == EAGAIN) return error(errc::full, step::write);
  return last_error(step::write);
}

}  // namespace sluice::detail

#endif
#endif
