// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_JOINED_TRAITS_HPP
#define SLUICE_FLOW_JOINED_TRAITS_HPP

#include <sluice/core/end_traits.hpp>

namespace sluice::detail {

/// The traits that an end states; one that states none promises nothing.
template <class E>
constexpr end_traits stated_traits() noexcept {
  if constexpr (requires { traits_of<E>; }) return traits_of<E>;
  else return {.reliable = false, .ordered = false, .boundaries = false, .carries_close = false,
               .sees_reader_go = false, .survives_fork = false};
}

/// What holds of several ends together is what holds of each of them.
constexpr end_traits both(end_traits a, const end_traits& b) noexcept {
  a.reliable &= b.reliable;
  a.ordered &= b.ordered;
  a.boundaries &= b.boundaries;
  a.carries_close &= b.carries_close;
  a.sees_reader_go &= b.sees_reader_go;
  a.detects_death &= b.detects_death;
  a.outlives_process &= b.outlives_process;
  a.survives_fork &= b.survives_fork;
  if (b.spans > a.spans) a.spans = b.spans;
  if (b.max_size < a.max_size) a.max_size = b.max_size;
  return a;
}
template <class First, class... Rest>
constexpr end_traits joined_traits() noexcept {
  end_traits t = stated_traits<First>();
  ((t = both(t, stated_traits<Rest>())), ...);
  return t;
}
/// The same promises for messages of another size, or in no order.
constexpr end_traits resized(end_traits t, std::size_t bytes) noexcept {
  t.max_size = bytes;
  return t;
}
constexpr end_traits unordered(end_traits t) noexcept {
  t.ordered = false;
  return t;
}
constexpr end_traits unreliable(end_traits t) noexcept {
  t.reliable = false;
  return t;
}

}  // namespace sluice::detail

#endif
