// SPDX-License-Identifier: MIT
#include <sluice/channel/channel.hpp>
#include <sluice/channel/shared.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <atomic>
#include <memory>
#include <thread>

// Two threads, every verb in random order, capacities so small that both sides meet all the time, random pauses.

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using u64 = std::uint64_t;

constexpr double seconds_in_all = SLUICE_TEST_TIER_FULL ? 600 : 3;

struct wide {  // larger than a line: a stamp beside each
  u64 seq;
  u64 more[8];
};
struct narrow {
  u64 seq;
};
struct boxed {  // with a life of its own
  std::unique_ptr<u64> seq;
  boxed() noexcept = default;
  explicit boxed(u64 v) : seq(std::make_unique<u64>(v)) {}
};

template <class T>
T make(u64 v) {
  if constexpr (std::is_same_v<T, boxed>) {
    return boxed(v);
  } else {
    T t{};
    t.seq = v;
    if constexpr (std::is_same_v<T, wide>)
      for (u64& m : t.more) m = ~v;
    return t;
  }
}
template <class T>
bool is(const T& t, u64 v) {
  if constexpr (std::is_same_v<T, boxed>) {
    return t.seq != nullptr && *t.seq == v;
  } else if constexpr (std::is_same_v<T, wide>) {
    bool ok = t.seq == v;
    for (const u64 m : t.more) ok = ok && m == ~v;
    return ok;
  } else {
    return t.seq == v;
  }
}

void dawdle(test::dice& d) {
  const u64 n = d.below(400);
  if (n == 0) test::sleep_us(static_cast<long>(d.below(100)));
  else if (n < 8) std::this_thread::yield();
  else if (n < 60) for (u64 i = d.below(200); i-- != 0;) sluice::native_memory::pause();
}
sluice::until some_patience(test::dice& d) {
  const u64 n = d.below(6);
  return n == 0 ? sluice::until(sluice::now) : n == 1 ? sluice::until(std::chrono::microseconds(d.below(300))) : sluice::until(20s);
}
bool harmless(sluice::error e) { return !e || e.again() || e == errc::timeout; }

// Pushes and pops for so long; the number of messages, or 0 if anything was wrong.
template <class T, class Sink, class Source>
u64 exercise(Sink tx, Source rx, double seconds, u64 seed) {
  std::atomic<bool> enough{false};
  u64 sent = 0, got = 0, wrong = 0;
  std::thread producer([&, t = std::move(tx)]() mutable {
    test::dice d(seed);
    constexpr u64 most = 6;
    while (!enough || sent == 0) {
      const u64 how = d.below(10);
      sluice::error e;
      if (how < 4) {
        T v = make<T>(sent);
        e = t.push(std::move(v), some_patience(d)).err();
        if (e && !is(v, sent)) ++wrong;  // untouched by a failure
        if (!e) ++sent;
      } else if (how < 7) {
        if constexpr (std::is_trivially_copyable_v<T>) {
          T some[most];
          const u64 n = d.below(most) + 1;
          for (u64 i = 0; i < n; ++i) some[i] = make<T>(sent + i);
          const auto done = t.push(std::span<const T>(some, n), some_patience(d));
          e = done.err();
          if (done) {
            if (*done == 0 || *done > n) ++wrong;
            sent += *done;
          }
        }
      } else {
        auto s = t.claim(some_patience(d));
        e = s.err();
        if (s) {
          *s = make<T>(sent);
          dawdle(d);
          if (how < 9) s.commit(), ++sent;
        }
      }
      if (!harmless(e)) {
        ++wrong;
        break;
      }
      dawdle(d);
    }
  });
  u64 wrong_here = 0;
  std::thread consumer([&] {
    test::dice d(seed ^ 0xabcdef);
    constexpr u64 most = 6;
    sluice::error e;
    while (harmless(e)) {
      const u64 how = d.below(10);
      if (how < 4) {
        const auto v = rx.pop(some_patience(d));
        e = v.err();
        if (v) wrong_here += is(*v, got++) ? 0u : 1u;
      } else if (how < 7) {
        if constexpr (std::is_trivially_copyable_v<T>) {
          T some[most];
          const u64 room = d.below(most) + 1;
          const auto n = rx.pop(std::span<T>(some, room), some_patience(d));
          e = n.err();
          if (n) {
            if (*n == 0 || *n > room) ++wrong_here;
            for (u64 i = 0; i < *n; ++i) wrong_here += is(some[i], got++) ? 0u : 1u;
          }
        }
      } else {
        auto l = rx.borrow(some_patience(d));
        e = l.err();
        if (l) {
          wrong_here += is(*l, got) ? 0u : 1u;
          dawdle(d);
          if (how < 9) l.release(), ++got;
          else l.keep();
        }
      }
      dawdle(d);
    }
    if (!(e == errc::closed)) ++wrong_here;
  });
  test::sleep_us(static_cast<long>(seconds * 1e6));
  enough = true;
  producer.join();
  consumer.join();
  return wrong == 0 && wrong_here == 0 && sent == got ? sent : 0;
}

}  // namespace

TEST_CASE("two threads use every verb of a small channel at random, and every message arrives once and in order") {
  const auto strategy = GENERATE(sluice::wait_strategy::park, sluice::wait_strategy::spin, sluice::wait_strategy::spin_then_park);
  const std::size_t capacity = GENERATE(1u, 2u, 3u, 7u, 8u, 50u);
  INFO("strategy " << static_cast<int>(strategy) << ", capacity " << capacity);
  constexpr double each = seconds_in_all / 18 / 4;
  const u64 seed = static_cast<u64>(test::now_ns());
  INFO("seed " << seed);
  {
    auto [tx, rx] = sluice::channel<narrow>(capacity, {.wait = strategy});
    CHECK(exercise<narrow>(std::move(tx), std::move(rx), each, seed) > 0);
  }
  {
    auto [tx, rx] = sluice::channel<wide>(capacity, {.wait = strategy});
    CHECK(exercise<wide>(std::move(tx), std::move(rx), each, seed + 1) > 0);
  }
  {
    auto [tx, rx] = sluice::channel<boxed>(capacity, {.wait = strategy});
    CHECK(exercise<boxed>(std::move(tx), std::move(rx), each, seed + 2) > 0);
  }
  {
    const test::scratch dir;
    sluice::ring_options o;
    o.directory = dir.c_str();
    o.capacity = capacity;
    o.wait = strategy;
    auto tx = sluice::shm_sink<narrow>("ring", o);
    auto rx = sluice::shm_source<narrow>("ring", o);
    REQUIRE((tx && rx));
    CHECK(exercise<narrow>(std::move(*tx), std::move(*rx), each, seed + 3) > 0);
  }
}

TEST_CASE("a producer that is stopped and started, at a consumer that gives up and comes back, loses nothing") {
  auto [tx, rx] = sluice::channel<narrow>(2, {.wait = sluice::wait_strategy::park});
  const std::int64_t end = test::now_ns() + static_cast<std::int64_t>(seconds_in_all * 1e9 / 6);
  u64 sent = 0, got = 0, stopped = 0;
  bool in_order = true;
  std::thread producer([&, t = std::move(tx)]() mutable {
    test::dice d(1);
    while (test::now_ns() < end) {
      sluice::stop halt;
      std::thread asker([&] {
        test::sleep_us(static_cast<long>(d.below(50)));
        halt.request();
      });
      for (;;) {
        const auto s = t.push(narrow{sent}, halt);
        if (!s) break;
        ++sent;
      }
      asker.join();
      ++stopped;
    }
  });
  test::dice d(2);
  for (;;) {
    const auto v = rx.pop(std::chrono::microseconds(d.below(200)));
    if (v) in_order = in_order && v->seq == got++;
    else if (!harmless(v.err())) break;
    if (d.below(4) == 0) test::sleep_us(static_cast<long>(d.below(100)));
  }
  producer.join();
  CHECK(in_order);
  CHECK(sent == got);
  CHECK(stopped > 0);
}
