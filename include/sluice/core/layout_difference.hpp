// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_LAYOUT_DIFFERENCE_HPP
#define SLUICE_CORE_LAYOUT_DIFFERENCE_HPP

#include <sluice/core/config.hpp>

#include <cstddef>
#include <string_view>

namespace sluice {

/// The first field in which two layout texts differ: its number, and its entry on either side ("f64@8": kind, bits and
/// offset), empty where a side has no such field. False where the texts say the same.
struct layout_difference {
  std::size_t index = 0;
  std::string_view theirs, ours;
  explicit operator bool() const noexcept { return theirs != ours; }
};

namespace detail {

/// One entry of a layout text, and the text after it.
struct layout_entry {
  std::string_view text, rest;
};
inline layout_entry next_entry(std::string_view layout) noexcept {
  while (!layout.empty() && (layout.front() == ' ' || layout.front() == '{' || layout.front() == '}'))
    layout.remove_prefix(1);
  const auto n = layout.find_first_of(" }");
  return {layout.substr(0, n), n == layout.npos ? std::string_view() : layout.substr(n + 1)};
}

}  // namespace detail

/// Compares two layout texts, whatever bytes they are made of.
[[nodiscard]] inline layout_difference first_difference(std::string_view theirs, std::string_view ours) noexcept {
  for (std::size_t index = 0;; ++index) {
    const detail::layout_entry a = detail::next_entry(theirs), b = detail::next_entry(ours);
    if (a.text != b.text || (a.text.empty() && b.text.empty())) return {index, a.text, b.text};
    theirs = a.rest, ours = b.rest;
  }
}

}  // namespace sluice

#endif
