// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_LATEST_LAYOUT_HPP
#define SLUICE_RING_LATEST_LAYOUT_HPP

#include <sluice/ring/audience.hpp>
#include <sluice/ring/racing_copy.hpp>

#include <bit>
#include <cstddef>
#include <new>

// The newest value of one producer, for any number of readers: what a reader has not taken in time is replaced.
//
// Values are numbered from 1; `newest` is the number of the last one that is whole. Value n is in buffer n mod B, where
// B is a power of two and at least 2, and the buffer's stamp is the number of the value that was last begun in it.
//
//   push s+1   (P1) store the stamp of its buffer: s+1; (P2) store the words; (P3) store newest = s+1: pushed.
//   pop        (C1) n = newest; nothing if n was seen before; (C2) load the words of its buffer; (C3) its stamp is still
//              n: these words are value n. Else the producer has begun a later value there: again from (C1).
//
//   (P1) release, before (P2), each release; a reader whose (C2), each acquire, meets a word of a later value sees at (C3)
//   the stamp of that value or one later still. (P3) release, pairs with (C1): no word is older than value n.
//   (P1) release also pairs with (C3) acquire: whoever finds a later stamp finds a later `newest` when it looks again, so a
//   number that does not change in between was written by no correct peer.
//
// Who writes what: stamps, words and `newest` the producer; readers write nothing but their seat. A number never comes
// back, so a reader that was stopped in the middle of a copy for however long finds out.
//
// What a kill leaves: before (P3) the old value, in a buffer that the dead did not touch; the words that it began are
// named by nobody, and its successor begins the same number again. After (P3) the new value. A dead reader leaves
// nothing.
//
// The producer takes a number of steps that nobody can change. A reader begins again only because of a newer value, and
// only if B - 1 values were pushed while it copied one: the capacity is how many it can be behind.
//
// All zero means that there has been no value.

namespace sluice {

namespace site {
struct latest_begin : order_site<std::memory_order_release> {};    // (P1)
struct latest_publish : order_site<std::memory_order_release> {};  // (P3)
struct latest_newest : order_site<std::memory_order_acquire> {};   // (C1)
struct latest_check : order_site<std::memory_order_acquire> {};    // (C3)
struct latest_peek : order_site<std::memory_order_relaxed> {};     // only counted with; and by the producer, which wrote it
}  // namespace site

/// A ring for the newest value of T in memory that somebody else provides: where it is, and how large. A private copy
/// of the geometry; nothing of it is read from the shared memory again.
template <class T, class P = native_memory>
class latest_ring {
 public:
  using value_type = T;
  using policy = P;
  using word = std::uint64_t;
  static_assert(sizeof(typename P::word) == 8, "numbers that never come back need 64-bit atomics");
  static_assert(detail::copies_as_bytes<T>, "a value that may be overwritten while it is read must be trivially copyable");
  static_assert(alignof(T) <= apart_bytes);

  struct control {
    audience<P> hall;
    alignas(apart_bytes) typename P::template atomic<word> newest;
  };
  struct alignas(line_bytes) buffer {  // not on the lines of a value that is being read
    typename P::template atomic<word> stamp;
    detail::racing_item<T, P> item;
  };

  static constexpr std::size_t most = std::size_t{1} << (sizeof(std::size_t) == 8 ? 30 : 20);

  /// How many buffers there are where a reader may be `capacity` values behind.
  [[nodiscard]] static constexpr std::size_t buffers_for(std::size_t capacity) noexcept { return std::bit_ceil(capacity + 1); }
  /// The bytes that a ring of this capacity needs; 0 if there can be none.
  [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t capacity) noexcept {
    if (capacity == 0 || capacity > most) return 0;
    const std::size_t n = buffers_for(capacity), room = (static_cast<std::size_t>(-1) / 4 - sizeof(control)) / sizeof(buffer);
    return n > room ? 0 : sizeof(control) + n * sizeof(buffer);
  }

  constexpr latest_ring() noexcept = default;
  /// Views `bytes_for(capacity)` bytes, aligned to `apart_bytes`, that are all zero or hold such a ring already.
  latest_ring(std::byte* memory, std::size_t capacity, bool persistent = false) noexcept
      : control_(std::launder(reinterpret_cast<control*>(memory))),
        first_(std::launder(reinterpret_cast<buffer*>(memory + sizeof(control)))),
        mask_(buffers_for(capacity) - 1),
        capacity_(capacity),
        persistent_(persistent) {}

  [[nodiscard]] control& shared() const noexcept { return *control_; }
  /// The buffer of the value of that number.
  [[nodiscard]] SLUICE_INLINE() buffer& buffer_of(word number) const noexcept { return first_[number & mask_]; }
  [[nodiscard]] std::size_t buffers() const noexcept { return static_cast<std::size_t>(mask_ + 1); }
  /// Where an item may lie.
  [[nodiscard]] T* some_item() const noexcept { return first_->item.place(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool persistent() const noexcept { return persistent_; }
  [[nodiscard]] explicit operator bool() const noexcept { return control_ != nullptr; }
  /// Is there a value?
  [[nodiscard]] std::size_t approx_size() const noexcept {
    return control_->newest.load(P::template order<site::latest_peek>) != 0 ? 1 : 0;
  }

 private:
  control* control_ = nullptr;
  buffer* first_ = nullptr;
  word mask_ = 0;
  std::size_t capacity_ = 0;
  bool persistent_ = false;
};

}  // namespace sluice

#endif
