// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_ANY_SINK_HPP
#define SLUICE_FLOW_ANY_SINK_HPP

#include <sluice/flow/end_ref.hpp>
#include <sluice/flow/over_sink.hpp>
#include <sluice/flow/sole_owner.hpp>

#include <new>

namespace sluice {

/// A sink of T whose type is settled at run time. Each verb is one indirect call more, a batch one for all of it.
///
/// What its type promises is nothing; `promises()` is what the end inside does. Where memory is short it is inert, and
/// says `no_space` with every verb.
///
/// Threads, Blocks, Errors: as the end inside. Allocates: once, when it is made.
template <class T>
class any_sink : public detail::passing_verbs<any_sink<T>> {
 public:
  using value_type = T;
  static constexpr end_traits traits = detail::resized(detail::stated_traits<void>(), sizeof(T));

  /// An end that is given away fits wherever one of any type is wanted; one that is only named must be meant.
  template <class E>
    requires(!std::same_as<std::remove_cvref_t<E>, any_sink> && sink<E, T>)
  explicit(std::is_lvalue_reference_v<E>) any_sink(E&& end) noexcept
      : held_(new (std::nothrow) holding<held_t<E>>(held_t<E>(std::forward<E>(end)))) {
    if (!held_) why_inert_ = errc::no_space;
  }

  status try_push(T&& value) { return held_ ? held_->try_push(std::move(value)) : status(inert()); }
  status try_push(const T& value)
    requires std::copy_constructible<T>
  {
    return try_push(T(value));
  }
  result<std::size_t> try_push(std::span<const T> values)
    requires std::copy_constructible<T>
  {
    return held_ ? held_->try_push(values) : result<std::size_t>(inert());
  }
  status flush(until u = {}) { return held_ ? held_->flush(u) : status(inert()); }
  status finish(until u = {}) { return held_ ? held_->finish(u) : status(inert()); }
  [[nodiscard]] bool owes() const noexcept { return held_ && held_->owes(); }
  void arm(want k, wait_set& set) noexcept {
    if (held_) held_->arm(k, set);
    else set.ready();
  }
  void disarm(want k) noexcept {
    if (held_) held_->disarm(k);
  }
  void close() noexcept {
    if (held_) held_->close();
  }
  [[nodiscard]] wait_strategy waits() const noexcept { return held_ ? held_->waits() : wait_strategy::park; }
  [[nodiscard]] end_traits promises() const noexcept { return held_ ? held_->promises() : traits; }

 private:
  struct holder {
    virtual ~holder() = default;
    virtual status try_push(T&&) = 0;
    virtual result<std::size_t> try_push(std::span<const T>) = 0;
    virtual status flush(until) = 0;
    virtual status finish(until) = 0;
    [[nodiscard]] virtual bool owes() const noexcept = 0;
    virtual void arm(want, wait_set&) noexcept = 0;
    virtual void disarm(want) noexcept = 0;
    virtual void close() noexcept = 0;
    [[nodiscard]] virtual wait_strategy waits() const noexcept = 0;
    [[nodiscard]] virtual end_traits promises() const noexcept = 0;
  };
  template <class E>
  struct holding final : holder {
    explicit holding(E e) noexcept : end(std::move(e)) {}
    status try_push(T&& value) override { return end.try_push(std::move(value)); }
    result<std::size_t> try_push(std::span<const T> values) override {
      if constexpr (std::copy_constructible<T>) return detail::try_push_all(end, values);
      else return error(errc::unsupported, step::push);
    }
    status flush(until u) override { return detail::flush_end(end, u); }
    status finish(until u) override { return detail::finish_end(end, u); }
    [[nodiscard]] bool owes() const noexcept override {
      if constexpr (requires { end.owes(); }) return end.owes();
      else return detail::can_flush<E>;
    }
    void arm(want k, wait_set& set) noexcept override { end.arm(k, set); }
    void disarm(want k) noexcept override { end.disarm(k); }
    void close() noexcept override { end.close(); }
    [[nodiscard]] wait_strategy waits() const noexcept override { return detail::strategy_of(end); }
    [[nodiscard]] end_traits promises() const noexcept override { return detail::stated_traits<E>(); }
    E end;
  };

  [[nodiscard]] error inert() const noexcept { return error(why_inert_, step::push); }

  detail::sole_owner<holder> held_;
  errc why_inert_ = errc::closed;  // moved from, or never made
};

}  // namespace sluice

#endif
