// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_SOLE_OWNER_HPP
#define SLUICE_FLOW_SOLE_OWNER_HPP

#include <utility>

namespace sluice::detail {

/// Owns one object that was made by new, or none.
template <class T>
class sole_owner {
 public:
  explicit sole_owner(T* p) noexcept : p_(p) {}
  sole_owner(sole_owner&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  sole_owner& operator=(sole_owner&& o) noexcept {
    if (this != &o) {
      delete p_;
      p_ = std::exchange(o.p_, nullptr);
    }
    return *this;
  }
  ~sole_owner() { delete p_; }

  explicit operator bool() const noexcept { return p_ != nullptr; }
  T* operator->() const noexcept { return p_; }

 private:
  T* p_;
};

}  // namespace sluice::detail

#endif
