// SPDX-License-Identifier: MIT
#include <sluice/flow/select.hpp>

#include "catch.hpp"
#include "flow/traffic.hpp"
#include "refusing.hpp"
#include "wait/fake_end.hpp"

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <vector>

using namespace std::chrono_literals;
using flow_test::u64;
using sluice::after;
using sluice::errc;
using sluice::error;
using sluice::on;
using sluice::select;
using sluice::step;
using sluice::stop;
using sluice::when_room;
using std::chrono::steady_clock;
using end = wait_test::fake_end<>;

namespace {

struct polled_end : end {
  static constexpr bool polled = true;
};

std::size_t count(const std::string& log, char c) {
  return static_cast<std::size_t>(std::count(log.begin(), log.end(), c));
}
bool armed(const end& e) { return count(e.log, 'a') != count(e.log, 'd'); }

}  // namespace

TEST_CASE("a select calls the handler of what has come, and says which", "[select]") {
  auto [a, ra] = sluice::channel<int>(4);
  auto [b, rb] = sluice::channel<std::string>(4);
  int number = 0;
  std::string text;
  auto both = select(on(ra, [&](int n) { number = n; }), on(rb, [&](std::string s) { text = std::move(s); }));
  CHECK(both.wait(sluice::now).err() == errc::empty);
  REQUIRE(b.push("hello"));
  auto t = both.wait(5s);
  REQUIRE(t);
  CHECK(t->which == 1);
  CHECK(!t->why);
  CHECK(text == "hello");
  REQUIRE(a.push(7));
  t = both.wait(1s);
  REQUIRE(t);
  CHECK(t->which == 0);
  CHECK(number == 7);
}

TEST_CASE("rings, a pipe, a signal, a stop and a time are waited for together", "[select]") {
  auto [tx, rx] = sluice::channel<int>(4);
  auto p = sluice::must(sluice::pipe());
  auto out = sluice::sink_of<int>(std::move(p.out));
  auto in = sluice::source_of<int>(std::move(p.in));
  sluice::signal_set keys{SIGUSR1};
  stop halt;
  std::string log;
  auto loop = select(on(rx, [&](int n) { log += 'r', log += static_cast<char>('0' + n); }),
                     on(in, [&](int n) { log += 'p', log += static_cast<char>('0' + n); }),
                     on(keys, [&](sluice::signal_event) { log += 's'; }), on(halt, [&] { log += 'h'; }),
                     after(300ms, [&] { log += 't'; }));
  std::thread world([&, &tx = tx] {
    const auto next = [&] { test::sleep_us(5000); };
    next(), (void)tx.push(1);
    next(), (void)out.push(2);
    next(), ::raise(SIGUSR1);
    next(), halt.request();
    next(), (void)tx.push(3);
  });
  const auto begun = steady_clock::now();
  for (int i = 0; i < 6; ++i) CHECK(loop.wait(10s));
  world.join();
  const auto took = steady_clock::now() - begun;
  CHECK(log == "r1p2shr3t");
  CHECK((took >= 300ms && took < 5s));
}

TEST_CASE("the case behind the last one has the first turn", "[select]") {
  end a, b, c;
  a.succeeds_at = b.succeeds_at = c.succeeds_at = 1;
  int runs[3] = {};
  auto loop = select(on(a, [&](int) { ++runs[0]; }), on(b, [&](int) { ++runs[1]; }), on(c, [&](int) { ++runs[2]; }));
  for (std::size_t i = 0; i < 300; ++i) CHECK(loop.wait(5s)->which == i % 3);
  CHECK((runs[0] == 100 && runs[1] == 100 && runs[2] == 100));
  b.succeeds_at = 0;  // who has nothing is passed over, and the others share evenly
  for (int i = 0; i < 100; ++i) CHECK(loop.wait(5s));
  CHECK((runs[0] == 150 && runs[1] == 100 && runs[2] == 150));
}

TEST_CASE("with prioritized the first that is ready has the turn", "[select]") {
  end a, b;
  b.succeeds_at = 1;
  auto loop = select(sluice::prioritized, on(a, [](int) {}), on(b, [](int) {}));
  CHECK(loop.wait(5s)->which == 1);
  a.succeeds_at = 1;
  for (int i = 0; i < 10; ++i) CHECK(loop.wait(5s)->which == 0);
}

TEST_CASE("a source that is over has one more turn, and the last one closes the select", "[select]") {
  auto [a, ra] = sluice::channel<int>(4);
  auto [b, rb] = sluice::channel<int>(4);
  std::vector<int> got;
  std::vector<error> told;
  stop halt;
  auto loop = select(on(ra, [&](int n) { got.push_back(n); }),
                     on(rb, [&](int n) { got.push_back(n); }, [&](error e) { told.push_back(e); }),
                     on(halt, [] {}), after(1h, [] {}));
  REQUIRE(a.push(1));
  a.close();
  CHECK(!loop.wait(5s)->why);
  CHECK(loop.wait(5s)->why == errc::closed);
  CHECK((loop.over(0) && !loop.over(1)));
  CHECK(loop.wait(1ms).err() == errc::timeout);
  REQUIRE(b.push(2));
  b.close();
  CHECK(loop.wait(5s)->which == 1);
  const auto last = loop.wait(5s);
  CHECK((last->which == 1 && last->why == errc::closed));
  CHECK((told.size() == 1 && told[0] == errc::closed));
  CHECK(loop.wait(5s).err() == errc::closed);
  CHECK(got == std::vector<int>{1, 2});
}

TEST_CASE("a case that is over goes on when it is told to", "[select]") {
  end a;
  a.otherwise = errc::corrupt;
  auto loop = select(on(a, [](int) {}));
  CHECK(loop.wait(5s)->why == errc::corrupt);
  CHECK(loop.wait(5s).err() == errc::closed);
  a.succeeds_at = 1;
  loop.resume(0);
  CHECK(!loop.wait(5s)->why);
}

TEST_CASE("a reader that was overtaken is told and goes on", "[select]") {
  auto [tx, rx] = sluice::channel<int, sluice::lossy_broadcast>(8);
  for (int i = 0; i < 100; ++i) REQUIRE(tx.push(i));
  int last = -1;
  auto loop = select(on(rx, [&](int n) { last = n; }));
  CHECK(loop.wait(5s)->why == errc::lagged);
  while (loop.wait(sluice::now)) {
  }
  CHECK(last == 99);
}

TEST_CASE("what a source lends is consumed when the handler has had it", "[select]") {
  auto [tx, rx] = sluice::bytes_channel(4096);
  std::vector<std::size_t> sizes;
  auto loop = select(on(rx, [&](const auto& m) { sizes.push_back(m.size()); }));
  const std::byte text[5] = {};
  REQUIRE(tx.push(std::span<const std::byte>(text, 5)));
  REQUIRE(tx.push(std::span<const std::byte>(text, 3)));
  CHECK((loop.wait(1s) && loop.wait(1s)));
  CHECK(loop.wait(sluice::now).err() == errc::empty);
  CHECK(sizes == std::vector<std::size_t>{5, 3});
}

TEST_CASE("messages that can only be moved come through", "[select]") {
  auto [tx, rx] = sluice::channel<std::unique_ptr<int>>(4);
  int got = 0;
  auto loop = select(on(rx, [&](std::unique_ptr<int> p) { got = *p; }));
  REQUIRE(tx.push(std::make_unique<int>(5)));
  CHECK(loop.wait(1s));
  CHECK(got == 5);
}

TEST_CASE("when_room pushes as soon as there is room, and nothing before", "[select]") {
  auto [tx, rx] = sluice::channel<int>(2);
  int next = 1;
  auto loop = select(when_room(tx, [&](auto& out) {
    const auto s = out.try_push(next);
    if (s) ++next;
    return s;
  }));
  CHECK((loop.wait(1s) && loop.wait(1s)));
  CHECK(loop.wait(2ms).err() == errc::timeout);
  CHECK(next == 3);
  std::thread reader([&, &rx = rx] {
    test::sleep_us(5000);
    (void)rx.try_pop();
  });
  CHECK(loop.wait(10s));
  reader.join();
  CHECK((*rx.try_pop() == 2 && *rx.try_pop() == 3));
  rx.close();
  CHECK(loop.wait(1s)->why == errc::closed);
}

TEST_CASE("a sink is not waited for while there is nothing to send", "[select]") {
  end out, in;
  auto loop = select(when_room(out, [](end&) { return sluice::status(errc::empty); }), on(in, [](int) {}));
  CHECK(loop.wait(2ms).err() == errc::timeout);
  CHECK(out.log.empty());
  CHECK(count(in.log, 'a') == count(in.log, 'd'));
}

TEST_CASE("a time comes round without drift, also where a source is always ready", "[select]") {
  end busy;
  busy.succeeds_at = 1;
  int beats = 0;
  auto loop = select(on(busy, [](int) {}), after(2ms, [&] { ++beats; }));
  const auto begun = steady_clock::now();
  while (beats < 10 && steady_clock::now() - begun < 5s) CHECK(loop.wait(5s));
  CHECK(beats == 10);
  CHECK(steady_clock::now() - begun >= 20ms);
  std::this_thread::sleep_for(20ms);  // what is missed is not made up for
  beats = 0;
  for (int i = 0; i < 6; ++i) CHECK(loop.wait(5s));
  CHECK(beats <= 2);
}

TEST_CASE("a stop has its turn once, and does not end the wait of others", "[select]") {
  stop halt;
  halt.request();
  end e;
  int runs = 0;
  auto loop = select(on(e, [](int) {}), on(halt, [&] { ++runs; }));
  CHECK(loop.wait(5s)->which == 1);
  CHECK(loop.wait(1ms).err() == errc::timeout);
  CHECK(runs == 1);
  auto alone = select(on(halt, [&] { ++runs; }));
  CHECK(alone.wait(5s));
  CHECK(alone.wait(5s).err() == errc::closed);
}

TEST_CASE("a wait that is stopped or has run out of time has taken nothing", "[select]") {
  auto [tx, rx] = sluice::channel<int>(4);
  stop halt;
  auto loop = select(on(rx, [](int) {}));
  CHECK(loop.wait(2ms).err() == error(errc::timeout, step::wait));
  halt.request();
  CHECK(loop.wait(halt).err() == error(errc::stopped, step::wait));
  REQUIRE(tx.push(1));
  CHECK(rx.approx_size() == 1);
  CHECK(loop.wait({0ms, halt}));
}

TEST_CASE("a select that is waited for in its own handler says so, and the message stays what it is", "[select]") {
  auto [tx, rx] = sluice::channel<std::string>(4);
  std::string seen;
  error nested;
  std::function<error()> again;
  auto loop = select(on(rx, [&](const std::string& m) { nested = again(), seen = m; }));
  again = [&] { return loop.wait(1ms).err(); };
  REQUIRE((tx.push(std::string(100, 'a')) && tx.push(std::string(100, 'b'))));
  CHECK(loop.wait(5s));
  CHECK(nested == error(errc::busy, step::wait));
  CHECK(seen == std::string(100, 'a'));
  CHECK(loop.wait(5s));
  CHECK(seen == std::string(100, 'b'));
}

TEST_CASE("pipes have their turns among rings that are always ready, and come first where they stand first", "[select]") {
  auto [tx, rx] = sluice::channel<int>(64);
  auto p = sluice::must(sluice::pipe()), q = sluice::must(sluice::pipe());
  auto pt = sluice::sink_of<int>(std::move(p.out)), qt = sluice::sink_of<int>(std::move(q.out));
  auto pr = sluice::source_of<int>(std::move(p.in)), qr = sluice::source_of<int>(std::move(q.in));
  int came[3] = {};
  const auto ring = [&] { return on(rx, [&](int) { ++came[0]; }); };
  const auto one = [&] { return on(pr, [&](int) { ++came[1]; }); };
  const auto other = [&] { return on(qr, [&](int) { ++came[2]; }); };
  const auto all_are_ready = [&] {
    while (tx.try_push(0)) {}
    for (int i = 0; i < 32; ++i) REQUIRE((pt.try_push(0) && qt.try_push(0)));
  };
  all_are_ready();
  auto by_turns = select(ring(), one(), other());
  for (int i = 0; i < 30; ++i) REQUIRE(by_turns.wait(5s));
  CHECK((came[0] == 10 && came[1] == 10 && came[2] == 10));
  auto in_order = select(sluice::prioritized, other(), ring(), one());
  for (int i = 0; i < 22; ++i) CHECK(in_order.wait(5s)->which == 0);
  CHECK(in_order.wait(5s)->which == 1);
}

TEST_CASE("that a ring has ended is told among messages of others that never end", "[select]") {
  auto [at, ar] = sluice::channel<int>(64);
  auto [bt, br] = sluice::channel<int, sluice::mpmc>(64);
  auto [ct, cr] = sluice::channel<int, sluice::mpmc>(4);
  int ended = 0;
  auto loop = select(on(ar, [](int) {}), on(br, [](int) {}), on(cr, [](int) {}, [&](error e) { ended += e == errc::closed; }));
  for (int turns = 0; turns < 100; ++turns) {
    REQUIRE(at.push(turns));
    REQUIRE(bt.push(turns));
    CHECK(loop.wait(5s)->which == 0);
    CHECK(loop.wait(5s)->which == 1);
  }
  ct.close();
  int turns = 0;
  for (; ended == 0 && turns < 100; ++turns) {
    (void)at.try_push(turns);
    (void)bt.try_push(turns);
    REQUIRE(loop.wait(5s));
  }
  CHECK(ended == 1);
  CHECK(turns <= 3 * 8 + 1);
}

TEST_CASE("a handler runs while nobody is armed", "[select]") {
  end a, b;
  a.succeeds_at = 4;  // found after the sleep
  std::atomic<bool> found{false};
  std::thread waker([&] {
    while (!found) a.ring(), test::sleep_us(500);
  });
  bool any_armed = true;
  auto loop = select(on(a, [&](int) { any_armed = armed(a) || armed(b); }), on(b, [](int) {}));
  CHECK(loop.wait(10s));
  found = true;
  waker.join();
  CHECK(!any_armed);
  CHECK(count(a.log, 'a') == count(b.log, 'a'));
}

TEST_CASE("of ends that poll watches only those that it names are tried after arming", "[select]") {
  auto p = sluice::must(sluice::pipe());
  polled_end a;
  a.handle = p.in.handle();
  end b;
  b.handle = p.in.handle();
  auto loop = select(on(a, [](int) {}), on(b, [](int) {}));
  CHECK(loop.wait(2ms).err() == errc::timeout);
  CHECK(a.log == "tad");
  CHECK(b.log == "tattd");
  a.log.clear();
  a.succeeds_at = a.tries + 2;
  a.on_arm = [&] { (void)!::write(p.out.handle(), "x", 1); };
  CHECK(loop.wait(10s)->which == 0);
  CHECK(a.log == "tatd");
}

TEST_CASE("what comes while a select arms its cases is found before it sleeps", "[select]") {
  end a, b;
  b.on_arm = [&] { a.succeeds_at = 1; };
  auto loop = select(on(a, [](int) {}), on(b, [](int) {}));
  const auto begun = steady_clock::now();
  CHECK(loop.wait(10s)->which == 0);
  CHECK(steady_clock::now() - begun < 5s);
  CHECK(count(a.log, 'a') == count(a.log, 'd'));
}

TEST_CASE("a select spins as its ends do, and not at all if one of them does not", "[select]") {
  using sluice::wait_strategy;
  end a, b;
  stop halt;
  auto loop = select(on(a, [](int) {}), on(b, [](int) {}), on(halt, [] {}));
  a.strategy = b.strategy = wait_strategy::spin_then_park;
  CHECK(loop.wait(2ms).err() == errc::timeout);
  CHECK((a.tries > 10 && count(a.log, 'a') == 1));
  a.log.clear(), a.tries = 0;
  a.strategy = wait_strategy::park;
  CHECK(loop.wait(2ms).err() == errc::timeout);
  CHECK((a.tries < 5 && count(a.log, 'a') == 1));
  a.log.clear();
  a.strategy = b.strategy = wait_strategy::spin;
  CHECK(loop.wait(2ms).err() == errc::timeout);
  CHECK(count(a.log, 'a') == 0);
}

namespace {

/// Waits in every way that there is, with deadlines and stops that come at any time, by selects that come and go.
int take_all(u64 messages, u64 seed) {
  flow_test::traffic world(messages, seed);
  test::dice dice(seed + 10);
  for (bool open = true; open;) {
    auto loop = select(on(world.ring(), [&](u64 v) { world.take(0, v); }),
                       on(world.other_ring(), [&](u64 v) { world.take(1, v); }),
                       on(world.pipe(), [&](u64 v) { world.take(2, v); }));
    for (auto waits = dice.below(50); open && waits != 0; --waits) {
      stop halt;
      const bool patient = dice.below(2) == 0;  // something comes in any case
      std::thread stopper;
      if (dice.below(64) == 0) stopper = std::thread([&] { test::sleep_us(50), halt.request(); });
      const auto t = stopper.joinable() ? loop.wait({10s, halt})
                     : patient          ? loop.wait(10s)
                                        : loop.wait(std::chrono::microseconds(dice.below(300)));
      if (stopper.joinable()) stopper.join();
      if (!t && t.err() == errc::closed) open = false;
      if (patient && !t && t.err() == errc::timeout) return 3;  // a wake-up was lost
    }
  }
  return world.verdict();
}

}  // namespace

TEST_CASE("no message is lost or comes twice, wherever waits are stopped, time out or go", "[select]") {
  CHECK(take_all(4000, 1) == 0);
}

TEST_CASE("so it is where the system has no wait for several words, no io_uring and no membarrier", "[select]") {
  using namespace test;
  CHECK(without({call_io_uring_setup}, [] { return take_all(1000, 2); }) == 0);
  CHECK(without({call_futex_waitv, call_io_uring_setup}, [] { return take_all(1000, 3); }) == 0);
  CHECK(without({call_futex_waitv, call_io_uring_setup, call_membarrier}, [] { return take_all(1000, 4); }) == 0);
}

TEST_CASE("rings of other processes and a pipe wake one sleep", "[select]") {
  const test::scratch dir;
  sluice::ring_options where;
  where.directory = dir.c_str();
  where.capacity = 8;
  auto rx = sluice::must(sluice::shm_source<u64>("/a", where));
  auto p = sluice::must(sluice::pipe());
  auto in = sluice::source_of<u64>(std::move(p.in));
  constexpr u64 messages = 300;
  test::child producer([&] {
    auto tx = sluice::must(sluice::shm_sink<u64>("/a", where));
    auto out = sluice::sink_of<u64>(std::move(p.out));
    for (u64 i = 1; i <= messages; ++i) {
      test::sleep_us(200);
      if (!(i % 2 == 0 ? tx.push(i, 10s) : out.push(i, 10s))) return 1;
    }
    return 0;
  });
  p.out.close();
  u64 sum = 0;
  auto loop = select(on(rx, [&](u64 v) { sum += v; }), on(in, [&](u64 v) { sum += v; }));
  for (;;)
    if (const auto t = loop.wait(10s); !t) {
      CHECK(t.err() == errc::closed);
      break;
    }
  CHECK(producer.wait() == 0);
  CHECK(sum == messages * (messages + 1) / 2);
}

TEST_CASE("a select over idle rings of other processes and pipes wakes once per slice for all of them", "[select]") {
  const auto woken = [] {
    const test::scratch dir;
    sluice::ring_options where;
    where.directory = dir.c_str();
    where.capacity = 8;
    std::vector<decltype(sluice::must(sluice::shm_source<u64>("", where)))> rings;
    std::vector<decltype(sluice::must(sluice::shm_sink<u64>("", where)))> sinks;
    std::vector<sluice::pipe_ends> pipes;
    std::vector<decltype(sluice::source_of<u64>(std::move(pipes[0].in)))> streams;
    for (int i = 0; i < 8; ++i) {
      const std::string name = "/r" + std::to_string(i);
      rings.push_back(sluice::must(sluice::shm_source<u64>(name.c_str(), where)));
      sinks.push_back(sluice::must(sluice::shm_sink<u64>(name.c_str(), where)));
      pipes.push_back(sluice::must(sluice::pipe()));
      streams.push_back(sluice::source_of<u64>(std::move(pipes.back().in)));
    }
    const auto f = [](u64) {};
    auto& r = rings;
    auto& s = streams;
    auto loop = select(on(r[0], f), on(r[1], f), on(r[2], f), on(r[3], f), on(r[4], f), on(r[5], f), on(r[6], f),
                       on(r[7], f), on(s[0], f), on(s[1], f), on(s[2], f), on(s[3], f), on(s[4], f), on(s[5], f),
                       on(s[6], f), on(s[7], f));
    const auto sleeps = [] {
      rusage u{};
      ::getrusage(RUSAGE_THREAD, &u);
      return u.ru_nvcsw;
    };
    (void)loop.wait(1ms);
    const auto before = sleeps();
    (void)loop.wait(1s);
    return static_cast<int>(sleeps() - before);
  };
  const int n = woken();
  CAPTURE(n);
  CHECK(n >= 1);
  if (sluice::detail::word_bell(4)) CHECK(n <= 60);  // 1 s in slices of 20 ms; less than in slices of 1 ms in any case
  const int refused = test::without({test::call_io_uring_setup}, [&] { return woken() > 60 ? 0 : 1; });
  CHECK(refused == 0);  // slices of 1 ms: the control of this test
}
