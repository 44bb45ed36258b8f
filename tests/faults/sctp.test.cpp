// SPDX-License-Identifier: MIT
#include "sctp_operations.hpp"
#include "sweep.hpp"

#include "../stream/sctp_kernel.hpp"

TEST_CASE("every system call of SCTP fails once, in every documented way", "[sctp][faults]") {
  SKIP_WITHOUT_SCTP();
  SKIP_WHERE_NOT_AVAILABLE();
  std::vector<std::string> failures;
  constexpr faults::operation operations[] = {{"life of sctp", faults::sctp_life}, {"sctp, one for many", faults::sctp_hub}};
  for (const auto& o : operations) {
    const faults::row r = faults::sweep(o, false, {}, failures);
    faults::print(o.name, false, r);
    CHECK(r.faults > 100);
  }
  for (const auto& f : failures) std::printf("  %s\n", f.c_str());
  CHECK(failures.empty());
}
