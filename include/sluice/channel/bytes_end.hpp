// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_BYTES_END_HPP
#define SLUICE_CHANNEL_BYTES_END_HPP

#include <sluice/channel/bytes_kind.hpp>
#include <sluice/channel/ring_end.hpp>
#include <sluice/core/lent_bytes.hpp>

namespace sluice {

/// The end that messages of any length go into. A message of n bytes takes max(1, ceil(n / 64)) × 64 bytes of the
/// capacity, in one piece; the largest possible one is as large as the capacity.
///
/// Threads: one at a time. Progress: wait-free, except where it waits. Blocks: push, claim; never try_*. Allocates:
/// never.
template <class Kind, class Home, class P>
class bytes_sink : public detail::ring_end<typename ring_kind<Kind>::template producer<std::byte, P>, Home> {
  using side_type = typename ring_kind<Kind>::template producer<std::byte, P>;
  using base = detail::ring_end<side_type, Home>;
  using typename base::ringer;

 public:
  using slot_type = bytes_slot<side_type, ringer>;
  static constexpr slot_range seats = ring_kind<Kind>::producers;
  static constexpr end_traits traits = detail::traits_of_kind<Kind>(Home::template traits<std::byte>);

  explicit bytes_sink(error why) noexcept : base(why) {}
  bytes_sink(Home home, wait_strategy w) noexcept : base(std::move(home), w) {}

  /// One more end of the same side: `busy` if there can be only one, no_space if all slots are taken.
  [[nodiscard]] result<bytes_sink> clone() const noexcept {
    auto home = this->home().another(seats);
    return home ? result<bytes_sink>(bytes_sink(std::move(*home), this->waits())) : result<bytes_sink>(home.err());
  }
  /// A place for up to n bytes. Errors: full, too_big, closed, peer_died, busy, corrupt, forked; and pending, where
  /// there are several producers.
  slot_type try_claim(std::size_t n) noexcept {
    const auto place = this->side().try_claim(n);
    if (!place) [[unlikely]] return this->refused(place.err());
    return slot_type(this->side(), *place);
  }
  slot_type claim(std::size_t n, until u = {}) {
    auto place = try_claim(n);
    if (detail::settled(place) || u.immediate()) [[likely]] return place;
    return detail::wait_for(*this, want::push, u, [this, n] { return try_claim(n); });
  }
  /// Copies a whole message in.
  status try_push(std::span<const std::byte> message) noexcept {
    const status s = this->side().try_push(message, ringer{});
    if (!s) [[unlikely]] return this->refused(s.err());
    return s;
  }
  status push(std::span<const std::byte> message, until u = {}) {
    const status s = try_push(message);
    if (detail::settled(s) || u.immediate()) [[likely]] return s;
    return detail::wait_for(*this, want::push, u, [this, message] { return try_push(message); });
  }
};

/// The end that messages of any length come out of.
///
/// Threads: one at a time. Progress: wait-free, except where it waits. Blocks: pop, borrow; never try_*. Allocates:
/// never.
template <class Kind, class Home, class P>
class bytes_source : public detail::ring_end<typename ring_kind<Kind>::template consumer<std::byte, P>, Home> {
  using side_type = typename ring_kind<Kind>::template consumer<std::byte, P>;
  using base = detail::ring_end<side_type, Home>;
  using typename base::ringer;

 public:
  using loan_type = bytes_loan<side_type, ringer>;
  static constexpr slot_range seats = ring_kind<Kind>::consumers;
  static constexpr end_traits traits = detail::traits_of_kind<Kind>(Home::template traits<std::byte>);

  explicit bytes_source(error why) noexcept : base(why) {}
  bytes_source(Home home, wait_strategy w) noexcept : base(std::move(home), w) {}

  /// The next message in place. Errors: empty, closed, peer_died, busy, corrupt, forked; and pending, where there are
  /// several producers.
  loan_type try_borrow() noexcept {
    const auto message = this->side().try_borrow(ringer{});
    if (!message) [[unlikely]] return this->refused(message.err());
    return loan_type(this->side(), *message);
  }
  loan_type borrow(until u = {}) {
    auto l = try_borrow();
    if (detail::settled(l) || u.immediate()) [[likely]] return l;
    return detail::wait_for(*this, want::pop, u, [this] { return try_borrow(); });
  }
  /// Copies the next message into `to`, whole, and returns its size. If it does not fit: too_big in step `read`, with
  /// the size in `detail` (at most 2^31 - 1), and the message stays.
  result<std::size_t> try_pop(std::span<std::byte> to) noexcept {
    const auto n = this->side().try_pop(to, ringer{});
    if (!n) [[unlikely]] return this->refused(n.err());
    return n;
  }
  result<std::size_t> pop(std::span<std::byte> to, until u = {}) {
    const auto n = try_pop(to);
    if (detail::settled(n) || u.immediate()) [[likely]] return n;
    return detail::wait_for(*this, want::pop, u, [this, to] { return try_pop(to); });
  }
};

}  // namespace sluice

#endif
