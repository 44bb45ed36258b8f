// SPDX-License-Identifier: MIT
#include SLUICE_MUTANT_HEADER

// Built once for each mutant, over headers of which one has been changed. The model must find it, and again by the replay
// string; or it comes with the proof that it is no worse than the original, and must survive.

int main() {
  constexpr const char* proof = SLUICE_MUTANT_PROOF;
  const bool excused = *proof != '\0';
  const auto v = model::judge(model::SLUICE_MUTANT_TRIALS());
  model::print_verdict(SLUICE_MUTANT, v, excused ? proof : nullptr);
  return excused ? !v.killer.empty() : v.killer.empty() || !v.reproduced;
}
