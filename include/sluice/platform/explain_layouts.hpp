// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_EXPLAIN_LAYOUTS_HPP
#define SLUICE_PLATFORM_EXPLAIN_LAYOUTS_HPP

#include <sluice/core/layout_difference.hpp>
#include <sluice/platform/describe.hpp>

namespace sluice {

using explanation = fixed_text<640>;

namespace detail {

inline explanation& add_entry(explanation& t, std::string_view s) noexcept {
  return s.empty() ? t.add("nothing") : t.add(s.data(), s.size());
}

/// Says which field of two layouts is the first to differ, if any; `where` is where the other one was found.
inline void explain_layouts(explanation& t, std::string_view theirs, std::string_view ours,
                            const char* where = "in the region") noexcept {
  const layout_difference d = first_difference(theirs, ours);
  if (!d) return;
  t.add(" Field ").add_number(static_cast<long long>(d.index)).add(" is ");
  add_entry(t, d.theirs).add(" ").add(where).add(" and ");
  add_entry(t, d.ours).add(" here (kind: b bool, u unsigned, i signed, f floating, e enum; then bits @ offset).");
}

}  // namespace detail
}  // namespace sluice

#endif
