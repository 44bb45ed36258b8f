// SPDX-License-Identifier: MIT
#include <sluice/channel/channel.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::errc;
using sluice::now;
using sluice::wait_strategy;

struct sample {
  std::uint64_t seq;
  double volts;
};
using u64 = std::uint64_t;

// Counts the objects that live; so many tests, so many leaks found.
struct counted {
  static inline int alive = 0;
  std::unique_ptr<int> value;
  counted() noexcept : value(nullptr) { ++alive; }
  explicit counted(int v) : value(std::make_unique<int>(v)) { ++alive; }
  counted(counted&& o) noexcept : value(std::move(o.value)) { ++alive; }
  counted& operator=(counted&&) noexcept = default;
  ~counted() { --alive; }
};

struct block {
  std::byte bytes[std::size_t{1} << 18];
};

constexpr wait_strategy strategies[] = {wait_strategy::spin_then_park, wait_strategy::spin, wait_strategy::park};
double seconds_since(std::int64_t t) { return static_cast<double>(test::now_ns() - t) / 1e9; }

}  // namespace

TEST_CASE("two threads, a typed channel, a clean end") {
  auto [tx, rx] = channel<sample>(1024);
  std::thread sensor([end = std::move(tx)]() mutable {
    auto tx_here = std::move(end);  // leaving the thread closes the channel
    for (u64 i = 0; i < 100'000; ++i)
      if (!tx_here.push(sample{i, static_cast<double>(i) * 0.5})) return;
  });
  double sum = 0;
  u64 next = 0;
  bool in_order = true;
  auto all = rx.each();
  for (auto& s : all) sum += s.volts, in_order = in_order && s.seq == next++;
  sensor.join();
  CHECK(sum == 2499975000.0);
  CHECK(in_order);
  CHECK(all.why == errc::closed);
}

TEST_CASE("the ends of a channel are what the concepts promise") {
  using ends = decltype(channel<sample>());
  STATIC_REQUIRE(sluice::sink<decltype(ends::tx)>);
  STATIC_REQUIRE(sluice::source<decltype(ends::rx)>);
  STATIC_REQUIRE(sluice::lending_sink<decltype(ends::tx)>);
  STATIC_REQUIRE(sluice::lending_source<decltype(ends::rx)>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<decltype(ends::tx)>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<decltype(ends::tx)>);
  STATIC_REQUIRE(std::is_nothrow_move_assignable_v<decltype(ends::rx)>);
  STATIC_REQUIRE_FALSE(sluice::traits_of<decltype(ends::tx)>.detects_death);
  STATIC_REQUIRE(sluice::traits_of<decltype(ends::tx)>.survives_fork);
}

TEST_CASE("a channel holds exactly as many messages as were asked for") {
  const std::size_t capacity = GENERATE(1u, 2u, 3u, 6u, 7u, 8u, 14u, 100u, 1024u);
  INFO(capacity);
  auto [tx, rx] = channel<u64>(capacity);
  CHECK(tx.capacity() == capacity);
  CHECK(rx.capacity() == capacity);
  for (int lap = 0; lap < 5; ++lap) {
    for (std::size_t i = 0; i < capacity; ++i) REQUIRE(tx.try_push(i));
    CHECK(tx.approx_size() == capacity);
    CHECK(tx.try_push(0u).err() == sluice::error(errc::full, sluice::step::push));
    for (std::size_t i = 0; i < capacity; ++i) {
      const auto v = rx.try_pop();
      REQUIRE(v);
      REQUIRE(*v == i);
    }
    CHECK(rx.approx_size() == 0);
    CHECK(rx.try_pop().err() == sluice::error(errc::empty, sluice::step::pop));
  }
}

TEST_CASE("a capacity of 0 gives inert ends that say invalid") {
  auto [tx, rx] = channel<u64>(0);
  CHECK(tx.push(1u).err() == errc::invalid);
  CHECK(tx.push(1u).err().about() == sluice::subject::capacity);
  CHECK(rx.pop().err() == errc::invalid);
  CHECK(tx.claim().err() == errc::invalid);
  CHECK(rx.borrow().err() == errc::invalid);
  CHECK(tx.capacity() == 0);
  CHECK(tx.approx_size() == 0);
  CHECK(tx.peers() == 0);
}

TEST_CASE("a capacity that cannot be gives inert ends that say so") {
  auto [tx, rx] = channel<u64>(static_cast<std::size_t>(-1));
  CHECK(tx.push(1u).err() == sluice::error(errc::too_big, sluice::step::push, sluice::subject::capacity));
  CHECK(rx.pop(1s).err() == errc::too_big);
  CHECK(rx.pop(now).err() == errc::too_big);
  tx.close(), rx.close();
  CHECK(tx.push(1u).err() == errc::too_big);
}

TEST_CASE("where memory is short both ends are inert and say no_space") {
  if (SLUICE_TEST_ASAN || SLUICE_TEST_TSAN) {
    WARN("skipped: a sanitizer ends the program at such an allocation");
    return;
  }
  auto ends = channel<block>(std::size_t{1} << 31);
  CHECK(ends.tx.claim().err() == errc::no_space);
  CHECK(ends.tx.claim(1s).err().about() == sluice::subject::size);
  CHECK(ends.rx.borrow().err() == errc::no_space);
}

TEST_CASE("a moved-from end is inert, the other is what it was") {
  auto [tx, rx] = channel<u64>(4);
  auto tx2 = std::move(tx);
  CHECK(tx.push(1u).err() == errc::closed);
  CHECK(tx.claim().err() == errc::closed);
  CHECK(tx.capacity() == 0);
  tx.close();
  CHECK(tx2.push(7u));
  auto rx2 = std::move(rx);
  CHECK(rx.pop().err() == errc::closed);
  CHECK(rx.borrow().err() == errc::closed);
  CHECK(rx.peers() == 0);
  rx.close();
  CHECK(*rx2.pop() == 7);
  CHECK(rx2.peers() == 2);
}

TEST_CASE("an end that is assigned to closes what it was") {
  auto a = channel<u64>(4);
  auto b = channel<u64>(4);
  REQUIRE(a.tx.push(1u));
  REQUIRE(b.tx.push(2u));
  a.tx = std::move(b.tx);
  CHECK(*a.rx.pop() == 1);
  CHECK(a.rx.pop().err() == errc::closed);
  CHECK(a.tx.push(3u));
  CHECK(*b.rx.pop() == 2);
  CHECK(*b.rx.pop() == 3);
  a.rx = std::move(b.rx);
  CHECK(a.tx.push(4u));
  CHECK(*a.rx.pop() == 4);
  auto& same = a.tx;
  a.tx = std::move(same);
  CHECK(a.tx.push(5u));
}

TEST_CASE("closing the sending end ends the stream after everything that was sent") {
  auto [tx, rx] = channel<u64>(4);
  REQUIRE(tx.push(1u));
  REQUIRE(tx.push(2u));
  SECTION("close") { tx.close(), tx.close(); }
  SECTION("finish") { CHECK(tx.finish(1s)); }
  SECTION("destruction") { auto gone = std::move(tx); }
  CHECK(tx.push(3u).err() == errc::closed);
  CHECK(*rx.pop() == 1);
  CHECK(*rx.pop(now) == 2);
  CHECK(rx.pop().err() == errc::closed);
  CHECK(rx.pop(1h).err() == errc::closed);
  CHECK(rx.borrow().err() == errc::closed);
}

TEST_CASE("closing the receiving end refuses what is sent from then on") {
  auto [tx, rx] = channel<u64>(4);
  REQUIRE(tx.push(1u));
  SECTION("close") { rx.close(); }
  SECTION("destruction") { auto gone = std::move(rx); }
  CHECK(tx.push(2u).err() == errc::closed);
  CHECK(tx.claim().err() == errc::closed);
  const u64 two[] = {1, 2};
  CHECK(tx.push(std::span<const u64>(two)).err() == errc::closed);
  CHECK(rx.pop().err() == errc::closed);
}

TEST_CASE("objects with a life of their own are moved in and out, and destroyed once") {
  counted::alive = 0;
  {
    auto [tx, rx] = channel<counted>(3);
    REQUIRE(tx.push(counted(1)));
    REQUIRE(tx.push(counted(2)));
    counted third(3);
    REQUIRE(tx.push(std::move(third)));
    counted fourth(4);
    CHECK(tx.push(std::move(fourth), now).err() == errc::full);
    REQUIRE(fourth.value != nullptr);  // a failed push has not touched its argument
    CHECK(*fourth.value == 4);
    CHECK(tx.push(std::move(fourth), 1ms).err() == errc::timeout);
    CHECK(fourth.value != nullptr);
    auto one = rx.pop();
    REQUIRE(one);
    CHECK(*one->value == 1);
    {
      auto loan = rx.borrow();
      REQUIRE(loan);
      CHECK(*loan->value == 2);
    }
    {
      auto slot = tx.claim();
      REQUIRE(slot);
      slot->value = std::make_unique<int>(5);
    }  // dropped
    {
      auto slot = tx.claim();
      slot->value = std::make_unique<int>(6);
      slot.commit();
      slot.commit();
      CHECK_FALSE(slot);
    }
    CHECK(*rx.pop()->value == 3);
    CHECK(rx.approx_size() == 1);  // the 6 stays, and is destroyed with the channel
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("text goes through as it is") {
  auto [tx, rx] = channel<std::string>(2);
  CHECK(tx.push(std::string(1000, 'x')));
  CHECK(tx.push("short"));
  CHECK(*rx.pop() == std::string(1000, 'x'));
  CHECK(*rx.pop() == "short");
}

TEST_CASE("patience: not at all, for a while, until then") {
  const auto how = GENERATE(from_range(std::begin(strategies), std::end(strategies)));
  auto [tx, rx] = channel<u64>(1, {.wait = how});
  CHECK(rx.pop(now).err() == errc::empty);
  auto t = test::now_ns();
  CHECK(rx.pop(20ms).err() == errc::timeout);
  CHECK(seconds_since(t) > 0.019);
  t = test::now_ns();
  CHECK(rx.pop(std::chrono::steady_clock::now() + 20ms).err() == errc::timeout);
  CHECK(seconds_since(t) > 0.019);
  CHECK(rx.pop(std::chrono::steady_clock::now() - 1h).err() == errc::timeout);
  CHECK(rx.pop(-1s).err() == errc::empty);
  CHECK(rx.borrow(1ms).err() == errc::timeout);
  REQUIRE(tx.push(1u));
  CHECK(tx.push(2u, now).err() == errc::full);
  t = test::now_ns();
  CHECK(tx.push(2u, 20ms).err() == errc::timeout);
  CHECK(seconds_since(t) > 0.019);
  CHECK(tx.claim(1ms).err() == errc::timeout);
  CHECK(*rx.pop(now) == 1);
  CHECK(rx.approx_size() == 0);
}

TEST_CASE("a stop interrupts who waits, before, during and after") {
  const auto how = GENERATE(from_range(std::begin(strategies), std::end(strategies)));
  auto [tx, rx] = channel<u64>(1, {.wait = how});
  SECTION("who sleeps") {
    sluice::stop halt;
    sluice::error why;
    std::thread sleeper([&, &r = rx] { why = r.pop(halt).err(); });
    std::this_thread::sleep_for(20ms);
    halt.request();
    sleeper.join();
    CHECK(why == errc::stopped);
  }
  SECTION("who comes later") {
    sluice::stop halt;
    halt.request();
    CHECK(rx.pop(halt).err() == errc::stopped);
    CHECK(rx.pop({1h, halt}).err() == errc::stopped);
    REQUIRE(tx.push(1u, halt));  // what can be done at once is done
    CHECK(tx.push(2u, halt).err() == errc::stopped);
    CHECK(*rx.pop(halt) == 1);
  }
  SECTION("a deadline besides") {
    sluice::stop halt;
    CHECK(rx.pop({5ms, halt}).err() == errc::timeout);
  }
}

TEST_CASE("each hands out everything, with its own patience") {
  auto [tx, rx] = channel<u64>(8);
  for (u64 i = 0; i < 5; ++i) REQUIRE(tx.push(i));
  SECTION("a duration is per item") {
    std::vector<u64> got;
    auto all = rx.each(2ms);
    for (auto& v : all) got.push_back(v);
    CHECK(got == std::vector<u64>{0, 1, 2, 3, 4});
    CHECK(all.why == errc::timeout);
  }
  SECTION("leaving early loses nothing that was not handed out") {
    for (auto& v : rx.each())
      if (v == 2) break;
    CHECK(*rx.pop() == 3);
  }
}

TEST_CASE("a batch takes what fits and what is there") {
  auto [tx, rx] = channel<u64>(10);
  u64 in[25], out[25] = {};
  for (u64 i = 0; i < 25; ++i) in[i] = i;
  CHECK(*tx.push(std::span<const u64>(in)) == 10);
  CHECK(tx.try_push(std::span<const u64>(in)).err() == errc::full);
  CHECK(*tx.push(std::span<u64>(in, 0)) == 0);
  CHECK(*rx.pop(std::span<u64>(out, 4)) == 4);
  CHECK(*tx.push(std::span<u64>(in + 10, 15)) == 4);
  CHECK(*rx.pop(std::span<u64>(out + 4, 21)) == 10);
  bool same = true;
  for (u64 i = 0; i < 14; ++i) same = same && out[i] == i;
  CHECK(same);
  CHECK(rx.try_pop(std::span<u64>(out)).err() == errc::empty);
  CHECK(rx.pop(std::span<u64>(out), 1ms).err() == errc::timeout);
  CHECK(*rx.try_pop(std::span<u64>(out, 0)) == 0);
}

TEST_CASE("a slot is invisible until it is committed, and given back if it is not") {
  auto [tx, rx] = channel<sample>(2);
  {
    auto s = tx.claim();
    REQUIRE(s);
    *s = {1, 1.5};
    CHECK(rx.try_pop().err() == errc::empty);
    CHECK(tx.try_push(sample{2, 0}).err() == sluice::error(errc::busy, sluice::step::push));
    CHECK(tx.claim().err() == sluice::error(errc::busy, sluice::step::claim));
    auto moved = std::move(s);
    CHECK_FALSE(s);
    moved.commit();
  }
  {
    auto dropped = tx.claim();
    REQUIRE(dropped);
  }
  CHECK(rx.approx_size() == 1);
  CHECK(rx.pop()->volts == 1.5);
  REQUIRE(tx.push(sample{3, 0}));
  REQUIRE(tx.push(sample{4, 0}));
  CHECK(tx.claim(now).err() == errc::full);
}

TEST_CASE("a loan is consumed at its end, unless it is kept") {
  auto [tx, rx] = channel<sample>(2);
  REQUIRE(tx.push(sample{1, 0}));
  REQUIRE(tx.push(sample{2, 0}));
  {
    auto l = rx.borrow();
    REQUIRE(l);
    CHECK(l->seq == 1);
    CHECK(rx.try_pop().err() == sluice::error(errc::busy, sluice::step::pop));
    CHECK(rx.borrow().err() == sluice::error(errc::busy, sluice::step::borrow));
    CHECK(tx.try_push(sample{3, 0}).err() == errc::full);
    l.keep();
  }
  {
    auto l = rx.borrow();
    CHECK((*l).seq == 1);
    auto m = std::move(l);
    CHECK_FALSE(l);
    m.release();
    m.release();
  }
  CHECK(rx.pop()->seq == 2);
}

TEST_CASE("slots and loans outlive a move of their end, and are void once it is closed") {
  auto [tx, rx] = channel<sample>(2);
  auto s = tx.claim();
  auto tx2 = std::move(tx);
  s->seq = 5;
  s.commit();
  auto l = rx.borrow();
  auto rx2 = std::move(rx);
  CHECK(l->seq == 5);
  l.release();
  CHECK(rx2.try_pop().err() == errc::empty);
  auto late = tx2.claim();
  tx2.close();
  late.commit();
  CHECK(rx2.pop().err() == errc::closed);
}

TEST_CASE("a message in a slot whose end was closed is destroyed, whether the slot is dropped or committed") {
  const bool commit = GENERATE(false, true);
  {
    auto [tx, rx] = channel<counted>(2);
    auto s = tx.claim();
    REQUIRE(s);
    *s = counted(1);
    tx.close();
    if (commit) s.commit();
    CHECK_FALSE((commit && s));
    CHECK(rx.pop().err() == errc::closed);
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("a sleeping consumer wakes when something is pushed, and when the producer closes") {
  const auto how = GENERATE(wait_strategy::park, wait_strategy::spin_then_park);
  auto [tx, rx] = channel<u64>(4, {.wait = how});
  sluice::result<u64> got(errc::ok == errc::empty ? errc::ok : errc::empty), end(errc::empty);
  std::thread sleeper([&, &r = rx] {
    got = r.pop(10s);
    end = r.pop(10s);
  });
  const auto t = test::now_ns();
  std::this_thread::sleep_for(20ms);
  REQUIRE(tx.push(9u));
  std::this_thread::sleep_for(20ms);
  tx.close();
  sleeper.join();
  CHECK((got && *got == 9));
  CHECK(end.err() == errc::closed);
  CHECK(seconds_since(t) < 5);
}

TEST_CASE("a sleeping producer wakes when something is popped, and when the consumer closes") {
  const auto how = GENERATE(wait_strategy::park, wait_strategy::spin_then_park);
  auto [tx, rx] = channel<u64>(1, {.wait = how});
  REQUIRE(tx.push(0u));
  sluice::error first(errc::empty), second(errc::empty);
  std::thread sleeper([&, &s = tx] {
    first = s.push(1u, 10s).err();
    second = s.push(2u, 10s).err();
  });
  const auto t = test::now_ns();
  std::this_thread::sleep_for(20ms);
  CHECK(*rx.pop() == 0);
  std::this_thread::sleep_for(20ms);
  rx.close();
  sleeper.join();
  CHECK_FALSE(first);
  CHECK(second == errc::closed);
  CHECK(seconds_since(t) < 5);
}

TEST_CASE("a sleeping consumer wakes for a batch, a committed slot; a sleeping producer for a released loan") {
  auto [tx, rx] = channel<u64>(2, {.wait = wait_strategy::park});
  u64 out[4] = {};
  std::size_t n = 0, m = 0;
  std::thread sleeper([&, &r = rx] {
    n = r.pop(std::span<u64>(out), 10s).value_or(std::size_t{0});
    m = r.borrow(10s) ? 1 : 0;
  });
  std::this_thread::sleep_for(10ms);
  const u64 in[] = {1};
  REQUIRE(tx.push(std::span<const u64>(in)));
  std::this_thread::sleep_for(10ms);
  auto s = tx.claim();
  *s = 2;
  s.commit();
  sleeper.join();
  CHECK(n == 1);
  CHECK(m == 1);
  REQUIRE(tx.push(1u));
  REQUIRE(tx.push(2u));
  bool pushed = false;
  std::thread full([&, &t = tx] { pushed = static_cast<bool>(t.push(3u, 10s)); });
  std::this_thread::sleep_for(10ms);
  { auto l = rx.borrow(); }
  full.join();
  CHECK(pushed);
}

TEST_CASE("200 000 sleeps and wakes, and none is missed") {
  constexpr u64 rounds = SLUICE_TEST_TSAN ? 40'000 : 200'000;
  auto [tx, back] = channel<u64>(1, {.wait = wait_strategy::park});
  auto [reply, rx] = channel<u64>(1, {.wait = wait_strategy::park});
  u64 answered = 0;
  std::thread other([&, &from = back, &to = reply] {
    while (auto v = from.pop(20s)) {
      if (!to.push(*v + 1, 20s)) return;
      ++answered;
    }
  });
  u64 sum = 0;
  sluice::error why;
  for (u64 i = 0; i < rounds && !why; ++i) {
    why = tx.push(i, 20s).err();
    const auto v = rx.pop(20s);
    if (!v) why = v.err();
    else sum += *v - i;
  }
  tx.close();
  other.join();
  CHECK_FALSE(why);
  CHECK(sum == rounds);
  CHECK(answered == rounds);
}

TEST_CASE("an end may be closed by its thread while the other is busy with it, at any moment") {
  for (int i = 0; i < 300; ++i) {
    auto [tx, rx] = channel<u64>(3, {.wait = strategies[i % 3]});
    u64 sent = 0, got = 0;
    std::thread producer([&, t = std::move(tx), i]() mutable {
      while (sent < 50 + static_cast<u64>(i) && t.push(sent)) ++sent;
    });
    if (i % 2 == 0) {
      for (auto& v : rx.each()) got += v == got ? 1u : 1000u;
      producer.join();
      REQUIRE(got == sent);
    } else {
      for (int k = 0; k < i; ++k) got += rx.pop(10s) ? 1u : 0u;
      rx.close();
      producer.join();
      REQUIRE(got <= sent);
    }
  }
}

TEST_CASE("what was built in a slot is destroyed once, also if its end is closed first") {
  REQUIRE(counted::alive == 0);
  {
    auto [tx, rx] = channel<counted>(2);
    auto s = tx.claim();
    REQUIRE(s);
    CHECK(counted::alive == 1);
    tx.close();
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("peers() counts the ends that are open") {
  auto [tx, rx] = channel<u64>(2);
  CHECK(rx.peers() == 2);
  tx.close();
  CHECK(rx.peers() == 1);
  CHECK(rx.dropped() == 0);
  CHECK(rx.lag() == 0);
}
