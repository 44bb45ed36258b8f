// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_COUNTS_HPP
#define SLUICE_BENCH_COUNTS_HPP

#include "peers_sluice.hpp"
#include "traced_child.hpp"

#include <algorithm>
#include <vector>

// What noise cannot touch: how many instructions an operation takes, and what it does to shared memory.
//
// Instructions are counted by stepping a child through them; loads, stores, read-modify-writes and lines by a memory policy
// that notes each. Both run the same laps over the same ends, with nobody asleep.

namespace bench {

/// What was done to shared memory while `on`.
struct memory_counts {
  unsigned long loads = 0, stores = 0, changes = 0, lines = 0;
};

struct counted_memory : sluice::native_memory {
  static inline bool on = false;
  static inline memory_counts sum;
  static inline std::vector<std::uintptr_t> touched;  // lines, since the operation began

  static void next_operation() {
    sum.lines += touched.size();
    touched.clear();
  }
  static void touch(const void* p, std::size_t n, unsigned long& what) {
    if (!on) return;
    ++what;
    const auto at = reinterpret_cast<std::uintptr_t>(p);
    for (auto line = at / sluice::line_bytes; line <= (at + n - 1) / sluice::line_bytes; ++line)
      if (std::find(touched.begin(), touched.end(), line) == touched.end()) touched.push_back(line);
  }

  template <class T>
  class atomic : public std::atomic<T> {
    using base = std::atomic<T>;

   public:
    [[nodiscard]] T load(std::memory_order o = std::memory_order_seq_cst) const noexcept {
      return touch(this, sizeof(T), sum.loads), base::load(o);
    }
    void store(T v, std::memory_order o = std::memory_order_seq_cst) noexcept {
      touch(this, sizeof(T), sum.stores), base::store(v, o);
    }
    T fetch_or(T v, std::memory_order o) noexcept { return touch(this, sizeof(T), sum.changes), base::fetch_or(v, o); }
    T fetch_and(T v, std::memory_order o) noexcept { return touch(this, sizeof(T), sum.changes), base::fetch_and(v, o); }
    T fetch_add(T v, std::memory_order o) noexcept { return touch(this, sizeof(T), sum.changes), base::fetch_add(v, o); }
    T exchange(T v, std::memory_order o) noexcept { return touch(this, sizeof(T), sum.changes), base::exchange(v, o); }
    bool compare_exchange_weak(T& seen, T v, std::memory_order o, std::memory_order p) noexcept {
      return touch(this, sizeof(T), sum.changes), base::compare_exchange_weak(seen, v, o, p);
    }
    bool compare_exchange_strong(T& seen, T v, std::memory_order o, std::memory_order p) noexcept {
      return touch(this, sizeof(T), sum.changes), base::compare_exchange_strong(seen, v, o, p);
    }
  };

  template <class T>
  static void copy_out(T* shared, const T& value) noexcept {
    touch(shared, sizeof(T), sum.stores), sluice::native_memory::copy_out(shared, value);
  }
  template <class T>
  static T copy_in(const T* shared) noexcept {
    return touch(shared, sizeof(T), sum.loads), sluice::native_memory::copy_in(shared);
  }
  template <class T>
  static void copy_out(T* shared, const T* from, std::size_t n) noexcept {
    touch(shared, n * sizeof(T), sum.stores), sluice::native_memory::copy_out(shared, from, n);
  }
  template <class T>
  static void copy_in(T* to, const T* shared, std::size_t n) noexcept {
    touch(shared, n * sizeof(T), sum.loads), sluice::native_memory::copy_in(to, shared, n);
  }
};

/// Counts by the memory policy.
struct memory_meter {
  using memory = counted_memory;
  static void toggle() {
    memory::on = !memory::on;
    memory::next_operation();
  }
  static void next() { memory::next_operation(); }
};
/// Counts by stepping: a breakpoint tells the parent when to begin and when to stop.
struct step_meter {
  using memory = sluice::native_memory;
  [[gnu::always_inline]] static void toggle() {
#if defined(__x86_64__)
    asm volatile("int3" ::: "memory");
#endif
  }
  [[gnu::always_inline]] static void next() {}
};

enum class counted { push, pop };

/// Eight half laps of a ring; returns how many operations were counted. The first reader is the one that is counted.
template <class Meter, class Kind, counted What>
[[gnu::noinline]] unsigned half_laps(unsigned readers) {
  constexpr unsigned half = link_capacity / 2, times = 8;
  auto ends = sluice::channel<message<8>, Kind, typename Meter::memory>(link_capacity);
  std::vector<decltype(ends.rx)> rx;
  rx.push_back(std::move(ends.rx));
  while (rx.size() < readers) rx.push_back(opened(rx.front().clone()));
  for (unsigned t = 0; t < times; ++t) {
    if (What == counted::push) Meter::toggle();
    for (unsigned i = 0; i < half; ++i) {
      Meter::next();
      (void)ends.tx.try_push(message<8>{i});
    }
    if (What == counted::push) Meter::toggle();
    for (auto& r : rx) {
      if (What == counted::pop && &r == &rx.front()) Meter::toggle();
      for (unsigned i = 0; i < half; ++i) {
        Meter::next();
        asm volatile("" : : "r"(r.try_pop()->v) : "memory");
      }
      if (What == counted::pop && &r == &rx.front()) Meter::toggle();
    }
  }
  return half * times;
}

/// Instructions between the breakpoints of `body`, or -1 where they cannot be counted.
template <class Body>
long instructions(Body body) {
#if defined(__x86_64__)
  const pid_t child = traced_child(body, 0);
  if (child < 0) return -1;
  const auto stopped = [child](int& how) { return ::waitpid(child, &how, 0) == child && WIFSTOPPED(how); };
  int how = 0;
  long steps = 0;
  bool counting = false;
  while (::ptrace(counting ? PTRACE_SINGLESTEP : PTRACE_CONT, child, nullptr, nullptr) == 0 && stopped(how)) {
    siginfo_t why{};
    if (WSTOPSIG(how) != SIGTRAP || ::ptrace(PTRACE_GETSIGINFO, child, nullptr, &why) != 0) break;
    if (why.si_code == SI_KERNEL) counting = !counting;
    else ++steps;
  }
  return WIFEXITED(how) && WEXITSTATUS(how) == 0 ? steps : -1;
#else
  (void)body;
  return -1;
#endif
}

struct operation_cost {
  double instructions, changes, lines;
};
template <class Kind, counted What>
operation_cost show_counts(const char* name, unsigned readers) {
  counted_memory::sum = {};
  const double n = half_laps<memory_meter, Kind, What>(readers);
  const memory_counts m = counted_memory::sum;
  const long steps = instructions([=] { (void)half_laps<step_meter, Kind, What>(readers); });
  std::printf("| %-26s | %12.1f | %5.2f | %6.2f | %4.2f | %5.2f |\n", name, static_cast<double>(steps) / n,
              static_cast<double>(m.loads) / n, static_cast<double>(m.stores) / n, static_cast<double>(m.changes) / n,
              static_cast<double>(m.lines) / n);
  return {static_cast<double>(steps) / n, static_cast<double>(m.changes) / n, static_cast<double>(m.lines) / n};
}

/// A table of what one operation of each kind costs, averaged over laps. 0 if a push to four readers is as cheap as a push
/// to one consumer: nobody's turn to look at four cursors comes more than a few times a lap.
inline int count_operations() {
  std::puts("| operation, 8 bytes         | instructions | loads | stores | RMWs | lines |\n"
            "|----------------------------|--------------|-------|--------|------|-------|");
  const auto alone = show_counts<sluice::spsc, counted::push>("spsc push", 1);
  show_counts<sluice::spsc, counted::pop>("spsc pop", 1);
  show_counts<sluice::mpsc, counted::push>("mpsc push", 1);
  show_counts<sluice::mpsc, counted::pop>("mpsc pop", 1);
  show_counts<sluice::mpmc, counted::push>("mpmc push", 1);
  show_counts<sluice::mpmc, counted::pop>("mpmc pop", 1);
  show_counts<sluice::lanes, counted::push>("lanes push", 1);
  show_counts<sluice::lanes, counted::pop>("lanes pop, 1 of 1 lane", 1);
  show_counts<sluice::broadcast, counted::push>("broadcast push, 1 reader", 1);
  const auto gated = show_counts<sluice::broadcast, counted::push>("broadcast push, 4 readers", 4);
  show_counts<sluice::broadcast, counted::pop>("broadcast pop, 4 readers", 4);
  show_counts<sluice::lossy_broadcast, counted::push>("lossy push, 4 readers", 4);
  show_counts<sluice::lossy_broadcast, counted::pop>("lossy pop, 4 readers", 4);
  show_counts<sluice::latest, counted::push>("latest push, 4 readers", 4);
  return gated.changes < 0.01 && gated.lines < alone.lines + 0.1 && gated.instructions < alone.instructions + 1 ? 0 : 1;
}

}  // namespace bench

#endif
