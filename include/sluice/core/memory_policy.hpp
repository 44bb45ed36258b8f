// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_MEMORY_POLICY_HPP
#define SLUICE_CORE_MEMORY_POLICY_HPP

#include <sluice/core/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

namespace sluice {

/// Shared words of different writers keep this distance, and blocks of items have this size, in every build: both are
/// part of the region format, so neither may follow a compiler flag.
inline constexpr std::size_t line_bytes = 64;
inline constexpr std::size_t apart_bytes = 128;

/// How shared memory is touched: the seam between the algorithms and the machine.
///
/// Every word that two participants share is a `P::atomic`, every order is a named site looked up as `P::order<site>`,
/// payload moves through `copy_in` and `copy_out`. The default below is the bare machine and inlines to nothing; a
/// model checker, a mutation run or a source of hostile values is another policy over the very same algorithm. Memory
/// is attached, never constructed: all-zero words are a valid start, and `P::atomic<T>` has the size and alignment of
/// T.
///
/// `Fence` decides who pays for the store-load pair between "publish" and "is anybody asleep?": with `false` the
/// sleeper does, by an asymmetric barrier of the system (or by sleeping in short slices); with `true` every publisher
/// does.
template <bool Fence>
struct machine_memory {
  template <class T>
  using atomic = std::atomic<T>;

  /// The widest word that this machine loads and stores in one piece.
  using word = std::conditional_t<std::atomic<std::uint64_t>::is_always_lock_free, std::uint64_t, std::uint32_t>;

  template <class Site>
  static constexpr std::memory_order order = Site::value;

  /// The publisher's half of the asymmetric fence.
  SLUICE_INLINE() static void light_fence() noexcept {
    if constexpr (Fence)
      std::atomic_thread_fence(std::memory_order_seq_cst);
    else
      std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  // One item by construction, not by memcpy: a value that need not have an address stays in registers. From memory it
  // would be read back wider than it was just written, which waits until that store has left the core.
  template <class T>
  SLUICE_INLINE() static void copy_out(T* shared, const T& value) noexcept {
    if constexpr (sizeof(T) < line_bytes) {
      ::new (static_cast<void*>(shared)) T(value);
    } else {
      // Back to front: the last stores are then in the line of the stamp that follows and lies before the item, and
      // leave the core together with it. The other way round a polling reader takes that line in between.
      constexpr std::size_t piece = 32, whole = sizeof(T) / piece * piece;
      auto* const to = reinterpret_cast<std::byte*>(shared);
      auto* const from = reinterpret_cast<const std::byte*>(&value);
      if constexpr (whole != sizeof(T)) __builtin_memcpy(to + whole, from + whole, sizeof(T) - whole);
      for (std::size_t at = whole; at != 0;) {
        at -= piece;
        std::atomic_signal_fence(std::memory_order_seq_cst);
        __builtin_memcpy(to + at, from + at, piece);
      }
    }
  }
  template <class T>
  SLUICE_INLINE() static T copy_in(const T* shared) noexcept {
    return *shared;
  }
  template <class T>
  SLUICE_INLINE() static void copy_out(T* shared, const T* from, std::size_t n) noexcept {
    __builtin_memcpy(static_cast<void*>(shared), from, n * sizeof(T));
  }
  template <class T>
  SLUICE_INLINE() static void copy_in(T* to, const T* shared, std::size_t n) noexcept {
    __builtin_memcpy(static_cast<void*>(to), shared, n * sizeof(T));
  }
  /// Called in every loop that waits for another participant.
  SLUICE_INLINE() static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    asm volatile("yield" ::: "memory");
#endif
  }
};

/// Publishers pay a full fence; needs nothing of the system.
using fenced_memory = machine_memory<true>;

/// The default: no fence on the publisher's path where the system offers an asymmetric barrier.
using native_memory = std::conditional_t<SLUICE_HAS_LINUX(), machine_memory<false>, fenced_memory>;

namespace detail {

/// May a T be copied by copying its bytes, and is it meant to be copied at all?
template <class T>
inline constexpr bool copies_as_bytes = std::is_trivially_copyable_v<T> && std::is_copy_constructible_v<T>;

}  // namespace detail

/// A named use of a memory order. Each site is a type of its own, `struct here : order_site<...> {}`, so that a
/// policy's `order<here>` can weaken exactly one of them.
template <std::memory_order Order>
struct order_site : std::integral_constant<std::memory_order, Order> {};

}  // namespace sluice

#endif
