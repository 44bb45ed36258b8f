// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_MERGE_HPP
#define SLUICE_FLOW_MERGE_HPP

#include <sluice/flow/end_ref.hpp>
#include <sluice/flow/turns.hpp>

namespace sluice {

/// The messages of several sources, by turns; in order for each of them.
///
/// It ends when all have ended: with `closed`, or as the first one that did not end in an orderly way. Other errors are
/// passed on when they are met, and the turn goes on.
template <source... Sources>
class merge_source : public source_verbs<merge_source<Sources...>> {
 public:
  using value_type = std::common_type_t<item_t<Sources>...>;
  static constexpr end_traits traits = [] {
    const end_traits t = detail::resized(detail::joined_traits<Sources...>(), sizeof(value_type));
    return sizeof...(Sources) == 1 ? t : detail::unordered(t);
  }();

  explicit merge_source(Sources... s) noexcept : sources_(std::move(s)...) {}

  result<value_type> try_pop() {
    result<value_type> got = error(errc::empty, step::pop);
    const bool told = sources_.any([&](auto& from, unsigned i) {
      auto m = from.try_pop();
      if (m) {
        got = result<value_type>(std::in_place, *std::move(m));
        return true;
      }
      const error e = m.err();
      if (detail::is_end(e)) {
        sources_.ended(i);
        if (e != errc::closed && !why_) why_ = e;
        return false;
      }
      if (e != errc::empty) got = e;
      return !e.again();
    });
    if (!told && sources_.all_ended()) return why_ ? why_ : error(errc::closed, step::pop);
    return got;
  }
  void arm(want k, wait_set& set) noexcept { sources_.arm(k, set); }
  void disarm(want k) noexcept { sources_.disarm(k); }
  void close() noexcept { sources_.close(); }
  [[nodiscard]] wait_strategy waits() const noexcept { return sources_.waits(); }

 private:
  detail::turns<Sources...> sources_;
  error why_;  // of the first that died
};

/// All messages of these sources, of the type that they have in common.
template <source... Sources>
  requires(sizeof...(Sources) != 0 && requires { typename std::common_type_t<item_t<Sources>...>; })
[[nodiscard]] auto merge(Sources&&... s) {
  return merge_source<held_t<Sources>...>(held_t<Sources>(std::forward<Sources>(s))...);
}

// The same for what is no source, or for sources of messages that have no type in common.
template <class... Ends>
  requires(!(source<Ends> && ...))
auto merge(Ends&&...) {
  return detail::unmet<detail::unmet_source<Ends>...>();
}
template <source... Sources>
  requires(!requires { typename std::common_type_t<item_t<Sources>...>; })
auto merge(Sources&&...) {
  static_assert(sizeof...(Sources) == 0, "merge: the messages of these sources have no std::common_type; map() some of them");
}

}  // namespace sluice

#endif
