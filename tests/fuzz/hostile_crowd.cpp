// SPDX-License-Identifier: MIT
#include "../ring/spsc_box.hpp"
#include "exact_memory.hpp"
#include "hostile_memory.hpp"

#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/channel/crowds.hpp>
#include <sluice/channel/lanes.hpp>
#include <sluice/channel/priorities.hpp>

// Every ring of more than two ends, with two of them on each side that may have so many, over memory of which every load may be a lie. Whatever it says: a documented error or
// a success, no access outside the ring (which has exactly its bytes, under an address sanitizer), and a bounded number of
// loads in each operation.

namespace {

using sluice::errc;
using sluice::error;
using P = fuzz::hostile_memory<std::uint64_t>;

constexpr auto wake = [](auto& door, std::uint32_t kinds) {
  FUZZ_REQUIRE((kinds & ~std::uint32_t{3}) == 0 && kinds != 0);
  (void)door;
};

template <class Kind, class T>
class session {
  using kind = sluice::ring_kind<Kind>;
  using ring = typename kind::template ring<T, P>;
  static constexpr unsigned producers = kind::producers.single() ? 1 : 2, consumers = kind::consumers.single() ? 1 : 2;
  static constexpr unsigned priorities = [] {
    if constexpr (requires { kind::priorities; }) return kind::priorities;
    else return 0u;
  }();
  static constexpr bool ordered = std::is_base_of_v<ring, sluice::ordered_ring<T, P>> || priorities != 0;
  static constexpr bool in_lanes = std::is_same_v<Kind, sluice::lanes_of<2>>;
  static constexpr std::size_t most = 8;
  static constexpr unsigned producer_slot(unsigned k) noexcept { return kind::producers.first + k; }
  static constexpr unsigned consumer_slot(unsigned k) noexcept {
    return kind::consumers.first + (kind::consumers.first == kind::producers.first ? producers : 0) + k;
  }

 public:
  explicit session(fuzz::input& in)
      : in_(in), capacity_(in.below(3) == 0 ? in.below(200) + 1u : in.below(9) + 1u), memory_(ring::bytes_for(capacity_)),
        ring_(memory_.at, capacity_, in.flag()) {
    for (unsigned k = 0; k < producers; ++k) FUZZ_REQUIRE(p_[k].attach(ring_, producer_slot(k))), p_[k].begin();
    for (unsigned k = 0; k < consumers; ++k) FUZZ_REQUIRE(c_[k].attach(ring_, consumer_slot(k))), c_[k].begin();
  }
  void run() {
    P::adversary = &in_;
    for (unsigned step = 0; step < 200 && !in_.empty(); ++step) {
      P::loads = 0;
      const unsigned k = in_.below(2);
      one(k % producers, k % consumers);
      // A walk over the crowds, one over the ring, a few copies begun again; and of an ordered ring so many tries, each a few
      // loads, perhaps a walk back, and where the news keep changing a walk over the crowd.
      // Who looks at the rings of all priorities tries so often in each.
      const std::uint64_t tries = (ordered ? 256 + capacity_ : 0) * (priorities != 0 ? priorities * (256 + capacity_) : 1);
      FUZZ_REQUIRE(P::loads <= tries * (8 + most + 2 * capacity_ + 4 * 2 * sluice::crowd<P>::most) + 8 * capacity_ + 2000);
    }
    P::adversary = nullptr;
  }

 private:
  static bool push_error(error e) {
    if (e == errc::invalid) return priorities != 0;
    return !e || e == errc::full || e == errc::pending || e == errc::closed || e == errc::peer_died || e == errc::corrupt;
  }
  static bool pop_error(error e) {
    if (e == errc::lagged) return std::is_same_v<Kind, sluice::lossy_broadcast> && e.detail != 0;
    return !e || e == errc::empty || e == errc::pending || e == errc::closed || e == errc::peer_died || e == errc::corrupt;
  }
  // Where there are priorities, a push says one, and sometimes one that there is not.
  template <class Push>
  auto saying_which(Push push) {
    if constexpr (priorities != 0) return push(in_.below(priorities + 1));
    else return push();
  }
  void one(unsigned i, unsigned k) {
    auto& p = p_[i];
    auto& c = c_[k];
    T some[most];
    const std::size_t n = in_.below(most) + 1u;
    switch (in_.below(13)) {
      case 0: {
        const error e = saying_which([&](auto... at) { return p.try_push(T::make(1), wake, at...); }).err();
        FUZZ_REQUIRE(slot_[i] ? e == errc::busy : push_error(e));
        break;
      }
      case 1: {
        for (std::size_t m = 0; m < n; ++m) some[m] = T::make(m);
        const auto done = saying_which([&](auto... at) { return p.try_push(std::span<const T>(some, n), wake, at...); });
        FUZZ_REQUIRE(slot_[i] ? done.err() == errc::busy : push_error(done.err()));
        FUZZ_REQUIRE(!done || (*done >= 1 && *done <= n && (!ordered || *done <= capacity_)));
        break;
      }
      case 2: {
        const auto place = saying_which([&](auto... at) { return p.try_claim(at...); });
        FUZZ_REQUIRE(slot_[i] ? place.err() == errc::busy : push_error(place.err()));
        if (place) ::new (static_cast<void*>(*place)) T(T::make(2)), slot_[i] = true;
        break;
      }
      case 3:
        if (!std::exchange(slot_[i], false)) break;
        if (in_.flag()) p.commit(wake);
        else p.abandon(wake);
        break;
      case 4: {
        const error e = c.try_pop(wake).err();
        FUZZ_REQUIRE(loan_[k] ? e == errc::busy : pop_error(e));
        break;
      }
      case 5: {
        const auto done = c.try_pop(std::span<T>(some, n), wake);
        FUZZ_REQUIRE(loan_[k] ? done.err() == errc::busy : pop_error(done.err()));
        FUZZ_REQUIRE(!done || (*done >= 1 && *done <= n && (!ordered || *done <= capacity_)));
        break;
      }
      case 6: {
        const auto item = [&c] {
          if constexpr (requires { c.try_borrow(wake); }) return c.try_borrow(wake);
          else return c.try_borrow();
        }();
        FUZZ_REQUIRE(loan_[k] ? item.err() == errc::busy : pop_error(item.err()));
        if (item) (void)**item, loan_[k] = true;
        break;
      }
      case 7:
        if (!std::exchange(loan_[k], false)) break;
        if (in_.flag()) c.consume_loan(wake);
        else c.keep_loan(wake);
        break;
      case 8: FUZZ_REQUIRE(ring_.approx_size() <= capacity_ * (in_lanes ? 2u : priorities != 0 ? priorities : 1u)); break;
      case 9: (void)kind::heal(ring_, in_.below(64), wake); break;
      case 10:
        p.end(static_cast<sluice::phase>(2 + in_.below(3)), wake), slot_[i] = false;
        attach(p, producer_slot(i));
        break;
      case 11:
        c.end(static_cast<sluice::phase>(2 + in_.below(3)), wake), loan_[k] = false;
        attach(c, consumer_slot(k));
        break;
      default:
        if (in_.flag()) (void)p.arm(), p.disarm(wake);
        else (void)c.arm(), c.disarm(wake);
        break;
    }
  }
  // May be refused, and then is tried again when nobody lies.
  template <class Side>
  void attach(Side& side, unsigned seat) {
    side.detach();
    const auto s = side.attach(ring_, seat);
    FUZZ_REQUIRE(s || s.err() == errc::corrupt);
    if (!s) {
      auto* const liar = std::exchange(P::adversary, nullptr);
      std::memset(memory_.at, 0, ring::bytes_for(capacity_));
      FUZZ_REQUIRE(side.attach(ring_, seat));
      P::adversary = liar;
    }
    side.begin();
  }

  fuzz::input& in_;
  std::size_t capacity_;
  fuzz::exact_memory memory_;
  ring ring_;
  typename kind::template producer<T, P> p_[producers];
  typename kind::template consumer<T, P> c_[consumers];
  bool slot_[producers] = {}, loan_[consumers] = {};
};

// The same lies below the blocking verbs, which arm, fence, sleep and look again: they end at their deadline.
template <class Kind, class T>
void wait(fuzz::input& in) {
  using namespace std::chrono_literals;
  auto [tx, rx] = sluice::channel<T, Kind, P>(in.below(9) + 1u, {.wait = static_cast<sluice::wait_strategy>(in.below(3))});
  auto more = rx.clone();
  FUZZ_REQUIRE(more || sluice::ring_kind<Kind>::consumers.single());
  P::adversary = &in;
  const auto fits = [](error e) {
    return !e || e == errc::timeout || e == errc::lagged || e == errc::closed || e == errc::peer_died || e == errc::corrupt;
  };
  for (int i = 0; i < 8 && !in.empty(); ++i) {
    switch (in.below(5)) {
      case 0: FUZZ_REQUIRE(fits(tx.push(T::make(1), 20us).err())); break;
      case 1: FUZZ_REQUIRE(fits(rx.pop(20us).err())); break;
      case 2: FUZZ_REQUIRE(fits(tx.claim(20us).err())); break;
      case 3: FUZZ_REQUIRE(fits((more ? *more : rx).pop(20us).err())); break;
      default: FUZZ_REQUIRE(fits(rx.borrow(20us).err())); break;
    }
  }
  P::adversary = nullptr;
}

template <class Kind>
void some_items(fuzz::input& in) {
  using small = spsc_test::item<8, 8>;
  switch (in.below(8)) {
    case 0: wait<Kind, small>(in); break;
    case 1:
    case 2: session<Kind, spsc_test::item<100, 4>>(in).run(); break;
    case 3: session<Kind, spsc_test::item<1>>(in).run(); break;
    default: session<Kind, small>(in).run(); break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  switch (in.below(10)) {
    case 0: some_items<sluice::mpmc>(in); break;
    case 1: some_items<sluice::mpsc>(in); break;
    case 2: some_items<sluice::spmc>(in); break;
    case 3:
    case 4: some_items<sluice::lanes_of<2>>(in); break;
    case 5:
    case 6: some_items<sluice::broadcast>(in); break;
    case 7: some_items<sluice::lossy_broadcast>(in); break;
    case 8: some_items<sluice::latest>(in); break;
    default: some_items<sluice::priorities_of<3>>(in); break;
  }
  P::adversary = nullptr;
  return 0;
}
