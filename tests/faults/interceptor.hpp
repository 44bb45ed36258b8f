// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FAULTS_INTERCEPTOR_HPP
#define SLUICE_TESTS_FAULTS_INTERCEPTOR_HPP

#include "../process.hpp"

#include <functional>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <vector>

// A tracer that stands between a child and the kernel: it sees every system call of the traced part, raw ones too, and
// can refuse one, let it do less, or report a failure of one that has succeeded. x86-64.

namespace faults {

#if defined(__x86_64__)
inline constexpr bool available = true;
#else
inline constexpr bool available = false;
#endif

/// A system call as the kernel is about to see it.
struct call {
  long number = -1;
  unsigned long long args[6] = {};
};

/// What becomes of a call.
struct verdict {
  enum kind {
    pass,
    refuse,   // not executed; fails with `value`
    disown,   // executed, and yet reported as failed with `value`: close()
    shorten,  // executed with a count of `value` in the argument of that name
  } how = pass;
  int value = 0;
};

/// Memory of the traced child.
class remote {
 public:
  explicit remote(pid_t pid) noexcept : pid_(pid) {}
  template <class T>
  [[nodiscard]] T read(unsigned long long at) const {
    T v{};
    move(::process_vm_readv, &v, sizeof v, at);
    return v;
  }
  template <class T>
  void write(unsigned long long at, T v) const {
    move(::process_vm_writev, &v, sizeof v, at);
  }
  [[nodiscard]] bool is_stream_socket(int fd) const {
    const int child = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    const int same = static_cast<int>(::syscall(SYS_pidfd_getfd, child, fd, 0));
    int type = 0;
    socklen_t size = sizeof type;
    const bool stream = ::getsockopt(same, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
    ::close(same), ::close(child);
    return stream;
  }

 private:
  template <class Mover>
  void move(Mover mover, void* here, std::size_t n, unsigned long long there) const {
    const iovec local{here, n};
    iovec other{};
    other.iov_len = n;
    std::memcpy(&other.iov_base, &there, sizeof other.iov_base);
    (void)mover(pid_, &local, 1, &other, 1, 0);
  }
  pid_t pid_;
};

using judge = std::function<verdict(const call&, const remote&)>;

/// The child's side: `traced(op)` runs the part that the tracer judges.
class stage {
 public:
  template <class Op>
  auto traced(Op op) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(99);
    ::raise(SIGSTOP);
    ::syscall(begin_mark);
    struct ender {
      ~ender() { ::syscall(end_mark); }
    } at_return;
    return op();
  }

  static constexpr long begin_mark = 100'001, end_mark = 100'002;
};

struct ending {
  bool exited = false;  // by itself; else `code` is the signal
  int code = 0;
};

namespace detail {

inline user_regs_struct registers(pid_t pid) {
  user_regs_struct r{};
  ::ptrace(PTRACE_GETREGS, pid, nullptr, &r);
  return r;
}
inline void set_registers(pid_t pid, const user_regs_struct& r) { ::ptrace(PTRACE_SETREGS, pid, nullptr, &r); }

// Which register, or which word of memory, counts the bytes of a call.
inline bool counted_in_rsi(long number) { return number == SYS_getrandom; }
inline bool counted_in_iovec(long number) { return number == SYS_pwritev2 || number == SYS_preadv2; }

/// One call from its entry to its exit.
class crossing {
 public:
  crossing(pid_t pid, const judge& decide) : pid_(pid), before_(registers(pid)) {
    const call c{static_cast<long>(before_.orig_rax),
                 {before_.rdi, before_.rsi, before_.rdx, before_.r10, before_.r8, before_.r9}};
    verdict_ = decide(c, remote(pid));
    auto r = before_;
    if (verdict_.how == verdict::refuse) r.orig_rax = ~0ull;  // no such call
    if (verdict_.how == verdict::shorten) {
      const auto n = static_cast<unsigned long long>(verdict_.value);
      if (counted_in_iovec(c.number)) remote(pid).write(before_.rsi + offsetof(iovec, iov_len), n);
      else (counted_in_rsi(c.number) ? r.rsi : r.rdx) = n;
    }
    if (verdict_.how != verdict::pass) set_registers(pid, r);
  }
  void leave() const {
    if (verdict_.how == verdict::pass) return;
    auto r = registers(pid_);
    if (verdict_.how == verdict::shorten) {
      r.rsi = before_.rsi, r.rdx = before_.rdx;
      if (counted_in_iovec(static_cast<long>(before_.orig_rax)))
        remote(pid_).write(before_.rsi + offsetof(iovec, iov_len), whole_);
    } else {
      r.rax = static_cast<unsigned long long>(-static_cast<long long>(verdict_.value));
    }
    set_registers(pid_, r);
  }

 private:
  pid_t pid_;
  user_regs_struct before_;
  verdict verdict_;
  unsigned long long whole_ = counted_in_iovec(static_cast<long>(before_.orig_rax))
                                  ? remote(pid_).read<unsigned long long>(before_.rsi + offsetof(iovec, iov_len))
                                  : 0;
};

}  // namespace detail

/// Forks a child that runs `body(stage)` and ends with what that returns. Every system call of its traced part, of the
/// thread that called traced() only, goes before `decide` first. A child that hangs is ended by SIGALRM.
inline ending run(const std::function<int(stage&)>& body, const judge& decide, unsigned seconds = 20) {
  const test::shared_with_children<int> result;  // an exit code has 8 bits
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(seconds);
    stage s;
    *result = body(s);
    ::_exit(0);
  }
  constexpr int syscall_stop = SIGTRAP | 0x80;
  bool known = false, inside = false, in_call = false;
  std::vector<detail::crossing> current;
  for (;;) {
    int how = 0;
    if (::waitpid(pid, &how, 0) < 0) {
      if (errno == EINTR) continue;
      return {};
    }
    if (WIFEXITED(how)) return {WEXITSTATUS(how) == 0, *result};
    if (WIFSIGNALED(how)) return {false, WTERMSIG(how)};
    const int signal = WSTOPSIG(how);
    long deliver = 0;
    if (!known && signal == SIGSTOP) {
      known = true;
      ::ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    } else if (signal == syscall_stop) {
      in_call = !in_call;
      if (in_call) {
        const auto number = static_cast<long>(detail::registers(pid).orig_rax);
        if (number == stage::end_mark) {
          ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
          continue;
        }
        if (inside) current.emplace_back(pid, decide);
        inside = inside || number == stage::begin_mark;
      } else if (!current.empty()) {
        current.back().leave();
        current.clear();
      }
    } else {
      deliver = signal;
    }
    ::ptrace(PTRACE_SYSCALL, pid, nullptr, deliver);
  }
}

}  // namespace faults

#endif
