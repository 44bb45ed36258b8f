// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_FUNCTION_BOX_HPP
#define SLUICE_FLOW_FUNCTION_BOX_HPP

#include <new>
#include <type_traits>
#include <utility>

namespace sluice::detail {

/// A function object that can be assigned, as an end must be; a lambda that captures cannot.
template <class F>
class function_box {
 public:
  explicit function_box(F f) noexcept : f_(std::move(f)) {}
  function_box(function_box&&) = default;
  function_box& operator=(function_box&& o) noexcept {
    static_assert(std::is_nothrow_move_constructible_v<F>);
    if (this != &o) {
      f_.~F();
      ::new (static_cast<void*>(&f_)) F(std::move(o.f_));
    }
    return *this;
  }
  ~function_box() = default;

  template <class... A>
  decltype(auto) operator()(A&&... a) {
    return f_(std::forward<A>(a)...);
  }

 private:
  F f_;
};

}  // namespace sluice::detail

#endif
