// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_POLICY_HPP
#define SLUICE_TESTS_MODEL_POLICY_HPP

#include "world.hpp"

#include <cstring>
#include <type_traits>

namespace model {

/// A word of the model, with the layout of std::atomic<T>. What is known of it is kept by address, because memory of
/// rings is attached and not constructed; outside of the threads of a model it is just a T.
template <class T>
class alignas(std::atomic<T>) atomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8 && sizeof(std::atomic<T>) == sizeof(T));

 public:
  atomic() noexcept = default;
  constexpr atomic(T v) noexcept : raw_(v) {}  // NOLINT: as std::atomic
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(order o = order::seq_cst) const {
    return world::self() == nullptr ? raw_ : narrow(world::current()->load(&raw_, sizeof(T), o));
  }
  void store(T v, order o = order::seq_cst) {
    if (world::self() == nullptr) raw_ = v;
    else world::current()->store(&raw_, sizeof(T), wide(v), o);
  }
  T exchange(T v, order o = order::seq_cst) {
    return change(o, [v](T) { return v; });
  }
  T fetch_add(T v, order o = order::seq_cst) {
    return change(o, [v](T old) { return static_cast<T>(old + v); });
  }
  T fetch_sub(T v, order o = order::seq_cst) {
    return change(o, [v](T old) { return static_cast<T>(old - v); });
  }
  T fetch_or(T v, order o = order::seq_cst) {
    return change(o, [v](T old) { return static_cast<T>(old | v); });
  }
  T fetch_and(T v, order o = order::seq_cst) {
    return change(o, [v](T old) { return static_cast<T>(old & v); });
  }
  bool compare_exchange_strong(T& expected, T desired, order success, order failure) {
    return exchange_if(expected, desired, success, failure, false);
  }
  bool compare_exchange_weak(T& expected, T desired, order success, order failure) {
    return exchange_if(expected, desired, success, failure, true);
  }

 private:
  static std::uint64_t wide(T v) noexcept {
    std::uint64_t w = 0;
    std::memcpy(&w, &v, sizeof v);
    return w;
  }
  static T narrow(std::uint64_t w) noexcept {
    T v;
    std::memcpy(&v, &w, sizeof v);
    return v;
  }
  template <class F>
  T change(order o, F f) {
    if (world::self() == nullptr) {
      const T before = raw_;
      raw_ = f(before);
      return before;
    }
    return narrow(world::current()->modify(&raw_, sizeof(T), o, [f](std::uint64_t w) { return wide(f(narrow(w))); }));
  }
  bool exchange_if(T& expected, T desired, order success, order failure, bool weak) {
    if (world::self() == nullptr) {
      const bool equal = wide(raw_) == wide(expected);
      (equal ? raw_ : expected) = equal ? desired : raw_;
      return equal;
    }
    auto e = wide(expected);
    const bool done = world::current()->exchange_if(&raw_, sizeof(T), e, wide(desired), success, failure, weak);
    expected = narrow(e);
    return done;
  }

  T raw_;
};

/// The order that a site has in this run: its own, unless a mutant weakens it.
template <class Site>
inline order order_of = Site::value;

/// The memory policy of the model: what sluice::machine_memory is for the machine.
template <class Word = std::uint64_t>
struct policy {
  template <class T>
  using atomic = model::atomic<T>;
  using word = Word;

  struct looked_up {
    const order* at;
    operator order() const noexcept { return *at; }  // NOLINT: it stands for one
  };
  template <class Site>
  static constexpr looked_up order{&order_of<Site>};

  static void light_fence() noexcept {
    if (world::self() != nullptr) world::current()->light_fence();
  }
  template <class T>
  static void copy_out(T* shared, const T& value) noexcept {
    copy_out(shared, &value, 1);
  }
  template <class T>
  static T copy_in(const T* shared) noexcept {
    T value;
    copy_in(&value, shared, 1);
    return value;
  }
  template <class T>
  static void copy_out(T* shared, const T* from, std::size_t n) noexcept {
    if (world::self() != nullptr)
      for (std::size_t i = 0; i < n; ++i) world::current()->write_data(shared + i, sizeof(T));
    std::memcpy(static_cast<void*>(shared), from, n * sizeof(T));
  }
  template <class T>
  static void copy_in(T* to, const T* shared, std::size_t n) noexcept {
    if (world::self() != nullptr)
      for (std::size_t i = 0; i < n; ++i) world::current()->read_data(shared + i, sizeof(T));
    std::memcpy(static_cast<void*>(to), shared, n * sizeof(T));
  }
  static void pause() noexcept {
    if (world::self() != nullptr) world::current()->pause();
  }
};

}  // namespace model

#endif
