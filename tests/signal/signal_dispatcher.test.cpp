// SPDX-License-Identifier: MIT
#include <sluice/signal/signal_dispatcher.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::signal_dispatcher;
using sluice::signal_event;

}  // namespace

TEST_CASE("handlers of signals are called by run, in the order of the signals", "[signal][dispatcher]") {
  if (test::holds_signals_back) return;
  std::string said;
  signal_dispatcher<> on{SIGUSR1, SIGUSR2};
  REQUIRE(on.ok());
  auto a = on.subscribe(SIGUSR1, [&said](const signal_event& e) { said += e.signo == SIGUSR1 ? 'a' : '?'; });
  auto b = on.subscribe(SIGUSR2, [&said](const signal_event& e) { said += e.signo == SIGUSR2 ? 'b' : '?'; });
  auto c = on.subscribe(SIGUSR1, [&said](const signal_event&) { said += 'c'; });
  REQUIRE((a && b && c));
  CHECK(on.run().value_or(9) == 0);
  ::raise(SIGUSR2);
  ::raise(SIGUSR1);
  CHECK(said.empty());
  CHECK(on.run().value_or(9) == 2);
  CHECK(said == "bac");
  a->reset();
  ::raise(SIGUSR1);
  CHECK(on.run_next(1s));
  CHECK(said == "bacc");
  CHECK(on.run_next(1ms).err() == errc::timeout);
}

TEST_CASE("a run ends although its handlers raise the signal anew", "[signal][dispatcher]") {
  if (test::holds_signals_back) return;
  int calls = 0;
  signal_dispatcher<1, 1> on({SIGUSR1}, {.capacity = 8});
  auto s = on.subscribe(SIGUSR1, [&calls](const signal_event&) { ++calls, ::raise(SIGUSR1); });
  ::raise(SIGUSR1);
  CHECK(on.run().value_or(0) == 8);
  CHECK(calls == 8);
  s->reset();
  CHECK(on.run().value_or(0) == 1);
}

TEST_CASE("only signals that were named have handlers, and only as many as there is room for", "[signal][dispatcher]") {
  const auto nothing = [](const signal_event&) {};
  signal_dispatcher<1, 1> on{SIGUSR1};
  REQUIRE(on.ok());
  CHECK(on.subscribe(SIGUSR2, nothing).err() == errc::invalid);
  auto s = on.subscribe(SIGUSR1, nothing);
  REQUIRE(s);
  CHECK(on.subscribe(SIGUSR1, nothing).err() == errc::full);

  signal_dispatcher<1, 1> too_many{SIGUSR1, SIGUSR2};
  CHECK(too_many.ok().err() == errc::no_space);
  CHECK(too_many.run().err() == errc::no_space);
  CHECK(too_many.run_next().err() == errc::no_space);
  signal_dispatcher<> fault{SIGSEGV};
  CHECK(fault.ok().err() == errc::invalid);
  CHECK(fault.subscribe(SIGSEGV, nothing).err() == errc::invalid);
}

TEST_CASE("in a forked child a run says forked", "[signal][dispatcher]") {
  signal_dispatcher<> on{SIGUSR1};
  REQUIRE(on.ok());
  const pid_t child = ::fork();
  if (child == 0) std::_Exit(on.run().err() == errc::forked ? 0 : 1);
  int how = 0;
  ::waitpid(child, &how, 0);
  CHECK(how == 0);
}
