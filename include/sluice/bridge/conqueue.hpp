// SPDX-License-Identifier: MIT
#ifndef SLUICE_BRIDGE_CONQUEUE_HPP
#define SLUICE_BRIDGE_CONQUEUE_HPP

#include <sluice/flow/end_ref.hpp>
#include <sluice/flow/over_sink.hpp>

#include <atomic>
#include <optional>
#include <version>

#ifdef __cpp_lib_expected
#include <expected>
#endif

namespace sluice {

/// What the standard's proposal of concurrent queues (P0260R20) says. Ours is never busy: no try needs a lock.
enum class conqueue_status { success, empty, full, closed, busy, busy_async };

/// Two ends as one queue of that shape: push and pop block, false and nothing mean that it is closed. Whatever else ends
/// the stream (a peer that was killed) is closed, too, in this shape; why() tells.
///
/// Threads: one at a time pushes or closes, one at a time pops; is_closed() and why() any.
template <class Sink, class Source>
  requires(sink<Sink> && source<Source>)
class conqueue {
 public:
  using value_type = item_t<Source>;

  /// An rvalue becomes its own, an lvalue stays where it is.
  template <class S, class R>
  conqueue(S&& into, R&& from) noexcept : sink_(std::forward<S>(into)), source_(std::forward<R>(from)) {}

  void close() noexcept {
    sink_.close();
    (void)ended(errc::closed);
  }
  /// Has it been closed here, or somebody been told that it is?
  [[nodiscard]] bool is_closed() const noexcept { return why() != errc::ok; }
  [[nodiscard]] errc why() const noexcept { return why_.load(); }

  bool push(const value_type& x) { return push(value_type(x)); }
  bool push(value_type&& x) {
    return said(detail::push_into(sink_, std::move(x), until())) == conqueue_status::success;
  }
  template <class... Args>
  bool emplace(Args&&... args) {
    return push(value_type(std::forward<Args>(args)...));
  }
  conqueue_status try_push(const value_type& x) { return try_push(value_type(x)); }
  conqueue_status try_push(value_type&& x) { return said(sink_.try_push(std::move(x))); }
  template <class... Args>
  conqueue_status try_emplace(Args&&... args) {
    return try_push(value_type(std::forward<Args>(args)...));
  }
  std::optional<value_type> pop() {
    for (;;) {
      auto m = detail::try_then_wait(source_, want::pop, {}, [this] { return source_.try_pop(); });
      if (m) return *std::move(m);
      if (ended(m.err())) return std::nullopt;
    }
  }
#ifdef __cpp_lib_expected
  std::expected<value_type, conqueue_status> try_pop() {
    conqueue_status s{};
    auto m = try_pop(s);
    if (!m) return std::unexpected(s);
    return *std::move(m);
  }
#endif
  /// The same for a library without std::expected.
  std::optional<value_type> try_pop(conqueue_status& s) {
    auto m = source_.try_pop();
    s = m ? conqueue_status::success : m.err().again() ? conqueue_status::empty : conqueue_status::closed;
    if (m) return *std::move(m);
    if (s == conqueue_status::closed && !ended(m.err())) s = conqueue_status::empty;  // what came was no message
    return std::nullopt;
  }

 private:
  conqueue_status said(const status& s) noexcept {
    if (s) return conqueue_status::success;
    if (s.err().again()) return conqueue_status::full;
    return ended(s.err()) ? conqueue_status::closed : conqueue_status::full;
  }
  // Not after an error that a message more may follow: a reader that was overtaken, a message that was damaged.
  bool ended(error e) noexcept {
    if (!detail::is_end(e)) return e == errc::forked || e == errc::invalid;
    errc none = errc::ok;
    (void)why_.compare_exchange_strong(none, e.code);
    return true;
  }

  Sink sink_;
  Source source_;
  std::atomic<errc> why_{errc::ok};
};
template <class Sink, class Source>
conqueue(Sink&&, Source&&) -> conqueue<held_t<Sink>, held_t<Source>>;

}  // namespace sluice

#endif
