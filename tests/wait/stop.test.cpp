// SPDX-License-Identifier: MIT
#include <sluice/wait/stop.hpp>

#include <sluice/stream/pipe.hpp>

#include "catch.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <dirent.h>
#include <pthread.h>
#include <sys/wait.h>
#include <thread>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::stop;
using sluice::until;
using sluice::wait_set;
using sluice::want;

namespace {

std::size_t open_descriptors() {
  std::size_t n = 0;
  DIR* d = ::opendir("/proc/self/fd");
  while (d != nullptr && ::readdir(d) != nullptr) ++n;
  if (d != nullptr) ::closedir(d);
  return n;
}

/// Sleeps on nothing but the stop, at most 10 s; true if it was requested in time.
bool sleep_on(stop& s, bool by_handle) {
  const until u = until(10s).absolute();
  for (;;) {
    wait_set set(by_handle);
    s.arm(want::pop, set);
    const auto slept = set.sleep(u);
    s.disarm(want::pop);
    if (s.requested()) return true;
    if (!slept) return false;
  }
}

stop* to_request = nullptr;
extern "C" {
static void request_it(int) { to_request->request(); }
}

}  // namespace

TEST_CASE("a stop is requested once and for all", "[stop]") {
  stop s;
  CHECK(!s.requested());
  s.request();
  CHECK(s.requested());
  s.request();
  CHECK(s.requested());
  STATIC_REQUIRE(!std::is_copy_constructible_v<stop>);
  STATIC_REQUIRE(sluice::waitable<stop>);
}

TEST_CASE("whoever arms after the request does not sleep", "[stop]") {
  for (const bool by_handle : {false, true}) {
    stop s;
    s.request();
    wait_set set(by_handle);
    s.arm(want::pop, set);
    CHECK(set.sleep(until().absolute()));
    CHECK(sleep_on(s, by_handle));
  }
}

TEST_CASE("a request between arming and sleeping is not missed", "[stop]") {
  for (const bool by_handle : {false, true}) {
    stop s;
    wait_set set(by_handle);
    s.arm(want::pop, set);
    s.request();
    const auto begun = std::chrono::steady_clock::now();
    CHECK(set.sleep(until(10s).absolute()));
    CHECK(std::chrono::steady_clock::now() - begun < 5s);
  }
}

TEST_CASE("nobody requested, so the deadline ends the sleep", "[stop]") {
  for (const bool by_handle : {false, true}) {
    stop s;
    wait_set set(by_handle);
    s.arm(want::pop, set);
    CHECK(!set.mixed());
    CHECK(set.sleep(until(3ms).absolute()).err() == sluice::errc::timeout);
    s.disarm(want::pop);
  }
}

TEST_CASE("a request of another thread wakes a sleeper", "[stop]") {
  for (const bool by_handle : {false, true}) {
    stop s;
    std::thread other([&] {
      std::this_thread::sleep_for(10ms);
      s.request();
    });
    CHECK(sleep_on(s, by_handle));
    other.join();
  }
}

TEST_CASE("one request wakes all sleepers, on the word and on the bell", "[stop]") {
  stop s;
  bool woken[4] = {};
  std::thread sleepers[4];
  for (unsigned i = 0; i < 4; ++i) sleepers[i] = std::thread([&, i] { woken[i] = sleep_on(s, i % 2 == 0); });
  std::this_thread::sleep_for(10ms);
  s.request();
  for (auto& t : sleepers) t.join();
  for (const bool w : woken) CHECK(w);
}

TEST_CASE("requests that race with arming are not missed", "[stop]") {
  unsigned missed = 0;
  for (unsigned i = 0; i < 200; ++i) {
    stop s;
    std::thread other([&] { s.request(); });
    missed += !sleep_on(s, i % 2 == 0);
    other.join();
  }
  CHECK(missed == 0);
}

TEST_CASE("a signal handler may request, and the sleeper of that very thread wakes", "[stop]") {
  for (const bool by_handle : {false, true}) {
    stop s;
    to_request = &s;
    struct sigaction action = {}, before = {};
    action.sa_handler = request_it;
    REQUIRE(::sigaction(SIGUSR1, &action, &before) == 0);
    const pthread_t sleeper = ::pthread_self();
    std::thread other([&] {
      std::this_thread::sleep_for(10ms);
      ::pthread_kill(sleeper, SIGUSR1);
    });
    CHECK(sleep_on(s, by_handle));
    other.join();
    REQUIRE(::sigaction(SIGUSR1, &before, nullptr) == 0);
  }
}

TEST_CASE("a signal handler that requests wakes the sleeper of another thread", "[stop]") {
  stop s;
  to_request = &s;
  struct sigaction action = {}, before = {};
  action.sa_handler = request_it;
  REQUIRE(::sigaction(SIGUSR1, &action, &before) == 0);
  bool woken = false;
  std::thread sleeper([&] { woken = sleep_on(s, false); });
  std::this_thread::sleep_for(10ms);
  ::raise(SIGUSR1);
  sleeper.join();
  CHECK(woken);
  REQUIRE(::sigaction(SIGUSR1, &before, nullptr) == 0);
}

TEST_CASE("a request keeps errno", "[stop]") {
  stop s;
  wait_set set(true);
  s.arm(want::pop, set);
  wait_set words;
  s.arm(want::pop, words);
  errno = 4711;
  s.request();
  CHECK(errno == 4711);
}

TEST_CASE("the bell exists only once somebody needs it, and goes with the stop", "[stop]") {
  const auto before = open_descriptors();
  {
    stop s;
    wait_set words;
    s.arm(want::pop, words);
    CHECK(open_descriptors() == before);
    for (int i = 0; i < 3; ++i) {
      wait_set handles(true);
      s.arm(want::pop, handles);
      CHECK(open_descriptors() == before + 1);
    }
    s.request();
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("a stop that a forked child requests for itself leaves the parent asleep", "[stop]") {
  stop halt;
  auto p = sluice::pipe();
  REQUIRE(p);
  std::byte b{};
  REQUIRE(p->in.read({&b, 1}, {1ms, halt}).err() == errc::timeout);  // a descriptor to wait for: the bell exists now
  const pid_t child = ::fork();
  if (child == 0) {
    halt.request();
    ::_exit(0);
  }
  int how = 0;
  ::waitpid(child, &how, 0);
  const auto cpu = [] {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  };
  const double before = cpu();
  CHECK(p->in.read({&b, 1}, {300ms, halt}).err() == errc::timeout);
  CHECK(cpu() - before < 0.1);
  halt.request();
  CHECK(p->in.read({&b, 1}, {10s, halt}).err() == errc::stopped);
}

TEST_CASE("a forked child that waits for its copy of a stop hangs a bell of its own", "[stop]") {
  stop halt;
  auto p = sluice::pipe();
  REQUIRE(p);
  std::byte b{};
  REQUIRE(p->in.read({&b, 1}, {1ms, halt}).err() == errc::timeout);
  const pid_t child = ::fork();
  if (child == 0) {
    std::thread other([&] {
      std::this_thread::sleep_for(5ms);
      halt.request();
    });
    const bool woken = p->in.read({&b, 1}, {10s, halt}).err() == errc::stopped;
    other.join();
    ::_exit(woken ? 0 : 1);
  }
  int how = 0;
  ::waitpid(child, &how, 0);
  CHECK(how == 0);
  CHECK(p->in.read({&b, 1}, {5ms, halt}).err() == errc::timeout);
  halt.request();
  CHECK(p->in.read({&b, 1}, {10s, halt}).err() == errc::stopped);
}
