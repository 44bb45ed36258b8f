// SPDX-License-Identifier: MIT
#include <sluice/signal/signal_set.hpp>
#include <sluice/signal/signal_sink.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <map>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::signal_event;
using sluice::signal_set;
using sluice::subject;

const int some_rt = SIGRTMIN + 3, other_rt = SIGRTMIN + 4;

struct sigaction action_of(int n) {
  struct sigaction a = {};
  ::sigaction(n, nullptr, &a);
  return a;
}
bool same(const struct sigaction& a, const struct sigaction& b) {
  bool masks = true;
  for (int n = 1; n < 65; ++n) masks = masks && sigismember(&a.sa_mask, n) == sigismember(&b.sa_mask, n);
  return a.sa_flags == b.sa_flags && a.sa_handler == b.sa_handler && masks;
}
void send(int n, std::int64_t value) {
  sigval v{};
  v.sival_ptr = reinterpret_cast<void*>(static_cast<std::intptr_t>(value));
  ::sigqueue(::getpid(), n, v);
}

volatile std::sig_atomic_t called = 0, called_with = 0;
void plain(int n) {
  called = called + 1;
  called_with = n;
}
void full(int, siginfo_t* i, void*) {
  called = called + 1;
  called_with = i->si_value.sival_int;
}

}  // namespace

TEST_CASE("a signal set is a source of signals", "[signal]") {
  if (test::holds_signals_back) return;
  STATIC_REQUIRE(sluice::source<signal_set>);
  STATIC_REQUIRE(!std::is_copy_constructible_v<signal_set>);
  signal_set s{SIGUSR1, some_rt};
  REQUIRE(s.ok());
  CHECK(s.try_pop().err() == errc::empty);
  CHECK(s.pop(3ms).err() == errc::timeout);
  ::raise(SIGUSR1);
  const auto a = s.pop(1s);
  REQUIRE(a);
  CHECK(a->signo == SIGUSR1);
  CHECK(a->pid == ::getpid());
  CHECK(a->uid == ::getuid());
  CHECK(a->count == 1);
  for (int i = 0; i < 5; ++i) send(some_rt, i * 1'000'000'000'000);
  for (int i = 0; i < 5; ++i) {
    const auto e = s.pop(1s);
    REQUIRE(e);
    CHECK(e->signo == some_rt);
    CHECK(e->code == SI_QUEUE);
    CHECK(e->value == i * 1'000'000'000'000);
    CHECK(e->count == 1);
  }
  CHECK(s.try_pop().err() == errc::empty);
  s.close();
  CHECK(s.try_pop().err() == errc::closed);
}

TEST_CASE("a signal set that cannot be says why", "[signal]") {
  for (const int n : {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, 0, -3, 32, 33, 65, 1000}) {
    INFO(n);
    signal_set s{SIGUSR2, n};
    CHECK(s.ok().err() == errc::invalid);
    CHECK(s.ok().err().about() == subject::signal_number);
    CHECK(s.try_pop().err() == errc::invalid);
    CHECK(s.pop(1s).err() == errc::invalid);
    CHECK(action_of(SIGUSR2).sa_handler == SIG_DFL);  // nothing of it is left
  }
  CHECK(signal_set({SIGUSR1}, {.capacity = 1}).ok().err().about() == subject::capacity);
  std::vector<signal_set> many;
  for (int i = 0; i < 16; ++i) many.emplace_back(signal_set{SIGUSR1});
  CHECK(many.back().ok());
  CHECK(signal_set{SIGUSR1}.ok().err() == errc::no_space);
  many.pop_back();
  CHECK(signal_set{SIGUSR1}.ok());
}

TEST_CASE("the dispositions from before are back, exactly, when the last set has gone", "[signal]") {
  struct sigaction odd = {};
  odd.sa_sigaction = &full;
  odd.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
  sigaddset(&odd.sa_mask, SIGALRM);
  ::sigaction(SIGUSR1, &odd, nullptr);
  ::signal(SIGUSR2, SIG_IGN);
  const auto a = action_of(SIGUSR1), b = action_of(SIGUSR2), c = action_of(SIGTERM);
  {
    signal_set one{SIGUSR1, SIGUSR2, SIGTERM};
    CHECK(!same(action_of(SIGUSR1), a));
    {
      signal_set two{SIGUSR1, SIGTERM};
      signal_set moved = std::move(two);
    }
    CHECK(!same(action_of(SIGUSR1), a));
    one = signal_set{SIGUSR2};
    CHECK(same(action_of(SIGUSR1), a));
    CHECK(!same(action_of(SIGUSR2), b));
  }
  CHECK(same(action_of(SIGUSR1), a));
  CHECK(same(action_of(SIGUSR2), b));
  CHECK(same(action_of(SIGTERM), c));
  {
    signal_set one{SIGUSR1};
    ::signal(SIGUSR1, &plain);  // somebody else, later
  }
  CHECK(action_of(SIGUSR1).sa_handler == &plain);
  ::signal(SIGUSR1, SIG_DFL);
  ::signal(SIGUSR2, SIG_DFL);
}

TEST_CASE("each of several sets is told, and the earlier handler too if that is wanted", "[signal]") {
  if (test::holds_signals_back) return;
  struct sigaction a = {};
  a.sa_sigaction = &full;
  a.sa_flags = SA_SIGINFO;
  ::sigaction(some_rt, &a, nullptr);
  ::signal(SIGUSR1, &plain);
  called = 0;
  {
    signal_set one{some_rt, SIGUSR1}, two{some_rt};
    send(some_rt, 7);
    CHECK(one.pop(1s)->value == 7);
    CHECK(two.pop(1s)->value == 7);
    CHECK(called == 0);
    signal_set three({some_rt, SIGUSR1}, {.chain = true});
    send(some_rt, 8);
    CHECK(one.pop(1s)->value == 8);
    CHECK(three.pop(1s)->value == 8);
    CHECK(called == 1);
    CHECK(called_with == 8);
    ::raise(SIGUSR1);
    CHECK(called == 2);
    CHECK(called_with == SIGUSR1);
    three.close();
    send(some_rt, 9);
    CHECK(called == 2);
  }
  send(some_rt, 10);
  CHECK(called == 3);
  CHECK(called_with == 10);
  ::signal(some_rt, SIG_DFL);
  ::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("signals that outrun the ring are folded, counted exactly, and stay in order", "[signal]") {
  if (test::holds_signals_back) return;
  signal_set s({some_rt, other_rt}, {.capacity = 8});
  REQUIRE(s.ok());
  for (int i = 0; i < 20; ++i) send(some_rt, i);
  for (int i = 0; i < 3; ++i) send(other_rt, 100 + i);
  std::vector<signal_event> got;
  while (auto e = s.try_pop()) got.push_back(*e);
  REQUIRE(got.size() == 10);
  for (int i = 0; i < 8; ++i) {
    CHECK(got[static_cast<std::size_t>(i)].value == i);
    CHECK(got[static_cast<std::size_t>(i)].count == 1);
  }
  CHECK(got[8].signo == some_rt);
  CHECK(got[8].value == 8);  // the first of those
  CHECK(got[8].count == 12);
  CHECK(got[9].signo == other_rt);
  CHECK(got[9].value == 100);
  CHECK(got[9].count == 3);
  send(some_rt, 20);
  CHECK(s.pop(1s)->value == 20);

  // What follows a fold does not overtake it, though there is room in the ring again.
  for (int i = 0; i < 9; ++i) send(some_rt, i);
  CHECK(s.try_pop()->value == 0);
  send(some_rt, 9);
  for (int i = 1; i < 8; ++i) CHECK(s.try_pop()->value == i);
  const auto last = s.try_pop();
  CHECK(last->value == 8);
  CHECK(last->count == 2);
  CHECK(s.try_pop().err() == errc::empty);
}

TEST_CASE("a signal wakes who waits for it, by word and by descriptor", "[signal]") {
  if (test::holds_signals_back) return;
  signal_set s{some_rt};
  REQUIRE(s.ok());
  std::atomic<pid_t> who{0};
  std::array<std::int64_t, 20> got{};
  std::thread waiter([&] {
    who = ::gettid();
    for (auto& g : got) {
      const auto e = s.pop(20s);
      g = e ? e->value : -1;
    }
  });
  REQUIRE(test::eventually([&] { return who != 0; }));
  for (int i = 0; i < 20; ++i) {
    CHECK(test::eventually([&] { return test::sleeps(who); }));
    send(some_rt, i + 1);
    if (i % 2 == 0) test::sleep_us(200);
  }
  waiter.join();
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == static_cast<std::int64_t>(i) + 1);

  for (int i = 0; i < 5; ++i) {
    sluice::wait_set set(true);
    s.arm(sluice::want::pop, set);
    CHECK(!set.mixed());
    CHECK(set.sleep(sluice::until(2ms).absolute()).err() == errc::timeout);
    s.disarm(sluice::want::pop);
    send(some_rt, i);
    sluice::wait_set again(true);
    s.arm(sluice::want::pop, again);
    CHECK(again.sleep(sluice::until(20s).absolute()));
    s.disarm(sluice::want::pop);
    CHECK(s.try_pop()->value == i);
  }
}

TEST_CASE("a forked child has nothing of its parent's signals, nor the parent of the child's", "[signal]") {
  signal_set s{SIGUSR1, SIGHUP, some_rt};
  REQUIRE(s.ok());
  test::child inert([&] {
    if (s.try_pop().err() != errc::forked || s.pop(1s).err() != errc::forked) return 1;
    signal_set own{SIGUSR1};
    if (!own.ok()) return 2;
    ::raise(SIGUSR1);
    const auto e = own.pop(1s);
    if (!e || e->pid != ::getpid()) return 3;
    own.close();
    return 0;
  });
  CHECK(inert.wait() == 0);
  test::child dies([&] {
    ::raise(SIGHUP);  // what it would have done without the set
    return 0;
  });
  CHECK(dies.wait() == -SIGHUP);
  CHECK(s.try_pop().err() == errc::empty);
  ::raise(SIGUSR1);
  CHECK(s.pop(1s)->signo == SIGUSR1);
}

TEST_CASE("threads that were there before have their signals heard, and an interrupted read goes on", "[signal]") {
  if (test::holds_signals_back) return;
  int p[2];
  REQUIRE(::pipe(p) == 0);
  std::atomic<pid_t> who{0};
  ssize_t n = 0;
  std::thread reader([&] {
    who = ::gettid();
    char c;
    n = ::read(p[0], &c, 1);
  });
  REQUIRE(test::eventually([&] { return who != 0 && test::sleeps(who); }));
  {
    signal_set s{SIGUSR1};
    REQUIRE(::pthread_kill(reader.native_handle(), SIGUSR1) == 0);
    CHECK(s.pop(5s)->signo == SIGUSR1);
    CHECK(::write(p[1], "x", 1) == 1);
    reader.join();
  }
  CHECK(n == 1);
  ::close(p[0]);
  ::close(p[1]);
}

TEST_CASE("no signal is lost, from many threads to many, while sets come and go", "[signal]") {
  if (test::holds_signals_back) return;
  constexpr int senders = 3;
  const int each = static_cast<int>(rounds(20'000));
  signal_set s({some_rt}, {.capacity = 64});
  REQUIRE(s.ok());
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> sent{0};
  std::vector<std::thread> all;
  for (int k = 0; k < senders; ++k)
    all.emplace_back([&, k] {
      auto to = sluice::signals_to(::getpid(), some_rt);
      for (int i = 0; i < each; ++i)
        if (to && to->push(k * 1'000'000 + i, 20s)) ++sent;
    });
  all.emplace_back([&] {
    while (!over) {
      signal_set passing({some_rt, other_rt}, {.capacity = 4});
      test::sleep_us(20);
    }
  });
  std::uint64_t got = 0;
  bool known = true;
  while (got < static_cast<std::uint64_t>(senders * each)) {
    const auto e = s.pop(20s);
    if (!e) break;
    got += e->count;
    known = known && e->signo == some_rt && e->value / 1'000'000 < senders && e->value % 1'000'000 < each;
  }
  over = true;
  for (auto& t : all) t.join();
  CHECK(known);
  CHECK(sent == static_cast<std::uint64_t>(senders * each));
  CHECK(got == sent);
  CHECK(s.try_pop().err() == errc::empty);
}

TEST_CASE("a handler leaves errno as it was", "[signal]") {
  if (test::holds_signals_back) return;
  std::atomic<pid_t> who{0};
  std::atomic<bool> over{false};
  int kept = 0;
  signal_set s{some_rt};
  std::thread waiter([&] {  // so that the handler makes system calls
    who = ::gettid();
    while (s.pop(20s)->value != 0) {
    }
    over = true;
  });
  sigset_t these;
  sigemptyset(&these);
  sigaddset(&these, some_rt);
  REQUIRE(test::eventually([&] { return who != 0 && test::sleeps(who); }));
  for (int i = 1; i <= 100; ++i) {
    errno = 1234;
    sigval v{};
    v.sival_int = i;
    ::pthread_sigqueue(::pthread_self(), some_rt, v);
    kept += errno == 1234 ? 1 : 0;
    if (i % 10 == 0) test::sleep_us(200);
  }
  send(some_rt, 0);
  waiter.join();
  CHECK(over);
  CHECK(kept == 100);
}

TEST_CASE("a stop is requested by a signal", "[signal]") {
  if (test::holds_signals_back) return;
  sluice::stop halt;
  {
    sluice::stop_on keys(halt, {SIGUSR1, SIGHUP});
    REQUIRE(keys.ok());
    signal_set other{SIGUSR2};
    std::thread asker([] {
      test::sleep_us(5000);
      ::kill(::getpid(), SIGHUP);
    });
    CHECK(other.pop({20s, halt}).err() == errc::stopped);
    asker.join();
  }
  CHECK(halt.requested());
  CHECK(action_of(SIGHUP).sa_handler == SIG_DFL);
  sluice::stop never;
  CHECK(sluice::stop_on(never, {SIGKILL}).ok().err() == errc::invalid);
}
