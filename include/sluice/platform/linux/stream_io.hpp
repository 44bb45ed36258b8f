// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_STREAM_IO_HPP
#define SLUICE_PLATFORM_LINUX_STREAM_IO_HPP

#include <sluice/core/result.hpp>
#include <sluice/platform/poll.hpp>

#if SLUICE_HAS_LINUX()

#include <atomic>
#include <climits>
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

// Makes a call with SIGPIPE held back in this thread, and swallows the one that it may have raised. Dispositions and
// signals that were pending before stay as they are.
template <class Call>
ssize_t without_sigpipe(Call call) noexcept {
  sigset_t pipe_signal, pending, before;
  sigemptyset(&pipe_signal), sigaddset(&pipe_signal, SIGPIPE);
  sigemptyset(&pending), sigpending(&pending);
  const bool was_pending = sigismember(&pending, SIGPIPE) == 1;
  if (!was_pending) ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t n = retry_interrupted(call);
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
inline ssize_t write_without_sigpipe(int fd, std::span<const std::byte> from) noexcept {
  return without_sigpipe([&] { return ::write(fd, from.data(), from.size()); });
}

// Has the kernel a flag of a single read or write? It says so by one of these.
inline bool flag_unknown() noexcept { return errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS; }

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
    tried = n != -1 || !flag_unknown();
    if (!tried) kernel_can.store(false, std::memory_order_relaxed);
  }
  if (!tried) n = write_without_sigpipe(fd, from);
  if (n > 0) return static_cast<std::size_t>(n);
  if (n == 0 || errno == EAGAIN) return error(errc::full, step::write);
  return last_error(step::write);
}

/// How a read or write is kept from waiting where O_NONBLOCK is not ours to set.
enum class kept_prompt : std::uint8_t {
  by_flag,   // RWF_NOWAIT, for this one call
  by_poll,   // asked first; what others take or put in between is waited for
  by_nature, // a file: never empty, never full
};

inline result<std::size_t> read_promptly(int fd, std::span<std::byte> to, kept_prompt& how) noexcept {
  if (to.empty()) return error(errc::invalid, step::read, subject::size);
  if (how == kept_prompt::by_flag) {
    const iovec v{to.data(), to.size()};
    const auto n = retry_interrupted([&] { return ::preadv2(fd, &v, 1, -1, RWF_NOWAIT); });
    if (n > 0) return static_cast<std::size_t>(n);
    if (n == 0) return error(errc::closed, step::read);
    if (!flag_unknown()) return errno == EAGAIN ? error(errc::empty, step::read) : last_error(step::read);
    how = kept_prompt::by_poll;
  }
  if (how == kept_prompt::by_poll && readiness(fd, POLLIN) == 0) return error(errc::empty, step::read);
  return read_some(fd, to);
}

inline result<std::size_t> write_promptly(int fd, std::span<const std::byte> from, kept_prompt& how) noexcept {
  if (from.empty()) return error(errc::invalid, step::write, subject::size);
  if (how == kept_prompt::by_flag) {
    const iovec v{const_cast<std::byte*>(from.data()), from.size()};
    const auto n = without_sigpipe([&] { return ::pwritev2(fd, &v, 1, -1, RWF_NOWAIT); });
    if (n > 0) return static_cast<std::size_t>(n);
    if (n == 0 || errno == EAGAIN) return error(errc::full, step::write);
    if (!flag_unknown()) return last_error(step::write);
    how = kept_prompt::by_poll;
  }
  if (how == kept_prompt::by_poll) {
    if (readiness(fd, POLLOUT) == 0) return error(errc::full, step::write);
    if (from.size() > PIPE_BUF) from = from.first(PIPE_BUF);  // a pipe that is ready has room for that much
  }
  return write_some(fd, from);
}

}  // namespace sluice::detail

#endif
#endif
