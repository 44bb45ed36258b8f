// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_BLOCKED_SIGNALS_HPP
#define SLUICE_SIGNAL_BLOCKED_SIGNALS_HPP

#include <sluice/platform/handle.hpp>
#include <sluice/signal/signal_event.hpp>
#include <sluice/wait/verbs.hpp>

#include <initializer_list>
#include <sys/signalfd.h>
#include <unistd.h>

namespace sluice {

/// Blocks signals in this thread for as long as it lives. Threads that are started meanwhile have them blocked, too, and so
/// has a program that is executed, except by spawn().
class signal_block {
 public:
  explicit signal_block(std::initializer_list<int> numbers) noexcept {
    sigset_t these;
    sigemptyset(&these);
    for (const int n : numbers) sigaddset(&these, n);
    ::pthread_sigmask(SIG_BLOCK, &these, &before_);
  }
  signal_block(const signal_block&) = delete;
  signal_block& operator=(const signal_block&) = delete;
  ~signal_block() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

/// The other way to take signals: they stay blocked, the kernel queues them, and none is taken before it is popped. So
/// real-time signals are never folded and in order however many threads there are; where too many are pending, their
/// sender is told. For programs that block their signals in all threads from the beginning:
///
///     signal_block quiet{SIGRTMIN, SIGTERM};       // first thing in main, before there is a thread
///     blocked_signals in{SIGRTMIN, SIGTERM};
///
/// Threads: one at a time. Blocks: pop; never try_pop. Allocates: never. Errors: empty; closed; forked; invalid (a signal
/// that cannot be caught, or one that this thread does not block).
class blocked_signals : public source_verbs<blocked_signals> {
 public:
  using value_type = signal_event;
  static constexpr end_traits traits{.carries_close = false,
                                     .sees_reader_go = false,
                                     .survives_fork = false,
                                     .spans = reach::host,
                                     .max_size = sizeof(signal_event)};

  blocked_signals(std::initializer_list<int> numbers) noexcept {
    sigset_t these, blocked;
    sigemptyset(&these);
    ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    for (const int n : numbers) {
      if (!detail::may_be_caught(n) || sigismember(&blocked, n) == 0) {
        why_ = error(errc::invalid, step::create, subject::signal_number);
        return;
      }
      sigaddset(&these, n);
    }
    fd_ = unique_handle(::signalfd(-1, &these, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd_) why_ = detail::last_error(step::create);
  }
  blocked_signals(blocked_signals&& o) noexcept
      : fd_(std::move(o.fd_)), why_(std::exchange(o.why_, error(errc::closed, step::pop))), owner_(o.owner_) {}
  blocked_signals& operator=(blocked_signals&& o) noexcept {
    fd_ = std::move(o.fd_);
    why_ = std::exchange(o.why_, error(errc::closed, step::pop));
    owner_ = o.owner_;
    return *this;
  }

  [[nodiscard]] status ok() const noexcept { return why_; }

  result<signal_event> try_pop() noexcept {
    if (!fd_) return why_;
    if (owner_ != ::getpid()) return error(errc::forked, step::pop);  // it would read the signals of the child
    signalfd_siginfo i;
    const auto n = detail::retry_interrupted([&] { return ::read(fd_.get(), &i, sizeof i); });
    if (n != static_cast<ssize_t>(sizeof i)) return errno == EAGAIN ? error(errc::empty, step::pop) : detail::last_error(step::pop);
    signal_event e;
    e.signo = static_cast<std::int32_t>(i.ssi_signo);
    e.code = i.ssi_code;
    e.pid = static_cast<std::int32_t>(i.ssi_pid);
    e.uid = i.ssi_uid;
    e.value = static_cast<std::int64_t>(i.ssi_ptr);
    return e;
  }
  void arm(want, wait_set& set) noexcept {
    if (fd_ && owner_ == ::getpid()) set.on(fd_.get(), want::pop);
    else set.ready();
  }
  void disarm(want) noexcept {}
  void close() noexcept {
    fd_.reset();
    why_ = error(errc::closed, step::pop);
  }

 private:
  unique_handle fd_;
  error why_;
  pid_t owner_ = ::getpid();
};

}  // namespace sluice

#endif
