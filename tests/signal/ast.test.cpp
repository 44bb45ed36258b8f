// SPDX-License-Identifier: MIT
#include <sluice/signal/ast.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"
#include "stepper.hpp"

#include <atomic>
#include <ctime>
#include <optional>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sluice::ast_call;
using sluice::ast_queue;
using sluice::async_signal_safe;
using sluice::errc;

struct log_of_calls {
  std::atomic<std::uint64_t> n{0};
  std::atomic<std::int64_t> sum{0}, last{0};
  std::atomic<pid_t> where{0};
  std::atomic<bool> in_order{true};

  static void add(void* self, std::int64_t value) {
    auto& l = *static_cast<log_of_calls*>(self);
    if (value <= l.last) l.in_order = false;
    ++l.n, l.sum += value, l.last = value;
    l.where = ::gettid();
  }
};
constexpr async_signal_safe at_once{&log_of_calls::add};

}  // namespace

TEST_CASE("a deferred call runs where its thread next looks", "[ast]") {
  STATIC_REQUIRE(sluice::source<ast_queue>);
  ast_queue mine({.capacity = 4});
  REQUIRE(mine.ok());
  log_of_calls l;
  CHECK(mine.try_pop().err() == errc::empty);
  std::thread other([&] {
    for (int i = 1; i <= 4; ++i) (void)mine.post(&log_of_calls::add, &l, i);
  });
  other.join();
  CHECK(mine.post(&log_of_calls::add, &l, 5).err() == errc::full);
  CHECK(l.n == 0);
  const auto first = mine.pop(1s);
  REQUIRE(first);
  (*first)();
  CHECK(l.n == 1);
  CHECK(l.last == 1);
  CHECK(mine.run() == 3);
  CHECK(l.last == 4);
  CHECK(l.in_order);
  CHECK(l.where == ::gettid());
  CHECK(mine.run() == 0);
  mine.close();
  CHECK(mine.post(&log_of_calls::add, &l, 6).err() == errc::closed);
  CHECK(mine.post(at_once, &l, 6).err() == errc::closed);
  CHECK(mine.try_pop().err() == errc::closed);
}

TEST_CASE("a deferred call wakes the thread that waits for one", "[ast]") {
  std::atomic<ast_queue*> to{nullptr};
  std::atomic<pid_t> who{0};
  std::atomic<bool> over{false};
  log_of_calls l;
  std::thread t([&] {
    ast_queue mine;
    to = &mine;
    who = ::gettid();
    for (int i = 0; i < 20; ++i) {
      const auto c = mine.pop(20s);
      if (c) (*c)();
    }
    while (!over) test::sleep_us(100);  // nobody is inside post() any more
  });
  REQUIRE(test::eventually([&] { return who != 0; }));
  for (int i = 1; i <= 20; ++i) {
    CHECK(test::eventually([&] { return test::sleeps(who); }));
    CHECK((*to).post(&log_of_calls::add, &l, i));
    CHECK(test::eventually([&] { return l.n == static_cast<std::uint64_t>(i); }));
  }
  over = true;
  t.join();
  CHECK(l.where == who);
  CHECK(l.in_order);
}

TEST_CASE("an immediate call interrupts its thread, and no other", "[ast]") {
  if (test::holds_signals_back) return;
  std::atomic<ast_queue*> to{nullptr};
  std::atomic<bool> over{false};
  std::atomic<pid_t> who{0};
  log_of_calls l;
  std::thread busy([&] {
    ast_queue mine;
    who = ::gettid();
    to = &mine;
    while (!over) {
    }
  });
  REQUIRE(test::eventually([&] { return to != nullptr; }));
  for (int i = 1; i <= 50; ++i) {
    REQUIRE((*to).post(at_once, &l, i));
    CHECK(test::eventually([&] { return l.n == static_cast<std::uint64_t>(i); }));
  }
  CHECK(l.where == who);
  CHECK(l.in_order);
  over = true;
  busy.join();
}

TEST_CASE("immediate calls are held back where the thread says so, and made at the end of that", "[ast]") {
  if (test::holds_signals_back) return;
  ast_queue mine;
  log_of_calls l;
  CHECK(mine.post(at_once, &l, 1));
  CHECK(l.n == 1);
  {
    ast_queue::held a(mine);
    CHECK(mine.post(at_once, &l, 2));
    {
      ast_queue::held b(mine);
      CHECK(mine.post(at_once, &l, 3));
    }
    CHECK(l.n == 1);
  }
  CHECK(l.n == 3);
  CHECK(l.in_order);
  CHECK(mine.post(at_once, &l, 4));
  CHECK(l.n == 4);
}

TEST_CASE("a closed queue calls nothing, also what was held back", "[ast]") {
  if (test::holds_signals_back) return;
  log_of_calls l;
  {
    ast_queue mine;
    const ast_queue::held quiet(mine);
    CHECK(mine.post(at_once, &l, 1));
    mine.close();
    CHECK(mine.ok().err() == errc::closed);
  }
  CHECK(l.n == 0);
}

TEST_CASE("no call is lost or made twice, whoever posts", "[ast]") {
  if (test::holds_signals_back) return;
  constexpr int posters = 3;
  const std::int64_t each = rounds(20'000);
  ast_queue mine({.capacity = 32});
  REQUIRE(mine.ok());
  log_of_calls deferred, immediate;
  std::vector<std::thread> all;
  std::atomic<int> done{0};
  for (int k = 0; k < posters; ++k)
    all.emplace_back([&] {
      for (std::int64_t i = 1; i <= each; ++i) {
        while (!mine.post(&log_of_calls::add, &deferred, i)) std::this_thread::yield();
        while (!mine.post(at_once, &immediate, i)) std::this_thread::yield();
      }
      ++done;
    });
  std::uint64_t made = 0;
  while (done < posters) {
    made += mine.run();
    ast_queue::held quiet(mine);
    made += mine.run();
  }
  for (auto& t : all) t.join();
  made += mine.run();
  const auto expected = static_cast<std::uint64_t>(each) * posters;
  CHECK(made == expected);
  CHECK(deferred.n == expected);
  CHECK(deferred.sum == posters * each * (each + 1) / 2);
  CHECK(test::eventually([&] { return immediate.n == expected; }));
  CHECK(immediate.sum == posters * each * (each + 1) / 2);
}

TEST_CASE("timers and descriptors that raise signals plug in", "[ast]") {
  if (test::holds_signals_back) return;
  const int by_timer = SIGRTMIN + 2, by_pipe = SIGRTMIN + 1;
  ast_queue mine;
  log_of_calls ticks, changes;
  const sluice::ast_on timer(by_timer, mine, &log_of_calls::add, &ticks), pipe(by_pipe, mine, [](void* l, std::int64_t) {
    log_of_calls::add(l, ++static_cast<log_of_calls*>(l)->last + 1);
  }, &changes);
  REQUIRE(timer.ok());
  REQUIRE(pipe.ok());
  sigevent how = {};
  how.sigev_notify = SIGEV_SIGNAL;
  how.sigev_signo = by_timer;
  how.sigev_value.sival_int = 77;
  timer_t t{};
  REQUIRE(::timer_create(CLOCK_MONOTONIC, &how, &t) == 0);
  const itimerspec soon{{0, 0}, {0, 2'000'000}};
  REQUIRE(::timer_settime(t, 0, &soon, nullptr) == 0);
  const auto c = mine.pop(20s);
  REQUIRE(c);
  (*c)();
  CHECK(ticks.n == 1);
  CHECK(ticks.sum == 77);
  ::timer_delete(t);

  int p[2];
  REQUIRE(::pipe(p) == 0);
  REQUIRE(::fcntl(p[0], F_SETOWN, ::getpid()) == 0);
  REQUIRE(::fcntl(p[0], F_SETSIG, by_pipe) == 0);
  REQUIRE(::fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
  REQUIRE(::write(p[1], "x", 1) == 1);
  const auto d = mine.pop(20s);
  REQUIRE(d);
  (*d)();
  CHECK(changes.n == 1);
  ::close(p[0]);
  ::close(p[1]);
  CHECK(sluice::ast_on(SIGSEGV, mine, &log_of_calls::add, &ticks).ok().err() == errc::invalid);
}

TEST_CASE("the queue of a thread is of no use in a forked child", "[ast]") {
  ast_queue mine;
  log_of_calls l;
  REQUIRE(mine.post(&log_of_calls::add, &l, 1));
  test::child c([&] {
    if (mine.post(&log_of_calls::add, &l, 2).err() != errc::forked || mine.post(at_once, &l, 2).err() != errc::forked) return 1;
    if (mine.try_pop().err() != errc::forked) return 2;
    ast_queue own;
    return own.ok() && own.post(at_once, &l, 3) && l.n == 1 ? 0 : 3;
  });
  CHECK(c.wait() == 0);
  CHECK(mine.run() == 1);
  log_of_calls waiting;
  {
    std::optional<ast_queue::held> quiet(mine);
    REQUIRE(mine.post(at_once, &waiting, 1));
    test::child d([&] {
      quiet.reset();
      return waiting.n == 0 ? 0 : 1;  // the parent's
    });
    CHECK(d.wait() == 0);
    CHECK(waiting.n == 0);
  }
  CHECK(waiting.n == (test::holds_signals_back ? waiting.n.load() : 1));
  CHECK(ast_queue({.capacity = 1}).ok().err().about() == sluice::subject::capacity);
  CHECK(ast_queue({.signal = SIGKILL}).ok().err().about() == sluice::subject::signal_number);
  CHECK(ast_queue({.signal = SIGRTMIN}).ok().err().about() == sluice::subject::signal_number);
}

#if SLUICE_TEST_STEPS()

TEST_CASE("a queue may be closed before any instruction of a post, and its signal does not fall on the process", "[ast]") {
  test::child c([] {
    bool reached = true;
    for (unsigned long n = 1; reached; ++n) {
      ast_queue mine({.signal = SIGUSR1});  // which ends a process that does not listen
      log_of_calls l;
      std::uint64_t calls = 1;
      reached = test::stepper::run(
          n, [&] { (void)mine.post(at_once, &l, 1); }, [&] { mine.close(), calls = l.n; });
      if (l.n != calls) return 1;
    }
    return 0;
  });
  CHECK(c.wait() == 0);
}

TEST_CASE("an immediate call may come before any instruction of a run, of a post and of holding back", "[ast]") {
  for (unsigned op = 0; op < 3; ++op) {
    ast_queue mine({.capacity = 4});
    REQUIRE(mine.ok());
    bool reached = true;
    for (unsigned long n = 1; reached; n += SLUICE_TEST_TIER_FULL ? 1 : 3) {
      log_of_calls immediate, deferred;
      if (op == 0) (void)mine.post(&log_of_calls::add, &deferred, 1);
      std::uint64_t posted = 0;
      reached = test::stepper::run(
          n,
          [&] {
            if (op == 0) mine.run();
            else if (op == 1) (void)mine.post(&log_of_calls::add, &deferred, 1);
            else ast_queue::held quiet(mine);
          },
          [&] {
            if (mine.post(at_once, &immediate, 1)) ++posted;
            if (mine.post(at_once, &immediate, 2)) ++posted;
          });
      INFO("operation " << op << ", interrupted before instruction " << n);
      REQUIRE(immediate.n == posted);
      mine.run();
      REQUIRE(deferred.n == (op == 2 ? 0 : 1));
    }
  }
}

#endif
