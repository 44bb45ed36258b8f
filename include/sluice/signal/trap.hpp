// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_TRAP_HPP
#define SLUICE_SIGNAL_TRAP_HPP

#include <sluice/core/result.hpp>
#include <sluice/platform/handle.hpp>
#include <sluice/signal/process_lock.hpp>

#include <atomic>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <utility>

namespace sluice {

namespace detail {

/// The innermost guarded scope of a thread.
struct trap_scope {
  sigjmp_buf back;
  trap_scope* outer;
  int signo = 0;
  void* address = nullptr;
};

class trap_handler {
 public:
  static constexpr int caught[] = {SIGBUS, SIGSEGV};

  /// Installs it where it is not there yet. Who installs a handler of its own later takes its faults itself.
  static error install() noexcept {
    static constinit process_lock one_at_a_time;
    const process_locked hold(one_at_a_time);
    return install_all();
  }
  static trap_scope*& innermost() noexcept {
    static thread_local constinit trap_scope* scope = nullptr;
    return scope;
  }

 private:
  static error install_all() noexcept {
    for (const int n : caught) {
      struct sigaction there = {}, ours = {};
      if (::sigaction(n, nullptr, &there) != 0) return last_error(step::create);
      if ((there.sa_flags & SA_SIGINFO) != 0 && there.sa_sigaction == &handle) continue;
      before(n).action = there;
      ours.sa_sigaction = &handle;
      ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
      sigemptyset(&ours.sa_mask);
      if (::sigaction(n, &ours, nullptr) != 0) return last_error(step::create);
    }
    return {};
  }
  struct kept {
    struct sigaction action = {};
  };
  static kept& before(int signo) noexcept {
    static constinit kept bus{}, segv{};
    return signo == SIGBUS ? bus : segv;
  }
  static void handle(int signo, siginfo_t* info, void* context) noexcept {
    trap_scope* const s = innermost();
    if (s != nullptr && info->si_code > 0) {  // the kernel says that an instruction failed; nobody has sent it
      innermost() = s->outer;
      s->signo = signo;
      s->address = info->si_addr;
      siglongjmp(s->back, 1);
    }
    const struct sigaction& was = before(signo).action;
    if ((was.sa_flags & SA_SIGINFO) != 0) {
      was.sa_sigaction(signo, info, context);
    } else if (was.sa_handler != SIG_DFL && was.sa_handler != SIG_IGN) {
      was.sa_handler(signo);
    } else {
      ::sigaction(signo, &was, nullptr);
      if (info->si_code <= 0) ::raise(signo);  // a fault comes again by itself
    }
  }
};

}  // namespace detail

/// Where a guarded piece of code failed.
struct fault {
  int signo = 0;             // SIGBUS: the file behind the mapping has been cut short, or its disk fails; SIGSEGV
  const void* address = nullptr;
};

/// Runs `f`; a SIGBUS or SIGSEGV that it causes in this thread ends it, and is an error. For reading mapped files that
/// others may cut short:
///
///     if (auto s = trap([&] { std::memcpy(to, mapped, n); }); !s) return s.err();  // truncated: it is shorter now
///
/// `f` is left as if by longjmp: it must not own anything (no destructor is run), hold a lock, or be in the middle of a
/// call that others rely on, and it must not throw. Copy out of the mapping, and no more. Scopes may be nested; faults of
/// other threads and signals that somebody sent are treated as before.
///
/// Threads: any; no signal handler. Blocks: never. Allocates: never. Costs three system calls. Errors: truncated (SIGBUS: there is no such page
/// in the file, or it cannot be read); os with EFAULT (SIGSEGV).
template <class F>
status trap(F&& f, fault* what = nullptr) noexcept {
  if (const error e = detail::trap_handler::install()) return e;
  detail::trap_scope scope;
  scope.outer = detail::trap_handler::innermost();
  if (sigsetjmp(scope.back, 1) == 0) {
    detail::trap_handler::innermost() = &scope;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    std::forward<F>(f)();
    std::atomic_signal_fence(std::memory_order_seq_cst);
    detail::trap_handler::innermost() = scope.outer;
    return {};
  }
  if (what != nullptr) *what = {scope.signo, scope.address};
  return scope.signo == SIGBUS ? error(errc::truncated, step::map) : error(errc::os, step::map, EFAULT);
}

}  // namespace sluice

#endif
