// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_MEETING_HPP
#define SLUICE_BENCH_MEETING_HPP

#include "machine.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

// Two sides, each on its cpu, as threads or as processes. They share nothing of the harness while time is taken.

namespace bench {

[[noreturn]] inline void fail(const std::string& what) { throw std::runtime_error(what); }
/// For what must not happen while time is taken.
[[noreturn, gnu::cold, gnu::noinline]] inline void die(const char* what) {
  std::fprintf(stderr, "sluice_bench: %s\n", what);
  std::_Exit(2);
}

/// Counts, from here to the end of its scope, how often the scheduler took the cpu from this thread.
class preemptions {
 public:
  explicit preemptions(std::atomic<long>& sum) : sum_(sum), before_(now()) {}
  ~preemptions() { sum_.fetch_add(now() - before_); }
  preemptions(const preemptions&) = delete;
  preemptions& operator=(const preemptions&) = delete;

 private:
  static long now() {
    rusage u{};
    (void)::getrusage(RUSAGE_THREAD, &u);
    return u.ru_nivcsw;
  }
  std::atomic<long>& sum_;
  long before_;
};

struct arrangement {
  int cpu[2] = {0, 1};
  bool processes = false;
};

/// What the sides tell each other; on pages that a forked side shares.
class meeting {
 public:
  /// Waits for the other side; false if one of them has failed. Each side calls it equally often.
  bool wait(unsigned nth) {
    arrived_.fetch_add(1);
    for (unsigned i = 0; arrived_.load() < 2 * nth; ++i) {
      if (broken_.load()) return false;
      if (i > 2000) ::sched_yield();  // both may be on one cpu
    }
    return !broken_.load();
  }
  void broken(const char* why) {
    if (broken_.exchange(true)) return;
    std::strncpy(why_, why, sizeof why_ - 1);
  }
  [[nodiscard]] bool broken() const { return broken_.load(); }
  [[nodiscard]] const char* why() const { return why_; }

  alignas(128) double began = 0;
  alignas(128) double ended = 0;
  double worked = 0;                            // ns of private work per message, by the side that does it
  alignas(128) std::atomic<long> preempted{0};  // how often another program took a cpu from a side while time ran

 private:
  alignas(128) std::atomic<unsigned> arrived_{0};
  alignas(128) std::atomic<bool> broken_{false};
  char why_[256] = {};
};

/// Runs side `a` here and side `b` elsewhere; returns what they noted. Throws if a side did.
template <class A, class B>
void run_sides(const arrangement& where, meeting& m, A a, B b) {
  const auto guarded = [&m](auto& side) {
    try {
      side();
    } catch (const std::exception& e) {
      m.broken(e.what());
    }
  };
  pin(where.cpu[0]);
  if (where.processes) {
    const pid_t child = ::fork();
    if (child < 0) fail("fork failed");
    if (child == 0) {
      pin(where.cpu[1]);
      guarded(b);
      std::_Exit(0);
    }
    guarded(a);
    int how = 0;
    ::waitpid(child, &how, 0);
    if (how != 0) m.broken("the other process failed");
  } else {
    std::thread other([&] {
      pin(where.cpu[1]);
      guarded(b);
    });
    guarded(a);
    other.join();
  }
  if (m.broken()) fail(m.why());
}

/// A meeting on shared pages.
class meeting_place {
 public:
  meeting_place() {
    void* const p = ::mmap(nullptr, sizeof(meeting), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) fail("mmap failed");
    here_ = ::new (p) meeting;
  }
  ~meeting_place() { ::munmap(here_, sizeof(meeting)); }
  meeting_place(const meeting_place&) = delete;
  meeting_place& operator=(const meeting_place&) = delete;
  meeting& operator*() const { return *here_; }

 private:
  meeting* here_;
};

}  // namespace bench

#endif
