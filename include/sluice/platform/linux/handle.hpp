// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_HANDLE_HPP
#define SLUICE_PLATFORM_LINUX_HANDLE_HPP

#include <sluice/core/error.hpp>

#if SLUICE_HAS_LINUX()

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace sluice {

/// A descriptor with one owner, closed when that is destroyed.
class unique_handle {
 public:
  constexpr unique_handle() noexcept = default;
  constexpr explicit unique_handle(int fd) noexcept : fd_(fd) {}
  unique_handle(unique_handle&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  unique_handle& operator=(unique_handle&& o) noexcept {
    if (this != &o) reset(std::exchange(o.fd_, -1));
    return *this;
  }
  ~unique_handle() { reset(); }

  [[nodiscard]] constexpr int get() const noexcept { return fd_; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept {
    // Linux has closed the descriptor even where close() reports EINTR: trying again would close somebody else's.
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

namespace detail {

/// A descriptor that remembers which file it is of. A stray close() elsewhere in the program can put another file
/// behind the number: then it no longer holds, and the number is left alone.
class steady_handle {
 public:
  constexpr steady_handle() noexcept = default;
  explicit steady_handle(unique_handle fd) noexcept : fd_(std::move(fd)) {
    if (struct stat now = {}; fd_ && ::fstat(fd_.get(), &now) == 0) device_ = now.st_dev, inode_ = now.st_ino;
    else fd_.reset();
  }
  steady_handle(steady_handle&&) noexcept = default;
  steady_handle& operator=(steady_handle&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::move(other.fd_);
      device_ = other.device_, inode_ = other.inode_;
    }
    return *this;
  }
  ~steady_handle() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_.get(); }
  [[nodiscard]] bool holds() const noexcept {
    struct stat now = {};
    return fd_ && ::fstat(fd_.get(), &now) == 0 && same(now);
  }
  void reset() noexcept {
    struct stat now = {};
    if (const bool known = ::fstat(fd_.get(), &now) == 0; known ? !same(now) : errno == EBADF) (void)fd_.release();
    fd_.reset();
  }

 private:
  [[nodiscard]] bool same(const struct stat& now) const noexcept {
    return now.st_dev == device_ && now.st_ino == inode_;
  }

  unique_handle fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Runs a system call again for as long as a signal interrupts it.
template <class Call>
auto retry_interrupted(Call&& call) noexcept {
  for (;;) {
    const auto r = call();
    if (r != -1 || errno != EINTR) return r;
  }
}

/// errno as an error; those with a code of their own get it, and keep the number as detail only where it adds
/// something.
inline error last_error(step at) noexcept {
  switch (errno) {
    case ENOENT: return error(errc::not_found, at);
    case EACCES:
    case EPERM:
    case EROFS: return error(errc::denied, at, subject::permissions);
    case ENOSPC:
    case EDQUOT:
    case ENOMEM: return error(errc::no_space, at, subject::size);
    case EMFILE:
    case ENFILE: return error(errc::no_space, at, subject::descriptors);
    case EFBIG: return error(errc::too_big, at, subject::size);
    case ELOOP: return error(errc::denied, at, subject::symlink);
    case ENOTDIR: return error(errc::invalid, at, subject::directory);
    case EISDIR: return error(errc::invalid, at, subject::file_type);
    case ENAMETOOLONG: return error(errc::invalid, at, subject::name);
    case ENOSYS:
    case EOPNOTSUPP: return error(errc::unsupported, at, subject::file_system);
    case EPIPE:
    case ECONNRESET: return error(errc::closed, at);
    default: return error(errc::os, at, static_cast<std::int32_t>(errno));
  }
}

/// How large this process may make a file.
inline std::uint64_t file_size_limit() noexcept {
  struct {  // struct rlimit64; spelled out because <sys/resource.h> brings so much else
    std::uint64_t now, most;
  } limit{};
  constexpr int file_size = 1;
  return ::syscall(SYS_prlimit64, 0, file_size, nullptr, &limit) == 0 ? limit.now : ~std::uint64_t{0};
}

inline unique_handle open_at(int directory, const char* name, int flags, mode_t mode = 0) noexcept {
  return unique_handle(retry_interrupted([&] { return ::openat(directory, name, flags | O_CLOEXEC, mode); }));
}

}  // namespace detail
}  // namespace sluice

#endif
#endif
