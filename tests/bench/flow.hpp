// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_FLOW_HPP
#define SLUICE_BENCH_FLOW_HPP

#include "compare.hpp"
#include "machine.hpp"
#include "meeting.hpp"

#include <sluice/bridge/coroutine.hpp>
#include <sluice/sluice.hpp>

#if SLUICE_BENCH_HAS_ASIO
#include <asio.hpp>
#if ASIO_VERSION >= 102200 && __has_include(<asio/experimental/concurrent_channel.hpp>)
#include <asio/experimental/concurrent_channel.hpp>
#define SLUICE_BENCH_HAS_ASIO_CHANNEL() 1
#endif
#endif
#ifndef SLUICE_BENCH_HAS_ASIO_CHANNEL
#define SLUICE_BENCH_HAS_ASIO_CHANNEL() 0
#endif

#if SLUICE_BENCH_HAS_BOOST_FIBER
#include <boost/fiber/buffered_channel.hpp>
#endif

#include <poll.h>
#include <sys/eventfd.h>

#include <memory>
#include <thread>
#include <vector>

// What waiting for many things costs: on the path where something is there, and from a wake-up to the handler.

namespace bench {

using number_ends = sluice::channel_ends<std::uint64_t, sluice::spsc, sluice::native_memory>;

// ---- something is there

struct four_rings {
  static constexpr unsigned each = 1000;
  number_ends ring[4] = {sluice::channel<std::uint64_t>(each), sluice::channel<std::uint64_t>(each),
                         sluice::channel<std::uint64_t>(each), sluice::channel<std::uint64_t>(each)};
  std::uint64_t sum = 0;

  void fill(unsigned rings) {
    for (unsigned k = 0; k < rings; ++k)
      for (std::uint64_t i = 0; i < each; ++i)
        if (!ring[k].tx.try_push(i)) die("a ring was full");
  }
  /// ns for each message of so many full rings, of some rounds.
  template <class Take>
  double drain(unsigned rings, Take take) {
    double ns = 0;
    for (unsigned round = 0; round < 100; ++round) {
      fill(rings);
      const double began = now_ns();
      for (unsigned i = 0; i < rings * each; ++i) take();
      ns += now_ns() - began;
    }
    if (sum != std::uint64_t{100} * rings * each * (each - 1) / 2) die("a message was lost");
    return ns / (100.0 * rings * each);
  }
};
inline double popped_at_once() {
  four_rings r;
  return r.drain(1, [&] { r.sum += *r.ring[0].rx.try_pop(); });
}
inline double selected(unsigned rings) {
  four_rings r;
  const auto add = [&](std::uint64_t m) { r.sum += m; };
  auto s = sluice::select(sluice::on(r.ring[0].rx, add), sluice::on(r.ring[1].rx, add), sluice::on(r.ring[2].rx, add),
                          sluice::on(r.ring[3].rx, add));
  return r.drain(rings, [&] { (void)s.wait(sluice::now); });
}
inline double polled_by_poller() {
  four_rings r;
  sluice::poller p;
  for (auto& one : r.ring)
    if (!p.add(sluice::on(one.rx, [&](std::uint64_t m) { r.sum += m; }))) die("no case");
  double ns = 0;
  for (unsigned round = 0; round < 100; ++round) {
    r.fill(4);
    const double began = now_ns();
    for (std::size_t left = 4 * four_rings::each; left != 0;) left -= *p.run();
    ns += now_ns() - began;
  }
  return ns / (400.0 * four_rings::each);
}
inline sluice::task await_all(sluice::loop& io, four_rings& r, unsigned n) {
  for (unsigned i = 0; i < n; ++i) r.sum += *co_await io.pop(r.ring[0].rx);
}
inline double awaited() {
  four_rings r;
  sluice::loop io;
  double ns = 0;
  for (unsigned round = 0; round < 100; ++round) {
    r.fill(1);
    const double began = now_ns();
    io.spawn(await_all(io, r, four_rings::each));
    io.run();
    ns += now_ns() - began;
  }
  return ns / (100.0 * four_rings::each);
}

// ---- from a wake-up to the handler: two threads that wake each other in turn

/// ns from one to the other. `make()` gives a pair of sides, each with wake() (the other side) and sleep().
template <class Side>
double wake_ns(const arrangement& where, Side& one, Side& other) {
  constexpr unsigned rounds = 3000;
  std::thread echo([&] {
    pin(where.cpu[1]);
    for (unsigned i = 0; i < rounds; ++i) other.sleep(), other.wake();
  });
  pin(where.cpu[0]);
  const double began = now_ns();
  for (unsigned i = 0; i < rounds; ++i) one.wake(), one.sleep();
  const double ns = (now_ns() - began) / rounds / 2;
  echo.join();
  return ns;
}

struct bare_futex {
  struct word {
    alignas(128) std::atomic<std::uint32_t> at{0};
  };
  word *mine, *theirs;
  std::uint32_t seen = 0;

  void wake() {
    theirs->at.fetch_add(1);
    sluice::detail::futex_wake(&theirs->at, false);
  }
  void sleep() {
    while (mine->at.load() == seen) (void)sluice::detail::futex_wait({&mine->at, seen, false}, sluice::detail::never);
    ++seen;
  }
};
inline double bare_futex_wakes(const arrangement& where) {
  bare_futex::word a, b;
  bare_futex one{&a, &b}, other{&b, &a};
  return wake_ns(where, one, other);
}

struct bare_descriptor {
  int mine, theirs;

  void wake() {
    const std::uint64_t n = 1;
    if (::write(theirs, &n, sizeof n) != sizeof n) die("eventfd");
  }
  void sleep() {
    pollfd p{mine, POLLIN, 0};
    std::uint64_t n = 0;
    if (::poll(&p, 1, -1) != 1 || ::read(mine, &n, sizeof n) != sizeof n) die("eventfd");
  }
};
inline double bare_descriptor_wakes(const arrangement& where) {
  const sluice::unique_handle a(::eventfd(0, EFD_CLOEXEC)), b(::eventfd(0, EFD_CLOEXEC));
  bare_descriptor one{a.get(), b.get()}, other{b.get(), a.get()};
  return wake_ns(where, one, other);
}

/// Rings that park at once, and a pipe, in both directions.
struct road {
  number_ends ring = sluice::channel<std::uint64_t>(8, sluice::channel_options{.wait = sluice::wait_strategy::park});
  number_ends idle = sluice::channel<std::uint64_t>(8, sluice::channel_options{.wait = sluice::wait_strategy::park});
  sluice::pipe_ends ends = sluice::must(sluice::pipe());
  decltype(sluice::sink_of<std::uint64_t>(std::move(ends.out))) into = sluice::sink_of<std::uint64_t>(std::move(ends.out));
  decltype(sluice::source_of<std::uint64_t>(std::move(ends.in))) from = sluice::source_of<std::uint64_t>(std::move(ends.in));
};
enum class wakes { by_ring, by_pipe };
template <wakes How>
void wake_over(road& r) {
  if constexpr (How == wakes::by_ring) (void)r.ring.tx.push(std::uint64_t{1});
  else (void)r.into.push(std::uint64_t{1});
}
struct on_pop {
  road *mine, *theirs;
  void wake() { wake_over<wakes::by_ring>(*theirs); }
  void sleep() { (void)mine->ring.rx.pop(); }
};
template <wakes How, bool Mixed>
struct on_select {
  road *mine, *theirs;
  void wake() { wake_over<How>(*theirs); }
  void sleep() {
    const auto nothing = [](std::uint64_t) {};
    if constexpr (Mixed) {
      auto s = sluice::select(sluice::on(mine->ring.rx, nothing), sluice::on(mine->from, nothing));
      (void)s.wait();
    } else {
      auto s = sluice::select(sluice::on(mine->ring.rx, nothing), sluice::on(mine->idle.rx, nothing));
      (void)s.wait();
    }
  }
};
template <wakes How>
struct on_poller {
  road *mine, *theirs;
  std::unique_ptr<sluice::poller> cases = std::make_unique<sluice::poller>();
  std::vector<std::unique_ptr<road>> others;  // that nothing comes over

  on_poller(road* m, road* t, unsigned idle = 0) : mine(m), theirs(t) {
    add(*mine);
    for (unsigned i = 0; i < idle; ++i) add(*others.emplace_back(std::make_unique<road>()));
  }
  void add(road& r) {
    const auto nothing = [](std::uint64_t) {};
    if (!cases->add(sluice::on(r.ring.rx, nothing)) || !cases->add(sluice::on(r.from, nothing))) die("no case");
  }
  void wake() { wake_over<How>(*theirs); }
  void sleep() { (void)cases->run(); }
};
template <class Side>
double wakes_of(const arrangement& where) {
  road a, b;
  Side one{&a, &b}, other{&b, &a};
  return wake_ns(where, one, other);
}
inline double poller_wakes_among(const arrangement& where, unsigned idle) {
  road a, b;
  on_poller<wakes::by_ring> one(&a, &b, idle / 4), other(&b, &a, idle / 4);  // each road is two ends, on both sides
  return wake_ns(where, one, other);
}
#if SLUICE_BENCH_HAS_ASIO_CHANNEL()
inline double asio_channel_wakes(const arrangement& where) {
  using channel = asio::experimental::concurrent_channel<void(std::error_code, std::uint64_t)>;
  asio::io_context ios[2];
  channel a(ios[0], 8), b(ios[1], 8);
  constexpr unsigned rounds = 3000;
  double ns = 0;
  const auto echo = [&](channel& in, channel& out, bool first) -> asio::awaitable<void> {
    const double began = now_ns();
    for (unsigned i = 0; i < rounds; ++i) {
      if (first) co_await out.async_send(std::error_code(), 1, asio::use_awaitable);
      (void)co_await in.async_receive(asio::use_awaitable);
      if (!first) co_await out.async_send(std::error_code(), 1, asio::use_awaitable);
    }
    if (first) ns = (now_ns() - began) / rounds / 2;
  };
  asio::co_spawn(ios[1], echo(b, a, false), asio::detached);
  asio::co_spawn(ios[0], echo(a, b, true), asio::detached);
  std::thread other([&] {
    pin(where.cpu[1]);
    ios[1].run();
  });
  pin(where.cpu[0]);
  ios[0].run();
  other.join();
  return ns;
}
#endif

#if SLUICE_BENCH_HAS_BOOST_FIBER
struct on_fiber_channel {
  using channel = boost::fibers::buffered_channel<std::uint64_t>;
  channel *mine, *theirs;
  void wake() { (void)theirs->push(1); }
  void sleep() {
    std::uint64_t m = 0;
    (void)mine->pop(m);
  }
};
inline double fiber_channel_wakes(const arrangement& where) {
  on_fiber_channel::channel a(8), b(8);
  on_fiber_channel one{&a, &b}, other{&b, &a};
  return wake_ns(where, one, other);
}
#endif

// ---- calls

template <class Caller>
double spinning_calls(const arrangement& where, Caller calls) {
  using tagged = sluice::tagged<std::uint64_t>;
  sluice::ring_options o;
  o.capacity = 8;
  o.wait = sluice::wait_strategy::spin;
  (void)sluice::shm_remove("sluice_bench_q"), (void)sluice::shm_remove("sluice_bench_a");
  auto qt = sluice::must(sluice::shm_sink<tagged>("sluice_bench_q", o));
  auto qr = sluice::must(sluice::shm_source<tagged>("sluice_bench_q", o));
  auto at = sluice::must(sluice::shm_sink<tagged>("sluice_bench_a", o));
  auto ar = sluice::must(sluice::shm_source<tagged>("sluice_bench_a", o));
  (void)sluice::shm_remove("sluice_bench_q"), (void)sluice::shm_remove("sluice_bench_a");
  return calls(where, qt, qr, at, ar);
}
inline double two_transfers(const arrangement& where) {
  return spinning_calls(where, [](const arrangement& w, auto& qt, auto& qr, auto& at, auto& ar) {
    constexpr unsigned n = 20'000;
    std::thread server([&] {
      pin(w.cpu[1]);
      for (unsigned i = 0; i < n; ++i) (void)at.push(*qr.pop());
    });
    pin(w.cpu[0]);
    const double began = now_ns();
    for (unsigned i = 0; i < n; ++i) (void)qt.push({i, i}), (void)ar.pop();
    const double ns = (now_ns() - began) / n;
    server.join();
    return ns;
  });
}
inline double client_calls(const arrangement& where) {
  return spinning_calls(where, [](const arrangement& w, auto& qt, auto& qr, auto& at, auto& ar) {
    constexpr unsigned n = 20'000;
    std::thread server([&] {
      pin(w.cpu[1]);
      (void)sluice::serve(qr, at, [](std::uint64_t q) { return q; });
    });
    pin(w.cpu[0]);
    sluice::client caller(qt, ar);
    const double began = now_ns();
    for (std::uint64_t i = 0; i < n; ++i)
      if (auto a = caller.call(i); !a || *a != i) die("a wrong answer");
    const double ns = (now_ns() - began) / n;
    qt.close();
    server.join();
    return ns;
  });
}

/// Prints tables; see docs/flow.md for what they mean.
inline int measure_flow(unsigned rounds, const arrangement& where) {
  pin(where.cpu[0]);
  compare("a message that is there, one thread", "try_pop", rounds, {
      {"try_pop", popped_at_once},
      {"select over four rings, all full", [] { return selected(4); }},
      {"select over four rings, one of them full", [] { return selected(1); }},
      {"poller over four rings, all full", polled_by_poller},
      {"co_await pop", awaited},
  });
  const auto at = [&](auto f) { return [f, &where] { return f(where); }; };
  compare("from a wake-up to the handler, futexes", "a bare futex", rounds, {
      {"bare futex", at(bare_futex_wakes)},
      {"pop", at(wakes_of<on_pop>)},
      {"select over two rings", at(wakes_of<on_select<wakes::by_ring, false>>)},
  });
  compare("from a wake-up to the handler, descriptors", "a bare eventfd", rounds, {
      {"bare eventfd and poll", at(bare_descriptor_wakes)},
      {"select over ring and pipe, woken by the ring", at(wakes_of<on_select<wakes::by_ring, true>>)},
      {"select over ring and pipe, woken by the pipe", at(wakes_of<on_select<wakes::by_pipe, true>>)},
      {"poller over ring and pipe, woken by the ring", at(wakes_of<on_poller<wakes::by_ring>>)},
      {"poller over ring and pipe, woken by the pipe", at(wakes_of<on_poller<wakes::by_pipe>>)},
      {"the same by the ring, 100 idle ends", [&] { return poller_wakes_among(where, 100); }},
      {"the same by the ring, 1000 idle ends", [&] { return poller_wakes_among(where, 1000); }},
#if SLUICE_BENCH_HAS_ASIO_CHANNEL()
      {"asio concurrent_channel", at(asio_channel_wakes)},
#endif
#if SLUICE_BENCH_HAS_BOOST_FIBER
      {"boost fiber buffered_channel", at(fiber_channel_wakes)},
#endif
  });
  compare("a call over shared memory, spinning", "two transfers", rounds, {
      {"push and pop, both ways", at(two_transfers)},
      {"client.call, served by serve", at(client_calls)},
  });
  return 0;
}

}  // namespace bench

#endif
