// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_NAMED_FILES_HPP
#define SLUICE_TESTS_KILL_NAMED_FILES_HPP

#include "process.hpp"

#include <cstddef>
#include <iostream>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace kill_rig {

/// From now on this process and its children are refused files without a name, as by file systems that have none.
inline bool refuse_anonymous_files() {
  constexpr unsigned anonymous = O_TMPFILE & ~O_DIRECTORY;  // a plain directory may be opened
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),  // the lower half: little endian
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, anonymous, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{sizeof program / sizeof *program, program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 &&
         ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) < 0 && errno == EOPNOTSUPP;
}

/// Victims and survivors alike live where there are no anonymous files: `body` runs in a child, and returns whether all
/// is well.
template <class Body>
bool without_anonymous_files(Body body) {
  test::child all([&] {
    if (!refuse_anonymous_files()) return 1;
    const bool well = body();
    std::cout.flush();
    std::fflush(nullptr);
    return well ? 0 : 2;
  });
  return all.wait(4 * 3600) == 0;
}

}  // namespace kill_rig

#endif
