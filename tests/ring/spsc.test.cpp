// SPDX-License-Identifier: MIT
#include <sluice/ring/spsc.hpp>

#include "catch.hpp"
#include "ring/spsc_box.hpp"
#include "sanitizers.hpp"

#include <atomic>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using sluice::errc;
using sluice::error;
using sluice::phase;
using sluice::step;
using sluice::subject;
using spsc_test::box;
using spsc_test::dice;
using spsc_test::item;
using spsc_test::narrow_memory;
using spsc_test::no_bell;

namespace {

struct wide_memory : sluice::machine_memory<false> {
  using word = std::uint64_t;
};

constexpr std::size_t capacities[] = {1, 2, 3, 6, 7, 8, 9, 14, 15, 64, 100, 1000};

/// Random operations, and the same on a std::deque. Returns what went wrong first, or nothing.
template <class T, class P>
std::string against_model(std::size_t capacity, typename P::word lap, bool wrapped, unsigned operations, dice d) {
  box<T, P> b(capacity);
  b.start_at(lap, wrapped);
  b.begin();
  auto p = b.make_producer();
  auto c = b.make_consumer();
  std::deque<T> model;
  std::vector<T> many(capacity + 4);
  std::uint64_t next = 0;
  bool filling = true;
  for (unsigned i = 0; i < operations; ++i) {
    if (!b.attached()) return "attach failed";
    if (d.below(24) == 0) filling = !filling;
    const std::size_t room = capacity - model.size();
    const bool produce = filling ? d.below(4) != 0 : d.below(4) == 0;
    switch (d.below(6)) {
      case 0:
        if (produce) p = b.make_producer();
        else c = b.make_consumer();
        break;
      case 1:
        if (b.ring().approx_size() != model.size()) return "approx_size";
        break;
      case 2: {  // in place
        if (produce) {
          const auto place = p.try_claim();
          if (static_cast<bool>(place) != (room != 0)) return "claim";
          if (!place) {
            if (place.err() != errc::full) return "claim without room says something else than full";
            break;
          }
          *(*place) = T::make(next);
          if (p.try_push(T::make(0), no_bell).err() != error(errc::busy, step::push)) return "push during a claim";
          if (p.try_claim().err() != error(errc::busy, step::claim)) return "claim during a claim";
          if (b.ring().approx_size() != model.size()) return "a claim is visible";
          const auto end = d.below(4);
          if (end == 0) p.abandon(no_bell);
          else if (end == 1) p = b.make_producer();  // killed with a claim out
          else p.commit(no_bell), model.push_back(T::make(next++));
        } else {
          const auto loan = c.try_borrow();
          if (static_cast<bool>(loan) == model.empty()) return "borrow";
          if (!loan) {
            if (loan.err() != error(errc::empty, step::borrow)) return "borrow from nothing says something else than empty";
            break;
          }
          if (!(**loan == model.front())) return "borrowed another item";
          if (c.try_pop(no_bell).err() != error(errc::busy, step::pop)) return "pop during a loan";
          if (c.try_borrow().err() != error(errc::busy, step::borrow)) return "borrow during a loan";
          const auto end = d.below(4);
          if (end == 0) c.keep_loan(no_bell);
          else if (end == 1) c = b.make_consumer();  // killed with a loan out
          else c.consume_loan(no_bell), model.pop_front();
        }
        break;
      }
      case 3: {  // many
        const std::size_t n = 1 + d.below(d.below(8) == 0 || many.size() < 20 ? many.size() : 20);
        if (produce) {
          for (std::size_t k = 0; k < n; ++k) many[k] = T::make(next + k);
          const auto done = p.try_push(std::span<const T>(many.data(), n), no_bell);
          if (room == 0) {
            if (done || done.err() != error(errc::full, step::push)) return "batch push without room";
            break;
          }
          if (!done || *done != (n < room ? n : room)) return "batch push count";
          for (std::size_t k = 0; k < *done; ++k) model.push_back(T::make(next++));
        } else {
          const auto done = c.try_pop(std::span<T>(many.data(), n), no_bell);
          if (model.empty()) {
            if (done || done.err() != error(errc::empty, step::pop)) return "batch pop of nothing";
            break;
          }
          if (!done || *done != (n < model.size() ? n : model.size())) return "batch pop count";
          for (std::size_t k = 0; k < *done; ++k, model.pop_front())
            if (!(many[k] == model.front())) return "batch popped another item";
        }
        break;
      }
      default:
        if (produce) {
          const auto s = p.try_push(T::make(next), no_bell);
          if (static_cast<bool>(s) != (room != 0)) return "push";
          if (!s && s.err() != error(errc::full, step::push)) return "push without room says something else than full";
          if (s) model.push_back(T::make(next++));
        } else {
          const auto r = c.try_pop(no_bell);
          if (static_cast<bool>(r) == model.empty()) return "pop";
          if (!r && r.err() != error(errc::empty, step::pop)) return "pop of nothing says something else than empty";
          if (r) {
            if (!(*r == model.front())) return "popped another item";
            model.pop_front();
          }
        }
    }
  }
  return {};
}

/// A type that counts itself.
struct counted {
  static inline int alive = 0;
  int value;
  explicit counted(int v) noexcept : value(v) { ++alive; }
  counted(counted&& o) noexcept : value(std::exchange(o.value, -1)) { ++alive; }
  counted& operator=(counted&&) = delete;
  ~counted() { --alive; }
};
struct throws_on_copy {
  int value = 0;
  explicit throws_on_copy(int v) noexcept : value(v) {}
  throws_on_copy(const throws_on_copy& o) : value(o.value) {
    if (value < 0) throw std::runtime_error("no copy");
  }
  throws_on_copy(throws_on_copy&& o) noexcept : value(o.value) {}
  ~throws_on_copy() {}
};

/// Atomics that do something first, or lie.
struct hooks {
  static inline void (*before_load)(const void* word) = nullptr;
  static inline bool (*lie)(const void* word, std::uint64_t& value) = nullptr;
};
struct hooked_memory : sluice::fenced_memory {
  template <class T>
  struct atomic {
    std::atomic<T> value;

    T load(std::memory_order o = std::memory_order_seq_cst) const noexcept {
      if (hooks::before_load != nullptr) hooks::before_load(this);
      std::uint64_t v = value.load(o);
      if (hooks::lie != nullptr && hooks::lie(this, v)) return static_cast<T>(v);
      return static_cast<T>(v);
    }
    void store(T v, std::memory_order o = std::memory_order_seq_cst) noexcept { value.store(v, o); }
    T fetch_or(T v, std::memory_order o) noexcept { return value.fetch_or(v, o); }
    bool compare_exchange_weak(T& e, T v, std::memory_order s, std::memory_order f) noexcept {
      return value.compare_exchange_weak(e, v, s, f);
    }
  };
};
struct narrow_hooked_memory : hooked_memory {
  using word = std::uint32_t;
};

}  // namespace

TEMPLATE_TEST_CASE("an spsc ring gives back what went in, in order, for every capacity, lap and take-over", "[spsc]",
                   (item<1>), (item<4, 4>), (item<8, 8>), (item<24, 8>), (item<28, 4>), (item<32, 32>), (item<56, 8>),
                   (item<57>), (item<64, 8>), (item<64, 64>), (item<128, 128>), (item<200, 8>)) {
  const auto run = [](auto policy, dice d) {
    using P = decltype(policy);
    using words = sluice::spsc_words<P>;
    using word = typename P::word;
    constexpr word laps[] = {0, 1, words::lap_mask - 1, words::lap_mask};
    for (const std::size_t capacity : capacities) {
      const unsigned operations = capacity < 100 ? rounds(1500) : rounds(4000);
      for (const word lap : laps) {
        CAPTURE(capacity, lap, words::word_bits);
        CHECK(against_model<TestType, P>(capacity, lap, true, operations, dice(d.next())) == "");
      }
      CAPTURE(capacity, words::word_bits);
      CHECK(against_model<TestType, P>(capacity, 0, false, operations, dice(d.next())) == "");
    }
  };
  run(wide_memory{}, dice(1));
  run(narrow_memory{}, dice(2));
}

TEMPLATE_TEST_CASE("the capacity is exact from every position", "[spsc]", (box<item<8, 8>, wide_memory>),
                   (box<item<8, 8>, narrow_memory>), (box<item<1>, wide_memory>), (box<item<64, 8>, wide_memory>)) {
  for (const std::size_t capacity : {1u, 2u, 7u, 8u, 9u, 15u, 57u, 58u}) {
    TestType b(capacity);
    auto p = b.make_producer();
    auto c = b.make_consumer();
    unsigned wrong = 0;
    for (std::size_t start = 0; start < 3 * capacity + 60; ++start) {
      std::size_t n = 0;
      while (b.push(p)) ++n;
      wrong += n != capacity;
      for (; n > 0; --n) wrong += !c.try_pop(no_bell);
      wrong += c.try_pop(no_bell).err() != errc::empty;
      wrong += !b.push(p) || !c.try_pop(no_bell);  // on by one
    }
    CAPTURE(capacity);
    CHECK(wrong == 0);
  }
}

TEST_CASE("one pop makes room for one push", "[spsc]") {
  box<item<8, 8>> b(9);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  while (b.push(p)) {
  }
  for (int i = 0; i < 100; ++i) {
    REQUIRE(c.try_pop(no_bell));
    REQUIRE(b.push(p));
    REQUIRE(b.push(p).err() == error(errc::full, step::push));
  }
}

TEST_CASE("a batch of nothing is a success of nothing, whatever the state", "[spsc]") {
  box<std::uint64_t> b(1);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  CHECK(*p.try_push(std::span<const std::uint64_t>(), no_bell) == 0);
  CHECK(*c.try_pop(std::span<std::uint64_t>(), no_bell) == 0);
}

TEST_CASE("a successor consumer gets what its predecessor had borrowed or kept, and nothing twice", "[spsc]") {
  box<std::uint64_t> b(20);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  for (std::uint64_t i = 0; i < 20; ++i) REQUIRE(p.try_push(i, no_bell));
  CHECK(*c.try_pop(no_bell) == 0);
  REQUIRE(c.try_borrow());
  c = b.make_consumer();
  CHECK(**c.try_borrow() == 1);
  c.keep_loan(no_bell);
  c = b.make_consumer();
  CHECK(**c.try_borrow() == 1);
  c.consume_loan(no_bell);
  std::uint64_t some[5];
  CHECK(*c.try_pop(std::span(some), no_bell) == 5);
  c = b.make_consumer();
  CHECK(*c.try_pop(no_bell) == 7);
}

TEST_CASE("a ring rings who sleeps on the other side, after it has published", "[spsc]") {
  box<std::uint64_t> b(10);
  b.begin();
  auto p = b.make_producer();
  auto c = b.make_consumer();
  auto& reader_door = b.shared().consumer.doorstep();
  auto& writer_door = b.shared().producer.doorstep();
  using gate = std::remove_reference_t<decltype(reader_door)>;
  unsigned rings = 0, kinds = 0;
  gate* door = nullptr;
  std::size_t size_when_rung = 99;
  const auto bell = [&](gate& g, std::uint32_t k) {
    ++rings, kinds = k, door = &g, size_when_rung = b.ring().approx_size();
  };

  REQUIRE(p.try_push(1u, bell));
  REQUIRE(c.try_pop(bell));
  CHECK(rings == 0);

  SECTION("push") {
    (void)reader_door.arm(gate::asleep);
    REQUIRE(p.try_push(1u, bell));
    CHECK(rings == 1);
    CHECK(kinds == gate::asleep);
    CHECK(door == &reader_door);
    CHECK(size_when_rung == 1);
    REQUIRE(p.try_push(1u, bell));
    CHECK(rings == 1);
  }
  SECTION("batch push, once for all") {
    const std::uint64_t some[10] = {};
    (void)reader_door.arm(gate::armed);
    CHECK(*p.try_push(std::span<const std::uint64_t>(some), bell) == 10);
    CHECK(rings == 1);
    CHECK(kinds == gate::armed);
    CHECK(size_when_rung == 10);
  }
  SECTION("commit, and not abandon") {
    (void)reader_door.arm(gate::bell);
    REQUIRE(p.try_claim());
    p.abandon(no_bell);
    CHECK(rings == 0);
    const auto place = p.try_claim();
    REQUIRE(place);
    **place = 3;
    p.commit(bell);
    CHECK(rings == 1);
    CHECK(door == &reader_door);
    CHECK(size_when_rung == 1);
  }
  SECTION("pop, consume, and neither keep nor a failed pop") {
    for (unsigned i = 0; i < 10; ++i) REQUIRE(p.try_push(i, bell));
    (void)writer_door.arm(gate::asleep);
    REQUIRE(c.try_borrow());
    c.keep_loan(no_bell);
    CHECK(rings == 0);
    REQUIRE(c.try_pop(bell));
    CHECK(rings == 1);
    CHECK(door == &writer_door);
    CHECK(size_when_rung == 9);
    (void)writer_door.arm(gate::asleep);
    REQUIRE(c.try_borrow());
    c.consume_loan(bell);
    CHECK(rings == 2);
    CHECK(size_when_rung == 8);
    (void)writer_door.arm(gate::bell);
    std::uint64_t all[20];
    CHECK(*c.try_pop(std::span(all), bell) == 8);
    CHECK(rings == 3);
    CHECK(size_when_rung == 0);
    (void)writer_door.arm(gate::asleep);
    CHECK(!c.try_pop(bell));
    CHECK(!c.try_pop(std::span(all), bell));
    CHECK(!c.try_borrow());
    CHECK(rings == 3);
  }
}

TEST_CASE("a detached side says forked and touches nothing", "[spsc]") {
  const auto check = [](auto& p, auto& c) {
    std::uint64_t some[2] = {};
    CHECK(!p.attached());
    CHECK(!c.attached());
    CHECK(p.try_push(1u, no_bell).err() == error(errc::forked, step::push));
    CHECK(p.try_push(std::span<const std::uint64_t>(some), no_bell).err() == error(errc::forked, step::push));
    CHECK(p.try_claim().err() == errc::forked);
    CHECK(c.try_pop(no_bell).err() == error(errc::forked, step::pop));
    CHECK(c.try_pop(std::span(some), no_bell).err() == error(errc::forked, step::pop));
    CHECK(c.try_borrow().err() == errc::forked);
  };
  sluice::spsc_producer<std::uint64_t> p;
  sluice::spsc_consumer<std::uint64_t> c;
  check(p, c);

  box<std::uint64_t> b(3);
  p = b.make_producer();
  c = b.make_consumer();
  REQUIRE(p.try_push(1u, no_bell));
  REQUIRE(p.attached());
  SECTION("by detach()") {
    p.detach();
    c.detach();
  }
  SECTION("by a wipe, with a claim and a loan out") {
    REQUIRE(p.try_claim());
    REQUIRE(c.try_borrow());
    std::memset(static_cast<void*>(&p), 0, sizeof p);
    std::memset(static_cast<void*>(&c), 0, sizeof c);
  }
  check(p, c);
}

TEST_CASE("it is time to ask about the other side at every 256th refusal", "[spsc]") {
  sluice::spsc_producer<int> p;
  sluice::spsc_consumer<int> c;
  unsigned asked = 0, first = 0;
  for (unsigned i = 1; i <= 1024; ++i) {
    if (p.suspicious()) ++asked, first = first == 0 ? i : first;
    if (c.suspicious()) ++asked;
  }
  CHECK(asked == 8);
  CHECK(first == 256);
}

TEST_CASE("the consumer hears of the end after everything that was pushed before it", "[spsc]") {
  struct row {
    phase how;
    bool persistent;
    errc says;
  };
  constexpr row table[] = {{phase::closed, false, errc::closed}, {phase::left, false, errc::closed},
                           {phase::died, false, errc::peer_died}, {phase::closed, true, errc::closed},
                           {phase::left, true, errc::empty},     {phase::died, true, errc::empty}};
  for (const row& r : table) {
    CAPTURE(static_cast<int>(r.how), r.persistent);
    for (const std::uint64_t backlog : {0u, 1u, 7u, 8u, 20u}) {
      box<std::uint64_t> b(20, r.persistent);
      b.begin();
      auto p = b.make_producer();
      auto c = b.make_consumer();
      for (std::uint64_t i = 0; i < backlog; ++i) REQUIRE(p.try_push(i, no_bell));
      b.shared().producer.end(r.how);
      for (std::uint64_t i = 0; i < backlog; ++i) {
        const auto got = c.try_pop(no_bell);
        REQUIRE(got);
        REQUIRE(*got == i);
      }
      for (int again = 0; again < 2; ++again) {
        const error e = c.try_pop(no_bell).err();
        CHECK(e == r.says);
        CHECK(e.op == step::pop);
        CHECK(e.who == (r.says == errc::empty ? 0 : 1));  // the producer is participant 0
        std::uint64_t some[2];
        CHECK(c.try_pop(std::span(some), no_bell).err() == r.says);
        CHECK(c.try_borrow().err() == r.says);
      }
      b.shared().producer.begin();  // a successor brings the stream back to life
      p = b.make_producer();
      CHECK(c.try_pop(no_bell).err() == errc::empty);
      REQUIRE(p.try_push(77u, no_bell));
      CHECK(*c.try_pop(no_bell) == 77);
    }
  }
}

TEST_CASE("the producer hears of the end of its consumer at once", "[spsc]") {
  struct row {
    phase how;
    bool persistent;
    errc says;
  };
  constexpr row table[] = {{phase::closed, false, errc::closed}, {phase::left, false, errc::closed},
                           {phase::died, false, errc::peer_died}, {phase::closed, true, errc::closed},
                           {phase::left, true, errc::ok},        {phase::died, true, errc::ok}};
  for (const row& r : table) {
    for (const unsigned before : {0u, 1u, 8u, 20u}) {
      CAPTURE(static_cast<int>(r.how), r.persistent, before);
      box<std::uint64_t> b(20, r.persistent);
      b.begin();
      auto p = b.make_producer();
      for (unsigned i = 0; i < before; ++i) REQUIRE(p.try_push(i, no_bell));
      b.shared().consumer.end(r.how);
      const errc expected = r.says == errc::ok && before == 20 ? errc::full : r.says;
      const std::uint64_t some[2] = {};
      if (expected == errc::ok) {
        CHECK(p.try_push(1u, no_bell));
        CHECK(p.try_claim());
        p.abandon(no_bell);
        CHECK(p.try_push(std::span<const std::uint64_t>(some), no_bell));
        continue;
      }
      for (int again = 0; again < 2; ++again) {
        const error e = p.try_push(1u, no_bell).err();
        CHECK(e == expected);
        CHECK(e.op == step::push);
        CHECK(e.who == (expected == errc::full ? 0 : 2));  // the consumer is participant 1
        CHECK(p.try_push(std::span<const std::uint64_t>(some), no_bell).err() == expected);
        CHECK(p.try_claim().err() == expected);
      }
      CHECK(b.ring().approx_size() == before);
    }
  }
}

TEST_CASE("a consumer that ended before the producer joined does not count, its successor does", "[spsc]") {
  box<std::uint64_t> b(4);
  const auto how = GENERATE(phase::closed, phase::left, phase::died);
  b.shared().consumer.begin();
  b.shared().consumer.end(how);
  b.shared().producer.begin();
  auto p = b.make_producer();
  for (unsigned i = 0; i < 4; ++i) REQUIRE(p.try_push(i, no_bell));
  CHECK(p.try_push(4u, no_bell).err() == errc::full);

  b.shared().consumer.begin();
  auto c = b.make_consumer();
  CHECK(p.try_push(4u, no_bell).err() == errc::full);
  CHECK(*c.try_pop(no_bell) == 0);
  CHECK(p.try_push(4u, no_bell));
  b.shared().consumer.end(how);
  CHECK(!p.try_push(5u, no_bell));
  CHECK(p.try_push(5u, no_bell).err().code == (how == phase::died ? errc::peer_died : errc::closed));
}

TEST_CASE("a consumer that came and ended between two pushes is noticed", "[spsc]") {
  box<std::uint64_t> b(4);
  b.shared().producer.begin();
  auto p = b.make_producer();
  REQUIRE(p.try_push(1u, no_bell));
  b.shared().consumer.begin();
  b.shared().consumer.end(phase::closed);
  CHECK(p.try_push(2u, no_bell).err() == errc::closed);
}

TEST_CASE("a later consumer is not told of an end that an earlier one was told of", "[spsc]") {
  box<std::uint64_t> b(4);
  b.begin();
  auto p = b.make_producer();
  auto c = b.make_consumer();
  REQUIRE(p.try_push(1u, no_bell));
  b.shared().producer.end(phase::closed);
  REQUIRE(c.try_pop(no_bell));

  SECTION("nobody was told: the successor is") {
    auto next = b.make_consumer();
    CHECK(next.try_pop(no_bell).err() == errc::closed);
  }
  SECTION("told once, and again, but a successor not") {
    CHECK(c.try_pop(no_bell).err() == errc::closed);
    CHECK(c.try_pop(no_bell).err() == errc::closed);
    auto next = b.make_consumer();
    CHECK(next.try_pop(no_bell).err() == errc::empty);
    CHECK(next.try_borrow().err() == errc::empty);

    b.shared().producer.begin();  // the end of the next session is news again
    p = b.make_producer();
    REQUIRE(p.try_push(2u, no_bell));
    b.shared().producer.end(phase::died);
    CHECK(*next.try_pop(no_bell) == 2);
    CHECK(next.try_pop(no_bell).err() == errc::peer_died);
    auto third = b.make_consumer();
    CHECK(third.try_pop(no_bell).err() == errc::empty);
  }
  SECTION("a batch and a loan count as told too") {
    std::uint64_t some[2];
    CHECK(c.try_pop(std::span(some), no_bell).err() == errc::closed);
    CHECK(b.make_consumer().try_borrow().err() == errc::empty);
  }
  SECTION("a backlog is still given to whoever was not told") {
    CHECK(c.try_pop(no_bell).err() == errc::closed);
    b.shared().producer.begin();
    p = b.make_producer();
    REQUIRE(p.try_push(3u, no_bell));
    auto next = b.make_consumer();
    CHECK(*next.try_pop(no_bell) == 3);
  }
}

TEST_CASE("what was pushed between the consumer's look and the producer's end is delivered before `closed`", "[spsc]") {
  using hooked = box<std::uint64_t, hooked_memory>;
  static hooked* there;
  static hooked::producer* writer;
  static unsigned pushes;
  for (const unsigned count : {0u, 1u, 9u}) {
    for (int verb = 0; verb < 3; ++verb) {
      CAPTURE(count, verb);
      hooked b(20);
      b.begin();
      auto p = b.make_producer();
      auto c = b.make_consumer();
      there = &b, writer = &p, pushes = count;
      hooks::before_load = [](const void* word) {
        if (word != static_cast<const void*>(&there->shared().producer)) return;  // the role word is its first member
        hooks::before_load = nullptr;
        for (unsigned i = 0; i < pushes; ++i) (void)writer->try_push(i, no_bell);
        there->shared().producer.end(phase::closed);
      };
      std::uint64_t some[1] = {99};
      unsigned got = 0;
      error e;
      for (; got < 30; ++got) {
        if (verb == 0) {
          e = c.try_pop(no_bell).err();
        } else if (verb == 1) {
          e = c.try_pop(std::span(some), no_bell).err();
        } else {
          e = c.try_borrow().err();
          if (!e) c.consume_loan(no_bell);
        }
        if (e) break;
      }
      CHECK(hooks::before_load == nullptr);
      CHECK(e == errc::closed);
      CHECK(got == count);
      hooks::before_load = nullptr;
    }
  }
}

TEMPLATE_TEST_CASE("a head that no consumer writes is corrupt, and none leads out of the ring", "[spsc][hostile]",
                   (box<item<8, 8>, wide_memory>), (box<item<8, 8>, narrow_memory>), (box<item<1>, wide_memory>),
                   (box<item<64, 8>, wide_memory>), (box<item<200, 8>, narrow_memory>)) {
  using words = typename TestType::words;
  using word = typename TestType::word;
  using ring = typename TestType::ring_type;
  for (const std::size_t capacity : {1u, 2u, 15u}) {
    const auto blocks = static_cast<word>(ring::blocks_for(capacity));
    const word lap_values[] = {0, 1, 2, 3, words::lap_mask - 1, words::lap_mask, words::lap_mask / 2};
    const word block_values[] = {0, 1, blocks - 1, blocks, blocks + 1, words::block_mask - 1, words::block_mask};
    const word item_values[] = {0, 1, ring::per_block - 1, ring::per_block, ring::per_block + 1, 127, 254, 255};
    for (const word lap : lap_values) {
      for (const word block : block_values) {
        for (const word k : item_values) {
          for (std::size_t before = 0; before <= capacity; before += capacity < 3 ? 1 : 7) {
            TestType b(capacity);
            b.start_at(1);
            auto p = b.make_producer();
            for (std::size_t i = 0; i < before; ++i) REQUIRE(b.push(p));
            b.shared().head.store(words::cursor(lap, block & words::block_mask, k));

            const bool inside = block < blocks && k < ring::per_block;
            typename TestType::consumer c;
            const auto joined = c.attach(b.ring());
            REQUIRE(static_cast<bool>(joined) == inside);
            if (!joined) REQUIRE(joined.err() == error(errc::corrupt, step::join, subject::cursor));
            if (joined) {  // it may find anything, but inside of the ring and not for ever
              std::size_t popped = 0;
              while (popped <= 4 * capacity + 4 * ring::per_block && c.try_pop(no_bell)) ++popped;
              REQUIRE(popped <= blocks * ring::per_block);
              b.shared().head.store(words::cursor(lap, block & words::block_mask, k));
            }
            const auto until_refused = [&b](auto& side, std::size_t most) {
              std::size_t pushed = 0;
              for (; pushed <= most; ++pushed)
                if (const auto s = b.push(side); !s) return std::pair{pushed, s.err()};
              return std::pair{pushed, error()};
            };
            typename TestType::producer heir;
            const auto attached = heir.attach(b.ring());
            if (!inside) REQUIRE(attached.err() == error(errc::corrupt, step::join, subject::cursor));
            if (attached) {
              const auto [pushed, e] = until_refused(heir, capacity);
              REQUIRE(pushed <= capacity);
              REQUIRE((e == errc::full || e == errc::corrupt));
            } else {
              REQUIRE(attached.err() == errc::corrupt);
            }
            const auto [pushed, e] = until_refused(p, 2 * capacity);
            REQUIRE(pushed <= 2 * capacity);
            REQUIRE((e == errc::full || e == error(errc::corrupt, step::push, subject::cursor)));
            if (!inside) REQUIRE(e == errc::corrupt);
          }
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("a head that is impossible for this tail is corrupt to a producer without credit", "[spsc][hostile]",
                   wide_memory, narrow_memory) {
  using words = sluice::spsc_words<TestType>;
  using word = typename words::word;
  const auto push_with_head = [](word head) {
    box<item<8, 8>, TestType> b(15);  // 3 blocks of 7
    b.start_at(5);
    auto p = b.make_producer();
    for (int i = 0; i < 15; ++i) REQUIRE(b.push(p));
    b.shared().head.store(head);
    const error by_claim = p.try_claim().err();
    if (!by_claim) p.abandon(no_bell);
    const error e = b.push(p).err();
    CHECK(e.code == by_claim.code);
    return e;
  };
  CHECK(push_with_head(words::cursor(5, 0, 0)) == errc::full);
  CHECK(!push_with_head(words::cursor(5, 0, 1)));
  CHECK(!push_with_head(words::cursor(5, 2, 1)));                                       // exactly the tail
  const error bad(errc::corrupt, step::push, subject::cursor);
  CHECK(push_with_head(words::cursor(5, 2, 2)) == bad);                  // one ahead of the tail
  CHECK(push_with_head(words::cursor(4, 2, 6)) == bad);                  // 16 behind it
  CHECK(push_with_head(words::cursor(6, 0, 0)) == bad);
  CHECK(push_with_head(words::cursor(3, 2, 1)) == bad);
  CHECK(push_with_head(words::cursor(words::lap_mask, 2, 1)) == bad);
  CHECK(push_with_head(static_cast<word>(-1)) == bad);
}

TEMPLATE_TEST_CASE("a stamp that no producer writes is corrupt, and none leads out of the ring", "[spsc][hostile]",
                   (box<item<8, 8>, wide_memory>), (box<item<8, 8>, narrow_memory>), (box<item<1>, wide_memory>),
                   (box<item<64, 8>, wide_memory>), (box<item<200, 8>, narrow_memory>)) {
  using words = typename TestType::words;
  using word = typename TestType::word;
  using ring = typename TestType::ring_type;
  std::vector<word> stamps = {static_cast<word>(-1), static_cast<word>(-2), words::stamp_mask, words::stamp_mask + 1,
                              static_cast<word>(word{1} << (words::word_bits - 1))};
  for (const word lap : {word{0}, word{1}, word{2}, words::lap_mask})
    for (word k = 0; k < 256; k += k < 66 || k > 250 ? 1 : 37) stamps.push_back(lap << words::count_bits | k);
  for (const std::size_t capacity : {1u, 15u}) {
    const auto blocks = static_cast<std::size_t>(ring::blocks_for(capacity));
    for (const word start : {word{0}, word{1}, words::lap_mask}) {
      for (const word bad : stamps) {
        for (std::size_t first = 0; first < blocks; ++first) {  // only from here on, so that good ones come before
          TestType b(capacity);
          b.start_at(start);
          auto p = b.make_producer();
          for (std::size_t i = 0; i < first * ring::per_block && i < capacity; ++i) REQUIRE(b.push(p));
          for (auto* k = b.ring().first() + first; k != b.ring().end(); ++k) k->stamp.store(bad);

          auto c = b.make_consumer();
          auto batch = b.make_consumer();
          REQUIRE(b.attached());
          std::size_t popped = 0;
          error e;
          for (; popped <= 2 * blocks * ring::per_block; ++popped)
            if (e = c.try_pop(no_bell).err(); e) break;
          REQUIRE(popped <= blocks * ring::per_block);
          REQUIRE(e);
          REQUIRE((e == errc::empty || e == error(errc::corrupt, step::pop, subject::stamp)));
          const bool of_this_lap = bad >> words::count_bits == start;
          const bool comes_there = first * ring::per_block <= capacity;
          if (comes_there && of_this_lap && (bad & words::count_mask) > ring::per_block) REQUIRE(e == errc::corrupt);

          b.start_at(start);  // the same in one gulp
          auto again = b.make_producer();
          for (std::size_t i = 0; i < first * ring::per_block && i < capacity; ++i) REQUIRE(b.push(again));
          for (auto* k = b.ring().first() + first; k != b.ring().end(); ++k) k->stamp.store(bad);
          typename TestType::producer heir;
          const auto attached = heir.attach(b.ring());
          if (attached) {
            std::size_t pushed = 0;
            while (pushed <= capacity && b.push(heir)) ++pushed;
            REQUIRE(pushed <= capacity);
          } else {
            REQUIRE(attached.err() == error(errc::corrupt, step::join, subject::stamp));
          }
          std::vector<item<sizeof(typename ring::value_type), alignof(typename ring::value_type)>> all(
              2 * blocks * ring::per_block);
          const auto n = batch.try_pop(std::span(all), no_bell);
          if (n) REQUIRE(*n <= blocks * ring::per_block);
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("a peer that lies differently at every look does no harm", "[spsc][hostile]",
                   (box<item<8, 8>, hooked_memory>), (box<item<8, 8>, narrow_hooked_memory>),
                   (box<item<64, 8>, hooked_memory>), (box<item<1>, narrow_hooked_memory>)) {
  using words = typename TestType::words;
  using word = typename TestType::word;
  static dice d(7);
  static std::uint64_t near_misses;  // blocks of the ring
  unsigned strange = 0;
  for (const std::size_t capacity : {1u, 2u, 15u, 70u}) {
    near_misses = TestType::ring_type::blocks_for(capacity);
    for (unsigned round = 0; round < rounds(300); ++round) {
      TestType b(capacity);
      b.begin();
      auto p = b.make_producer();
      auto c = b.make_consumer();
      hooks::lie = [](const void*, std::uint64_t& v) {
        switch (d.below(6)) {
          case 0: v ^= std::uint64_t{1} << d.below(64); return true;
          case 1: v = words::cursor(0, static_cast<word>(d.below(near_misses + 2)), static_cast<word>(d.below(64))); return true;
          case 2: v += d.below(600) - 300; return true;
          case 3: v = d.next() << 16; return true;
          default: return false;
        }
      };
      std::vector<typename TestType::ring_type::value_type> many(capacity + 3);
      for (unsigned i = 0; i < 100; ++i) {
        switch (d.below(9)) {
          case 0: (void)b.push(p); break;
          case 1: (void)c.try_pop(no_bell); break;
          case 2: {
            const auto n = p.try_push(std::span<const typename TestType::ring_type::value_type>(many), no_bell);
            strange += n && (*n == 0 || *n > many.size());
            break;
          }
          case 3: {
            const auto n = c.try_pop(std::span(many), no_bell);
            strange += n && (*n == 0 || *n > many.size());
            break;
          }
          case 4:
            if (const auto place = p.try_claim()) {
              **place = {};
              if (d.below(2) == 0) p.commit(no_bell);
              else p.abandon(no_bell);
            }
            break;
          case 5:
            if (const auto loan = c.try_borrow()) {
              many[0] = **loan;
              if (d.below(2) == 0) c.consume_loan(no_bell);
              else c.keep_loan(no_bell);
            }
            break;
          case 6: {
            typename TestType::producer heir;
            if (heir.attach(b.ring())) p = heir;
            break;
          }
          case 7: {
            typename TestType::consumer heir;
            if (heir.attach(b.ring())) c = heir;
            break;
          }
          default: strange += b.ring().approx_size() > capacity;
        }
      }
      hooks::lie = nullptr;
    }
  }
  CHECK(strange == 0);
}

TEST_CASE("an object is moved in, moved out, and destroyed once", "[spsc]") {
  counted::alive = 0;
  {
    box<counted> b(9);
    auto p = b.make_producer();
    auto c = b.make_consumer();
    int next_in = 0, next_out = 0;
    for (int round = 0; round < 50; ++round) {
      while (p.try_push(counted(next_in), no_bell)) ++next_in;
      CHECK(counted::alive == 9);
      if (const auto place = p.try_claim()) FAIL("there is room in a full ring");
      for (int k = 0; k < 5; ++k) {
        const auto one = c.try_pop(no_bell);
        REQUIRE(one);
        CHECK(one->value == next_out++);
      }
      CHECK(counted::alive == 4);
      const auto place = p.try_claim();
      REQUIRE(place);
      ::new (static_cast<void*>(*place)) counted(next_in++);
      p.commit(no_bell);
      const auto unused = p.try_claim();
      REQUIRE(unused);
      p.abandon(no_bell);
      auto loan = c.try_borrow();
      REQUIRE(loan);
      CHECK((*loan)->value == next_out);
      c.keep_loan(no_bell);
      loan = c.try_borrow();
      REQUIRE(loan);
      CHECK((*loan)->value == next_out++);
      c.consume_loan(no_bell);
      CHECK(counted::alive == 4);
    }
    while (c.try_pop(no_bell)) {
    }
    CHECK(counted::alive == 0);
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("a failed push leaves its argument alone", "[spsc]") {
  box<std::unique_ptr<int>> b(2);
  b.begin();
  auto p = b.make_producer();
  auto c = b.make_consumer();
  REQUIRE(p.try_push(std::make_unique<int>(1), no_bell));
  REQUIRE(p.try_push(std::make_unique<int>(2), no_bell));
  auto mine = std::make_unique<int>(3);
  CHECK(p.try_push(std::move(mine), no_bell).err() == errc::full);
  REQUIRE(mine != nullptr);
  CHECK(*mine == 3);
  CHECK(**c.try_pop(no_bell) == 1);
  CHECK(p.try_push(std::move(mine), no_bell));
  CHECK(mine == nullptr);
  b.shared().consumer.end(phase::closed);
  mine = std::make_unique<int>(4);
  CHECK(p.try_push(std::move(mine), no_bell).err() == errc::closed);
  CHECK(mine != nullptr);
  CHECK(**c.try_pop(no_bell) == 2);
  CHECK(**c.try_pop(no_bell) == 3);
}

TEST_CASE("long strings go through a ring", "[spsc]") {
  box<std::string> b(5);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  for (unsigned i = 0; i < 60; ++i) {
    REQUIRE(p.try_push(std::string(100 + i, 'x'), no_bell));
    REQUIRE(p.try_push("a literal that is converted at its place, and long enough for the heap", no_bell));
    CHECK(c.try_pop(no_bell)->size() == 100 + i);
    CHECK(c.try_pop(no_bell)->front() == 'a');
  }
}

TEST_CASE("a constructor that throws has pushed nothing", "[spsc]") {
  box<throws_on_copy> b(2);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  const throws_on_copy good(1), bad(-1);
  for (int i = 0; i < 20; ++i) {
    CHECK_THROWS_AS(p.try_push(bad, no_bell), std::runtime_error);
    CHECK(b.ring().approx_size() == 0);
    REQUIRE(p.try_push(good, no_bell));
    CHECK_THROWS_AS(p.try_push(bad, no_bell), std::runtime_error);
    CHECK(c.try_pop(no_bell)->value == 1);
  }
}

TEMPLATE_TEST_CASE("two threads: everything arrives once, in order, one by one and in batches, across take-overs",
                   "[spsc][threads]", (box<std::uint64_t, wide_memory>), (box<std::uint32_t, narrow_memory>),
                   (box<item<64, 8>, wide_memory>)) {
  using T = typename TestType::ring_type::value_type;
  const auto make = [](std::uint64_t k) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(k);
    else return T::make(k);
  };
  const std::uint64_t total = rounds(1'000'000);
  const bool take_over = GENERATE(false, true);
  for (const std::size_t capacity : {3u, 1000u}) {
    const std::uint64_t n = capacity == 3 ? total / 20 : total;  // a small ring is one switch of threads per item
    TestType b(capacity);
    b.start_at(TestType::words::lap_mask - 3);
    b.begin();
    std::uint64_t wrong = 0, received = 0, refused = 0;
    std::thread writer([&] {
      dice d(3);
      auto p = b.make_producer();
      T some[32];
      for (std::uint64_t k = 0; k < n;) {
        const auto how = d.below(8);
        if (take_over && d.below(64) == 0) p = b.make_producer();
        error e;
        if (how < 4) {
          e = p.try_push(make(k), no_bell).err();
          if (!e) ++k;
        } else if (how < 6) {
          const auto place = p.try_claim();
          e = place.err();
          if (place) **place = make(k), p.commit(no_bell), ++k;
        } else {
          std::size_t m = 1 + d.below(32);
          if (m > n - k) m = static_cast<std::size_t>(n - k);
          for (std::size_t i = 0; i < m; ++i) some[i] = make(k + i);
          const auto done = p.try_push(std::span<const T>(some, m), no_bell);
          e = done.err();
          if (done) k += *done;
        }
        if (e == errc::full) std::this_thread::yield();
        else if (e) {
          ++refused;
          break;
        }
      }
      b.shared().producer.end(phase::closed);
    });
    dice d(4);
    auto c = b.make_consumer();
    T some[32];
    const auto take = [&](const T& got) { wrong += !(got == make(received++)); };
    for (;;) {
      const auto how = d.below(8);
      if (take_over && d.below(64) == 0) c = b.make_consumer();
      error e;
      if (how < 4) {
        const auto r = c.try_pop(no_bell);
        e = r.err();
        if (r) take(*r);
      } else if (how < 6) {
        const auto r = c.try_borrow();
        e = r.err();
        if (r) {
          if (how == 4) take(**r), c.consume_loan(no_bell);
          else c.keep_loan(no_bell);
        }
      } else {
        const auto r = c.try_pop(std::span<T>(some, 1 + d.below(32)), no_bell);
        e = r.err();
        for (std::size_t i = 0; r && i < *r; ++i) take(some[i]);
      }
      if (e == errc::empty) std::this_thread::yield();
      else if (e == errc::closed) break;
      else if (e) {
        ++refused;
        break;
      }
    }
    if (refused != 0) b.shared().consumer.end(phase::closed);
    writer.join();
    CAPTURE(capacity, take_over);
    CHECK(refused == 0);
    CHECK(wrong == 0);
    CHECK(received == n);
    CHECK(b.attached());
  }
}
