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

#include <sluice/bridge/asio.hpp>
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
#if SLUICE_BENCH_HAS_ASIO
/// Two loops of Asio: `Side(io, mine, theirs)` has wake() and sleep() to be awaited.
template <class Side, class Road>
double asio_wake_ns(const arrangement& where, asio::io_context (&io)[2], Road& a, Road& b) {
  constexpr unsigned rounds = 3000;
  double ns = 0;
  const auto echo = [&](unsigned who) -> asio::awaitable<void> {
    Side side(io[who], who == 0 ? a : b, who == 0 ? b : a);
    const double began = now_ns();
    for (unsigned i = 0; i < rounds; ++i) {
      if (who == 0) co_await side.wake();
      co_await side.sleep();
      if (who != 0) co_await side.wake();
    }
    if (who == 0) ns = (now_ns() - began) / rounds / 2;
  };
  for (const unsigned who : {1u, 0u}) asio::co_spawn(io[who], echo(who), asio::detached);
  std::thread other([&] {
    pin(where.cpu[1]);
    io[1].run();
  });
  pin(where.cpu[0]);
  io[0].run();
  other.join();
  return ns;
}
struct on_asio_port {
  road &mine, &theirs;
  sluice::asio_port port;

  on_asio_port(asio::io_context& io, road& m, road& t) : mine(m), theirs(t), port(io.get_executor()) {}
  asio::awaitable<void> wake() {
    wake_over<wakes::by_ring>(theirs);
    co_return;
  }
  asio::awaitable<void> sleep() { (void)co_await port.async_pop(mine.ring.rx, asio::use_awaitable); }
};
inline double asio_port_wakes(const arrangement& where) {
  asio::io_context io[2];
  road a, b;
  return asio_wake_ns<on_asio_port>(where, io, a, b);
}
#endif
#if SLUICE_BENCH_HAS_ASIO_CHANNEL()
using asio_channel = asio::experimental::concurrent_channel<void(std::error_code, std::uint64_t)>;
struct on_asio_channel {
  asio_channel &mine, &theirs;

  on_asio_channel(asio::io_context&, asio_channel& m, asio_channel& t) : mine(m), theirs(t) {}
  auto wake() { return theirs.async_send(std::error_code(), 1, asio::use_awaitable); }
  auto sleep() { return mine.async_receive(asio::use_awaitable); }
};
inline double asio_channel_wakes(const arrangement& where) {
  asio::io_context io[2];
  asio_channel a(io[0], 8), b(io[1], 8);
  return asio_wake_ns<on_asio_channel>(where, io, a, b);
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

// ---- a stream of messages between two threads, through 1024 places

constexpr std::uint64_t messages_streamed = 200'000;

/// ns for each message. `send(i)` and `take()` run in a thread each.
template <class Send, class Take>
double stream_ns(const arrangement& where, Send send, Take take) {
  std::thread sender([&] {
    pin(where.cpu[1]);
    for (std::uint64_t i = 0; i < messages_streamed; ++i) send(i);
  });
  pin(where.cpu[0]);
  const double began = now_ns();
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < messages_streamed; ++i) sum += take();
  const double ns = (now_ns() - began) / static_cast<double>(messages_streamed);
  sender.join();
  if (sum != messages_streamed * (messages_streamed - 1) / 2) die("a message was lost");
  return ns;
}
inline double streamed_by_verbs(const arrangement& where) {
  auto [tx, rx] = sluice::channel<std::uint64_t>(1024);
  return stream_ns(where, [&](std::uint64_t i) { (void)tx.push(i); }, [&] { return *rx.pop(); });
}
inline double streamed_by_select(const arrangement& where) {
  auto [tx, rx] = sluice::channel<std::uint64_t>(1024);
  auto [idle_tx, idle_rx] = sluice::channel<std::uint64_t>(1024);
  std::uint64_t got = 0;
  const auto keep = [&](std::uint64_t m) { got = m; };
  auto both = sluice::select(sluice::on(rx, keep), sluice::on(idle_rx, keep));
  return stream_ns(where, [&](std::uint64_t i) { (void)tx.push(i); }, [&] { return (void)both.wait(), got; });
}
inline sluice::task add_up(sluice::loop& io, sluice::source auto& in, std::uint64_t& sum) {
  for (std::uint64_t i = 0; i < messages_streamed; ++i) sum += *co_await io.pop(in);
}
inline double streamed_to_coroutine(const arrangement& where) {
  auto [tx, rx] = sluice::channel<std::uint64_t>(1024);
  std::thread sender([&, out = std::move(tx)]() mutable {
    pin(where.cpu[1]);
    for (std::uint64_t i = 0; i < messages_streamed; ++i) (void)out.push(i);
  });
  pin(where.cpu[0]);
  sluice::loop io;
  std::uint64_t sum = 0;
  const double began = now_ns();
  io.spawn(add_up(io, rx, sum));
  io.run();
  const double ns = (now_ns() - began) / static_cast<double>(messages_streamed);
  sender.join();
  if (sum != messages_streamed * (messages_streamed - 1) / 2) die("a message was lost");
  return ns;
}
#if SLUICE_BENCH_HAS_ASIO_CHANNEL()
inline double streamed_by_asio(const arrangement& where) {
  asio::io_context io[2];
  asio_channel c(io[0], 1024);
  std::uint64_t sum = 0;
  asio::co_spawn(io[1], [&]() -> asio::awaitable<void> {
    for (std::uint64_t i = 0; i < messages_streamed; ++i) co_await c.async_send(std::error_code(), i, asio::use_awaitable);
  }, asio::detached);
  asio::co_spawn(io[0], [&]() -> asio::awaitable<void> {
    for (std::uint64_t i = 0; i < messages_streamed; ++i) sum += co_await c.async_receive(asio::use_awaitable);
  }, asio::detached);
  std::thread sender([&] {
    pin(where.cpu[1]);
    io[1].run();
  });
  pin(where.cpu[0]);
  const double began = now_ns();
  io[0].run();
  const double ns = (now_ns() - began) / static_cast<double>(messages_streamed);
  sender.join();
  if (sum != messages_streamed * (messages_streamed - 1) / 2) die("a message was lost");
  return ns;
}
#endif
#if SLUICE_BENCH_HAS_BOOST_FIBER
inline double streamed_by_fiber_channel(const arrangement& where) {
  on_fiber_channel::channel c(1024);
  return stream_ns(where, [&](std::uint64_t i) { (void)c.push(i); }, [&] { return c.value_pop(); });
}
#endif

// ---- fairness: who is served how often, and how long one waits that has a message all the time

class shares {
 public:
  explicit shares(std::size_t n) : each_(n) {}
  void served(std::size_t who) {
    ++turns_;
    auto& one = each_[who];
    if (one.count++ != 0) longest_ = std::max(longest_, turns_ - one.last);
    one.last = turns_;
  }
  /// Of somebody whose turns are not counted one by one.
  void served(std::size_t who, std::uint64_t messages) { each_[who].count = messages, turns_ += messages; }
  void print(const char* what) const {
    const auto [least, most] = std::minmax_element(each_.begin(), each_.end(), [](auto& a, auto& b) { return a.count < b.count; });
    const auto percent = [&](std::uint64_t n) { return 100.0 * static_cast<double>(n) / static_cast<double>(turns_); };
    std::printf("| %s | %zu | %.2f | %.2f |", what, each_.size(), percent(least->count), percent(most->count));
    if (longest_ != 0) std::printf(" %llu |\n", static_cast<unsigned long long>(longest_));
    else std::printf(" |\n");
  }

 private:
  struct tally {
    std::uint64_t count = 0, last = 0;
  };
  std::vector<tally> each_;
  std::uint64_t turns_ = 0, longest_ = 0;
};

/// Four rings and a pipe that always have a message: each that is taken is replaced.
struct plenty {
  four_rings r;
  road pipes;
  shares served{5};

  plenty() {
    r.fill(4);
    for (unsigned i = 0; i < 100; ++i) (void)pipes.into.push(i);
  }
  auto case_of(unsigned k) {
    return sluice::on(r.ring[k].rx, [this, k](std::uint64_t m) { served.served(k), (void)r.ring[k].tx.try_push(m); });
  }
  auto case_of_pipe() {
    return sluice::on(pipes.from, [this](std::uint64_t m) { served.served(4), (void)pipes.into.try_push(m); });
  }
};
/// Consumers of one ring, and as many producers, more threads than cores.
inline shares of_consumers(unsigned n) {
  auto [tx, rx] = sluice::channel<std::uint64_t, sluice::mpmc>(1024);
  constexpr std::uint64_t each = 400'000;
  std::vector<std::uint64_t> had(n);
  std::vector<std::thread> all;
  for (unsigned k = 0; k < n; ++k) {
    all.emplace_back([&had, k, in = sluice::must(rx.clone())]() mutable {
      std::uint64_t mine = 0;
      while (in.pop()) ++mine;
      had[k] = mine;
    });
    all.emplace_back([out = sluice::must(tx.clone())]() mutable {
      for (std::uint64_t i = 0; i < each; ++i) (void)out.push(i);
    });
  }
  tx.close(), rx.close();
  for (auto& t : all) t.join();
  shares s(n);
  for (unsigned k = 0; k < n; ++k) s.served(k, had[k]);
  return s;
}
inline void measure_fairness() {
  constexpr unsigned turns = 200'000;
  std::printf("\n| fairness: all have messages all the time | ends | least served, %% | most | longest between two turns of one |\n|---|---|---|---|---|\n");
  {
    plenty p;
    auto s = sluice::select(p.case_of(0), p.case_of(1), p.case_of(2), p.case_of(3), p.case_of_pipe());
    for (unsigned i = 0; i < turns; ++i) (void)s.wait();
    p.served.print("select over four rings and a pipe");
  }
  {
    plenty p;
    sluice::poller all;
    for (unsigned k = 0; k < 4; ++k) (void)all.add(p.case_of(k));
    (void)all.add(p.case_of_pipe());
    for (std::size_t done = 0; done < turns;) done += *all.run();
    p.served.print("poller over the same, a budget of 16");
  }
  {
    four_rings r;
    shares s(4);
    auto all = sluice::merge(r.ring[0].rx, r.ring[1].rx, r.ring[2].rx, r.ring[3].rx);
    for (std::uint64_t k = 0; k < 4; ++k) (void)r.ring[k].tx.push(k), (void)r.ring[k].tx.push(k);
    for (unsigned i = 0; i < turns; ++i) {
      const auto k = *all.pop();
      s.served(k), (void)r.ring[k].tx.push(k);
    }
    s.print("merge of four rings");
  }
}
/// A share is what a scheduler gives a thread, so several runs.
inline void measure_consumers(unsigned rounds) {
  for (unsigned r = 0; r < rounds; ++r) of_consumers(4).print("four consumers of one mpmc, four producers");
}

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
#if SLUICE_BENCH_HAS_ASIO
      {"asio_port, co_await async_pop of a ring", at(asio_port_wakes)},
#endif
#if SLUICE_BENCH_HAS_ASIO_CHANNEL()
      {"asio concurrent_channel", at(asio_channel_wakes)},
#endif
#if SLUICE_BENCH_HAS_BOOST_FIBER
      {"boost fiber buffered_channel", at(fiber_channel_wakes)},
#endif
  });
  compare("a message of a stream, two threads", "push and pop", rounds, {
      {"push and pop", at(streamed_by_verbs)},
      {"push, select over two rings", at(streamed_by_select)},
      {"push, co_await pop", at(streamed_to_coroutine)},
#if SLUICE_BENCH_HAS_ASIO_CHANNEL()
      {"asio concurrent_channel", at(streamed_by_asio)},
#endif
#if SLUICE_BENCH_HAS_BOOST_FIBER
      {"boost fiber buffered_channel", at(streamed_by_fiber_channel)},
#endif
  });
  measure_fairness();
  measure_consumers(std::min(rounds, 5u));
  compare("a call over shared memory, spinning", "two transfers", rounds, {
      {"push and pop, both ways", at(two_transfers)},
      {"client.call, served by serve", at(client_calls)},
  });
  return 0;
}

}  // namespace bench

#endif
