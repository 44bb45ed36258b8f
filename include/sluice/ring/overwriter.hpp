// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_OVERWRITER_HPP
#define SLUICE_RING_OVERWRITER_HPP

#include <sluice/ring/audience.hpp>
#include <sluice/ring/racing_copy.hpp>

#include <concepts>
#include <span>

namespace sluice::detail {

/// The producer of a ring that overwrites what is old: there is always room, and nobody is asked for anything. Side has
/// publish(value), which makes a message visible.
///
/// All zero is detached, and the first use says so.
template <class Side, class RingType>
class overwriter : public speaker<Side, typename RingType::policy> {
  using T = typename RingType::value_type;

 public:
  using ring_type = RingType;

  void detach() noexcept {
    ring_ = {};
    ready_ = false;
  }
  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring_); }
  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }
  [[nodiscard]] static constexpr bool suspicious() noexcept { return false; }

  template <class U = T, class Ring>
    requires std::convertible_to<U&&, T>
  SLUICE_INLINE() status try_push(U&& value, Ring&& ring) {
    if (!ready_) [[unlikely]] return not_ready(step::push);
    if constexpr (std::is_same_v<std::remove_cvref_t<U>, T>) self().publish(value);
    else self().publish(T(std::forward<U>(value)));
    this->wake_readers(ring);
    return {};
  }
  /// Pushes all of them, one after the other; each counts.
  template <std::same_as<std::span<const T>> Batch, class Ring>
  result<std::size_t> try_push(Batch values, Ring&& ring) {
    if (values.empty()) return std::size_t{0};
    if (!ready_) return not_ready(step::push);
    for (const T& value : values) self().publish(value);
    this->wake_readers(ring);
    return values.size();
  }
  /// A place to build a message in: then commit() it or abandon() the place. One claim at a time. The place is private,
  /// since readers may be looking at those in the ring.
  result<T*> try_claim() noexcept {
    if (!ready_) return not_ready(step::claim);
    ready_ = false;
    return built_.item();
  }
  template <class Ring>
  void commit(Ring&& ring) noexcept {
    ready_ = true;
    self().publish(*built_.item());
    this->wake_readers(ring);
  }
  template <class Ring>
  void abandon(Ring&&) noexcept {
    ready_ = true;
  }

 protected:
  void settle_in(const ring_type& r) noexcept {
    ring_ = r;
    ready_ = true;
  }

 private:
  SLUICE_INLINE() Side& self() noexcept { return static_cast<Side&>(*this); }
  [[nodiscard]] error not_ready(step s) const noexcept { return error(attached() ? errc::busy : errc::forked, s); }

  ring_type ring_;
  bool ready_ = false;  // attached, and no place is out
  copied_item<T> built_;
};

}  // namespace sluice::detail

#endif
