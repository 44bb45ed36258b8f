// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "gate_scenario.hpp"

namespace {

using model::explore_gate;
using model::gate_case;

model::report shown(const gate_case& c, const model::options& o = {}) {
  auto r = explore_gate(c, o);
  r.print();
  return r;
}
bool stuck(const model::report& r) { return r.failure.find("stuck") == 0; }

}  // namespace

TEST_CASE("a sleeper at the gate is woken, whoever comes when") {
  CHECK(shown({.wakers = 1}).proves({"somebody has to be woken"}));
  CHECK(shown({.wakers = 2}).proves({"somebody has to be woken", "woken, and not all is there"}));
  CHECK(shown({.wakers = 1, .spurious = 2}).proves({"asked again"}));
  CHECK(shown({.wakers = 2, .cancels = true, .spurious = 1}).proves({"cancelled"}));
}

TEST_CASE("the gate holds with a full fence on both sides too") {
  model::options o;
  o.light = model::fences::symmetric;
  CHECK(shown({.wakers = 1}, o).proves());
  CHECK(shown({.wakers = 2}, o).proves());
}

TEST_CASE("without either fence a sleeper is left asleep, and the checker finds it") {
  for (const auto how : {model::fences::asymmetric, model::fences::symmetric})
    for (const bool light : {false, true}) {
      model::options o;
      o.light = how;
      o.without_light = light, o.without_heavy = !light;
      CHECK(stuck(shown({.wakers = 1}, o)));
    }
}

TEST_CASE("a waker killed between publishing and waking leaves the sleeper asleep, unless sleeps are sliced") {
  CHECK(stuck(shown({.wakers = 1, .waker_dies = true})));
  CHECK(shown({.wakers = 1, .waker_dies = true, .slices = 2}).proves({"asked again"}));
  CHECK(shown({.wakers = 2, .waker_dies = true, .slices = 2}).proves({"asked again"}));
}
