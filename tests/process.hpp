// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_PROCESS_HPP
#define SLUICE_TESTS_PROCESS_HPP

// What tests with several processes need: children that cannot outlive a test, memory shared with them, names that no
// other test binary uses, and a count of what a test has left behind. Knows nothing of Catch and nothing of sluice.

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <new>
#include <sched.h>
#include <string>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utility>

#if defined(__SANITIZE_THREAD__)
#define SLUICE_TEST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLUICE_TEST_TSAN 1
#endif
#endif
#ifndef SLUICE_TEST_TSAN
#define SLUICE_TEST_TSAN 0
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SLUICE_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLUICE_TEST_ASAN 1
#endif
#endif
#ifndef SLUICE_TEST_ASAN
#define SLUICE_TEST_ASAN 0
#endif

namespace test {

/// The runtime of TSan holds signals back, and keeps one of each number: tests of signals say nothing under it.
inline constexpr bool holds_signals_back = SLUICE_TEST_TSAN != 0;

inline std::int64_t now_ns() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}
inline void sleep_us(long us) noexcept {
  const timespec t{us / 1'000'000, us % 1'000'000 * 1000};
  ::nanosleep(&t, nullptr);
}
/// Asks `done` until it says yes; false after that many seconds.
template <class Done>
bool eventually(Done done, double seconds = 10) {
  const std::int64_t end = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
  while (!done()) {
    if (now_ns() > end) return false;
    sleep_us(50);
  }
  return true;
}

/// A name that no other process uses.
inline std::string unique(const char* what) {
  static int count = 0;
  return std::string("t") + std::to_string(::getpid()) + "." + std::to_string(++count) + "." + what;
}

/// A directory for one test, removed with all that is in it.
class scratch {
 public:
  explicit scratch(const char* parent = "/dev/shm") {
    path_ = std::string(::access(parent, W_OK) == 0 ? parent : "/tmp") + "/sluice-" + unique("dir");
    if (::mkdir(path_.c_str(), 0700) != 0) std::perror("scratch");
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() {
    std::error_code ignored;
    if (owner_ == ::getpid()) std::filesystem::remove_all(path_, ignored);
  }

  const char* c_str() const { return path_.c_str(); }
  std::string operator/(const char* leaf) const { return path_ + "/" + leaf; }
  std::size_t entries() const {
    std::size_t n = 0;
    for (const auto& e : std::filesystem::directory_iterator(path_)) (void)e, ++n;
    return n;
  }

 private:
  std::string path_;
  pid_t owner_ = ::getpid();
};

/// One T in memory that children share. Make it before them.
template <class T>
class shared_with_children {
 public:
  shared_with_children() {
    void* const at = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) std::abort();
    at_ = ::new (at) T{};
  }
  shared_with_children(const shared_with_children&) = delete;
  shared_with_children& operator=(const shared_with_children&) = delete;
  ~shared_with_children() { ::munmap(static_cast<void*>(at_), sizeof(T)); }
  T& operator*() const { return *at_; }
  T* operator->() const { return at_; }

 private:
  T* at_;
};

/// A forked child that runs `body` and ends with what it returns. Killed, by its own id, if it outlives this object.
class child {
 public:
  static constexpr int hung = -1000;

  template <class Body>
  explicit child(Body body) {
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::alarm(600);  // in case the parent is killed
      ::_exit(body());
    }
  }
  child(child&& o) noexcept : pid_(std::exchange(o.pid_, -1)) {}
  child& operator=(child&& o) noexcept {
    std::swap(pid_, o.pid_);
    return *this;
  }
  ~child() {
    if (pid_ > 0) kill();
  }

  pid_t pid() const noexcept { return pid_; }
  /// SIGKILL, and wait for the end.
  int kill() noexcept {
    if (pid_ <= 0) return 0;
    ::kill(pid_, SIGKILL);
    return reap();
  }
  /// Its exit code, minus the number of the signal that ended it, or `hung`.
  int wait(double seconds = 60) noexcept {
    const std::int64_t end = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
    for (;;) {
      int how = 0;
      const pid_t p = ::waitpid(pid_, &how, WNOHANG);
      if (p == pid_) {
        pid_ = -1;
        return WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
      }
      if (p < 0 && errno != EINTR) return hung;
      if (now_ns() > end) {
        kill();
        return hung;
      }
      sleep_us(100);
    }
  }
  bool running() const noexcept {
    siginfo_t i{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &i, WEXITED | WNOHANG | WNOWAIT) == 0 && i.si_pid == 0;
  }

 private:
  int reap() noexcept {
    int how = 0;
    while (::waitpid(pid_, &how, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
  }
  pid_t pid_ = -1;
};

inline std::size_t open_descriptors() {
  std::size_t n = 0;
  if (DIR* const d = ::opendir("/proc/self/fd")) {
    while (::readdir(d) != nullptr) ++n;
    ::closedir(d);
  }
  return n;
}
inline std::size_t mappings() {
  std::ifstream f("/proc/self/maps");
  std::size_t n = 0;
  for (std::string line; std::getline(f, line);) ++n;
  return n;
}
/// Mappings of that file in this process, or in another one.
inline std::size_t mappings_of(const std::string& path, pid_t process = 0) {
  std::ifstream f("/proc/" + (process == 0 ? "self" : std::to_string(process)) + "/maps");
  std::size_t n = 0;
  for (std::string line; std::getline(f, line);) n += line.find(path) != line.npos ? 1u : 0u;
  return n;
}
/// Does that thread of this process wait for something in the kernel?
inline bool sleeps(pid_t thread) {
  std::ifstream f("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string line;
  std::getline(f, line);
  return line.find(") S ") != line.npos;
}
/// Locks that anybody holds on the file.
inline std::size_t locks_on(const std::string& path) {
  struct stat st = {};
  if (::stat(path.c_str(), &st) != 0) return 0;
  // With its device: each file system counts its files by itself, the one of memfds too.
  char file[64];
  std::snprintf(file, sizeof file, " %02x:%02x:%llu ", major(st.st_dev), minor(st.st_dev),
                static_cast<unsigned long long>(st.st_ino));
  const int fd = ::open("/proc/locks", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  // A read gives as many whole lines as fit into a page. The next one begins after as many as came before: locks that
  // others take in between, on whatever file, make it repeat some. So it is asked for only if the table is that long.
  std::string table;
  char part[8192];
  for (;;) {
    const auto got = ::read(fd, part, sizeof part);
    if (got <= 0) break;
    table.append(part, static_cast<std::size_t>(got));
    if (got < 3500) break;
  }
  ::close(fd);
  std::size_t n = 0;
  for (auto at = table.find(file); at != table.npos; at = table.find(file, at + 1)) ++n;
  return n;
}

inline bool write_file(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool ok = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return ok;
}
/// To be called in a child: own user and mount namespaces, in which this user is `uid`. False where that is forbidden.
inline bool enter_namespaces(unsigned uid) {
  const unsigned u = ::geteuid(), g = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  (void)write_file("/proc/self/setgroups", "deny");
  return write_file("/proc/self/uid_map", std::to_string(uid) + " " + std::to_string(u) + " 1") &&
         write_file("/proc/self/gid_map", std::to_string(uid) + " " + std::to_string(g) + " 1");
}
/// To be called in a child: also a tmpfs of that size at `directory`.
inline bool mount_small_tmpfs(const char* directory, const char* size_option) {
  return enter_namespaces(0) && ::mount("tmpfs", directory, "tmpfs", 0, size_option) == 0;
}

/// To be called in a child of root: goes on as a user and group of that number, with no other right. False where this is not
/// root.
inline bool become(unsigned id) {
  return ::setgroups(0, nullptr) == 0 && ::setresgid(id, id, id) == 0 && ::setresuid(id, id, id) == 0;
}

/// A small fast generator, the same in every process for one seed.
class dice {
 public:
  explicit dice(std::uint64_t seed) noexcept : x_(seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du) {}
  std::uint64_t operator()() noexcept {
    x_ ^= x_ << 13, x_ ^= x_ >> 7, x_ ^= x_ << 17;
    return x_;
  }
  std::uint64_t below(std::uint64_t n) noexcept { return (*this)() % n; }

 private:
  std::uint64_t x_;
};

}  // namespace test

#endif
