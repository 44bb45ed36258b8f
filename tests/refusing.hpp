// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_REFUSING_HPP
#define SLUICE_TESTS_REFUSING_HPP

// A process to which the system refuses some of its calls, as an old kernel or a sandbox does.

#include "process.hpp"

#include <cstddef>
#include <initializer_list>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

namespace test {

inline constexpr int call_futex_waitv = 449, call_io_uring_setup = 425, call_io_uring_enter = 426, call_membarrier = 324;  // x86-64

/// To be called in a child: from now on these calls say ENOSYS. False where that cannot be had.
inline bool refuse(std::initializer_list<int> calls, int with = ENOSYS) {
#if defined(__x86_64__)
  sock_filter program[64] = {};
  unsigned short n = 0;
  program[n++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  for (const int call : calls) {
    program[n++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1);
    program[n++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(with));
  }
  program[n++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_fprog all{n, program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) == 0;
#else
  (void)calls, (void)with;
  return false;
#endif
}

/// Runs `body`, which returns 0 if all is well, in a child to which the calls are refused. 0 too where nothing can be
/// refused.
template <class Body>
int without(std::initializer_list<int> calls, Body body) {
  child c([&] { return refuse(calls) ? body() : 0; });
  return c.wait();
}

}  // namespace test

#endif
