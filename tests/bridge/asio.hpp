// SPDX-License-Identifier: MIT
// The tests of the bridge to Asio, for whichever Asio has been included before.
#include <sluice/bridge/asio.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/pipe.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <future>
#include <optional>
#include <thread>
#include <vector>

namespace {

namespace net = sluice::net;
using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::result;
using sluice::status;

/// Pops until the end, one operation after the other.
template <class Source>
void collect(sluice::asio_port& port, Source& from, std::vector<int>& into, errc& why) {
  port.async_pop(from, [&port, &from, &into, &why](result<int> m) {
    if (!m) return (void)(why = m.err().code);
    into.push_back(*m);
    collect(port, from, into, why);
  });
}
template <class Sink>
void send(sluice::asio_port& port, Sink& to, int i, int end) {
  port.async_push(to, i, [&port, &to, i, end](status s) {
    if (s && i + 1 < end) send(port, to, i + 1, end);
    else to.close();
  });
}
std::vector<int> numbers(int n) {
  std::vector<int> v(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) v[static_cast<std::size_t>(i)] = i;
  return v;
}

}  // namespace

TEST_CASE("rings, shared memory and pipes are popped and pushed in the loop of Asio, beside its timers", "[asio]") {
  const test::scratch dir;
  sluice::ring_options o;
  o.directory = dir.c_str();
  o.capacity = 4;
  auto [tx, rx] = sluice::channel<int>(2);
  auto st = sluice::must(sluice::shm_sink<int>("asio", o));
  auto sr = sluice::must(sluice::shm_source<int>("asio", o));
  auto p = sluice::must(sluice::pipe());
  auto pt = sluice::sink_of<int>(std::move(p.out));
  auto pr = sluice::source_of<int>(std::move(p.in));
  net::io_context io;
  std::vector<int> ring, shared, pipe;
  errc why[3] = {};
  int ticks = 0;
  {
    sluice::asio_port port(io.get_executor());
    collect(port, rx, ring, why[0]);
    collect(port, sr, shared, why[1]);
    collect(port, pr, pipe, why[2]);
    send(port, tx, 0, 2000);
    send(port, st, 0, 2000);
    send(port, pt, 0, 20'000);
    net::steady_timer timer(io, 1ms);
    timer.async_wait([&](sluice::net_error e) { ticks += e ? 0 : 1; });
    io.run_for(20s);
    CHECK(port.size() == 0);
  }
  CHECK(ring == numbers(2000));
  CHECK(shared == numbers(2000));
  CHECK(pipe == numbers(20'000));
  for (const errc e : why) CHECK(e == errc::closed);
  CHECK(ticks == 1);
}

TEST_CASE("the loop of Asio sleeps until another thread pushes", "[asio]") {
  auto [tx, rx] = sluice::channel<int>(4);
  net::io_context io;
  sluice::asio_port port(io.get_executor());
  std::vector<int> got;
  errc why = errc::ok;
  collect(port, rx, got, why);
  std::thread other([t = std::move(tx)]() mutable {
    for (int i = 0; i < 300; ++i) {
      if (i % 10 == 0) test::sleep_us(200);
      (void)t.push(i);
    }
  });
  io.run_for(20s);
  other.join();
  CHECK(got == numbers(300));
  CHECK(why == errc::closed);
}

TEST_CASE("an operation whose port goes has taken nothing, and says so", "[asio]") {
  auto [tx, rx] = sluice::channel<int>(1);
  net::io_context io;
  std::vector<errc> said;
  {
    sluice::asio_port port(io.get_executor());
    port.async_pop(rx, [&](result<int> m) { said.push_back(m.err().code); });
    CHECK(tx.push(1));
    port.async_push(tx, 2, [&](status s) { said.push_back(s.err().code); });
    CHECK(said.empty());
  }
  io.run_for(5s);
  CHECK(said == std::vector<errc>{errc::stopped, errc::stopped});
  CHECK(*rx.try_pop() == 1);
  CHECK(rx.try_pop().err() == errc::empty);
}

TEST_CASE("a port may go in the handler of one of its operations", "[asio]") {
  net::io_context io;
  auto [tx, rx] = sluice::channel<int>(4);
  auto [other, rest] = sluice::channel<int>(4);
  auto port = std::make_unique<sluice::asio_port>(io.get_executor());
  unsigned completed = 0;
  error last;
  port->async_pop(rest, [&](result<int> m) { last = m.err(), ++completed; });
  port->async_pop(rx, [&](result<int> m) {
    CHECK(*m == 7);
    ++completed;
    port.reset();
  });
  REQUIRE(tx.push(7));
  io.run_for(10s);
  CHECK(completed == 2);
  CHECK(last == errc::stopped);
  CHECK(other.push(8));
  CHECK(*rest.try_pop() == 8);
}

TEST_CASE("a port that goes lets go of the ends of its cases, though Asio has not run since", "[asio]") {
  net::io_context io;
  int got = 0;
  {
    auto [tx, rx] = sluice::channel<int>(4);
    sluice::asio_port port(io.get_executor());
    REQUIRE(port.add(sluice::on(rx, [&](int) { ++got; })));
    (void)io.poll();  // it is watched
    CHECK(tx.push(1));
  }
  io.restart();
  (void)io.poll();
  CHECK(got == 0);
}

TEST_CASE("a loop of Asio that is given up leaves messages where they are", "[asio]") {
  auto [tx, rx] = sluice::channel<int>(1);
  CHECK(tx.push(1));
  {
    net::io_context io;
    sluice::asio_port port(io.get_executor());
    port.async_pop(rx, [](result<int>) {});
  }
  CHECK(*rx.try_pop() == 1);
}

TEST_CASE("a loop of Asio that is never run, or goes first, leaves nothing behind", "[asio]") {
  auto [tx, rx] = sluice::channel<int>(1);
  auto kept = std::make_shared<int>(0);
  {
    net::io_context io;
    sluice::asio_port port(io.get_executor());
    port.async_pop(rx, [kept](result<int>) { ++*kept; });
  }
  CHECK(kept.use_count() == 1);
  CHECK(*kept == 0);
}

TEST_CASE("Asio's futures and handlers get what the verb returns", "[asio]") {
  auto [tx, rx] = sluice::channel<int>(1);
  net::io_context io;
  sluice::asio_port port(io.get_executor());
  CHECK(tx.push(7));
  std::future<result<int>> f = port.async_pop(rx, net::use_future);
  std::future<status> g = port.async_push(tx, 8, net::use_future);
  bool in_the_call = true;
  int handled = 0;
  io.run_for(5s);
  io.restart();
  CHECK(*f.get() == 7);
  CHECK(g.get());
  port.async_pop(rx, [&](result<int> m) {
    CHECK(!in_the_call);
    handled = *m;
  });
  in_the_call = false;
  io.run_for(5s);
  CHECK(handled == 8);
}

TEST_CASE("a port takes cases, too, and keeps the loop of Asio only while there are some", "[asio]") {
  auto [tx, rx] = sluice::channel<int>(8);
  net::io_context io;
  sluice::asio_port port(io.get_executor());
  int sum = 0, ticks = 0;
  REQUIRE(port.add(sluice::on(rx, [&](int m) { sum += m; })));
  const auto key = port.add(sluice::after(1ms, [&] { ++ticks; }));
  REQUIRE(key);
  for (int i = 0; i < 5; ++i) CHECK(tx.push(i));
  io.run_for(20ms);
  CHECK(ticks > 1);
  CHECK(sum == 10);
  CHECK(port.remove(*key));
  tx.close();
  io.restart();
  CHECK(io.run_for(5s) != 0);
  CHECK(io.stopped());
  CHECK(port.size() == 0);
}
