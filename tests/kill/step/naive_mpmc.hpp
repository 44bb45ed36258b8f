// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_STEP_NAIVE_MPMC_HPP
#define SLUICE_TESTS_KILL_STEP_NAIVE_MPMC_HPP

#include <atomic>
#include <cstdint>

namespace kill_rig {

/// The well-known bounded queue of many producers and consumers with a sequence number in each cell, written without a
/// thought of death. The control of the rig: a victim killed between its claim and its publication leaves a cell that
/// nobody will ever finish, and the rig must say so.
struct naive_mpmc {
  static constexpr std::uint64_t capacity = 4;
  struct cell {
    std::atomic<std::uint64_t> seq;
    std::uint64_t value;
  };
  alignas(64) std::atomic<std::uint64_t> tail;
  alignas(64) std::atomic<std::uint64_t> head;
  alignas(64) cell cells[capacity];

  void start() noexcept {
    for (std::uint64_t i = 0; i < capacity; ++i) cells[i].seq = i;
  }
  bool try_push(std::uint64_t value) noexcept {
    std::uint64_t at = tail.load(std::memory_order_relaxed);
    for (;;) {
      cell& c = cells[at % capacity];
      const std::uint64_t seq = c.seq.load(std::memory_order_acquire);
      if (seq == at) {
        if (!tail.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
        c.value = value;
        c.seq.store(at + 1, std::memory_order_release);
        return true;
      }
      if (seq < at) return false;  // full
      at = tail.load(std::memory_order_relaxed);
    }
  }
  bool try_pop(std::uint64_t& value) noexcept {
    std::uint64_t at = head.load(std::memory_order_relaxed);
    for (;;) {
      cell& c = cells[at % capacity];
      const std::uint64_t seq = c.seq.load(std::memory_order_acquire);
      if (seq == at + 1) {
        if (!head.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
        value = c.value;
        c.seq.store(at + capacity, std::memory_order_release);
        return true;
      }
      if (seq < at + 1) return false;  // empty
      at = head.load(std::memory_order_relaxed);
    }
  }
};

}  // namespace kill_rig

#endif
