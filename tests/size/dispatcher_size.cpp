// budget: 1000
// SPDX-License-Identifier: MIT
// All that a program can ask of a dispatcher of one kind of event, in flash.
#include <sluice/signal/dispatcher.hpp>

using namespace sluice;
using events = dispatcher<void(unsigned), 8>;

events* make(void* at) noexcept { return ::new (at) events; }
void destroy(events& d) noexcept { d.~events(); }
void subscribe(events& d, void (*f)(void*, unsigned), void* context, subscription& to) noexcept {
  if (auto s = d.subscribe(f, context)) to = *std::move(s);
}
void subscribe(events& d, unsigned& sum, subscription& to) noexcept {
  if (auto s = d.subscribe([&sum](unsigned e) { sum += e; })) to = *std::move(s);
}
void dispatch(events& d, unsigned e) noexcept { d.dispatch(e); }
void unsubscribe(subscription& s) noexcept { s.reset(); }
void release(subscription& s) noexcept { s.release(); }
