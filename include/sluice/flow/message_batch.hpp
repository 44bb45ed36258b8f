// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_MESSAGE_BATCH_HPP
#define SLUICE_FLOW_MESSAGE_BATCH_HPP

#include <cstddef>
#include <new>
#include <utility>

namespace sluice {

namespace detail {

/// Room for N messages, in the batch itself.
template <class T, std::size_t N>
class inline_room {
 public:
  static constexpr bool moves_whole = false;
  bool acquire(std::size_t) noexcept { return true; }
  [[nodiscard]] T* data() noexcept { return reinterpret_cast<T*>(bytes_); }

 private:
  alignas(T) std::byte bytes_[N * sizeof(T)];
};
/// Room whose size is known when it is wanted, in the heap.
template <class T>
class heap_room {
 public:
  static constexpr bool moves_whole = true;
  heap_room() noexcept = default;
  heap_room(heap_room&& o) noexcept : items_(std::exchange(o.items_, nullptr)) {}
  heap_room& operator=(heap_room&& o) noexcept {
    std::swap(items_, o.items_);
    return *this;
  }
  ~heap_room() { ::operator delete(items_, std::align_val_t(alignof(T))); }

  bool acquire(std::size_t n) noexcept {
    if (items_ != nullptr) return true;
    if (n > static_cast<std::size_t>(-1) / 2 / sizeof(T)) return false;
    items_ = static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(alignof(T)), std::nothrow));
    return items_ != nullptr;
  }
  [[nodiscard]] T* data() noexcept { return items_; }

 private:
  T* items_ = nullptr;
};

}  // namespace detail

/// Some messages in a row, which it owns: a contiguous range.
template <class T, class Room>
class message_batch {
 public:
  using value_type = T;

  message_batch() noexcept = default;
  message_batch(message_batch&& o) noexcept { take_over(o); }
  message_batch& operator=(message_batch&& o) noexcept {
    if (this != &o) {
      clear();
      take_over(o);
    }
    return *this;
  }
  ~message_batch() { clear(); }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T* data() noexcept { return room_.data(); }
  [[nodiscard]] T* begin() noexcept { return data(); }
  [[nodiscard]] T* end() noexcept { return data() + size_; }
  T& operator[](std::size_t i) noexcept { return data()[i]; }

  /// Makes sure that `n` messages fit.
  [[nodiscard]] bool reserve(std::size_t n) noexcept { return room_.acquire(n); }
  /// Only where there is room.
  void put(T&& m) noexcept { ::new (static_cast<void*>(data() + size_)) T(std::move(m)), ++size_; }
  void clear() noexcept {
    while (size_ != 0) data()[--size_].~T();
  }

 private:
  void take_over(message_batch& o) noexcept {
    if constexpr (Room::moves_whole) {
      room_ = std::move(o.room_);
      size_ = std::exchange(o.size_, 0);
    } else {
      for (T& m : o) put(std::move(m));
      o.clear();
    }
  }

  Room room_;
  std::size_t size_ = 0;
};

}  // namespace sluice

#endif
