// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_ITEM_HPP
#define SLUICE_RING_ITEM_HPP

#include <sluice/core/memory_policy.hpp>
#include <sluice/core/result.hpp>

#include <type_traits>
#include <utility>

namespace sluice::detail {

/// How an item gets into its place in a ring and out of it: through the policy where bytes are all there is to it, else
/// by moving it there, and out again with nothing left behind.
template <class P, class T, class U>
SLUICE_INLINE() void put_item(T* place, U&& value) noexcept(std::is_nothrow_constructible_v<T, U>) {
  if constexpr (copies_as_bytes<T> && std::is_same_v<std::remove_cvref_t<U>, T>) {
    P::copy_out(place, value);
  } else if constexpr (copies_as_bytes<T>) {
    P::copy_out(place, T(std::forward<U>(value)));
  } else {
    ::new (static_cast<void*>(place)) T(std::forward<U>(value));
  }
}
template <class P, class T>
SLUICE_INLINE() result<T> take_item(T* place) noexcept {
  if constexpr (copies_as_bytes<T>) {
    return result<T>(P::copy_in(place));
  } else {
    result<T> moved(std::move(*place));
    place->~T();
    return moved;
  }
}

}  // namespace sluice::detail

#endif
