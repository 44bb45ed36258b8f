// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_GATE_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_GATE_SCENARIO_HPP

#include "explore.hpp"
#include "policy.hpp"

#include <sluice/core/gate.hpp>

namespace model {

struct gate_case {
  unsigned wakers = 1;
  bool waker_dies = false;
  bool cancels = false;  // the sleeper gives up when it wakes for no reason, and comes back later
  unsigned slices = 0, spurious = 0;

  [[nodiscard]] std::string text() const {
    return "gate, " + std::to_string(wakers) + (wakers == 1 ? " waker" : " wakers") + (waker_dies ? ", one dies" : "") +
           (cancels ? ", cancelling" : "") + (slices != 0 ? ", sliced" : ", unsliced") +
           (spurious != 0 ? ", spurious wake-ups" : "");
  }
};

/// A sleeper that waits until every waker has published. The order of its steps is that of wait_for.
class gate_scenario {
  using P = policy<>;
  static constexpr unsigned most = 3;

 public:
  gate_scenario(world& w, const gate_case& c) : case_(c) {
    w.spawn("sleeper", [this] { sleep(); });
    for (unsigned k = 0; k < c.wakers; ++k) {
      const bool mortal = c.waker_dies && k == 0;
      const unsigned t = w.spawn("waker", {.killable = mortal}, [this, k] { publish(k); });
      if (mortal) w.hold(t, &life_);
    }
    w.call(life_, "life ");
    w.call(door_.word(), "gate ");
    for (unsigned k = 0; k < c.wakers; ++k) w.call(news_[k], "news ", k);
  }
  void finish() { expect(done_, "the sleeper has left too early"); }

 private:
  bool attempt() {
    unsigned n = 0;
    for (unsigned k = 0; k < case_.wakers; ++k) n += news_[k].load(order::acquire);
    if (n == case_.wakers) return true;
    if (!case_.waker_dies || n + 1 != case_.wakers || world::current()->locked(&life_)) return false;
    return saw("told of the death of a waker"), true;
  }
  void sleep() {
    world& w = *world::current();
    for (;;) {
      const auto value = door_.arm(sluice::gate<P>::asleep);
      w.heavy_fence();
      done_ = attempt();
      auto how = world::sleep::refused;
      if (!done_) how = w.futex_wait(&door_.word(), value);
      door_.disarm();
      if (done_ || (done_ = attempt())) return;
      saw(how == world::sleep::woken ? "woken, and not all is there" : "asked again");
      if (case_.cancels && how == world::sleep::by_itself) saw("cancelled");
    }
  }
  void publish(unsigned k) {
    news_[k].store(1, order::release);
    if (door_.signal() == 0) return;
    saw("somebody has to be woken");
    world::current()->futex_wake(&door_.word(), max_threads);
  }

  gate_case case_;
  sluice::gate<P> door_{};
  atomic<std::uint32_t> news_[most]{};
  std::uint32_t life_ = 0;
  bool done_ = false;
};

inline report explore_gate(const gate_case& c, options o = {}) {
  const std::string name = c.text();
  o.name = name.c_str();
  o.kills = c.waker_dies ? 1 : 0;
  o.slices = c.slices, o.spurious = c.spurious;
  return explore(o, [&](world& w) { return gate_scenario(w, c); });
}

}  // namespace model

#endif
