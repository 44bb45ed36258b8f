// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_LENT_BYTES_HPP
#define SLUICE_CORE_LENT_BYTES_HPP

#include <sluice/core/result.hpp>

#include <cstddef>
#include <span>

namespace sluice {

namespace detail {

/// Bytes of an end in the caller's hands, until they are handed back; or why there are none.
template <class Side, class Byte>
class lent_bytes {
 public:
  lent_bytes(error e) noexcept : why_(e) {}  // NOLINT: an error is an outcome
  lent_bytes(errc c) noexcept : why_(c) {}   // NOLINT
  lent_bytes(Side& side, std::span<Byte> bytes) noexcept : side_(&side), bytes_(bytes) {}
  explicit operator bool() const noexcept { return side_ != nullptr; }
  [[nodiscard]] error err() const noexcept { return why_; }
  [[nodiscard]] std::span<Byte> operator*() const noexcept { return bytes_; }
  [[nodiscard]] Byte* data() const noexcept { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

 protected:
  lent_bytes(lent_bytes&& o) noexcept { *this = std::move(o); }
  lent_bytes& operator=(lent_bytes&& o) noexcept {
    side_ = std::exchange(o.side_, nullptr), bytes_ = o.bytes_, why_ = o.why_;
    return *this;
  }
  /// The side to hand them back to, once; none if the end was closed meanwhile, or if this is a forked child.
  Side* hand_back() noexcept {
    Side* const s = std::exchange(side_, nullptr);
    return s != nullptr && s->attached() ? s : nullptr;
  }

 private:
  Side* side_ = nullptr;
  std::span<Byte> bytes_;
  error why_;
};

}  // namespace detail

/// A place in the ring for a message: invisible until commit(), given back when destroyed without.
///
/// Starts with whatever bytes the place holds, aligned to a line. Outlives a move of its end, not its destruction.
template <class Side, class Ring>
class [[nodiscard]] bytes_slot : public detail::lent_bytes<Side, std::byte> {
  using base = detail::lent_bytes<Side, std::byte>;

 public:
  using base::base;
  bytes_slot(bytes_slot&&) noexcept = default;
  bytes_slot& operator=(bytes_slot&& o) noexcept {
    if (this != &o) abandon(), base::operator=(std::move(o));
    return *this;
  }
  ~bytes_slot() { abandon(); }

  /// Publishes the first m bytes, all of them at most; the rest goes back. The slot is empty afterwards.
  void commit(std::size_t m) noexcept {
    if (Side* const s = this->hand_back()) s->commit(m, Ring{});
  }
  void commit() noexcept { commit(this->size()); }

 private:
  void abandon() noexcept {
    if (Side* const s = this->hand_back()) s->abandon(Ring{});
  }
};

/// A message in the ring, read in place: consumed when the loan is released or destroyed, left there by keep().
///
/// Aligned to a line. Its size is fixed; between processes the writer could still change its bytes, so check a copy
/// where the writer is not trusted. Outlives a move of its end, not its destruction.
template <class Side, class Ring>
class [[nodiscard]] bytes_loan : public detail::lent_bytes<Side, const std::byte> {
  using base = detail::lent_bytes<Side, const std::byte>;

 public:
  using base::base;
  bytes_loan(bytes_loan&&) noexcept = default;
  bytes_loan& operator=(bytes_loan&& o) noexcept {
    if (this != &o) release(), base::operator=(std::move(o));
    return *this;
  }
  ~bytes_loan() { release(); }

  void release() noexcept {
    if (Side* const s = this->hand_back()) s->consume_loan(Ring{});
  }
  /// Leaves the message for the next borrow or pop, of this end or a successor's.
  void keep() noexcept {
    if (Side* const s = this->hand_back()) s->keep_loan(Ring{});
  }
};

}  // namespace sluice

#endif
