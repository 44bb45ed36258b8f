// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_LIMITS_HPP
#define SLUICE_BENCH_LIMITS_HPP

#include "meeting.hpp"

#include <algorithm>
#include <memory>
#include <vector>

// What the machine allows: nothing that hands messages from core to core can be faster.

namespace bench {

/// ns of a round trip of one cache line in each direction: one word per side, each on a line of its own, spun on
/// without a pause. The median of short stretches, so that an interrupt does not pass for another regime.
[[gnu::noinline]] inline double ping_pong_ns(const arrangement& where) {
  constexpr unsigned stretches = 9, trips = 250;
  struct lines {
    alignas(128) std::atomic<std::uint64_t> ping{0};
    alignas(128) std::atomic<std::uint64_t> pong{0};
  } l;
  meeting_place place;
  std::vector<double> taken;
  run_sides(
      where, *place,
      [&] {
        if (!(*place).wait(1)) return;
        std::uint64_t n = 0;
        for (unsigned s = 0; s < stretches; ++s) {
          const double t = now_ns();
          for (unsigned i = 0; i < trips; ++i) {
            l.ping.store(++n, std::memory_order_release);
            while (l.pong.load(std::memory_order_acquire) != n) {}
          }
          taken.push_back((now_ns() - t) / trips);
        }
      },
      [&] {
        if (!(*place).wait(1)) return;
        for (std::uint64_t n = 1; n <= std::uint64_t{stretches} * trips; ++n) {
          while (l.ping.load(std::memory_order_acquire) != n) {}
          l.pong.store(n, std::memory_order_release);
        }
      });
  std::nth_element(taken.begin(), taken.begin() + stretches / 2, taken.end());
  return taken[stretches / 2];
}

template <std::size_t Words>
struct copy_chunk {
  alignas(64) std::uint64_t data[Words - 1] = {};
  std::atomic<std::uint64_t> stamp{0};
};
template <std::size_t Words, std::size_t Chunks>
struct copy_buffer {
  alignas(128) copy_chunk<Words> buffer[Chunks];
  alignas(128) std::atomic<std::uint64_t> taken{0};
};

/// ns per 8 bytes copied from core to core, in chunks of `Lines` lines whose last word is the chunk's stamp.
///
/// An upper bound for handing batches over: no item is counted or placed, the writer looks at the reader's progress
/// only when the buffer seems full, the stamp costs no line of its own, and it is counted as if it were payload.
template <std::size_t Lines, std::size_t Buffer = 32 * 1024>
[[gnu::noinline]] double copy_ns(const arrangement& where, long& preempted) {
  static constexpr std::size_t words = Lines * 8;
  static constexpr std::size_t chunks = Buffer / (words * 8);
  static constexpr std::uint64_t total = (std::uint64_t{4} << 20) / (words * 8);
  const auto s = std::make_unique<copy_buffer<words, chunks>>();
  meeting_place place;
  auto& m = *place;
  run_sides(
      where, m,
      [&] {
        std::uint64_t source[words - 1];
        for (auto& w : source) w = 1;
        if (!m.wait(1)) return;
        const preemptions counting(m.preempted);
        m.began = now_ns();
        std::uint64_t seen = 0;
        for (std::uint64_t k = 0; k < total; ++k) {
          while (k - seen >= chunks) seen = s->taken.load(std::memory_order_acquire);
          auto& c = s->buffer[k % chunks];
          asm volatile("" : : "r"(source) : "memory");
          std::memcpy(c.data, source, sizeof source);
          c.stamp.store(k + 1, std::memory_order_release);
        }
      },
      [&] {
        std::uint64_t copy[words - 1];
        if (!m.wait(1)) return;
        const preemptions counting(m.preempted);
        for (std::uint64_t k = 0; k < total; ++k) {
          auto& c = s->buffer[k % chunks];
          while (c.stamp.load(std::memory_order_acquire) != k + 1) {}
          std::memcpy(copy, c.data, sizeof copy);
          asm volatile("" : : "r"(copy) : "memory");
          s->taken.store(k + 1, std::memory_order_release);
        }
        m.ended = now_ns();
      });
  preempted = m.preempted;
  return (m.ended - m.began) / static_cast<double>(total * words);
}

}  // namespace bench

#endif
