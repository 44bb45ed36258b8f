// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_POLL_HPP
#define SLUICE_PLATFORM_LINUX_POLL_HPP

#include <sluice/platform/clock.hpp>
#include <sluice/platform/futex.hpp>
#include <sluice/platform/handle.hpp>

#if SLUICE_HAS_LINUX()

#include <poll.h>
#include <sys/eventfd.h>

namespace sluice::detail {

/// A descriptor that a sleeper watches.
struct watched_handle {
  int fd;
  bool for_writing;
  bool quiet = false;  // the last poll_any() has found it neither ready nor broken

  [[nodiscard]] short events() const noexcept { return for_writing ? POLLOUT : POLLIN; }
};
inline constexpr unsigned max_watched_handles = 16;

/// What is left until a deadline that is not `never`.
inline timespec time_left(std::int64_t deadline) noexcept {
  const std::int64_t ns = deadline - monotonic_ns();
  return to_timespec(ns > 0 ? ns : 0);
}

/// Sleeps until one of at most `max_watched_handles` descriptors, and a bell, is ready or broken, at most until
/// `deadline`.
inline wakeup poll_any(watched_handle* handles, unsigned n, std::int64_t deadline) noexcept {
  pollfd list[max_watched_handles + 1] = {};
  for (unsigned i = 0; i < n; ++i) list[i] = {handles[i].fd, handles[i].events(), 0};
  const timespec left = deadline == never ? timespec{} : time_left(deadline);
  const int ready = ::ppoll(list, n, deadline == never ? nullptr : &left, nullptr);
  for (unsigned i = 0; i < n; ++i) handles[i].quiet = ready >= 0 && list[i].revents == 0;
  return ready == 0 ? wakeup::timeout : wakeup::woken;
}

/// What a descriptor is ready for just now, of `what` (POLLIN, POLLOUT); POLLHUP and POLLERR are said unasked. 0: for
/// nothing, or the kernel does not answer; a signal is no news of it.
inline short readiness(int fd, short what) noexcept {
  pollfd one{fd, what, 0};
  return retry_interrupted([&] { return ::poll(&one, 1, 0); }) > 0 ? one.revents : short{0};
}
inline bool ready_now(const watched_handle& h) noexcept { return readiness(h.fd, h.events()) != 0; }

inline unique_handle make_bell() noexcept { return unique_handle(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

/// Async-signal-safe; keeps errno.
inline void ring_bell(int bell) noexcept {
  const int keep = errno;
  const std::uint64_t one = 1;
  (void)!::write(bell, &one, sizeof one);
  errno = keep;
}

}  // namespace sluice::detail

#endif
#endif
