// budget: 1250
// SPDX-License-Identifier: MIT
// What one push and one pop of an unsigned cost in flash: waking, closing, death and hostile words included. The goal of
// 200 bytes, which rings without any of these meet, is not reached; this bound keeps the distance from growing.
#include <sluice/ring/spsc.hpp>

using namespace sluice;
void wake(gate<>&, std::uint32_t) noexcept;

status push(spsc_producer<unsigned>& p, unsigned v) noexcept { return p.try_push(v, wake); }
result<unsigned> pop(spsc_consumer<unsigned>& c) noexcept { return c.try_pop(wake); }
