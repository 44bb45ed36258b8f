// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_DEAL_HPP
#define SLUICE_FLOW_DEAL_HPP

#include <sluice/flow/end_ref.hpp>
#include <sluice/flow/turns.hpp>

namespace sluice {

/// Each message to one of several sinks: by turns, to the first that has room. A sink whose reader has gone is left
/// out; the deal has ended when all are.
template <class... Sinks>
class deal_sink : public detail::passing_verbs<deal_sink<Sinks...>> {
 public:
  using value_type = std::common_type_t<item_t<Sinks>...>;
  static constexpr end_traits traits = [] {
    const end_traits t = detail::joined_traits<Sinks...>();
    return sizeof...(Sinks) == 1 ? t : detail::unordered(t);
  }();

  explicit deal_sink(Sinks... s) noexcept : sinks_(std::move(s)...) {}

  template <class U = value_type>
    requires std::convertible_to<U&&, value_type>
  status try_push(U&& value) {
    error why(errc::full, step::push);
    const bool told = sinks_.any([&](auto& sink, unsigned i) {
      const status s = sink.try_push(std::forward<U>(value));  // a sink that refuses has not touched it
      if (s) {
        why = {};
        return true;
      }
      if (detail::is_end(s.err())) {
        sinks_.ended(i);
        return false;
      }
      if (s.err() != errc::full) why = s.err();
      return !s.err().again();
    });
    if (!told && sinks_.all_ended()) return error(errc::closed, step::push);
    return why;
  }
  status flush(until u = {}) { return sinks_.flush(u.immediate() ? u : u.absolute()); }
  status finish(until u = {}) { return sinks_.finish(u.immediate() ? u : u.absolute()); }
  [[nodiscard]] bool owes() const noexcept { return (detail::can_flush<Sinks> || ...); }
  void arm(want k, wait_set& set) noexcept { sinks_.arm(k, set); }
  void disarm(want k) noexcept { sinks_.disarm(k); }
  void close() noexcept { sinks_.close(); }
  [[nodiscard]] wait_strategy waits() const noexcept { return sinks_.waits(); }

 private:
  detail::turns<Sinks...> sinks_;
};

/// A sink whose messages are dealt out to these.
template <class... Sinks>
  requires(sizeof...(Sinks) != 0 && (sink<Sinks> && ...))
[[nodiscard]] auto deal(Sinks&&... s) {
  return deal_sink<held_t<Sinks>...>(held_t<Sinks>(std::forward<Sinks>(s))...);
}

}  // namespace sluice

#endif
