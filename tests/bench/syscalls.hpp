// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_SYSCALLS_HPP
#define SLUICE_BENCH_SYSCALLS_HPP

#include "peers_sluice.hpp"
#include "traced_child.hpp"

#include <sys/syscall.h>

// Counts system calls where nothing can hide one: in a child that is traced from call to call.

namespace bench {

inline void mark() {
  (void)::syscall(SYS_getppid);  // nobody else asks for it
}

/// How many system calls `body` makes between its two marks, or -1.
template <class Body>
long system_calls(Body body) {
  const pid_t child = traced_child(body, PTRACE_O_TRACESYSGOOD);
  if (child < 0) return -1;
  int how = 0;
  long calls = 0;
  unsigned marks = 0;
  for (long deliver = 0; ::ptrace(PTRACE_SYSCALL, child, nullptr, deliver) == 0;) {
    if (::waitpid(child, &how, 0) < 0 || WIFEXITED(how) || WIFSIGNALED(how)) break;
    deliver = WSTOPSIG(how) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(how);
    if (deliver != 0) continue;
    __ptrace_syscall_info info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) <= 0) return -1;
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) continue;
    if (info.entry.nr == SYS_getppid) ++marks;
    else if (marks == 1) ++calls;
  }
  return marks == 2 && WIFEXITED(how) && WEXITSTATUS(how) == 0 ? calls : -1;
}

template <class Tx, class Rx>
void push_and_pop_marked(Tx& tx, Rx& rx, unsigned n, bool pops) {
  if (!pops) mark();
  for (unsigned i = 0; i < n; ++i)
    if (!tx.push(message<8>{i})) std::_Exit(1);
  mark();
  if (!pops) return;
  for (unsigned i = 0; i < n; ++i)
    if (!rx.pop()) std::_Exit(1);
  mark();
}

/// Prints a line for each kind of end; 0 if no operation made a call and the counter itself works.
inline int count_system_calls() {
  constexpr unsigned n = 100'000;
  sluice::ring_options o;
  o.capacity = n;
  bool good = true;
  const auto show = [&](const char* what, long calls, long wanted) {
    std::printf("%-46s %ld\n", what, calls);
    good = good && calls == wanted;
  };
  for (const bool pops : {false, true}) {
    const char* const names[2][3] = {
        {"channel: calls of 100000 pushes", "shm: calls of 100000 pushes", "mapped file: calls of 100000 pushes"},
        {"channel: calls of 100000 pops", "shm: calls of 100000 pops", "mapped file: calls of 100000 pops"}};
    show(names[pops][0], system_calls([&] {
           auto ends = sluice::channel<message<8>>(n);
           push_and_pop_marked(ends.tx, ends.rx, n, pops);
         }),
         0);
    const std::string name = fresh_name();
    show(names[pops][1], system_calls([&] {
           auto tx = opened(sluice::shm_sink<message<8>>(name, o));
           auto rx = opened(sluice::shm_source<message<8>>(name, o));
           (void)sluice::shm_remove(name);
           push_and_pop_marked(tx, rx, n, pops);
         }),
         0);
    const std::string path = "/var/tmp/" + name;
    show(names[pops][2], system_calls([&] {
           auto tx = opened(sluice::mapped_sink<message<8>>(path, o));
           auto rx = opened(sluice::mapped_source<message<8>>(path, o));
           ::unlink(path.c_str());
           push_and_pop_marked(tx, rx, n, pops);
         }),
         0);
  }
  show("control: calls of 1000 writes to a pipe", system_calls([] {
         int fd[2];
         if (::pipe2(fd, O_CLOEXEC) != 0) std::_Exit(1);
         mark();
         for (int i = 0; i < 1000; ++i)
           if (::write(fd[1], "x", 1) != 1) std::_Exit(1);
         mark();
       }),
       1000);
  return good ? 0 : 1;
}

}  // namespace bench

#endif
