// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_TURNS_HPP
#define SLUICE_FLOW_TURNS_HPP

#include <sluice/flow/over_sink.hpp>

#include <tuple>

namespace sluice::detail {

/// Several ends that have turns: each success makes the next one the first to be asked. One that has ended has no turn
/// any more, and is not waited for, since what has ended is always ready.
template <class... Ends>
class turns {
 public:
  using mask = std::uint32_t;  // a bit for each end
  static constexpr unsigned count = sizeof...(Ends);
  static_assert(count >= 1 && count <= 32);
  static constexpr mask all = static_cast<mask>((std::uint64_t{1} << count) - 1);

  explicit turns(Ends... e) noexcept : ends_(std::move(e)...) {}

  /// Calls f(end, index) for each end that has a turn, until it is true for one. Was it?
  template <class F>
  bool any(F f) {
    return any_of(f, std::make_index_sequence<count>());
  }
  /// Calls f(end, index) for each, whatever has become of it.
  template <class F>
  void each(F f) {
    each_of(f, std::make_index_sequence<count>());
  }
  void ended(unsigned i) noexcept { ended_ |= mask{1} << i; }
  [[nodiscard]] bool has_ended(unsigned i) const noexcept { return (ended_ >> i & 1) != 0; }
  [[nodiscard]] bool all_ended() const noexcept { return ended_ == all; }

  /// Waits for those in `which`; where all of them have ended, for nothing.
  void arm(want k, wait_set& set, mask which = all) noexcept {
    armed_ = which & ~ended_;
    if (armed_ == 0) return set.ready();
    each([&](auto& end, unsigned i) {
      if ((armed_ >> i & 1) != 0) end.arm(k, set);
    });
  }
  void disarm(want k) noexcept {
    each([&](auto& end, unsigned i) {
      if ((armed_ >> i & 1) != 0) end.disarm(k);  // also one that has ended since
    });
  }
  void close() noexcept {
    each([](auto& end, unsigned) { end.close(); });
  }
  /// Of a set of sinks: each sends on what it has accepted. The first error, if there is one; all are asked.
  status flush(until u) {
    error why;
    each([&](auto& end, unsigned i) {
      if (has_ended(i)) return;
      if (const status s = flush_end(end, u); !s && !why) why = s.err();
    });
    return why;
  }
  status finish(until u) {
    error why;
    each([&](auto& end, unsigned) {
      if (const status s = finish_end(end, u); !s && !why) why = s.err();
    });
    return why;
  }
  [[nodiscard]] wait_strategy waits() const noexcept {
    const wait_strategy first = strategy_of(std::get<0>(ends_));
    const bool same = std::apply([&](auto&... e) { return ((strategy_of(e) == first) && ...); }, ends_);
    return same ? first : wait_strategy::spin_then_park;
  }

 private:
  template <class F, std::size_t... Index>
  bool any_of(F& f, std::index_sequence<Index...>) {
    const std::size_t first = first_;
    const auto ask = [&](auto index) {
      constexpr std::size_t k = decltype(index)::value;
      if (has_ended(k) || !f(std::get<k>(ends_), index)) return false;
      first_ = static_cast<unsigned>((k + 1) % count);
      return true;
    };
    return ((Index >= first && ask(std::integral_constant<std::size_t, Index>())) || ...) ||
           ((Index < first && ask(std::integral_constant<std::size_t, Index>())) || ...);
  }
  template <class F, std::size_t... Index>
  void each_of(F& f, std::index_sequence<Index...>) {
    (f(std::get<Index>(ends_), std::integral_constant<std::size_t, Index>()), ...);
  }

  std::tuple<Ends...> ends_;
  unsigned first_ = 0;
  mask ended_ = 0;
  mask armed_ = 0;
};

}  // namespace sluice::detail

#endif
