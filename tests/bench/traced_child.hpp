// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_TRACED_CHILD_HPP
#define SLUICE_BENCH_TRACED_CHILD_HPP

#include <csignal>
#include <cstdlib>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

/// A child that is traced with these options, ends with this process, and is stopped before `body`; or -1.
template <class Body>
pid_t traced_child(Body body, int options) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) std::_Exit(1);
    ::raise(SIGSTOP);
    body();
    std::_Exit(0);
  }
  int how = 0;
  if (child < 0 || ::waitpid(child, &how, 0) < 0 || !WIFSTOPPED(how)) return -1;
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, options | PTRACE_O_EXITKILL);
  return child;
}

}  // namespace bench

#endif
