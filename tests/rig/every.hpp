// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RIG_EVERY_HPP
#define SLUICE_TESTS_RIG_EVERY_HPP

#include "audience.hpp"
#include "bytes.hpp"
#include "lanes.hpp"
#include "ordered.hpp"
#include "priorities.hpp"
#include "spsc.hpp"

/// Every ring there is, by its file here.
#define SLUICE_EVERY_RING()                                                                                         \
  rig::spsc, rig::mpsc, rig::spmc, rig::mpmc, rig::lanes, rig::broadcast, rig::lossy_broadcast, rig::latest, rig::bytes, \
      rig::bytes_mpsc, rig::priorities

namespace rig {

template <class... Rigs>
struct list {};
using every = list<SLUICE_EVERY_RING()>;

/// What a region of so many messages is opened with.
template <class Rig, class Item>
constexpr std::size_t capacity_of(std::size_t messages) noexcept {
  if constexpr (requires { Rig::template capacity<Item>(messages); }) return Rig::template capacity<Item>(messages);
  else return messages;
}

/// How many parts a ring has that have the whole capacity each.
template <class Rig>
constexpr unsigned parts_of = [] {
  if constexpr (requires { Rig::parts; }) return Rig::parts;
  else return 1u;
}();

}  // namespace rig

#endif
