// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_UNIX_NAME_HPP
#define SLUICE_STREAM_UNIX_NAME_HPP

#include <sluice/memory/region_place.hpp>
#include <sluice/platform/describe.hpp>
#include <sluice/platform/file_lock.hpp>
#include <sluice/platform/socket.hpp>

#include <cstddef>
#include <cstdio>

#include <string_view>
#include <sys/un.h>

// Names of Unix sockets: a path of any length, or an abstract name, written with an @ in front.

namespace sluice::detail {

/// A name as the kernel takes it.
class unix_address {
 public:
  /// Of a socket that is there. A path that is too long for the kernel is held open, and named by that.
  static result<unix_address> of(std::string_view name) noexcept {
    unix_address a;
    if (is_abstract(name)) {
      if (name.size() < 2 || name.size() > sizeof a.raw_.sun_path) return bad();
      name.copy(a.raw_.sun_path, name.size());
      a.raw_.sun_path[0] = '\0';
      a.size_ += static_cast<socklen_t>(name.size());
      return a;
    }
    if (name.empty() || name.find('\0') != name.npos) return bad();
    if (name.size() < sizeof a.raw_.sun_path) {
      name.copy(a.raw_.sun_path, name.size());
      a.size_ += static_cast<socklen_t>(name.size()) + 1;
      return a;
    }
    char path[4096];
    if (name.size() >= sizeof path) return bad();
    path[name.copy(path, sizeof path - 1)] = '\0';
    return of(AT_FDCWD, path, O_PATH);
  }
  /// Of a socket in a directory.
  static result<unix_address> of(int directory, const char* name, int flags = O_PATH | O_NOFOLLOW) noexcept {
    unix_address a;
    a.held_ = open_at(directory, name, flags);
    if (!a.held_)
      return errno == ENOENT ? error(errc::not_found, step::open, subject::address) : last_error(step::open);
    a.finish(std::snprintf(a.raw_.sun_path, sizeof a.raw_.sun_path, "/proc/self/fd/%d", a.held_.get()));
    return a;
  }
  /// Of a socket that is about to be in a directory, under a short name.
  static unix_address in(int directory, const char* name) noexcept {
    unix_address a;
    a.finish(std::snprintf(a.raw_.sun_path, sizeof a.raw_.sun_path, "/proc/self/fd/%d/%s", directory, name));
    return a;
  }
  static constexpr bool is_abstract(std::string_view name) noexcept { return !name.empty() && name.front() == '@'; }

  [[nodiscard]] const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&raw_); }
  [[nodiscard]] socklen_t size() const noexcept { return size_; }

 private:
  unix_address() noexcept { raw_.sun_family = AF_UNIX; }
  void finish(int printed) noexcept { size_ += static_cast<socklen_t>(printed) + 1; }
  static error bad() noexcept { return error(errc::invalid, step::open, subject::name); }

  sockaddr_un raw_{};
  socklen_t size_ = offsetof(sockaddr_un, sun_path);
  unique_handle held_;
};

/// The name of a bound socket, and the right to it.
///
///   take the lock file NAME.lock, for life          so there is one binder; what one that was killed left is stale
///   set the mode of the socket                      bind() gives it to the file, which is never open to more
///   bind it beside NAME, under a name of its own    nobody connects to a socket that does not listen yet
///   make it ready (listen)
///   rename it over NAME                             NAME leads to the old socket or to the new one, at every instant
///
/// and at the end: take NAME away if it still leads to our socket, then the lock file, then the lock. What is at NAME
/// and is no socket, or answers although nobody holds the lock, is left alone.
class unix_binding {
 public:
  unix_binding() noexcept = default;
  unix_binding(unix_binding&&) noexcept = default;
  unix_binding& operator=(unix_binding&& o) noexcept {
    if (this != &o) {
      release();
      place_ = std::move(o.place_), lock_ = std::move(o.lock_);
      lock_file_ = o.lock_file_, file_ = o.file_, owner_ = o.owner_, named_ = o.named_;
    }
    return *this;
  }
  ~unix_binding() { release(); }

  template <class Ready>
  static result<unix_binding> bind(int fd, std::string_view name, mode_t mode, Ready ready) noexcept {
    unix_binding b;
    if (unix_address::is_abstract(name)) {
      const auto a = unix_address::of(name);
      if (!a) return a.err();
      if (::bind(fd, a->data(), a->size()) != 0) return socket_error(step::create);
      if (status s = ready(fd); !s) return s.err();
      return b;
    }
    if ((mode & 0002) != 0 || (mode & 0600) != 0600) return error(errc::invalid, step::create, subject::permissions);
    b.place_ = region_place::file(name, {});
    if (!b.place_) return b.place_.err();
    if (status s = b.take_lock(); !s) return s.err();
    if (status s = b.bind_beside(fd, mode); !s) return s.err();
    if (status s = ready(fd); !s) return s.err();
    if (status s = b.may_replace(fd); !s) return s.err();
    const int at = b.place_->directory();
    if (::renameat(at, b.temporary().c_str(), at, b.place_->leaf()) != 0) return last_error(step::link);
    b.named_ = true;
    return b;
  }
  /// Gives the name back. A forked child has inherited no right to it.
  void release() noexcept {
    if (!lock_ || owner_ != ::getpid()) return lock_.reset();
    const int at = place_->directory();
    const auto name = named_ ? name_text().add(place_->leaf()) : temporary();
    struct stat now = {};
    if (file_.st_ino != 0 && ::fstatat(at, name.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0 &&
        now.st_dev == file_.st_dev && now.st_ino == file_.st_ino)
      ::unlinkat(at, name.c_str(), 0);
    if (names_file(at, lock_name().c_str(), lock_.get())) ::unlinkat(at, lock_name().c_str(), 0);
    lock_.reset();
  }

 private:
  using name_text = fixed_text<300>;
  [[nodiscard]] name_text lock_name() const noexcept { return name_text().add(place_->leaf()).add(".lock"); }
  // Short, and of this lock file alone: whoever holds the lock is the only one who uses it.
  [[nodiscard]] name_text temporary() const noexcept {
    return name_text().add(".").add_number(static_cast<long long>(lock_file_)).add(".binding");
  }

  status take_lock() noexcept {
    for (int looks = 0; looks < 100; ++looks) {
      constexpr int how = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
      lock_ = open_at(place_->directory(), lock_name().c_str(), how, 0600);
      if (!lock_) return last_error(step::lock);
      struct stat st = {};
      error e = ::fstat(lock_.get(), &st) != 0        ? last_error(step::lock)
                : !S_ISREG(st.st_mode)                ? error(errc::invalid, step::lock, subject::file_type)
                : st.st_uid != ::geteuid()            ? error(errc::denied, step::lock, subject::owner)
                                                      : try_lock_byte(lock_.get(), 0);
      if (e == errc::busy) e = in_use();
      if (!e && !names_file(place_->directory(), lock_name().c_str(), lock_.get())) continue;  // of one that just left
      if (e) lock_.reset();  // it is not ours to take away
      lock_file_ = st.st_ino;
      return e;
    }
    lock_.reset();
    return in_use();
  }
  status bind_beside(int fd, mode_t mode) noexcept {
    const int at = place_->directory();
    const auto name = temporary();
    ::unlinkat(at, name.c_str(), 0);  // of a binder that was killed
    const auto a = unix_address::in(at, name.c_str());
    if (::fchmod(fd, mode) != 0) return last_error(step::create);
    if (::bind(fd, a.data(), a.size()) != 0) {
      if (errno == ENOENT && ::access("/proc/self/fd", X_OK) != 0)
        return error(errc::unsupported, step::create, subject::proc_file_system);
      return errno == EADDRINUSE ? in_use() : last_error(step::create);
    }
    if (::fstatat(at, name.c_str(), &file_, AT_SYMLINK_NOFOLLOW) != 0) {
      const error why = last_error(step::create);
      ::unlinkat(at, name.c_str(), 0);
      return why;
    }
    // The umask may have taken something off.
    const bool right = (file_.st_mode & 0777) == mode || ::fchmodat(at, name.c_str(), mode, 0) == 0;
    return right ? status() : last_error(step::create);
  }
  status may_replace(int fd) const noexcept {
    struct stat st = {};
    if (::fstatat(place_->directory(), place_->leaf(), &st, AT_SYMLINK_NOFOLLOW) != 0)
      return errno == ENOENT ? status() : last_error(step::link);
    if (!S_ISSOCK(st.st_mode)) return error(errc::invalid, step::link, subject::file_type);
    const auto type = get_option<int>(fd, SOL_SOCKET, SO_TYPE);
    if (!type) return type.err();
    const auto a = unix_address::of(place_->directory(), place_->leaf());
    if (!a) return a.err() == errc::not_found ? status() : status(a.err());
    const auto probe = make_socket(AF_UNIX, *type);
    if (!probe) return probe.err();
    if (::connect(probe->get(), a->data(), a->size()) != 0 && (errno == ECONNREFUSED || errno == ENOENT)) return {};
    return in_use();
  }
  static error in_use() noexcept { return error(errc::busy, step::open, subject::address); }

  result<region_place> place_ = error(errc::closed);  // of an abstract name, nowhere
  unique_handle lock_;
  ino_t lock_file_ = 0;
  struct stat file_ = {};
  pid_t owner_ = ::getpid();
  bool named_ = false;
};

}  // namespace sluice::detail

#endif
