// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_DISPATCHERS_HPP
#define SLUICE_BENCH_DISPATCHERS_HPP

#include "compare.hpp"
#include "machine.hpp"
#include "meeting.hpp"

#include <sluice/signal/dispatcher.hpp>

#if SLUICE_BENCH_HAS_BOOST_SIGNALS2
#include <boost/signals2/signal.hpp>
#endif

// What a call through a dispatcher costs, in one thread: against a function pointer that the compiler does not know.

namespace bench {

struct call_target {
  unsigned long sum = 0;
  [[gnu::noinline]] static void add(void* to, unsigned x) { static_cast<call_target*>(to)->sum += x; }
};

template <class Call>
double timed_calls(unsigned calls, const call_target& target, unsigned handlers, Call call) {
  const double began = now_ns();
  for (unsigned i = 0; i < calls; ++i) call(i);
  const double ns = (now_ns() - began) / calls;
  unsigned long expected = 0;
  for (unsigned i = 0; i < calls; ++i) expected += i;
  if (target.sum != expected * handlers) die("a call was lost");
  return ns;
}

template <unsigned Handlers>
double bare_calls(unsigned calls) {
  call_target t;
  void (*volatile f)(void*, unsigned) = &call_target::add;
  return timed_calls(calls, t, Handlers, [&](unsigned i) {
    for (unsigned h = 0; h < Handlers; ++h) f(&t, i);
  });
}
template <unsigned Handlers>
double dispatched_calls(unsigned calls) {
  call_target t;
  sluice::dispatcher<void(unsigned), 8> d;
  for (unsigned h = 0; h < Handlers; ++h)
    if (auto s = d.subscribe(&call_target::add, &t)) s->release();
  auto* volatile hidden = &d;  // as one that lives elsewhere in the program
  return timed_calls(calls, t, Handlers, [&](unsigned i) { hidden->dispatch(i); });
}
template <unsigned Handlers>
double dispatched_lambdas(unsigned calls) {
  call_target t;
  sluice::dispatcher<void(unsigned), 8> d;
  for (unsigned h = 0; h < Handlers; ++h)
    if (auto s = d.subscribe([&t](unsigned x) { t.sum += x; })) s->release();
  auto* volatile hidden = &d;
  return timed_calls(calls, t, Handlers, [&](unsigned i) { hidden->dispatch(i); });
}
#if SLUICE_BENCH_HAS_BOOST_SIGNALS2
template <unsigned Handlers>
double boost_calls(unsigned calls) {
  call_target t;
  boost::signals2::signal<void(unsigned)> s;
  for (unsigned h = 0; h < Handlers; ++h) s.connect([&t](unsigned x) { t.sum += x; });
  return timed_calls(calls, t, Handlers, [&](unsigned i) { s(i); });
}
#endif

template <unsigned Handlers>
void compare_calls(unsigned rounds) {
  constexpr unsigned calls = 1'000'000;
  compare(Handlers == 1 ? "1 handler" : "4 handlers", "the pointer's", rounds, {
      {"function pointer", [] { return bare_calls<Handlers>(calls); }},
      {"sluice dispatcher, function", [] { return dispatched_calls<Handlers>(calls); }},
      {"sluice dispatcher, lambda", [] { return dispatched_lambdas<Handlers>(calls); }},
#if SLUICE_BENCH_HAS_BOOST_SIGNALS2
      {"boost signals2", [] { return boost_calls<Handlers>(calls); }},
#endif
  });
}

inline int measure_dispatchers(unsigned rounds, int cpu) {
  pin(cpu);
  compare_calls<1>(rounds);
  compare_calls<4>(rounds);
  return 0;
}

}  // namespace bench

#endif
