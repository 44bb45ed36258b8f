// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_PRIORITY_HPP
#define SLUICE_RING_PRIORITY_HPP

#include <sluice/ring/ordered_consumer.hpp>
#include <sluice/ring/ordered_producer.hpp>
#include <sluice/ring/priority_layout.hpp>

// The two sides of the queue with priorities are those of the ordered ring, over several orders at once. What they do is
// in priority_layout.hpp.

namespace sluice {

namespace detail {

/// What both sides have in common: a hand for each order, and the priority that the last one was used at.
template <class Hand, class T, unsigned N, class P>
class priority_hand {
 public:
  using ring_type = priority_ring<T, N, P>;
  using spot = typename Hand::spot;
  using word = typename Hand::word;

  status attach(const ring_type& r, unsigned seat) noexcept {
    for (unsigned k = 0; k < N; ++k)
      if (const status s = levels_[k].attach(r.level(k), seat); !s) return s;
    ring_ = r;
    return {};
  }
  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }
  [[nodiscard]] unsigned seat() const noexcept { return levels_[0].seat(); }
  [[nodiscard]] spot spot_at(word at) const noexcept { return levels_[at_].spot_at(at); }
  [[nodiscard]] word next(word at) const noexcept { return levels_[at_].next(at); }

 protected:
  ring_type ring_;
  unsigned at_ = 0;
  Hand levels_[N];
};

/// Claims places in the ring of a priority and fills them. Threads, Progress, Errors: as ordered_writer; invalid
/// (there is no such priority).
template <class T, unsigned N, class P>
class priority_writer : public priority_hand<ordered_writer<T, true, P>, T, N, P> {
  using level = ordered_writer<T, true, P>;
  using base = priority_hand<level, T, N, P>;
  using base::at_, base::levels_;

 public:
  using typename base::spot;
  using typename base::word;

  SLUICE_INLINE() error claim(spot& here, unsigned priority = 0) noexcept {
    if (priority >= N) [[unlikely]] return error(errc::invalid, step::push, subject::priority);
    return levels_[priority].claim(here);
  }
  error claim(word& at, std::size_t& n, unsigned priority = 0) noexcept {
    if (priority >= N) return error(errc::invalid, step::push, subject::priority);
    at_ = priority;
    return levels_[at_].claim(at, n);
  }
  template <class U>
  SLUICE_INLINE() static void fill(const spot& here, U&& value) {
    level::fill(here, std::forward<U>(value));
  }
  static void publish(const spot& here, cell_state s) noexcept { level::publish(here, s); }
  /// All who wait are woken by each pop; nothing has to be passed on.
  [[nodiscard]] static constexpr bool room() noexcept { return false; }
};

/// Takes messages of the highest priority that has some, and vacates their places. Threads, Progress, Errors: as
/// ordered_reader.
template <class T, unsigned N, class P>
class priority_reader : public priority_hand<ordered_reader<T, true, P>, T, N, P> {
  using level = ordered_reader<T, true, P>;
  using base = priority_hand<level, T, N, P>;
  using base::at_, base::levels_;

 public:
  using typename base::ring_type;
  using typename base::spot;
  using typename base::word;
  static constexpr bool any_room_will_do = false;  // for whoever waits for some: it is of one priority

  status attach(const ring_type& r, unsigned seat) noexcept {
    if (const status s = base::attach(r, seat); !s) return s;
    word w = 0;
    for (unsigned k = 0; k < N; ++k)
      if (const error e = levels_[k].look(was_head_[k], w)) return e.during(step::join);
    return {};
  }
  /// That of the last message.
  [[nodiscard]] unsigned priority() const noexcept { return at_; }
  [[nodiscard]] bool redelivered() const noexcept { return levels_[at_].redelivered(); }

  template <class Vacated>
  SLUICE_INLINE() error take(Vacated vacated, spot& here) noexcept {
    for (auto tries = levels_[0].most_tries(); tries != 0; --tries) {
      unsigned k = 0;
      if (const error e = choose(vacated, k, here)) [[unlikely]] return e;
      if (levels_[k].take_found(here)) return at_ = k, error();
    }
    return error(errc::pending, step::pop);
  }
  /// The first of up to n messages of one priority, and how many.
  template <class Vacated>
  error take(Vacated vacated, word& at, std::size_t& n) noexcept {
    for (auto tries = levels_[0].most_tries(); tries != 0; --tries) {
      unsigned k = 0;
      spot s;
      if (const error e = choose(vacated, k, s)) return e;
      if (levels_[k].orphaned()) {
        if (levels_[k].take_found(s)) return at = s.at, at_ = k, n = 1, error();
        continue;
      }
      word end = 0;
      const std::size_t found = levels_[k].look_on(s, n, end);
      if (found == 0) continue;
      unsigned above = k + 1;
      if (spot higher; !choose(vacated, above, higher)) continue;  // perhaps pushed before the last of these
      if (levels_[k].take_found(s, end)) return at = s.at, at_ = k, n = found, error();
    }
    return error(errc::pending, step::pop);
  }
  void vacate(const spot& here) const noexcept { levels_[at_].vacate(here); }
  void put_back(const spot& here) const noexcept { levels_[at_].put_back(here); }

  /// Is there something in any ring?
  [[nodiscard]] bool ready() const noexcept {
    for (const level& l : levels_)
      if (l.ready()) return true;
    return false;
  }
  /// After an end: as ordered_reader::rest(), of all rings.
  error rest() noexcept {
    for (level& l : levels_)
      if (const error e = l.rest(); !(e == errc::empty)) return e;
    return errc::empty;
  }

 private:
  // (R1) The highest ring from `priority` on that has a message, and its head; or why none has. The head comes back as a
  // position: a whole spot, written in parts and copied as one, would stall.
  template <class Vacated>
  SLUICE_INLINE() error choose(Vacated vacated, unsigned& priority, spot& here) noexcept {
    error why(errc::empty, step::pop);
    const unsigned from = priority;
    word at = 0;
    bool found = false;
    const auto look = [&](unsigned k) SLUICE_INLINE_LAMBDA() {
      if (k < from || still_empty(k)) [[likely]] return;
      if (examine(k, vacated, at, why)) priority = k, found = true;
    };
    [&]<std::size_t... K>(std::index_sequence<K...>) SLUICE_INLINE_LAMBDA() { (..., look(K)); }(std::make_index_sequence<N>());
    if (!found) [[unlikely]] return why;
    here = levels_[priority].spot_at(at);
    return {};
  }
  template <class Vacated>
  SLUICE_NOINLINE() bool examine(unsigned k, Vacated vacated, word& at, error& why) noexcept {
    spot s;
    if (levels_[k].find(vacated, s, why)) return at = s.at, true;
    if (s.cell != nullptr) was_head_[k] = levels_[k].spot_at(s.at);
    return false;
  }
  // No head passes a place that is vacant. So a place that was the head and is vacant is the head, and the ring is empty:
  // one load, instead of the way to the head, for each ring in which there is nothing.
  SLUICE_INLINE() bool still_empty(unsigned k) const noexcept {
    const spot& s = was_head_[k];
    return s.look() == s.word_of(cell_state::vacant) && !levels_[k].orphaned();
  }

  spot was_head_[N];  // when nothing was seen there, or at first
};

}  // namespace detail

template <class T, unsigned N, class P = native_memory>
using priority_producer = ordered_producer<T, true, P, detail::priority_writer<T, N, P>>;
template <class T, unsigned N, class P = native_memory>
using priority_consumer = ordered_consumer<T, true, P, detail::priority_reader<T, N, P>>;

}  // namespace sluice

#endif
