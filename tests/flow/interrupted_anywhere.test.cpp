// SPDX-License-Identifier: MIT
#include <sluice/channel/channel.hpp>
#include <sluice/flow/merge.hpp>
#include <sluice/flow/poller.hpp>
#include <sluice/flow/select.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/pipe.hpp>

#include "catch.hpp"
#include "stepper.hpp"

#include <utility>

#if SLUICE_TEST_STEPS()

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::on;
using std::chrono::steady_clock;

namespace {

constexpr auto patience = 50ms;  // a step takes microseconds
constexpr auto parked = sluice::channel_options{.wait = sluice::wait_strategy::park};

/// Two rings and a pipe, of which the first ring gets the message.
struct ends {
  decltype(sluice::channel<int>(2, parked)) a = sluice::channel<int>(2, parked), b = sluice::channel<int>(2, parked);
  sluice::pipe_ends p = sluice::must(sluice::pipe());
  decltype(sluice::source_of<int>(std::move(p.in))) in = sluice::source_of<int>(std::move(p.in));
  sluice::poller loop{};
  int had = 0;

  auto case_of(auto& from) {
    return on(from, [this](int) { ++had; });
  }

  ends() {
    (void)loop.add(case_of(a.rx));
    (void)loop.add(case_of(in));
    (void)loop.run(sluice::now);  // what it makes for good with its first turn, a thread among it, cannot be stepped through
  }
};

/// A wait that is interrupted before its n-th instruction by a stop, by a message, or by both.
struct interrupted {
  bool with_message, with_stop;
  bool reached = false, late = false, slow = false;
  error why{};

  template <class Wait>
  void run(unsigned long n, Wait wait) {
    ends e;
    sluice::stop halt;
    auto asked = steady_clock::time_point::max();
    const auto begun = steady_clock::now();
    reached = test::stepper::run(
        n, [&] { why = wait(e, sluice::until(patience, halt)); },
        [&] {
          asked = steady_clock::now();
          if (with_message) (void)e.a.tx.try_push(1);
          if (with_stop) halt.request();
        });
    late = !reached || asked - begun >= patience;  // it was over when that came
    slow = reached && !late && steady_clock::now() - asked > patience / 2;
    INFO("interrupted before instruction " << n << (with_stop ? ", by a stop" : "") << (with_message ? ", by a message" : ""));
    REQUIRE((why == errc::timeout ? late : !why || (with_stop && why == errc::stopped)));
    REQUIRE((!why) == (e.had == 1));
    int left = 0;
    while (e.a.rx.try_pop()) ++left;
    REQUIRE(e.had + left == (with_message && reached ? 1 : 0));
  }
};

/// `wait(ends, until)` returns what ended it.
template <class Wait>
void is_interrupted_anywhere(Wait wait) {
  for (interrupted one : {interrupted{false, true}, interrupted{true, true}, interrupted{true, false}}) {
    unsigned stopped = 0, taken = 0, late = 0;
    for (unsigned long n = 1; late < 5; n += SLUICE_TEST_TIER_FULL ? 1 : 41) {  // a few of those behind the sleep are enough
      unsigned slow = 0;
      do {
        one.run(n, wait);
      } while (one.slow && ++slow < 5);  // another program may have had the processor
      INFO("before instruction " << n);
      REQUIRE(slow < 5);
      stopped += one.why == errc::stopped, taken += !one.why, late += one.late;
    }
    if (!one.with_message) CHECK(stopped > 0);  // what is there is taken, stop or no stop
    else CHECK(taken > 0);
    CHECK(late > 0);
  }
}

}  // namespace

TEST_CASE("a stop or a message before any instruction of a pop is heard, and nothing is lost", "[interrupted_anywhere]") {
  is_interrupted_anywhere([](ends& e, sluice::until u) {
    const auto m = e.a.rx.pop(u);
    e.had += m ? 1 : 0;
    return m.err();
  });
}
TEST_CASE("a stop or a message before any instruction of a select over rings is heard, and nothing is lost", "[interrupted_anywhere]") {
  is_interrupted_anywhere([](ends& e, sluice::until u) { return select(e.case_of(e.a.rx), e.case_of(e.b.rx)).wait(u).err(); });
}
TEST_CASE("a stop or a message before any instruction of a select over a ring and a pipe is heard, and nothing is lost", "[interrupted_anywhere]") {
  is_interrupted_anywhere([](ends& e, sluice::until u) { return select(e.case_of(e.a.rx), e.case_of(e.in)).wait(u).err(); });
}
TEST_CASE("a stop or a message before any instruction of a merged pop is heard, and nothing is lost", "[interrupted_anywhere]") {
  is_interrupted_anywhere([](ends& e, sluice::until u) {
    auto both = merge(e.a.rx, e.in);
    const auto m = both.pop(u);
    e.had += m ? 1 : 0;
    return m.err();
  });
}
TEST_CASE("a stop or a message before any instruction of a poller is heard, and nothing is lost", "[interrupted_anywhere]") {
  is_interrupted_anywhere([](ends& e, sluice::until u) { return e.loop.run(u).err(); });
}

#endif
