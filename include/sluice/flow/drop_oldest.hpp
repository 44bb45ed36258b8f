// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_DROP_OLDEST_HPP
#define SLUICE_FLOW_DROP_OLDEST_HPP

#include <sluice/channel/broadcast.hpp>
#include <sluice/flow/adaptor.hpp>
#include <sluice/flow/over_sink.hpp>
#include <sluice/flow/short_queue.hpp>

namespace sluice {

/// A sink that is never full: messages for which there is no room wait here, N at most, and each one more costs the
/// oldest of them, which is counted. What waits goes out before anything else: with the next push, by flush or finish;
/// close does what is possible at once.
template <class Sink, std::size_t N>
class drop_oldest_sink : public detail::over_sink<drop_oldest_sink<Sink, N>, Sink> {
  using base = detail::over_sink<drop_oldest_sink, Sink>;

 public:
  using typename base::value_type;
  static constexpr end_traits traits = detail::unreliable(base::traits);

  explicit drop_oldest_sink(Sink s) noexcept : base(std::move(s)) {}
  drop_oldest_sink(drop_oldest_sink&&) noexcept = default;
  drop_oldest_sink& operator=(drop_oldest_sink&& o) noexcept {
    if (this != &o) {
      (void)try_flush();
      base::operator=(std::move(o));
      waiting_ = std::move(o.waiting_);
      dropped_ = o.dropped_;
    }
    return *this;
  }
  ~drop_oldest_sink() { (void)try_flush(); }

  template <class U = value_type>
    requires std::convertible_to<U&&, value_type>
  status try_push(U&& value) {
    status s = try_flush();
    if (s) s = this->sink_.try_push(std::forward<U>(value));
    if (s || !s.err().again()) return s;
    if (waiting_.full()) waiting_.drop(), ++dropped_;
    waiting_.put(std::forward<U>(value));  // refused, so untouched
    return {};
  }
  /// Waits until everything that waits here has been taken.
  status flush(until u = {}) {
    const until by = u.immediate() ? u : u.absolute();
    const status s = detail::try_then_wait(this->sink_, want::push, by, [this] { return try_flush(); });
    return s ? detail::flush_end(this->sink_, by) : s;
  }
  /// The same, and then the end.
  status finish(until u = {}) {
    const until by = u.immediate() ? u : u.absolute();
    const status s = flush(by);
    return s ? detail::finish_end(this->sink_, by) : s;
  }
  /// A push does not wait for what waits here: that is what it is for.
  [[nodiscard]] bool owes() const noexcept { return false; }
  void arm(want, wait_set& set) noexcept { set.ready(); }
  void disarm(want) noexcept {}
  void close() noexcept {
    (void)try_flush();
    waiting_.clear();
    base::close();
  }
  /// How many messages were lost.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  status try_flush() {
    while (!waiting_.empty()) {
      if (const status s = this->sink_.try_push(std::move(waiting_.front())); !s) return s;
      waiting_.drop();
    }
    return {};
  }

  detail::short_queue<value_type, N> waiting_;
  std::uint64_t dropped_ = 0;
};

/// `sink | drop_oldest<16>()`: who has no room keeps the newest 16 messages.
template <std::size_t N = 16>
[[nodiscard]] auto drop_oldest() {
  return adaptor([]<class S>(S s) requires sink<S> { return drop_oldest_sink<S, N>(std::move(s)); });
}

/// `sink | latest()`: who has no room keeps the newest message only.
template <class Sink>
  requires(sink<Sink> && !source<Sink>)
[[nodiscard]] auto operator|(Sink&& s, latest) {
  return std::forward<Sink>(s) | drop_oldest<1>();
}

}  // namespace sluice

#endif
