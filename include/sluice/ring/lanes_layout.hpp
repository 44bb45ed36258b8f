// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_LANES_LAYOUT_HPP
#define SLUICE_RING_LANES_LAYOUT_HPP

#include <sluice/core/crowd.hpp>
#include <sluice/ring/spsc_layout.hpp>

#include <cstddef>
#include <new>

// A fan-in without a read-modify-write: many producers, one consumer, and a lane of stamped blocks for each producer,
// the very lane of an spsc ring. First in, first out for each producer; between producers there is no order.
//
//   control | lane 0 | lane 1 | ... | lane N-1        lane = head cursor (apart), stamped blocks (apart)
//
// Participant 0 is the consumer, participant k > 0 the producer of lane k-1. Each lane has exactly the capacity that
// was asked for, so a full lane is no other producer's business. How many lanes there are is part of the kind, since it
// must be known before anybody has joined.
//
// Who writes what
//   stamps, items      the producer of the lane                        (P3) release, pairs with (C1) acquire
//   head of each lane  the consumer                                    (C3) release, pairs with (P1) acquire
//   consumer           its role word, or a healer with a certificate   (E1) release, pairs with (E2) acquire
//   producers          a seat each, see crowd.hpp; `news` after every change of a seat (N1), (N2)
//   producers.told     the consumer
// All zero is an empty ring.
//
//   push   stamp one's own lane (P3), then look whether the consumer sleeps.
//   pop    look at the stamp of one lane after the other (C1); take; store that lane's head (C3), then look whether its
//          producer sleeps. Lanes that can have nothing are not looked at: a private set of the others is made anew when
//          the crowd has news. It keeps a lane whose producer lives, and one that still holds messages.
//   ended  News are looked into before the lanes are: whatever was pushed before the end of a session is seen by whoever
//          has seen the end. So `closed` comes after everything that was accepted.
//
// What a kill leaves. A producer: before (P3) nothing; after it a message, which the consumer takes when it next looks;
// if it slept, it looks once per slice. A consumer: before (C3) the message is its successor's, after it was had;
// several messages of one lane that are popped together have one (C3). A healer has nothing to repair but the session:
// it ends the seat, or the role, and wakes whoever may wait for that. The lane of a dead producer drains, and a
// successor at the slot continues from its stamps, full or not.

namespace sluice {

/// The words that are not of one lane.
template <class P = native_memory>
struct lanes_control {
  alignas(apart_bytes) role<P> consumer;
  alignas(apart_bytes) crowd<P> producers;
};

/// The lanes of T in memory that somebody else provides: where they are, and how large. A private copy of the geometry;
/// nothing of it is read from the shared memory again.
template <class T, unsigned N, class P = native_memory>
class lanes_ring {
 public:
  using value_type = T;
  using policy = P;
  using lane = spsc_lane<T, P>;
  using word = typename lane::word;
  using control = lanes_control<P>;
  static_assert(N >= 1 && N < crowd<P>::most, "a lane has a seat, and the consumer one");
  static constexpr unsigned consumer_slot = 0;
  [[nodiscard]] static constexpr unsigned slot_of(unsigned lane) noexcept { return lane + 1; }
  [[nodiscard]] static constexpr unsigned lane_of(unsigned slot) noexcept { return slot - 1; }

  /// The bytes that N lanes of this capacity need; 0 if there can be none.
  [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t capacity) noexcept {
    const std::size_t one = lane_bytes(capacity);
    const std::size_t most = (static_cast<std::size_t>(-1) / 4 - sizeof(control)) / N;
    return one == 0 || one > most ? 0 : sizeof(control) + N * one;
  }

  constexpr lanes_ring() noexcept = default;
  /// Views `bytes_for(capacity)` bytes, aligned to `apart_bytes`, that are all zero or hold such a ring already.
  lanes_ring(std::byte* memory, std::size_t capacity, bool persistent = false) noexcept
      : control_(std::launder(reinterpret_cast<control*>(memory))),
        first_(memory + sizeof(control)),
        stride_(lane_bytes(capacity)),
        capacity_(static_cast<word>(capacity)),
        persistent_(persistent) {}

  [[nodiscard]] control& shared() const noexcept { return *control_; }
  /// Lane k, k < N.
  [[nodiscard]] lane at(unsigned k) const noexcept {
    std::byte* const here = first_ + k * stride_;
    return lane(*std::launder(reinterpret_cast<typename lane::head_word*>(here)), here + head_bytes, static_cast<std::size_t>(capacity_));
  }
  /// Where an item may lie.
  [[nodiscard]] T* some_item() const noexcept { return at(0).some_item(); }
  /// Of each lane.
  [[nodiscard]] word capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool persistent() const noexcept { return persistent_; }
  [[nodiscard]] explicit operator bool() const noexcept { return control_ != nullptr; }
  /// How many items wait in all lanes, each counted at some moment during the call. Walks the stamps.
  [[nodiscard]] std::size_t approx_size() const noexcept {
    std::size_t n = 0;
    for (unsigned k = 0; k < N; ++k) n += at(k).approx_size();
    return n;
  }

 private:
  static constexpr std::size_t head_bytes = apart_bytes;
  // Whole multiples of apart_bytes, so that no two producers write into one pair of lines.
  [[nodiscard]] static constexpr std::size_t lane_bytes(std::size_t capacity) noexcept {
    using block = typename lane::block;
    const std::size_t n = lane::blocks_for(capacity);
    const std::size_t most = (static_cast<std::size_t>(-1) / 4 - head_bytes - apart_bytes) / sizeof(block);
    return n == 0 || n > most ? 0 : head_bytes + (n * sizeof(block) + apart_bytes - 1) / apart_bytes * apart_bytes;
  }

  control* control_ = nullptr;
  std::byte* first_ = nullptr;
  std::size_t stride_ = 0;
  word capacity_ = 0;
  bool persistent_ = false;
};

}  // namespace sluice

#endif
