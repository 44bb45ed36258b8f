// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_LENDING_HPP
#define SLUICE_CHANNEL_LENDING_HPP

#include <sluice/core/result.hpp>

#include <type_traits>
#include <utility>

namespace sluice {

/// A place in the ring to build a message in: invisible until commit(), given back when destroyed without.
///
/// A trivially default constructible T starts with whatever bytes the place holds. Outlives a move of its end, not its
/// destruction.
template <class T, class Side, class Ring>
class [[nodiscard]] slot {
 public:
  slot(error e) noexcept : why_(e) {}  // NOLINT: an error is an outcome
  slot(errc c) noexcept : why_(c) {}   // NOLINT
  slot(Side& side, T* place) noexcept(std::is_nothrow_default_constructible_v<T>) : side_(&side), item_(::new (place) T) {}
  slot(slot&& o) noexcept : side_(o.side_), item_(std::exchange(o.item_, nullptr)), why_(o.why_) {}
  slot& operator=(slot&& o) noexcept {
    if (this != &o) {
      abandon();
      side_ = o.side_, item_ = std::exchange(o.item_, nullptr), why_ = o.why_;
    }
    return *this;
  }
  ~slot() { abandon(); }

  explicit operator bool() const noexcept { return item_ != nullptr; }
  [[nodiscard]] error err() const noexcept { return why_; }
  T& operator*() noexcept { return *item_; }
  T* operator->() noexcept { return item_; }

  /// Publishes the message; the slot is empty afterwards.
  void commit() noexcept {
    if (item_ == nullptr || !side_->attached()) return abandon();
    item_ = nullptr;
    side_->commit(Ring{});
  }

 private:
  void abandon() noexcept {
    T* const place = std::exchange(item_, nullptr);
    if (place == nullptr) return;
    // Only a channel within a process has messages with a life, and it keeps the place for as long as the end exists.
    if constexpr (!std::is_trivially_destructible_v<T>) place->~T();
    if (side_->attached()) side_->abandon(Ring{});  // else the end was closed meanwhile, or this is a forked child
  }

  Side* side_ = nullptr;
  T* item_ = nullptr;
  error why_;
};

/// A message in the ring, read in place: consumed when the loan is released or destroyed, left there by keep().
///
/// Outlives a move of its end, not its destruction.
template <class T, class Side, class Ring>
class [[nodiscard]] loan {
 public:
  loan(error e) noexcept : why_(e) {}  // NOLINT: an error is an outcome
  loan(errc c) noexcept : why_(c) {}   // NOLINT
  loan(Side& side, const T* item) noexcept : side_(&side), item_(item) {}
  loan(loan&& o) noexcept : side_(o.side_), item_(std::exchange(o.item_, nullptr)), why_(o.why_) {}
  loan& operator=(loan&& o) noexcept {
    if (this != &o) {
      release();
      side_ = o.side_, item_ = std::exchange(o.item_, nullptr), why_ = o.why_;
    }
    return *this;
  }
  ~loan() { release(); }

  explicit operator bool() const noexcept { return item_ != nullptr; }
  [[nodiscard]] error err() const noexcept { return why_; }
  const T& operator*() const noexcept { return *item_; }
  const T* operator->() const noexcept { return item_; }

  void release() noexcept {
    if (std::exchange(item_, nullptr) != nullptr && side_->attached()) side_->consume_loan(Ring{});
  }
  /// Leaves the message for the next borrow or pop, of this end or a successor's.
  void keep() noexcept {
    if (std::exchange(item_, nullptr) != nullptr && side_->attached()) side_->keep_loan(Ring{});
  }

 private:
  Side* side_ = nullptr;
  const T* item_ = nullptr;
  error why_;
};

}  // namespace sluice

#endif
