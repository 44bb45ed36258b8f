// SPDX-License-Identifier: MIT
#include "rings.hpp"

#include <thread>

using namespace kill_rig;

// A healer that is not killed but held still between two of its instructions, for as long as it takes the slot that it
// heals to get a new owner. When it goes on, nothing of the new owner's may suffer.

namespace {

struct held_totals {
  unsigned long held = 0, kept_out = 0, faults = 0;
  std::string first_fault;
};

template <class World>
class held_healer {
 public:
  using item = typename World::sink::value_type;

  held_healer(const scene<World>& s, const place& where) : trial_(s), where_(where) {}

  // Empty if all is well.
  std::string run(held_totals& sum) {
    if (!trial_.ready()) return "the scene could not be set up";
    (void)bring_to(trial_.victim(), where_, trial_.world().path(), landmark::store);
    if (!trial_.victim().running()) return "it has ended";

    // Somebody takes the dead one's role. If the healer holds its lock, that waits until the healer goes on.
    std::atomic<bool> open{false};
    errc opened = errc::ok;
    std::thread owner([&] {
      opened = heals_producer() ? mine().open_sink() : mine().open_source();
      open = true;
    });
    const bool in = test::eventually([&] { return open.load(); }, 0.02);
    ++sum.held, sum.kept_out += in ? 0u : 1u;
    u64 pushed = trial_.pushed(), taken = trial_.taken();
    if (in && opened == errc::ok) use(pushed, taken);
    const bool finished = trial_.finish();
    owner.join();
    if (opened != errc::ok) return "no new owner: " + std::to_string(static_cast<int>(opened));
    if (!finished) return "the healer did not come to its end";
    (heals_producer() ? taken : pushed) += trial_.victims_report().moved;
    return unharmed(pushed, taken);
  }

 private:
  bool heals_producer() const { return !trial_.what().by_producer(); }
  ends<World>& mine() { return trial_.mine(); }

  // The new owner does something, so that it has something to lose.
  void use(u64& pushed, u64& taken) {
    if (heals_producer()) pushed += mine().t->try_push(numbered<item>(pushed)) ? 1u : 0u;
    else taken += mine().r->try_pop() ? 1u : 0u;
  }
  // The new owner still owns its role, and a new peer finds it alive, with every message in its place.
  std::string unharmed(u64 pushed, u64 taken) {
    if (mine().t && !pushes(pushed)) return "the new owner cannot push";
    if (mine().t) ++pushed;
    if (heals_producer() ? mine().t->peers() != 2 : mine().r->peers() != 2) return "the new owner does not count as alive";
    trial_.victim().kill();
    const errc peer = heals_producer() ? mine().open_source() : mine().open_sink();
    if (peer != errc::ok) return "no new peer";
    for (; taken != pushed; ++taken) {
      const auto m = mine().r->try_pop();
      if (!m || !is_numbered(*m, taken)) return "lost, repeated or out of order: " + std::to_string(m ? m->seq : ~u64{0}) + ", wanted " + std::to_string(taken);
    }
    for (int poll = 0; poll < 600; ++poll)
      if (const auto e = mine().r->try_pop().err(); e != errc::empty) return "the living owner is taken for dead";
    for (u64 i = 0; i < trial_.world().capacity(); ++i)
      if (!mine().t->try_push(numbered<item>(pushed + i))) return "capacity";
    for (u64 i = 0; i < trial_.world().capacity(); ++i)
      if (const auto m = mine().r->try_pop(); !m || !is_numbered(*m, pushed + i)) return "round trip";
    if (test::locks_on(trial_.world().path()) != 2) return "locks";
    return ends_once_more() ? "" : "the new owner's session had ended before it closed";
  }
  // A session that the healer had ended by mistake would not end again.
  bool ends_once_more() {
    if (!heals_producer()) {
      mine().r->close();
      return mine().t->try_push(numbered<item>(0)).err() == errc::closed;
    }
    mine().t->close();
    return mine().r->try_pop().err() == errc::closed;
  }
  bool pushes(u64 number) { return static_cast<bool>(mine().t->push(numbered<item>(number), 1s)); }

  trial<World> trial_;
  place where_;
};

template <class World>
void hold_everywhere(held_totals& sum, const scene<World>& s) {
  const auto states = campaign<World>(s).run(thoroughness::each_state).states;
  CHECK_FALSE(states.empty());
  const watchdog guard("a held healer");
  for (const auto& state : states) {
    guard.within(30);
    const std::string fault = held_healer<World>(s, state.first).run(sum);
    if (fault.empty()) continue;
    if (sum.faults++ == 0) sum.first_fault = std::string(s.op->name) + ", held after " + std::to_string(state.first.first) + ": " + fault;
  }
}

}  // namespace

TEMPLATE_TEST_CASE("a healer that stops in the middle does a new owner of the slot no harm", "", SLUICE_ROLE_RINGS()) {
  require_stepping();
  using ops = operations<world<TestType, item>>;
  held_totals sum;
  for (const bool persistent : {false, true})
    for (const bool on_file : {false, true}) {
      if (brief && persistent == on_file) continue;
      const terms channel{.on_file = on_file, .persistent = persistent};
      hold_everywhere<world<TestType, item>>(sum, {&ops::healing_producer, channel, 1, 2, peer::dead});
      hold_everywhere<world<TestType, item>>(sum, {&ops::healing_consumer, channel, 1, 4, peer::dead});
    }
  std::printf("held healers: %lu times, a new owner had to wait %lu times, %lu bad\n", sum.held, sum.kept_out, sum.faults);
  INFO(sum.first_fault);
  CHECK(sum.faults == 0);
  CHECK(sum.kept_out > 0);
  CHECK(sum.kept_out < sum.held);
}
