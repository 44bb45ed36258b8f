// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_FUTEX_HPP
#define SLUICE_PLATFORM_FUTEX_HPP

// Stands before the header of the same name in the include path of the model: all that sleeps, wakes and waits in the
// library is then the library's own code, over the futexes of the model.

#include "policy.hpp"

#include <climits>
#include <ctime>

namespace sluice::detail {

enum class wakeup { woken, timeout, unsupported };
inline constexpr std::int64_t never = INT64_MAX;
inline timespec to_timespec(std::int64_t ns) noexcept {
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}
struct watched_word {
  const void* word;
  std::uint32_t value;
  bool shared;
};
inline constexpr unsigned max_watched_words = 16;

/// Time passes in the model only by itself: a sleep that ends for no reason counts as over.
inline wakeup futex_wait(const watched_word& w, std::int64_t deadline) noexcept {
  const auto how = model::world::current()->futex_wait(w.word, w.value);
  return how == model::world::sleep::by_itself && deadline != never ? wakeup::timeout : wakeup::woken;
}
inline wakeup futex_wait_any(const watched_word* w, unsigned n, std::int64_t deadline) noexcept {
  if (n != 2) model::fail("nothing in the model sleeps on more than two words");
  const auto how = model::world::current()->futex_wait({{w[0].word, w[0].value}, {w[1].word, w[1].value}});
  return how == model::world::sleep::by_itself && deadline != never ? wakeup::timeout : wakeup::woken;
}
inline void futex_wake(const void* word, bool, int n = INT_MAX) noexcept {
  if (model::world::self() != nullptr) model::world::current()->futex_wake(word, static_cast<unsigned>(n));
}

}  // namespace sluice::detail

#endif
