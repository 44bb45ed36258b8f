// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "explore.hpp"
#include "gate_scenario.hpp"
#include "ring_scenario.hpp"
#include "rig/spsc.hpp"

#include <array>
#include <cstdio>
#include <vector>

// Does the reduction leave anything out? Small random programs are explored twice, with every interleaving and with the
// reduced set, and must come to equally many distinct executions: the second set is a subset of the first.

namespace {

using model::order;
using u32 = std::uint32_t;

struct dice {
  std::uint64_t state;
  unsigned below(unsigned n) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return static_cast<unsigned>((state * 0x2545f4914f6cdd1du >> 33) % n);
  }
};
struct op {
  unsigned kind, where;
  order how;
};
struct code {
  std::vector<op> threads[3];
  bool killable;
};
code some_code(dice& d) {
  code c;
  unsigned left = 9;
  const unsigned n = 2 + d.below(2);
  for (unsigned t = 0; t < n; ++t) {
    const unsigned most = n == 2 ? 5 : 3;
    for (unsigned k = 1 + d.below(most); k-- != 0 && left != 0; --left) {
      const order orders[] = {order::relaxed, order::acq_rel, order::seq_cst};
      c.threads[t].push_back({d.below(10), d.below(2), orders[d.below(3)]});
    }
  }
  c.killable = d.below(3) == 0;
  return c;
}
struct run {
  const code& what;
  model::atomic<u32> words[3]{};
  std::uint32_t life = 0;
  u32 read[3][5] = {};
  bool dead = false;

  run(model::world& w, const code& c) : what(c) {
    for (unsigned t = 0; t < 3; ++t)
      if (!c.threads[t].empty()) w.spawn("T" + std::to_string(t), {.killable = t == 0 && c.killable}, [this, t] { act(t); });
    if (c.killable) w.hold(0, &life);
    w.on_death = [this](unsigned) { dead = true; };
  }
  void act(unsigned t) {
    auto& w = *model::world::current();
    for (unsigned k = 0; k < what.threads[t].size(); ++k) {
      const op o = what.threads[t][k];
      auto& x = words[o.where];
      const order load = o.how == order::acq_rel ? order::acquire : o.how;
      const order store = o.how == order::acq_rel ? order::release : o.how;
      u32& r = read[t][k];
      switch (o.kind) {
        case 0:
        case 1:
        case 2: r = x.load(load); break;
        case 3:
        case 4: x.store(t * 10 + k + 1, store); break;
        case 5: r = x.exchange(t * 10 + k + 1, o.how); break;
        case 6: {
          u32 e = 0;
          r = x.compare_exchange_weak(e, t * 10 + k + 1, o.how, load) ? 100 : e;
          break;
        }
        case 7: w.fence(o.how); break;
        case 8:
          if (t == 1) w.heavy_fence();
          else w.light_fence();
          break;
        default: r = what.killable && t != 0 && w.locked(&life); break;
      }
    }
  }
  void finish() {
    std::string s = dead ? "dead " : "";  // and then what it read last is nobody's business
    for (unsigned t = dead ? 1 : 0; t < 3; ++t)
      for (const u32 r : read[t]) s += std::to_string(r) + ' ';
    for (auto& x : words) s += std::to_string(x.load()) + ' ';
    model::world::current()->outcomes.insert(s);
  }
};

}  // namespace

TEST_CASE("the reduced search comes to the same executions as the full one") {
  unsigned wrong = 0, tried = 0;
  std::uint64_t full = 0, reduced = 0, graphs = 0;
  for (std::uint64_t seed = 1; seed <= (SLUICE_TEST_TIER_FULL ? 20000u : 4000u); ++seed) {
    dice d{seed * 0x9e3779b97f4a7c15u};
    const code c = some_code(d);
    model::options o;
    o.name = "random program";
    o.unordered_stores = true;
    o.kills = c.killable ? 1 : 0;
    o.weak = 1;
    o.most = 400'000;
    const auto make = [&](model::world& w) { return run(w, c); };
    o.reduce = o.merge = false;
    const auto all = explore(o, make);
    if (!all.exhaustive) continue;
    o.reduce = o.merge = true;
    const auto some = explore(o, make);
    ++tried;
    full += all.executions, reduced += some.executions, graphs += all.graphs;
    if (some.exhaustive && some.graphs == all.graphs && some.outcomes == all.outcomes) continue;
    if (wrong++ == 0) {
      std::printf("seed %llu: %zu of %zu graphs, %zu of %zu outcomes\n", static_cast<unsigned long long>(seed), some.graphs,
                  all.graphs, some.outcomes.size(), all.outcomes.size());
      for (unsigned t = 0; t < 3; ++t)
        for (const op& x : c.threads[t]) std::printf("  T%u kind %u where %u order %d\n", t, x.kind, x.where, static_cast<int>(x.how));
    }
  }
  std::printf("%u random programs, %llu graphs: %llu executions in full, %llu reduced\n", tried,
              static_cast<unsigned long long>(graphs), static_cast<unsigned long long>(full), static_cast<unsigned long long>(reduced));
  CHECK(wrong == 0);
  CHECK(tried > 500);
}

TEST_CASE("the reduced search comes to the same executions where threads spin, sleep and die") {
  const auto same = [](const auto& explore_case, const auto& c) {
    model::options o;
    const auto some = explore_case(c, o);
    o.reduce = o.merge = false;
    o.most = 3'000'000;
    const auto all = explore_case(c, o);
    std::printf("%s: %llu executions in full, %llu reduced, %zu and %zu distinct\n", all.name.c_str(),
                static_cast<unsigned long long>(all.executions), static_cast<unsigned long long>(some.executions), all.graphs, some.graphs);
    CHECK(some.proves());
    CHECK(all.proves());
    CHECK(some.graphs == all.graphs);
  };
  using model::gate_case;
  for (const auto& c : {gate_case{.wakers = 1}, gate_case{.wakers = 1, .spurious = 1}, gate_case{.wakers = 1, .waker_dies = true, .slices = 1}})
    same(model::explore_gate, c);
  model::ring_case c;
  c.messages = 1;
  same(model::explore_ring<rig::spsc, 8>, c);
}
