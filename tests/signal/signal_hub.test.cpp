// SPDX-License-Identifier: MIT
#include <sluice/signal/signal_hub.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"
#include "stepper.hpp"

#include <atomic>
#include <csignal>
#include <optional>
#include <thread>

// Who listens is told until it has left, and never again. What is left out on purpose is in tests/signal/CMakeLists.txt.

namespace {

using sluice::signal_event;
using sluice::detail::signal_hub;

const int some_rt = SIGRTMIN + 8, other_rt = SIGRTMIN + 9;

struct sigaction action_of(int n) {
  struct sigaction a = {};
  ::sigaction(n, nullptr, &a);
  return a;
}

/// A listener that can be kept inside of being told, and notices when it should not be told any more.
struct witness final : sluice::detail::signal_listener {
  std::atomic<unsigned> heard{0};
  std::atomic<bool> keep_inside{false}, inside{false};
  std::atomic<bool> gone{false}, told_when_gone{false};
  void (*meanwhile)(void*) = nullptr;  // what happens while it is told
  void* argument = nullptr;

  void told(const signal_event&) noexcept override {
    if (gone) told_when_gone = true;
    ++heard;
    inside = true;
    while (keep_inside) test::sleep_us(50);
    if (meanwhile != nullptr) meanwhile(argument);
    inside = false;
  }
  bool join(int signo) { return signal_hub::of_this_process().join(signo, *this, false).has_value(); }
  void leave(int signo) {
    signal_hub::of_this_process().leave(signo, *this, false);
    gone = true;
  }
};

/// A thread in which one leaves.
class leaver {
 public:
  leaver(int signo, witness& who)
      : who_(who), thread_([this, signo] {
          number_ = ::gettid();
          who_.leave(signo);
        }) {}
  leaver(const leaver&) = delete;
  leaver& operator=(const leaver&) = delete;
  ~leaver() { thread_.join(); }

  /// Until it has left, or waits.
  bool settles() const {
    return test::eventually([this] { return who_.gone || (number_ != 0 && test::sleeps(number_)); });
  }

 private:
  witness& who_;
  std::atomic<pid_t> number_{0};
  std::thread thread_;
};

}  // namespace

TEST_CASE("who leaves waits for a handler that is telling it", "[signal]") {
  if (test::holds_signals_back) return;
  witness w;
  REQUIRE(w.join(some_rt));
  w.keep_inside = true;
  std::thread interrupted([] { ::pthread_kill(::pthread_self(), some_rt); });
  REQUIRE(test::eventually([&] { return w.inside.load(); }));
  {
    const leaver l(some_rt, w);
    CHECK(l.settles());
    CHECK(!w.gone);
    w.keep_inside = false;
  }
  interrupted.join();
  CHECK(w.gone);
  CHECK(w.heard == 1);
  CHECK(!w.told_when_gone);
}

TEST_CASE("a child forked in the middle of a handler and of a leaving waits for neither", "[signal]") {
  if (test::holds_signals_back) return;
  const auto before = action_of(some_rt);
  witness w, elsewhere;
  REQUIRE(w.join(some_rt));
  REQUIRE(elsewhere.join(other_rt));
  w.keep_inside = true;
  std::thread interrupted([] { ::pthread_kill(::pthread_self(), some_rt); });
  REQUIRE(test::eventually([&] { return w.inside.load(); }));
  {
    const leaver l(some_rt, w);  // holds the lock of the hub
    REQUIRE(l.settles());
    test::child c([&] {
      elsewhere.leave(other_rt);  // an inherited one
      witness own;
      if (!own.join(some_rt)) return 1;
      ::raise(some_rt);
      if (own.heard != 1 || w.heard != 1) return 2;
      own.leave(some_rt);
      if (action_of(some_rt).sa_handler != before.sa_handler) return 3;
      return own.told_when_gone ? 4 : 0;
    });
    CHECK(c.wait(5) == 0);
    w.keep_inside = false;
  }
  interrupted.join();
  elsewhere.leave(other_rt);
}

TEST_CASE("in a forked child nobody is told who listens in its parent, and an ignored signal changes nothing", "[signal]") {
  if (test::holds_signals_back) return;
  for (const int ignored : {SIGCHLD, SIGCONT, SIGURG, SIGWINCH}) {
    witness w;
    REQUIRE(w.join(ignored));
    test::child c([&] {
      const auto here = action_of(ignored).sa_sigaction;
      ::raise(ignored);
      if (w.heard != 0) return 1;
      return action_of(ignored).sa_sigaction == here ? 0 : 2;  // somebody may be joining just now, and rely on it
    });
    CHECK(c.wait() == 0);
    w.leave(ignored);
  }
}

#if SLUICE_TEST_STEPS()

// The handler is called as a function, so that it can be stopped before each of its instructions. There one listener
// leaves; and once the handler goes on and tells the other one, that one leaves, too.
TEST_CASE("whoever leaves, before any instruction of a handler, is not told afterwards", "[signal]") {
  struct scene {
    witness first, second;
    std::optional<leaver> first_leaves, second_leaves;
    bool second_left_while_told = false;
  };
#ifdef __OPTIMIZE__
  constexpr unsigned long stride = 1;
#else
  constexpr unsigned long stride = SLUICE_TEST_TIER_FULL ? 1 : 5;  // as many instructions are one of optimised code
#endif
  bool reached = true;
  unsigned long n = 1;
  unsigned waited = 0;
  for (; reached; n += stride) {
    scene s;
    REQUIRE(s.first.join(some_rt));
    REQUIRE(s.second.join(some_rt));
    s.second.argument = &s;
    s.second.meanwhile = [](void* p) {
      scene& here = *static_cast<scene*>(p);
      if (!here.first_leaves || here.second_leaves) return;
      here.second_leaves.emplace(some_rt, here.second);
      (void)here.second_leaves->settles();
      here.second_left_while_told = here.second.gone;
    };
    siginfo_t info = {};
    info.si_signo = some_rt;
    const auto handler = action_of(some_rt).sa_sigaction;
    reached = test::stepper::run(
        n, [&] { handler(some_rt, &info, nullptr); },
        [&] {
          s.first_leaves.emplace(some_rt, s.first);
          (void)s.first_leaves->settles();
          waited += s.first.gone ? 0u : 1u;
        });
    s.first_leaves.reset();
    s.second_leaves.reset();
    INFO("stopped before instruction " << n);
    REQUIRE(!s.first.told_when_gone);
    REQUIRE(!s.second.told_when_gone);
    REQUIRE(!s.second_left_while_told);
    if (!s.first.gone) s.first.leave(some_rt);
    if (!s.second.gone) s.second.leave(some_rt);
  }
  CHECK(waited > 10);      // in the middle
  CHECK(n > waited + 10);  // before and after
}

#endif
