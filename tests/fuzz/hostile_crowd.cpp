// SPDX-License-Identifier: MIT
#include "../ring/spsc_box.hpp"
#include "exact_memory.hpp"
#include "hostile_memory.hpp"

#include <sluice/channel/channel.hpp>
#include <sluice/channel/crowds.hpp>

// The ordered ring with several ends, over memory of which every load may be a lie. Whatever it says: a documented error or
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
  static constexpr unsigned each = 2;
  static constexpr std::size_t most = 8;

 public:
  explicit session(fuzz::input& in)
      : in_(in), capacity_(in.below(3) == 0 ? in.below(200) + 1u : in.below(9) + 1u), memory_(ring::bytes_for(capacity_)),
        ring_(memory_.at, capacity_, in.flag()) {
    for (unsigned k = 0; k < each; ++k) {
      FUZZ_REQUIRE(p_[k].attach(ring_, k) && c_[k].attach(ring_, each + k));
      p_[k].begin(), c_[k].begin();
    }
  }
  void run() {
    P::adversary = &in_;
    for (unsigned step = 0; step < 200 && !in_.empty(); ++step) {
      P::loads = 0;
      one(in_.below(each));
      // So many tries, each a few loads and perhaps a walk back over the ring; a walk over the crowds; a walk over the ring.
      const std::uint64_t tries = 256 + capacity_;
      FUZZ_REQUIRE(P::loads <= tries * (8 + most + capacity_) + 8 * capacity_ + 2000);
    }
    P::adversary = nullptr;
  }

 private:
  static bool push_error(error e) {
    return !e || e == errc::full || e == errc::pending || e == errc::closed || e == errc::peer_died || e == errc::corrupt;
  }
  static bool pop_error(error e) {
    return !e || e == errc::empty || e == errc::pending || e == errc::closed || e == errc::peer_died || e == errc::corrupt;
  }
  void one(unsigned k) {
    auto& p = p_[k];
    auto& c = c_[k];
    T some[most];
    const std::size_t n = in_.below(most) + 1u;
    switch (in_.below(13)) {
      case 0: {
        const error e = p.try_push(T::make(1), wake).err();
        FUZZ_REQUIRE(slot_[k] ? e == errc::busy : push_error(e));
        break;
      }
      case 1: {
        for (std::size_t i = 0; i < n; ++i) some[i] = T::make(i);
        const auto done = p.try_push(std::span<const T>(some, n), wake);
        FUZZ_REQUIRE(slot_[k] ? done.err() == errc::busy : push_error(done.err()));
        FUZZ_REQUIRE(!done || (*done >= 1 && *done <= n && *done <= capacity_));
        break;
      }
      case 2: {
        const auto place = p.try_claim();
        FUZZ_REQUIRE(slot_[k] ? place.err() == errc::busy : push_error(place.err()));
        if (place) ::new (static_cast<void*>(*place)) T(T::make(2)), slot_[k] = true;
        break;
      }
      case 3:
        if (!std::exchange(slot_[k], false)) break;
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
        FUZZ_REQUIRE(!done || (*done >= 1 && *done <= n && *done <= capacity_));
        break;
      }
      case 6: {
        const auto item = c.try_borrow();
        FUZZ_REQUIRE(loan_[k] ? item.err() == errc::busy : pop_error(item.err()));
        if (item) (void)**item, loan_[k] = true;
        break;
      }
      case 7:
        if (!std::exchange(loan_[k], false)) break;
        if (in_.flag()) c.consume_loan(wake);
        else c.keep_loan(wake);
        break;
      case 8: FUZZ_REQUIRE(ring_.approx_size() <= capacity_); break;
      case 9: (void)kind::heal(ring_, in_.below(64), wake); break;
      case 10:
        p.end(static_cast<sluice::phase>(2 + in_.below(3)), wake), slot_[k] = false;
        attach(p, k);
        break;
      case 11:
        c.end(static_cast<sluice::phase>(2 + in_.below(3)), wake), loan_[k] = false;
        attach(c, each + k);
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
    const auto s = side.attach(ring_, seat);
    FUZZ_REQUIRE(s || s.err() == errc::corrupt);
    if (!s) {
      auto* const liar = std::exchange(P::adversary, nullptr);
      ring_.shared().tail.store(0), ring_.shared().head.store(0);
      FUZZ_REQUIRE(side.attach(ring_, seat));
      P::adversary = liar;
    }
    side.begin();
  }

  fuzz::input& in_;
  std::size_t capacity_;
  fuzz::exact_memory memory_;
  ring ring_;
  typename kind::template producer<T, P> p_[each];
  typename kind::template consumer<T, P> c_[each];
  bool slot_[each] = {}, loan_[each] = {};
};

// The same lies below the blocking verbs, which arm, fence, sleep and look again: they end at their deadline.
template <class T>
void wait(fuzz::input& in) {
  using namespace std::chrono_literals;
  auto [tx, rx] = sluice::channel<T, sluice::mpmc, P>(in.below(9) + 1u, {.wait = static_cast<sluice::wait_strategy>(in.below(3))});
  auto more = rx.clone();
  FUZZ_REQUIRE(more);
  P::adversary = &in;
  const auto fits = [](error e) {
    return !e || e == errc::timeout || e == errc::closed || e == errc::peer_died || e == errc::corrupt;
  };
  for (int i = 0; i < 8 && !in.empty(); ++i) {
    switch (in.below(5)) {
      case 0: FUZZ_REQUIRE(fits(tx.push(T::make(1), 20us).err())); break;
      case 1: FUZZ_REQUIRE(fits(rx.pop(20us).err())); break;
      case 2: FUZZ_REQUIRE(fits(tx.claim(20us).err())); break;
      case 3: FUZZ_REQUIRE(fits(more->pop(20us).err())); break;
      default: FUZZ_REQUIRE(fits(rx.borrow(20us).err())); break;
    }
  }
  P::adversary = nullptr;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  using small = spsc_test::item<8, 8>;
  using large = spsc_test::item<100, 4>;
  switch (in.below(9)) {
    case 0:
    case 1: session<sluice::mpmc, small>(in).run(); break;
    case 2:
    case 3: session<sluice::mpmc, large>(in).run(); break;
    case 4: session<sluice::mpsc, small>(in).run(); break;
    case 5: session<sluice::spmc, small>(in).run(); break;
    case 6: session<sluice::mpmc, spsc_test::item<1>>(in).run(); break;
    default: in.below(8) == 0 ? wait<small>(in) : session<sluice::mpmc, small>(in).run(); break;
  }
  P::adversary = nullptr;
  return 0;
}
