// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_BYTES_HPP
#define SLUICE_CHANNEL_BYTES_HPP

#include <sluice/channel/channel.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/ring/bytes.hpp>

// Messages of any length, built and read in place:
//
//     auto [tx, rx] = bytes_channel(64 * 1024);
//     if (auto place = tx.claim(1500)) place.commit(receive_into(*place));
//     while (auto message = rx.borrow()) handle(*message);

namespace sluice {

/// One producer, one consumer, messages of any length; first in, first out.
struct bytes {};

template <>
struct ring_kind<bytes> {
  template <class T, class P>
  using ring = bytes_ring<P>;
  template <class T, class P>
  using producer = bytes_producer<P>;
  template <class T, class P>
  using consumer = bytes_consumer<P>;

  static constexpr region_kind in_region = region_kind::bytes;
  static constexpr std::size_t default_capacity = 64 * 1024;  // where nobody says otherwise
  static constexpr std::uint32_t participants = 2, most_participants = detail::max_participants;
  static constexpr unsigned producer_slot = static_cast<unsigned>(spsc_slot::producer);
  static constexpr unsigned consumer_slot = static_cast<unsigned>(spsc_slot::consumer);
  static constexpr slot_range producers = producer_slot, consumers = consumer_slot;

  /// Repairs what the dead owner of a slot left in the ring: its session has ended, and nothing else is open.
  template <class P, class Ring>
  static recovery heal(const bytes_ring<P>& r, unsigned slot, Ring&&) noexcept {
    (slot == producer_slot ? r.shared().producer : r.shared().consumer).end(phase::died);
    return {.peers = 1};
  }
};

/// A place in the ring for a message: invisible until commit(), given back when destroyed without.
///
/// Starts with whatever bytes the place holds, aligned to a line. Outlives a move of its end, not its destruction.
template <class Side, class Ring>
class [[nodiscard]] bytes_slot {
 public:
  bytes_slot(error e) noexcept : why_(e) {}  // NOLINT: an error is an outcome
  bytes_slot(errc c) noexcept : why_(c) {}   // NOLINT
  bytes_slot(Side& side, std::span<std::byte> place) noexcept : side_(&side), place_(place) {}
  bytes_slot(bytes_slot&& o) noexcept : side_(std::exchange(o.side_, nullptr)), place_(o.place_), why_(o.why_) {}
  bytes_slot& operator=(bytes_slot&& o) noexcept {
    if (this != &o) {
      abandon();
      side_ = std::exchange(o.side_, nullptr), place_ = o.place_, why_ = o.why_;
    }
    return *this;
  }
  ~bytes_slot() { abandon(); }

  explicit operator bool() const noexcept { return side_ != nullptr; }
  [[nodiscard]] error err() const noexcept { return why_; }
  [[nodiscard]] std::span<std::byte> operator*() const noexcept { return place_; }
  [[nodiscard]] std::byte* data() const noexcept { return place_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return place_.size(); }

  /// Publishes the first m bytes, all of them at most; the rest goes back. The slot is empty afterwards.
  void commit(std::size_t m) noexcept {
    if (Side* const s = std::exchange(side_, nullptr); s != nullptr && s->attached()) s->commit(m, Ring{});
  }
  void commit() noexcept { commit(place_.size()); }

 private:
  void abandon() noexcept {  // not attached: the end was closed meanwhile, or this is a forked child
    if (Side* const s = std::exchange(side_, nullptr); s != nullptr && s->attached()) s->abandon(Ring{});
  }

  Side* side_ = nullptr;
  std::span<std::byte> place_;
  error why_;
};

/// A message in the ring, read in place: consumed when the loan is released or destroyed, left there by keep().
///
/// Aligned to a line. Its size is fixed; between processes the writer could still change its bytes, so check a copy where
/// the writer is not trusted. Outlives a move of its end, not its destruction.
template <class Side, class Ring>
class [[nodiscard]] bytes_loan {
 public:
  bytes_loan(error e) noexcept : why_(e) {}  // NOLINT: an error is an outcome
  bytes_loan(errc c) noexcept : why_(c) {}   // NOLINT
  bytes_loan(Side& side, std::span<const std::byte> message) noexcept : side_(&side), message_(message) {}
  bytes_loan(bytes_loan&& o) noexcept : side_(std::exchange(o.side_, nullptr)), message_(o.message_), why_(o.why_) {}
  bytes_loan& operator=(bytes_loan&& o) noexcept {
    if (this != &o) {
      release();
      side_ = std::exchange(o.side_, nullptr), message_ = o.message_, why_ = o.why_;
    }
    return *this;
  }
  ~bytes_loan() { release(); }

  explicit operator bool() const noexcept { return side_ != nullptr; }
  [[nodiscard]] error err() const noexcept { return why_; }
  [[nodiscard]] std::span<const std::byte> operator*() const noexcept { return message_; }
  [[nodiscard]] const std::byte* data() const noexcept { return message_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return message_.size(); }

  void release() noexcept {
    if (Side* const s = std::exchange(side_, nullptr); s != nullptr && s->attached()) s->consume_loan(Ring{});
  }
  /// Leaves the message for the next borrow or pop, of this end or a successor's.
  void keep() noexcept {
    if (Side* const s = std::exchange(side_, nullptr); s != nullptr && s->attached()) s->keep_loan(Ring{});
  }

 private:
  Side* side_ = nullptr;
  std::span<const std::byte> message_;
  error why_;
};

namespace detail {

template <class Home>
inline constexpr end_traits bytes_traits = [] {
  end_traits t = Home::template traits<std::byte>;
  t.max_size = end_traits{}.max_size;  // the capacity, which is known at run time only
  return t;
}();

}  // namespace detail

/// The end that messages of any length go into. A message of n bytes takes max(1, ceil(n / 64)) × 64 bytes of the
/// capacity, in one piece; the largest possible one is as large as the capacity.
///
/// Threads: one at a time. Progress: wait-free, except where it waits. Blocks: push, claim; never try_*. Allocates: never.
template <class Home, class P>
class bytes_sink : public detail::ring_end<bytes_producer<P>, Home> {
  using side_type = bytes_producer<P>;
  using base = detail::ring_end<side_type, Home>;
  using typename base::ringer;

 public:
  using slot_type = bytes_slot<side_type, ringer>;
  static constexpr end_traits traits = detail::bytes_traits<Home>;

  explicit bytes_sink(error why) noexcept : base(why) {}
  bytes_sink(Home home, wait_strategy w) noexcept : base(std::move(home), w) {}

  /// A place for up to n bytes. Errors: full, too_big, closed, peer_died, busy, corrupt, forked.
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
/// Threads: one at a time. Progress: wait-free, except where it waits. Blocks: pop, borrow; never try_*. Allocates: never.
template <class Home, class P>
class bytes_source : public detail::ring_end<bytes_consumer<P>, Home> {
  using side_type = bytes_consumer<P>;
  using base = detail::ring_end<side_type, Home>;
  using typename base::ringer;

 public:
  using loan_type = bytes_loan<side_type, ringer>;
  static constexpr end_traits traits = detail::bytes_traits<Home>;

  explicit bytes_source(error why) noexcept : base(why) {}
  bytes_source(Home home, wait_strategy w) noexcept : base(std::move(home), w) {}

  /// The next message in place. Errors: empty, closed, peer_died, busy, corrupt, forked.
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
  /// Copies the next message into `to`, whole, and returns its size. If it does not fit: too_big in step `read`, with the
  /// size in `detail` (at most 2^31 - 1), and the message stays.
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

namespace detail {

template <class P>
struct bytes_ends {
  using kind = ring_kind<bytes>;
  using core = channel_core<std::byte, bytes, P>;
  using sink_home = local_home<bytes_producer<P>, std::byte, bytes, P>;
  using source_home = local_home<bytes_consumer<P>, std::byte, bytes, P>;
  using sink = bytes_sink<sink_home, P>;
  using source = bytes_source<source_home, P>;
  using shared_sink = bytes_sink<shared_home<bytes_producer<P>, bytes, P>, P>;
  using shared_source = bytes_source<shared_home<bytes_consumer<P>, bytes, P>, P>;
};

}  // namespace detail

/// Both ends of a channel of bytes within a process: `auto [tx, rx] = bytes_channel(64 * 1024);`
template <class P>
struct bytes_channel_ends {
  typename detail::bytes_ends<P>::sink tx;
  typename detail::bytes_ends<P>::source rx;
};

/// A channel of messages of any length between threads, with `capacity` bytes for them (in whole granules of 64). Where
/// memory is short, or the capacity is 0, both ends are inert and say so with every verb.
///
/// Allocates: here, and nowhere later.
template <class P = native_memory>
[[nodiscard]] bytes_channel_ends<P> bytes_channel(std::size_t capacity = ring_kind<bytes>::default_capacity,
                                                  const channel_options& o = {}) noexcept {
  return detail::open_channel<bytes_channel_ends<P>, detail::bytes_ends<P>>(capacity, o);
}

/// Opens the sending end of the shared memory channel of bytes of this name, creating the channel if there is none.
/// `capacity` is in bytes; where nobody says otherwise it is 64 KiB. Blocks, Allocates, Errors: as shm_sink.
template <class P = native_memory>
[[nodiscard]] auto shm_bytes_sink(std::string_view name, const ring_options& o = {}) noexcept {
  return detail::open_end<typename detail::bytes_ends<P>::shared_sink, bytes_producer<P>, std::byte, bytes, P>(
      region_place::shared_memory(name, o.region()), o, ring_kind<bytes>::producers);
}
/// Opens the receiving end of the shared memory channel of bytes of this name; otherwise as shm_bytes_sink.
template <class P = native_memory>
[[nodiscard]] auto shm_bytes_source(std::string_view name, const ring_options& o = {}) noexcept {
  return detail::open_end<typename detail::bytes_ends<P>::shared_source, bytes_consumer<P>, std::byte, bytes, P>(
      region_place::shared_memory(name, o.region()), o, ring_kind<bytes>::consumers);
}
/// Opens the sending end of the channel of bytes in the file at `path`; otherwise as mapped_sink and shm_bytes_sink.
template <class P = native_memory>
[[nodiscard]] auto mapped_bytes_sink(std::string_view path, const ring_options& o = {}) noexcept {
  return detail::open_end<typename detail::bytes_ends<P>::shared_sink, bytes_producer<P>, std::byte, bytes, P>(
      detail::file_place(path, o), o, ring_kind<bytes>::producers);
}
/// Opens the receiving end of the channel of bytes in the file at `path`; otherwise as mapped_bytes_sink.
template <class P = native_memory>
[[nodiscard]] auto mapped_bytes_source(std::string_view path, const ring_options& o = {}) noexcept {
  return detail::open_end<typename detail::bytes_ends<P>::shared_source, bytes_consumer<P>, std::byte, bytes, P>(
      detail::file_place(path, o), o, ring_kind<bytes>::consumers);
}
/// Joins the region of an end anew: for a forked child, as reopen() of other ends.
template <class P>
[[nodiscard]] auto reopen(const bytes_sink<detail::shared_home<bytes_producer<P>, bytes, P>, P>& end,
                          const ring_options& o = {}) noexcept {
  return detail::reopen_end(end, ring_kind<bytes>::producers, o);
}
template <class P>
[[nodiscard]] auto reopen(const bytes_source<detail::shared_home<bytes_consumer<P>, bytes, P>, P>& end,
                          const ring_options& o = {}) noexcept {
  return detail::reopen_end(end, ring_kind<bytes>::consumers, o);
}

}  // namespace sluice

#endif
