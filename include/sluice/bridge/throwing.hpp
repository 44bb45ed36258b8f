// SPDX-License-Identifier: MIT
#ifndef SLUICE_BRIDGE_THROWING_HPP
#define SLUICE_BRIDGE_THROWING_HPP

#include <sluice/bridge/system_error.hpp>
#include <sluice/flow/end_ref.hpp>
#include <sluice/flow/over_sink.hpp>

#ifdef __cpp_exceptions
#include <optional>

namespace sluice {

/// What is thrown: `code()` for the standard's handlers, `why` for ours.
class failure : public std::system_error {
 public:
  explicit failure(error e) : std::system_error(make_error_code(e), describe(e).c_str()), why(e) {}

  error why;
};

/// The value of a result; throws where there is none.
template <class T>
T value_of(result<T> r) {
  if (!r) throw failure(r.err());
  if constexpr (!std::is_void_v<T>) return *std::move(r);
}

/// A source that throws. The end of a stream is none of the things that went wrong: it is no message.
///
/// Threads, Blocks: as the end. Throws: failure, and nothing was taken.
template <source Source>
class throwing_source {
 public:
  using value_type = item_t<Source>;

  explicit throwing_source(Source s) noexcept : source_(std::move(s)) {}

  /// Waits for a message; none: the stream has come to its end.
  std::optional<value_type> pop(until u = {}) { return came(detail::try_then_wait(source_, want::pop, u, [this] { return source_.try_pop(); })); }
  /// None: nothing is there yet, or the stream has come to its end.
  std::optional<value_type> try_pop() {
    auto m = source_.try_pop();
    return !m && m.err().again() ? std::nullopt : came(std::move(m));
  }
  void close() noexcept { source_.close(); }
  [[nodiscard]] Source& end() noexcept { return source_; }

 private:
  static std::optional<value_type> came(result<value_type> m) {
    if (m) return *std::move(m);
    if (m.err() == errc::closed) return std::nullopt;
    throw failure(m.err());
  }

  Source source_;
};

/// A sink that throws. That nobody reads any more is a failure here: the message was not accepted.
///
/// Threads, Blocks: as the end. Throws: failure, and nothing was sent.
template <class Sink>
class throwing_sink {
 public:
  using value_type = item_t<Sink>;

  explicit throwing_sink(Sink s) noexcept : sink_(std::move(s)) {}

  template <class U = value_type>
    requires sink<Sink, std::remove_cvref_t<U>>
  void push(U&& value, until u = {}) {
    value_of(detail::push_into(sink_, std::forward<U>(value), u));
  }
  /// False: there is no room.
  template <class U = value_type>
    requires sink<Sink, std::remove_cvref_t<U>>
  [[nodiscard]] bool try_push(U&& value) {
    const status s = sink_.try_push(std::forward<U>(value));
    if (!s && !s.err().again()) throw failure(s.err());
    return static_cast<bool>(s);
  }
  void close() noexcept { sink_.close(); }
  [[nodiscard]] Sink& end() noexcept { return sink_; }

 private:
  Sink sink_;
};

/// `throwing(rx).pop()`: an rvalue becomes its own, an lvalue stays where it is.
template <class End>
  requires(source<End> || sink<End>)
[[nodiscard]] auto throwing(End&& e) {
  if constexpr (source<End>) return throwing_source<held_t<End>>(held_t<End>(std::forward<End>(e)));
  else return throwing_sink<held_t<End>>(held_t<End>(std::forward<End>(e)));
}

}  // namespace sluice

#endif

#endif
