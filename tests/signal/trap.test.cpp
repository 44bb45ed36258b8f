// SPDX-License-Identifier: MIT
#include <sluice/signal/trap.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <atomic>
#include <cstring>
#include <sys/mman.h>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace {

using sluice::errc;
using sluice::trap;

/// A mapped file that has been cut short behind its first page.
struct cut_file {
  test::scratch dir;
  int fd = ::open((dir / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  char* at = nullptr;
  cut_file() {
    if (::ftruncate(fd, 8192) != 0) std::abort();
    at = static_cast<char*>(::mmap(nullptr, 8192, PROT_READ, MAP_SHARED, fd, 0));
    if (::ftruncate(fd, 4096) != 0) std::abort();
  }
  ~cut_file() {
    ::munmap(at, 8192);
    ::close(fd);
  }
};

}  // namespace

TEST_CASE("what reads beyond the end of a cut file is told so, and goes on", "[signal]") {
  const cut_file f;
  char to[16] = {};
  for (int i = 0; i < 3; ++i) {
    CHECK(trap([&] { to[0] = *static_cast<volatile char*>(f.at); }));
    sluice::fault what;
    const auto s = trap([&] { to[0] = static_cast<volatile char*>(f.at)[5000]; }, &what);
    CHECK(s.err() == errc::truncated);
    CHECK(what.signo == SIGBUS);
    CHECK(what.address == f.at + 5000);
  }
  volatile char* const nowhere = reinterpret_cast<volatile char*>(std::uintptr_t{4096});
  const auto s = trap([&] { to[0] = *nowhere; });
  CHECK(s.err() == sluice::error(errc::os, sluice::step::map, EFAULT));
}

TEST_CASE("guarded scopes may be nested, and threads have their own", "[signal]") {
  const cut_file f;
  unsigned steps = 0;
  CHECK(trap([&] {
    const auto inner = trap([&] { (void)static_cast<volatile char*>(f.at)[5000]; });
    steps = inner.err() == errc::truncated ? 1u : 100u;
  }));
  CHECK(steps == 1);
  std::atomic<unsigned> right{0};
  std::vector<std::thread> all;
  for (int k = 0; k < 4; ++k)
    all.emplace_back([&, k] {
      for (int i = 0; i < 200; ++i) {
        const bool bad = (i + k) % 2 == 0;
        const auto s = trap([&] { (void)static_cast<volatile char*>(f.at)[bad ? 5000 : 5]; });
        if (s.err() == (bad ? errc::truncated : errc::ok)) ++right;
      }
    });
  for (auto& t : all) t.join();
  CHECK(right == 800);
}

TEST_CASE("a child forked while another thread enters a guarded scope enters one, too", "[signal]") {
  std::atomic<bool> over{false};
  std::thread other([&] {
    while (!over) (void)trap([] {});
  });
  bool right = true;
  for (unsigned i = 0; right && i < rounds(200); ++i) {
    test::child c([] { return trap([] {}) ? 0 : 1; });
    right = c.wait(10) == 0;
  }
  over = true;
  other.join();
  CHECK(right);
}

TEST_CASE("a fault outside of a guarded scope, and one that somebody sends, does what it did before", "[signal]") {
  if (sanitized) return;  // sanitizers have handlers of their own for these
  const auto ends_by = [](auto body) {
    std::fflush(nullptr);
    const pid_t pid = ::fork();
    if (pid == 0) {
      const rlimit none{0, 0};
      ::setrlimit(RLIMIT_CORE, &none);
      for (const int n : {SIGBUS, SIGSEGV, SIGTERM}) ::signal(n, SIG_DFL);  // the test program has handlers
      body();
      ::_exit(0);
    }
    int how = 0;
    ::waitpid(pid, &how, 0);
    return WIFSIGNALED(how) ? WTERMSIG(how) : 0;
  };
  const cut_file f;
  CHECK(ends_by([&] {
          (void)trap([] {});
          (void)static_cast<volatile char*>(f.at)[5000];
        }) == SIGBUS);
  CHECK(ends_by([&] { (void)trap([] { ::raise(SIGSEGV); }); }) == SIGSEGV);
  static volatile std::sig_atomic_t old = 0;
  CHECK(ends_by([&] {
          ::signal(SIGSEGV, [](int) { old = old + 1; });
          (void)trap([] { ::raise(SIGSEGV); });
          if (old == 1) ::raise(SIGTERM);
        }) == SIGTERM);
}
