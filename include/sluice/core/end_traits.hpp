// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_END_TRAITS_HPP
#define SLUICE_CORE_END_TRAITS_HPP

#include <sluice/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace sluice {

/// How far apart the two ends may be.
enum class reach : std::uint8_t { process, host, network };

/// What a transport keeps of a message and of its end, stated at compile time so that generic code can require it.
struct end_traits {
  bool reliable = true;          // what was accepted arrives, unless both sides die
  bool ordered = true;           // in the order of acceptance
  bool boundaries = true;        // one push is one pop
  bool carries_close = true;     // the other side sees `closed`, after everything accepted before it
  bool sees_reader_go = true;    // a push is refused as `closed` once every reader has gone
  bool detects_death = false;    // the other side sees `peer_died` when this one is killed
  bool outlives_process = false; // what was accepted is still there for a successor when both sides are gone
  bool survives_fork = true;     // an end inherited through fork still works
  reach spans = reach::process;
  std::size_t max_size = static_cast<std::size_t>(-1);  // bytes of one message
};

/// The traits that an end of type E states about itself.
template <class E>
  requires requires { std::remove_cvref_t<E>::traits; }
inline constexpr end_traits traits_of = std::remove_cvref_t<E>::traits;

}  // namespace sluice

#endif
