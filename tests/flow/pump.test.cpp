// SPDX-License-Identifier: MIT
#include <sluice/flow/pump.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/channel/crowds.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/flow/filter.hpp>
#include <sluice/flow/map.hpp>
#include <sluice/flow/merge.hpp>

#include "flow/rig.hpp"
#include "process.hpp"

#include <atomic>
#include <thread>

using namespace flow_test;

TEST_CASE("a pump moves everything, and says how much and why it ended", "[pump]") {
  script<> from{1, 2, 3};
  basket<> to;
  const auto moved = sluice::pump(from, to);
  CHECK(moved.count == 3);
  CHECK(moved.why == errc::closed);
  CHECK(!moved.rest);
  CHECK(to.items == ints{1, 2, 3});
  CHECK(!to.is_closed);
}

TEST_CASE("a message without room is the rest, and the next pump begins with it", "[pump]") {
  script<std::unique_ptr<int>> from;
  for (int i = 1; i <= 4; ++i) from.answers.push_back(std::make_unique<int>(i));
  basket<std::unique_ptr<int>> to(2);
  auto moved = sluice::pump(from, to, 2ms);
  CHECK(moved.count == 2);
  CHECK(moved.why == errc::timeout);
  REQUIRE(moved.rest);
  CHECK(**moved.rest == 3);
  moved = sluice::pump(from, to, sluice::now, std::move(moved));  // still no room
  CHECK(moved.count == 0);
  CHECK(moved.why == errc::full);
  REQUIRE(moved.rest);
  to.room = 9;
  moved = sluice::pump(from, to, 2ms, std::move(moved));
  CHECK(moved.count == 2);
  CHECK(moved.why == errc::closed);
  CHECK(!moved.rest);
  REQUIRE(to.items.size() == 4);
  for (int i = 0; i < 4; ++i) CHECK(*to.items[static_cast<std::size_t>(i)] == i + 1);
}

TEST_CASE("a source that lends keeps the message that finds no room", "[pump]") {
  auto [tx, rx] = sluice::channel<int>(8);
  for (int i = 1; i <= 4; ++i) REQUIRE(tx.try_push(i));
  basket<> to(2);
  auto moved = sluice::pump(rx, to, 2ms);
  CHECK(moved.count == 2);
  CHECK(moved.why == errc::timeout);
  CHECK(!moved.rest);
  CHECK(*rx.try_pop() == 3);
  to.refusal = errc::closed;
  moved = sluice::pump(rx, to);
  CHECK(moved.why == errc::closed);
  CHECK(*rx.try_pop() == 4);
}

TEST_CASE("a pump between ends that never rest hears a stop and keeps a deadline", "[pump]") {
  struct flood : sluice::source_verbs<flood> {
    using value_type = int;
    result<int> try_pop() { return 1; }
    void arm(want, sluice::wait_set& set) noexcept { set.ready(); }
    void disarm(want) noexcept {}
    void close() noexcept {}
  } from;
  struct hole : sluice::sink_verbs<hole> {
    using value_type = int;
    status try_push(value_type) { return {}; }
    void arm(want, sluice::wait_set& set) noexcept { set.ready(); }
    void disarm(want) noexcept {}
    void close() noexcept {}
  } to;
  const auto begin = std::chrono::steady_clock::now();
  auto moved = sluice::pump(from, to, begin + 10ms);
  CHECK(moved.why == errc::timeout);
  CHECK(moved.count > 0);
  CHECK(since(begin) >= 10ms);
  sluice::stop halt;
  joining_thread asker([&] {
    std::this_thread::sleep_for(2ms);
    halt.request();
  });
  moved = sluice::pump(from, to, halt);
  CHECK(moved.why == errc::stopped);
  CHECK(!moved.rest);
}

TEST_CASE("a stop is looked at before a message is taken", "[pump]") {
  script<> from{1};
  basket<> to;
  sluice::stop halt;
  halt.request();
  const auto moved = sluice::pump(from, to, halt);
  CHECK(moved.why == errc::stopped);
  CHECK(moved.count == 0);
  CHECK(*from.try_pop() == 1);
}

// The campaign: pumps that are stopped and run out of time again and again, over ends of every sort.
TEMPLATE_TEST_CASE("whenever a pump is interrupted, no message is lost and none comes twice", "[pump]", sluice::spsc, sluice::mpmc) {
  constexpr int n = SLUICE_TEST_TIER_FULL ? 300'000 : 20'000;
  auto [tx, rx] = sluice::channel<int, TestType>(4);
  auto [out, in] = sluice::channel<int, TestType>(4);
  const bool adapted = GENERATE(false, true);
  CAPTURE(adapted);
  joining_thread producer([&tx = tx] {
    for (int i = 0; i < n; ++i)
      if (!tx.push(i, 20s)) return;
    tx.close();
  });
  int next = 0;
  bool in_order = true;
  joining_thread consumer([&, &in = in] {
    for (const int i : in.each(20s)) in_order &= i == next++;
  });
  unsigned interrupted = 0;
  std::size_t moved_in_all = 0;
  const auto until_closed = [&, &out = out](auto& from) {
    sluice::pumped<int> moved;
    do {
      sluice::stop halt;
      joining_thread asker;
      if (interrupted % 16 == 0) asker = joining_thread([&] { halt.request(); });
      moved = sluice::pump(from, out, {std::chrono::microseconds(interrupted % 5), halt}, std::move(moved));
      moved_in_all += moved.count;
      ++interrupted;
    } while (moved.why == errc::timeout || moved.why == errc::stopped || moved.why.again());
    CHECK(moved.why == errc::closed);
    CHECK(!moved.rest);
  };
  if (adapted) {
    auto same = sluice::merge(rx) | sluice::filter([](int) { return true; }) | sluice::map([](int i) { return i; });
    until_closed(same);
  } else {
    until_closed(rx);
  }
  out.close();
  producer.join();
  consumer.join();
  CHECK(moved_in_all == n);
  CHECK(next == n);
  CHECK(in_order);
  CHECK(interrupted > 10);
}

TEST_CASE("whenever a pump is killed, no message is lost, and at most the one in its hand comes twice", "[pump]") {
  constexpr unsigned kills = SLUICE_TEST_TIER_FULL ? 300 : 25;
  const std::string from = test::unique("from"), to = test::unique("to");
  const auto child = [](auto body) {
    std::fflush(nullptr);
    const pid_t pid = ::fork();
    if (pid == 0) ::alarm(120), body(), ::_exit(0);
    return pid;
  };
  auto in = sluice::shm_source<std::uint64_t>(to, {.capacity = 16});
  REQUIRE(in);
  const test::shared_with_children<std::atomic<std::uint64_t>> sent;
  const test::shared_with_children<std::atomic<bool>> enough;
  const pid_t feeder = child([&] {
    auto out = sluice::shm_sink<std::uint64_t>(from, {.capacity = 16});
    while (out && !*enough) {
      const auto s = out->push(sent->load(), 100ms);
      if (s) ++*sent;
      else if (s.err() != errc::peer_died && s.err() != errc::timeout) return;
    }
    if (out) out->close();
  });
  std::uint64_t next = 0, twice = 0;
  bool in_order = true;
  const auto drain = [&](std::chrono::steady_clock::time_point by) {
    for (;;) {
      const auto m = in->pop(by);
      if (!m && m.err() != errc::peer_died) return m.err();
      if (!m) std::this_thread::sleep_for(50us);  // that was the one before
      else if (*m + 1 == next) ++twice;
      else in_order &= *m == next, next = *m + 1;
      if (std::chrono::steady_clock::now() >= by) return error(errc::timeout);
    }
  };
  const auto pumping = [&] {
    auto source = sluice::shm_source<std::uint64_t>(from, {.capacity = 16});
    auto sink = sluice::shm_sink<std::uint64_t>(to, {.capacity = 16});
    if (!source || !sink) return;
    if (sluice::pump(*source, *sink).why == errc::closed) sink->close();
  };
  for (unsigned k = 0; k < kills; ++k) {
    const pid_t pump = child(pumping);
    (void)drain(std::chrono::steady_clock::now() + std::chrono::microseconds(300 + k * 7919 % 2500));
    ::kill(pump, SIGKILL);
    ::waitpid(pump, nullptr, 0);
  }
  const pid_t last = child(pumping);
  *enough = true;
  CHECK(drain(std::chrono::steady_clock::now() + 20s) == errc::closed);
  CHECK(next == *sent);
  CHECK(next > kills);
  CHECK(in_order);
  CHECK(twice <= kills);
  ::waitpid(last, nullptr, 0);
  ::waitpid(feeder, nullptr, 0);
  CHECK(sluice::shm_remove(from));
  CHECK(sluice::shm_remove(to));
}
