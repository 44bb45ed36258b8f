// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_ONESHOT_HPP
#define SLUICE_FLOW_ONESHOT_HPP

#include <sluice/channel/channel.hpp>
#include <sluice/flow/over_sink.hpp>
#include <sluice/flow/take.hpp>

namespace sluice {

/// Takes one message, and is closed by it.
template <class Sink>
class once_sink : public detail::over_sink<once_sink<Sink>, Sink> {
  using base = detail::over_sink<once_sink, Sink>;

 public:
  using typename base::value_type;

  explicit once_sink(Sink s) noexcept : base(std::move(s)) {}

  template <class U = value_type>
    requires std::convertible_to<U&&, value_type>
  status try_push(U&& value) {
    const status s = this->sink_.try_push(std::forward<U>(value));
    if (s) this->close();
    return s;
  }
};

template <class T>
struct oneshot_ends {
  once_sink<decltype(channel_ends<T, spsc, native_memory>::tx)> tx;
  take_source<decltype(channel_ends<T, spsc, native_memory>::rx)> rx;
};

/// A promise and its future: `auto [tx, rx] = oneshot<T>();` One message, then `closed` on both sides; `closed` at once
/// where either end goes before. A wait for it that ends early has lost nothing.
///
/// Allocates: here, and nowhere later.
template <message T>
[[nodiscard]] oneshot_ends<T> oneshot() noexcept {
  auto [tx, rx] = channel<T>(1);
  return {once_sink<decltype(tx)>(std::move(tx)), take_source<decltype(rx)>(std::move(rx), 1)};
}

}  // namespace sluice

#endif
