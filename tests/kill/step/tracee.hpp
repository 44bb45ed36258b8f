// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_TRACEE_HPP
#define SLUICE_TESTS_KILL_TRACEE_HPP

#include "process.hpp"

#include <cstddef>
#include <functional>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>

// A child that is run one machine instruction at a time, and can be killed between any two.

namespace kill_rig {

/// Where a victim tells its tracer that it stands at the beginning or the end of something: one int3 instruction.
[[gnu::noinline]] inline void mark() {
#if defined(__x86_64__)
  asm volatile("int3" ::: "memory");
#endif
}

/// Does the process sleep in the kernel, waiting for something?
inline bool asleep(pid_t pid) {
  char path[64], text[512];
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const auto n = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  if (n <= 0) return false;
  text[n] = '\0';
  const char* const name_end = std::strrchr(text, ')');
  return name_end != nullptr && name_end[2] == 'S';
}

class tracee {
 public:
  /// What the next instruction was.
  enum class stepped {
    plain,  // it touched memory and registers at most
    call,   // a system call, now complete
    mark,   // a mark: not executed
    gone,   // the process has ended
  };

  /// Forks a child that runs `body` and ends with what it returns; it stands before the first instruction of body.
  template <class Body>
  explicit tracee(Body body) {
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::alarm(3600);
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      ::_exit(body());
    }
    if (pid_ > 0 && wait()) ::ptrace(PTRACE_SETOPTIONS, pid_, nullptr, options);
  }
  /// The child that `parent` forks next, stopped before its first instruction; and the parent stops at its fork. It will
  /// be our child when its parent is gone.
  explicit tracee(tracee& parent) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    ::ptrace(PTRACE_SETOPTIONS, parent.pid_, nullptr, options | PTRACE_O_TRACEFORK);
    if (!parent.resume(PTRACE_CONT) || parent.event_ != PTRACE_EVENT_FORK) return;
    unsigned long forked = 0;
    ::ptrace(PTRACE_GETEVENTMSG, parent.pid_, nullptr, &forked);
    pid_ = static_cast<pid_t>(forked);
    if (wait()) ::ptrace(PTRACE_SETOPTIONS, pid_, nullptr, options);
  }
  tracee(const tracee&) = delete;
  tracee& operator=(const tracee&) = delete;
  ~tracee() { kill(); }

  pid_t pid() const noexcept { return pid_; }
  bool running() const noexcept { return pid_ > 0 && !gone_; }
  /// What it ended with: its exit code, or minus the number of a signal.
  int ended_with() const noexcept { return code_; }

  /// Called once, when the child has fallen asleep in a system call that is being waited for.
  void once_asleep(std::function<void()> f) { asleep_ = std::move(f); }

  /// Runs it up to and over the next mark; false if it ended first.
  bool run_to_mark() {
    while (running()) {
      if (!(std::exchange(on_its_way_, false) ? wait() : resume(PTRACE_CONT))) return false;
      if (stop_ == SIGTRAP) return true;
      if (stop_ != SIGSTOP) pass_on_ = stop_;
    }
    return false;
  }
  /// The same, if that takes no longer; otherwise it runs on, until run_to_mark() waits for it.
  bool run_to_mark_within(double seconds) {
    if (!running() || ::ptrace(PTRACE_CONT, pid_, nullptr, nullptr) != 0) return false;
    int how = 0;
    on_its_way_ = !test::eventually([&] { return ::waitpid(pid_, &how, WNOHANG | __WALL) == pid_; }, seconds);
    return !on_its_way_ && note(how) && (stop_ == SIGTRAP || run_to_mark());
  }
  /// Executes the next instruction, unless it is a mark.
  stepped step() {
    if (!running()) return stepped::gone;
    const unsigned long code = next_code();
    if ((code & 0xff) == int3_code) return stepped::mark;
    const bool call = (code & 0xffff) == syscall_code;
    if (!resume(PTRACE_SINGLESTEP, call)) return stepped::gone;
    if (stop_ != SIGTRAP) pass_on_ = stop_;
    return call ? stepped::call : stepped::plain;
  }
  /// Is its next instruction a system call?
  bool before_call() const { return running() && (next_code() & 0xffff) == syscall_code; }
  /// Runs it at full speed to the end of the next system call; false if a mark or its end came first.
  bool run_over_call() {
    for (int edge = 0; edge < 2;) {
      if (!running() || !resume(PTRACE_SYSCALL, edge == 1)) return false;
      if (stop_ == (SIGTRAP | 0x80)) ++edge;
      else if (stop_ == SIGTRAP) return false;
      else pass_on_ = stop_;
    }
    return true;
  }
  /// Runs it at full speed until it sleeps in a system call; false if it came to a mark or its end instead.
  bool run_to_sleep() {
    if (!running() || ::ptrace(PTRACE_CONT, pid_, nullptr, nullptr) != 0) return false;
    for (;;) {
      int how = 0;
      if (::waitpid(pid_, &how, WNOHANG | __WALL) == pid_) return note(how), false;
      if (kill_rig::asleep(pid_)) return true;
      test::sleep_us(20);
    }
  }
  /// Does it have a mapping of that file?
  bool maps(const std::string& file) const {
    return running() && test::mappings_of(file, pid_) != 0;
  }

  /// SIGKILL where it stands. Its locks and memory are gone when this returns; it stays a zombie until reap().
  void kill_and_leave() noexcept {
    if (!running()) return;
    ::kill(pid_, SIGKILL);
    siginfo_t i{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &i, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
    gone_ = true;
    code_ = -SIGKILL;
  }
  void reap() noexcept {
    if (pid_ <= 0) return;
    int how = 0;
    while (::waitpid(pid_, &how, __WALL) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
  void kill() noexcept {
    kill_and_leave();
    reap();
  }

 private:
  static constexpr unsigned long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
  static constexpr unsigned long int3_code = 0xcc, syscall_code = 0x050f;
  // The bytes at the program counter, which is always the boundary of an instruction.
  unsigned long next_code() const {
#if defined(__x86_64__)
    const long at = ::ptrace(PTRACE_PEEKUSER, pid_, offsetof(user_regs_struct, rip), nullptr);
    return static_cast<unsigned long>(::ptrace(PTRACE_PEEKTEXT, pid_, at, nullptr));
#else
    return int3_code;  // never asked: why_impossible() speaks first
#endif
  }
  bool resume(decltype(PTRACE_CONT) how, bool may_sleep = false) {
    if (::ptrace(how, pid_, nullptr, std::exchange(pass_on_, 0)) != 0) return gone_ = true, false;
    if (may_sleep && asleep_) {
      for (int quiet = 0; quiet < 50;) {  // asleep for about a millisecond
        int state = 0;
        if (::waitpid(pid_, &state, WNOHANG | __WALL) == pid_) return note(state);
        quiet = kill_rig::asleep(pid_) ? quiet + 1 : 0;
        test::sleep_us(20);
      }
      std::exchange(asleep_, nullptr)();
    }
    return wait();
  }
  bool wait() {
    int how = 0;
    pid_t p = 0;
    while ((p = ::waitpid(pid_, &how, __WALL)) < 0 && errno == EINTR) {
    }
    return p == pid_ ? note(how) : (gone_ = true, false);
  }
  // Stopped? An end seen here has been reaped.
  bool note(int how) {
    if (WIFSTOPPED(how)) return stop_ = WSTOPSIG(how), event_ = how >> 16, true;
    code_ = WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
    gone_ = true;
    pid_ = -1;
    return false;
  }
  pid_t pid_ = -1;
  int stop_ = 0;
  int event_ = 0;    // which one, if it stopped for one
  int pass_on_ = 0;  // a signal that it is to get
  int code_ = 0;
  bool gone_ = false;
  bool on_its_way_ = false;  // running, and nobody has waited for it yet
  std::function<void()> asleep_;
};

/// Is single-stepping another process permitted, and do we know how to? Says why not.
inline const char* why_impossible() {
#if !defined(__x86_64__)
  return "needs x86-64: elsewhere a pair of load-linked and store-conditional never ends under single steps";
#else
  tracee probe([] {
    mark();
    mark();
    return 7;
  });
  if (!probe.run_to_mark()) return "ptrace is not permitted here";
  int plain = 0;
  while (probe.step() == tracee::stepped::plain && plain < 1000) ++plain;
  if (plain == 0 || plain == 1000 || !probe.run_to_mark()) return "ptrace does not step here";
  return probe.run_to_mark() || probe.ended_with() != 7 ? "ptrace does not resume here" : nullptr;
#endif
}

}  // namespace kill_rig

#endif
