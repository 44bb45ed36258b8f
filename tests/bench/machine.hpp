// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_MACHINE_HPP
#define SLUICE_BENCH_MACHINE_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sched.h>
#include <string>
#include <sys/utsname.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

// What the harness knows of the machine: where a side runs, what time it is, and how long 100 ns of work take.

namespace bench {

/// The message of every candidate. All of it is initialised before it is sent, by everybody in the same way.
template <std::size_t N>
struct message {
  std::uint64_t v;
  char pad[N - sizeof(std::uint64_t)];
};
template <>
struct message<8> {
  std::uint64_t v;
};

inline void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) std::perror("sched_setaffinity");
}
inline void pin_to_both(const int (&cpu)[2]) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int c : cpu) CPU_SET(static_cast<std::size_t>(c), &set);
  (void)::sched_setaffinity(0, sizeof set, &set);
}

inline double now_ns() {
  using namespace std::chrono;
  return static_cast<double>(duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count());
}

/// A counter cheap enough to stand around every single round trip.
inline std::uint64_t ticks() {
#if defined(__x86_64__)
  unsigned aux;
  return __rdtscp(&aux);
#else
  return static_cast<std::uint64_t>(now_ns());
#endif
}
inline double ns_per_tick() {
  static const double ns = [] {
    const double t = now_ns();
    const std::uint64_t c = ticks();
    while (now_ns() - t < 20e6) {}
    const double dt = now_ns() - t;
    return dt / static_cast<double>(ticks() - c);
  }();
  return ns;
}

/// Private work of a side: dependent arithmetic that touches no memory.
[[gnu::always_inline]] inline void work(unsigned n) {
  std::uint64_t x = n;
  for (unsigned i = 0; i < n; ++i) {
    x = x * 0x9E3779B97F4A7C15u + 1;
    asm volatile("" : "+r"(x));
  }
}
/// What `work(n)` takes now: measured beside every sample, since frequencies move.
[[gnu::noinline]] inline double work_ns(unsigned n) {
  if (n == 0) return 0;
  constexpr unsigned times = 500;
  double least = 1e18;  // of several, so that no interruption passes for work
  for (unsigned k = 0; k < 10; ++k) {
    const double t = now_ns();
    for (unsigned i = 0; i < times; ++i) work(n);
    least = std::min(least, (now_ns() - t) / times);
  }
  return least;
}
/// The n that makes about 100 ns.
inline unsigned work_of_100_ns() {
  static const unsigned n = [] {
    (void)work_ns(1000);
    return static_cast<unsigned>(100 / (work_ns(1000) / 1000)) + 1;
  }();
  return n;
}

inline std::string cpu_name() {
  std::ifstream in("/proc/cpuinfo");
  unsigned family = 0, model = 0;
  std::string name = "unknown CPU";
  for (std::string line; std::getline(in, line) && !line.empty();) {
    const auto colon = line.find(": ");
    if (colon == line.npos) continue;
    const std::string value = line.substr(colon + 2);
    if (line.rfind("model name", 0) == 0) name = value;
    else if (line.rfind("cpu family", 0) == 0) family = static_cast<unsigned>(std::stoul(value));
    else if (line.rfind("model", 0) == 0) model = static_cast<unsigned>(std::stoul(value));
  }
  return name + " (family " + std::to_string(family) + ", model " + std::to_string(model) + ")";
}
inline std::string kernel_name() {
  utsname u{};
  (void)::uname(&u);
  return std::string(u.sysname) + " " + u.release;
}
inline std::string compiler_name() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "GCC " __VERSION__;
#endif
}

}  // namespace bench

#endif
