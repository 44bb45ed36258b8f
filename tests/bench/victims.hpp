// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_VICTIMS_HPP
#define SLUICE_BENCH_VICTIMS_HPP

#include "meeting.hpp"
#include "peers_sluice.hpp"
#include "workload.hpp"

#include <csignal>
#include <vector>

// A work queue between processes, of which some are killed while it runs.

namespace bench {

/// ns per message that a queue of `n` producers and `n` consumers hands on, each a process. If `every_ms` is not 0, one of
/// each is killed that often, and replaced. What is measured is what the living get: the dead are counted too.
template <class M>
[[gnu::noinline]] sample work_queue(const arrangement& where, unsigned n, unsigned every_ms) {
  constexpr unsigned run_ms = 300;
  struct board {
    std::atomic<bool> over{false};
    alignas(128) std::atomic<std::uint64_t> popped[64];
  };
  void* const pages = ::mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) fail("mmap failed");
  auto* const shared = ::new (pages) board;
  const std::string name = fresh_name();
  sluice::ring_options o;
  o.capacity = link_capacity, o.participants = 16;
  const auto start = [&](unsigned k, bool producer) {
    const pid_t child = ::fork();
    if (child < 0) fail("fork failed");
    if (child != 0) return child;
    pin_to_both(where.cpu);
    if (producer) {
      auto tx = sluice::shm_sink<M, sluice::mpmc>(name, o);
      if (!tx) std::_Exit(1);
      for (std::uint64_t i = 0; !shared->over.load(std::memory_order_relaxed); ++i)
        (void)tx->push(M{i}, std::chrono::milliseconds(5));
    } else {
      auto rx = sluice::shm_source<M, sluice::mpmc>(name, o);
      if (!rx) std::_Exit(1);
      for (std::uint64_t got = shared->popped[k].load(); !shared->over.load(std::memory_order_relaxed);)
        if (rx->pop(std::chrono::milliseconds(5))) shared->popped[k].store(++got, std::memory_order_relaxed);
    }
    std::_Exit(0);
  };
  std::vector<pid_t> who;
  for (unsigned k = 0; k < 2 * n; ++k) who.push_back(start(k, k < n));
  const auto all = [&] {
    std::uint64_t sum = 0;
    for (auto& c : shared->popped) sum += c.load(std::memory_order_relaxed);
    return sum;
  };
  for (unsigned tries = 0; all() < 1000 && tries < 3000; ++tries) ::usleep(1000);  // until everybody has come
  const std::uint64_t before = all();
  const double began = now_ns(), end = began + run_ms * 1e6;
  for (unsigned turn = 0; now_ns() < end; ++turn) {
    ::usleep((every_ms != 0 ? every_ms : 10) * 1000);
    if (every_ms == 0) continue;
    for (const unsigned k : {turn % n, n + turn % n}) {
      ::kill(who[k], SIGKILL);
      ::waitpid(who[k], nullptr, 0);
      who[k] = start(k, k < n);
    }
  }
  const double took = now_ns() - began;
  const std::uint64_t got = all() - before;
  shared->over = true;
  for (const pid_t p : who) ::waitpid(p, nullptr, 0);
  (void)sluice::shm_remove(name);
  ::munmap(pages, sizeof(board));
  if (got == 0) fail("nothing came through");
  return {took / static_cast<double>(got), 0, nullptr};
}

}  // namespace bench

#endif
