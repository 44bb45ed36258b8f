// SPDX-License-Identifier: MIT
#include "../rig/spsc.hpp"
#include "../ring/spsc_box.hpp"
#include "exact_memory.hpp"
#include "hostile_memory.hpp"

#include <sluice/channel/channel.hpp>

// Every load of a shared word and every byte of a message may be a lie. Whatever they say: a documented error or a
// success, no access outside the ring (the ring has exactly its bytes, under an address sanitizer), a bounded number of
// loads, and a private state that goes on exactly as if the peer had been honest.

namespace {

using sluice::errc;
using sluice::error;

constexpr std::size_t most = 12;  // messages in a batch

constexpr auto wake = [](auto& door, std::uint32_t kinds) {
  FUZZ_REQUIRE((kinds & ~std::uint32_t{3}) == 0 && kinds != 0);
  (void)door;
};

template <class Rig, class T, class P>
class session {
  using kind = sluice::ring_kind<typename Rig::kind>;
  using ring = typename kind::template ring<T, P>;
  using word = typename P::word;

 public:
  explicit session(fuzz::input& in)
      : in_(in),
        capacity_(in.below(3) == 0 ? in.below(200) + 1u : in.below(9) + 1u),
        memory_(ring::bytes_for(capacity_)),
        ring_(memory_.at, capacity_, in.flag()) {
    constexpr word last = Rig::template last_lap<ring>;
    const word laps[] = {0, 1, last - 1, last};
    lap_ = laps[in.below(4)];
    Rig::start_at(ring_, lap_);
    FUZZ_REQUIRE(p_.attach(ring_) && c_.attach(ring_));
    p_.mine().begin();
    c_.mine().begin();
  }
  void run() {
    P::adversary = &in_;
    for (unsigned step = 0; step < 200 && !in_.empty(); ++step) {
      P::loads = 0;
      bound_ = Rig::loads;
      one();
      FUZZ_REQUIRE(P::loads <= bound_);
    }
    P::adversary = nullptr;
  }

 private:
  void one() {
    switch (in_.below(14)) {
      case 0:
      case 1: pushed(1, p_.try_push(T::make(sent_), wake).err()); break;
      case 2: push_batch(); break;
      case 3: claim(); break;
      case 4:
        if (slot_ == nullptr) break;
        if (in_.flag()) p_.commit(wake), sent_ += 1;
        else p_.abandon(wake);
        slot_ = nullptr;
        check_pushed();
        break;
      case 5:
      case 6: popped(1, c_.try_pop(wake).err()); break;
      case 7: pop_batch(); break;
      case 8: borrow(); break;
      case 9:
        if (loan_ == nullptr) break;
        (void)*loan_;
        if (in_.flag()) c_.consume_loan(wake), taken_ += 1;
        else c_.keep_loan(wake);
        loan_ = nullptr;
        check_popped();
        break;
      case 10:
        bound_ += Rig::loads_in_walk * capacity_;
        FUZZ_REQUIRE(ring_.approx_size() <= capacity_);
        break;
      case 11: attach(); break;
      case 12: roles(); break;
      default: doors(); break;
    }
  }
  void push_batch() {
    T some[most];
    const std::size_t n = in_.below(most) + 1;
    for (std::size_t i = 0; i < n; ++i) some[i] = T::make(sent_ + i);
    bound_ += Rig::loads_in_batch * n;
    const auto done = p_.try_push(std::span<const T>(some, n), wake);
    FUZZ_REQUIRE(!done || (*done >= 1 && *done <= n));
    pushed(done ? *done : 0, done.err());
  }
  void pop_batch() {
    T to[most];
    const std::size_t n = in_.below(most) + 1;
    bound_ += Rig::loads_in_batch * n;
    const auto done = c_.try_pop(std::span<T>(to, n), wake);
    FUZZ_REQUIRE(!done || (*done >= 1 && *done <= n));
    popped(done ? *done : 0, done.err());
  }
  void claim() {
    const auto place = p_.try_claim();
    if (place) ::new (static_cast<void*>(*place)) T(T::make(sent_));
    const bool had = slot_ != nullptr;
    FUZZ_REQUIRE((place.err() == errc::busy) == had);
    if (place) slot_ = *place;
    else FUZZ_REQUIRE(push_error(place.err()));
  }
  void borrow() {
    const auto item = c_.try_borrow();
    FUZZ_REQUIRE((item.err() == errc::busy) == (loan_ != nullptr));
    if (item) loan_ = *item;
    else FUZZ_REQUIRE(pop_error(item.err()));
  }
  // Both may be refused, and then stay as they were. An accepted lie moves the cursor, so the model gives it up.
  void attach() {
    bound_ += Rig::loads_in_walk * capacity_;
    if (in_.flag()) {
      if (slot_ != nullptr) p_.abandon(wake), slot_ = nullptr;
      const auto s = p_.attach(ring_);
      FUZZ_REQUIRE(s || s.err() == errc::corrupt);
      if (s) sent_known_ = false;
    } else {
      if (loan_ != nullptr) c_.keep_loan(wake), loan_ = nullptr;
      const auto s = c_.attach(ring_);
      FUZZ_REQUIRE(s || s.err() == errc::corrupt);
      if (s) taken_known_ = false;
    }
  }
  void roles() {
    auto& r = in_.flag() ? p_.mine() : c_.mine();
    if (in_.flag()) r.begin();
    else r.end(static_cast<sluice::phase>(in_.below(8)));
  }
  void doors() {
    auto& door = (in_.flag() ? p_.mine() : c_.mine()).doorstep();
    switch (in_.below(3)) {
      case 0: FUZZ_REQUIRE((door.arm(1) & 1u) != 0); break;
      case 1: door.disarm(); break;
      default: FUZZ_REQUIRE((door.signal() & ~3u) == 0); break;
    }
  }

  static bool push_error(error e) {
    return e == errc::full || e == errc::closed || e == errc::peer_died || e == errc::busy || e == errc::corrupt;
  }
  static bool pop_error(error e) {
    return e == errc::empty || e == errc::closed || e == errc::peer_died || e == errc::busy || e == errc::corrupt;
  }
  void pushed(std::size_t n, error e) {
    FUZZ_REQUIRE((e == errc::busy) == (slot_ != nullptr));
    FUZZ_REQUIRE(!e || push_error(e));
    if (!e) sent_ += n;
    check_pushed();
  }
  void popped(std::size_t n, error e) {
    FUZZ_REQUIRE((e == errc::busy) == (loan_ != nullptr));
    FUZZ_REQUIRE(!e || pop_error(e));
    if (!e) taken_ += n;
    check_popped();
  }
  // What the memory must say after so many messages, if no lie has got into the private cursors.
  void check_pushed() const {
    if (sent_known_) FUZZ_REQUIRE(Rig::shows_pushed(ring_, lap_, sent_, truth));
  }
  void check_popped() const {
    if (taken_known_) FUZZ_REQUIRE(Rig::shows_popped(ring_, lap_, taken_, truth));
  }
  static constexpr auto truth = [](const auto& shared_word) { return shared_word.truth(); };

  fuzz::input& in_;
  std::size_t capacity_;
  fuzz::exact_memory memory_;
  ring ring_;
  word lap_ = 0;
  typename kind::template producer<T, P> p_;
  typename kind::template consumer<T, P> c_;
  T* slot_ = nullptr;
  const T* loan_ = nullptr;
  std::uint64_t sent_ = 0, taken_ = 0, bound_ = 0;
  bool sent_known_ = true, taken_known_ = true;
};

// The same lies below the blocking verbs, which arm, fence, sleep and look again: they end at their deadline.
template <class Rig, class T, class P>
void wait(fuzz::input& in) {
  using namespace std::chrono_literals;
  auto [tx, rx] = sluice::channel<T, typename Rig::kind, P>(in.below(9) + 1, {.wait = static_cast<sluice::wait_strategy>(in.below(3))});
  P::adversary = &in;
  const auto fits = [](error e) {
    return !e || e == errc::timeout || e == errc::closed || e == errc::peer_died || e == errc::corrupt;
  };
  const auto before = sluice::detail::monotonic_ns();
  for (int i = 0; i < 8 && !in.empty(); ++i) {
    switch (in.below(4)) {
      case 0: FUZZ_REQUIRE(fits(tx.push(T::make(1), 20us).err())); break;
      case 1: FUZZ_REQUIRE(fits(rx.pop(20us).err())); break;
      case 2: FUZZ_REQUIRE(fits(tx.claim(20us).err())); break;
      default: FUZZ_REQUIRE(fits(rx.borrow(20us).err())); break;
    }
  }
  FUZZ_REQUIRE(sluice::detail::monotonic_ns() - before < 5'000'000'000);
  P::adversary = nullptr;
}

template <class Rig, class T, class P>
void run(fuzz::input& in) {
  if (in.below(32) == 31) wait<Rig, T, P>(in);
  else session<Rig, T, P>(in).run();
}

template <class Rig>
void some_ring(fuzz::input& in) {
  using wide = fuzz::hostile_memory<std::uint64_t>;
  using narrow = fuzz::hostile_memory<std::uint32_t>;
  switch (in.below(5)) {
    case 0: run<Rig, spsc_test::item<8, 8>, wide>(in); break;
    case 1: run<Rig, spsc_test::item<72, 8>, wide>(in); break;
    case 2: run<Rig, spsc_test::item<1>, wide>(in); break;
    case 3: run<Rig, spsc_test::item<8, 4>, narrow>(in); break;
    default: run<Rig, spsc_test::item<100, 4>, narrow>(in); break;
  }
  wide::adversary = nullptr;
  narrow::adversary = nullptr;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  some_ring<rig::spsc>(in);
  return 0;
}
