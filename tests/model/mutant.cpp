// SPDX-License-Identifier: MIT
#if defined SLUICE_MUTANT_OF_BYTES
#include "bytes_crowd_trials.hpp"
#elif defined SLUICE_MUTANT_OF_CROWDS
#include "crowd_trials.hpp"
#else
#include "rig/spsc.hpp"
#include "trials.hpp"
#endif

// Built once for each mutant, over headers of which one has been changed. The model must find it, and again by the replay
// string; or it comes with the proof that it is no worse than the original, and must survive.

int main() {
  constexpr const char* proof = SLUICE_MUTANT_PROOF;
  const bool excused = *proof != '\0';
#if defined SLUICE_MUTANT_OF_BYTES
  const auto v = model::judge(model::bytes_crowd_trials());
#elif defined SLUICE_MUTANT_OF_CROWDS
  const auto v = model::judge(model::crowd_trials());
#else
  const auto v = model::judge(model::trials<rig::spsc>());
#endif
  model::print_verdict(SLUICE_MUTANT, v, excused ? proof : nullptr);
  return excused ? !v.killer.empty() : v.killer.empty() || !v.reproduced;
}
