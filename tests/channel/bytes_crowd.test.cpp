// SPDX-License-Identifier: MIT
#include <sluice/channel/bytes.hpp>
#include <sluice/channel/bytes_crowd.hpp>
#include <sluice/channel/shared_bytes.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

// Channels of messages of any length from several producers, within a process and between processes.

namespace {

using namespace std::chrono_literals;
using sluice::bytes_channel;
using sluice::errc;
using sluice::mpsc;
using sluice::ring_options;
using sluice::step;
using sluice::subject;
using sluice::wait_strategy;
using u64 = std::uint64_t;

using sink = decltype(sluice::shm_bytes_sink<mpsc>(""))::value_type;
using source = decltype(sluice::shm_bytes_source<mpsc>(""))::value_type;

/// Message `number` of producer `from`, of a size and with contents that follow from both.
struct numbered {
  static constexpr std::size_t most = 600;
  std::byte raw[most];
  std::size_t size;

  numbered(u64 from, u64 number) : size(size_of(from, number)) {
    for (std::size_t i = 16; i < size; ++i) raw[i] = at(from, number, i);
    std::memcpy(raw, &from, 8), std::memcpy(raw + 8, &number, 8);
  }
  operator std::span<const std::byte>() const { return {raw, size}; }  // NOLINT: it is one

  static std::size_t size_of(u64 from, u64 number) {
    return 16 + (number % 5 == 0 ? number * 31 + from * 7 : number + from) % (number % 5 == 0 ? most - 15 : 100);
  }
  static std::byte at(u64 from, u64 number, std::size_t i) { return static_cast<std::byte>(from * 13 + number * 31 + i); }
};
/// Takes a message apart; false if it is not whole.
bool read(std::span<const std::byte> s, u64& from, u64& number) {
  if (s.size() < 16) return false;
  std::memcpy(&from, s.data(), 8), std::memcpy(&number, s.data() + 8, 8);
  if (s.size() != numbered::size_of(from, number)) return false;
  for (std::size_t i = 16; i < s.size(); ++i)
    if (s[i] != numbered::at(from, number, i)) return false;
  return true;
}
template <class Sink>
sluice::status send(Sink& tx, u64 from, u64 number, sluice::until u) {
  const numbered m(from, number);
  if (number % 3 != 0) return tx.push(m, u);
  auto place = tx.claim(std::min(m.size + number % 4 * 64, tx.capacity()), u);
  if (!place) return place.err();
  if (number % 4 == 1) {  // thinks better of it
    std::memset(place.data(), 0xee, place.size());
    place = tx.claim(m.size, u);  // busy: one claim at a time
    place = tx.claim(m.size, u);
    if (!place) return place.err();
  }
  std::memcpy(place.data(), m.raw, m.size);
  place.commit(m.size);
  return {};
}

// The same tests over shared memory and over a mapped file.
struct world {
  bool mapped;
  test::scratch dir;
  std::string path = dir / "ring";
  ring_options options;

  explicit world(bool on_file, bool persistent = false, std::size_t capacity = 1024)
      : mapped(on_file), dir(on_file ? "/tmp" : "/dev/shm") {
    if (!mapped) options.directory = dir.c_str();
    options.persistent = persistent;
    options.capacity = capacity;
  }
  auto try_tx() const {
    return mapped ? sluice::mapped_bytes_sink<mpsc>(path, options) : sluice::shm_bytes_sink<mpsc>("ring", options);
  }
  auto try_rx() const {
    return mapped ? sluice::mapped_bytes_source<mpsc>(path, options) : sluice::shm_bytes_source<mpsc>("ring", options);
  }
  sink tx() const {
    auto r = try_tx();
    REQUIRE(r);
    return std::move(*r);
  }
  source rx() const {
    auto r = try_rx();
    REQUIRE(r);
    return std::move(*r);
  }
};

}  // namespace

TEST_CASE("four threads send messages of any length to one, each in order, to a clean end, however they wait") {
  constexpr wait_strategy strategies[] = {wait_strategy::spin_then_park, wait_strategy::park};
  constexpr unsigned producers = 4;
  const auto how = strategies[GENERATE(0, 1)];
  const std::size_t capacity = GENERATE(640u, 4000u, 65536u);
  CAPTURE(static_cast<int>(how), capacity);
  auto ends = bytes_channel<mpsc>(capacity, {.wait = how});
  const u64 each = rounds(5'000);
  std::atomic<unsigned> failed{0};
  std::vector<std::thread> threads;
  for (u64 k = 0; k < producers; ++k)
    threads.emplace_back([&failed, k, end = k + 1 == producers ? std::move(ends.tx) : std::move(*ends.tx.clone())]() mutable {
      auto tx = std::move(end);  // leaving the thread closes this end
      for (u64 i = 0; i < each; ++i)
        if (!send(tx, k, i, 20s)) return void(++failed);
    });
  u64 next[producers] = {}, wrong = 0;
  std::vector<std::byte> to(numbered::most);
  sluice::error why;
  for (u64 i = 0;; ++i) {
    u64 from = producers, number = 0;
    bool whole = false;
    if (i % 2 == 0) {
      const auto m = ends.rx.borrow(20s);
      why = m.err();
      whole = m && read(*m, from, number);
    } else {
      const auto n = ends.rx.pop(to, 20s);
      why = n.err();
      whole = n && read(std::span(to).first(*n), from, number);
    }
    if (why) break;
    if (!whole || from >= producers || number != next[from]++) ++wrong;
  }
  ends.rx.close();
  for (auto& t : threads) t.join();
  CHECK(wrong == 0);
  CHECK(failed == 0);
  CHECK(why == errc::closed);
  for (const u64 n : next) CHECK(n == each);
}

TEST_CASE("a channel of bytes has as many writers as there are seats, and one reader") {
  auto one = bytes_channel();
  CHECK(one.tx.clone().err() == sluice::error(errc::busy, step::join, subject::role).by(0));
  auto ends = bytes_channel<mpsc>(4096);
  STATIC_REQUIRE(sluice::waitable<decltype(ends.tx)>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<decltype(ends.rx)>);
  STATIC_REQUIRE(sluice::traits_of<sink>.detects_death);
  std::vector<decltype(ends.tx)> more;
  for (auto next = ends.tx.clone(); next; next = ends.tx.clone()) more.push_back(std::move(*next));
  CHECK(more.size() == 62);
  CHECK(ends.tx.clone().err() == sluice::error(errc::no_space, step::join, subject::participants));
  more.pop_back();
  CHECK(ends.tx.clone());
  more.clear();
  ends.tx.close();
  CHECK(ends.tx.clone().err().code == errc::closed);
  CHECK(ends.rx.borrow().err() == errc::closed);
}

TEST_CASE("a claim that is out holds the reader up, who is told so and may wait; what is given back is passed") {
  auto ends = bytes_channel<mpsc>(1024);
  auto other = std::move(*ends.tx.clone());
  auto place = ends.tx.claim(100);
  REQUIRE(place);
  REQUIRE(other.push(numbered(1, 1)));
  CHECK(ends.rx.try_borrow().err() == sluice::error(errc::pending, step::borrow).by(1));
  CHECK(ends.rx.borrow(5ms).err() == errc::timeout);
  std::thread later([p = std::move(place)]() mutable {
    test::sleep_us(20'000);
    auto gone = std::move(p);  // and not committed
  });
  u64 from = 0, number = 0;
  const auto m = ends.rx.borrow(20s);
  later.join();
  REQUIRE(m);
  CHECK((read(*m, from, number) && from == 1));
  CHECK(other.push(std::vector<std::byte>(1025)).err() == sluice::error(errc::too_big, step::push));
}

TEST_CASE("writers that wait for rooms of different sizes all come to theirs") {
  auto ends = bytes_channel<mpsc>(1024, {.wait = wait_strategy::park});
  while (ends.tx.try_push(std::vector<std::byte>(64))) {
  }
  std::atomic<unsigned> done{0};
  std::vector<std::thread> writers;
  for (const std::size_t n : {1024u, 64u, 500u, 1u})
    writers.emplace_back([&done, n, tx = std::move(*ends.tx.clone())]() mutable {
      if (tx.push(std::vector<std::byte>(n), 20s)) ++done;
    });
  test::sleep_us(20'000);
  CHECK(done == 0);
  unsigned got = 0;
  while (got != 16 + 4 && ends.rx.borrow(20s)) ++got;
  for (auto& t : writers) t.join();
  CHECK(done == 4);
  CHECK(got == 20);
}

TEST_CASE("several processes send messages of any length to one, each in order, to a clean end") {
  const world w(GENERATE(false, true), false, 2000);
  constexpr u64 producers = 3;
  auto r = w.rx();
  CHECK(r.capacity() == 2048);
  const u64 each = rounds(5'000);
  auto held_open = w.tx();
  std::vector<test::child> children;
  for (u64 k = 0; k < producers; ++k)
    children.emplace_back([&, k] {
      auto t = w.try_tx();
      if (!t) return 1;
      for (u64 i = 0; i < each; ++i)
        if (!send(*t, k, i, 20s)) return 2;
      return 0;
    });
  u64 next[producers] = {}, wrong = 0;
  for (u64 i = 0; i < producers * each; ++i) {
    const auto m = r.borrow(20s);
    u64 from = producers, number = 0;
    if (!m || !read(*m, from, number) || from >= producers || number != next[from]++) {
      ++wrong;
      break;
    }
  }
  CHECK(wrong == 0);
  if (wrong == 0)
    for (auto& c : children) CHECK(c.wait() == 0);
  CHECK(r.try_borrow().err() == errc::empty);
  held_open.close();
  CHECK(r.borrow(20s).err() == errc::closed);
}

TEST_CASE("a region of bytes of many is no region of bytes of one") {
  const world w(GENERATE(false, true));
  auto t = w.tx();
  const auto other = w.mapped ? sluice::mapped_bytes_source(w.path, w.options) : sluice::shm_bytes_source("ring", w.options);
  CHECK(other.err() == sluice::error(errc::mismatch, step::validate, subject::kind));
  auto t2 = w.tx();
  auto t3 = t2.clone();
  REQUIRE(t3);
  auto r = w.rx();
  CHECK(w.try_rx().err().code == errc::busy);
  CHECK(r.peers() == 4);
  REQUIRE(t3->push(numbered(2, 2)));
  CHECK(r.borrow(5s));
}

TEST_CASE("the claim of a killed writer is passed, within 50 ms, and told of; what lies behind it arrives") {
  const world w(GENERATE(false, true));
  auto r = w.rx();
  auto t = w.tx();
  std::int64_t longest = 0;
  unsigned undelivered = 0;
  for (u64 round = 0; round < 8; ++round) {
    CAPTURE(round);
    struct news {
      std::atomic<bool> out{false};
    };
    const test::shared_with_children<news> seen;
    test::child c([&] {
      auto mine = w.try_tx();
      if (!mine || !mine->push(numbered(1, round), 5s)) return 1;
      auto place = mine->claim(200 + 64 * (round % 4), 5s);
      if (!place) return 2;
      std::memset(place.data(), 0xff, place.size());
      seen->out = true;
      for (;;) test::sleep_us(1'000'000);
    });
    REQUIRE(test::eventually([&] { return seen->out.load(); }));
    REQUIRE(t.push(numbered(0, round), 5s));
    u64 from = 9, number = 9;
    {
      const auto m = r.borrow(5s);
      REQUIRE((m && read(*m, from, number)));
      CHECK((from == 1 && number == round));
    }
    CHECK(r.try_borrow().err() == errc::pending);  // alive, and never robbed
    CHECK(r.recover().undelivered == 0);
    CHECK(r.try_borrow().err() == errc::pending);
    c.kill();
    const auto begun = test::now_ns();
    const auto m = r.borrow(5s);
    longest = std::max(longest, test::now_ns() - begun);
    REQUIRE((m && read(*m, from, number)));
    CHECK((from == 0 && number == round));
    undelivered += r.recovered().undelivered - undelivered;
    CHECK(undelivered == round + 1);
  }
  if (!sanitized) CHECK(longest < 50'000'000);
  while (t.try_push(numbered(0, 1))) {
  }
  while (r.try_borrow()) {
  }
  CHECK(t.push(std::vector<std::byte>(1024), 5s));  // no room was lost
}

TEST_CASE("a writer heals a dead fellow whose claim is in its way") {
  const world w(GENERATE(false, true), true);
  auto t = w.tx();
  auto r = w.rx();
  test::child c([&] {
    auto mine = w.try_tx();
    if (!mine || !mine->claim(1024, 5s)) return 1;
    auto place = mine->claim(1000, 5s);
    ::kill(::getpid(), SIGKILL);
    return 0;
  });
  REQUIRE(c.wait() == -SIGKILL);
  CHECK(t.try_push(numbered(0, 0)).err().code == errc::pending);
  CHECK(t.recover().undelivered == 1);
  CHECK(r.try_borrow().err() == errc::empty);
  CHECK(t.try_push(numbered(0, 0)));
}

TEST_CASE("a reader killed with a loan out leaves that message of many to its successor") {
  const world w(GENERATE(false, true), true, 4096);
  auto t = w.tx();
  for (u64 round = 0; round < 6; ++round) {
    for (u64 k = 0; k < 4; ++k) REQUIRE(t.push(numbered(0, round * 4 + k), 5s));
    test::child c([&] {
      auto r = w.try_rx();
      if (!r) return 1;
      u64 from = 0, number = 0;
      for (u64 k = 0; k < 2; ++k)
        if (!read(*r->borrow(5s), from, number) || number != round * 4 + k) return 2;
      const auto m = r->borrow(5s);
      ::kill(::getpid(), SIGKILL);
      return 0;
    });
    REQUIRE(c.wait() == -SIGKILL);
    auto r = w.rx();
    for (u64 k = 2; k < 4; ++k) {
      u64 from = 0, number = 0;
      const auto m = r.borrow(5s);
      REQUIRE((m && read(*m, from, number)));
      CHECK(number == round * 4 + k);
    }
    CHECK(r.try_borrow().err() == errc::empty);
  }
}

TEST_CASE("the last of several writers that dies is told to a sleeping reader, and so is the reader's death to writers") {
  const world w(GENERATE(false, true));
  {
    auto r = w.rx();
    test::child first([&] { return w.try_tx() ? 0 : 1; });
    CHECK(first.wait() == 0);
    CHECK(r.borrow(5s).err() == errc::closed);
    test::child c([&] {
      auto t = w.try_tx();
      if (!t || !t->push(numbered(1, 1))) return 1;
      for (;;) test::sleep_us(1'000'000);
    });
    CHECK(test::eventually([&] { return static_cast<bool>(r.borrow(1s)); }));  // until it has come: closed
    std::thread killer([&] { test::sleep_us(30'000), c.kill(); });
    CHECK(r.borrow(5s).err() == errc::peer_died);
    killer.join();
  }
  auto t = w.tx();
  test::child c([&] {
    auto r = w.try_rx();
    if (!r || !r->borrow(5s)) return 1;
    for (;;) test::sleep_us(1'000'000);
  });
  REQUIRE(t.push(numbered(1, 1), 5s));
  REQUIRE(test::eventually([&] { return t.approx_size() == 0; }));
  std::thread killer([&] { test::sleep_us(30'000), c.kill(); });
  sluice::status s;
  while (s) s = t.push(numbered(2, 2), 5s);
  CHECK(s.err() == errc::peer_died);
  killer.join();
}

TEST_CASE("an end of bytes of many that was inherited says forked; reopened it is one more") {
  const world w(false);
  auto t = w.tx();
  auto r = w.rx();
  auto place = t.claim(10);
  test::child c([&] {
    if (!(t.push(numbered(7, 7), 1h).err() == errc::forked)) return 1;
    if (!(r.borrow(1h).err() == errc::forked)) return 2;
    place.commit();  // not ours
    auto again = sluice::reopen(t);
    return again && again->push(numbered(3, 4), 5s) ? 0 : 3;
  });
  CHECK(c.wait() == 0);
  place.commit(0);
  u64 from = 0, number = 0;
  CHECK(r.borrow(5s).size() == 0);
  CHECK(read(*r.borrow(5s), from, number));
  CHECK(from == 3);
}

TEST_CASE("writers are killed again and again at any moment, the reader too: each message arrives once, whole, in order") {
  const bool mapped = GENERATE(false, true);
  constexpr u64 writers = 3;
  const world w(mapped, true, 1500);
  struct ledger {
    std::atomic<u64> pushed[writers], taken[writers], wrong{0}, twice{0}, all{0};
  };
  const test::shared_with_children<ledger> seen;
  const u64 kills = sanitized ? 8 : 60;
  const auto write = [&](u64 k) {
    return [&, k] {
      auto t = w.try_tx();
      if (!t) return 1;
      // One push may have been published without having been noted: its number may come twice.
      for (u64 i = seen->pushed[k];; ++i) {
        if (!send(*t, k, i, 20s)) return 2;
        seen->pushed[k] = i + 1;
      }
    };
  };
  const auto read_all = [&] {
    auto r = w.try_rx();
    if (!r) return 1;
    for (;;) {
      const auto m = r->borrow(20s);
      if (!m) return 2;
      u64 from = writers, number = 0;
      if (!read(*m, from, number) || from >= writers) {
        ++seen->wrong;
        continue;
      }
      const u64 next = seen->taken[from];
      if (number == next) seen->taken[from] = next + 1, ++seen->all;
      else if (number + 1 == next) ++seen->twice;
      else ++seen->wrong;
    }
  };
  std::vector<test::child> all;
  for (u64 k = 0; k < writers; ++k) all.emplace_back(write(k));
  all.emplace_back(read_all);
  test::dice d(mapped ? 5 : 6);
  for (u64 i = 0; i < kills; ++i) {
    const u64 before = seen->all;
    REQUIRE(test::eventually([&] { return seen->all > before + 20; }));
    test::sleep_us(static_cast<long>(d.below(2000)));
    const u64 k = d.below(writers + 1);
    all[k].kill();
    all[k] = k < writers ? test::child(write(k)) : test::child(read_all);
  }
  for (auto& c : all) c.kill();
  CHECK(seen->wrong == 0);
  CHECK(seen->twice <= kills + writers + 1);
  auto r = w.rx();
  u64 last[writers];
  for (u64 k = 0; k < writers; ++k) last[k] = seen->taken[k];
  bool in_order = true;
  while (auto m = r.try_borrow()) {
    u64 from = writers, number = 0;
    in_order = in_order && read(*m, from, number) && from < writers && (number == last[from] || number + 1 == last[from]);
    if (in_order && number == last[from]) ++last[from];
  }
  CHECK(in_order);
  CHECK(r.try_borrow().err() == errc::empty);
  for (u64 k = 0; k < writers; ++k) CHECK((last[k] >= seen->pushed[k] && last[k] <= seen->pushed[k] + 1));
}
