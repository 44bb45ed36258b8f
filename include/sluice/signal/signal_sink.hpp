// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_SIGNAL_SINK_HPP
#define SLUICE_SIGNAL_SIGNAL_SINK_HPP

#include <sluice/platform/pidfd.hpp>
#include <sluice/platform/poll.hpp>
#include <sluice/signal/signal_event.hpp>
#include <sluice/wait/verbs.hpp>

#include <sys/syscall.h>
#include <unistd.h>

namespace sluice {

/// Sends one signal again and again, each time with a value, to a process or to one thread.
///
/// A process is named by a descriptor of it, so the signal never goes to another one that has got its number. A real-time
/// signal is queued, or the push is refused: `full` when the receiver's user has too many pending (RLIMIT_SIGPENDING), and
/// then waiting looks again every millisecond. A standard signal that is pending already is the same as that one, and says
/// `ok`.
///
/// Threads: any. Blocks: push; never try_push. Allocates: never. Errors: full; closed (it has ended); denied.
class signal_sink : public sink_verbs<signal_sink> {
 public:
  using value_type = std::int64_t;
  static constexpr end_traits traits{.reliable = false,
                                     .carries_close = false,
                                     .sees_reader_go = false,
                                     .spans = reach::host,
                                     .max_size = sizeof(std::int64_t)};

  signal_sink(unique_handle process, int signo) noexcept : process_(std::move(process)), signo_(signo) {}
  signal_sink(pid_t process, pid_t thread, int signo) noexcept : pid_(process), tid_(thread), signo_(signo) {}
  signal_sink(signal_sink&& o) noexcept
      : process_(std::move(o.process_)), pid_(o.pid_), tid_(std::exchange(o.tid_, 0)), signo_(o.signo_) {}
  signal_sink& operator=(signal_sink&& o) noexcept {
    process_ = std::move(o.process_);
    pid_ = o.pid_, tid_ = std::exchange(o.tid_, 0), signo_ = o.signo_;
    return *this;
  }

  status try_push(std::int64_t value) noexcept {
    if (!process_ && tid_ == 0) return error(errc::closed, step::push);
    // Who has ended and is not buried yet would still be sent to.
    if (process_ && detail::readiness(process_.get(), POLLIN) != 0) return error(errc::closed, step::push);
    siginfo_t info = {};
    info.si_signo = signo_;
    info.si_code = SI_QUEUE;
    info.si_pid = ::getpid();
    info.si_uid = ::getuid();
    info.si_value.sival_ptr = reinterpret_cast<void*>(static_cast<std::intptr_t>(value));
    if (process_ ? detail::signal_by_pidfd(process_.get(), signo_, &info)
                 : ::syscall(SYS_rt_tgsigqueueinfo, pid_, tid_, signo_, &info) == 0)
      return {};
    switch (errno) {
      case EAGAIN: return error(errc::full, step::push);
      case ESRCH: return error(errc::closed, step::push);
      case EINVAL: return error(errc::invalid, step::push, subject::signal_number);
      default: return detail::last_error(step::push);
    }
  }
  void arm(want, wait_set& set) noexcept { set.within(1'000'000); }
  void disarm(want) noexcept {}
  void close() noexcept {
    process_.reset();
    tid_ = 0;
  }

 private:
  unique_handle process_;
  pid_t pid_ = 0, tid_ = 0;
  int signo_;
};

namespace detail {

inline status may_be_sent(int signo) noexcept {
  return signo > 0 && signo <= SIGRTMAX ? status() : error(errc::invalid, step::open, subject::signal_number);
}

}  // namespace detail

/// To a process. Errors: closed (there is none); unsupported (a kernel before 5.3); invalid; os.
[[nodiscard]] inline result<signal_sink> signals_to(pid_t process, int signo) noexcept {
  if (const status s = detail::may_be_sent(signo); !s) return s.err();
  unique_handle fd = detail::open_pidfd(process);
  if (fd) return signal_sink(std::move(fd), signo);
  switch (errno) {
    case ESRCH: return error(errc::closed, step::open);
    case ENOSYS: return error(errc::unsupported, step::open);
    default: return detail::last_error(step::open);
  }
}
/// To a thread of this process, by its number as gettid() says it. It must not have ended: the number may be another's then.
[[nodiscard]] inline result<signal_sink> signals_to_thread(pid_t thread, int signo) noexcept {
  if (const status s = detail::may_be_sent(signo); !s) return s.err();
  return signal_sink(::getpid(), thread, signo);
}

}  // namespace sluice

#endif
