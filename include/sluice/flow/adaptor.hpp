// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_ADAPTOR_HPP
#define SLUICE_FLOW_ADAPTOR_HPP

#include <sluice/flow/end_ref.hpp>

namespace sluice {

/// What stands on the right of `end | map(f)`: makes one end of another.
///
///     auto clean = filter(valid) | map(convert);   // adaptors make adaptors,
///     auto fills = merge(a, b) | clean;            // and ends make ends
///
/// An adapted end waits where the end that it holds waits, so it can be slept on, selected and cancelled like that; a
/// view of the standard library could not. Functions are called as `f(message)`; a message is gone if they throw.
template <class Make>
class adaptor {
 public:
  constexpr explicit adaptor(Make m) noexcept : make_(std::move(m)) {}

  template <class E>
    requires std::invocable<Make, E>
  [[nodiscard]] constexpr auto over(E end) && {
    return std::move(make_)(std::move(end));
  }

 private:
  Make make_;
};

template <waitable E, class Make>
  requires std::invocable<Make, held_t<E>>
[[nodiscard]] auto operator|(E&& end, adaptor<Make> a) {
  return std::move(a).over(held_t<E>(std::forward<E>(end)));
}
// The same for what does not fit.
template <class E, class Make>
  requires(!waitable<E>)
auto operator|(E&&, adaptor<Make>) {
  return detail::unmet_waitable<E>();
}
template <waitable E, class Make>
  requires(!std::invocable<Make, held_t<E>>)
auto operator|(E&&, adaptor<Make>) {
  static_assert(std::invocable<Make, held_t<E>>, "this adaptor is not for that end: it is made for the other direction, "
                                                 "or its function cannot take such a message");
}
template <class First, class Then>
[[nodiscard]] auto operator|(adaptor<First> first, adaptor<Then> then) {
  return adaptor([first = std::move(first), then = std::move(then)]<class E>(E end) mutable
                   requires requires { std::move(first).over(std::move(end)) | std::move(then); }
                 { return std::move(first).over(std::move(end)) | std::move(then); });
}

}  // namespace sluice

#endif
