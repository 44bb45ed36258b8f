// SPDX-License-Identifier: MIT
#include <sluice/flow/tee.hpp>
#include <sluice/channel/channel.hpp>

#include "flow/rig.hpp"

#include <thread>

using namespace flow_test;

TEST_CASE("tee gives every message to each sink, at the pace of the slowest", "[tee]") {
  basket<> fast, slow(1);
  auto both = sluice::tee(fast, slow);
  CHECK(both.try_push(1));
  CHECK(both.try_push(2));  // accepted: one has it, and the other will get it
  CHECK(both.try_push(3).err() == errc::full);
  CHECK(both.try_push(4).err() == errc::full);
  CHECK(fast.items == ints{1, 2});
  CHECK(slow.items == ints{1});
  slow.room = 2;
  CHECK(both.try_push(5));
  CHECK(fast.items == ints{1, 2, 5});
  CHECK(slow.items == ints{1, 2, 5});
}

TEST_CASE("a tee that is full everywhere has taken nothing", "[tee]") {
  basket<> a(0), b(0);
  auto both = sluice::tee(a, b);
  CHECK(both.try_push(1).err() == errc::full);
  a.room = b.room = 9;
  CHECK(both.try_push(2));
  CHECK(a.items == ints{2});
  CHECK(b.items == ints{2});
}

TEST_CASE("a tee waits for the room that is missing, and for no other", "[tee]") {
  basket<> fast, slow(0);
  auto both = sluice::tee(fast, slow);
  CHECK(both.try_push(1));
  CHECK(both.push(2, 2ms).err() == errc::timeout);
  CHECK(fast.armed == 0);
  CHECK(slow.armed > 0);
  CHECK(slow.armed == slow.disarmed);
  CHECK(both.flush(2ms).err() == errc::timeout);
  slow.room = 1;
  CHECK(both.flush(10s));
  CHECK(slow.items == ints{1});
}

TEST_CASE("a push that waits has brought its message to every sink", "[tee]") {
  auto [fast, from_fast] = sluice::channel<int>(8);
  auto [slow, from_slow] = sluice::channel<int>(1);
  auto both = sluice::tee(fast, slow);
  CHECK(both.push(1, 10s));
  joining_thread reader([&in = from_slow] {
    std::this_thread::sleep_for(5ms);
    (void)in.pop(10s);
  });
  CHECK(both.push(2, 10s));
  CHECK(from_slow.approx_size() == 1);
  reader.join();
  CHECK(*from_slow.try_pop() == 2);
}

TEST_CASE("what a tee owes goes out when it ends, or is assigned to", "[tee]") {
  basket<> a, b(0), c(0);
  {
    auto both = sluice::tee(a, b);
    CHECK(both.try_push(1));
    auto moved = std::move(both);
    b.room = 9;
  }
  CHECK(b.items == ints{1});  // once, though the tee was moved
  {
    auto both = sluice::tee(a, c);
    CHECK(both.try_push(2));
    CHECK(both.finish(1ms).err() == errc::timeout);
    c.room = 1;
    both.close();
    CHECK(c.items == ints{2});
    CHECK(both.try_push(3).err() == errc::closed);
  }
  basket<> d, e(0), f;
  auto first = sluice::tee(d, e), second = sluice::tee(f, f);
  CHECK(first.try_push(4));
  e.room = 1;
  first = std::move(second);
  CHECK(e.items == ints{4});
  CHECK(first.try_push(5));
  CHECK(f.items == ints{5, 5});
}

TEST_CASE("a tee leaves out who has gone, and ends when all have", "[tee]") {
  basket<> a, b;
  auto both = sluice::tee(a, b);
  b.close();
  CHECK(both.try_push(1));
  CHECK(a.items == ints{1});
  CHECK(b.armed == 0);
  a.close();
  CHECK(both.try_push(2).err() == errc::closed);
}

TEST_CASE("a tee tells once, and in the next call, that one has refused what another took", "[tee]") {
  basket<> a, b(0);
  b.refusal = errc::too_big;
  auto both = sluice::tee(a, b);
  CHECK(both.try_push(1));
  CHECK(both.try_push(2).err() == errc::too_big);
  CHECK(a.items == ints{1});
  b.room = 9;
  CHECK(both.try_push(3));
  CHECK(a.items == ints{1, 3});
  CHECK(b.items == ints{3});
}
