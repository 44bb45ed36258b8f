// SPDX-License-Identifier: MIT
#include <sluice/flow/map.hpp>
#include <sluice/flow/poller.hpp>
#include <sluice/flow/select.hpp>

#include "catch.hpp"
#include "flow/traffic.hpp"
#include "refusing.hpp"
#include "wait/fake_end.hpp"

#include <csignal>
#include <deque>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <vector>

using namespace std::chrono_literals;
using flow_test::u64;
using sluice::after;
using sluice::errc;
using sluice::on;
using sluice::poller;
using sluice::stop;
using sluice::when_room;
using std::chrono::steady_clock;
using end = wait_test::fake_end<>;

namespace {

bool readable(int fd, int ms = 0) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, ms) > 0;
}
long sleeps_of_this_thread() {
  rusage u{};
  ::getrusage(RUSAGE_THREAD, &u);
  return u.ru_nvcsw;
}

/// A pipe of messages.
struct piped {
  sluice::pipe_ends ends = sluice::must(sluice::pipe());
  decltype(sluice::sink_of<u64>(std::move(ends.out))) out = sluice::sink_of<u64>(std::move(ends.out));
  decltype(sluice::source_of<u64>(std::move(ends.in))) in = sluice::source_of<u64>(std::move(ends.in));
};

}  // namespace

TEST_CASE("a poller calls the handlers of all that has come", "[poller]") {
  auto [tx, rx] = sluice::channel<u64>(8);
  piped p;
  sluice::signal_set keys{SIGUSR1};
  stop halt;
  std::string log;
  poller loop;
  REQUIRE(loop.add(on(rx, [&](u64) { log += 'r'; })));
  REQUIRE(loop.add(on(p.in, [&](u64) { log += 'p'; })));
  REQUIRE(loop.add(on(keys, [&](sluice::signal_event) { log += 's'; })));
  REQUIRE(loop.add(on(halt, [&] { log += 'h'; })));
  REQUIRE(loop.add(after(100ms, [&] { log += 't'; })));
  CHECK(loop.size() == 5);
  CHECK(loop.run(sluice::now).err() == errc::empty);
  CHECK(loop.run(2ms).err() == errc::timeout);
  std::thread world([&, &tx = tx] {
    const auto next = [&] { test::sleep_us(5000); };
    next(), (void)tx.push(1u);
    next(), (void)p.out.push(2u);
    next(), ::raise(SIGUSR1);
    next(), halt.request();
    next(), (void)tx.push(3u);
  });
  for (int i = 0; i < 6; ++i) CHECK(loop.run(10s));
  world.join();
  CHECK(log == "rpshrt");
  CHECK(loop.size() == 4);  // the stop has had its turn
}

TEST_CASE("one turn takes no more of a source than the budget, and all have their turn", "[poller]") {
  end flood;
  flood.succeeds_at = 1;
  auto [tx, rx] = sluice::channel<u64>(8);
  u64 floods = 0, others = 0;
  poller loop({.budget = 4});
  REQUIRE(loop.add(on(flood, [&](int) {
    if (++floods == 1000) flood.succeeds_at = 0;
  })));
  REQUIRE(loop.add(on(rx, [&](u64) { ++others; })));
  (void)loop.run(5s);
  CHECK(floods == 4);
  for (u64 i = 0; i < 8; ++i) REQUIRE(tx.push(i));
  (void)loop.run(5s), (void)loop.run(5s);
  CHECK(floods == 12);
  CHECK(others == 8);
}

TEST_CASE("a case that is over is removed, and the last one closes the poller", "[poller]") {
  auto [a, ra] = sluice::channel<u64>(8);
  piped p;
  std::vector<sluice::error> told;
  u64 sum = 0;
  poller loop;
  stop halt;
  REQUIRE(loop.add(on(ra, [&](u64 v) { sum += v; }, [&](sluice::error e) { told.push_back(e); })));
  REQUIRE(loop.add(on(p.in, [&](u64 v) { sum += v; }, [&](sluice::error e) { told.push_back(e); })));
  REQUIRE(loop.add(on(halt, [] {})));
  REQUIRE(a.push(1u));
  REQUIRE(p.out.push(2u));
  a.close(), p.out.close();
  while (loop.run(10s)) {
  }
  CHECK(loop.run(10s).err() == errc::closed);
  CHECK(sum == 3);
  CHECK((told.size() == 2 && told[0] == errc::closed && told[1] == errc::closed));
  CHECK(loop.size() == 1);
  CHECK(poller().run(5s).err() == errc::closed);
}

TEST_CASE("a removed case is not called any more, wherever it is removed", "[poller]") {
  auto [a, ra] = sluice::channel<u64>(8);
  auto [b, rb] = sluice::channel<u64>(8);
  int runs_a = 0, runs_b = 0;
  poller loop;
  poller::key ka, kb;
  static std::shared_ptr<int> flag;  // not reached through what a handler has captured
  flag = std::make_shared<int>(0);
  ka = *loop.add(on(ra, [&, keep = flag](u64) {
    ++runs_a;
    const bool removed = loop.remove(ka);  // itself
    REQUIRE(flag.use_count() == 2);        // still there while it runs
    CHECK(removed);
    (void)loop.remove(kb);  // whoever has not had his turn yet
  }));
  kb = *loop.add(on(rb, [&](u64) { ++runs_b; }));
  SECTION("before anything came") {
    CHECK(loop.run(1ms).err() == errc::timeout);
    CHECK(loop.remove(ka));
    CHECK(!loop.remove(ka));
    REQUIRE(a.push(1u));
    CHECK(loop.run(1ms).err() == errc::timeout);
    CHECK(runs_a == 0);
  }
  SECTION("in a handler") {
    REQUIRE(a.push(1u));
    REQUIRE(a.push(2u));
    REQUIRE(b.push(1u));
    CHECK(*loop.run(1s) == 1);
    CHECK((runs_a == 1 && runs_b == 0));
  }
  CHECK(flag.use_count() == 1);
  const auto k = loop.add(on(ra, [&](u64) { ++runs_b; }));  // the place is used again, the name is not
  CHECK((k->place == ka.place || k->place == kb.place));
  CHECK(!loop.remove(ka));
  CHECK(loop.run(1s));
  CHECK(runs_b == 1);
}

TEST_CASE("a handler adds cases, and destroys its own end when that is over", "[poller]") {
  poller loop;
  std::optional<piped> first(std::in_place), second;
  u64 sum = 0;
  REQUIRE(loop.add(on(first->in, [&](u64 v) {
    sum += v;
    second.emplace();
    REQUIRE(loop.add(on(second->in, [&](u64 w) { sum += w; })));
    REQUIRE(second->out.push(10u));
    CHECK(loop.run(5s).err() == errc::busy);
  }, [&](sluice::error) { first.reset(); })));
  REQUIRE(first->out.push(1u));
  first->out.close();
  while (sum != 11 || first) REQUIRE(loop.run(10s));
  CHECK(loop.size() == 1);
}

namespace {

/// One direction of a socket, as messages of one byte.
struct half {
  static constexpr bool polled = true;
  using value_type = char;
  int fd;
  sluice::result<char> try_pop() const noexcept {
    char c = 0;
    const auto n = ::recv(fd, &c, 1, MSG_DONTWAIT);
    return n == 1 ? sluice::result<char>(c) : sluice::result<char>(n == 0 ? errc::closed : errc::empty);
  }
  sluice::status try_push(char c) const noexcept {
    return ::send(fd, &c, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 ? sluice::status() : sluice::status(errc::full);
  }
  void arm(sluice::want k, sluice::wait_set& set) const noexcept { set.on(fd, k); }
  void disarm(sluice::want) const noexcept {}
  void close() noexcept {}
};

}  // namespace

TEST_CASE("both directions of one socket are waited for", "[poller]") {
  int fd[2] = {};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
  half mine{fd[0]}, peer{fd[1]};
  unsigned sent = 0, got = 0;
  bool quiet = false;
  poller loop;
  REQUIRE(loop.add(when_room(mine, [&](half& out) {
    if (quiet) return sluice::status(errc::empty);
    const auto s = out.try_push('x');
    if (s) ++sent;
    return s;
  })));
  REQUIRE(loop.add(on(mine, [&](char) { ++got; })));
  while (loop.run(2ms)) {
  }
  REQUIRE(peer.try_push('y'));  // while room is waited for
  while (got != 1) REQUIRE(loop.run(10s));
  const auto before = sent;
  while (peer.try_pop()) {
  }
  while (sent == before) REQUIRE(loop.run(10s));  // and room, while messages are
  ::close(fd[0]), ::close(fd[1]);
}

TEST_CASE("a poller waits for room", "[poller]") {
  piped p;
  u64 sent = 0, got = 0, most = 20000;
  poller loop;
  auto tx = loop.add(when_room(p.out, [&](auto& out) {
    if (sent == most) return sluice::status(errc::empty);
    const auto s = out.try_push(sent + 1);
    if (s) ++sent;
    return s;
  }));
  while (loop.run(2ms)) {
  }
  CHECK(sent < 20000);  // the pipe is full
  bool in_order = true;
  REQUIRE(loop.add(on(p.in, [&](u64 v) { in_order = in_order && v == ++got; })));
  while (got != 20000) REQUIRE(loop.run(10s));
  CHECK(in_order);
  ++most;
  CHECK(loop.run(2ms).err() == errc::timeout);  // nobody knows of it
  CHECK(loop.look_again(*tx));
  while (got != most) REQUIRE(loop.run(10s));
  CHECK(loop.remove(*tx));
  CHECK(!loop.look_again(*tx));
}

TEST_CASE("a poller is a case of a select", "[poller]") {
  auto [a, ra] = sluice::channel<u64>(8);
  piped p;
  u64 sum = 0;
  poller loop;
  REQUIRE(loop.add(on(p.in, [&](u64 v) { sum += v; })));
  auto outer = sluice::select(on(loop), on(ra, [&](u64 v) { sum += 100 * v; }));
  CHECK(outer.wait(10s)->which == 0);  // the new case is looked at
  CHECK(outer.wait(2ms).err() == errc::timeout);
  std::thread world([&, &a = a] {
    test::sleep_us(3000), (void)p.out.push(1u);
    test::sleep_us(3000), (void)a.push(2u);
  });
  CHECK(outer.wait(10s)->which == 0);
  CHECK(outer.wait(10s)->which == 1);
  world.join();
  CHECK(sum == 201);
  p.out.close();
  while (outer.wait(10ms)) {
  }
  CHECK(outer.over(0));
}

TEST_CASE("the loop of others needs one descriptor, readable as long as there is something to do", "[poller]") {
  auto [tx, rx] = sluice::channel<u64>(64);
  piped p;
  u64 got = 0, beats = 0;
  poller loop({.budget = 2});
  const int fd = loop.handle();
  REQUIRE(fd >= 0);
  REQUIRE(loop.add(on(rx, [&](u64) { ++got; })));
  REQUIRE(loop.add(on(p.in, [&](u64) { ++got; })));
  REQUIRE(loop.add(after(20ms, [&] { ++beats; })));
  CHECK(readable(fd));  // new cases are to be looked at
  CHECK(loop.try_run().err() == errc::empty);
  CHECK(!readable(fd));
  for (u64 i = 0; i < 10; ++i) REQUIRE(p.out.push(i));
  CHECK(readable(fd));
  CHECK(readable(fd));  // level-triggered
  (void)loop.try_run();
  CHECK(got == 2);
  CHECK(readable(fd));  // the rest lies in a buffer of the source, not in the pipe
  while (readable(fd) && got < 10) (void)loop.try_run();
  CHECK(got == 10);
  if (sluice::detail::word_bell(4)) {
    while (readable(fd)) (void)loop.try_run();
    std::thread other([&, &tx = tx] { test::sleep_us(2000), (void)tx.push(1u); });
    while (got < 11 && readable(fd, 10000)) (void)loop.try_run();
    other.join();
    CHECK(got == 11);
  }
  const auto so_far = beats;
  while (beats < so_far + 2 && readable(fd, 10000)) (void)loop.try_run();
  CHECK(beats == so_far + 2);
  CHECK(loop.handle() == fd);
}

TEST_CASE("threads may come while private words are watched", "[poller]") {
  const auto body = [] {  // in a child, which has one thread
    auto [tx, rx] = sluice::channel<u64>(8);
    u64 got = 0;
    poller loop;
    (void)loop.add(on(rx, [&](u64) { ++got; }));
    (void)loop.run(1ms);
    std::vector<std::thread> crowd;
    for (int i = 0; i < 40; ++i) crowd.emplace_back([] { test::sleep_us(20000); });
    std::thread producer([&, &tx = tx] { test::sleep_us(2000), (void)tx.push(1u); });
    const auto ran = loop.run(10s);
    producer.join();
    for (auto& t : crowd) t.join();
    return ran && got == 1 ? 0 : 1;
  };
  CHECK(test::child(body).wait() == 0);
}

TEST_CASE("a poller goes on in another thread", "[poller]") {
  auto [tx, rx] = sluice::channel<u64>(8);
  u64 got = 0;
  poller loop;
  REQUIRE(loop.add(on(rx, [&](u64) { ++got; })));
  for (u64 i = 1; i <= 5; ++i) {
    CHECK(loop.run(1ms).err() == errc::timeout);
    bool ran = false;
    std::thread other([&] { ran = static_cast<bool>(loop.run(10s)); });
    test::sleep_us(2000);
    REQUIRE(tx.push(i));
    other.join();
    CHECK(ran);
    REQUIRE(tx.push(i));
    CHECK(loop.run(10s));
    CHECK(got == 2 * i);
  }
}

namespace {

/// The source of a case comes and goes, deadlines and stops come at any time, pollers come and go.
int take_all(u64 messages, u64 seed) {
  flow_test::traffic world(messages, seed);
  test::dice dice(seed + 10);
  for (bool open = true; open;) {
    poller loop({.budget = static_cast<unsigned>(1 + dice.below(4))});
    std::optional<poller::key> keys[3];
    const auto toggle = [&](u64 k) {
      if (keys[k]) (void)loop.remove(*std::exchange(keys[k], {}));
      else if (k == 0) keys[0] = *loop.add(on(world.ring(), [&](u64 v) { world.take(0, v); }));
      else if (k == 1) keys[1] = *loop.add(on(world.other_ring(), [&](u64 v) { world.take(1, v); }));
      else keys[2] = *loop.add(on(world.pipe(), [&](u64 v) { world.take(2, v); }));
    };
    for (u64 k = 0; k < 3; ++k) toggle(k);
    for (auto waits = dice.below(60); open && waits != 0; --waits) {
      stop halt;
      std::thread stopper;
      if (dice.below(64) == 0) stopper = std::thread([&] { test::sleep_us(50), halt.request(); });
      const bool patient = dice.below(2) == 0;  // something comes in any case
      const auto ran = stopper.joinable() ? loop.run({10s, halt})
                       : patient          ? loop.run(10s)
                                          : loop.run(std::chrono::microseconds(dice.below(300)));
      if (stopper.joinable()) stopper.join();
      if (patient && !ran && ran.err() == errc::timeout) return 3;  // a wake-up was lost
      if (dice.below(8) == 0) toggle(dice.below(3));
    }
    open = world.seen() != 3 * messages;
  }
  return world.verdict();
}

}  // namespace

TEST_CASE("no message is lost or comes twice, wherever cases come and go and turns are stopped", "[poller]") {
  CHECK(take_all(4000, 1) == 0);
}

TEST_CASE("so it is where the system has no io_uring, no wait for several words and no membarrier", "[poller]") {
  using namespace test;
  CHECK(without({call_io_uring_setup}, [] { return take_all(1000, 2); }) == 0);
  CHECK(without({call_io_uring_setup, call_futex_waitv, call_membarrier}, [] { return take_all(1000, 3); }) == 0);
}

TEST_CASE("a poller over idle channels and pipes does not wake at all", "[poller]") {
  const auto woken = [] {
    std::deque<sluice::channel_ends<u64, sluice::spsc, sluice::native_memory>> channels;
    std::deque<piped> pipes(40);
    poller loop;
    for (int i = 0; i < 40; ++i) {
      channels.push_back(sluice::channel<u64>(4));
      (void)loop.add(on(channels.back().rx, [](u64) {}));
      (void)loop.add(on(pipes[static_cast<std::size_t>(i)].in, [](u64) {}));
    }
    (void)loop.run(1ms);
    const auto before = sleeps_of_this_thread();
    (void)loop.run(300ms);
    return static_cast<int>(sleeps_of_this_thread() - before);
  };
  const int n = woken();
  CAPTURE(n);
  if (sluice::detail::word_bell(4)) CHECK(n <= 5);
  CHECK(test::without({test::call_io_uring_setup}, [&] { return woken() > 50 ? 0 : 1; }) == 0);  // the control
}

TEST_CASE("what comes while a case is armed is found before anybody sleeps", "[poller]") {
  end e;
  e.on_arm = [&] { e.succeeds_at = 1; };
  poller loop({.budget = 1});
  REQUIRE(loop.add(on(e, [](int) {})));
  const auto begun = steady_clock::now();
  CHECK(loop.run(10s));
  CHECK(steady_clock::now() - begun < 5s);
  CHECK(e.log == "tAtd");
}

TEST_CASE("of a thousand ends only those with news are looked at", "[poller]") {
  std::deque<end> idle(1000);
  auto p = sluice::must(sluice::pipe());
  for (auto& e : idle) e.handle = p.in.handle();
  piped busy;
  u64 got = 0;
  poller loop;
  for (auto& e : idle) REQUIRE(loop.add(on(e, [](int) {})));
  REQUIRE(loop.add(on(busy.in, [&](u64) { ++got; })));
  (void)loop.run(5ms);
  for (auto& e : idle) e.tries = 0;
  for (u64 i = 0; i < 100; ++i) {
    REQUIRE(busy.out.push(i));
    REQUIRE(loop.run(10s));
  }
  CHECK(got == 100);
  unsigned tries = 0;
  for (auto& e : idle) tries += e.tries;
  CHECK(tries == 0);
}

#ifdef __cpp_exceptions
TEST_CASE("what is thrown in a try comes out of run, and the case is looked at again", "[poller]") {
  auto [tx, rx] = sluice::channel<int>(4);
  auto strict = rx | sluice::map([](int i) { return i != 0 ? i : throw std::runtime_error("zero"); });
  int got = 0;
  sluice::poller p;
  REQUIRE(p.add(sluice::on(strict, [&](int i) { got += i; })));
  CHECK(p.run(1ms).err() == errc::timeout);  // it is watched
  for (int i : {0, 5}) REQUIRE(tx.push(i));
  CHECK_THROWS_AS(p.run(5s), std::runtime_error);
  CHECK(p.run(5s));
  CHECK(got == 5);
  tx.close();
  CHECK(p.run(5s));
  CHECK(p.run(5s).err() == errc::closed);
}
#endif
