// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_SIGNAL_BOX_HPP
#define SLUICE_SIGNAL_SIGNAL_BOX_HPP

#include <sluice/signal/signal_event.hpp>

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <new>

// Where the handler puts what came, and the program takes it from.
//
// A ring of cells, each with a stamp, as in a bounded queue of many producers: a handler claims the cell at `tail_` if its
// stamp says that it is free in this lap, fills it, and stamps it filled. A handler never waits: not for the program, not
// for a handler in another thread that has claimed and not yet stamped, and a handler that interrupts the program in the
// middle of take() finds the cell that is being taken not free yet.
//
// Where there is no free cell, the signal is folded: each signal number has one spill, a word that holds 2 * count, plus 1
// once the event beside it is there. From the first one on, all signals of that number go there, until the program, which
// first empties the ring, has taken the spill: so what one thread's handlers put comes out in order.
//
//   word 0                nobody has folded; a handler that makes it 2 owns the event until it has added 1
//   word 2n, 2n + 1       n are folded; anybody may add 2; only the program, and only if it is odd, makes it 0

namespace sluice::detail {

/// Threads: put() from any handlers, take() from one thread. Progress: lock-free. Allocates: make().
class signal_box {
 public:
  static constexpr int most_signals = 64;  // SIGRTMAX on every Linux but MIPS

  /// Room for at least `capacity` events before they are folded. False: no memory.
  bool make(std::size_t capacity) noexcept {
    if (capacity < 2 || capacity > std::size_t{1} << 20) return false;
    const std::size_t n = std::bit_ceil(capacity);
    cells_.reset(new (std::nothrow) cell[n]);
    if (!cells_) return false;
    mask_ = static_cast<std::uint32_t>(n - 1);
    for (std::uint32_t i = 0; i < n; ++i) cells_[i].stamp.store(i, std::memory_order_relaxed);
    return true;
  }

  void put(const signal_event& e) noexcept {
    spill& s = spill_[e.signo - 1];
    if (s.word.load(std::memory_order_acquire) != 0 || !put_in_ring(e)) fold(s, e);
  }
  /// The next event, if there is one. `false` also while a handler is in the middle of putting one.
  bool take(signal_event& to) noexcept {
    cell& c = cells_[head_ & mask_];
    if (c.stamp.load(std::memory_order_acquire) == head_ + 1) {
      to = c.event;
      c.stamp.store(head_ + mask_ + 1, std::memory_order_release);
      ++head_;
      return true;
    }
    if (tail_.load(std::memory_order_acquire) != head_) return false;  // claimed: it comes before what is folded
    for (spill& s : spill_) {
      if ((s.word.load(std::memory_order_acquire) & 1) == 0) continue;
      to = s.event;  // stays as it is until the word is 0
      to.count = s.word.exchange(0, std::memory_order_acq_rel) >> 1;
      return true;
    }
    return false;
  }
  /// Would take() find something? Threads: the one that takes.
  [[nodiscard]] bool filled() const noexcept {
    if (cells_[head_ & mask_].stamp.load(std::memory_order_acquire) == head_ + 1) return true;
    if (tail_.load(std::memory_order_acquire) != head_) return false;
    for (const spill& s : spill_)
      if ((s.word.load(std::memory_order_acquire) & 1) != 0) return true;
    return false;
  }

 private:
  struct cell {
    std::atomic<std::uint32_t> stamp;  // its number: free; that plus one: filled
    signal_event event;
  };
  struct spill {
    std::atomic<std::uint32_t> word{0};
    signal_event event;
  };

  bool put_in_ring(const signal_event& e) noexcept {
    std::uint32_t at = tail_.load(std::memory_order_relaxed);
    for (;;) {
      cell& c = cells_[at & mask_];
      const std::uint32_t stamp = c.stamp.load(std::memory_order_acquire);
      if (stamp == at) {
        if (!tail_.compare_exchange_weak(at, at + 1, std::memory_order_acq_rel, std::memory_order_relaxed)) continue;
        c.event = e;
        c.stamp.store(at + 1, std::memory_order_release);
        return true;
      }
      if (static_cast<std::int32_t>(stamp - at) < 0) return false;  // of the lap before: not taken yet
      at = tail_.load(std::memory_order_relaxed);
    }
  }
  static void fold(spill& s, const signal_event& e) noexcept {
    std::uint32_t word = s.word.load(std::memory_order_acquire);
    for (;;) {
      if (word >= 0xfffffffe) return;  // 2^31 - 1 is as far as it counts
      if (s.word.compare_exchange_weak(word, word + 2, std::memory_order_acq_rel, std::memory_order_acquire)) break;
    }
    if (word != 0) return;
    s.event = e;
    s.word.fetch_add(1, std::memory_order_release);
  }

  std::unique_ptr<cell[]> cells_;
  std::uint32_t mask_ = 0;
  std::uint32_t head_ = 0;
  std::atomic<std::uint32_t> tail_{0};
  spill spill_[most_signals];
};

}  // namespace sluice::detail

#endif
