// SPDX-License-Identifier: MIT
#include <sluice/signal/dispatcher.hpp>
#include <sluice/signal/isr_events.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <csignal>
#include <cstdint>
#include <stdexcept>
#include <sys/time.h>
#include <thread>
#include <vector>

using sluice::dispatcher;
using sluice::errc;
using sluice::isr_events;

TEST_CASE("what an interrupt posts is dispatched by the main loop, in order, and not before", "[dispatcher]") {
  std::vector<unsigned> got;
  isr_events<unsigned, 8> events;
  dispatcher<void(unsigned), 1> d;
  auto s = d.subscribe([&got](unsigned e) { got.push_back(e); });
  CHECK(events.drain(d) == 0);
  for (unsigned i = 0; i < 5; ++i) REQUIRE(events.post(i));
  CHECK(got.empty());
  CHECK(events.drain(d) == 5);
  CHECK(got == std::vector<unsigned>{0, 1, 2, 3, 4});
  CHECK(events.lost() == 0);
}

TEST_CASE("events that find no room are refused and counted, and none that was accepted is lost", "[dispatcher]") {
  unsigned got = 0;
  isr_events<unsigned, 8> events;
  dispatcher<void(unsigned), 1> d;
  auto s = d.subscribe([&got](unsigned) { ++got; });
  unsigned accepted = 0;
  for (unsigned i = 0; i < 100; ++i) {
    const auto r = events.post(i);
    if (r) ++accepted;
    else REQUIRE(r.err() == errc::full);
  }
  CHECK(accepted >= 8);
  CHECK(events.lost() == 100 - accepted);
  while (events.drain(d) != 0) {}
  CHECK(got == accepted);
}

TEST_CASE("a drain ends however many events come meanwhile", "[dispatcher]") {
  isr_events<unsigned, 8> events;
  dispatcher<void(unsigned), 1> d;
  auto s = d.subscribe([&events](unsigned e) { (void)events.post(e + 1); });
  REQUIRE(events.post(0));
  CHECK(events.drain(d) == 8);
  CHECK(events.drain(d) == 8);
}

TEST_CASE("a handler may drain what is behind its event, or throw and lose only its own", "[dispatcher]") {
  std::vector<unsigned> got;
  isr_events<unsigned, 8> events;
  struct all {
    isr_events<unsigned, 8>& events;
    std::vector<unsigned>& got;
    dispatcher<void(unsigned), 1> d{};
  } x{events, got};
  auto s = x.d.subscribe([&x](unsigned e) {
    if (e == 1) x.events.drain(x.d);
    if (e == 3) throw std::runtime_error("3");
    x.got.push_back(e);
  });
  for (const unsigned e : {0u, 1u, 2u, 4u}) REQUIRE(events.post(e));
  CHECK(events.drain(x.d) == 2);  // the others were the inner one's
  CHECK(got == std::vector<unsigned>{0, 2, 4, 1});
  got.clear();
  for (const unsigned e : {5u, 3u, 6u}) REQUIRE(events.post(e));
  CHECK_THROWS_AS(events.drain(x.d), std::runtime_error);
  CHECK(events.drain(x.d) == 1);
  CHECK(got == std::vector<unsigned>{5, 6});
}

namespace {

isr_events<std::uint32_t, 64>* interrupted = nullptr;
std::uint32_t posted = 0;  // of the handler alone
void interrupt(int) {
  if (interrupted->post(posted)) ++posted;
}

struct in_order {
  std::uint32_t next = 0, wrong = 0;
  void operator()(std::uint32_t e) {
    wrong += e != next;
    next = e + 1;
  }
};

}  // namespace

TEST_CASE("an interrupt at any instruction of the main loop loses and doubles nothing", "[dispatcher]") {
  if (test::holds_signals_back) return;
  isr_events<std::uint32_t, 64> events;
  dispatcher<void(std::uint32_t), 2> d;
  in_order order;
  auto s = d.subscribe([&order](std::uint32_t e) { order(e); });
  interrupted = &events;
  posted = 0;
  struct sigaction a = {}, before = {};
  a.sa_handler = interrupt;
  ::sigaction(SIGALRM, &a, &before);
  const itimerval often{{0, 50}, {0, 50}}, never{};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  for (unsigned i = 0; i < 200'000'000 && order.next < 2000; ++i) events.drain(d);
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  while (events.drain(d) != 0) {}
  CHECK(order.next >= 2000);
  CHECK(order.next == posted);
  CHECK(order.wrong == 0);
}

TEST_CASE("the interrupt may be another core", "[dispatcher]") {
  isr_events<std::uint32_t, 16> events;
  dispatcher<void(std::uint32_t), 2> d;
  in_order order;
  auto s = d.subscribe([&order](std::uint32_t e) { order(e); });
  constexpr std::uint32_t many = 100'000;
  std::thread other([&] {
    for (std::uint32_t i = 0; i < many;)
      if (events.post(i)) ++i;
      else std::this_thread::yield();
  });
  while (order.next != many)
    if (events.drain(d) == 0) std::this_thread::yield();
  other.join();
  CHECK(order.wrong == 0);
}
