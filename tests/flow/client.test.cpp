// SPDX-License-Identifier: MIT
#include <sluice/flow/client.hpp>
#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/channel/crowds.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/flow/deal.hpp>
#include <sluice/flow/drop_newest.hpp>
#include <sluice/flow/merge.hpp>
#include <sluice/flow/route.hpp>
#include <sluice/flow/serve.hpp>
#include <sluice/stream/duplex.hpp>
#include <sluice/stream/messages.hpp>

#include "flow/rig.hpp"
#include "process.hpp"

#include <atomic>
#include <thread>

using namespace flow_test;

namespace {

struct ask {
  int x;
};
struct answer {
  int y;
};
using question = sluice::tagged<ask>;
using reply = sluice::tagged<answer>;
const auto square = [](ask q) { return answer{q.x * q.x}; };

}  // namespace

TEST_CASE("a call brings back the answer to its question", "[client]") {
  auto [qt, qr] = sluice::channel<question>(4);
  auto [at, ar] = sluice::channel<reply>(4);
  joining_thread server([&, qr = std::move(qr), at = std::move(at)]() mutable { (void)sluice::serve(qr, at, square); });
  sluice::client squares(std::move(qt), std::move(ar));
  for (int i = 0; i < 1000; ++i) {
    const auto r = squares.call(ask{i}, 10s);
    REQUIRE(r);
    REQUIRE(r->y == i * i);
  }
  squares.close();
}

TEST_CASE("a call works over streams, where requests and replies are bytes", "[client]") {
  auto there = sluice::must(sluice::duplex());
  auto back = sluice::must(sluice::duplex());
  joining_thread server([q = sluice::source_of<question>(std::move(there.other)), a = sluice::sink_of<reply>(std::move(back.one))]() mutable {
    (void)sluice::serve(q, a, square);
  });
  sluice::client squares(sluice::sink_of<question>(std::move(there.one)), sluice::source_of<reply>(std::move(back.other)));
  CHECK(squares.call(ask{12}, 10s)->y == 144);
  CHECK(squares.call(ask{13})->y == 169);
  squares.close();
}

TEST_CASE("a call that is out of time or stopped gives up, and its late reply is nobody's", "[client]") {
  auto [qt, qr] = sluice::channel<question>(4);
  auto [at, ar] = sluice::channel<reply>(4);
  sluice::client squares(qt, ar);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(squares.call(ask{1}, 10ms).err() == errc::timeout);
  CHECK(since(begin) >= 10ms);
  CHECK(since(begin) < 5s);
  sluice::stop halt;
  joining_thread asker([&] {
    std::this_thread::sleep_for(2ms);
    halt.request();
  });
  CHECK(squares.call(ask{2}, halt).err() == errc::stopped);
  CHECK(squares.call(ask{3}, sluice::now).err() == errc::empty);
  auto served = sluice::serve(qr, at, square, sluice::now);
  CHECK(served.count == 3);
  CHECK(served.why == errc::empty);
  joining_thread server([&, &qr = qr, &at = at] { (void)sluice::serve(qr, at, square); });
  CHECK(squares.call(ask{4}, 10s)->y == 16);
  squares.close();
}

TEST_CASE("one deadline holds for the whole call: for room, for the reply, and among replies to others", "[client]") {
  auto [qt, qr] = sluice::channel<question>(1);
  auto [at, ar] = sluice::channel<reply>(4);
  sluice::client late(qt, ar);
  REQUIRE(qt.try_push(question{0, {}}));
  joining_thread makes_room([&qr = qr] {
    std::this_thread::sleep_for(400ms);
    (void)qr.pop();
  });
  auto begin = std::chrono::steady_clock::now();
  CHECK(late.call(ask{1}, 500ms).err() == errc::timeout);
  CHECK(since(begin) >= 500ms);
  CHECK(since(begin) < 800ms);  // and not 400 ms for room and 500 ms more for the reply
  makes_room.join();
  (void)qr.try_pop();
  std::atomic<bool> enough = false;
  joining_thread babbles([&, &at = at] {
    while (!enough) (void)at.push(reply{7, {}}, 1ms);
  });
  begin = std::chrono::steady_clock::now();
  CHECK(late.call(ask{2}, 30ms).err() == errc::timeout);
  CHECK(since(begin) >= 30ms);
  CHECK(since(begin) < 5s);
  enough = true;
}

TEST_CASE("replies to others that never rest do not keep a call beyond its deadline, nor from a stop", "[client]") {
  struct babble : sluice::source_verbs<babble> {
    using value_type = reply;
    result<reply> try_pop() { return reply{7, {}}; }
    void arm(want, sluice::wait_set& set) noexcept { set.ready(); }
    void disarm(want) noexcept {}
    void close() noexcept {}
  };
  basket<question> asked;
  sluice::client deaf(asked, babble());
  const auto begin = std::chrono::steady_clock::now();
  CHECK(deaf.call(ask{1}, 10ms).err() == errc::timeout);
  CHECK(since(begin) >= 10ms);
  sluice::stop halt;
  joining_thread asker([&] {
    std::this_thread::sleep_for(2ms);
    halt.request();
  });
  CHECK(deaf.call(ask{2}, halt).err() == errc::stopped);
}

TEST_CASE("a call hears at once that its server has gone", "[client]") {
  auto [qt, qr] = sluice::channel<question>(4);
  auto [at, ar] = sluice::channel<reply>(4);
  sluice::client squares(std::move(qt), std::move(ar));
  joining_thread server([q = std::move(qr), a = std::move(at)]() mutable {
    (void)q.pop();
    a.close();
  });
  const auto begin = std::chrono::steady_clock::now();
  CHECK(squares.call(ask{1}, 20s).err() == errc::closed);
  CHECK(since(begin) < 5s);
}

TEST_CASE("a call hears that its server was killed", "[client]") {
  const std::string there = test::unique("ask"), back = test::unique("answer");
  auto out = sluice::shm_sink<question>(there, {.capacity = 4});
  auto in = sluice::shm_source<reply>(back, {.capacity = 4});
  REQUIRE(out);
  REQUIRE(in);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    auto q = sluice::shm_source<question>(there);
    auto a = sluice::shm_sink<reply>(back);
    if (!q || !a) ::_exit(1);
    (void)sluice::serve(*q, *a, [](ask x) {
      if (x.x == 666) ::kill(::getpid(), SIGKILL);
      return square(x);
    });
    ::_exit(0);
  }
  REQUIRE(child > 0);
  sluice::client squares(*std::move(out), *std::move(in));
  CHECK(squares.call(ask{3}, 20s)->y == 9);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(squares.call(ask{666}, 20s).err() == errc::peer_died);
  CHECK(since(begin) < 5s);
  ::waitpid(child, nullptr, 0);
  CHECK(sluice::shm_remove(there));
  CHECK(sluice::shm_remove(back));
}

TEST_CASE("many clients of one server each get their own replies, by a route or by a broadcast", "[client]") {
  constexpr int clients = 3, calls = SLUICE_TEST_TIER_FULL ? 20'000 : 2000;
  auto [qt, qr] = sluice::channel<question, sluice::mpsc>(8);
  std::vector<joining_thread> callers;
  std::atomic<int> right = 0;
  const auto client_body = [&right](auto out, auto in, std::uint16_t number) {
    return joining_thread([&right, number, c = sluice::client(std::move(out), std::move(in), number)]() mutable {
      for (int i = 0; i < calls; ++i) {
        const auto r = c.call(ask{i * (number + 1)}, 20s);
        if (r && r->y == i * (number + 1) * i * (number + 1)) ++right;
      }
    });
  };
  SECTION("by a route") {
    auto [t0, r0] = sluice::channel<reply>(8);
    auto [t1, r1] = sluice::channel<reply>(8);
    auto [t2, r2] = sluice::channel<reply>(8);
    joining_thread server([&, &q = qr, to = sluice::route(sluice::by_client, std::move(t0), std::move(t1), std::move(t2))]() mutable {
      (void)sluice::serve(q, to, square);
    });
    callers.push_back(client_body(*qt.clone(), std::move(r0), 0));
    callers.push_back(client_body(*qt.clone(), std::move(r1), 1));
    callers.push_back(client_body(*qt.clone(), std::move(r2), 2));
    callers.clear();
    qt.close();
  }
  SECTION("by a broadcast") {
    auto [at, ar] = sluice::channel<reply, sluice::broadcast>(8);
    joining_thread server([&, &q = qr, &a = at] { (void)sluice::serve(q, a, square); });
    for (std::uint16_t k = 1; k < clients; ++k) callers.push_back(client_body(*qt.clone(), *ar.clone(), k));
    callers.push_back(client_body(*qt.clone(), std::move(ar), 0));
    callers.clear();
    qt.close();
  }
  CHECK(right == clients * calls);
}

TEST_CASE("a client that has gone, or does not read, holds up no other", "[serve]") {
  auto [q0, s0] = sluice::channel<question>(64);
  auto [q1, s1] = sluice::channel<question>(64);
  auto [q2, s2] = sluice::channel<question>(64);
  auto [t0, r0] = sluice::channel<reply>(2);
  auto [t1, r1] = sluice::channel<reply>(2);
  auto [t2, r2] = sluice::channel<reply>(2);
  const std::uint64_t one = std::uint64_t{1} << reply::client_shift;
  for (int i = 0; i < 20; ++i) {
    REQUIRE(q0.try_push(question{0, {}}));    // never reads
    REQUIRE(q1.try_push(question{one, {}}));  // has gone
  }
  r1.close();
  joining_thread server([&, from = sluice::merge(s0, s1, s2),
                       to = sluice::route(sluice::by_client, t0 | sluice::drop_newest(), t1, t2)]() mutable {
    (void)sluice::serve(from, to, square);
  });
  sluice::client reads(q2, r2, 2);
  for (int i = 0; i < 30; ++i) CHECK(reads.call(ask{i}, 10s)->y == i * i);
  q0.close(), q1.close(), q2.close();
}

TEST_CASE("a reply without room in time is left with who serves", "[serve]") {
  auto [qt, qr] = sluice::channel<question>(4);
  auto [at, ar] = sluice::channel<reply>(1);
  for (int i = 1; i <= 2; ++i) REQUIRE(qt.try_push(question{5, {i}}));
  auto served = sluice::serve(qr, at, square, 2ms);
  CHECK(served.count == 1);
  CHECK(served.why == errc::timeout);
  REQUIRE(served.rest);
  CHECK(served.rest->body.y == 4);
  CHECK(served.rest->id == 5);
}
