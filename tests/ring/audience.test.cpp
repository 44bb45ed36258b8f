// SPDX-License-Identifier: MIT
#include "ring/audience_box.hpp"

#include <sluice/channel/shared.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <vector>

// What docs/guarantees.md says of all the kinds with one producer and many readers.

using audience_test::no_bell;
using sluice::broadcast;
using sluice::errc;
using sluice::latest;
using sluice::lossy_broadcast;

namespace {

using u64 = std::uint64_t;
template <class Kind>
using box = audience_test::box<Kind, u64>;

/// Every operation of a pair of ends or sides, as long as there is room and nobody sleeps. `ring` is what the operations of
/// a side are given besides, those of an end not. Returns the line that is not true, or 0.
template <class Kind, class Tx, class Rx, class... Bell>
int every_operation(Tx& tx, Rx& rx, u64& n, const Bell&... ring) {
#define MUST(condition) \
  if (!(condition)) return __LINE__
  const auto pops = [&](u64 wanted) {  // the last of several, where only the newest is kept
    for (;;) {
      const auto v = rx.try_pop(ring...);
      if (!v) return false;
      if (*v == wanted) return true;
    }
  };
  MUST(tx.try_push(++n, ring...) && pops(n));
  const u64 some[] = {n + 1, n + 2};
  MUST(*tx.try_push(std::span<const u64>(some), ring...) == 2);
  n += 2;
  u64 to[2] = {};
  MUST(*rx.try_pop(std::span<u64>(to), ring...) >= 1);
  if constexpr (sizeof...(Bell) != 0) {
    auto place = tx.try_claim();
    MUST(place);
    tx.abandon(ring...);
    place = tx.try_claim();
    MUST(place);
    **place = ++n;
    tx.commit(ring...);
    MUST(rx.try_borrow());
    rx.keep_loan(ring...);
    MUST(rx.try_borrow());
    rx.consume_loan(ring...);
  } else {
    MUST(tx.try_claim());
    auto place = tx.try_claim();
    MUST(place);
    *place = ++n;
    place.commit();
    auto loan = rx.try_borrow();
    MUST(loan);
    loan.keep();
    loan = rx.try_borrow();
    MUST(loan && *loan == n);
    loan.release();
  }
  MUST(rx.try_pop(ring...).err() == errc::empty);
  if constexpr (std::is_same_v<Kind, broadcast>) {
    while (tx.try_push(++n, ring...)) {
    }
    MUST(tx.try_push(n, ring...).err() == errc::full);
    while (rx.try_pop(ring...)) {
    }
  } else {
    for (u64 k = 0; k < 3 * 5; ++k) MUST(tx.try_push(++n, ring...));
    while (const auto v = rx.try_pop(ring...).err() != errc::empty) static_cast<void>(v);
  }
  return 0;
#undef MUST
}

/// In a child whose first system call would be its last.
template <class Body>
int without_system_calls(Body body) {
  test::child c([&] {
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
      std::printf("skipped: this system has no strict seccomp\n");
      return 0;
    }
    const int wrong = body();
    ::syscall(SYS_exit, wrong == 0 ? 0 : 1);
    return 2;
  });
  return c.wait();
}

// Whose turn it is in a signal handler, which knows no closures.
void (*interrupt)() = nullptr;

/// Runs `body` with `handler` in between, again and again at arbitrary instructions of it.
template <class Body>
void interrupted_by(void (*handler)(), Body body) {
  interrupt = handler;
  struct sigaction act = {}, before = {};
  act.sa_handler = [](int) { interrupt(); };
  ::sigaction(SIGALRM, &act, &before);
  const itimerval often{{0, 50}, {0, 50}}, never{};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  body();
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
}

template <class Kind>
struct stage {
  static inline box<Kind>* ring;
  static inline typename box<Kind>::producer tx;
  static inline typename box<Kind>::consumer rx;
  static inline std::atomic<u64> pushed, seen, missed, wrong, interrupts;

  static void reset(std::size_t capacity) {
    delete ring;
    ring = new box<Kind>(capacity);
    tx = ring->make_producer();
    rx = ring->make_consumer();
    pushed = 0, seen = 0, missed = 0, wrong = 0, interrupts = 0;
  }
  static void push() {
    if (tx.try_push(pushed + 1, no_bell)) ++pushed;
  }
  static void pop() {
    const auto v = rx.try_pop(no_bell);
    if (v) {
      const u64 skipped = *v - seen - 1;
      if (*v <= seen || *v > pushed + 1 || (std::is_same_v<Kind, latest> ? false : skipped != missed)) ++wrong;
      seen = *v, missed = 0;
    } else if (v.err() == errc::lagged) {
      missed += static_cast<u64>(v.err().detail);
    } else if (v.err() != errc::empty && v.err() != errc::pending) {
      ++wrong;
    }
  }
  /// Does it until it has been interrupted often enough.
  static void again_and_again(void (*what)()) {
    const std::int64_t end = test::now_ns() + 10'000'000'000;
    while (interrupts < (sanitized ? 50 : 500) && test::now_ns() < end)
      for (unsigned k = 0; k < 1000; ++k) what();
    CHECK(interrupts >= 50);
  }
};

}  // namespace

TEMPLATE_TEST_CASE("no operation on a ring for many readers makes a system call, as long as nobody sleeps", "", broadcast, lossy_broadcast,
                   latest) {
  if (sanitized) return;  // their runtimes do
  box<TestType> b(5);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  u64 n = 0;
  CHECK(without_system_calls([&] { return every_operation<TestType>(p, c, n, no_bell); }) == 0);

  const test::scratch dir;
  sluice::ring_options o;
  o.directory = dir.c_str();
  o.capacity = 5;
  test::child in_shared_memory([&] {  // ends are of the process that opens them
    auto tx = sluice::shm_sink<u64, TestType>("q", o);
    auto rx = sluice::shm_source<u64, TestType>("q", o);
    if (!tx || !rx || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) return 3;
    u64 k = 0;
    const int wrong = every_operation<TestType>(*tx, *rx, k);
    ::syscall(SYS_exit, wrong == 0 ? 0 : 1);
    return 2;
  });
  const int how = in_shared_memory.wait();
  CHECK((how == 0 || how == 3));
  CHECK(without_system_calls([] { return ::getppid() == 0 ? 1 : 0; }) == -SIGKILL);  // it would be noticed
}

TEMPLATE_TEST_CASE("an end of a ring for many readers may be used in a signal handler that interrupts another end", "", broadcast,
                   lossy_broadcast, latest) {
  using on = stage<TestType>;
  const std::size_t capacity = GENERATE(1u, 3u, 64u);
  on::reset(capacity);
  interrupted_by([] { on::pop(), ++on::interrupts; }, [] { on::again_and_again(&on::push); });
  CHECK(on::wrong == 0);
  CHECK(on::pushed > 0);
  on::reset(capacity);
  interrupted_by([] { on::push(), on::push(), ++on::interrupts; }, [] { on::again_and_again(&on::pop); });
  CHECK(on::wrong == 0);
  CHECK(on::seen <= on::pushed);
}

TEMPLATE_TEST_CASE("nobody but a reader of a broadcast holds a writer up, and then the writer says who", "", broadcast, lossy_broadcast,
                   latest) {
  box<TestType> b(4);
  auto p = b.make_producer();
  auto fast = b.make_consumer(1);
  [[maybe_unused]] const auto slow = b.make_consumer(7);
  u64 n = 0;
  for (unsigned k = 0; k < 100; ++k) {
    const auto s = p.try_push(++n, no_bell);
    if (!s) {
      CHECK(s.err() == sluice::error(errc::full, sluice::step::push).by(7));
      break;
    }
    CHECK(*fast.try_pop(no_bell) == n);
  }
  CHECK(n == (std::is_same_v<TestType, broadcast> ? 5 : 100));
  b.heal(7);  // with a certificate of its death, nothing of it is left
  CHECK(p.try_push(u64{1000}, no_bell));
  CHECK(*fast.try_pop(no_bell) == 1000);
}

TEMPLATE_TEST_CASE("a reader at no seat changes not a byte of the ring, and takes the kernel's word for a death", "", lossy_broadcast, latest) {
  box<TestType> b(3);
  auto p = b.make_producer();
  for (u64 n = 1; n < 6; ++n) REQUIRE(p.try_push(n, no_bell));
  const std::vector<std::byte> before(b.memory(), b.memory() + b.bytes());
  auto c = b.make_consumer(sluice::no_seat);
  while (c.try_pop(no_bell)) {
  }
  CHECK(c.try_pop(no_bell).err() == errc::empty);
  c.disarm(no_bell);
  bool dead = false;
  const auto kernel = [&](unsigned slot) { return slot == 0 && dead; };
  c.look_for_death(kernel);
  CHECK(c.try_pop(no_bell).err() == errc::empty);
  dead = true;
  c.look_for_death(kernel);
  CHECK(c.try_pop(no_bell).err() == sluice::error(errc::peer_died, sluice::step::pop).by(0));
  c.end(sluice::phase::left, no_bell);
  CHECK(std::equal(before.begin(), before.end(), b.memory()));

  auto late = b.make_consumer(sluice::no_seat);
  CHECK(late.try_pop(no_bell));
  late.look_for_death([&](unsigned) {  // an heir comes while the kernel is asked: the answer was about another
    b.heal(0);
    p = b.make_producer();
    return true;
  });
  while (late.try_pop(no_bell)) {
  }
  CHECK(late.try_pop(no_bell).err() == errc::empty);
  REQUIRE(p.try_push(u64{6}, no_bell));
  CHECK(*late.try_pop(no_bell) == 6);
}
