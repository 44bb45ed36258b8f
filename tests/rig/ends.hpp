// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RIG_ENDS_HPP
#define SLUICE_TESTS_RIG_ENDS_HPP

#include <sluice/channel/shared.hpp>

namespace rig {

/// The ends of a ring between processes: its rig may bring others, which carry the items in their own way.
template <class Rig, class Item>
struct ends_of {
  using type = sluice::detail::shared_ends<Item, typename Rig::kind, sluice::native_memory>;
};
template <class Rig, class Item>
  requires requires { typename Rig::template ends<Item>; }
struct ends_of<Rig, Item> {
  using type = typename Rig::template ends<Item>;
};
template <class Rig, class Item>
using sink_of = typename ends_of<Rig, Item>::type::sink;
template <class Rig, class Item>
using source_of = typename ends_of<Rig, Item>::type::source;

}  // namespace rig

#endif
