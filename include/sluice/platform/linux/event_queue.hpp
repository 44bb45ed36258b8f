// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_EVENT_QUEUE_HPP
#define SLUICE_PLATFORM_LINUX_EVENT_QUEUE_HPP

#include <sluice/platform/poll.hpp>

#if SLUICE_HAS_LINUX()

#include <sys/epoll.h>
#include <sys/timerfd.h>

namespace sluice::detail {

/// Any number of descriptors as one, which is readable while some of them are ready and not yet heard of.
///
/// A descriptor is watched until it is heard of once, or closed. It is never taken out: the kernel forgets a closed
/// one, and one whose description lives on elsewhere is heard of once more, by its old tag, and then for ever silent.
/// To take it out by its number could hit another file that has got the number since.
///
/// Threads: one. Allocates: in the kernel.
class event_queue {
 public:
  enum class watch_result { watched, always_ready, refused };

  /// False if the system has no descriptor left.
  bool open() noexcept {
    if (!fd_) fd_.reset(::epoll_create1(EPOLL_CLOEXEC));
    return static_cast<bool>(fd_);
  }
  void close() noexcept { fd_.reset(); }
  [[nodiscard]] int handle() const noexcept { return fd_.get(); }

  /// A descriptor is in the queue once; a second watch of it replaces the first.
  watch_result watch(const watched_handle& h, std::uint64_t tag, bool once = true) noexcept {
    epoll_event e{};
    e.events = (h.for_writing ? EPOLLOUT : EPOLLIN) | (once ? EPOLLONESHOT : 0u);
    e.data.u64 = tag;
    if (::epoll_ctl(fd_.get(), EPOLL_CTL_MOD, h.fd, &e) == 0) return watch_result::watched;
    if (errno == ENOENT && ::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, h.fd, &e) == 0) return watch_result::watched;
    return errno == EPERM ? watch_result::always_ready : watch_result::refused;  // a file
  }
  /// Calls `heard(tag)` for those that are ready, at most 64 at a time, the longest ready first.
  template <class Heard>
  void gather(Heard heard) noexcept {
    epoll_event ready[64];
    const int n = ::epoll_wait(fd_.get(), ready, 64, 0);
    for (int i = 0; i < n; ++i) heard(std::uint64_t{ready[i].data.u64});
  }

 private:
  unique_handle fd_;
};

/// A time as a descriptor: readable from then on.
class alarm_handle {
 public:
  alarm_handle() noexcept : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {}

  [[nodiscard]] int handle() const noexcept { return fd_.get(); }
  void set(std::int64_t at) noexcept {
    if (at == set_) return;
    set_ = at;
    itimerspec when{};
    if (at != never) when.it_value = to_timespec(at > 0 ? at : 1);
    (void)::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
  }

 private:
  unique_handle fd_;
  std::int64_t set_ = never;
};

}  // namespace sluice::detail

#endif
#endif
