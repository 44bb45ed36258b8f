// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_PRIORITY_LAYOUT_HPP
#define SLUICE_RING_PRIORITY_LAYOUT_HPP

#include <sluice/ring/ordered_layout.hpp>

// A queue with priorities: an ordered ring for each, and one pair of crowds for all. Each has exactly the capacity that
// was asked for, so whoever floods one priority keeps nobody from pushing at another.
//
//   crowds | priority 0 | priority 1 | ... | priority N-1        priority = words of its order (apart), cells
//
//   push   as in the ring of its priority.
//   pop    (R1) look at the head of each ring, upwards; the last one that has a message is chosen; (R2) take the very
//          message that was seen there. If somebody else was faster, look at all of them again.
//          A head that was vacant is remembered by each reader, for itself: no head passes a vacant place, so while that one
//          is vacant its ring is empty, and a look is one load.
//
// Whatever is pushed above a message, before that message is, was taken before it: (R1) has looked upwards from it, and
// (R2) takes no later one. Only what stands behind a place that another producer has claimed and not filled yet must wait
// for that one, as in every ordered ring, and does not count as being there. Where one consumer pops at a time nobody else takes, so a ring in
// which nothing is seen has had nothing in it since the look began: then the message is one of the highest priority of
// all that were in the queue when it was seen, and `empty` means that all rings were empty at one moment. With several
// consumers two high messages may follow one another into rings that have just been looked at or are about to be, and one
// of a lower priority is popped although there was something higher at every moment.
//
// What a kill leaves, is repaired in each ring by itself: see ordered_layout.hpp. A consumer has a message, or a batch, of
// one priority out at a time.
//
// Who waits. A push wakes one consumer, who takes from any ring. A producer waits for room in its own ring, so a pop wakes
// all producers that sleep.

namespace sluice {

/// The rings of T, one for each of N priorities, in memory that somebody else provides: where they are, and how large.
template <class T, unsigned N, class P = native_memory>
class priority_ring {
 public:
  using value_type = T;
  using policy = P;
  using level_type = ordered_ring<T, P>;
  using word = typename level_type::word;
  using crowds = ordered_crowds<P>;
  static constexpr unsigned priorities = N;
  static_assert(N >= 1 && N <= 32);

  [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t capacity) noexcept {
    const std::size_t one = level_bytes(capacity);
    const std::size_t most = (static_cast<std::size_t>(-1) / 4 - sizeof(crowds)) / N;
    return one == 0 || one > most ? 0 : sizeof(crowds) + N * one;
  }

  constexpr priority_ring() noexcept = default;
  /// Views `bytes_for(capacity)` bytes, aligned to `apart_bytes`, that are all zero or hold such rings already.
  priority_ring(std::byte* memory, std::size_t capacity, bool persistent = false) noexcept
      : crowds_(std::launder(reinterpret_cast<crowds*>(memory))),
        capacity_(static_cast<std::uint32_t>(capacity)),
        persistent_(persistent) {}

  [[nodiscard]] crowds& shared() const noexcept { return *crowds_; }
  /// The ring of a priority below N.
  [[nodiscard]] level_type level(unsigned priority) const noexcept {
    std::byte* const first = reinterpret_cast<std::byte*>(crowds_) + sizeof(crowds) + priority * level_bytes(capacity_);
    return level_type(*crowds_, first, first + sizeof(typename level_type::words), capacity_, persistent_);
  }
  /// Where an item may lie.
  [[nodiscard]] T* some_item() const noexcept { return level(0).some_item(); }
  /// Of each priority.
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool persistent() const noexcept { return persistent_; }
  [[nodiscard]] explicit operator bool() const noexcept { return crowds_ != nullptr; }

  /// Repairs what the dead owner of a slot left. The caller holds its certificate; idempotent.
  recovery heal(unsigned slot, orphans after_death = orphans::redeliver) const noexcept {
    recovery found;
    for (unsigned k = 0; k < N; ++k) found += level(k).heal(slot, after_death);
    found.peers = 1;
    return found;
  }
  /// How many places are taken in all rings, each at some moment during the call.
  [[nodiscard]] std::size_t approx_size() const noexcept {
    std::size_t n = 0;
    for (unsigned k = 0; k < N; ++k) n += level(k).approx_size();
    return n;
  }

 private:
  [[nodiscard]] static constexpr std::size_t level_bytes(std::size_t capacity) noexcept {
    if (level_type::bytes_for(capacity) == 0) return 0;
    const std::size_t exact = sizeof(typename level_type::words) + capacity * sizeof(typename level_type::cell);
    return (exact + apart_bytes - 1) / apart_bytes * apart_bytes;
  }

  crowds* crowds_ = nullptr;
  std::uint32_t capacity_ = 0;
  bool persistent_ = false;
};

}  // namespace sluice

#endif
