// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_TEE_HPP
#define SLUICE_FLOW_TEE_HPP

#include <sluice/flow/end_ref.hpp>
#include <sluice/flow/turns.hpp>

namespace sluice {

/// Every message to each of several sinks. The slowest decides how fast: a message is accepted when one sink has taken
/// it, and no other is before all have. What a sink has not yet taken is kept here, and goes out before anything else:
/// push, flush and finish wait for that, close does what is possible at once.
///
/// A sink whose reader has gone is left out; the tee has ended when all are. If one refuses a message that others have
/// taken, the next call tells that, once, and does nothing else.
template <class... Sinks>
class tee_sink : public detail::passing_verbs<tee_sink<Sinks...>> {
  using ends = detail::turns<Sinks...>;
  using mask = typename ends::mask;

 public:
  using value_type = std::common_type_t<item_t<Sinks>...>;
  static constexpr end_traits traits = detail::joined_traits<Sinks...>();

  explicit tee_sink(Sinks... s) noexcept : sinks_(std::move(s)...) {}
  tee_sink(tee_sink&&) noexcept = default;  // what was moved from may owe, but its sinks have ended
  tee_sink& operator=(tee_sink&& o) noexcept {
    if (this != &o) {
      deliver();
      sinks_ = std::move(o.sinks_);
      rest_ = std::move(o.rest_);
      owing_ = o.owing_, refusing_ = o.refusing_, why_ = o.why_;
    }
    return *this;
  }
  ~tee_sink() { deliver(); }

  status try_push(const value_type& value) {
    if (const status s = try_flush(); !s) return s;
    const mask taken = offer(value, ends::all);
    if (sinks_.all_ended()) return error(errc::closed, step::push);
    if (taken == 0) return why_ ? std::exchange(why_, error()) : error(errc::full, step::push);
    if (refusing_ != 0) rest_ = value, owing_ = refusing_;
    return {};
  }
  /// Waits until every sink has everything that was accepted.
  status flush(until u = {}) {
    const until by = u.immediate() ? u : u.absolute();
    const status s = detail::try_then_wait(*this, want::push, by, [this] { return try_flush(); });
    return s ? sinks_.flush(by) : s;
  }
  /// The same, and then the end.
  status finish(until u = {}) {
    const until by = u.immediate() ? u : u.absolute();
    const status s = flush(by);
    return s ? sinks_.finish(by) : s;
  }
  [[nodiscard]] bool owes() const noexcept { return owing_ != 0 || (detail::can_flush<Sinks> || ...); }
  void arm(want k, wait_set& set) noexcept { sinks_.arm(k, set, refusing_); }  // room elsewhere is of no use
  void disarm(want k) noexcept { sinks_.disarm(k); }
  void close() noexcept {
    deliver();
    owing_ = refusing_ = 0;
    sinks_.close();
  }
  [[nodiscard]] wait_strategy waits() const noexcept { return sinks_.waits(); }

 private:
  static result<value_type> nothing() noexcept { return errc::empty; }

  // To those in `to`; notes who has no room, and returns who has taken it.
  mask offer(const value_type& value, mask to) {
    mask taken = 0;
    refusing_ = 0;
    sinks_.each([&](auto& sink, unsigned i) {
      const mask bit = mask{1} << i;
      if ((to & bit) == 0 || sinks_.has_ended(i)) return;
      const status s = sink.try_push(item_t<decltype(sink)>(value));
      if (s) taken |= bit;
      else if (s.err().again()) refusing_ |= bit;
      else if (detail::is_end(s.err())) sinks_.ended(i);
      else if (!why_) why_ = s.err();
    });
    return taken;
  }
  void deliver() noexcept {
    if (owing_ == 0) return;
    (void)offer(*rest_, owing_);
    owing_ = refusing_;
    if (owing_ == 0) rest_ = nothing();
  }
  status try_flush() noexcept {
    deliver();
    if (owing_ != 0) return error(errc::full, step::push);
    return std::exchange(why_, error());
  }

  ends sinks_;
  result<value_type> rest_ = nothing();  // the last message, for
  mask owing_ = 0;                       // those who have not taken it
  mask refusing_ = 0;                    // who had no room at the last try
  error why_;                            // why one has refused a message that others took
};

/// A sink whose messages go to all of these.
template <class... Sinks>
  requires(sizeof...(Sinks) != 0 && (sink<Sinks> && ...) && (std::copy_constructible<item_t<Sinks>> && ...))
[[nodiscard]] auto tee(Sinks&&... s) {
  return tee_sink<held_t<Sinks>...>(held_t<Sinks>(std::forward<Sinks>(s))...);
}

}  // namespace sluice

#endif
