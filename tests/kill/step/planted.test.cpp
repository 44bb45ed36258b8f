// SPDX-License-Identifier: MIT
#include "rings.hpp"

using namespace kill_rig;

// Positive controls with the rings themselves: each with one fault planted in it, of which the rig must complain.

namespace planted {

struct frees_claims {};     // a healer that frees a dead producer's place, and leaves no tomb
struct robs_the_living {};  // a healer that takes every place that is out for the dead one's
struct holds_for_ever {};   // a healer of a broadcast that lets the dead reader hold the producer
struct cuts_short {};       // a healer of bytes that gives back one granule of a dead producer's claim, as if it knew no lengths
struct too_early {};        // a producer of the latest value that names it before it is written

template <class T, class P>
class hasty_producer : public sluice::latest_producer<T, P> {
 public:
  template <class U, class Ring>
  sluice::status try_push(U&& value, Ring&& ring) {
    auto& newest = this->ring().shared().newest;
    const auto n = newest.load() + 1;
    auto& b = this->ring().buffer_of(n);
    b.stamp.store(n);
    newest.store(n);
    b.item.store(value);
    this->wake_readers(ring);
    return {};
  }
};

// What to do to the claims of the dead, or of all, before the rest is healed.
template <class T, class P, class Visit>
void each_claim(const sluice::ordered_ring<T, P>& r, Visit visit) {
  using ring = sluice::ordered_ring<T, P>;
  typename ring::word tail = 0;
  if (!r.load(r.order().tail, tail)) return;
  r.template settle<sluice::cell_state::vacant, sluice::cell_state::claimed>(tail);
  for (unsigned k = 0; k < r.capacity(); ++k)
    if (auto& w = r.cells()[k].word; ring::state_of(w.load()) == sluice::cell_state::claimed) visit(w, w.load());
}

}  // namespace planted

template <>
struct sluice::ring_kind<planted::frees_claims> : sluice::ring_kind<sluice::mpmc> {
  template <class T, class P, class Ring>
  static recovery heal(const ordered_ring<T, P>& r, unsigned slot, Ring&& ring, orphans after_death) noexcept {
    using words = ordered_ring<T, P>;
    planted::each_claim(r, [&](auto& word, auto w) {
      if (words::owner_of(w) == slot + 1) word.store(words::cell_word(r.lap_of(w) + r.one_lap(), cell_state::vacant));
    });
    return ring_kind<mpmc>::heal(r, slot, ring, after_death);
  }
};
template <>
struct sluice::ring_kind<planted::robs_the_living> : sluice::ring_kind<sluice::mpmc> {
  template <class T, class P, class Ring>
  static recovery heal(const ordered_ring<T, P>& r, unsigned slot, Ring&& ring, orphans after_death) noexcept {
    using words = ordered_ring<T, P>;
    planted::each_claim(r, [&](auto& word, auto w) { word.store(words::cell_word(r.lap_of(w), cell_state::tomb)); });
    return ring_kind<mpmc>::heal(r, slot, ring, after_death);
  }
};
template <>
struct sluice::ring_kind<planted::holds_for_ever> : sluice::ring_kind<sluice::broadcast> {
  template <class T, class P, class Ring>
  static recovery heal(const broadcast_ring<T, P>& r, unsigned slot, Ring&& ring) noexcept {
    return detail::audience_kind<region_kind::broadcast, true>::heal(r, slot, ring);
  }
};
template <>
struct sluice::ring_kind<planted::cuts_short> : sluice::ring_kind<sluice::bytes_of<sluice::mpsc>> {
  template <class P, class Ring>
  static recovery heal(const bytes_crowd_ring<P>& r, unsigned slot, Ring&& ring) noexcept {
    using words = bytes_crowd_ring<P>;
    for (unsigned k = 0; k < r.granules(); ++k)
      if (const auto w = r.at(k).load(); words::state_of(w) == words::state::claimed && r.read(w, w & ~(r.one_lap() - 1)).owner == slot)
        r.at(k).store(words::frame_word(r.lap_of(w), 1, words::state::skip));
    return ring_kind<bytes_of<mpsc>>::heal(r, slot, ring);
  }
};
template <>
struct sluice::ring_kind<planted::too_early> : sluice::ring_kind<sluice::latest> {
  template <class T, class P>
  using producer = planted::hasty_producer<T, P>;
};

namespace {

struct frees_claims : rig::mpmc {
  using kind = planted::frees_claims;
};
struct robs_the_living : rig::mpmc {
  using kind = planted::robs_the_living;
};
struct holds_for_ever : rig::broadcast {
  using kind = planted::holds_for_ever;
};
struct cuts_short : rig::bytes_mpsc {
  using kind = planted::cuts_short;
  template <class Item>
  struct ends {
    using shared = sluice::detail::shared_bytes<kind, sluice::native_memory>;
    using sink = rig::bytes::sink<Item, typename shared::sink>;
    using source = rig::bytes::source<Item, typename shared::source>;
  };
};
struct too_early : rig::latest {
  using kind = planted::too_early;
};

template <class Rig, class Item = item>
void goes_red(const char* what, const operation<world<Rig, Item>>& op, beside fellow, side role, const char* complaint) {
  scene<world<Rig, Item>> s{&op, {}, 1, 2};
  s.fellow = fellow, s.fellows_role = role;
  const findings f = campaign<world<Rig, Item>>(s).run(thoroughness::each_state);
  std::printf("planted, %s: %lu of %lu kills bad: %s\n", what, f.faults, f.kills, f.first_fault.c_str());
  CHECK(f.kills > 0);
  CHECK(f.faults > 0);
  INFO(f.first_fault);
  CHECK(f.first_fault.find(complaint) != std::string::npos);  // and of nothing else
}

}  // namespace

TEST_CASE("a fault planted in a healer, or in what is published, is found out") {
  require_stepping();
  goes_red<frees_claims>("a healer frees a place", operations<world<frees_claims, item>>::pushing, beside::idle, side::producer, "lost");
  goes_red<robs_the_living>("a healer robs the living", operations<world<robs_the_living, item>>::pushing, beside::finishes, side::producer, "lost");
  goes_red<holds_for_ever>("a dead reader holds on", operations<world<holds_for_ever, item>>::popping, beside::idle, side::consumer,
                           "room before a reader that lives");
  goes_red<cuts_short, wide_item>("a healer cuts a claim short", operations<world<cuts_short, wide_item>>::pushing, beside::finishes,
                                  side::producer, "more than the capacity");
  goes_red<too_early>("named before it is written", operations<world<too_early, item>>::pushing, beside::idle, side::consumer, "torn");
}
