// SPDX-License-Identifier: MIT
#include <sluice/signal/blocked_signals.hpp>
#include <sluice/signal/signal_set.hpp>
#include <sluice/signal/signal_sink.hpp>
#include <sluice/stream/spawn.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"
#include "stepper.hpp"

#include <array>
#include <atomic>
#include <map>
#include <optional>
#include <sys/resource.h>
#include <thread>
#include <vector>

// Many signals from everywhere, at the worst of moments.

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::signal_event;
using sluice::signal_set;

const int some_rt = SIGRTMIN + 6, other_rt = SIGRTMIN + 7;

constexpr unsigned senders = 3;

/// Children that send numbers 0, 1, 2... until `most`, or until the receiver does not want more.
class crowd_of_senders {
 public:
  explicit crowd_of_senders(std::int64_t most) {
    for (unsigned k = 0; k < senders; ++k)
      children_[k].emplace([this, most] {
        auto to = sluice::signals_to(::getppid(), some_rt);
        if (!to) return 1;
        while (*go_ == 0) test::sleep_us(50);
        for (std::int64_t i = 0; i < most; ++i)
          if (!to->push(i, 60s)) return 2;
        return 0;
      });
  }
  void start() { *go_ = 1; }
  [[nodiscard]] std::optional<unsigned> number_of(std::int32_t pid) const {
    for (unsigned k = 0; k < senders; ++k)
      if (children_[k]->pid() == pid) return k;
    return {};
  }
  bool all_done() {
    bool ok = true;
    for (auto& c : children_) ok = c->wait(60) == 0 && ok;
    return ok;
  }

 private:
  test::shared_with_children<std::atomic<int>> go_;
  std::array<std::optional<test::child>, senders> children_;
};

/// Takes what they send, and looks whether it is all, and in order.
struct tally {
  std::array<std::int64_t, senders> next{};
  std::uint64_t signals = 0, events = 0;
  bool in_order = true, known = true;

  void add(const signal_event& e, const crowd_of_senders& from) {
    ++events, signals += e.count;
    const auto k = from.number_of(e.pid);
    if (!k) return void(known = false);
    in_order = in_order && e.value >= next[*k];
    next[*k] = e.value + 1;
  }
};

}  // namespace

TEST_CASE("a million signals of three processes come in order, each or counted as folded", "[signal]") {
  if (test::holds_signals_back) return;
  const std::int64_t each = rounds(SLUICE_TEST_TIER_FULL ? 3'400'000 : 340'000);
  signal_set in({some_rt}, {.capacity = 1024});
  REQUIRE(in.ok());
  crowd_of_senders all(each);
  all.start();
  tally t;
  const auto expected = static_cast<std::uint64_t>(each) * senders;
  while (t.signals < expected) {
    const auto e = in.pop(60s);
    if (!e) break;
    t.add(*e, all);
  }
  CHECK(all.all_done());
  CHECK(in.try_pop().err() == errc::empty);
  CHECK(t.signals == expected);
  CHECK(t.known);
  CHECK(t.in_order);
  std::printf("%llu signals in %llu events\n", static_cast<unsigned long long>(t.signals), static_cast<unsigned long long>(t.events));
}

TEST_CASE("of a million queued signals each comes, in order, whoever was refused meanwhile", "[signal]") {
  const std::int64_t each = rounds(SLUICE_TEST_TIER_FULL ? 3'400'000 : 340'000);
  const sluice::signal_block quiet{some_rt};
  sluice::blocked_signals in{some_rt};
  REQUIRE(in.ok());
  crowd_of_senders all(each);
  all.start();
  tally t;
  const auto expected = static_cast<std::uint64_t>(each) * senders;
  bool gapless = true;
  while (t.signals < expected) {
    const auto e = in.pop(60s);
    if (!e) break;
    const auto k = all.number_of(e->pid);
    gapless = gapless && k && e->value == t.next[*k];
    t.add(*e, all);
  }
  CHECK(all.all_done());
  CHECK(in.try_pop().err() == errc::empty);
  CHECK(t.signals == expected);
  CHECK(t.events == expected);
  CHECK(gapless);
}

TEST_CASE("signals are neither lost nor misled while children and threads are made", "[signal]") {
  if (test::holds_signals_back) return;
  signal_set in({some_rt}, {.capacity = 64});
  signal_set standard({SIGUSR1}, {.capacity = 64});
  REQUIRE(in.ok());
  REQUIRE(standard.ok());
  std::atomic<bool> over{false};
  std::uint64_t sent = 0, raised = 0;
  std::thread sender([&] {
    auto to = sluice::signals_to(::getpid(), some_rt);
    while (!over) {
      if (to && to->push(1, 20s)) ++sent;
      if (sent % 16 == 0) ::kill(::getpid(), SIGUSR1), ++raised;
      if (sent % 64 == 0) test::sleep_us(100);
    }
  });
  std::uint64_t got = 0, heard = 0, foreign = 0, children_bad = 0, spawned = 0;
  const auto take = [&] {
    while (auto e = in.try_pop()) {
      got += e->count;
      foreign += e->value == 1 ? 0u : 1u;
    }
    while (auto e = standard.try_pop()) heard += e->count;
  };
  for (unsigned i = 0; i < rounds(100); ++i) {
    test::child c([&] {
      if (in.try_pop().err() != errc::forked) return 1;
      signal_set own{other_rt, some_rt};
      auto to_me = sluice::signals_to(::getpid(), other_rt);
      if (!own.ok() || !to_me || !to_me->push(2)) return 2;
      auto me_too = sluice::signals_to(::getpid(), some_rt);
      if (!me_too || !me_too->push(2)) return 3;
      for (int k = 0; k < 2; ++k) {
        const auto e = own.pop(20s);
        if (!e || e->value != 2) return 4;  // of the parent's there is none
      }
      return own.try_pop().err() == errc::empty ? 0 : 5;
    });
    std::thread t([] {});
    take();
    children_bad += c.wait(60) == 0 ? 0u : 1u;
    t.join();
    if (i % 4 == 0) {
      auto program = sluice::spawn({"/bin/true"});
      const auto how = program ? program->process.pop(60s) : sluice::result<sluice::exit_status>(program.err());
      spawned += how && how->ok() ? 1u : 0u;
    }
  }
  over = true;
  sender.join();
  take();
  CHECK(children_bad == 0);
  CHECK(spawned == (rounds(100) + 3) / 4);
  CHECK(foreign == 0);
  CHECK(got == sent);
  CHECK(heard <= raised);
  CHECK((raised == 0 || heard > 0));
}

#if SLUICE_TEST_STEPS()

// The ci tier takes one instruction of so many: those of short operations, and of openings and closings.
#ifdef __OPTIMIZE__
constexpr unsigned long short_stride = 3, long_stride = 41;
#else
constexpr unsigned long short_stride = 33, long_stride = 1801;
#endif

TEST_CASE("a signal may come before any instruction of a pop, a push, an opening and a closing", "[signal]") {
  auto to = sluice::signals_to(::getpid(), some_rt);
  REQUIRE(to);
  for (const unsigned waiting : {0u, 1u, 2u, 3u}) {  // in a ring of two: empty, filled, full, folded
    for (unsigned op = 0; op < 5; ++op) {
      const unsigned long stride = SLUICE_TEST_TIER_FULL ? 1 : op < 3 ? short_stride : long_stride;
      signal_set in({some_rt}, {.capacity = 2});
      REQUIRE(in.ok());
      std::int64_t sent = 0, sent_by_us = 0;
      const auto send = [&] { (void)to->try_push(++sent); };
      std::uint64_t trials = 0;
      bool reached = true;
      for (unsigned long n = 1; reached; n += stride, ++trials) {
        sent = sent_by_us = 0;
        for (unsigned k = 0; k < waiting; ++k) send();
        std::vector<signal_event> got;
        got.reserve(16);
        std::optional<signal_set> other;
        if (op == 4) other.emplace(std::initializer_list<int>{some_rt}, sluice::signal_options{.capacity = 2});
        const auto body = [&] {
          sluice::wait_set set;
          switch (op) {
            case 0:
              if (auto e = in.try_pop()) got.push_back(*e);
              break;
            case 1: in.arm(sluice::want::pop, set), in.disarm(sluice::want::pop); break;
            case 2: sent_by_us = to->try_push(-1) ? 1 : 0; break;
            case 3: other.emplace(std::initializer_list<int>{some_rt}, sluice::signal_options{.capacity = 2}); break;
            default: other.reset();
          }
        };
        reached = test::stepper::run(n, body, send);
        while (auto e = in.try_pop()) got.push_back(*e);
        std::int64_t came = 0;
        bool in_order = true;
        for (const auto& e : got) {
          in_order = in_order && e.signo == some_rt && (op == 2 || e.value == came + 1);
          came += e.count;
        }
        INFO("operation " << op << ", " << waiting << " before, interrupted before instruction " << n);
        REQUIRE(came == sent + sent_by_us);
        REQUIRE(in_order);
      }
      CHECK(trials > 3);
    }
  }
}

#endif
