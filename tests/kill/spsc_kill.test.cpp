// SPDX-License-Identifier: MIT
#include <sluice/channel/shared.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <atomic>
#include <thread>

// Real processes, killed at random. The ledger is in memory of the test's own; where exactly a killed process was is
// read off the ring itself, once nobody writes that word any more, so that every message is accounted for.

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using u64 = std::uint64_t;

struct item {
  u64 seq;
  u64 check;
};
constexpr u64 check_of(u64 seq) noexcept { return (seq + 1) * 0x9e3779b97f4a7c15u; }

constexpr u64 batch = 4;

struct ledger {
  std::atomic<u64> intent;    // the producer may publish what is before this
  std::atomic<u64> pushed;    // and knows to have published what is before this
  std::atomic<u64> got;       // the consumer has, or has had, what is before this
  std::atomic<u64> taking;    // so many at most are taken by the pop that it is in
  std::atomic<bool> reading;  // it is reading in place: recorded first, released then
  std::atomic<bool> stop;
  std::atomic<u64> wrong;  // the first thing that was not as it must be: a line of this file
  std::atomic<u64> seen, expected;
  std::atomic<unsigned> producer_up, consumer_up;
};

struct world {
  test::scratch dir;
  sluice::ring_options options;
  std::string path = dir / "ring";
  bool mapped;
  world(std::size_t capacity, bool persistent, bool on_file = false) : dir(on_file ? "/tmp" : "/dev/shm"), mapped(on_file) {
    if (!mapped) options.directory = dir.c_str();
    options.capacity = capacity;
    options.persistent = persistent;
  }
  auto tx(const sluice::ring_options& o) const { return mapped ? sluice::mapped_sink<item>(path, o) : sluice::shm_sink<item>("ring", o); }
  auto rx(const sluice::ring_options& o) const { return mapped ? sluice::mapped_source<item>(path, o) : sluice::shm_source<item>("ring", o); }
};

int failed(ledger& l, u64 line, u64 seen = 0, u64 expected = 0) {
  u64 none = 0;
  if (l.wrong.compare_exchange_strong(none, line)) l.seen = seen, l.expected = expected;
  return 1;
}
sluice::wait_strategy some_strategy(test::dice& d) {
  const u64 n = d.below(4);
  return n == 0 ? sluice::wait_strategy::spin_then_park : n == 1 ? sluice::wait_strategy::spin : sluice::wait_strategy::park;
}
bool passing(sluice::error e) { return e == errc::timeout || e.again(); }

int produce(const world& w, ledger& l, u64 seed) {
  test::dice d(seed);
  auto o = w.options;
  o.wait = some_strategy(d);
  auto t = w.tx(o);
  if (!t) return failed(l, __LINE__, static_cast<u64>(t.err().code), t.err().who);
  l.producer_up = 1;
  u64 next = l.pushed;
  while (!l.stop) {
    const u64 how = d.below(8);
    sluice::error e;
    if (how < 3) {
      l.intent = next + 1;
      e = t->push(item{next, check_of(next)}, 10ms).err();
      if (!e) ++next;
    } else if (how < 6) {
      item some[batch];
      const u64 n = d.below(batch) + 1;
      for (u64 i = 0; i < n; ++i) some[i] = {next + i, check_of(next + i)};
      l.intent = next + n;
      const auto done = t->push(std::span<const item>(some, n), 10ms);
      e = done.err();
      if (done) next += *done;
    } else {
      l.intent = next + 1;
      auto s = t->claim(10ms);
      e = s.err();
      if (s) {
        *s = {next, check_of(next)};
        if (d.below(8) == 0) test::sleep_us(20);
        if (how == 6) s.commit(), ++next;  // otherwise given back
      }
    }
    l.pushed = next;
    if (e && !passing(e)) return failed(l, __LINE__, static_cast<u64>(e.code), static_cast<u64>(e.detail));
    if (d.below(64) == 0) test::sleep_us(static_cast<long>(d.below(200)));
  }
  return 0;
}

int consume(const world& w, ledger& l, u64 seed) {
  test::dice d(seed);
  auto o = w.options;
  o.wait = some_strategy(d);
  auto r = w.rx(o);
  if (!r) return failed(l, __LINE__, static_cast<u64>(r.err().code), r.err().who);
  l.consumer_up = 1;
  u64 next = l.got;
  for (;;) {
    const u64 how = d.below(8);
    sluice::error e;
    if (how < 3) {
      l.taking = 1;
      const auto m = r->pop(20ms);
      e = m.err();
      if (m) {
        if (m->seq != next || m->check != check_of(next)) return failed(l, __LINE__, m->seq, next);
        l.got = ++next;
      }
      l.taking = 0;
    } else if (how < 6) {
      item some[batch];
      const u64 room = d.below(batch) + 1;
      l.taking = room;
      const auto n = r->pop(std::span<item>(some, room), 20ms);
      e = n.err();
      if (n) {
        for (u64 i = 0; i < *n; ++i)
          if (some[i].seq != next + i || some[i].check != check_of(next + i)) return failed(l, __LINE__, some[i].seq, next + i);
        l.got = next += *n;
      }
      l.taking = 0;
    } else {
      l.reading = true;
      {
        auto m = r->borrow(20ms);
        e = m.err();
        if (m) {
          if (m->seq != next || m->check != check_of(next)) return failed(l, __LINE__, m->seq, next);
          if (how == 6) {
            m.keep();
          } else {
            l.got = ++next;
            if (d.below(8) == 0) test::sleep_us(20);  // recorded, not released
          }
        }
      }
      l.reading = false;
    }
    if (e && !passing(e)) return failed(l, __LINE__, static_cast<u64>(e.code), static_cast<u64>(e.detail));
    if (e && l.stop && next == l.pushed) return 0;
    if (d.below(64) == 0) test::sleep_us(static_cast<long>(d.below(200)));
  }
}

// Looks at the ring from outside, taking part in nothing.
class onlooker {
 public:
  explicit onlooker(const world& w) : fd_(::open(w.path.c_str(), O_RDWR | O_CLOEXEC)) {
    sluice::region_header h;
    REQUIRE(::pread(fd_.get(), &h, sizeof h, 0) == sizeof h);
    auto m = sluice::mapped_region::map(fd_.get(), h.region_size, {});
    REQUIRE(m);
    memory_ = std::move(*m);
    ring_ = sluice::spsc_ring<item>(memory_.data() + h.body_offset, h.capacity, true);
  }
  // How many were taken or published in all, of which at least `known`. ~0: nonsense.
  u64 taken(u64 known) const {
    u64 head = 0;
    return ring_.load_head(head) ? position(head, known) : ~u64{0};
  }
  u64 published(u64 known) const {
    u64 head = 0, tail = 0;
    return ring_.load_head(head) && ring_.find_tail(head, tail) ? position(tail, known) : ~u64{0};
  }

 private:
  using words = sluice::spsc_words<sluice::native_memory>;
  u64 position(u64 cursor, u64 known) const {
    const u64 per = decltype(ring_)::per_block, blocks = ring_.blocks(), all = (words::lap_mask + 1) * blocks * per;
    const u64 at = (words::lap_of(cursor) * blocks + words::block_of(cursor)) * per + words::item_of(cursor);
    const u64 ahead = (at + all - known % all) % all;
    return ahead > all / 2 ? known - (all - ahead) : known + ahead;
  }
  sluice::unique_handle fd_;
  sluice::mapped_region memory_;
  sluice::spsc_ring<item> ring_;
};

struct tally {
  unsigned kills = 0, early = 0, producers = 0;
  u64 lost = 0, lost_by_pop = 0, unrecorded = 0, seen_again = 0, messages = 0;
  std::int64_t slowest = 0;
  double seconds = 0;
};

void kill_often(const world& w, unsigned kills, tally& n) {
  const test::shared_with_children<ledger> page;
  ledger& l = *page;
  const std::int64_t begun = test::now_ns();
  test::dice d(static_cast<u64>(begun));
  INFO("seed " << begun);
  const auto start_producer = [&] {
    l.producer_up = 0;
    const u64 seed = d();
    return test::child([&, seed] { return produce(w, l, seed); });
  };
  const auto start_consumer = [&] {
    l.consumer_up = 0;
    const u64 seed = d();
    return test::child([&, seed] { return consume(w, l, seed); });
  };
  test::child producer = start_producer(), consumer = start_consumer();
  REQUIRE(test::eventually([&] { return l.producer_up && l.consumer_up; }));
  const onlooker outside(w);

  for (; n.kills < kills; ++n.kills) {
    // Both run. Do they get on?
    const bool early = d.below(4) == 0;  // kill while it is joining
    if (!early) {
      const u64 before = l.got;
      const std::int64_t t = test::now_ns();
      const bool up = test::eventually([&] { return l.producer_up && l.consumer_up && l.got != before; }, 10);
      n.slowest = std::max(n.slowest, test::now_ns() - t);
      INFO("kill " << n.kills << ", line " << l.wrong << ": " << l.seen << ", expected " << l.expected);
      INFO("up " << l.producer_up << l.consumer_up << ", intent " << l.intent << ", pushed " << l.pushed << ", got " << l.got);
      REQUIRE(l.wrong == 0);
      REQUIRE(up);
    }
    const long most = early ? 600 : 2000;
    const std::int64_t until = test::now_ns() + static_cast<std::int64_t>(d.below(static_cast<u64>(most) * 1000));
    if (d.below(2) == 0) test::sleep_us(static_cast<long>(d.below(static_cast<u64>(most))));
    else while (test::now_ns() < until) ::sched_yield();
    n.early += early ? 1u : 0u;

    if (d.below(2) == 0) {
      const int how = producer.kill();
      INFO("kill " << n.kills << ", line " << l.wrong << ": " << l.seen << ", expected " << l.expected);
      REQUIRE(how == -SIGKILL);
      ++n.producers;
      const u64 pushed = l.pushed, published = outside.published(pushed);
      INFO("pushed " << pushed << ", intent " << l.intent << ", published " << published);
      REQUIRE(published >= pushed);
      REQUIRE(published <= std::max(l.intent.load(), pushed));
      n.unrecorded += published - pushed;
      l.pushed = published;
      l.intent = published;
      producer = start_producer();
    } else {
      const int how = consumer.kill();
      INFO("kill " << n.kills << ", line " << l.wrong << ": " << l.seen << ", expected " << l.expected);
      REQUIRE(how == -SIGKILL);
      const u64 got = l.got, taken = outside.taken(got);
      INFO("got " << got << ", taken " << taken << ", taking " << l.taking << ", reading " << l.reading);
      REQUIRE(taken <= got + l.taking);  // had and not recorded: one by pop, one batch by a batch
      REQUIRE(taken + (l.reading ? 1 : 0) >= got);  // recorded, and not yet released: comes again
      if (taken > got) {
        n.lost += taken - got;
        n.lost_by_pop += l.taking == 1 ? 1u : 0u;
      } else {
        n.seen_again += got - taken;
      }
      l.got = taken;
      l.taking = 0;
      l.reading = false;
      consumer = start_consumer();
    }
  }
  l.stop = true;
  CHECK(producer.wait(20) == 0);
  CHECK(consumer.wait(20) == 0);
  INFO("line " << l.wrong << ": " << l.seen << ", expected " << l.expected);
  CHECK(l.wrong == 0);
  CHECK(l.got == l.pushed);
  CHECK(outside.taken(l.got) == l.got);
  CHECK(outside.published(l.pushed) == l.pushed);
  n.messages = l.got;
  n.seconds = static_cast<double>(test::now_ns() - begun) / 1e9;
}

}  // namespace

TEST_CASE("producers and consumers are killed at random, and every message is accounted for") {
  const bool mapped = GENERATE(false, true);
  const std::size_t capacity = GENERATE(5u, 1u);
  const unsigned all = rounds(SLUICE_TEST_TIER_FULL ? 50'000 : 2'000);
  const std::size_t descriptors = test::open_descriptors(), maps = test::mappings();
  const world w(capacity, true, mapped);
  tally n;
  kill_often(w, mapped || capacity == 1 ? all / 8 + 1 : all, n);
  {
    auto t = w.tx(w.options);
    auto r = w.rx(w.options);
    REQUIRE((t && r));
    CHECK(t->peers() == 2);
    for (u64 lap = 0; lap < 3; ++lap) {  // the whole capacity is there again
      for (u64 i = 0; i < capacity; ++i) CHECK(t->try_push(item{i, 0}));
      CHECK(t->try_push(item{}).err() == errc::full);
      for (u64 i = 0; i < capacity; ++i) CHECK(r->try_pop()->seq == i);
      CHECK(r->try_pop().err() == errc::empty);
    }
  }
  CHECK(w.dir.entries() == 1);
  CHECK(test::locks_on(w.path) == 0);
  CHECK(test::open_descriptors() == descriptors);
  CHECK(test::mappings() <= maps + 2);
  std::printf("%s capacity %zu: %u kills (%u producers, %u while joining) in %.1f s; %llu messages; "
              "published and not recorded %llu, taken and not recorded %llu (%llu by a single pop), borrowed again %llu; "
              "slowest progress %.1f ms\n",
              mapped ? "mapped" : "shm", capacity, n.kills, n.producers, n.early, n.seconds,
              static_cast<unsigned long long>(n.messages), static_cast<unsigned long long>(n.unrecorded),
              static_cast<unsigned long long>(n.lost), static_cast<unsigned long long>(n.lost_by_pop),
              static_cast<unsigned long long>(n.seen_again), static_cast<double>(n.slowest) / 1e6);
  CHECK(n.slowest < (sanitized ? 10'000'000'000 : 1'000'000'000));
}

TEST_CASE("a consumer that waits is told within 100 ms that its producer was killed") {
  const world w(8, false);
  auto r = w.rx(w.options);
  REQUIRE(r);
  const test::shared_with_children<ledger> l;
  std::int64_t slowest = 0;
  unsigned wrong = 0, late = 0;
  test::dice d(5);
  for (unsigned i = 0; i < 200; ++i) {
    l->producer_up = 0;
    const u64 messages = d.below(6);
    test::child c([&] {
      auto t = w.tx(w.options);
      if (!t) return 1;
      for (u64 k = 0; k < messages; ++k)
        if (!t->push(item{k, 0})) return 2;
      l->producer_up = 1;
      for (;;) ::pause();
    });
    REQUIRE(test::eventually([&] { return l->producer_up == 1; }));
    std::int64_t killed = 0;
    const long delay = static_cast<long>(d.below(3000));
    std::thread killer([&] {
      test::sleep_us(delay);
      killed = test::now_ns();
      ::kill(c.pid(), SIGKILL);
    });
    u64 got = 0;
    sluice::error e;
    while (!e) {
      const auto m = r->pop(5s);
      e = m.err();
      if (m) wrong += m->seq == got++ ? 0u : 1u;
    }
    const std::int64_t told = test::now_ns();
    killer.join();
    wrong += e == errc::peer_died && got == messages ? 0u : 1u;
    slowest = std::max(slowest, told - killed);
    late += told - killed > 100'000'000 ? 1u : 0u;
  }
  std::printf("told of a killed producer after %.1f ms at most\n", static_cast<double>(slowest) / 1e6);
  CHECK(wrong == 0);
  CHECK(late <= 4);  // a machine that is busy with other things may be late itself
  CHECK(slowest < 2'000'000'000);
}

TEST_CASE("a producer that waits for room is told within 100 ms that its consumer was killed") {
  const world w(2, false);
  const test::shared_with_children<ledger> l;
  std::int64_t slowest = 0;
  unsigned wrong = 0, late = 0;
  for (unsigned i = 0; i < 100; ++i) {
    l->consumer_up = 0;
    auto t = w.tx(w.options);
    REQUIRE(t);
    test::child c([&] {
      auto r = w.rx(w.options);
      if (!r || !r->pop(5s)) return 1;
      l->consumer_up = 1;
      for (;;) ::pause();
    });
    sluice::error e;
    while (!e && l->consumer_up == 0) {
      e = t->push(item{}, 1ms).err();
      if (e == errc::timeout) e = {};
    }
    std::int64_t killed = 0;
    std::thread killer([&] {
      test::sleep_us(static_cast<long>(i * 20));
      killed = test::now_ns();
      ::kill(c.pid(), SIGKILL);
    });
    while (!e) e = t->push(item{}, 5s).err();
    const std::int64_t told = test::now_ns();
    killer.join();
    wrong += e == errc::peer_died ? 0u : 1u;
    slowest = std::max(slowest, told - killed);
    late += told - killed > 100'000'000 ? 1u : 0u;
    t->close();
    auto r = w.rx(w.options);  // empties it for the next round
    REQUIRE(r);
    while (r->try_pop()) {
    }
  }
  std::printf("told of a killed consumer after %.1f ms at most\n", static_cast<double>(slowest) / 1e6);
  CHECK(wrong == 0);
  CHECK(late <= 4);  // a machine that is busy with other things may be late itself
  CHECK(slowest < 2'000'000'000);
}

TEST_CASE("who only polls is told of a killed peer as well") {
  const world w(2, false);
  auto r = w.rx(w.options);
  REQUIRE(r);
  for (int i = 0; i < 20; ++i) {
    test::child c([&] {
      auto t = w.tx(w.options);
      if (!t || !t->push(item{})) return 1;
      ::kill(::getpid(), SIGKILL);
      return 2;
    });
    CHECK(c.wait() == -SIGKILL);
    CHECK(r->try_pop());
    sluice::error e = errc::empty;
    for (int k = 0; k < 1000 && e == errc::empty; ++k) e = r->try_pop().err();
    CHECK(e == errc::peer_died);
  }
}
