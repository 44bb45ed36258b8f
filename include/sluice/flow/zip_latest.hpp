// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_ZIP_LATEST_HPP
#define SLUICE_FLOW_ZIP_LATEST_HPP

#include <sluice/flow/end_ref.hpp>
#include <sluice/flow/over_source.hpp>
#include <sluice/flow/turns.hpp>

namespace sluice {

/// The newest messages of several sources side by side, from when each has said something, and again with every
/// message of one of them. It ends when all have ended, or one without a word.
template <source... Sources>
  requires(std::copyable<item_t<Sources>> && ...)
class zip_source : public source_verbs<zip_source<Sources...>> {
 public:
  using value_type = std::tuple<item_t<Sources>...>;
  static constexpr end_traits traits =
      detail::unordered(detail::resized(detail::joined_traits<Sources...>(), sizeof(value_type)));

  explicit zip_source(Sources... s) noexcept : sources_(std::move(s)...) {}

  result<value_type> try_pop() {
    more_ = false;
    for (unsigned n = 0; n < detail::most_passed_over; ++n) {
      error why(errc::empty, step::pop);
      const bool told = sources_.any([&](auto& from, auto index) {
        auto m = from.try_pop();
        why = m.err();
        if (m) {
          std::get<index>(newest_) = std::move(m);
          return true;
        }
        if (!detail::is_end(why)) return !why.again();
        sources_.ended(index);
        if (why != errc::closed && !why_) why_ = why;
        if (!std::get<index>(newest_)) silent_ = true;
        return false;
      });
      if (silent_ || (!told && sources_.all_ended())) return why_ ? why_ : error(errc::closed, step::pop);
      if (why) return why.again() || !detail::is_end(why) ? why : error(errc::empty, step::pop);
      if (std::apply([](auto&... m) { return (m.has_value() && ...); }, newest_))
        return std::apply([](auto&... m) { return value_type(*m...); }, newest_);
    }
    more_ = true;
    return error(errc::pending, step::pop);
  }
  void arm(want k, wait_set& set) noexcept {
    sources_.arm(k, set);
    if (more_ || silent_) set.ready();
  }
  void disarm(want k) noexcept { sources_.disarm(k); }
  void close() noexcept { sources_.close(); }
  [[nodiscard]] wait_strategy waits() const noexcept { return sources_.waits(); }

 private:
  detail::turns<Sources...> sources_;
  std::tuple<result<item_t<Sources>>...> newest_{result<item_t<Sources>>(errc::empty)...};
  error why_;            // of the first that died
  bool silent_ = false;  // one has ended that never said anything
  bool more_ = false;
};

/// The newest message of each: `zip_latest(bid, ask)` gives tuples of both.
template <source... Sources>
[[nodiscard]] auto zip_latest(Sources&&... s) {
  return zip_source<held_t<Sources>...>(held_t<Sources>(std::forward<Sources>(s))...);
}

}  // namespace sluice

#endif
