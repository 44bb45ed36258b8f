// SPDX-License-Identifier: MIT
#ifndef SLUICE_WAIT_VERBS_HPP
#define SLUICE_WAIT_VERBS_HPP

#include <sluice/core/concepts.hpp>
#include <sluice/wait/wait_for.hpp>

#include <span>

// The blocking verbs. An end has them by deriving from the base that suits it; a base asks of the end only what its
// concept promises. All of them return what the try_* form returns, and `timeout` or `stopped` besides.

namespace sluice {

namespace detail {

/// What a batch of messages may be given as: anything contiguous, that is not itself a message.
template <class Batch, class T>
concept batch_to_push = std::convertible_to<Batch, std::span<const T>> && !std::convertible_to<Batch, T>;
template <class Batch, class T>
concept batch_to_pop = std::convertible_to<Batch, std::span<T>>;

/// Pushes in one piece where the end can, one by one elsewhere. As with a single push, nothing happened if it fails.
template <class Sink, class T>
result<std::size_t> try_push_all(Sink& out, std::span<const T> values) {
  if constexpr (requires { { out.try_push(values) } -> std::same_as<result<std::size_t>>; }) {
    return out.try_push(values);
  } else {
    std::size_t done = 0;
    for (const T& value : values) {
      if (const status s = out.try_push(T(value)); !s) return done != 0 ? result<std::size_t>(done) : s.err();
      ++done;
    }
    return done;
  }
}
template <class Source, class T>
result<std::size_t> try_pop_all(Source& in, std::span<T> to) {
  if constexpr (requires { { in.try_pop(to) } -> std::same_as<result<std::size_t>>; }) {
    return in.try_pop(to);
  } else {
    std::size_t done = 0;
    for (T& place : to) {
      auto one = in.try_pop();
      if (!one) return done != 0 ? result<std::size_t>(done) : one.err();
      place = *std::move(one);
      ++done;
    }
    return done;
  }
}

}  // namespace detail

/// What `each()` returns: a loop over everything that a source still gives, and afterwards why it ended.
///
///     auto all = rx.each(1s);
///     for (auto& m : all) use(m);
///     if (all.why != errc::closed) ...
///
/// An item is consumed when it has been handed out. A duration counts per item, a time_point for the whole loop. The
/// views of std::ranges take it too; but their filter searches for its next item before it is asked for one.
template <class Source>
class each_range {
 public:
  error why;

  each_range(Source& s, until u) noexcept : source_(&s), patience_(u) {}

  struct sentinel {};
  /// Pops when the item is looked at, or the end: a step on, which may be the last one that a view makes, takes nothing.
  class iterator {
   public:
    using value_type = item_t<Source>;
    using difference_type = std::ptrdiff_t;

    explicit iterator(each_range& r) noexcept : range_(&r) {}
    SLUICE_INLINE() item_t<Source>& operator*() const {
      if (!fetched_) [[unlikely]] fetch_early();  // a loop has compared it with the end before
      return *item_;
    }
    iterator& operator++() noexcept {
      fetched_ = false;
      return *this;
    }
    void operator++(int) noexcept { ++*this; }
    SLUICE_INLINE() friend bool operator==(const iterator& i, sentinel) {
      if (!i.fetched_) i.fetch();
      if (i.item_) [[likely]] return false;
      i.range_->why = i.item_.err();
      return true;
    }

   private:
    SLUICE_INLINE() void fetch() const {
      item_ = range_->source_->pop(range_->patience_);
      fetched_ = true;
    }
    SLUICE_COLD() void fetch_early() const { fetch(); }

    each_range* range_;
    mutable bool fetched_ = false;
    mutable result<item_t<Source>> item_ = errc::empty;  // what is iterated over is not ours to make const
  };

  [[nodiscard]] iterator begin() noexcept { return iterator(*this); }
  [[nodiscard]] sentinel end() const noexcept { return {}; }

 private:
  Source* source_;
  until patience_;
};

namespace detail {

template <class Source>
struct source_kept {
  Source kept;
};

}  // namespace detail

/// The same over a source that would otherwise be gone before the loop begins: `for (auto& m : (a | map(f)).each())`.
template <class Source>
class each_range_of_its_own : detail::source_kept<Source>, public each_range<Source> {
 public:
  each_range_of_its_own(Source&& s, until u) noexcept
      : detail::source_kept<Source>{std::move(s)}, each_range<Source>(this->kept, u) {}
  each_range_of_its_own(const each_range_of_its_own&) = delete;
  each_range_of_its_own& operator=(const each_range_of_its_own&) = delete;
};

/// pop, borrow and each, for an end with try_pop (and try_borrow).
template <class Derived>
class source_verbs {
 public:
  SLUICE_INLINE() auto pop(until u = {}) {
    auto& d = self();
    return detail::try_then_wait(d, want::pop, u, [&d]() SLUICE_INLINE_LAMBDA() { return d.try_pop(); });
  }
  /// Pops at least one message, and as many as are there and fit into `to`, which may be any contiguous range.
  template <class Batch, class E = Derived, class T = item_t<E>>
    requires detail::batch_to_pop<Batch&, T>
  SLUICE_INLINE() result<std::size_t> pop(Batch&& to, until u = {}) {
    auto& d = self();
    const std::span<T> all(to);
    const auto attempt = [&d, all]() SLUICE_INLINE_LAMBDA() { return detail::try_pop_all(d, all); };
    return detail::try_then_wait(d, want::pop, u, attempt);
  }
  template <class E = Derived>
    requires requires(E& e) { e.try_borrow(); }
  SLUICE_INLINE() auto borrow(until u = {}) {
    auto& d = self();
    return detail::try_then_wait(d, want::pop, u, [&d]() SLUICE_INLINE_LAMBDA() { return d.try_borrow(); });
  }
  [[nodiscard]] each_range<Derived> each(until u = {}) & noexcept { return {self(), u}; }
  [[nodiscard]] each_range_of_its_own<Derived> each(until u = {}) && noexcept { return {std::move(self()), u}; }

 private:
  Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

/// push and claim, for an end with try_push (and try_claim).
template <class Derived>
class sink_verbs {
 public:
  template <class E = Derived, class U = typename E::value_type>
    requires std::convertible_to<U&&, typename E::value_type>
  SLUICE_INLINE() status push(U&& value, until u = {}) {
    auto& d = self();
    using T = typename E::value_type;
    constexpr bool in_registers = detail::copies_as_bytes<T> && sizeof(T) <= 4 * line_bytes;
    if constexpr (std::is_same_v<std::remove_cvref_t<U>, T> && in_registers) {
      const status s = d.try_push(std::forward<U>(value));
      if (detail::settled(s) || u.immediate()) [[likely]] return s;
      // A copy, and only now, so that the caller's value needs no address and stays in registers where nobody waits.
      return detail::wait_for(d, want::push, u, [&d, copy = T(value)] { return d.try_push(copy); });
    } else {
      const auto attempt = [&]() SLUICE_INLINE_LAMBDA() { return d.try_push(std::forward<U>(value)); };
      return detail::try_then_wait(d, want::push, u, attempt);  // a failed push has not touched its argument
    }
  }
  /// Pushes at least one of the messages, and as many as there is room for; returns how many. `values` may be any
  /// contiguous range.
  template <class Batch, class E = Derived, class T = item_t<E>>
    requires(detail::batch_to_push<const Batch&, T> && std::copy_constructible<T>)
  SLUICE_INLINE() result<std::size_t> push(const Batch& values, until u = {}) {
    auto& d = self();
    const std::span<const T> all(values);
    const auto attempt = [&d, all]() SLUICE_INLINE_LAMBDA() { return detail::try_push_all(d, all); };
    return detail::try_then_wait(d, want::push, u, attempt);
  }
  template <class E = Derived>
    requires requires(E& e) { e.try_claim(); }
  SLUICE_INLINE() auto claim(until u = {}) {
    auto& d = self();
    return detail::try_then_wait(d, want::push, u, [&d]() SLUICE_INLINE_LAMBDA() { return d.try_claim(); });
  }

 private:
  Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

/// read, for an end with try_read.
template <class Derived>
class read_verbs {
 public:
  /// At least one byte, or why not.
  result<std::size_t> read(std::span<std::byte> to, until u = {}) {
    auto& d = static_cast<Derived&>(*this);
    return detail::try_then_wait(d, want::pop, u, [&d, to] { return d.try_read(to); });
  }
};

/// write, for an end with try_write.
template <class Derived>
class write_verbs {
 public:
  /// At least one byte, or why not.
  result<std::size_t> write(std::span<const std::byte> from, until u = {}) {
    auto& d = static_cast<Derived&>(*this);
    return detail::try_then_wait(d, want::push, u, [&d, from] { return d.try_write(from); });
  }
};

}  // namespace sluice

#endif
