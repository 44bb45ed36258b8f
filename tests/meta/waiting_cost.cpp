// SPDX-License-Identifier: MIT
// A push, with waiting support and (-DNOBODY_WAITS) with a gate that nobody ever sleeps at. waiting_cost.cmake compares.
#include <sluice/ring/spsc.hpp>

using namespace sluice;

struct policy : machine_memory<false> {};

#if defined(NOBODY_WAITS)
template <>
class sluice::gate<policy> {
 public:
  template <class Ring>
  void wake(Ring&&) noexcept {}

 private:
  policy::atomic<std::uint32_t> word_;
};
#endif

void wake(gate<policy>&, std::uint32_t) noexcept;
status push(spsc_producer<std::uint64_t, policy>& p, std::uint64_t v) noexcept { return p.try_push(v, wake); }
