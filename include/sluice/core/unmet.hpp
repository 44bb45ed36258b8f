// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_UNMET_HPP
#define SLUICE_CORE_UNMET_HPP

#include <sluice/core/concepts.hpp>

// What a compiler says first where a type does not meet a concept: the name of the concept, and which of its demands.
// Left alone it would say that no function matches, and the reason many lines below. So the functions that users name
// have a twin for types that do not fit, which returns one of these.

namespace sluice::detail {

template <class... Demands>
struct unmet : Demands... {};

template <class T>
struct unmet_wire {
  static constexpr bool an_object = std::is_object_v<T>, copied_as_bytes = std::is_trivially_copyable_v<T>;
  static_assert(an_object, "wire: a message must be an object, no reference and no void");
  static_assert(!an_object || copied_as_bytes, "wire: the message must be trivially copyable, since its bytes are sent");
  static_assert(!copied_as_bytes || has_layout<T>,
                "wire: the message has a pointer, a private member or a base somewhere, so its bytes mean nothing "
                "elsewhere, or nobody can say what; a type that knows better specialises sluice::described_layout");
};

template <class E>
struct unmet_waitable {
  static_assert(waitable<E>, "waitable: the end must have arm(want, wait_set&) and disarm(want), noexcept and void");
};

template <class S>
struct unmet_source : unmet_waitable<S> {
  static constexpr bool tells_type = requires { typename item_t<S>; };
  static constexpr bool pops = requires(std::remove_reference_t<S>& s) {
    { s.try_pop() } -> std::same_as<result<item_t<S>>>;
  };
  static_assert(tells_type, "source: the end must name its message type, as value_type");
  static_assert(!tells_type || pops, "source: the end must have try_pop(), which returns result<value_type>");
  static_assert(requires(std::remove_reference_t<S>& s) {
    { s.close() } noexcept -> std::same_as<void>;
  }, "source: the end must have close(), noexcept and void");
};

template <class S, class T>
struct unmet_sink : unmet_waitable<S> {
  static_assert(requires(std::remove_reference_t<S>& s, T&& v) {
    { s.try_push(std::forward<T>(v)) } -> std::same_as<status>;
  }, "sink: the end must have try_push() for this type of message, which returns status");
  static_assert(requires(std::remove_reference_t<S>& s) {
    { s.close() } noexcept -> std::same_as<void>;
  }, "sink: the end must have close(), noexcept and void");
};

}  // namespace sluice::detail

#endif
