// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_CROWD_SIDE_HPP
#define SLUICE_RING_CROWD_SIDE_HPP

#include <sluice/core/crowd.hpp>

namespace sluice::detail {

/// The part of a side that is about crowds: a seat among its fellows, and what it makes of the news of the other crowd.
/// Side has mine(), theirs(), seat() and ring().
template <class Side, class P>
class crowd_side {
 public:
  void begin() noexcept { mine().begin(self().seat()); }
  /// (W0) Returns the value to sleep on at doorstep(). The caller owes the heavy fence (W2).
  std::uint32_t arm() noexcept { return mine().arm(self().seat()); }
  /// (W5) A wake-up that was spent on this side, which needs it no more, may be for a fellow.
  template <class Ring>
  void disarm(Ring&& ring) noexcept {
    if (mine().disarm(self().seat())) self().wake_fellow(ring);
  }
  [[nodiscard]] gate<P>& doorstep() noexcept { return mine().doorstep(self().seat()); }
  /// Counts a refusal; true now and then, when it is time to ask whether the others still live.
  [[nodiscard]] bool suspicious() noexcept { return ++refusals_ % 4096 == 0; }

 protected:
  /// A side that is woken alone, for what a fellow could do as well, hides this.
  template <class Ring>
  static void wake_fellow(Ring&&) noexcept {}

  [[nodiscard]] SLUICE_INLINE() bool any_news() const noexcept { return theirs().news() != seen_; }
  /// For who pushes: consumers that have all ended before we came are not our peers.
  void ignore_the_past(const crowd<P>& theirs) noexcept { seen_ = theirs.look().news; }
  /// For who pops: somebody else was told of the ends before we came.
  void leave_what_was_told(const crowd<P>& theirs) noexcept { told_before_ = theirs.told(); }

  /// For who pushes, when there are news: is nobody left who will pop?
  SLUICE_COLD() error look_at_news() noexcept {
    const crowd_view view = theirs().look();
    if (const errc why = view.verdict(persistent()); why != errc::ok) return error(why, step::push).by(view.seat());
    seen_ = view.news;
    return {};
  }
  /// For who pops: nothing is there, now or for ever. `rest()` looks again for what was pushed before an end that has
  /// just been seen: `empty` if there is nothing, no error if there is something.
  template <class Rest>
  error nothing_there(Rest rest) noexcept {
    const error empty(errc::empty, step::pop);
    if (!any_news()) return empty;
    const crowd_view view = theirs().look();
    const errc end = view.verdict(persistent());
    if (end == errc::ok) return seen_ = view.news, empty;
    if (view.news == told_before_) return empty;
    if (view.news != ended_) {
      if (const error e = rest(); !(e == errc::empty)) return e;
      ended_ = view.news;
      theirs().tell(view.news);
    }
    return error(end, step::pop).by(view.seat());
  }

 private:
  [[nodiscard]] SLUICE_INLINE() Side& self() noexcept { return static_cast<Side&>(*this); }
  [[nodiscard]] SLUICE_INLINE() const Side& self() const noexcept { return static_cast<const Side&>(*this); }
  [[nodiscard]] SLUICE_INLINE() crowd<P>& mine() const noexcept { return self().mine(); }
  [[nodiscard]] SLUICE_INLINE() crowd<P>& theirs() const noexcept { return self().theirs(); }
  [[nodiscard]] bool persistent() const noexcept { return self().ring().persistent(); }

  std::uint32_t seen_ = 0;         // the news that have been looked into, and were no end
  std::uint32_t told_before_ = 0;  // the end that others were told of before we came
  std::uint32_t ended_ = 0;        // the end that we have been told of
  std::uint32_t refusals_ = 0;
};

}  // namespace sluice::detail

#endif
