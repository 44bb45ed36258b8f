// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_SPAWN_HPP
#define SLUICE_PLATFORM_LINUX_SPAWN_HPP

#include <sluice/core/result.hpp>
#include <sluice/platform/linux/handle.hpp>
#include <sluice/platform/linux/pidfd.hpp>

#if SLUICE_HAS_LINUX()

#include <csignal>
#include <cstdlib>
#include <sched.h>
#include <span>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

// A child by clone(CLONE_VM | CLONE_VFORK | CLONE_PIDFD): it runs on a stack of its own in the memory of its parent,
// whose calling thread stands still until the program has been started. Why not
//   fork: copies page tables, in proportion to the parent, and runs the handlers of pthread_atfork;
//   vfork: returns twice on one stack, which compilers know of for that one name only;
//   posix_spawn: does the same as here, but has no pidfd before glibc 2.39, and cannot close what it does not know of.
// Since memory is shared, an error of the child is just stored: no status pipe. All signals are blocked meanwhile,
// since a handler of the parent must not run in the child.

namespace sluice::detail {

/// What a child is to become. Read, and at the end written, by the child while its parent stands still.
struct child_plan {
  const char* const* arguments = nullptr;
  const char* const* environment = nullptr;
  const char* directory = nullptr;      // null: as the parent
  const char* search = nullptr;         // where a program without a slash is looked for
  int streams[3] = {0, 1, 2};           // the parent's descriptors that become 0, 1, 2
  std::span<const int> kept;            // descriptors that stay open, under the same number
  error why;                            // of the child, where it did not come to the program
};

// From here to start_child everything runs in the child: system calls only.

inline bool give_streams(child_plan& plan) noexcept {
  // First out of the way of each other, then into place.
  for (int i = 0; i < 3; ++i) {
    int& fd = plan.streams[i];
    if (fd != i && fd < 3 && (fd = ::fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0) return false;
  }
  for (int i = 0; i < 3; ++i) {
    const int fd = plan.streams[i];
    if (fd == i ? ::fcntl(fd, F_SETFD, 0) < 0 : retry_interrupted([&] { return ::dup2(fd, i); }) < 0) return false;
  }
  return true;
}

// Of the descriptors that /proc lists; false where it does not. By getdents64 itself: opendir would allocate, in the memory
// of the parent.
inline bool close_listed_on_exec() noexcept {
  constexpr std::size_t size_at = 16, name_at = 19;  // in an entry: the bytes that it takes, and the number as text
  const unique_handle list(::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  char entries[4096];
  long n = -1;
  while (list && (n = ::syscall(SYS_getdents64, list.get(), entries, sizeof entries)) > 0) {
    std::uint16_t size = 0;
    for (const char* at = entries; at < entries + n; at += size) {
      __builtin_memcpy(&size, at + size_at, sizeof size);
      int fd = 0;
      for (const char* digit = at + name_at; *digit >= '0' && *digit <= '9'; ++digit) fd = fd * 10 + (*digit - '0');
      if (fd > 2) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
  }
  return n == 0;
}

inline bool close_the_rest_on_exec(std::span<const int> kept) noexcept {
  constexpr long close_range_number = 436;
  constexpr unsigned on_exec = 4;
  // Before Linux 5.11 they are looked up, and without /proc all numbers are tried that there can be unless fs.nr_open was
  // raised. The limit alone would not do: it may be a thousand million, or below what is open.
  if (::syscall(close_range_number, 3u, ~0u, on_exec) != 0 && !close_listed_on_exec())
    for (int fd = 3; fd < 1 << 20; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  for (const int fd : kept)
    if (::fcntl(fd, F_SETFD, 0) < 0) return false;
  return true;
}

inline void run_program(const child_plan& plan) noexcept {
  const char* const name = plan.arguments[0];
  auto* const arguments = const_cast<char* const*>(plan.arguments);
  auto* const environment = const_cast<char* const*>(plan.environment);
  if (__builtin_strchr(name, '/') != nullptr || *name == '\0') {
    ::execve(name, arguments, environment);
    return;
  }
  const std::size_t size = __builtin_strlen(name) + 1;
  bool denied = false;
  for (const char* at = plan.search;;) {
    const char* const colon = __builtin_strchr(at, ':');
    const std::size_t n = colon != nullptr ? static_cast<std::size_t>(colon - at) : __builtin_strlen(at);
    char path[4096];
    if (n + 1 + size <= sizeof path) {
      __builtin_memcpy(path, at, n);
      path[n] = '/';
      __builtin_memcpy(path + n + 1, name, size);
      ::execve(n != 0 ? path : path + 1, arguments, environment);  // an empty part is the working directory
      denied = denied || errno == EACCES;
      if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) return;
    }
    if (colon == nullptr) break;
    at = colon + 1;
  }
  errno = denied ? EACCES : ENOENT;
}

inline int become(void* to) noexcept {
  auto& plan = *static_cast<child_plan*>(to);
  struct sigaction by_default = {};
  by_default.sa_handler = SIG_DFL;
  for (int n = 1; n < NSIG; ++n) ::sigaction(n, &by_default, nullptr);
  if (!give_streams(plan) || !close_the_rest_on_exec(plan.kept)) {
    plan.why = last_error(step::create);
    if (plan.why.code == errc::os) plan.why = error(errc::invalid, step::create, subject::descriptors);
    ::_exit(127);
  }
  if (plan.directory != nullptr && ::chdir(plan.directory) != 0) {
    plan.why = last_error(step::open);
    if (plan.why.code != errc::os) plan.why.detail = static_cast<std::int32_t>(subject::directory);
    ::_exit(127);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  run_program(plan);
  plan.why = last_error(step::create);
  ::_exit(127);
}

/// Looks, or waits, for the end of a child, and buries it: `empty` while it lives, ECHILD if somebody else has buried
/// it.
inline status end_of(int pidfd, bool patient, siginfo_t& how) noexcept {
  constexpr auto by_pidfd = static_cast<idtype_t>(3);
  how.si_pid = 0;
  const int options = WEXITED | (patient ? 0 : WNOHANG);
  if (retry_interrupted([&] { return ::waitid(by_pidfd, static_cast<id_t>(pidfd), &how, options); }) != 0)
    return last_error(step::pop);
  return how.si_pid != 0 ? status() : error(errc::empty, step::pop);
}

inline status send_signal(int pidfd, int number) noexcept {
  if (signal_by_pidfd(pidfd, number)) return {};
  return errno == ESRCH ? error(errc::closed, step::write) : last_error(step::write);
}

/// Starts the child, and returns its pidfd once its program runs.
inline result<unique_handle> start_child(child_plan& plan) noexcept {
  constexpr std::size_t stack_size = 128 * 1024;
  constexpr int kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK;
  void* const stack = ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, kind, -1, 0);
  if (stack == MAP_FAILED) return last_error(step::create);
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  int pidfd = -1;
  constexpr int how_to_clone = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
  const pid_t pid = ::clone(&become, static_cast<char*>(stack) + stack_size, how_to_clone, &plan, &pidfd);
  const error refused = pid < 0 ? last_error(step::create) : error();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::munmap(stack, stack_size);
  if (refused) return refused;
  unique_handle child(pidfd);
  if (!child) {  // before Linux 5.2: it runs, but cannot be watched
    ::kill(pid, SIGKILL);
    (void)retry_interrupted([&] { return ::waitpid(pid, nullptr, 0); });
    return error(errc::unsupported, step::create);
  }
  if (!plan.why) return child;
  siginfo_t how = {};
  (void)end_of(child.get(), true, how);
  return plan.why;
}

}  // namespace sluice::detail

#endif
#endif
