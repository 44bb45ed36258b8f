// SPDX-License-Identifier: MIT
#include <sluice/channel/bytes.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/channel/shared_bytes.hpp>
#include <sluice/platform/describe.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sluice::bytes_channel;
using sluice::errc;
using sluice::now;
using sluice::opening;
using sluice::ring_options;
using sluice::step;
using sluice::subject;
using sluice::wait_strategy;
using u64 = std::uint64_t;

using sink = decltype(sluice::shm_bytes_sink(""))::value_type;
using source = decltype(sluice::shm_bytes_source(""))::value_type;

/// A message that says which one it is, and is of a size that depends on that.
std::string text(u64 k, std::size_t most) {
  test::dice d(k + 1);
  const std::size_t n = d.below(4) == 0 ? d.below(most + 1) : d.below(most < 200 ? most + 1 : 200);
  std::string s(n, '\0');
  for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<char>(k * 31 + i * 7 + (i >> 8) * 13);
  return s;
}
std::span<const std::byte> view(const std::string& s) { return std::as_bytes(std::span(s.data(), s.size())); }
std::string read(std::span<const std::byte> s) { return {reinterpret_cast<const char*>(s.data()), s.size()}; }

/// A number as a message of 8 bytes and more.
struct numbered {
  std::byte raw[100] = {};
  std::size_t size = 8;
  explicit numbered(u64 k) : size(8 + k % 90) { std::memcpy(raw, &k, 8); }
  operator std::span<const std::byte>() const { return {raw, size}; }  // NOLINT: it is one
};
u64 number(std::span<const std::byte> s) {
  u64 k = ~u64{0};
  if (s.size() >= 8) std::memcpy(&k, s.data(), 8);
  return s.size() == 8 + k % 90 ? k : ~u64{0};
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
  auto tx(const ring_options& o) const { return mapped ? sluice::mapped_bytes_sink(path, o) : sluice::shm_bytes_sink("ring", o); }
  auto rx(const ring_options& o) const { return mapped ? sluice::mapped_bytes_source(path, o) : sluice::shm_bytes_source("ring", o); }
  sink tx() const {
    auto r = tx(options);
    REQUIRE(r);
    return std::move(*r);
  }
  source rx() const {
    auto r = rx(options);
    REQUIRE(r);
    return std::move(*r);
  }
};

constexpr wait_strategy strategies[] = {wait_strategy::spin_then_park, wait_strategy::spin, wait_strategy::park};

}  // namespace

TEST_CASE("two threads hand messages of any size over, to a clean end, however they wait") {
  const auto how = strategies[GENERATE(0, 1, 2)];
  const std::size_t capacity = GENERATE(64u, 1000u, 65536u);
  CAPTURE(static_cast<int>(how), capacity);
  auto [tx, rx] = bytes_channel(capacity, {.wait = how});
  const u64 count = rounds(how == wait_strategy::spin && capacity == 64 ? 400 : 10'000);
  std::thread producer([end = std::move(tx), count, capacity]() mutable {
    auto out = std::move(end);  // leaving the thread closes the channel
    for (u64 k = 0; k < count; ++k) {
      const std::string s = text(k, capacity);
      if (k % 2 == 0) {
        if (!out.push(view(s), 20s)) return;
      } else {
        auto place = out.claim(s.size() < capacity ? s.size() + 1 : s.size(), 20s);
        if (!place) return;
        if (!s.empty()) std::memcpy(place.data(), s.data(), s.size());
        place.commit(s.size());
      }
    }
  });
  u64 next = 0;
  bool same = true;
  std::vector<std::byte> to(capacity);
  sluice::error why;
  for (;;) {
    if (next % 3 == 0) {
      const auto n = rx.pop(to, 20s);
      if (!n) {
        why = n.err();
        break;
      }
      same = same && read(std::span(to).first(*n)) == text(next++, capacity);
    } else {
      const auto m = rx.borrow(20s);
      if (!m) {
        why = m.err();
        break;
      }
      same = same && read(*m) == text(next++, capacity);
    }
  }
  producer.join();
  CHECK(same);
  CHECK(next == count);
  CHECK(why == errc::closed);
}

TEST_CASE("the ends of a channel of bytes are waitable, move only, and say what they carry") {
  using ends = decltype(bytes_channel());
  STATIC_REQUIRE(sluice::waitable<decltype(ends::tx)>);
  STATIC_REQUIRE(sluice::waitable<decltype(ends::rx)>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<decltype(ends::tx)>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<decltype(ends::tx)>);
  STATIC_REQUIRE(std::is_nothrow_move_assignable_v<decltype(ends::rx)>);
  STATIC_REQUIRE(sluice::outcome<decltype(ends::tx)::slot_type>);
  STATIC_REQUIRE(sluice::outcome<decltype(ends::rx)::loan_type>);
  STATIC_REQUIRE(sluice::traits_of<decltype(ends::tx)>.max_size == static_cast<std::size_t>(-1));
  STATIC_REQUIRE_FALSE(sluice::traits_of<decltype(ends::tx)>.detects_death);
  STATIC_REQUIRE(sluice::traits_of<sink>.detects_death);
  STATIC_REQUIRE(sluice::traits_of<source>.max_size == static_cast<std::size_t>(-1));
}

TEST_CASE("a message that can never fit is refused at once, one for which there is no room waits") {
  auto [tx, rx] = bytes_channel(1000);
  CHECK(tx.capacity() == 1024);
  const std::string large(1025, 'x'), whole(1024, 'y');
  CHECK(tx.push(view(large)).err() == sluice::error(errc::too_big, step::push));  // no patience is needed
  CHECK(tx.claim(1025).err() == sluice::error(errc::too_big, step::claim));
  REQUIRE(tx.push(view(whole)));
  CHECK(tx.try_push({}).err() == errc::full);
  CHECK(tx.push({}, now).err() == errc::full);
  CHECK(tx.push({}, 5ms).err() == errc::timeout);
  CHECK(tx.claim(1, 5ms).err() == errc::timeout);
  sluice::stop halt;
  halt.request();
  CHECK(tx.push({}, halt).err() == errc::stopped);
  CHECK(tx.approx_size() == 1);
  CHECK(read(*rx.borrow()) == whole);
  CHECK(tx.push({}, 5ms));
}

TEST_CASE("a message larger than the reader's memory stays, and its size is told") {
  auto [tx, rx] = bytes_channel(4096);
  const std::string s(300, 'a');
  REQUIRE(tx.push(view(s)));
  std::byte little[299], enough[300];
  const auto e = rx.pop(little).err();
  CHECK(e == sluice::error(errc::too_big, step::read, 300));
  CHECK(e.about() == subject::none);
  CHECK(std::string(sluice::describe(e).c_str()).find("(300)") != std::string::npos);
  CHECK(rx.pop({}).err() == e);
  CHECK(rx.approx_size() == 1);
  CHECK(rx.pop(enough).value_or(0) == 300);
  CHECK(rx.pop(enough, 5ms).err() == errc::timeout);
}

TEST_CASE("a slot is invisible until commit, a loan stays until release") {
  auto [tx, rx] = bytes_channel(1024);
  {
    auto place = tx.claim(100);
    REQUIRE(place);
    CHECK(place.size() == 100);
    CHECK(reinterpret_cast<std::uintptr_t>(place.data()) % 64 == 0);
    CHECK(rx.try_borrow().err() == errc::empty);
    CHECK(tx.try_push({}).err() == errc::busy);
    auto moved = std::move(place);
    CHECK_FALSE(place);  // NOLINT: a moved-from slot is empty
    place.commit();
    CHECK(rx.try_borrow().err() == errc::empty);
  }  // given back
  auto place = tx.claim(100);
  REQUIRE(place);
  place.data()[0] = std::byte{7};
  place.commit(1);
  CHECK_FALSE(place);
  place.commit(1);
  CHECK(tx.approx_size() == 1);
  {
    auto m = rx.borrow();
    REQUIRE(m);
    CHECK((m.size() == 1 && m.data()[0] == std::byte{7}));
    std::byte to[8];
    CHECK(rx.try_pop(to).err() == errc::busy);
    m.keep();
    m.release();
    CHECK(rx.approx_size() == 1);
  }
  { auto m = rx.borrow(); }
  CHECK(rx.approx_size() == 0);

  auto late = tx.claim(8);
  REQUIRE(tx.try_claim(8).err() == errc::busy);
  tx.close();
  late.commit();  // too late
  CHECK(rx.pop({}).err() == errc::closed);
  CHECK(tx.push({}).err() == errc::closed);
}

TEST_CASE("a channel of bytes that cannot be has inert ends that say so") {
  auto none = bytes_channel(0);
  CHECK(none.tx.push({}).err() == errc::invalid);
  CHECK(none.rx.borrow().err() == errc::invalid);
  auto all = bytes_channel(static_cast<std::size_t>(-1));
  CHECK(all.tx.claim(1).err() == sluice::error(errc::too_big, step::claim, subject::capacity));
  CHECK(all.rx.pop({}, 1s).err() == sluice::error(errc::too_big, step::pop, subject::capacity));
  auto [tx, rx] = bytes_channel();
  CHECK(tx.capacity() == 65536);
  auto tx2 = std::move(tx);
  CHECK(tx.push({}).err() == errc::closed);  // NOLINT: a moved-from end is inert
  CHECK(tx2.push({}));
}

TEST_CASE("a sleeping reader is woken by a commit, a sleeping writer by a release, both by a close") {
  auto [tx_, rx_] = bytes_channel(128, {.wait = wait_strategy::park});
  auto& tx = tx_;
  auto& rx = rx_;
  std::atomic<int> seen{0};
  std::thread reader([&] {
    while (auto m = rx.borrow()) seen += static_cast<int>(m.size());
  });
  test::sleep_us(20'000);
  auto place = tx.claim(100);
  REQUIRE(place);
  place.commit(40);
  CHECK(test::eventually([&] { return seen == 40; }));
  test::sleep_us(20'000);
  tx.close();
  reader.join();

  auto [tx2_, rx2_] = bytes_channel(128, {.wait = wait_strategy::park});
  auto& tx2 = tx2_;
  auto& rx2 = rx2_;
  REQUIRE(tx2.push(view(std::string(128, 'x'))));
  std::atomic<int> pushed{0};
  std::thread writer([&] {
    while (tx2.push(view(std::string(128, 'y')))) ++pushed;
  });
  test::sleep_us(20'000);
  CHECK(pushed == 0);
  (void)rx2.borrow();
  CHECK(test::eventually([&] { return pushed == 1; }));
  rx2.close();
  writer.join();
}

TEST_CASE("messages of any size go from one process to another, in order, to a clean end") {
  const world w(GENERATE(false, true), false, 2000);
  auto r = w.rx();
  CHECK(r.opened() == opening::created);
  CHECK(r.capacity() == 2048);
  const u64 count = rounds(20'000);
  test::child producer([&] {
    auto t = w.tx(w.options);
    if (!t) return 1;
    for (u64 k = 0; k < count; ++k)
      if (!t->push(view(text(k, 2048)))) return 2;
    return 0;
  });
  u64 next = 0;
  bool same = true;
  for (;;) {
    const auto m = r.borrow(20s);
    if (!m) {
      CHECK(m.err() == errc::closed);
      break;
    }
    same = same && read(*m) == text(next++, 2048);
  }
  CHECK(same);
  CHECK(next == count);
  CHECK(producer.wait() == 0);
}

TEST_CASE("a region of bytes is no region of messages of one byte, and adopts its capacity") {
  const world w(GENERATE(false, true));
  auto t = w.tx();
  const auto other = w.mapped ? sluice::mapped_source<std::byte>(w.path, w.options) : sluice::shm_source<std::byte>("ring", w.options);
  CHECK(other.err() == sluice::error(errc::mismatch, step::validate, subject::kind));
  ring_options o = w.options;
  CHECK(w.tx(o).err() == errc::busy);
  o.capacity = 2048;
  CHECK(w.rx(o).err() == sluice::error(errc::mismatch, step::validate, subject::capacity));
  o.capacity = 0;
  auto r = w.rx(o);
  REQUIRE(r);
  CHECK(r->capacity() == 1024);
  CHECK(r->peers() == 2);
  const world fresh(w.mapped, false, 0);
  CHECK(fresh.tx().capacity() == 65536);
}

TEST_CASE("a writer killed with a claim out has published what it committed, and its successor goes on") {
  const world w(GENERATE(false, true));
  auto r = w.rx();
  for (u64 round = 0; round < 6; ++round) {
    CAPTURE(round);
    test::child c([&] {
      auto t = w.tx(w.options);
      if (!t) return 1;
      for (u64 k = 0; k < 5; ++k)
        if (!t->push(numbered(round * 100 + k), 5s)) return 2;
      auto place = t->claim(200, 5s);
      if (!place) return 3;
      std::memset(place.data(), 0xff, place.size());
      ::kill(::getpid(), SIGKILL);
      return 0;
    });
    REQUIRE(c.wait() == -SIGKILL);
    for (u64 k = 0; k < 5; ++k) {
      const auto m = r.borrow(5s);
      REQUIRE(m);
      CHECK(number(*m) == round * 100 + k);
    }
    const auto e = r.borrow(5s).err();
    CHECK(e == errc::peer_died);
    CHECK(e.who == 1);
  }
}

TEST_CASE("a reader killed with a loan out leaves that message to its successor") {
  const world w(GENERATE(false, true), true);
  auto t = w.tx();
  for (u64 round = 0; round < 6; ++round) {
    for (u64 k = 0; k < 4; ++k) REQUIRE(t.push(numbered(round * 4 + k), 5s));
    test::child c([&] {
      auto r = w.rx(w.options);
      if (!r) return 1;
      for (u64 k = 0; k < 2; ++k)
        if (number(*r->borrow(5s)) != round * 4 + k) return 2;
      const auto m = r->borrow(5s);
      if (!m || number(*m) != round * 4 + 2) return 3;
      ::kill(::getpid(), SIGKILL);
      return 0;
    });
    REQUIRE(c.wait() == -SIGKILL);
    auto r = w.rx();
    CHECK(number(*r.borrow(5s)) == round * 4 + 2);
    std::byte to[100];
    const auto n = r.pop(to, 5s);
    REQUIRE(n);
    CHECK(number(std::span(to).first(*n)) == round * 4 + 3);
    CHECK(r.try_borrow().err() == errc::empty);
  }
}

TEST_CASE("a sleeping peer learns of a death: the reader at once, the writer where there is no room") {
  const world w(GENERATE(false, true));
  {
    auto r = w.rx();
    test::child c([&] {
      auto t = w.tx(w.options);
      if (!t || !t->push(numbered(1))) return 1;
      for (;;) test::sleep_us(1'000'000);
    });
    CHECK(number(*r.borrow(5s)) == 1);
    std::thread killer([&] { test::sleep_us(30'000), c.kill(); });
    CHECK(r.borrow(5s).err() == errc::peer_died);
    killer.join();
  }
  {
    auto t = w.tx();
    while (t.try_push(numbered(2))) {
    }
    test::child c([&] {
      auto r = w.rx(w.options);
      if (!r || !r->borrow()) return 1;
      for (;;) test::sleep_us(1'000'000);
    });
    REQUIRE(test::eventually([&] { return static_cast<bool>(t.try_push(numbered(3))); }));
    while (t.try_push(numbered(3))) {
    }
    std::thread killer([&] { test::sleep_us(30'000), c.kill(); });
    CHECK(t.push(numbered(4), 5s).err() == errc::peer_died);
    killer.join();
  }
}

TEST_CASE("an end of bytes that was inherited says forked; reopened it continues") {
  const world w(false);
  auto t = w.tx();
  auto r = w.rx();
  REQUIRE(t.push(numbered(1)));
  auto place = t.claim(10);
  test::child c([&] {
    if (!(t.push(numbered(7), 1h).err() == errc::forked)) return 1;
    if (!(t.claim(1).err() == errc::forked)) return 2;
    if (!(r.borrow(1h).err() == errc::forked)) return 3;
    if (!(r.pop({}).err() == errc::forked)) return 4;
    place.commit();  // not ours
    t.close(), r.close();
    return 0;
  });
  CHECK(c.wait() == 0);
  place.commit(0);
  CHECK(number(*r.borrow(5s)) == 1);
  CHECK(r.borrow(5s).size() == 0);
  t.close();
  test::child heir([&] {
    auto again = sluice::reopen(t);
    return again.err() == errc::closed ? 0 : 1;  // it had been closed before the fork
  });
  CHECK(heir.wait() == 0);
}

TEST_CASE("either side is killed again and again at any moment, and every message arrives once, whole and in order") {
  const bool mapped = GENERATE(false, true), kill_writer = GENERATE(false, true);
  CAPTURE(mapped, kill_writer);
  const world w(mapped, true, 640);
  // What the writer has pushed for certain, and what the reader has taken for certain.
  struct ledger {
    std::atomic<u64> pushed{0}, taken{0}, wrong{0};
  };
  const test::shared_with_children<ledger> seen;
  const u64 kills = sanitized ? 8 : 40;
  const auto write = [&] {
    auto t = w.tx(w.options);
    if (!t) return 1;
    // One push may have been published without having been noted: its number may come twice, as the ledger says.
    for (u64 k = seen->pushed;; ++k) {
      if (!t->push(numbered(k), 20s)) return 2;
      seen->pushed = k + 1;
    }
  };
  const auto read_all = [&](u64 until) {
    auto r = w.rx(w.options);
    if (!r) return 1;
    u64 twice = 0;
    while (seen->taken < until) {
      const auto m = r->borrow(20s);
      if (!m) return 2;
      const u64 k = number(*m), next = seen->taken;
      if (k == next) seen->taken = next + 1;
      else if (k + 1 == next) ++twice;
      else ++seen->wrong;
      if (twice > kills) ++seen->wrong;
    }
    return 0;
  };
  constexpr u64 forever = ~u64{0};
  test::child other(kill_writer ? test::child([&] { return read_all(forever); }) : test::child(write));
  test::dice d(mapped ? 3 : 4);
  for (u64 i = 0; i < kills; ++i) {
    test::child victim(kill_writer ? test::child(write) : test::child([&] { return read_all(forever); }));
    const u64 before = seen->taken;
    REQUIRE(test::eventually([&] { return seen->taken > before + 20; }));
    test::sleep_us(static_cast<long>(d.below(3000)));
    victim.kill();
  }
  other.kill();
  CHECK(seen->wrong == 0);
  CHECK(seen->taken > kills * 20);
  // The rest, which nobody has read: at most one of either side is not in the ledger.
  auto r = w.rx();
  u64 last = seen->taken;
  bool in_order = true;
  while (auto m = r.try_borrow()) {
    const u64 k = number(*m);
    in_order = in_order && (k == last || k + 1 == last);
    if (k == last) ++last;
  }
  CHECK(in_order);
  CHECK(last >= seen->pushed);
  CHECK(last <= seen->pushed + 1);
}
