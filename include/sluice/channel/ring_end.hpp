// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_RING_END_HPP
#define SLUICE_CHANNEL_RING_END_HPP

#include <sluice/channel/lending.hpp>
#include <sluice/channel/ring_kind.hpp>
#include <sluice/memory/membership.hpp>
#include <sluice/wait/verbs.hpp>

namespace sluice {

/// May be passed within a process.
template <class T>
concept message = std::is_object_v<T> && std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>;

namespace detail {

template <class T>
struct unmet_message {
  static_assert(std::is_object_v<T>, "message: it must be an object, no reference and no void");
  static_assert(std::is_nothrow_move_constructible_v<T>, "message: the type must be movable without an exception");
  static_assert(std::is_nothrow_destructible_v<T>, "message: the destructor must not throw");
};

/// Wakes whoever a gate says is asleep.
template <bool Shared>
struct futex_ringer {
  template <class P>
  void operator()(gate<P>& door, std::uint32_t) const noexcept {
    futex_wake(&door.word(), Shared);
  }
};

/// What both ends of a ring have in common: one side of the ring, and the home that its memory and its peers live in.
///
/// A Home keeps the side alive, knows whether this is a forked child, heals dead peers, says how long a sleep may last
/// (`slice`), and leaves. The side of an end that is closed or moved-from is one static detached side, so that the fast
/// path needs no test for it. Nothing in the end itself is written by an operation: two ends often share a line.
template <class Side, class Home>
class ring_end {
 public:
  using home_type = Home;
  using ringer = futex_ringer<Home::shared>;

  ring_end(const ring_end&) = delete;
  ring_end& operator=(const ring_end&) = delete;

  void arm(want, wait_set& set) noexcept {
    if (!side_->attached()) return set.ready();
    if constexpr (requires { home_.looks_on(); }) {
      if (home_.looks_on()) {  // nobody knows of this end: it looks again by itself
        (void)recover();
        return set.within(home_.slice(false));
      }
    }
    const auto value = side_->arm();
    const bool fenced = home_.heavy_fence();
    (void)recover();
    set.on(&side_->doorstep().word(), value, Home::shared);
    set.within(home_.slice(fenced));
  }
  void disarm(want) noexcept {
    if (side_->attached()) side_->disarm(ringer{});
  }

  /// Ends the stream for the other side, which still gets what was accepted. Idempotent; wakes whoever waits.
  void close() noexcept { end(phase::closed); }
  /// The same: a ring holds nothing back that would have to be flushed.
  status finish(until = {}) noexcept {
    close();
    return {};
  }

  /// Heals what dead participants left; returns what there was to do. Whoever waits, and whoever is refused again and
  /// again, does this by itself. Idempotent.
  recovery recover() noexcept { return side_->attached() ? home_.heal_peers() : recovery{}; }
  /// All that this end has healed so far, asked or by itself, and when it was opened.
  [[nodiscard]] recovery recovered() const noexcept { return home_.recovered(); }
  /// May the last message be out of order, since it was taken over from a consumer that died with it, or put back?
  [[nodiscard]] bool redelivered() const noexcept
    requires requires(const Side& s) { s.redelivered(); }
  {
    return side_->redelivered();
  }

  /// The priority of the last message.
  [[nodiscard]] unsigned last_priority() const noexcept
    requires requires(const Side& s) { s.priority(); }
  {
    return side_->priority();
  }

  /// How many messages fit; 0 once closed.
  [[nodiscard]] std::size_t capacity() const noexcept {
    return side_->attached() ? static_cast<std::size_t>(side_->ring().capacity()) : 0;
  }
  /// How many messages wait: for this end, where each has a place of its own. Racy, and a walk over the ring.
  [[nodiscard]] std::size_t approx_size() const noexcept {
    if (!side_->attached()) return 0;
    if constexpr (requires { side_->approx_size(); }) return side_->approx_size();
    else return side_->ring().approx_size();
  }
  /// How many messages were overwritten before this end came to them.
  [[nodiscard]] std::size_t dropped() const noexcept {
    if constexpr (requires { side_->dropped(); }) return static_cast<std::size_t>(side_->dropped());
    else return 0;
  }
  /// How far this end is behind, with what was overwritten meanwhile. Racy.
  [[nodiscard]] std::size_t lag() const noexcept {
    if constexpr (requires { side_->lag(); }) return side_->attached() ? side_->lag() : 0;
    else return approx_size();
  }
  /// How many participants live, this one included if it is one (with `rights::read_only` it is none). Racy.
  [[nodiscard]] unsigned peers() noexcept { return side_->attached() ? home_.peers() : 0; }
  [[nodiscard]] wait_strategy waits() const noexcept { return waits_; }
  /// What this end found when it was opened.
  [[nodiscard]] opening opened() const noexcept { return home_.opened(); }
  [[nodiscard]] const Home& home() const noexcept { return home_; }

 protected:
  explicit ring_end(error why) noexcept : why_inert_(why) {}
  ring_end(Home home, wait_strategy w) noexcept : side_(home.side()), home_(std::move(home)), waits_(w) {}
  ring_end(ring_end&& o) noexcept
      : side_(std::exchange(o.side_, &inert)), home_(std::move(o.home_)), why_inert_(o.why_inert_), waits_(o.waits_) {}
  ring_end& operator=(ring_end&& o) noexcept {
    if (this != &o) {
      end(phase::left);
      side_ = std::exchange(o.side_, &inert);
      home_ = std::move(o.home_);
      why_inert_ = o.why_inert_, waits_ = o.waits_;
    }
    return *this;
  }
  ~ring_end() { end(phase::left); }

  [[nodiscard]] Side& side() noexcept { return *side_; }

  /// What a refusal of the side means for the end. Somebody who only ever polls learns of a peer's death here.
  SLUICE_COLD() error refused(error e) noexcept {
    if (e.code == errc::forked && side_ == &inert) return error(why_inert_.code, e.op, why_inert_.about());
    if (e.again() && side_->suspicious()) (void)recover();
    return e;
  }

 private:
  void end(phase how) noexcept {
    if (side_ == &inert) return;
    if (side_->attached()) {
      side_->end(how, ringer{});
      side_->detach();
    }
    side_ = &inert;
    home_.leave();
  }

  static inline constinit Side inert{};

  Side* side_ = &inert;
  Home home_;
  error why_inert_ = errc::closed;
  wait_strategy waits_ = wait_strategy::spin_then_park;
};

}  // namespace detail

/// The end of a ring that messages go into.
///
/// Threads: one at a time. Progress: wait-free, except where it waits. Blocks: push, claim; never try_*. Allocates:
/// never.
template <class T, class Kind, class Home, class P>
class ring_sink : public detail::ring_end<typename ring_kind<Kind>::template producer<T, P>, Home>,
                  public sink_verbs<ring_sink<T, Kind, Home, P>> {
  using side_type = typename ring_kind<Kind>::template producer<T, P>;
  using base = detail::ring_end<side_type, Home>;
  using typename base::ringer;

 public:
  static constexpr bool has_priorities = requires { ring_kind<Kind>::priorities; };
  using value_type = T;
  using slot_type = slot<T, side_type, ringer>;
  static constexpr slot_range seats = ring_kind<Kind>::producers;  // that it may have in a region
  static constexpr end_traits traits = detail::traits_of_kind<Kind>(Home::template traits<T>);

  explicit ring_sink(error why) noexcept : base(why) {}
  ring_sink(Home home, wait_strategy w) noexcept : base(std::move(home), w) {}

  template <class U = T>
    requires std::convertible_to<U&&, T>
  SLUICE_INLINE() status try_push(U&& value) {
    const status s = this->side().try_push(std::forward<U>(value), ringer{});
    if (!s) [[unlikely]] return this->refused(s.err());
    return s;
  }
  /// A batch; a template, so that `try_push({})` pushes an empty T and not an empty batch.
  template <class Batch>
    requires(detail::copies_as_bytes<T> && detail::batch_to_push<Batch, T>)
  result<std::size_t> try_push(const Batch& values) {
    const auto n = this->side().try_push(std::span<const T>(values), ringer{});
    if (!n) [[unlikely]] return this->refused(n.err());
    return n;
  }
  /// The same at a priority, where the kind has some: `invalid` if it has not so many.
  template <class U = T>
    requires(has_priorities && std::convertible_to<U&&, T>)
  SLUICE_INLINE() status try_push(U&& value, unsigned priority) {
    const status s = this->side().try_push(std::forward<U>(value), ringer{}, priority);
    if (!s) [[unlikely]] return this->refused(s.err());
    return s;
  }
  template <class Batch>
    requires(has_priorities && detail::copies_as_bytes<T> && detail::batch_to_push<Batch, T>)
  result<std::size_t> try_push(const Batch& values, unsigned priority) {
    const auto n = this->side().try_push(std::span<const T>(values), ringer{}, priority);
    if (!n) [[unlikely]] return this->refused(n.err());
    return n;
  }
  using sink_verbs<ring_sink>::push;
  template <class U = T>
    requires(has_priorities && (std::convertible_to<U&&, T> || detail::batch_to_push<U, T>))
  auto push(U&& value, unsigned priority, until u = {}) {
    // A failed push has not touched its argument.
    return detail::try_then_wait(*this, want::push, u, [&] { return try_push(std::forward<U>(value), priority); });
  }
  /// One more end of the same side: `busy` if there can be only one, no_space if all slots are taken.
  [[nodiscard]] result<ring_sink> clone() const noexcept {
    auto home = this->home().another(seats);
    return home ? result<ring_sink>(ring_sink(std::move(*home), this->waits())) : result<ring_sink>(home.err());
  }
  slot_type try_claim()
    requires std::is_nothrow_default_constructible_v<T>
  {
    return slot_at(this->side().try_claim());
  }
  slot_type try_claim(unsigned priority)
    requires(has_priorities && std::is_nothrow_default_constructible_v<T>)
  {
    return slot_at(this->side().try_claim(priority));
  }
  using sink_verbs<ring_sink>::claim;
  slot_type claim(unsigned priority, until u = {})
    requires(has_priorities && std::is_nothrow_default_constructible_v<T>)
  {
    return detail::try_then_wait(*this, want::push, u, [&] { return try_claim(priority); });
  }

 private:
  slot_type slot_at(const result<T*>& place) {
    if (!place) [[unlikely]] return this->refused(place.err());
    return slot_type(this->side(), *place);
  }
};

/// The end of a ring that messages come out of.
///
/// Threads: one at a time. Progress: wait-free, except where it waits. Blocks: pop, borrow; never try_*. Allocates:
/// never.
template <class T, class Kind, class Home, class P>
class ring_source : public detail::ring_end<typename ring_kind<Kind>::template consumer<T, P>, Home>,
                    public source_verbs<ring_source<T, Kind, Home, P>> {
  using side_type = typename ring_kind<Kind>::template consumer<T, P>;
  using base = detail::ring_end<side_type, Home>;
  using typename base::ringer;

 public:
  using value_type = T;
  using loan_type = loan<T, side_type, ringer>;
  static constexpr slot_range seats = ring_kind<Kind>::consumers;
  static constexpr end_traits traits = detail::traits_of_kind<Kind>(Home::template traits<T>);

  explicit ring_source(error why) noexcept : base(why) {}
  ring_source(Home home, wait_strategy w) noexcept : base(std::move(home), w) {}

  /// May be asked before a try, where many ends are looked at: is there no message, as far as one look tells? An end of the
  /// stream is none.
  [[nodiscard]] SLUICE_INLINE() bool looks_empty() noexcept
    requires requires(side_type& s) { s.looks_empty(); }
  {
    return this->side().looks_empty();
  }
  SLUICE_INLINE() result<T> try_pop() noexcept {
    auto r = this->side().try_pop(ringer{});
    if (!r) [[unlikely]] return this->refused(r.err());
    return r;
  }
  result<std::size_t> try_pop(std::span<T> to) noexcept
    requires detail::copies_as_bytes<T>
  {
    const auto n = this->side().try_pop(to, ringer{});
    if (!n) [[unlikely]] return this->refused(n.err());
    return n;
  }
  /// One more end of the same side: `busy` if there can be only one, no_space if all slots are taken.
  [[nodiscard]] result<ring_source> clone() const noexcept {
    auto home = this->home().another(seats);
    return home ? result<ring_source>(ring_source(std::move(*home), this->waits())) : result<ring_source>(home.err());
  }
  loan_type try_borrow() noexcept {
    const auto item = borrowed();
    if (!item) [[unlikely]] return this->refused(item.err());
    return loan_type(this->side(), *item);
  }

 private:
  // Where a place may become free on the way to a message, somebody may have to be woken.
  auto borrowed() noexcept {
    if constexpr (requires { this->side().try_borrow(ringer{}); }) return this->side().try_borrow(ringer{});
    else return this->side().try_borrow();
  }
};

}  // namespace sluice

#endif
