// SPDX-License-Identifier: MIT
#include <sluice/signal/blocked_signals.hpp>
#include <sluice/signal/signal_sink.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <sys/resource.h>
#include <thread>

namespace {

using namespace std::chrono_literals;
using sluice::blocked_signals;
using sluice::errc;
using sluice::signal_block;
using sluice::subject;

const int some_rt = SIGRTMIN + 5;

}  // namespace

TEST_CASE("signals are sent to a process with a value, until it has ended", "[signal]") {
  STATIC_REQUIRE(sluice::sink<sluice::signal_sink>);
  const test::shared_with_children<std::atomic<std::int64_t>> seen;
  test::child c([&] {
    const signal_block quiet{some_rt};
    blocked_signals in{some_rt};
    *seen = 1;
    const auto e = in.pop(20s);
    if (!e || e->pid != ::getppid() || e->code != SI_QUEUE) return 1;
    *seen = e->value;
    ::_exit(0);  // with what else was sent still blocked
  });
  const pid_t pid = c.pid();
  REQUIRE(test::eventually([&] { return *seen == 1; }));
  auto to = sluice::signals_to(pid, some_rt);
  REQUIRE(to);
  CHECK(to->push(std::int64_t{-5'000'000'000}));
  CHECK(test::eventually([&] { return to->try_push(0).err() == errc::closed; }));  // it is not buried yet
  CHECK(c.wait() == 0);
  CHECK(*seen == -5'000'000'000);
  CHECK(to->try_push(0).err() == errc::closed);
  CHECK(sluice::signals_to(pid, some_rt).err() == errc::closed);
  CHECK(sluice::signals_to(::getpid(), 0).err().about() == subject::signal_number);
  CHECK(sluice::signals_to(::getpid(), 65).err().about() == subject::signal_number);
  to->close();
  CHECK(to->try_push(0).err() == errc::closed);
}

TEST_CASE("a signal goes to the thread that it is for", "[signal]") {
  std::atomic<pid_t> who{0};
  std::int64_t here = 0;
  const signal_block quiet{some_rt};
  std::thread t([&] {
    who = ::gettid();
    blocked_signals in{some_rt};
    const auto e = in.pop(20s);
    here = e ? e->value : -1;
  });
  REQUIRE(test::eventually([&] { return who != 0; }));
  auto to = sluice::signals_to_thread(who, some_rt);
  REQUIRE(to);
  CHECK(to->push(42));
  t.join();
  CHECK(here == 42);
  blocked_signals mine{some_rt};
  CHECK(mine.try_pop().err() == errc::empty);
  CHECK(test::eventually([&] { return to->try_push(1).err() == errc::closed; }));
}

TEST_CASE("a sender is told that the receiver has too many signals pending, and goes on when it has fewer", "[signal]") {
  const signal_block quiet{some_rt};
  blocked_signals in{some_rt};
  REQUIRE(in.ok());
  auto to = sluice::signals_to(::getpid(), some_rt);
  REQUIRE(to);
  rlimit before{};
  ::getrlimit(RLIMIT_SIGPENDING, &before);
  const rlimit few{200, before.rlim_max};
  ::setrlimit(RLIMIT_SIGPENDING, &few);
  std::int64_t sent = 0;
  sluice::error why;
  while (sent < 100'000 && !(why = to->try_push(sent).err())) ++sent;
  // The limit counts what is pending for all processes of this user, so others may make room meanwhile.
  sluice::error in_vain;
  for (int tries = 0; tries < 1000 && !in_vain; ++tries)
    if (!(in_vain = to->push(sent, 3ms).err())) ++sent;
  std::int64_t got = 0;
  bool in_order = true;
  std::thread more([&] {
    for (int i = 0; i < 500; ++i)
      if (to->push(sent + i, 20s)) continue;
      else break;
  });
  while (got < sent + 500) {
    const auto e = in.pop(20s);
    if (!e) break;
    in_order = in_order && e->value == got && e->count == 1;
    ++got;
  }
  more.join();
  ::setrlimit(RLIMIT_SIGPENDING, &before);
  while (in.try_pop()) in_order = false;  // none may fall on the process
  CHECK(why == errc::full);
  CHECK(in_vain == errc::timeout);
  CHECK(sent > 0);
  CHECK(got == sent + 500);
  CHECK(in_order);
}

TEST_CASE("signals that are not blocked cannot be read, and a forked child reads none", "[signal]") {
  CHECK(blocked_signals{some_rt}.ok().err() == errc::invalid);
  CHECK(blocked_signals{some_rt}.try_pop().err().about() == subject::signal_number);
  CHECK(blocked_signals{SIGKILL}.ok().err() == errc::invalid);
  const signal_block quiet{some_rt, SIGUSR1};
  blocked_signals in{some_rt, SIGUSR1};
  REQUIRE(in.ok());
  ::raise(SIGUSR1);
  ::raise(SIGUSR1);
  test::child c([&] { return in.try_pop().err() == errc::forked && in.pop(1s).err() == errc::forked ? 0 : 1; });
  CHECK(c.wait() == 0);
  CHECK(in.pop(1s)->signo == SIGUSR1);
  CHECK(in.try_pop().err() == errc::empty);  // one, as the kernel has it
  in.close();
  CHECK(in.try_pop().err() == errc::closed);
}

TEST_CASE("a block of signals ends with its scope", "[signal]") {
  const auto blocked = [](int n) {
    sigset_t now;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &now);
    return sigismember(&now, n) == 1;
  };
  {
    const signal_block a{SIGUSR1};
    CHECK(blocked(SIGUSR1));
    {
      const signal_block b{SIGUSR1, SIGUSR2};
      CHECK(blocked(SIGUSR2));
    }
    CHECK(blocked(SIGUSR1));
    CHECK(!blocked(SIGUSR2));
  }
  CHECK(!blocked(SIGUSR1));
}
