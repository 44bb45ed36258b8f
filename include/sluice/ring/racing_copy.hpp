// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_RACING_COPY_HPP
#define SLUICE_RING_RACING_COPY_HPP

#include <sluice/core/memory_policy.hpp>

#include <cstddef>

namespace sluice {

namespace site {
struct racing_store : order_site<std::memory_order_release> {};  // (X1) what marks the item as in the making, before each word
struct racing_load : order_site<std::memory_order_acquire> {};   // (X2) each word before the mark is looked at again
}  // namespace site

namespace detail {

/// An item that one thread may be writing while others read it: a row of atomic words, so that the race is defined. A
/// reader that met a word of a later item sees the mark that was stored before it, by (X1) and (X2), and discards the
/// copy.
template <class T, class P>
class alignas(alignof(T) > alignof(typename P::word) ? alignof(T) : alignof(typename P::word)) racing_item {
  static_assert(copies_as_bytes<T>, "a message that may be overwritten while it is read must be trivially copyable");
  using word = typename P::word;
  static constexpr std::size_t whole = sizeof(T) / sizeof(word), rest = sizeof(T) % sizeof(word);

 public:
  SLUICE_INLINE() void store(const T& value) noexcept {
    const auto* const from = reinterpret_cast<const std::byte*>(&value);
    word w = 0;
    for (std::size_t k = 0; k < whole; ++k) {
      __builtin_memcpy(&w, from + k * sizeof w, sizeof w);
      words_[k].store(w, P::template order<site::racing_store>);
    }
    if constexpr (rest != 0) {
      w = 0;
      __builtin_memcpy(&w, from + whole * sizeof w, rest);
      words_[whole].store(w, P::template order<site::racing_store>);
    }
  }
  /// Writes sizeof(T) bytes: a T only if the mark says afterwards that they belong together.
  SLUICE_INLINE() void load(std::byte* to) const noexcept {
    word w = 0;
    for (std::size_t k = 0; k < whole; ++k) {
      w = words_[k].load(P::template order<site::racing_load>);
      __builtin_memcpy(to + k * sizeof w, &w, sizeof w);
    }
    if constexpr (rest != 0) {
      w = words_[whole].load(P::template order<site::racing_load>);
      __builtin_memcpy(to + whole * sizeof w, &w, rest);
    }
  }
  /// Where a T could lie. There is none: the words are.
  [[nodiscard]] T* place() noexcept { return reinterpret_cast<T*>(words_); }

 private:
  typename P::template atomic<word> words_[whole + (rest != 0 ? 1 : 0)];
};

/// A private copy of an item: on its way out of a racing_item, or lent to the caller by a side that has no other place.
template <class T>
class copied_item {
 public:
  [[nodiscard]] std::byte* bytes() noexcept { return bytes_; }
  [[nodiscard]] T* item() noexcept { return std::launder(reinterpret_cast<T*>(bytes_)); }

 private:
  alignas(T) std::byte bytes_[sizeof(T)] = {};
};
/// The same on the stack, for what is filled at once. A compiler drops the zeroes; without them it warns where it
/// cannot see that a failed copy is not used.
template <class T>
union fresh_item {
  constexpr fresh_item() noexcept : bytes{} {}
  std::byte bytes[sizeof(T)];
  T value;
};

}  // namespace detail
}  // namespace sluice

#endif
