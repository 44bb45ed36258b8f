// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_SHORT_QUEUE_HPP
#define SLUICE_FLOW_SHORT_QUEUE_HPP

#include <cstddef>
#include <new>
#include <utility>

namespace sluice::detail {

/// N messages at most, first in, first out.
template <class T, std::size_t N>
class short_queue {
  static_assert(N != 0);

 public:
  short_queue() noexcept = default;
  short_queue(short_queue&& o) noexcept { take_over(o); }
  short_queue& operator=(short_queue&& o) noexcept {
    if (this != &o) {
      clear();
      take_over(o);
    }
    return *this;
  }
  ~short_queue() { clear(); }

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] bool full() const noexcept { return size_ == N; }
  /// Only where there is one.
  [[nodiscard]] T& front() noexcept { return *at(first_); }
  void drop() noexcept {
    at(first_)->~T();
    first_ = (first_ + 1) % N;
    --size_;
  }
  /// Only where there is room.
  template <class U>
  void put(U&& m) {
    ::new (static_cast<void*>(at((first_ + size_) % N))) T(std::forward<U>(m));
    ++size_;
  }
  void clear() noexcept {
    while (!empty()) drop();
  }

 private:
  T* at(std::size_t i) noexcept { return reinterpret_cast<T*>(bytes_) + i; }
  void take_over(short_queue& o) noexcept {
    for (; !o.empty(); o.drop()) put(std::move(o.front()));
  }

  alignas(T) std::byte bytes_[N * sizeof(T)];
  std::size_t first_ = 0, size_ = 0;
};

}  // namespace sluice::detail

#endif
