// SPDX-License-Identifier: MIT
#include <sluice/wait/verbs.hpp>

#include "catch.hpp"
#include "wait/fake_end.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::result;
using sluice::status;
using sluice::want;
using std::chrono::steady_clock;

namespace {

/// A queue without limits, for one thread: what `each` is tried on.
struct queue_end : sluice::source_verbs<queue_end> {
  using value_type = std::string;
  std::deque<std::string> items{};
  error at_end = errc::closed;
  unsigned pops = 0;
  std::chrono::milliseconds slow{0};  // how long each item takes to come

  result<std::string> try_pop() {
    ++pops;
    if (items.empty()) return at_end;
    if (slow.count() != 0) std::this_thread::sleep_for(slow);
    std::string s = std::move(items.front());
    items.pop_front();
    return s;
  }
  void arm(want, sluice::wait_set&) noexcept {}
  void disarm(want) noexcept {}
  void close() noexcept {}
};

struct byte_end : sluice::read_verbs<byte_end>, sluice::write_verbs<byte_end> {
  unsigned tries = 0, succeeds_at = 1;
  std::size_t most = 3;
  result<std::size_t> try_read(std::span<std::byte> to) {
    if (++tries < succeeds_at) return errc::empty;
    return std::min(most, to.size());
  }
  result<std::size_t> try_write(std::span<const std::byte> from) {
    if (++tries < succeeds_at) return errc::full;
    return std::min(most, from.size());
  }
  void arm(want, sluice::wait_set& s) noexcept { s.within(100'000); }
  void disarm(want) noexcept {}
  void close() noexcept {}
};

struct large {
  std::array<int, 100> a;
};

}  // namespace

TEST_CASE("the verbs make an end of its try functions", "[verbs]") {
  STATIC_REQUIRE(sluice::source<queue_end>);
  STATIC_REQUIRE(sluice::source<wait_test::fake_end<>>);
  STATIC_REQUIRE(sluice::sink<wait_test::fake_end<>>);
  STATIC_REQUIRE(sluice::readable<byte_end>);
  STATIC_REQUIRE(sluice::writable<byte_end>);
}

TEST_CASE("every verb waits for its own try function", "[verbs]") {
  for (const unsigned at : {1u, 2u, 3u}) {
    CAPTURE(at);
    const auto fresh = [at](wait_test::fake_end<>& e) -> wait_test::fake_end<>& {
      e.tries = 0;
      e.succeeds_at = at;
      return e;
    };
    wait_test::fake_end<> e;
    int some[4] = {};
    CHECK(fresh(e).pop(5ms));
    CHECK(*fresh(e).pop(std::span<int>(some), 5ms) == 4);
    CHECK(fresh(e).borrow(5ms));
    CHECK(fresh(e).push(7, 5ms));
    CHECK(e.last == 7);
    CHECK(*fresh(e).push(std::span<const int>(some), 5ms) == 4);
    CHECK(*fresh(e).push(std::span<int>(some), 5ms) == 4);
    CHECK(fresh(e).claim(5ms));
  }
}

TEST_CASE("every verb may run out of patience", "[verbs]") {
  wait_test::fake_end<> e;
  int some[4] = {};
  CHECK(e.pop(1ms).err() == errc::timeout);
  CHECK(e.pop(std::span<int>(some), 1ms).err() == errc::timeout);
  CHECK(e.borrow(1ms).err() == errc::timeout);
  CHECK(e.push(1, 1ms).err() == errc::timeout);
  CHECK(e.push(std::span<const int>(some), 1ms).err() == errc::timeout);
  CHECK(e.claim(1ms).err() == errc::timeout);
  CHECK(e.claim(sluice::now).err() == errc::empty);
  CHECK(e.borrow(sluice::now).err() == errc::empty);
}

TEST_CASE("a push that has to wait delivers the value it was given", "[verbs]") {
  SECTION("a small one") {
    wait_test::fake_end<int> e;
    e.succeeds_at = 3;
    const int v = 41;
    CHECK(e.push(v, 5ms));
    CHECK(e.last == 41);
  }
  SECTION("a large one") {
    wait_test::fake_end<large> e;
    e.succeeds_at = 3;
    large v{};
    v.a[99] = 7;
    CHECK(e.push(v, 5ms));
    CHECK(e.last.a[99] == 7);
  }
  SECTION("one that can only be moved") {
    wait_test::fake_end<std::unique_ptr<int>> e;
    e.succeeds_at = 3;
    CHECK(e.push(std::make_unique<int>(5), 5ms));
    REQUIRE(e.last != nullptr);
    CHECK(*e.last == 5);
  }
  SECTION("one that is converted") {
    wait_test::fake_end<std::string> e;
    e.succeeds_at = 3;
    CHECK(e.push("text", 5ms));
    CHECK(e.last == "text");
  }
}

TEST_CASE("a push that failed has left its argument alone", "[verbs]") {
  wait_test::fake_end<std::unique_ptr<int>> e;
  auto mine = std::make_unique<int>(5);
  CHECK(e.push(std::move(mine), 1ms).err() == errc::timeout);
  REQUIRE(mine != nullptr);
  CHECK(e.push(std::move(mine), sluice::now).err() == errc::empty);
  REQUIRE(mine != nullptr);
  e.otherwise = errc::closed;
  CHECK(e.push(std::move(mine)).err() == errc::closed);
  REQUIRE(mine != nullptr);
  CHECK(*mine == 5);
}

TEST_CASE("reading and writing wait for the first byte and no longer", "[verbs]") {
  std::byte some[10] = {};
  for (const unsigned at : {1u, 2u, 4u}) {
    byte_end e;
    e.succeeds_at = at;
    CHECK(*e.read(some) == 3);
    e.tries = 0;
    CHECK(*e.write(some) == 3);
  }
  byte_end never;
  never.succeeds_at = 1u << 30;
  CHECK(never.read(some, 2ms).err() == errc::timeout);
  CHECK(never.write(some, 2ms).err() == errc::timeout);
  CHECK(never.read(some, sluice::now).err() == errc::empty);
  CHECK(never.write(some, sluice::now).err() == errc::full);
}

TEST_CASE("each gives everything, in order, and then says why it ended", "[each]") {
  queue_end q;
  for (int i = 0; i < 5; ++i) q.items.push_back(std::to_string(i));
  q.at_end = error(errc::peer_died, sluice::step::pop).by(0);
  std::string all;
  auto loop = q.each();
  for (auto& s : loop) all += s;
  CHECK(all == "01234");
  CHECK(loop.why == error(errc::peer_died, sluice::step::pop).by(0));
  CHECK(q.pops == 6);
}

TEST_CASE("each over nothing ends at once", "[each]") {
  queue_end q;
  auto loop = q.each();
  unsigned n = 0;
  for ([[maybe_unused]] auto& s : loop) ++n;
  CHECK(n == 0);
  CHECK(loop.why == errc::closed);
}

TEST_CASE("an item of each may be kept by moving it out", "[each]") {
  queue_end q;
  q.items.push_back(std::string(100, 'x'));
  std::vector<std::string> kept;
  for (auto& s : q.each()) kept.push_back(std::move(s));
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].size() == 100);
}

TEST_CASE("leaving the loop leaves the rest", "[each]") {
  queue_end q;
  for (int i = 0; i < 5; ++i) q.items.push_back(std::to_string(i));
  auto loop = q.each();
  for (auto& s : loop)
    if (s == "2") break;
  CHECK(q.items.size() == 2);
  CHECK(!loop.why);
  std::string rest;
  for (auto& s : loop) rest += s;  // and the same loop may be taken up again
  CHECK(rest == "34");
  CHECK(loop.why == errc::closed);
}

TEST_CASE("a duration of each counts per item", "[each]") {
  queue_end q;
  q.at_end = errc::empty;
  q.slow = 8ms;
  for (int i = 0; i < 5; ++i) q.items.push_back("x");
  auto loop = q.each(10ms);
  unsigned n = 0;
  const auto begun = steady_clock::now();
  for ([[maybe_unused]] auto& s : loop) ++n;
  CHECK(n == 5);
  CHECK(steady_clock::now() - begun >= 50ms);  // five items, and ten idle milliseconds
  CHECK(loop.why == errc::timeout);
}

TEST_CASE("a point in time of each is for the whole loop", "[each]") {
  wait_test::fake_end<> e;
  const auto t = steady_clock::now() + 20ms;
  auto loop = e.each(t);
  unsigned n = 0;
  e.succeeds_at = 1;
  for ([[maybe_unused]] auto& i : loop) {
    if (++n == 3) e.succeeds_at = 0;
  }
  CHECK(n == 3);
  CHECK(loop.why == errc::timeout);
  CHECK(steady_clock::now() >= t);
  CHECK(steady_clock::now() < t + 2s);
}

TEST_CASE("a stop ends each", "[each]") {
  sluice::stop halt;
  wait_test::fake_end<> e;
  e.succeeds_at = 1;
  auto loop = e.each(halt);
  unsigned n = 0;
  for ([[maybe_unused]] auto& i : loop) {
    if (++n == 3) e.succeeds_at = 0, halt.request();
  }
  CHECK(n == 3);
  CHECK(loop.why == errc::stopped);
}

TEST_CASE("the views of the standard library take what each gives, and no item more than they ask for", "[each]") {
  queue_end q;
  for (const char* s : {"1", "22", "3", "44", "5", "66"}) q.items.emplace_back(s);
  STATIC_REQUIRE(std::ranges::input_range<decltype(q.each())>);
  STATIC_REQUIRE(std::movable<decltype(q.each())>);
  std::string got;
  auto all = q.each();
  for (const auto n : all | std::views::transform([](const std::string& s) { return s + "."; }) | std::views::take(2)) got += n;
  CHECK(got == "1.22.");
  CHECK(q.pops == 2);  // the step behind the last one takes nothing
  CHECK(q.items.size() == 4);
  CHECK(!all.why);
  const auto has_two = [](const std::string& s) { return s.size() == 2; };
  got.clear();
  auto rest = q.each(1s);
  for (auto& n : rest | std::views::drop(1) | std::views::filter(has_two)) got += n;
  CHECK(got == "4466");
  CHECK(rest.why == errc::closed);
}
