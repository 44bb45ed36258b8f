// SPDX-License-Identifier: MIT
#ifndef SLUICE_BRIDGE_SENDERS_HPP
#define SLUICE_BRIDGE_SENDERS_HPP

#include <sluice/bridge/coroutine.hpp>

#include <optional>

#if __has_include(<stdexec/execution.hpp>)
#include <stdexec/execution.hpp>
#define SLUICE_HAS_STDEXEC() 1
#else
#define SLUICE_HAS_STDEXEC() 0
#endif

// The verbs as senders (P2300), for a loop of bridge/coroutine.hpp:
//
//   auto work = pop_sender(io, rx) | stdexec::then([](quote q) { ... });
//
// They complete in the thread that runs the loop, or in start() where that can be done at once. What throws in a try (a
// function of an adaptor) ends the program. They complete with
//
//   set_value(T)      a message; set_value(), for a push
//   set_error(error)  whatever else the verb says, `closed` and `timeout` included
//   set_stopped()     the stop of `until`, or the stop token of the receiver: nothing was taken, nothing was sent
//
// Where stdexec is there, its customization points are used; elsewhere the members of a receiver, as P2855 has them, and
// whatever stop token its environment has under `get_stop_token()`.

namespace sluice {

namespace detail {

#if SLUICE_HAS_STDEXEC()
struct verb_sender_base {
  using sender_concept = stdexec::sender_t;
};
struct verb_operation_base {
  using operation_state_concept = stdexec::operation_state_t;
};
template <class T>
struct verb_signatures {
  using type = stdexec::completion_signatures<stdexec::set_value_t(T), stdexec::set_error_t(error), stdexec::set_stopped_t()>;
};
template <>
struct verb_signatures<void> {
  using type = stdexec::completion_signatures<stdexec::set_value_t(), stdexec::set_error_t(error), stdexec::set_stopped_t()>;
};
template <class R, class... T>
void complete_with_value(R&& r, T&&... value) noexcept {
  stdexec::set_value(std::forward<R>(r), std::forward<T>(value)...);
}
template <class R>
void complete_with_error(R&& r, error why) noexcept {
  stdexec::set_error(std::forward<R>(r), std::move(why));
}
template <class R>
void complete_stopped(R&& r) noexcept {
  stdexec::set_stopped(std::forward<R>(r));
}
template <class R>
auto stop_token_of(const R& r) noexcept {
  return stdexec::get_stop_token(stdexec::get_env(r));
}
template <class Token, class F>
using callback_for = stdexec::stop_callback_for_t<Token, F>;
#else
struct verb_sender_base {};
struct verb_operation_base {};
template <class T>
struct verb_signatures {
  using type = void;
};
template <class R, class... T>
void complete_with_value(R&& r, T&&... value) noexcept {
  std::forward<R>(r).set_value(std::forward<T>(value)...);
}
template <class R>
void complete_with_error(R&& r, error why) noexcept {
  std::forward<R>(r).set_error(why);
}
template <class R>
void complete_stopped(R&& r) noexcept {
  std::forward<R>(r).set_stopped();
}
struct no_token {
  template <class>
  struct callback_type {};
};
template <class R>
auto stop_token_of(const R& r) noexcept {
  if constexpr (requires { r.get_env().get_stop_token(); }) return r.get_env().get_stop_token();
  else return no_token();
}
template <class Token, class F>
using callback_for = typename Token::template callback_type<F>;
#endif

struct request_stop {
  stop* halt;
  void operator()() const noexcept { halt->request(); }
};

/// A verb that has been connected. It stays where it is; until it completes, nothing has been taken.
template <class End, class Attempt, class Receiver>
class verb_operation : public verb_operation_base, waiting_attempt<End, Attempt> {
  using base = waiting_attempt<End, Attempt>;
  using token = decltype(stop_token_of(std::declval<const Receiver&>()));
  using callback = callback_for<token, request_stop>;
  static constexpr bool has_token = std::is_constructible_v<callback, token, request_stop>;

 public:
  verb_operation(loop& l, End& end, want k, until u, Attempt a, Receiver r)
      : base(l.cases(), end, k, u, std::move(a), has_token ? &halt_ : nullptr), receiver_(std::move(r)) {}
  ~verb_operation() { base::leave(); }  // while its stop is there

  void start() & noexcept {
    if constexpr (has_token) asked_.emplace(stop_token_of(receiver_), request_stop{&halt_});
    base::patience_ = base::patience_.absolute();
    if (base::find() || !base::enter()) complete();
  }

 private:
  error deliver() override { return complete(), error(); }
  /// The receiver may be the end of this.
  void complete() noexcept {
    asked_.reset();
    auto said = base::take();
    Receiver to = std::move(receiver_);
    if (said.err() == errc::stopped) return complete_stopped(std::move(to));
    if (!said) return complete_with_error(std::move(to), said.err());
    if constexpr (requires { *std::move(said); }) complete_with_value(std::move(to), *std::move(said));
    else complete_with_value(std::move(to));
  }

  stop halt_;  // what the receiver's token requests
  Receiver receiver_;
  std::optional<callback> asked_;
};

/// A verb that nobody has connected yet: it may be copied, and connected as often as one likes.
template <class Value, class End, class Attempt>
struct verb_sender : verb_sender_base {
  using completion_signatures = typename verb_signatures<Value>::type;

  loop* in;
  End* end;
  want kind;
  until patience;
  Attempt attempt;

  verb_sender(loop& l, End& e, want k, until u, Attempt a)
      : in(&l), end(&e), kind(k), patience(u), attempt(std::move(a)) {}

  template <class Receiver>
  [[nodiscard]] auto connect(Receiver r) && {
    return verb_operation<End, Attempt, Receiver>(*in, *end, kind, patience, std::move(attempt), std::move(r));
  }
  template <class Receiver>
  [[nodiscard]] auto connect(Receiver r) const& {
    return verb_operation<End, Attempt, Receiver>(*in, *end, kind, patience, attempt, std::move(r));
  }
};

}  // namespace detail

/// A message of the source.
template <source Source>
[[nodiscard]] auto pop_sender(loop& io, Source& from, until u = {}) {
  auto attempt = [&from] { return from.try_pop(); };
  return detail::verb_sender<item_t<Source>, Source, decltype(attempt)>(io, from, want::pop, u, attempt);
}
/// A message into the sink. It is kept in the sender, and given away when there is room.
template <class Sink>
  requires sink<Sink>
[[nodiscard]] auto push_sender(loop& io, Sink& into, item_t<Sink> value, until u = {}) {
  using attempt = detail::push_attempt<Sink, item_t<Sink>>;
  return detail::verb_sender<void, Sink, attempt>(io, into, want::push, u, attempt(into, std::move(value)));
}

}  // namespace sluice

#endif
