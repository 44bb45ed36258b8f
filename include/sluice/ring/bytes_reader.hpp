// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_BYTES_READER_HPP
#define SLUICE_RING_BYTES_READER_HPP

#include <sluice/ring/bytes_layout.hpp>

#include <span>

namespace sluice::detail {

/// What the reader of a ring of bytes does with a message, once there is one: it takes it out, or lends it. The Side
/// finds it: `find(ring)` sets cursor_, size_ and found_, or says why it cannot; `publish_head(ring)` consumes up to
/// cursor_.
template <class Side, class Ring>
class bytes_reader {
 public:
  using ring_type = Ring;

  [[nodiscard]] bool attached() const noexcept { return static_cast<bool>(ring_); }
  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }

  /// Pops one message into `to`, whole, and returns its size.
  template <class Bell>
  result<std::size_t> try_pop(std::span<std::byte> to, Bell&& ring) noexcept {
    if (const error e = find_message(ring)) [[unlikely]] return e;
    if (size_ > to.size()) return too_big();
    const std::size_t n = size_;
    if (n != 0) Ring::policy::copy_in(to.data(), place(), n);
    consume(ring);
    return n;
  }
  /// The next message in place: then either consume_loan() or keep_loan(). One loan at a time.
  template <class Bell>
  result<std::span<const std::byte>> try_borrow(Bell&& ring) noexcept {
    if (const error e = find_message(ring)) [[unlikely]] return e.during(step::borrow);
    found_ = false;  // so that a pop meanwhile ends in find_more(), which says busy
    lent_ = true;
    return std::span<const std::byte>(place(), size_);
  }
  template <class Bell>
  void consume_loan(Bell&& ring) noexcept {
    keep_loan(ring);
    consume(ring);
  }
  template <class Bell>
  void keep_loan(Bell&&) noexcept {
    found_ = lent_;
    lent_ = false;
  }

 protected:
  using word = typename Ring::word;

  Ring ring_;
  word cursor_ = 0;       // where the next message is
  std::size_t size_ = 0;  // its size, once it is found
  bool found_ = false;
  bool lent_ = false;     // it is out on loan

 private:
  [[nodiscard]] Side& self() noexcept { return static_cast<Side&>(*this); }
  [[nodiscard]] const std::byte* place() const noexcept { return ring_.place(ring_.index_of(cursor_)); }

  template <class Bell>
  SLUICE_INLINE() error find_message(Bell&& ring) noexcept {
    return found_ ? error() : find_more(ring);
  }
  template <class Bell>
  SLUICE_INLINE() error find_more(Bell&& ring) noexcept {
    if (!attached()) [[unlikely]] return error(errc::forked, step::pop);
    if (lent_) [[unlikely]] return error(errc::busy, step::pop);
    return self().find(ring);
  }
  SLUICE_COLD() error too_big() const noexcept {
    constexpr std::size_t most = INT32_MAX;
    return error(errc::too_big, step::read, static_cast<std::int32_t>(size_ < most ? size_ : most));
  }
  template <class Bell>
  SLUICE_INLINE() void consume(Bell&& ring) noexcept {
    cursor_ = ring_.after(cursor_, static_cast<word>(Ring::granules_of(size_)));
    found_ = false;
    self().publish_head(ring);
  }
};

}  // namespace sluice::detail

#endif
