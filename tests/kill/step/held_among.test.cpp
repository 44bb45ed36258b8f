// SPDX-License-Identifier: MIT
#include "held_among.hpp"
#include "rings.hpp"

using namespace kill_rig;

// Healers held still where a role has several holders; held.test.cpp has those of rings of one and one.

namespace {

/// Ends over memory whose healers ask the kernel only once: who lives when they take the lock is not asked again.
struct hasty_memory : sluice::native_memory {};

template <class Rig>
struct hasty : Rig {
  template <class Item>
  struct ends {
    using shared = sluice::detail::shared_ends<Item, typename Rig::kind, hasty_memory>;
    using sink = typename shared::sink;
    using source = typename shared::source;
  };
};
template <>
struct hasty<rig::bytes_mpsc> : rig::bytes_mpsc {
  template <class Item>
  struct ends {
    using shared = sluice::detail::shared_bytes<kind, hasty_memory>;
    using sink = rig::bytes::sink<Item, typename shared::sink>;
    using source = rig::bytes::source<Item, typename shared::source>;
  };
};

/// A healer of a broadcast that looks who reads, and then stores who does but for the dead one.
struct forgets_joiners {};

}  // namespace

template <>
struct sluice::ring_kind<forgets_joiners> : sluice::ring_kind<sluice::broadcast> {
  template <class T, class P, class Ring>
  static recovery heal(const broadcast_ring<T, P>& r, unsigned slot, Ring&& ring) noexcept {
    auto& active = r.shared().active;
    active.store(active.load() & ~(std::uint64_t{1} << slot));
    r.shared().hall.heal(slot, ring);
    r.shared().hall.producer.doorstep().wake(ring);
    return {.peers = 1};
  }
};

namespace {

struct forgets_joiners_rig : rig::broadcast {
  using kind = forgets_joiners;
};

}  // namespace

template <>
template <class Heal>
bool sluice::membership<hasty_memory>::heal_now(unsigned slot, Heal& heal) noexcept {
  if (alive(slot) || !begin_heal(slot)) return false;
  if (in_use(slot)) {
    heal(*this, slot);
    record(slot).incarnation.fetch_add(1);
  }
  end_heal(slot);
  return true;
}

namespace {

/// The ci tier takes some of the deaths, each with all places of its healer. Of a planted fault one find is enough.
constexpr extent sample{.one_of = full ? 1 : brief ? 83 : 17}, search{.until_found = true};

template <class Rig>
void goes_red(const char* what) {
  const held_totals sum = hold_all_healers<world<Rig, item>>(search);
  std::printf("planted, %s of %s: the %lu. was bad: %s\n", what, Rig::name, sum.held, sum.first_fault.c_str());
  CHECK(sum.faults > 0);
}

}  // namespace

TEMPLATE_TEST_CASE("a healer that stops in the middle does no harm to those who go on around it", "", SLUICE_HELD_RINGS(),
                   SLUICE_AUDIENCE_RINGS()) {
  require_stepping();
  const held_totals sum = hold_all_healers<world<TestType, item>>(sample);
  std::printf("%s: healers held among others %lu times, a newcomer had to wait %lu times, %lu bad\n", TestType::name, sum.held,
              sum.kept_out, sum.faults);
  INFO(sum.first_fault);
  CHECK(sum.faults == 0);
  CHECK(sum.held > 0);
  CHECK(sum.kept_out < sum.held);
}

TEMPLATE_TEST_CASE("a healer that asks only once who lives robs a newcomer, and is found out", "", SLUICE_HELD_RINGS(),
                   SLUICE_AUDIENCE_RINGS()) {
  require_stepping();
  goes_red<hasty<TestType>>("a healer that asks only once,");
}

TEST_CASE("a healer that forgets who has come while it looked is found out") {
  require_stepping();
  goes_red<forgets_joiners_rig>("a healer that stores what it had loaded,");
}
