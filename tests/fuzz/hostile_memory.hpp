// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FUZZ_HOSTILE_MEMORY_HPP
#define SLUICE_TESTS_FUZZ_HOSTILE_MEMORY_HPP

#include "input.hpp"

#include <sluice/core/memory_policy.hpp>

#include <utility>

namespace fuzz {

/// Memory whose every shared load may return anything: what a peer that writes at the worst moment can make of it. A
/// second load of the same word returns something else, so code that checks one and uses the other is found.
///
/// Stores are real, so that the memory shows exactly what the code under test wrote. `adversary` is null while a test
/// sets the stage; then every load is honest. Loads are counted, so that loops over shared words can be held to a bound;
/// a compare-and-swap is not one of them: a peer that writes all the time can make it fail again, while it does.
template <class Word>
struct hostile_memory : sluice::fenced_memory {
  using word = Word;

  static inline input* adversary = nullptr;
  static inline std::uint64_t loads = 0, copies = 0;

  template <class T>
  static T lie(T truth) noexcept {
    if (adversary == nullptr || adversary->empty()) return truth;
    switch (adversary->below(8)) {
      case 0: return static_cast<T>(truth ^ T{1} << adversary->below(sizeof(T) * 8));
      case 1: return static_cast<T>(truth + static_cast<T>(adversary->below(5)) - 2);
      case 2: return static_cast<T>(truth + (static_cast<T>(adversary->byte()) << (8 * adversary->below(sizeof(T)))));
      case 3: return adversary->template take<T>();
      case 4: return static_cast<T>(~T{0} >> adversary->below(sizeof(T) * 8));
      default: return truth;
    }
  }

  template <class T>
  class atomic {
   public:
    [[nodiscard]] T load(std::memory_order = {}) const noexcept {
      ++loads;
      return lie(value_);
    }
    void store(T v, std::memory_order = {}) noexcept { value_ = v; }
    T fetch_or(T v, std::memory_order = {}) noexcept { return change(static_cast<T>(value_ | v)); }
    T exchange(T v, std::memory_order = {}) noexcept { return change(v); }
    T fetch_and(T v, std::memory_order = {}) noexcept { return change(static_cast<T>(value_ & v)); }
    T fetch_add(T v, std::memory_order = {}) noexcept { return change(static_cast<T>(value_ + v)); }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order = {}, std::memory_order = {}) noexcept {
      const T seen = lie(expected);
      if (seen == expected) value_ = desired;
      return std::exchange(expected, seen) == seen;
    }
    bool compare_exchange_strong(T& expected, T desired, std::memory_order o = {}, std::memory_order p = {}) noexcept {
      return compare_exchange_weak(expected, desired, o, p);
    }
    /// What has really been stored.
    [[nodiscard]] T truth() const noexcept { return value_; }

   private:
    T change(T to) noexcept { return lie(std::exchange(value_, to)); }
    T value_;
  };

  template <class T>
  static T copy_in(const T* shared) noexcept {
    T v;
    copy_in(&v, shared, 1);
    return v;
  }
  template <class T>
  static void copy_in(T* to, const T* shared, std::size_t n) noexcept {
    ++copies;
    std::memcpy(static_cast<void*>(to), static_cast<const void*>(shared), n * sizeof(T));  // whole, for the sanitizer
    if (adversary == nullptr) return;
    const auto bytes = adversary->rest(adversary->below(9));
    const std::size_t lies = bytes.size() < n * sizeof(T) ? bytes.size() : n * sizeof(T);
    if (lies != 0) std::memcpy(static_cast<void*>(to), bytes.data(), lies);
  }
};

}  // namespace fuzz

#endif
