// SPDX-License-Identifier: MIT
#include <sluice/channel/channel.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/stream/pipe.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <atomic>
#include <optional>
#include <thread>

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::now;
using u64 = std::uint64_t;

struct world {
  test::scratch dir;
  sluice::ring_options options;
  std::string path = dir / "ring";
  world() {
    options.directory = dir.c_str();
    options.capacity = 8;
  }
  auto tx() const { return sluice::shm_sink<u64>("ring", options); }
  auto rx() const { return sluice::shm_source<u64>("ring", options); }
};

struct stages {
  std::atomic<int> at;
};

}  // namespace

TEST_CASE("every verb of an inherited sending end says forked, and the parent's end is unharmed") {
  const world w;
  auto t = w.tx();
  auto r = w.rx();
  REQUIRE((t && r));
  REQUIRE(t->push(1u));
  auto& tx = *t;
  test::child c([&] {
    const u64 two[] = {8, 9};
    if (!(tx.try_push(7u).err() == errc::forked)) return 1;
    if (!(tx.push(7u).err() == errc::forked)) return 2;
    if (!(tx.push(7u, 1h).err() == errc::forked)) return 3;
    if (!(tx.push(7u, now).err() == errc::forked)) return 4;
    if (!(tx.try_push(std::span<const u64>(two)).err() == errc::forked)) return 5;
    if (!(tx.push(std::span<const u64>(two)).err() == errc::forked)) return 6;
    if (!(tx.try_claim().err() == errc::forked)) return 7;
    if (!(tx.claim(1s).err() == errc::forked)) return 8;
    if (tx.capacity() != 0 || tx.approx_size() != 0 || tx.peers() != 0) return 9;
    sluice::wait_set set;
    tx.arm(sluice::want::push, set);
    tx.disarm(sluice::want::push);
    if (!set.sleep(sluice::until(1h).absolute())) return 10;  // there is something to do: be told
    tx.close();
    tx.close();
    return tx.push(7u).err() == errc::closed ? 0 : 11;
  });
  CHECK(c.wait() == 0);
  CHECK(*r->pop(now) == 1);
  CHECK(r->pop(30ms).err() == errc::timeout);  // neither closed nor dead
  CHECK(tx.push(2u));
  CHECK(*r->pop() == 2);
  CHECK(w.tx().err() == errc::busy);
}

TEST_CASE("every verb of an inherited receiving end says forked, and the parent's end is unharmed") {
  const world w;
  auto t = w.tx();
  auto r = w.rx();
  REQUIRE((t && r));
  REQUIRE(t->push(1u));
  auto& rx = *r;
  test::child c([&] {
    u64 to[2];
    if (!(rx.try_pop().err() == errc::forked)) return 1;
    if (!(rx.pop().err() == errc::forked)) return 2;
    if (!(rx.pop(1h).err() == errc::forked)) return 3;
    if (!(rx.try_pop(std::span<u64>(to)).err() == errc::forked)) return 4;
    if (!(rx.pop(std::span<u64>(to), 1h).err() == errc::forked)) return 5;
    if (!(rx.try_borrow().err() == errc::forked)) return 6;
    if (!(rx.borrow(1h).err() == errc::forked)) return 7;
    if (rx.capacity() != 0 || rx.approx_size() != 0 || rx.peers() != 0) return 8;
    for (auto& v : rx.each()) return static_cast<int>(v) + 100;
    return rx.finish() ? 0 : 9;
  });
  CHECK(c.wait() == 0);
  CHECK(t->push(2u));
  CHECK(*rx.pop() == 1);
  CHECK(*rx.pop() == 2);
  CHECK(w.rx().err() == errc::busy);
}

TEST_CASE("destroying, moving and assigning inherited ends in a child does no harm to the parent") {
  const world w;
  std::optional t = w.tx();
  std::optional r = w.rx();
  REQUIRE((*t && *r));
  test::child c([&] {
    auto moved = std::move(**t);
    if (!(moved.push(1u).err() == errc::forked)) return 1;
    t.reset();
    r.reset();
    return 0;
  });
  CHECK(c.wait() == 0);
  REQUIRE((*t)->push(3u));
  CHECK(*(*r)->pop() == 3);
  CHECK((*t)->peers() == 2);
  CHECK((*r)->pop(30ms).err() == errc::timeout);
  CHECK(w.tx().err() == errc::busy);
}

TEST_CASE("slots and loans that are out at a fork are void in the child and hold in the parent") {
  const world w;
  auto t = w.tx();
  auto r = w.rx();
  REQUIRE((t && r));
  REQUIRE(t->push(1u));
  auto slot = t->claim();
  auto loan = r->borrow();
  *slot = 2;
  test::child c([&] {
    slot.commit();
    loan.release();
    return t->push(5u).err() == errc::forked && r->pop().err() == errc::forked ? 0 : 1;
  });
  CHECK(c.wait() == 0);
  CHECK(r->approx_size() == 1);
  CHECK(*loan == 1);
  loan.release();
  slot.commit();
  CHECK(*r->pop(now) == 2);
}

TEST_CASE("the death of a parent is seen although its child lives on with the inherited ends") {
  const world w;
  const test::shared_with_children<stages> s;
  auto r = w.rx();
  REQUIRE(r);
  const bool touched = GENERATE(false, true);  // whether the child has used what it inherited
  test::child parent([&] {
    auto t = w.tx();
    if (!t || !t->push(1u)) return 1;
    if (::fork() == 0) {
      ::alarm(60);
      if (touched) (void)t->push(9u);
      s->at = 1;
      while (s->at != 2) test::sleep_us(100);
      ::_exit(0);  // with the end still there
    }
    for (;;) ::pause();
  });
  REQUIRE(test::eventually([&] { return s->at == 1; }));
  CHECK(*r->pop(1s) == 1);
  CHECK(r->pop(50ms).err() == errc::timeout);
  parent.kill();
  const auto t = test::now_ns();
  CHECK(r->pop(5s).err() == errc::peer_died);
  CHECK(test::now_ns() - t < 1'000'000'000);
  auto next = w.tx();
  CHECK(next);
  s->at = 2;
}

TEST_CASE("a child opens an end of its own") {
  const world w;
  auto r = w.rx();
  REQUIRE(r);
  std::optional t = w.tx();
  test::child c([&] {
    if (!(w.tx().err() == errc::busy)) return 1;  // the parent has it
    (*t)->close();                                // its own copy only
    if (!(w.tx().err() == errc::busy)) return 2;
    return 0;
  });
  CHECK(c.wait() == 0);
  t.reset();
  test::child d([&] {
    auto mine = w.tx();
    return mine && mine->push(4u) ? 0 : 1;
  });
  CHECK(d.wait() == 0);
  CHECK(*r->pop(1s) == 4);
}

TEST_CASE("reopen joins anew once the role is free, even if the name has gone") {
  const world w;
  auto r = w.rx();
  auto t = w.tx();
  REQUIRE((r && t));
  REQUIRE(t->push(1u));
  const test::shared_with_children<stages> s;
  test::child c([&] {
    if (!(sluice::reopen(*t).err() == errc::busy)) return 1;
    s->at = 1;
    while (s->at != 2) test::sleep_us(100);
    auto mine = sluice::reopen(*t);
    if (!mine) return 2;
    if (mine->capacity() != 8 || mine->opened() != sluice::opening::joined) return 3;
    if (!(t->push(9u).err() == errc::forked)) return 4;
    return mine->push(2u) ? 0 : 5;
  });
  REQUIRE(test::eventually([&] { return s->at == 1 || !c.running(); }));
  REQUIRE(sluice::shm_remove("ring", w.options));
  t->close();
  s->at = 2;
  CHECK(c.wait() == 0);
  CHECK(*r->pop(1s) == 1);
  CHECK(*r->pop(1s) == 2);
  CHECK(r->pop(1s).err() == errc::closed);
  CHECK(sluice::reopen(*t).err() == errc::closed);
  CHECK(sluice::reopen(*r).err() == errc::busy);
}

TEST_CASE("a grandchild is as foreign as a child") {
  const world w;
  auto t = w.tx();
  REQUIRE(t);
  test::child c([&] {
    test::child d([&] { return t->push(1u).err() == errc::forked ? 0 : 1; });
    return d.wait();
  });
  CHECK(c.wait() == 0);
  CHECK(t->push(1u));
}

TEST_CASE("fork in one thread while others open, wait and heal neither hangs nor keeps anybody alive") {
  const world w;
  std::atomic<bool> done{false}, drained{false};
  unsigned opened = 0;
  sluice::error why;
  auto r = w.rx();
  REQUIRE(r);
  std::thread opener([&] {
    while (!done && !why) {
      auto t = w.tx();
      why = t ? t->push(1u, 5s).err() : t.err();
      ++opened;
    }
    drained = true;
  });
  std::thread reader([&] {
    while (!drained) (void)r->pop(1ms);
  });
  for (int i = 0; i < 100; ++i) {
    test::child c([&] { return r->pop().err() == errc::forked ? 0 : 1; });
    CHECK(c.wait(20) == 0);
  }
  done = true;
  opener.join();
  reader.join();
  INFO("code " << static_cast<int>(why.code) << ", who " << why.who << ", step " << static_cast<int>(why.op));
  CHECK_FALSE(why);
  CHECK(opened > 0);
}

TEST_CASE("a channel within the process goes on in a child, on its own copy") {
  auto [tx, rx] = sluice::channel<u64>(4);
  REQUIRE(tx.push(1u));
  test::child c([&, &t = tx, &r = rx] {
    if (!t.push(2u)) return 1;
    if (r.pop().value_or(u64{9}) != 1 || r.pop().value_or(u64{9}) != 2) return 2;
    if (!(r.pop(5ms).err() == errc::timeout)) return 3;
    t.close();
    return r.pop().err() == errc::closed ? 0 : 4;
  });
  CHECK(c.wait() == 0);
  CHECK(*rx.pop() == 1);
  CHECK(rx.pop(5ms).err() == errc::timeout);
}

TEST_CASE("a pipe goes on in a child, and is one and the same") {
  auto p = sluice::pipe();
  REQUIRE(p);
  std::byte b{42};
  test::child c([&] {
    p->in.close();
    return p->out.write({&b, 1}) ? 0 : 1;
  });
  CHECK(c.wait() == 0);
  p->out.close();
  std::byte got{};
  CHECK(*p->in.read({&got, 1}, 1s) == 1);
  CHECK(got == b);
  CHECK(p->in.read({&got, 1}, 1s).err() == errc::closed);
}

TEST_CASE("a thread that holds back forks, and forks all the same, does not wait for itself") {
  const sluice::detail::fork_exclusion as_if_in_a_signal_handler_of_this_thread;
  test::child c([] {
    const sluice::detail::fork_exclusion again;
    return 0;
  });
  CHECK(c.wait(10) == 0);
}
