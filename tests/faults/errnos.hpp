// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FAULTS_ERRNOS_HPP
#define SLUICE_TESTS_FAULTS_ERRNOS_HPP

#include "interceptor.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/futex.h>
#include <string>

// What each system call may answer, by its manual page, without what only a wrong argument can cause (EBADF, EFAULT and
// the like: whoever sees them has a bug, and the sanitizers and unit tests look for those).

namespace faults {

struct documented_call {
  long number;
  const char* name;
  std::vector<int> errors;
  bool counts = false;  // moves bytes, perhaps fewer than asked for
};

inline const std::vector<documented_call>& documented_calls() {
  static const std::vector<documented_call> all{
      {SYS_openat, "openat", {EACCES, EBUSY, EDQUOT, EEXIST, EINTR, EINVAL, EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENFILE, ENODEV,
                              ENOENT, ENOMEM, ENOSPC, ENOTDIR, ENXIO, EOPNOTSUPP, EOVERFLOW, EPERM, EROFS, ETXTBSY, EAGAIN}},
      {SYS_mkdir, "mkdir", {EACCES, EDQUOT, EEXIST, ELOOP, EMLINK, ENAMETOOLONG, ENOENT, ENOMEM, ENOSPC, ENOTDIR, EPERM, EROFS}},
      {SYS_newfstatat, "newfstatat", {EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW}},
      {SYS_fstat, "fstat", {ENOMEM, EOVERFLOW}},
      {SYS_fstatfs, "fstatfs", {EINTR, EIO, ENOMEM, ENOSYS, EOVERFLOW}},
      {SYS_access, "access", {EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EROFS, EIO, ENOMEM}},
      {SYS_fcntl, "fcntl", {}},  // by command, below
      {SYS_fallocate, "fallocate", {EFBIG, EINTR, EIO, ENODEV, ENOSPC, ENOSYS, EOPNOTSUPP, EPERM, ETXTBSY}},
      {SYS_fchmod, "fchmod", {EIO, EPERM, EROFS}},
      {SYS_fchown, "fchown", {EIO, EPERM, EROFS}},
      {SYS_prlimit64, "prlimit64", {EINVAL, EPERM, ESRCH}},
      {SYS_pread64, "pread", {EAGAIN, EINTR, EIO, EISDIR}, true},
      {SYS_pwrite64, "pwrite", {EAGAIN, EDQUOT, EFBIG, EINTR, EIO, ENOSPC, EPERM}, true},
      {SYS_read, "read", {EAGAIN, EINTR, EIO, EISDIR}, true},
      {SYS_write, "write", {EAGAIN, EDQUOT, EFBIG, EINTR, EIO, ENOSPC, EPERM, EPIPE}, true},
      {SYS_pwritev2, "pwritev2", {EAGAIN, EDQUOT, EFBIG, EINTR, EIO, ENOSPC, EPERM, EPIPE, EOPNOTSUPP, EINVAL, ENOSYS}, true},
      {SYS_linkat, "linkat", {EACCES, EDQUOT, EEXIST, EIO, ELOOP, EMLINK, ENAMETOOLONG, ENOENT, ENOMEM, ENOSPC, ENOTDIR, EPERM,
                              EROFS, EXDEV, EINVAL}},
      {SYS_unlinkat, "unlinkat", {EACCES, EBUSY, EIO, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EPERM, EROFS}},
      {SYS_mmap, "mmap", {EACCES, EAGAIN, EINVAL, ENFILE, ENODEV, ENOMEM, EOVERFLOW, EPERM}},
      {SYS_madvise, "madvise", {EACCES, EAGAIN, EINVAL, EIO, ENOMEM, EPERM}},
      {SYS_msync, "msync", {EBUSY, EINVAL, ENOMEM, EIO}},
      {SYS_fsync, "fsync", {EINTR, EIO, EROFS, EINVAL, ENOSPC, EDQUOT}},
      {SYS_fdatasync, "fdatasync", {EINTR, EIO, EROFS, EINVAL, ENOSPC, EDQUOT}},
      {SYS_getrandom, "getrandom", {EAGAIN, EINTR, ENOSYS}, true},
      {SYS_futex, "futex", {}},  // by operation, below
      {449, "futex_waitv", {EAGAIN, EINTR, EINVAL, ENOMEM, ETIMEDOUT, ENOSYS, EPERM}},
      {SYS_membarrier, "membarrier", {EINVAL, ENOSYS, EPERM}},
      {SYS_ppoll, "ppoll", {EINTR, EINVAL, ENOMEM}},
      {SYS_nanosleep, "nanosleep", {EINTR}},
      {SYS_clock_nanosleep, "clock_nanosleep", {EINTR}},
      {SYS_eventfd2, "eventfd2", {EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM, ENOSYS}},
      {SYS_pipe2, "pipe2", {EINVAL, EMFILE, ENFILE, ENOSYS}},
      {SYS_splice, "splice", {EAGAIN, EINTR, EINVAL, ENOMEM, EPIPE}},
      {SYS_preadv2, "preadv2", {EAGAIN, EINTR, EIO, EISDIR, EOPNOTSUPP, EINVAL, ENOSYS}, true},
      {SYS_mknodat, "mknodat", {EACCES, EDQUOT, EEXIST, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOSPC, ENOTDIR, EPERM, EROFS}},
      {SYS_clone, "clone", {EAGAIN, ENOMEM, ENOSPC, EPERM, EUSERS}},
      {SYS_waitid, "waitid", {EINTR}},
      {424, "pidfd_send_signal", {EPERM, EINVAL, ENOSYS}},
      {SYS_socket, "socket", {EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTONOSUPPORT}},
      {SYS_bind, "bind", {EACCES, EADDRINUSE, EADDRNOTAVAIL, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR,
                          EROFS}},
      {SYS_listen, "listen", {EADDRINUSE, EOPNOTSUPP}},
      {SYS_accept4, "accept4", {EAGAIN, ECONNABORTED, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTO, EPERM,
                                ENETDOWN, EHOSTUNREACH}},
      // Without EINPROGRESS: said of a connection that is not begun, it is a lie that nobody could see through.
      {SYS_connect, "connect", {EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, EAGAIN, ECONNREFUSED, EHOSTUNREACH, EINTR,
                                ENETUNREACH, ENOBUFS, ENOMEM, ETIMEDOUT, ENOENT, EPROTOTYPE}},
      {SYS_setsockopt, "setsockopt", {ENOPROTOOPT, ENOMEM, ENOBUFS, EPERM}},
      {SYS_getsockopt, "getsockopt", {ENOPROTOOPT, ENOMEM, ENOBUFS, EMFILE, ENODATA}},
      {SYS_getsockname, "getsockname", {ENOBUFS}},
      {SYS_getpeername, "getpeername", {ENOBUFS}},
      {SYS_shutdown, "shutdown", {ENOTCONN}},
      {SYS_sendto, "sendto", {EAGAIN, EINTR, ENOBUFS, ENOMEM, ECONNRESET, EMSGSIZE, EPIPE}, true},
      {SYS_recvfrom, "recvfrom", {EAGAIN, EINTR, ENOMEM, ECONNREFUSED}, true},
      {SYS_sendmmsg, "sendmmsg", {EAGAIN, ECONNREFUSED, EINTR, EIO, EINVAL, ENOBUFS, ENOMEM, EPERM, ENETUNREACH}},
      {SYS_recvmmsg, "recvmmsg", {EAGAIN, ECONNREFUSED, EINTR, ENOMEM}},
      {SYS_poll, "poll", {EINTR, ENOMEM}},
      {SYS_memfd_create, "memfd_create", {EINVAL, EMFILE, ENFILE, ENOMEM, EPERM, ENOSYS}},
      {SYS_socketpair, "socketpair", {EAFNOSUPPORT, EMFILE, ENFILE, EOPNOTSUPP, EPROTONOSUPPORT, ENOMEM}},
      {SYS_sendmsg, "sendmsg", {EAGAIN, ECONNRESET, EINTR, EMSGSIZE, ENOBUFS, ENOMEM, EPIPE, ETOOMANYREFS}},
      {SYS_recvmsg, "recvmsg", {EAGAIN, ECONNREFUSED, EINTR, ENOMEM}},
      {SYS_renameat, "renameat", {EACCES, EBUSY, EDQUOT, EINVAL, EISDIR, ELOOP, EMLINK, ENAMETOOLONG, ENOENT, ENOMEM, ENOSPC,
                                  ENOTDIR, ENOTEMPTY, EPERM, EROFS, EXDEV}},
      {SYS_fchmodat, "fchmodat", {EACCES, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EPERM, EROFS}},
      {SYS_ioctl, "ioctl", {}},  // FIONREAD fails only for a wrong argument
      {SYS_mq_open, "mq_open", {EACCES, EEXIST, EINVAL, EMFILE, ENFILE, ENOENT, ENOMEM, ENOSPC, ENOSYS}},
      {SYS_mq_unlink, "mq_unlink", {EACCES, ENOENT, EPERM, ENOSYS}},
      {SYS_mq_timedsend, "mq_timedsend", {EAGAIN, EINTR, ENOMEM}},
      {SYS_mq_timedreceive, "mq_timedreceive", {EAGAIN, EINTR}},
      {SYS_mq_getsetattr, "mq_getsetattr", {}},
      {SYS_msgget, "msgget", {EACCES, EEXIST, ENOENT, ENOMEM, ENOSPC, ENOSYS}},
      {SYS_msgctl, "msgctl", {EACCES, EIDRM, EINVAL, EPERM}},
      {SYS_msgsnd, "msgsnd", {EACCES, EAGAIN, EIDRM, EINTR, EINVAL, ENOMEM}},
      {SYS_msgrcv, "msgrcv", {EACCES, EIDRM, EINTR, EINVAL, ENOMSG}},
      {SYS_close, "close", {EINTR, EIO, ENOSPC, EDQUOT}},  // the descriptor is gone all the same
      // Cannot fail, or only for a wrong argument; of munmap also where it would split a mapping, which nobody does here.
      {SYS_munmap, "munmap", {}},
      {SYS_getpid, "getpid", {}},
      {SYS_geteuid, "geteuid", {}},
      {SYS_rt_sigprocmask, "rt_sigprocmask", {}},
      {SYS_rt_sigpending, "rt_sigpending", {}},
      {SYS_rt_sigtimedwait, "rt_sigtimedwait", {EAGAIN, EINTR}},
      {SYS_brk, "brk", {}},  // of malloc, in the first call of a process to pthread_atfork
  };
  return all;
}

inline const documented_call* find_call(long number) {
  for (const auto& d : documented_calls())
    if (d.number == number) return &d;
  return nullptr;
}

/// The errors that this very call may give.
inline std::vector<int> errors_of(const call& c, const remote& child) {
  if (c.number == SYS_fcntl) {
    if (c.args[1] == F_SETPIPE_SZ) return {EBUSY, EINTR, EINVAL, ENOMEM, EPERM};
    if (c.args[1] == F_GETPIPE_SZ || c.args[1] == F_SETFL) return {EPERM};
    const auto type = child.read<struct flock>(c.args[2]).l_type;
    if (c.args[1] == F_OFD_GETLK) return {EINTR, ENOLCK, EOVERFLOW};
    if (c.args[1] == F_OFD_SETLK && type == F_UNLCK) return {EINTR};  // ENOLCK only where a range is split: not bytes
    if (c.args[1] == F_OFD_SETLK) return {EACCES, EAGAIN, EINTR, ENOLCK, EDEADLK};
    return {EINTR, EPERM, EBUSY, EINVAL};  // F_ADD_SEALS
  }
  if (c.number == SYS_futex) {
    if ((static_cast<int>(c.args[1]) & FUTEX_CMD_MASK) == FUTEX_WAKE) return {EINVAL, ENOSYS};
    return {EACCES, EAGAIN, EINTR, EINVAL, ENOSYS, ETIMEDOUT};
  }
  const auto* const d = find_call(c.number);
  return d == nullptr ? std::vector<int>{} : d->errors;
}

/// Counts that this very call may move instead of all: none, one, half, all but one. A message goes as a whole or not at all.
inline std::vector<int> counts_of(const call& c, const remote& child) {
  const auto* const d = find_call(c.number);
  if (d == nullptr || !d->counts) return {};
  if ((c.number == SYS_sendto || c.number == SYS_recvfrom) && !child.is_stream_socket(static_cast<int>(c.args[0]))) return {};
  unsigned long long n = c.args[2];
  if (detail::counted_in_rsi(c.number)) n = c.args[1];
  if (detail::counted_in_iovec(c.number)) n = child.read<iovec>(c.args[1]).iov_len;
  if (n < 2) return {};
  if (n == 2) return {1};
  return {1, static_cast<int>(n / 2), static_cast<int>(n - 1)};
}

}  // namespace faults

#endif
