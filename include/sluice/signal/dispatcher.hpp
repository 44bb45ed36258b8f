// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_DISPATCHER_HPP
#define SLUICE_SIGNAL_DISPATCHER_HPP

#include <sluice/core/result.hpp>
#include <sluice/signal/subscription.hpp>

#include <cstddef>
#include <new>
#include <type_traits>

namespace sluice {

template <class Signature, unsigned N>
class dispatcher;

/// Up to N handlers of an event, called in the order in which they were subscribed.
///
///     dispatcher<void(int celsius), 4> measured;
///     auto shown = measured.subscribe([&display](int t) { display.show(t); });   // as long as `shown` lives
///     measured.dispatch(21);
///
/// A handler is kept in a pointer's place: a function, or a lambda that captures nothing, one reference or one pointer.
/// Handlers may do everything to the dispatcher that called them:
///
///   unsubscribe     that handler is not called any more, not in this dispatch either; a running one may be it, and
///                   ends in its own time. Its place is free at once.
///   subscribe       is called from the next dispatch on
///   dispatch        a dispatch of its own, for all that are subscribed now; then the outer one goes on
///   throw           comes out of dispatch(); the handlers behind are not called this time, and all stay subscribed
///   destroy it      nobody else is called
///
/// Threads: one at a time, and no interrupt: from there, isr_events. Blocks: never. Allocates: never.
/// Errors: full (there are N); invalid (a null function).
template <class... Args, unsigned N>
class dispatcher<void(Args...), N> : private detail::subscribers {
  static_assert(N > 0, "sluice: a dispatcher has room for at least one handler");
  static_assert((!std::is_rvalue_reference_v<Args> && ...),
                "sluice: an event goes to many handlers, so none may move from it");
  using function = void (*)(void* state, Args...);

 public:
  static constexpr std::size_t capacity = N;

  constexpr dispatcher() noexcept : subscribers(places_) {}

  template <class F>
  result<subscription> subscribe(F handler) noexcept {
    static_assert(std::is_trivially_copyable_v<F> && sizeof(F) <= sizeof(void*),
                  "sluice: a handler is kept in a pointer's place; capture one pointer, to what holds the rest");
    static_assert(std::is_invocable_v<const F&, Args&...>,
                  "sluice: the handler cannot be called with these arguments, as const");
    if constexpr (std::is_pointer_v<F>) {
      if (handler == nullptr) return error(errc::invalid, step::join);
    }
    void* state = nullptr;
    if constexpr (!std::is_empty_v<F>) __builtin_memcpy(&state, &handler, sizeof handler);
    return subscribe(&call<F>, state);
  }
  /// The same, for a function that is given `context` before the event.
  result<subscription> subscribe(function f, void* context) noexcept {
    if (f == nullptr) return error(errc::invalid, step::join);
    if (count_ == N) return error(errc::full, step::join);
    subscription s;
    add({reinterpret_cast<void (*)()>(f), context}, s);
    return s;
  }
  void dispatch(Args... args) {
    pass here;
    const running until_end(*this, here);
    while (here.at != here.end) {
      const place& p = places_[here.at++];
      reinterpret_cast<function>(p.call)(p.state, args...);
    }
  }
  /// How many are subscribed.
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  template <class F>
  static void call(void* state, Args... args) {
    alignas(F) std::byte copy[sizeof(F)] = {};
    if constexpr (!std::is_empty_v<F>) __builtin_memcpy(copy, &state, sizeof copy);
    const F& handler = *std::launder(reinterpret_cast<const F*>(copy));
    handler(args...);
  }

  place places_[N];
};

}  // namespace sluice

#endif
