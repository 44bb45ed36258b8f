// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_DISPATCHERS_HPP
#define SLUICE_BENCH_DISPATCHERS_HPP

#include "machine.hpp"
#include "meeting.hpp"
#include "stats.hpp"

#include <sluice/signal/dispatcher.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#if SLUICE_BENCH_HAS_BOOST_SIGNALS2
#include <boost/signals2/signal.hpp>
#endif

// What a call through a dispatcher costs, in one thread: against a function pointer that the compiler does not know.

namespace bench {

struct call_target {
  unsigned long sum = 0;
  [[gnu::noinline]] static void add(void* to, unsigned x) { static_cast<call_target*>(to)->sum += x; }
};

/// One way to call: its name, and ns per call, of many.
struct call_way {
  std::string name;
  double (*ns)(unsigned calls);
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
  const std::vector<call_way> ways{
      {"function pointer", bare_calls<Handlers>},
      {"sluice dispatcher, function", dispatched_calls<Handlers>},
      {"sluice dispatcher, lambda", dispatched_lambdas<Handlers>},
#if SLUICE_BENCH_HAS_BOOST_SIGNALS2
      {"boost signals2", boost_calls<Handlers>},
#endif
  };
  std::vector<std::vector<double>> ns(ways.size()), ratio(ways.size());
  for (unsigned r = 0; r < rounds; ++r) {
    for (std::size_t w = 0; w < ways.size(); ++w) {
      ns[w].push_back(ways[w].ns(1'000'000));
      ratio[w].push_back(ns[w].back() / ns[0].back());  // of the same round
    }
  }
  std::printf("\n| %u handler%s | median ns [lowest, highest] | times the pointer's |\n|---|---|---|\n", Handlers,
              Handlers == 1 ? "" : "s");
  for (std::size_t w = 0; w < ways.size(); ++w) {
    const auto [low, high] = std::minmax_element(ns[w].begin(), ns[w].end());
    const auto [least, most] = std::minmax_element(ratio[w].begin(), ratio[w].end());
    std::printf("| %s | %.2f [%.2f, %.2f] | %.2f [%.2f, %.2f] |\n", ways[w].name.c_str(), median(ns[w]), *low, *high,
                median(ratio[w]), *least, *most);
  }
}

/// Prints tables; all ways take turns in each round.
inline int measure_dispatchers(unsigned rounds, int cpu) {
  pin(cpu);
  compare_calls<1>(rounds);
  compare_calls<4>(rounds);
  return 0;
}

}  // namespace bench

#endif
