// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_EXPLAIN_HPP
#define SLUICE_CHANNEL_EXPLAIN_HPP

#include <sluice/channel/shared.hpp>
#include <sluice/platform/explain_layouts.hpp>

namespace sluice {

namespace detail {

template <class T, class Kind, class P>
explanation explain_place(const result<region_place>& where, const ring_options& o) noexcept {
  explanation t;
  if (!where) return t.add(describe(where.err()).c_str());
  const unique_handle fd = where->open();
  if (!fd) return t.add(describe(last_error(step::open)).c_str());
  const auto header = read_header(fd.get(), o.region());
  if (!header) return t.add(describe(header.err()).c_str());
  const status wanted = check_wanted(*header, spec_of<T, Kind, P>(o));
  if (wanted) return t.add("the region fits: this type, kind and capacity");
  t.add(describe(wanted.err()).c_str()).add(".");
  switch (wanted.err().about()) {
    case subject::type_layout: {
      t.add(" A message has ").add_number(header->item_size).add(" bytes in the region and ").add_number(sizeof(T)).add(" here.");
      char ours[sizeof header->text];
      const std::size_t n = layout_text<T>(ours, sizeof ours);
      explain_layouts(t, {header->text, header->text_size}, {ours, n});
      break;
    }
    case subject::capacity:
      t.add(" It has ").add_number(static_cast<long long>(header->capacity)).add(", not ");
      t.add_number(static_cast<long long>(o.capacity)).add(".");
      break;
    case subject::kind: t.add(" It has kind number ").add_number(header->kind).add("."); break;
    case subject::participants: t.add(" It has ").add_number(header->participants).add("."); break;
    default: break;
  }
  return t;
}

}  // namespace detail

/// Reads the header of a shared memory channel again and says in words how it differs from what this program wants;
/// of a message type, which field is the first to differ, by index, kind and offset. Joins nothing, changes nothing.
template <wire T, channel_kind Kind = spsc, class P = native_memory>
[[nodiscard]] explanation explain(std::string_view name, const ring_options& o = {}) noexcept {
  return detail::explain_place<T, Kind, P>(region_place::shared_memory(name, o.region()), o);
}
/// The same of a channel in a file.
template <wire T, channel_kind Kind = spsc, class P = native_memory>
[[nodiscard]] explanation explain_file(std::string_view path, const ring_options& o = {}) noexcept {
  return detail::explain_place<T, Kind, P>(detail::file_place(path, o), o);
}

}  // namespace sluice

#endif
