// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_ROUTE_HPP
#define SLUICE_FLOW_ROUTE_HPP

#include <sluice/flow/end_ref.hpp>
#include <sluice/flow/function_box.hpp>
#include <sluice/flow/turns.hpp>

namespace sluice {

/// Each message to the sink that its key names, in order for each key. What that sink says is the answer: `full` waits
/// for it, and `closed` is said for its keys alone.
///
/// Errors: invalid, where there is no sink of that number.
template <class Key, class... Sinks>
class route_sink : public detail::passing_verbs<route_sink<Key, Sinks...>> {
  using ends = detail::turns<Sinks...>;
  using mask = typename ends::mask;

 public:
  using value_type = std::common_type_t<item_t<Sinks>...>;
  static constexpr end_traits traits = [] {
    const end_traits t = detail::joined_traits<Sinks...>();
    return sizeof...(Sinks) == 1 ? t : detail::unordered(t);
  }();

  route_sink(Key key, Sinks... s) noexcept : sinks_(std::move(s)...), key_(std::move(key)) {}

  template <class U = value_type>
    requires std::convertible_to<U&&, value_type>
  status try_push(U&& value) {
    const auto to = static_cast<std::size_t>(key_(std::as_const(value)));
    status s = error(errc::invalid, step::push, subject::route);
    refusing_ = 0;
    sinks_.each([&](auto& sink, auto index) {
      if (index != to) return;
      s = sink.try_push(std::forward<U>(value));
      if (!s && s.err().again()) refusing_ = mask{1} << to;
    });
    return s;
  }
  status flush(until u = {}) { return sinks_.flush(u.immediate() ? u : u.absolute()); }
  status finish(until u = {}) { return sinks_.finish(u.immediate() ? u : u.absolute()); }
  [[nodiscard]] bool owes() const noexcept { return (detail::can_flush<Sinks> || ...); }
  void arm(want k, wait_set& set) noexcept { sinks_.arm(k, set, refusing_); }
  void disarm(want k) noexcept { sinks_.disarm(k); }
  void close() noexcept { sinks_.close(); }
  [[nodiscard]] wait_strategy waits() const noexcept { return sinks_.waits(); }

 private:
  ends sinks_;
  [[no_unique_address]] detail::function_box<Key> key_;
  mask refusing_ = 0;  // who had no room at the last try: only its room is of use
};

/// A sink whose messages go to the sink of number key(message).
template <class Key, class... Sinks>
  requires(sizeof...(Sinks) != 0 && (sink<Sinks> && ...))
[[nodiscard]] auto route(Key key, Sinks&&... s) {
  return route_sink<Key, held_t<Sinks>...>(std::move(key), held_t<Sinks>(std::forward<Sinks>(s))...);
}

}  // namespace sluice

#endif
