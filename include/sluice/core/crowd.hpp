// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_CROWD_HPP
#define SLUICE_CORE_CROWD_HPP

#include <sluice/core/role.hpp>

namespace sluice {

namespace site {
struct crowd_news : order_site<std::memory_order_release> {};   // (N1) a seat's word, then its news, then `announced`
struct crowd_look : order_site<std::memory_order_acquire> {};   // (N2) the seats as they are after that news
struct crowd_peek : order_site<std::memory_order_relaxed> {};   // only compared; (N2) follows a change
struct crowd_told : order_site<std::memory_order_relaxed> {};   // under nobody's lock: tells at most once too often
struct crowd_sleep : order_site<std::memory_order_release> {};  // (W0) the armed gate before the bit, pairs with (S3)
struct crowd_asleep : order_site<std::memory_order_relaxed> {}; // (S2) ordered after the publication by the two fences
struct crowd_rouse : order_site<std::memory_order_acq_rel> {};  // (S3), (W5): who spends a wake-up sees the publication
}  // namespace site

/// What one look at a crowd shows.
struct crowd_view {
  std::uint32_t news = 0;  // the number of the last change, the seat that changed, and what became of it
  bool anybody = false;    // somebody lives

  static constexpr unsigned seat_bits = 6, shift = 3 + seat_bits;
  static constexpr std::uint32_t no_phase = 7;
  [[nodiscard]] static constexpr std::uint32_t after(std::uint32_t news, unsigned seat, phase p) noexcept {
    return ((news >> shift) + 1) << shift | seat << 3 | static_cast<std::uint32_t>(p);
  }
  /// Whose coming or going the last change was.
  [[nodiscard]] constexpr unsigned seat() const noexcept { return news >> 3 & ((1u << seat_bits) - 1); }
  /// What it means to the other side that nobody is there; `ok` where it means nothing.
  [[nodiscard]] constexpr errc verdict(bool persistent) const noexcept {
    return anybody ? errc::ok : role_view{news & 7u}.verdict(persistent);
  }
};

/// All the holders of one role, for rings with several producers or consumers: who has come and gone, and who sleeps.
///
/// Each participant has a seat, whose role word only its living holder writes, or a healer with a certificate of its
/// death. There is no count of holders, which a killed process could leave wrong. `news` changes after every change of
/// a seat, so that the other side pays one load for all of them; whoever is killed between the two is healed, and the
/// healer makes the news.
///
/// One sleeper is woken for each change that lets one of them go on:
///
///     sleeper                                  waker
///     (W0) arm own gate, then set own bit      (S1) publish
///     (W2) heavy fence                              light fence
///     (W3) try again                           (S2) no bit set? done
///     (W4) sleep at own gate                   (S3) take one bit away
///     (W5) take own bit away                   (S4) raise and ring the gate of its seat
///
/// Whoever finds at (W5) that a waker has taken the bit, but needs the wake-up no more, hands it on. Whoever takes a
/// message while others sleep looks at the next one for them: it may have become ready before its predecessor.
///
/// Threads: any. Progress: lock-free.
template <class P = native_memory>
class crowd {
 public:
  static constexpr unsigned most = 64;

  /// The number to compare with that of an earlier look.
  [[nodiscard]] SLUICE_INLINE() std::uint32_t news() const noexcept {
    return news_.load(P::template order<site::crowd_peek>);
  }
  /// Who is there. Says that somebody is while the crowd is changing too fast to tell. So it does, with no number that
  /// news have, while the news of an end are still to come: who was told before would be told of the same end again.
  [[nodiscard]] crowd_view look() const noexcept {
    crowd_view v;
    for (unsigned tries = 0; tries < 4; ++tries) {
      v.news = news_.load(P::template order<site::crowd_look>);
      v.anybody = false;
      for (unsigned k = 0; k < most && !v.anybody; ++k) {
        const role_view seat = seats_[k].read();
        v.anybody = seat.now() == phase::live;
        if (seat.ended() && announced_[k].load(P::template order<site::crowd_look>) != seat.session()) {
          v.anybody = true;
          v.news |= crowd_view::no_phase;
        }
      }
      if (v.anybody || news() == v.news) return v;
    }
    v.anybody = true;
    return v;
  }
  /// A seat alone; whoever sees the end of its session sees what it did before.
  [[nodiscard]] role_view read(unsigned seat) const noexcept { return seats_[seat].read(); }

  void begin(unsigned seat) noexcept {
    seats_[seat].begin();
    announce(seat, phase::live);
  }
  /// Ends the session of a seat, if it is live. A healer comes here too, for a seat of the dead: it announces an end
  /// that the dead had stored and perhaps not announced.
  void end(unsigned seat, phase how) noexcept {
    seats_[seat].end(how);
    const role_view v = seats_[seat].peek();
    if (!v.ended() || announced_[seat].load(P::template order<site::crowd_peek>) == v.session()) return;
    announce(seat, v.now());
    announced_[seat].store(v.session(), P::template order<site::crowd_news>);
  }
  /// The last end that somebody was told of.
  [[nodiscard]] std::uint32_t told() const noexcept { return told_.load(P::template order<site::crowd_told>); }
  void tell(std::uint32_t news) noexcept {
    told_.exchange(news, P::template order<site::crowd_told>);  // fellows may, too
  }

  [[nodiscard]] gate<P>& doorstep(unsigned seat) noexcept { return seats_[seat].doorstep(); }
  /// (W0) Returns the value to sleep on at doorstep(seat). The caller owes the heavy fence (W2).
  std::uint32_t arm(unsigned seat) noexcept {
    const auto value = doorstep(seat).arm(gate<P>::asleep);
    asleep_.fetch_or(bit(seat), P::template order<site::crowd_sleep>);
    return value;
  }
  /// (W5) True if a waker has already spent its wake-up on this seat.
  [[nodiscard]] bool disarm(unsigned seat) noexcept {
    const bool spent = (asleep_.fetch_and(~bit(seat), P::template order<site::crowd_rouse>) & bit(seat)) == 0;
    doorstep(seat).disarm();
    return spent;
  }
  /// (S2) Is anybody asleep? The caller has fenced.
  [[nodiscard]] SLUICE_INLINE() std::uint64_t asleep() const noexcept {
    return asleep_.load(P::template order<site::crowd_asleep>);
  }
  /// (S3), (S4) Wakes one of those in `asleep`, if any.
  template <class Ring>
  SLUICE_NOINLINE() void wake_one(std::uint64_t asleep, Ring&& ring) noexcept {
    while (asleep != 0) {
      const auto k = static_cast<unsigned>(__builtin_ctzll(asleep));
      asleep &= asleep - 1;
      if ((asleep_.fetch_and(~bit(k), P::template order<site::crowd_rouse>) & bit(k)) == 0) continue;
      return doorstep(k).wake(ring);
    }
  }
  /// After a change that all may have waited for.
  template <class Ring>
  void wake_all(Ring&& ring) noexcept {
    P::light_fence();
    for (auto sleepers = asleep(); sleepers != 0; sleepers &= sleepers - 1) wake_one(sleepers & -sleepers, ring);
  }

 private:
  static constexpr std::uint64_t bit(unsigned seat) noexcept { return std::uint64_t{1} << seat; }
  void announce(unsigned seat, phase p) noexcept {
    auto n = news_.load(P::template order<site::crowd_peek>);
    while (!news_.compare_exchange_weak(n, crowd_view::after(n, seat, p), P::template order<site::crowd_news>,
                                        P::template order<site::crowd_peek>)) {
    }
  }

  typename P::template atomic<std::uint64_t> asleep_;  // a bit for each sleeping seat
  typename P::template atomic<std::uint32_t> news_;
  typename P::template atomic<std::uint32_t> told_;
  alignas(line_bytes) role<P> seats_[most];
  typename P::template atomic<std::uint32_t> announced_[most];  // the session of each seat whose end made news
};
static_assert(crowd<>::most == 1u << crowd_view::seat_bits);

}  // namespace sluice

#endif
