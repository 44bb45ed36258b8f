// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_RESULT_HPP
#define SLUICE_CORE_RESULT_HPP

#include <sluice/core/error.hpp>

#include <new>
#include <type_traits>
#include <utility>

namespace sluice {

/// A value, or the reason why there is none. Trivially copyable where T is, so that small ones travel in registers.
template <class T>
class [[nodiscard]] result {
  static constexpr bool trivial_destroy = std::is_trivially_destructible_v<T>;
  static constexpr bool trivial_copy = std::is_trivially_copy_constructible_v<T> && trivial_destroy;
  static constexpr bool filled = trivial_copy && sizeof(T) <= 16 && std::is_nothrow_default_constructible_v<T>;
  static constexpr bool trivial_move = std::is_trivially_move_constructible_v<T> && trivial_destroy;

 public:
  using value_type = T;

  // A small value is filled in even where there is none: whole results are copied as words, and compilers complain.
  constexpr result(error e) noexcept requires filled : value_(), why_(e) { SLUICE_ASSERT(e); }  // NOLINT: an error
  constexpr result(error e) noexcept requires(!filled) : why_(e) { SLUICE_ASSERT(e); }          // NOLINT: is a result
  constexpr result(errc c) noexcept : result(error(c)) {}             // NOLINT
  constexpr result(const T& v) : value_(v) {}                         // NOLINT: so is a value
  constexpr result(T&& v) noexcept(std::is_nothrow_move_constructible_v<T>) : value_(std::move(v)) {}  // NOLINT
  template <class... Args>
  constexpr explicit result(std::in_place_t, Args&&... args) : value_(std::forward<Args>(args)...) {}

  constexpr result(const result&) requires trivial_copy = default;
  constexpr result(const result& o) requires(!trivial_copy && std::is_copy_constructible_v<T>) : why_(o.why_) {
    if (o) ::new (static_cast<void*>(&value_)) T(o.value_);
  }
  constexpr result(result&&) requires trivial_move = default;
  constexpr result(result&& o) noexcept(std::is_nothrow_move_constructible_v<T>)
    requires(!trivial_move)
      : why_(o.why_) {
    if (o) ::new (static_cast<void*>(&value_)) T(std::move(o.value_));
  }
  constexpr result& operator=(const result&) requires(trivial_copy && std::is_trivially_copy_assignable_v<T>) = default;
  constexpr result& operator=(const result& o)
    requires(!(trivial_copy && std::is_trivially_copy_assignable_v<T>) && std::is_copy_constructible_v<T> &&
             std::is_nothrow_move_constructible_v<T>)
  {
    return *this = result(o);
  }
  constexpr result& operator=(result&&) requires(trivial_move && std::is_trivially_move_assignable_v<T>) = default;
  constexpr result& operator=(result&& o) noexcept(std::is_nothrow_move_constructible_v<T>)
    requires(!(trivial_move && std::is_trivially_move_assignable_v<T>))
  {
    if (this != &o) {
      this->~result();
      ::new (static_cast<void*>(this)) result(std::move(o));
    }
    return *this;
  }
  constexpr ~result() requires trivial_destroy = default;
  constexpr ~result() requires(!trivial_destroy) {
    if (*this) value_.~T();
  }

  constexpr explicit operator bool() const noexcept { return !why_; }
  [[nodiscard]] constexpr bool has_value() const noexcept { return !why_; }
  [[nodiscard]] constexpr error err() const noexcept { return why_; }

  constexpr T& operator*() & noexcept { return value_; }
  constexpr const T& operator*() const& noexcept { return value_; }
  constexpr T&& operator*() && noexcept { return std::move(value_); }
  constexpr T* operator->() noexcept { return &value_; }
  constexpr const T* operator->() const noexcept { return &value_; }

  template <class U>
  [[nodiscard]] constexpr T value_or(U&& fallback) const& {
    return *this ? value_ : static_cast<T>(std::forward<U>(fallback));
  }
  template <class U>
  [[nodiscard]] constexpr T value_or(U&& fallback) && {
    return *this ? std::move(value_) : static_cast<T>(std::forward<U>(fallback));
  }
  /// The result of `f` on the value, or the same error.
  template <class F>
  constexpr auto transform(F&& f) && -> result<std::invoke_result_t<F, T&&>> {
    if (*this) return std::forward<F>(f)(std::move(value_));
    return why_;
  }
  /// The result that `f` returns for the value, or the same error.
  template <class F>
  constexpr auto and_then(F&& f) && -> std::invoke_result_t<F, T&&> {
    if (*this) return std::forward<F>(f)(std::move(value_));
    return why_;
  }
  /// This result, or what `f` returns for its error.
  template <class F>
  constexpr result or_else(F&& f) && {
    if (*this) return std::move(*this);
    return std::forward<F>(f)(why_);
  }

 private:
  union {
    T value_;
  };
  error why_;
};

/// Done, or the reason why not.
template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;

  constexpr result() noexcept = default;
  constexpr result(error e) noexcept : why_(e) {}  // NOLINT
  constexpr result(errc c) noexcept : why_(c) {}   // NOLINT

  constexpr explicit operator bool() const noexcept { return !why_; }
  [[nodiscard]] constexpr bool has_value() const noexcept { return !why_; }
  [[nodiscard]] constexpr error err() const noexcept { return why_; }

  template <class F>
  constexpr auto and_then(F&& f) const -> std::invoke_result_t<F> {
    if (*this) return std::forward<F>(f)();
    return why_;
  }

 private:
  error why_;
};

using status = result<void>;

}  // namespace sluice

#endif
