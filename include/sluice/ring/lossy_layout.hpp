// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_LOSSY_LAYOUT_HPP
#define SLUICE_RING_LOSSY_LAYOUT_HPP

#include <sluice/ring/audience.hpp>
#include <sluice/ring/racing_copy.hpp>

#include <cstddef>
#include <new>

// A broadcast that waits for nobody: one producer overwrites its oldest message, and a reader that comes too late
// learns exactly how many it has missed.
//
// Messages are numbered from 1; message n is in cell (n-1) mod N. A cell's stamp says which message it holds, and
// whether that is whole:
//
//     there(n) = 2n ---(P1)--> making(n+N) = 2(n+N)-1 ---(P3)--> there(n+N)
//
//   push n   (P1) store making(n); (P2) store the words; (P3) store there(n): pushed; (P4) store tail = n.
//   pop n    (C1) see there(n); (C2) load the words; (C3) the stamp is still there(n): these words are message n. A lower
//            stamp at (C1) means that n has not come yet; a higher one at (C1) or (C3), that it is gone.
//
//   (P1) before (P2), each release; a reader whose (C2), each acquire, meets a word of a later message sees at
//   (C3) its stamp or one later still. (P3) release, pairs with (C1): no word is older than message n. (P4) release keeps a
//   compiler from storing the tail before the stamp, so that a kill leaves no tail beyond the last message.
//
// `tail` is a hint, which never exceeds the truth: where to begin to look. Nobody polls it.
//
// Who writes what: stamps, words and `tail` the producer; readers write nothing but their seat. Stamps never come back,
// so a reader that was stopped in the middle of a copy for however long finds out.
//
// What a kill leaves: between (P1) and (P3) a cell in the making. What it held is gone, as it would have been a moment
// later, and counts as missed by whoever had it still before him; the successor begins the same message again. After
// (P3) the message, and perhaps a tail that is one behind: a successor goes on from the stamps. A dead reader leaves
// nothing.
//
// All zero is a ring in which there has been nothing.

namespace sluice {

namespace site {
struct lossy_begin : order_site<std::memory_order_relaxed> {};    // (P1): each word of (P2) publishes it
struct lossy_publish : order_site<std::memory_order_release> {};  // (P3)
struct lossy_tail : order_site<std::memory_order_release> {};     // (P4) after (P3), also in what a kill leaves
struct lossy_stamp : order_site<std::memory_order_acquire> {};    // (C1)
struct lossy_check : order_site<std::memory_order_relaxed> {};    // (C3): (C2) orders it
struct lossy_last : order_site<std::memory_order_relaxed> {};     // the tail: where to begin to look, at stamps
struct lossy_peek : order_site<std::memory_order_relaxed> {};     // the tail, only counted with
}  // namespace site

/// A lossy broadcast of T in memory that somebody else provides: where it is, and how large. A private copy of the
/// geometry; nothing of it is read from the shared memory again.
template <class T, class P = native_memory>
class lossy_ring {
 public:
  using value_type = T;
  using policy = P;
  using word = std::uint64_t;
  static_assert(sizeof(typename P::word) == 8, "numbers that never come back need 64-bit atomics");
  static_assert(detail::copies_as_bytes<T>, "a message that may be overwritten while it is read must be trivially copyable");
  static_assert(alignof(T) <= apart_bytes);

  struct control {
    audience<P> hall;
    alignas(apart_bytes) typename P::template atomic<word> tail;  // how many messages have been pushed
  };
  struct cell {
    typename P::template atomic<word> stamp;
    detail::racing_item<T, P> item;
  };

  static constexpr std::size_t most = std::size_t{1} << (sizeof(std::size_t) == 8 ? 30 : 20);

  /// The bytes that a ring of this capacity needs; 0 if there can be none.
  [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t capacity) noexcept {
    const std::size_t room = (static_cast<std::size_t>(-1) / 4 - sizeof(control)) / sizeof(cell);
    return capacity == 0 || capacity > most || capacity > room ? 0 : sizeof(control) + capacity * sizeof(cell);
  }
  [[nodiscard]] static constexpr word making(word number) noexcept { return 2 * number - 1; }
  [[nodiscard]] static constexpr word there(word number) noexcept { return 2 * number; }
  /// The message that a stamp is about.
  [[nodiscard]] static constexpr word number_of(word stamp) noexcept { return stamp / 2 + stamp % 2; }

  constexpr lossy_ring() noexcept = default;
  /// Views `bytes_for(capacity)` bytes, aligned to `apart_bytes`, that are all zero or hold such a ring already.
  lossy_ring(std::byte* memory, std::size_t capacity, bool persistent = false) noexcept
      : control_(std::launder(reinterpret_cast<control*>(memory))),
        first_(std::launder(reinterpret_cast<cell*>(memory + sizeof(control)))),
        capacity_(capacity),
        persistent_(persistent) {}

  [[nodiscard]] control& shared() const noexcept { return *control_; }
  [[nodiscard]] cell* first() const noexcept { return first_; }
  [[nodiscard]] cell* end() const noexcept { return first_ + capacity_; }
  /// The cell of the message of that number. Divides.
  [[nodiscard]] cell* cell_of(word number) const noexcept { return first_ + (number - 1) % capacity_; }
  /// Where an item may lie.
  [[nodiscard]] T* some_item() const noexcept { return first_->item.place(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool persistent() const noexcept { return persistent_; }
  [[nodiscard]] explicit operator bool() const noexcept { return control_ != nullptr; }

  /// The number of the last message that is there: the hint may be one behind a killed producer, and further behind one
  /// that runs on.
  [[nodiscard]] word find_tail() const noexcept {
    word n = control_->tail.load(P::template order<site::lossy_last>);
    for (std::size_t steps = 0; steps < capacity_; ++steps, ++n)
      if (cell_of(n + 1)->stamp.load(P::template order<site::lossy_stamp>) != there(n + 1)) break;
    return n;
  }
  /// The first message that is kept when `tail` is the last; not one whose place the next message is about to take, or
  /// that a producer was killed over.
  [[nodiscard]] word oldest(word tail) const noexcept {
    if (tail < capacity_) return 1;
    const word n = tail - capacity_ + 1;
    // Behind a tail that came without its stamps an older stamp may still be seen: that message is there all the same.
    return cell_of(n)->stamp.load(P::template order<site::lossy_stamp>) > there(n) ? n + 1 : n;
  }
  /// How many messages are kept.
  [[nodiscard]] std::size_t approx_size() const noexcept {
    const word n = control_->tail.load(P::template order<site::lossy_peek>);
    return n < capacity_ ? static_cast<std::size_t>(n) : capacity_;
  }

 private:
  control* control_ = nullptr;
  cell* first_ = nullptr;
  std::size_t capacity_ = 0;
  bool persistent_ = false;
};

}  // namespace sluice

#endif
