// SPDX-License-Identifier: MIT
#include "exact_memory.hpp"
#include "hostile_memory.hpp"

#include <sluice/channel/bytes.hpp>
#include <sluice/channel/bytes_crowd.hpp>

#include <vector>

// The ring of messages of any length, over memory of which every load may be a lie, sizes and positions of messages too.
// Whatever it says: a documented error or a message or place that lies inside the ring, whole (each of its bytes is touched,
// under an address sanitizer), and a bounded number of loads in each operation.

namespace {

using sluice::errc;
using sluice::error;

constexpr auto wake = [](auto& door, std::uint32_t kinds) {
  FUZZ_REQUIRE((kinds & ~std::uint32_t{3}) == 0 && kinds != 0);
  (void)door;
};

template <class P>
class session {
  using ring = sluice::bytes_ring<P>;

 public:
  explicit session(fuzz::input& in)
      : in_(in), capacity_(in.below(4) == 0 ? in.below(200) * 64u + 1u : in.below(10) * 64u + 1u), memory_(ring::bytes_for(capacity_)),
        ring_(memory_.at, capacity_, in.flag()) {
    FUZZ_REQUIRE(p_.attach(ring_) && c_.attach(ring_));
    p_.mine().begin(), c_.mine().begin();
  }
  void run() {
    P::adversary = &in_;
    for (unsigned step = 0; step < 200 && !in_.empty(); ++step) {
      P::loads = 0;
      one();
      FUZZ_REQUIRE(P::loads <= 24 + walks_ * (ring_.granules() + 4));
      walks_ = 0;
    }
    P::adversary = nullptr;
  }

 private:
  static bool push_error(error e) {
    return !e || e == errc::full || e == errc::too_big || e == errc::closed || e == errc::peer_died || e == errc::corrupt;
  }
  static bool pop_error(error e) {
    return !e || e == errc::empty || e == errc::too_big || e == errc::closed || e == errc::peer_died || e == errc::corrupt;
  }
  // Of a message: up to a little more than the whole ring.
  std::size_t some_size() {
    const unsigned granules = in_.below(static_cast<unsigned>(ring_.granules() < 200 ? ring_.granules() + 2 : 202));
    return granules * 64u - (granules == 0 ? 0 : in_.below(64));
  }
  void one() {
    switch (in_.below(12)) {
      case 0:
      case 1: {
        const std::vector<std::byte> message(some_size());
        const error e = p_.try_push(message, wake).err();
        FUZZ_REQUIRE(slot_.data() != nullptr ? e == errc::busy || e == errc::too_big : push_error(e));
        FUZZ_REQUIRE((message.size() > ring_.capacity()) <= static_cast<bool>(e));
        break;
      }
      case 2: {
        const std::size_t n = some_size();
        const auto place = p_.try_claim(n);
        FUZZ_REQUIRE(slot_.data() != nullptr ? static_cast<bool>(place.err()) : push_error(place.err()));
        if (!place) break;
        slot_ = *place;
        FUZZ_REQUIRE(slot_.size() == n);
        if (n != 0) std::memset(slot_.data(), 1, n);
        break;
      }
      case 3:
      case 4:
        if (std::exchange(slot_, {}).data() == nullptr) break;
        if (in_.flag()) p_.commit(0, wake);
        else p_.abandon(wake);
        break;
      case 5:
      case 6: {
        std::vector<std::byte> to(some_size());
        const auto n = c_.try_pop(to, wake);
        FUZZ_REQUIRE(loan_.data() != nullptr ? n.err() == errc::busy : pop_error(n.err()));
        FUZZ_REQUIRE(!n || *n <= to.size());
        break;
      }
      case 7: {
        const auto message = c_.try_borrow(wake);
        FUZZ_REQUIRE(loan_.data() != nullptr ? message.err() == errc::busy : pop_error(message.err()));
        if (!message) break;
        loan_ = *message;
        FUZZ_REQUIRE(loan_.size() <= ring_.capacity());
        const std::vector<std::byte> copy(loan_.begin(), loan_.end());
        break;
      }
      case 8:
        if (std::exchange(loan_, {}).data() == nullptr) break;
        if (in_.flag()) c_.consume_loan(wake);
        else c_.keep_loan(wake);
        break;
      case 9:
        walks_ = 1;
        FUZZ_REQUIRE(ring_.approx_size() <= ring_.granules() + 2);
        break;
      case 10: attach(); break;
      default: {
        auto& r = in_.flag() ? p_.mine() : c_.mine();
        if (in_.flag()) r.begin();
        else r.end(static_cast<sluice::phase>(in_.below(8)));
        break;
      }
    }
  }
  // Both may be refused, and then stay as they were.
  void attach() {
    walks_ = 1;
    error e;
    if (in_.flag()) {
      if (std::exchange(slot_, {}).data() != nullptr) p_.abandon(wake);
      e = p_.attach(ring_).err();
    } else {
      if (std::exchange(loan_, {}).data() != nullptr) c_.keep_loan(wake);
      e = c_.attach(ring_).err();
    }
    FUZZ_REQUIRE(!e || e == errc::corrupt);
  }

  fuzz::input& in_;
  std::size_t capacity_;
  fuzz::exact_memory memory_;
  ring ring_;
  sluice::bytes_producer<P> p_;
  sluice::bytes_consumer<P> c_;
  std::span<std::byte> slot_;
  std::span<const std::byte> loan_;
  std::uint64_t walks_ = 0;
};

/// The same with two producers: lies about the tail and the claims of others, healing of any slot, and the gates of crowds.
template <class P>
class crowd_session {
  using kind = sluice::ring_kind<sluice::bytes_of<sluice::mpsc>>;
  using ring = sluice::bytes_crowd_ring<P>;
  static constexpr unsigned producers = 2;

 public:
  explicit crowd_session(fuzz::input& in)
      : in_(in), capacity_(in.below(4) == 0 ? in.below(200) * 64u + 1u : in.below(10) * 64u + 1u), memory_(ring::bytes_for(capacity_)),
        ring_(memory_.at, capacity_, in.flag()) {
    for (unsigned k = 0; k < producers; ++k) FUZZ_REQUIRE(p_[k].attach(ring_, k + 1)), p_[k].begin();
    FUZZ_REQUIRE(c_.attach(ring_, 0));
    c_.begin();
  }
  void run() {
    P::adversary = &in_;
    const std::uint64_t granules = ring_.granules(), crowds = 4 * 2 * sluice::crowd<P>::most;
    for (unsigned step = 0; step < 200 && !in_.empty(); ++step) {
      P::loads = 0;
      one(in_.below(producers));
      // So many tries, each a few loads and perhaps a walk over the ring; a sweep, and a walk over the crowds now and then.
      FUZZ_REQUIRE(P::loads <= (256 + granules) * (granules + 10) + (2 * granules + 4) * (6 + crowds) + 2000);
    }
    P::adversary = nullptr;
  }

 private:
  static bool push_error(error e) {
    return !e || e == errc::full || e == errc::pending || e == errc::too_big || e == errc::closed || e == errc::peer_died ||
           e == errc::corrupt;
  }
  static bool pop_error(error e) {
    return !e || e == errc::empty || e == errc::pending || e == errc::too_big || e == errc::closed || e == errc::peer_died ||
           e == errc::corrupt;
  }
  std::size_t some_size() {
    const unsigned granules = in_.below(static_cast<unsigned>(ring_.granules() < 200 ? ring_.granules() + 2 : 202));
    return granules * 64u - (granules == 0 ? 0 : in_.below(64));
  }
  void one(unsigned i) {
    auto& p = p_[i];
    auto& slot = slot_[i];
    switch (in_.below(13)) {
      case 0:
      case 1: {
        const std::vector<std::byte> message(some_size());
        const error e = p.try_push(message, wake).err();
        FUZZ_REQUIRE(slot.data() != nullptr ? e == errc::busy : push_error(e));
        FUZZ_REQUIRE((message.size() > ring_.capacity()) <= static_cast<bool>(e));
        break;
      }
      case 2: {
        const std::size_t n = some_size();
        const auto place = p.try_claim(n);
        FUZZ_REQUIRE(slot.data() != nullptr ? place.err() == errc::busy : push_error(place.err()));
        if (!place) break;
        slot = *place;
        FUZZ_REQUIRE(slot.size() == n);
        if (n != 0) std::memset(slot.data(), 1, n);
        break;
      }
      case 3:
      case 4: {
        const auto place = std::exchange(slot, {});
        if (place.data() == nullptr) break;
        if (in_.flag()) p.abandon(wake);
        else p.commit(place.size() - in_.below(static_cast<unsigned>(place.size()) + 1), wake);  // shrinks, or does not
        break;
      }
      case 5:
      case 6: {
        std::vector<std::byte> to(some_size());
        const auto n = c_.try_pop(to, wake);
        FUZZ_REQUIRE(loan_.data() != nullptr ? n.err() == errc::busy : pop_error(n.err()));
        FUZZ_REQUIRE(!n || *n <= to.size());
        break;
      }
      case 7: {
        const auto message = c_.try_borrow(wake);
        FUZZ_REQUIRE(loan_.data() != nullptr ? message.err() == errc::busy : pop_error(message.err()));
        if (!message) break;
        loan_ = *message;
        FUZZ_REQUIRE(loan_.size() <= ring_.capacity());
        const std::vector<std::byte> copy(loan_.begin(), loan_.end());
        break;
      }
      case 8:
        if (std::exchange(loan_, {}).data() == nullptr) break;
        if (in_.flag()) c_.consume_loan(wake);
        else c_.keep_loan(wake);
        break;
      case 9: FUZZ_REQUIRE(ring_.approx_size() <= ring_.granules() + 2); break;
      case 10: (void)kind::heal(ring_, in_.below(sluice::crowd<P>::most), wake); break;
      case 11:
        if (in_.flag()) p.end(static_cast<sluice::phase>(2 + in_.below(3)), wake), slot = {}, attach(p, i + 1);
        else c_.end(static_cast<sluice::phase>(2 + in_.below(3)), wake), loan_ = {}, attach(c_, 0);
        break;
      default:
        if (in_.flag()) (void)p.arm(), p.disarm(wake);
        else (void)c_.arm(), c_.disarm(wake);
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
      std::memset(static_cast<void*>(memory_.at), 0, ring::bytes_for(capacity_));
      FUZZ_REQUIRE(side.attach(ring_, seat));
      P::adversary = liar;
    }
    side.begin();
  }

  fuzz::input& in_;
  std::size_t capacity_;
  fuzz::exact_memory memory_;
  ring ring_;
  sluice::bytes_crowd_producer<P> p_[producers];
  sluice::bytes_crowd_consumer<P> c_;
  std::span<std::byte> slot_[producers];
  std::span<const std::byte> loan_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using wide = fuzz::hostile_memory<std::uint64_t>;
  using narrow = fuzz::hostile_memory<std::uint32_t>;
  fuzz::input in(data, size);
  switch (in.below(6)) {
    case 0:
    case 3: session<narrow>(in).run(); break;
    case 1: crowd_session<wide>(in).run(); break;
    case 2: crowd_session<narrow>(in).run(); break;
    default: session<wide>(in).run(); break;
  }
  wide::adversary = nullptr, narrow::adversary = nullptr;
  return 0;
}
