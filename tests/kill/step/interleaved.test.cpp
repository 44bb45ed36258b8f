// SPDX-License-Identifier: MIT
#include "rings.hpp"

using namespace kill_rig;

// A healer and a joiner of the same slot, each held at every place of its way: the joiner goes as far as j, the healer as
// far as i, then the joiner to its end and the healer to its own. Whoever of them was first, the joiner must be alive and
// well afterwards. In the ci tier a sample of the pairs.

namespace {

struct interleaved_totals {
  unsigned long pairs = 0, kept_out = 0, faults = 0;
  std::string first_fault;
};

template <class World>
class joiner_and_healer {
 public:
  using item = typename World::sink::value_type;

  explicit joiner_and_healer(const scene<World>& s)
      : healing_(s), joiner_([this] { return join_and_use(); }) {}

  /// The states of each on its own.
  std::vector<place> joiners_places() {
    (void)joiner_.run_to_mark();
    return step_through(joiner_, path(), stride::call).places;
  }
  std::string run(const place& joiner_at, const place& healer_at, interleaved_totals& sum) {
    if (!healing_.ready() || !joiner_.run_to_mark()) return "the scene could not be set up";
    tracee& healer = healing_.victim();
    (void)bring_to(joiner_, joiner_at, path(), landmark::store);
    (void)bring_to(healer, healer_at, path(), landmark::store);
    ++sum.pairs;
    bool healed = false, joined = joiner_.run_to_mark_within(0.01);
    if (!joined) {  // the healer has its lock
      ++sum.kept_out;
      healed = healing_.finish();
      joined = joiner_.run_to_mark();
    } else {
      healed = healing_.finish();
    }
    if (!healed) return "the healer did not come to its end";
    if (!joined) return "the joiner did not come to its end";
    if (!joiner_.run_to_mark()) return "the joiner could not join, or not use its end: " + std::to_string(joiner_.ended_with());
    healer.kill();
    return sees_it_alive();
  }

 private:
  const std::string& path() const { return healing_.world().path(); }
  bool joins_as_producer() const { return !healing_.what().by_producer(); }

  int join_and_use() {
    ends<World> e(healing_.world());
    mark();
    const errc opened = joins_as_producer() ? e.open_sink() : e.open_source();
    mark();
    if (opened != errc::ok) return 3;
    if (joins_as_producer() ? !e.t->push(numbered<item>(healing_.pushed()), 1s) : !e.r->pop(1s)) return 4;
    mark();
    for (;;) ::pause();
  }
  // Who comes to the other side now finds a living peer; and when that dies in its turn, it is told of this death, too. A
  // session that a healer had ended by mistake would not end again.
  std::string sees_it_alive() {
    ends<World>& mine = healing_.mine();
    if ((joins_as_producer() ? mine.open_source() : mine.open_sink()) != errc::ok) return "no new peer";
    if (sees_an_end()) return "the living joiner is taken for dead";
    if ((joins_as_producer() ? mine.r->peers() : mine.t->peers()) != 2) return "peers";
    if (test::locks_on(path()) != 2) return "locks";
    joiner_.kill();
    return sees_an_end() ? "" : "the joiner's session had ended before it died";
  }
  bool sees_an_end() {
    ends<World>& mine = healing_.mine();
    sluice::error e;
    for (int poll = 0; poll < 600 && (!e || e.again()); ++poll)
      e = joins_as_producer() ? mine.r->try_pop().err() : mine.t->try_push(numbered<item>(0)).err();
    return e && !e.again();
  }

  trial<World> healing_;
  tracee joiner_;
};

template <class World>
void interleave(interleaved_totals& sum, const scene<World>& s) {
  const auto healer = campaign<World>(s).run(thoroughness::each_state).states;
  const auto joiner = joiner_and_healer<World>(s).joiners_places();
  CHECK_FALSE(healer.empty());
  CHECK_FALSE(joiner.empty());
  const watchdog guard("a joiner and a healer");
  const std::size_t step = full ? 1 : brief ? 9 : 3;
  for (std::size_t j = 0; j < joiner.size(); j += step)
    for (const auto& at : healer) {
      guard.within(30);
      const std::string fault = joiner_and_healer<World>(s).run(joiner[j], at.first, sum);
      if (fault.empty()) continue;
      if (sum.faults++ == 0)
        sum.first_fault = std::string(s.op->name) + ", held after " + std::to_string(at.first.first) + " instructions, the joiner after " +
                          std::to_string(joiner[j].calls) + " calls: " + fault;
    }
}

}  // namespace

TEMPLATE_TEST_CASE("a healer and a joiner of the same slot may be held anywhere", "", SLUICE_ROLE_RINGS()) {
  require_stepping();
  using ops = operations<world<TestType, item>>;
  interleaved_totals sum;
  for (const bool on_file : {false, true}) {
    if (on_file && !full) continue;
    const terms channel{.on_file = on_file};
    interleave<world<TestType, item>>(sum, {&ops::healing_producer, channel, 1, 2, peer::dead});
    interleave<world<TestType, item>>(sum, {&ops::healing_consumer, channel, 1, 4, peer::dead});
  }
  std::printf("healer and joiner: %lu pairs of places, the joiner had to wait %lu times, %lu bad\n", sum.pairs, sum.kept_out, sum.faults);
  INFO(sum.first_fault);
  CHECK(sum.faults == 0);
  CHECK(sum.kept_out > 0);
  CHECK(sum.kept_out < sum.pairs);
}
