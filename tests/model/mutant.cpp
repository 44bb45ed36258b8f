// SPDX-License-Identifier: MIT
#include "rig/spsc.hpp"
#include "trials.hpp"

// Built once for each mutant, over headers of which one has been changed. The model must find it.

int main() {
  const auto v = model::judge(model::trials<rig::spsc>());
  model::print_verdict(SLUICE_MUTANT, v, nullptr);
  return !v.killer.empty() && v.reproduced ? 0 : 1;
}
