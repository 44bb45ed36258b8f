// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_FILE_LOCK_HPP
#define SLUICE_PLATFORM_LINUX_FILE_LOCK_HPP

#include <sluice/platform/linux/handle.hpp>

#if SLUICE_HAS_LINUX()

#include <pthread.h>

namespace sluice::detail {

inline struct flock one_byte(short type, std::int64_t offset) noexcept {
  struct flock l = {};
  l.l_type = type;
  l.l_whence = SEEK_SET;
  l.l_start = static_cast<off_t>(offset);
  l.l_len = 1;
  return l;
}

/// Takes the write lock on a byte; `busy` if another description holds it.
inline error try_lock_byte(int fd, std::int64_t offset) noexcept {
  struct flock l = one_byte(F_WRLCK, offset);
  if (retry_interrupted([&] { return ::fcntl(fd, F_OFD_SETLK, &l); }) == 0) return {};
  return errno == EAGAIN || errno == EACCES ? error(errc::busy, step::lock) : last_error(step::lock);
}
inline void unlock_byte(int fd, std::int64_t offset) noexcept {
  struct flock l = one_byte(F_UNLCK, offset);
  (void)retry_interrupted([&] { return ::fcntl(fd, F_OFD_SETLK, &l); });
}
/// Does another description hold the byte? Where the kernel gives no answer, it is taken to be held.
inline bool byte_is_locked(int fd, std::int64_t offset) noexcept {
  struct flock l = one_byte(F_WRLCK, offset);
  return retry_interrupted([&] { return ::fcntl(fd, F_OFD_GETLK, &l); }) != 0 || l.l_type != F_UNLCK;
}

/// While one exists, fork() in any thread of this process waits. A child that inherited a descriptor whose description
/// holds a lock would keep that lock, and so a dead participant alive, for as long as the child lives.
class fork_exclusion {
 public:
  fork_exclusion() noexcept {
    static const int registered = ::pthread_atfork(lock, unlock, unlock);
    (void)registered;
    lock();
  }
  fork_exclusion(const fork_exclusion&) = delete;
  fork_exclusion& operator=(const fork_exclusion&) = delete;
  ~fork_exclusion() { unlock(); }

 private:
  // A signal handler that forks while its own thread is in here cannot wait for it: such a child gets the descriptor.
  static void lock() noexcept {
    if (depth()++ == 0) ::pthread_mutex_lock(&mutex());
  }
  static void unlock() noexcept {
    if (--depth() == 0) ::pthread_mutex_unlock(&mutex());
  }
  static int& depth() noexcept {
    static constinit thread_local int n = 0;
    return n;
  }
  static pthread_mutex_t& mutex() noexcept {
    static constinit pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    return m;
  }
};

}  // namespace sluice::detail

#endif
#endif
