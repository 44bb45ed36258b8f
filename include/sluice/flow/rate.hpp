// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_RATE_HPP
#define SLUICE_FLOW_RATE_HPP

#include <sluice/flow/adaptor.hpp>
#include <sluice/flow/over_sink.hpp>
#include <sluice/flow/over_source.hpp>

namespace sluice {

namespace detail {

/// When the next one is due: at most `burst` at once, and one each `every` nanoseconds after that. (The virtual
/// schedule of ATM's generic cell rate algorithm.)
class pace {
 public:
  pace(std::int64_t every, std::uint32_t burst) noexcept : every_(every), ahead_(every * (std::int64_t{burst} - 1)) {}

  /// Nanoseconds until one may go; 0: now.
  [[nodiscard]] std::int64_t left() noexcept {
    now_ = monotonic_ns();
    const std::int64_t due = schedule_ - ahead_;
    return due > now_ ? due - now_ : 0;
  }
  /// From now on there is nothing to wait for.
  void end() noexcept { schedule_ = every_ = 0; }
  /// One has gone, after left() was 0.
  void gone() noexcept { schedule_ = (schedule_ > now_ ? schedule_ : now_) + every_; }

 private:
  std::int64_t every_;
  std::int64_t ahead_;  // how far before its schedule one may go
  std::int64_t schedule_ = 0;
  std::int64_t now_ = 0;
};

}  // namespace detail

/// The messages of a source, no faster than a pace; those that come faster wait in the source. An end is seen when the
/// next message would be due.
template <source Source>
class rate_source : public detail::over_source<rate_source<Source>, Source> {
  using base = detail::over_source<rate_source, Source>;

 public:
  using value_type = item_t<Source>;

  rate_source(Source s, detail::pace p) noexcept : base(std::move(s)), pace_(p) {}

  result<value_type> try_pop() {
    if (pace_.left() != 0) return error(errc::empty, step::pop);
    auto m = this->source_.try_pop();
    if (m) pace_.gone();
    return m;
  }
  void arm(want k, wait_set& set) noexcept {
    early_ = pace_.left();
    if (early_ != 0) set.within(early_);  // what the source has is not wanted yet
    else base::arm(k, set);
  }
  void disarm(want k) noexcept {
    if (early_ == 0) base::disarm(k);
  }
  void close() noexcept {
    pace_.end();
    base::close();
  }

 private:
  detail::pace pace_;
  std::int64_t early_ = 0;
};

/// A sink that takes messages no faster than a pace, and is full in between. An end is seen when the next message would
/// be due.
template <class Sink>
class rate_sink : public detail::over_sink<rate_sink<Sink>, Sink> {
  using base = detail::over_sink<rate_sink, Sink>;

 public:
  using typename base::value_type;

  rate_sink(Sink s, detail::pace p) noexcept : base(std::move(s)), pace_(p) {}

  template <class U = value_type>
    requires std::convertible_to<U&&, value_type>
  status try_push(U&& value) {
    if (pace_.left() != 0) return error(errc::full, step::push);
    const status s = this->sink_.try_push(std::forward<U>(value));
    if (s) pace_.gone();
    return s;
  }
  void arm(want k, wait_set& set) noexcept {
    early_ = pace_.left();
    if (early_ != 0) set.within(early_);
    else base::arm(k, set);
  }
  void disarm(want k) noexcept {
    if (early_ == 0) base::disarm(k);
  }
  void close() noexcept {
    pace_.end();
    base::close();
  }

 private:
  detail::pace pace_;
  std::int64_t early_ = 0;
};

/// `end | rate(100, 1s)`: at most 100 messages a second, evenly spaced; with a burst, so many at once after a pause.
/// In any time t no more than burst + t × n / per. For sources and sinks.
[[nodiscard]] inline auto rate(std::uint32_t n, std::chrono::nanoseconds per, std::uint32_t burst = 1) {
  SLUICE_ASSERT(n != 0 && burst != 0);
  const detail::pace p(per.count() / n, burst);
  return adaptor([p]<class E>(E end) requires(source<E> || sink<E>) {
    if constexpr (source<E>) return rate_source<E>(std::move(end), p);
    else return rate_sink<E>(std::move(end), p);
  });
}

}  // namespace sluice

#endif
