// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_EVENT_QUEUE_HPP
#define SLUICE_PLATFORM_LINUX_EVENT_QUEUE_HPP

#include <sluice/platform/poll.hpp>

#if SLUICE_HAS_LINUX()

#include <sys/epoll.h>
#include <sys/syscall.h>
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
  void close() noexcept { fd_.reset(), ready_ = 0; }
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
    if (ready_ <= 0) ready_ = ::epoll_wait(fd_.get(), news_, most, 0);
    for (int i = 0, n = std::exchange(ready_, 0); i < n; ++i) heard(std::uint64_t{news_[i].data.u64});
  }
  /// Sleeps until some are ready, which gather() must be asked for before anybody else looks at the handle.
  wakeup sleep(std::int64_t deadline) noexcept {
    const timespec left = deadline == never ? timespec{} : time_left(deadline);
    const timespec* const at_most = deadline == never ? nullptr : &left;
    constexpr long epoll_pwait2 = 441;
    ready_ = static_cast<int>(::syscall(epoll_pwait2, fd_.get(), news_, most, at_most, nullptr, 0));
    if (ready_ < 0 && errno != EINTR) {  // before Linux 5.11
      watched_handle self{fd_.get(), false};
      return poll_any(&self, 1, deadline);
    }
    return ready_ == 0 ? wakeup::timeout : wakeup::woken;
  }

 private:
  static constexpr int most = 64;

  unique_handle fd_;
  int ready_ = 0;  // of the news, not yet asked for
  epoll_event news_[most];
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
