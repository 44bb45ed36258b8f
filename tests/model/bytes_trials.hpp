// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_BYTES_TRIALS_HPP
#define SLUICE_TESTS_MODEL_BYTES_TRIALS_HPP

#include "bytes_scenario.hpp"
#include "trials.hpp"

namespace model {

/// Messages around and across the end of the area.
inline std::vector<bytes_case> bytes_shapes() {
  return {
      {.capacity = 1, .sizes = {1, 1, 1}},
      {.capacity = 2, .at = 1, .sizes = {2, 1, 1}},  // over its own padding, as large as the ring
      {.capacity = 3, .at = 2, .sizes = {2, 1, 1}},  // padding, then exactly full
      {.capacity = 3, .at = 1, .sizes = {3, 1}},
      {.capacity = 3, .at = 0, .sizes = {1, 1, 2}},  // padding while its reader is on the way
      {.capacity = 4, .at = 2, .sizes = {3, 2}},
  };
}
/// What a ring of bytes has to stand.
inline std::vector<trial> bytes_trials() {
  std::vector<trial> all;
  const auto add = [&](const bytes_case& c) { all.push_back([c](const options& o) { return explore_bytes(c, o); }); };
  for (bytes_case c : bytes_shapes()) {
    add(c);
    c.in_place = c.wrap = true;
    add(c);
  }
  for (bytes_case c : bytes_shapes()) {
    c.sizes.resize(2);
    c.consumer_dies = true;
    add(c);
  }
  for (bytes_case c : bytes_shapes()) {
    if (c.capacity > 3) continue;
    c.sizes.resize(2);
    c.producer_dies = true;
    add(c);
    if (c.at != 2) continue;
    c.heir_size = static_cast<unsigned>(c.capacity);  // over padding that nothing lies behind
    add(c);
  }
  return all;
}

}  // namespace model

#endif
