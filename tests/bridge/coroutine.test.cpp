// SPDX-License-Identifier: MIT
#include <sluice/bridge/coroutine.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/channel/crowds.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/flow/map.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/pipe.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::loop;
using sluice::task;

template <class End>
task collect(loop& io, End& from, std::vector<int>& into, sluice::until u = {}, errc* why = nullptr) {
  for (;;) {
    auto m = co_await io.pop(from, u);
    if (!m) {
      if (why != nullptr) *why = m.err().code;
      co_return;
    }
    into.push_back(*m);
  }
}
template <class End>
task send(loop& io, End& to, int from, int count) {
  for (int i = 0; i < count; ++i)
    if (!co_await io.push(to, from + i)) co_return;
  to.close();
}
std::vector<int> numbers(int from, int count) {
  std::vector<int> v;
  for (int i = 0; i < count; ++i) v.push_back(from + i);
  return v;
}

/// Somebody else's coroutine: begins at once, belongs to nobody.
struct detached {
  struct promise_type {
    detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

}  // namespace

TEST_CASE("coroutines push and pop through rings, shared memory and pipes on one thread", "[coroutine]") {
  const test::scratch dir;
  sluice::ring_options o;
  o.directory = dir.c_str();
  o.capacity = 4;
  auto [rt, rr] = sluice::channel<int>(2);
  auto st = sluice::must(sluice::shm_sink<int>("coroutine", o));
  auto sr = sluice::must(sluice::shm_source<int>("coroutine", o));
  auto p = sluice::must(sluice::pipe());
  auto pt = sluice::sink_of<int>(std::move(p.out));
  auto pr = sluice::source_of<int>(std::move(p.in));
  std::vector<int> ring, shared, pipe;
  errc why = errc::ok;
  loop io;
  io.spawn(collect(io, rr, ring, {}, &why));
  io.spawn(collect(io, sr, shared));
  io.spawn(collect(io, pr, pipe, 5s));
  io.spawn(send(io, rt, 0, 1000));
  io.spawn(send(io, st, 1000, 1000));
  io.spawn(send(io, pt, 2000, 30'000));
  CHECK(io.tasks() != 0);
  CHECK(io.run(20s));
  CHECK(io.tasks() == 0);
  CHECK(why == errc::closed);
  CHECK(ring == numbers(0, 1000));
  CHECK(shared == numbers(1000, 1000));
  CHECK(pipe == numbers(2000, 30'000));
}

TEST_CASE("a coroutine sleeps until another thread has something for it, or takes it", "[coroutine]") {
  auto [there_t, there_r] = sluice::channel<int>(1);
  auto [back_t, back_r] = sluice::channel<int>(1);
  std::thread echo([r = std::move(there_r), t = std::move(back_t)]() mutable {
    for (auto& m : r.each(10s)) (void)t.push(m, 10s);
  });
  int rounds = 0;
  loop io;
  io.spawn([](loop& l, auto& out, auto& in, int& n) -> task {
    for (int i = 0; i < 2000; ++i) {
      if (!co_await l.push(out, i, 10s)) break;
      const auto m = co_await l.pop(in, 10s);
      if (!m || *m != i) break;
      ++n;
    }
    out.close();
  }(io, there_t, back_r, rounds));
  io.run();
  echo.join();
  CHECK(rounds == 2000);
}

TEST_CASE("a coroutine's patience ends, with nothing taken and nothing sent", "[coroutine]") {
  auto [tx, rx] = sluice::channel<int>(1);
  sluice::stop halt;
  std::vector<errc> said;
  loop io;
  io.spawn([](loop& l, decltype(tx)& t, decltype(rx)& r, sluice::stop& s, std::vector<errc>& heard) -> task {
    heard.push_back((co_await l.pop(r, sluice::now)).err().code);
    heard.push_back((co_await l.pop(r, 2ms)).err().code);
    (void)co_await l.push(t, 1);
    heard.push_back((co_await l.push(t, 2, 2ms)).err().code);
    heard.push_back((co_await l.push(t, 3, std::chrono::steady_clock::now() + 2ms)).err().code);
    s.request();
    heard.push_back((co_await l.push(t, 4, s)).err().code);
    heard.push_back((co_await l.sleep(1ms)).err().code);
    heard.push_back((co_await l.sleep({1h, s})).err().code);
  }(io, tx, rx, halt, said));
  io.run();
  CHECK(said == std::vector<errc>{errc::empty, errc::timeout, errc::timeout, errc::timeout, errc::stopped, errc::timeout,
                                  errc::stopped});
  CHECK(*rx.try_pop() == 1);
  CHECK(rx.try_pop().err() == errc::empty);
}

TEST_CASE("a stop that another thread requests wakes a coroutine, which takes nothing any more", "[coroutine]") {
  auto [tx, rx] = sluice::channel<int>(4);
  for (int round = 0; round < 200; ++round) {
    sluice::stop halt;
    std::vector<int> got;
    errc why = errc::ok;
    loop io;
    io.spawn(collect(io, rx, got, sluice::until(10s, halt), &why));
    std::thread other([&, t = &tx] {
      if (round % 2 == 0) (void)t->try_push(round);
      halt.request();
    });
    io.run();
    other.join();
    CHECK(why == errc::stopped);
    while (auto m = rx.try_pop()) got.push_back(*m);
    CHECK(got.size() == (round % 2 == 0 ? 1u : 0u));
  }
}

TEST_CASE("run returns when its own patience ends, and goes on later", "[coroutine]") {
  auto [tx, rx] = sluice::channel<int>(4);
  std::vector<int> got;
  loop io;
  io.spawn(collect(io, rx, got));
  CHECK(io.run(sluice::now).err() == errc::timeout);
  CHECK(io.run(1ms).err() == errc::timeout);
  sluice::stop halt;
  halt.request();
  CHECK(io.run(halt).err() == errc::stopped);
  CHECK(io.waiting() == 1);
  CHECK(tx.push(7));
  tx.close();
  io.run();
  CHECK(got == std::vector<int>{7});
  CHECK(io.run(1ms));  // nobody waits
}

TEST_CASE("a coroutine that is destroyed while it waits has taken nothing", "[coroutine]") {
  auto [tx, rx] = sluice::channel<int>(4);
  auto p = sluice::must(sluice::pipe());
  auto pt = sluice::sink_of<int>(std::move(p.out));
  auto pr = sluice::source_of<int>(std::move(p.in));
  std::vector<int> got;
  for (int round = 0; round < 50; ++round) {
    loop io;
    io.spawn(collect(io, rx, got));
    io.spawn(collect(io, pr, got));
    if (round % 2 == 0) CHECK(io.run(1ms).err() == errc::timeout);
    CHECK(tx.push(2 * round));
    CHECK(pt.push(2 * round + 1));
    if (round % 4 == 0) CHECK(io.run(1ms).err() == errc::timeout);
  }  // the loop goes, and its tasks with it
  while (auto m = rx.try_pop()) got.push_back(*m);
  while (auto m = pr.try_pop()) got.push_back(*m);
  std::sort(got.begin(), got.end());
  CHECK(got == numbers(0, 100));
}

TEST_CASE("messages of other threads reach coroutines once and in order, whatever becomes of the waits", "[coroutine]") {
  constexpr int n = SLUICE_TEST_TIER_FULL ? 200'000 : 10'000;
  auto [tx, rx] = sluice::channel<int>(3);
  auto p = sluice::must(sluice::pipe());
  auto pt = sluice::sink_of<int>(std::move(p.out));
  auto pr = sluice::source_of<int>(std::move(p.in));
  std::thread a([t = std::move(tx)]() mutable {
    for (int i = 0; i < n; ++i)
      if (i % 64 == 0) test::sleep_us(i % 5 * 10), (void)t.push(i);
      else (void)t.push(i);
  });
  std::thread b([t = std::move(pt)]() mutable {
    for (int i = 0; i < n; ++i)
      if (i % 64 == 0) test::sleep_us(i % 7 * 10), (void)t.push(i);
      else (void)t.push(i);
  });
  test::dice d(1);
  std::vector<int> ring, pipe;
  errc ring_ended = errc::ok, pipe_ended = errc::ok;
  unsigned long lives = 0;
  while (ring_ended != errc::closed || pipe_ended != errc::closed) {
    sluice::stop halt;
    loop io(sluice::poller_options{.budget = static_cast<unsigned>(d.below(4) + 1)});
    const auto patience = std::chrono::microseconds(d.below(200));
    io.spawn(collect(io, rx, ring, sluice::until(patience, halt), &ring_ended));
    io.spawn(collect(io, pr, pipe, halt, &pipe_ended));
    std::thread stopper([&, us = static_cast<long>(d.below(300))] {
      test::sleep_us(us);
      halt.request();
    });
    if (d.below(2) == 0) (void)io.run(std::chrono::microseconds(d.below(300)));
    else io.run();
    ++lives;
    stopper.join();
  }
  a.join();
  b.join();
  CHECK(lives > 1);
  CHECK(ring == numbers(0, n));
  CHECK(pipe == numbers(0, n));
}

TEST_CASE("a task that is always ready lets the others have their turn", "[coroutine]") {
  auto [tx, rx] = sluice::channel<int>(64);
  auto [ot, orr] = sluice::channel<int>(64);
  int greedy = 0, modest = 0;
  loop io(sluice::poller_options{.budget = 16});
  io.spawn([](loop& l, auto& t, auto& r, int& n, int& others) -> task {
    while (others < 100) {
      (void)co_await l.push(t, 1);
      (void)co_await l.pop(r);
      ++n;
    }
  }(io, tx, rx, greedy, modest));
  io.spawn([](loop& l, auto& t, auto& r, int& n) -> task {
    for (; n < 100; ++n) {
      (void)co_await l.push(t, 1);
      (void)co_await l.pop(r);
      (void)co_await l.yield();
    }
  }(io, ot, orr, modest));
  io.run();
  CHECK(modest == 100);
  CHECK(greedy < 100 * 20);
}

TEST_CASE("tasks await tasks, and get what they return", "[coroutine]") {
  auto [tx, rx] = sluice::channel<int>(2);
  struct nested {
    static sluice::task_of<int> sum(loop& io, decltype(rx)& from, int n) {
      int s = 0;
      for (int i = 0; i < n; ++i) {
        auto m = co_await io.pop(from);
        if (!m) co_return -1;
        s += *m;
      }
      co_return s;
    }
    static task twice(loop& io, decltype(rx)& from, int& a, int& b) {
      a = co_await sum(io, from, 3);
      b = co_await sum(io, from, 2);
    }
  };
  int a = 0, b = 0;
  loop io;
  io.spawn(nested::twice(io, rx, a, b));
  io.spawn(send(io, tx, 1, 5));
  io.run();
  CHECK(a == 6);
  CHECK(b == 9);
  { const auto never_begun = nested::sum(io, rx, 1); }
  io.spawn(nested::twice(io, rx, a, b));  // the channel has ended
  io.run();
  CHECK(a == -1);
}

TEST_CASE("sleepers sleep side by side, each for its time", "[coroutine]") {
  std::vector<int> early;
  int woken = 0;
  loop io;
  const auto begin = test::now_ns();
  for (const int ms : {90, 30, 60, 1, 0})
    io.spawn([](loop& l, std::vector<int>& e, int& n, int t) -> task {
      const auto from = test::now_ns();
      (void)co_await l.sleep(std::chrono::milliseconds(t));
      if (test::now_ns() - from < t * 1'000'000) e.push_back(t);
      ++n;
    }(io, early, woken, ms));
  io.run();
  CHECK(woken == 5);
  CHECK(early.empty());
  CHECK(test::now_ns() - begin < 179'000'000);
}

TEST_CASE("coroutines of others await the same verbs", "[coroutine]") {
  auto [tx, rx] = sluice::channel<int>(1);
  int got = 0;
  loop io;
  [](loop& l, auto& r, int& n) -> detached {
    while (auto m = co_await l.pop(r)) n += *m;
  }(io, rx, got);
  CHECK(io.waiting() == 1);
  io.spawn(send(io, tx, 1, 10));
  io.run();
  CHECK(got == 55);
}

TEST_CASE("messages are borrowed and built in place by coroutines", "[coroutine]") {
  auto [tx, rx] = sluice::channel<int>(1);
  int sum = 0;
  loop io;
  io.spawn([](loop& l, auto& t) -> task {
    for (int i = 1; i <= 10; ++i) {
      auto place = co_await l.claim(t);
      *place = i;
      place.commit();
    }
    t.close();
  }(io, tx));
  io.spawn([](loop& l, auto& r, int& s) -> task {
    while (auto m = co_await l.borrow(r, 5s)) s += *m;
  }(io, rx, sum));
  io.run();
  CHECK(sum == 55);
}

TEST_CASE("one stop ends any number of waits", "[coroutine]") {
  auto [at, ar] = sluice::channel<int>(1);
  auto [bt, br] = sluice::channel<int>(1);
  sluice::stop halt;
  errc why[3] = {};
  std::vector<int> none;
  bool told = false;
  loop io;
  io.spawn(collect(io, ar, none, halt, &why[0]));
  io.spawn(collect(io, br, none, halt, &why[1]));
  io.spawn([](loop& l, sluice::stop& s, errc& e) -> task {
    const auto over = co_await l.sleep({1h, s});
    e = over.err().code;
  }(io, halt, why[2]));
  REQUIRE(io.cases().add(sluice::on(halt, [&] { told = true; })));
  std::thread other([&] {
    test::sleep_us(2000);
    halt.request();
  });
  CHECK(io.run(20s));
  other.join();
  for (const errc e : why) CHECK(e == errc::stopped);
  CHECK(told);
}

TEST_CASE("run ends when nobody waits, though times go on", "[coroutine]") {
  loop io;
  int ticks = 0;
  REQUIRE(io.cases().add(sluice::after(1ms, [&] { ++ticks; })));
  io.spawn([](loop& l) -> task { (void)co_await l.sleep(5ms); }(io));
  CHECK(io.run(20s));
  CHECK(ticks > 0);
  CHECK(io.waiting() == 1);
}

TEST_CASE("a push into a stream brings all of the message on its way, as the push that blocks does", "[coroutine]") {
  struct large {
    char bytes[200'000];
  };
  auto p = sluice::must(sluice::pipe());
  auto pt = sluice::sink_of<large>(std::move(p.out));
  bool came = false;
  std::thread reader([&came, r = sluice::source_of<large>(std::move(p.in))]() mutable {
    came = static_cast<bool>(*std::make_unique<sluice::result<large>>(r.pop(20s)));
  });
  bool sent = false;
  loop io;
  io.spawn([](loop& l, auto& to, bool& done) -> task {
    const auto m = std::make_unique<large>();
    done = static_cast<bool>(co_await l.push(to, *m, 20s));
  }(io, pt, sent));
  io.run();
  CHECK(sent);
  reader.join();
  CHECK(came);  // all of it, though nobody has flushed
  pt.close();
}

TEST_CASE("each thread has a loop of its own", "[coroutine]") {
  constexpr int n = 3000;
  auto [at, ar] = sluice::channel<int>(8);
  auto [bt, br] = sluice::channel<int, sluice::mpsc>(8);
  std::vector<int> got;
  std::thread middle([r = std::move(ar), t = std::move(bt)]() mutable {
    loop io;
    io.spawn([](loop& l, auto& from, auto& to) -> task {
      while (auto m = co_await l.pop(from, 10s)) (void)co_await l.push(to, *m, 10s);
      to.close();
    }(io, r, t));
    io.run();
  });
  std::thread last([&got, r = std::move(br)]() mutable {
    loop io;
    io.spawn(collect(io, r, got, 10s));
    io.run();
  });
  loop io;
  io.spawn(send(io, at, 0, n));
  io.run();
  middle.join();
  last.join();
  CHECK(got == numbers(0, n));
}

#ifdef __cpp_exceptions
TEST_CASE("what a task throws comes out where it is awaited, or of run", "[coroutine]") {
  auto [tx, rx] = sluice::channel<int>(4);
  auto strict = rx | sluice::map([](int i) { return i != 2 ? i : throw std::runtime_error("two"); });
  std::vector<int> got;
  loop io;
  io.spawn(collect(io, strict, got));  // waits, so that it is thrown at while it does
  for (int i : {1, 2, 3}) CHECK(tx.push(i));
  CHECK_THROWS_WITH(io.run(), "two");
  CHECK(io.tasks() == 0);
  CHECK(got == std::vector<int>{1});
  CHECK(*rx.try_pop() == 3);
  bool caught = false;
  io.spawn([](bool& c) -> task {
    try {
      co_await []() -> task {
        throw 1;
        co_return;
      }();
    } catch (int) {
      c = true;
    }
  }(caught));
  io.run();
  CHECK(caught);
  CHECK_THROWS(io.spawn([]() -> task {
    throw 1;
    co_return;
  }()));
}
TEST_CASE("of two tasks that throw in one turn, what the first has thrown comes out, and not in a task that begins another", "[coroutine]") {
  auto [tx, rx] = sluice::channel<int, sluice::spmc>(4);
  auto second = sluice::must(rx.clone());
  auto third = sluice::must(rx.clone());
  bool spawned = false;
  loop io;
  const auto thrower = [](loop& l, auto& from) -> task {
    if (const auto m = co_await l.pop(from)) throw *m;
  };
  io.spawn(thrower(io, rx));
  io.spawn(thrower(io, second));
  io.spawn([](loop& l, auto& from, bool& done) -> task {
    (void)co_await l.pop(from);
    l.spawn([]() -> task { co_return; }());
    done = true;
  }(io, third, spawned));
  for (int i : {1, 2, 3}) REQUIRE(tx.push(i));
  CHECK_THROWS_AS(io.run(), int);
  CHECK(spawned);
  CHECK(io.tasks() == 0);
  io.run();
}
#endif
