// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_CLOCK_HPP
#define SLUICE_TESTS_MODEL_CLOCK_HPP

#include <cstddef>
#include <cstdint>

namespace model {

inline constexpr unsigned max_threads = 16;
inline constexpr unsigned max_locations = 128;

using index = std::uint16_t;

/// How much of the arrays below this execution uses. Loops end there.
struct extent {
  unsigned threads = 0;
  unsigned locations = 0;
};
inline extent in_use;

/// For each location, the oldest message that may still be read: its place in the modification order.
struct view {
  index oldest[max_locations];

  void join(const view& o) noexcept {
    for (unsigned x = 0; x < in_use.locations; ++x)
      if (o.oldest[x] > oldest[x]) oldest[x] = o.oldest[x];
  }
};

/// What somebody knows: the events that happen before (for data races), and the view that follows from them.
struct clock {
  index event[max_threads];
  view seen;

  void join(const clock& o) noexcept {
    for (unsigned t = 0; t < in_use.threads; ++t)
      if (o.event[t] > event[t]) event[t] = o.event[t];
    seen.join(o.seen);
  }
};

}  // namespace model

#endif
