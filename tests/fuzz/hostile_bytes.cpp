// SPDX-License-Identifier: MIT
#include "exact_memory.hpp"
#include "hostile_memory.hpp"

#include <sluice/channel/bytes.hpp>

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using wide = fuzz::hostile_memory<std::uint64_t>;
  using narrow = fuzz::hostile_memory<std::uint32_t>;
  fuzz::input in(data, size);
  if (in.below(3) == 0) session<narrow>(in).run();
  else session<wide>(in).run();
  wide::adversary = nullptr, narrow::adversary = nullptr;
  return 0;
}
