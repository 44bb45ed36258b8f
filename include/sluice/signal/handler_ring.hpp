// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_HANDLER_RING_HPP
#define SLUICE_SIGNAL_HANDLER_RING_HPP

#include <sluice/core/memory_policy.hpp>
#include <sluice/core/result.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

// What signal handlers fill and one thread empties: a bounded queue of cells, each with a stamp. A handler claims the cell
// at `tail_` if its stamp says that it is free in this lap, fills it, and stamps it filled. It never waits: not for the
// thread that empties, not for a handler in another thread that has claimed and not yet stamped; and a handler that
// interrupts that thread in the middle of take() finds the cell that is being taken not free yet. Nobody dies in between
// without the whole process, so nothing need be healed.

namespace sluice {

namespace site {
struct handler_look : order_site<std::memory_order_relaxed> {};   // where to claim; the stamp there decides
struct handler_free : order_site<std::memory_order_acquire> {};   // who took the cell has read it
struct handler_claim : order_site<std::memory_order_relaxed> {};  // two handlers get two cells
struct handler_fill : order_site<std::memory_order_release> {};
struct handler_filled : order_site<std::memory_order_acquire> {};
struct handler_taken : order_site<std::memory_order_release> {};
struct handler_end : order_site<std::memory_order_relaxed> {};    // whoever must see a claim has seen what came after it
}  // namespace site

namespace detail {

/// Threads: put() from any handlers, the rest from one thread. Progress: lock-free. Allocates: make().
template <class T, class P = native_memory>
class handler_ring {
 public:
  handler_ring() noexcept = default;
  handler_ring(const handler_ring&) = delete;
  handler_ring& operator=(const handler_ring&) = delete;
  ~handler_ring() { delete[] cells_; }

  static constexpr std::size_t most = std::size_t{1} << 20;

  /// Room for at least `capacity`, from 2 to `most`. Errors: invalid; no_space.
  status make(std::size_t capacity) noexcept {
    if (capacity < 2 || capacity > most) return error(errc::invalid, step::create, subject::capacity);
    const std::size_t n = std::bit_ceil(capacity);
    cells_ = new (std::nothrow) cell[n];
    if (cells_ == nullptr) return error(errc::no_space, step::create);
    mask_ = static_cast<std::uint32_t>(n - 1);
    for (std::uint32_t i = 0; i < n; ++i) cells_[i].stamp.store(i, std::memory_order_relaxed);
    return {};
  }
  /// False if there is no room.
  bool put(const T& value) noexcept {
    std::uint32_t at = tail_.load(P::template order<site::handler_look>);
    for (;;) {
      cell& c = cells_[at & mask_];
      const std::uint32_t stamp = c.stamp.load(P::template order<site::handler_free>);
      if (stamp == at) {
        if (!tail_.compare_exchange_weak(at, at + 1, P::template order<site::handler_claim>, std::memory_order_relaxed)) continue;
        P::copy_out(&c.value, value);
        c.stamp.store(at + 1, P::template order<site::handler_fill>);
        return true;
      }
      if (static_cast<std::int32_t>(stamp - at) < 0) return false;  // of the lap before: not taken yet
      at = tail_.load(P::template order<site::handler_look>);
    }
  }
  /// False if there is nothing, also while the next one is claimed and not there yet.
  bool take(T& to) noexcept {
    if (!filled()) return false;
    cell& c = cells_[head_ & mask_];
    to = P::copy_in(&c.value);
    c.stamp.store(head_ + mask_ + 1, P::template order<site::handler_taken>);
    ++head_;
    return true;
  }
  [[nodiscard]] bool filled() const noexcept {
    return cells_[head_ & mask_].stamp.load(P::template order<site::handler_filled>) == head_ + 1;
  }
  /// Neither filled nor claimed.
  [[nodiscard]] bool empty() const noexcept { return tail_.load(P::template order<site::handler_end>) == head_; }

 private:
  struct cell {
    typename P::template atomic<std::uint32_t> stamp;  // its number: free; that plus one: filled
    T value;
  };
  cell* cells_ = nullptr;
  std::uint32_t mask_ = 0;
  std::uint32_t head_ = 0;
  typename P::template atomic<std::uint32_t> tail_{0};
};

}  // namespace detail
}  // namespace sluice

#endif
