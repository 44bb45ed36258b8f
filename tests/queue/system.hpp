// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_QUEUE_SYSTEM_HPP
#define SLUICE_TESTS_QUEUE_SYSTEM_HPP

#include "process.hpp"

#include <sluice/platform/describe.hpp>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <sys/time.h>

// What the tests of the system's queues share: another program, a namespace of their own, a storm of signals.

namespace test {

/// To be called in a child: an IPC namespace of its own, in which it may set limits but not go beyond them.
inline bool enter_ipc_namespace() { return enter_namespaces(0) && ::unshare(CLONE_NEWIPC) == 0; }

/// What a test's child says when the machine does not let it try.
inline constexpr int cannot = 77;

/// A C program, compiled by the system's compiler; its path, or nothing where there is no compiler.
inline std::string compiled(const scratch& dir, const char* text) {
  const std::string source = dir / "other.c", program = dir / "other";
  std::ofstream(source) << text;
  const std::string command = "cc -o " + program + " " + source + " -lrt 2>/dev/null";
  return std::system(command.c_str()) == 0 ? program : std::string();
}
inline int run(const std::string& command) {
  const int how = std::system(command.c_str());
  return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

/// Does the sentence about this error name what is to be changed?
inline bool names(sluice::error why, const char* what) {
  return std::string(sluice::describe(why).c_str()).find(what) != std::string::npos;
}

/// A signal every half millisecond, which interrupts system calls, for as long as this lives.
class signal_storm {
 public:
  signal_storm() {
    struct sigaction a = {};
    a.sa_handler = [](int) {};  // without SA_RESTART
    ::sigaction(SIGALRM, &a, &before_);
    const itimerval often{{0, 500}, {0, 500}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
  }
  signal_storm(const signal_storm&) = delete;
  signal_storm& operator=(const signal_storm&) = delete;
  ~signal_storm() {
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    ::sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  struct sigaction before_ = {};
};

inline std::int64_t processor_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace test

#endif
