// SPDX-License-Identifier: MIT
#include <sluice/ring/bytes.hpp>

#include "catch.hpp"
#include "sanitizers.hpp"

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "ring/bytes_box.hpp"

using bytes_test::box;
using bytes_test::dice;
using bytes_test::granule;
using bytes_test::model;
using bytes_test::narrow_memory;
using bytes_test::no_bell;
using bytes_test::read;
using bytes_test::text;
using bytes_test::view;
using sluice::errc;
using sluice::error;
using sluice::phase;
using sluice::step;
using sluice::subject;

namespace {

struct wide_memory : sluice::machine_memory<false> {
  using word = std::uint64_t;
};

/// Sizes around every edge: of a granule, of the end of the area, of the whole.
std::size_t some_size(dice& d, std::size_t capacity, std::size_t at) {
  const std::size_t to_end = capacity - at * granule;
  switch (d.below(10)) {
    case 0: return 0;
    case 1: return d.below(2) == 0 ? 1 : 7;
    case 2: return 8 + d.below(2);
    case 3: return granule - 1 + d.below(3);
    case 4: return to_end - d.below(2);
    case 5: return to_end + 1 <= capacity ? to_end + 1 : to_end;
    case 6: return capacity - d.below(2) * d.below(capacity);
    case 7: return d.below(capacity + 1);
    default: return d.below(3 * granule < capacity ? 3 * granule : capacity);
  }
}

/// Random operations, and the same on a model of its own. Returns what went wrong first, or nothing.
template <class P>
std::string against_model(std::size_t granules, typename P::word lap, bool fresh, unsigned operations, dice d) {
  const std::size_t capacity = granules * granule;
  box<P> b(capacity);
  if (!fresh) b.start_at(lap);
  b.begin();
  auto p = b.make_producer();
  auto c = b.make_consumer();
  model m(granules);
  std::vector<std::byte> to(capacity);
  std::uint64_t next = 0;
  bool filling = true;
  for (unsigned i = 0; i < operations; ++i) {
    if (!b.attached()) return "attach failed";
    if (d.below(16) == 0) filling = !filling;
    const std::size_t n = std::min(some_size(d, capacity, m.at()), capacity);
    const bool fits = m.fits(n);
    if (filling ? d.below(4) != 0 : d.below(4) == 0) {
      switch (d.below(4)) {
        case 0:
          p = b.make_producer();
          break;
        case 1: {
          auto place = p.try_claim(n);
          if (static_cast<bool>(place) != fits) return "claim";
          if (!place) {
            if (place.err() != error(errc::full, step::claim)) return "claim without room says something else than full";
            break;
          }
          if (place->size() != n) return "claimed another size";
          if (reinterpret_cast<std::uintptr_t>(place->data()) % granule != 0) return "a place is not aligned to a line";
          const std::string s = text(next, d.below(3) == 0 ? d.below(n + 1) : n);
          if (n != 0) std::memset(place->data(), 0x55, n);
          if (!s.empty()) std::memcpy(place->data(), s.data(), s.size());
          if (p.try_push({}, no_bell).err() != error(errc::busy, step::push)) return "push during a claim";
          if (p.try_claim(0).err() != error(errc::busy, step::claim)) return "claim during a claim";
          if (b.ring().approx_size() != m.size()) return "a claim is visible";
          const auto end = d.below(5);
          if (end == 0) {
            p.abandon(no_bell);
          } else if (end == 1) {
            p = b.make_producer();  // killed with a claim out
          } else {
            p.commit(s.size(), no_bell);
            m.push(s, n), ++next;
          }
          break;
        }
        default: {
          const std::string s = text(next, n);
          const auto r = p.try_push(view(s), no_bell);
          if (static_cast<bool>(r) != fits) return "push of " + std::to_string(n);
          if (!r && r.err() != error(errc::full, step::push)) return "push without room says something else than full";
          if (r) m.push(s, n), ++next;
        }
      }
    } else {
      switch (d.below(6)) {
        case 0:
          c = b.make_consumer();
          break;
        case 1:
          if (b.ring().approx_size() != m.size()) return "approx_size";
          break;
        case 2: {
          const auto loan = c.try_borrow(no_bell);
          if (static_cast<bool>(loan) == m.empty()) return "borrow";
          if (!loan) {
            if (loan.err() != error(errc::empty, step::borrow)) return "borrow from nothing says something else than empty";
            break;
          }
          if (read(*loan) != m.front()) return "borrowed another message";
          if (c.try_pop(to, no_bell).err() != error(errc::busy, step::pop)) return "pop during a loan";
          if (c.try_borrow(no_bell).err() != error(errc::busy, step::borrow)) return "borrow during a loan";
          const auto end = d.below(4);
          if (end == 0) c.keep_loan(no_bell);
          else if (end == 1) c = b.make_consumer();  // killed with a loan out
          else c.consume_loan(no_bell), m.pop();
          break;
        }
        case 3:
          if (!m.empty() && !m.front().empty()) {
            const auto r = c.try_pop(std::span(to).first(m.front().size() - 1), no_bell);
            if (r || r.err() != error(errc::too_big, step::read, static_cast<std::int32_t>(m.front().size())))
              return "pop into too little memory";
          }
          break;
        default: {
          const auto r = c.try_pop(to, no_bell);
          if (static_cast<bool>(r) == m.empty()) return "pop";
          if (!r && r.err() != error(errc::empty, step::pop)) return "pop of nothing says something else than empty";
          if (r) {
            if (read(std::span(to).first(*r)) != m.front()) return "popped another message";
            m.pop();
          }
        }
      }
    }
  }
  return {};
}

/// Atomics that tell before they store.
struct hooks {
  static inline std::function<void()> before_store;
};
struct hooked_memory : sluice::fenced_memory {
  template <class T>
  struct atomic {
    std::atomic<T> value;

    T load(std::memory_order o = std::memory_order_seq_cst) const noexcept { return value.load(o); }
    void store(T v, std::memory_order o = std::memory_order_seq_cst) noexcept {
      if (hooks::before_store) hooks::before_store();
      value.store(v, o);
    }
    T fetch_or(T v, std::memory_order o) noexcept { return value.fetch_or(v, o); }
    bool compare_exchange_weak(T& e, T v, std::memory_order s, std::memory_order f) noexcept {
      return value.compare_exchange_weak(e, v, s, f);
    }
  };
};

}  // namespace

TEST_CASE("a ring of bytes gives back what went in, in order, for every capacity, lap and take-over", "[bytes]") {
  const auto run = [](auto policy, dice d) {
    using P = decltype(policy);
    using words = sluice::bytes_words<P>;
    using word = typename P::word;
    for (const std::size_t granules : {1u, 2u, 3u, 4u, 5u, 8u, 16u, 61u}) {
      for (const word lap : {word{0}, word{1}, static_cast<word>(words::lap_mask - 1), static_cast<word>(words::lap_mask)}) {
        CAPTURE(granules, lap, words::word_bits);
        CHECK(against_model<P>(granules, lap, false, rounds(6000), dice(d.next())) == "");
      }
      CAPTURE(granules, words::word_bits);
      CHECK(against_model<P>(granules, 0, true, rounds(6000), dice(d.next())) == "");
    }
  };
  run(wide_memory{}, dice(1));
  run(narrow_memory{}, dice(2));
}

TEST_CASE("a ring of bytes says what a message costs and how much memory it needs", "[bytes]") {
  using ring = sluice::bytes_ring<wide_memory>;
  CHECK(ring::granules_of(0) == 1);
  CHECK(ring::granules_of(1) == 1);
  CHECK(ring::granules_of(64) == 1);
  CHECK(ring::granules_of(65) == 2);
  CHECK(ring::granules_of(static_cast<std::size_t>(-1)) == (std::size_t{1} << 58));
  CHECK(ring::bytes_for(0) == 0);
  CHECK(ring::bytes_for(static_cast<std::size_t>(-1)) == 0);
  CHECK(ring::bytes_for(1) == 384 + 128 + 64);
  CHECK(ring::bytes_for(64) == 384 + 128 + 64);
  CHECK(ring::bytes_for(65) == 384 + 128 + 128);
  CHECK(ring::bytes_for(1024) == 384 + 128 + 1024);
  CHECK(ring::bytes_for(65536) == 384 + 8192 + 65536);
  CHECK(sluice::bytes_ring<narrow_memory>::bytes_for(std::size_t{1} << 26) == 0);
  CHECK(sluice::bytes_ring<narrow_memory>::bytes_for((std::size_t{1} << 26) - 64) != 0);
  box<wide_memory> b(100);
  CHECK(b.ring().capacity() == 128);
  CHECK(b.memory() + b.size() == b.ring().place(0) + 128);
}

TEST_CASE("a message larger than the ring is refused at once, one as large as the ring goes in from every position", "[bytes]") {
  constexpr std::size_t granules = 7, capacity = granules * granule;
  box<wide_memory> b(capacity);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  std::vector<std::byte> to(capacity);
  CHECK(p.try_claim(static_cast<std::size_t>(-1)).err() == error(errc::too_big, step::claim));
  for (std::size_t at = 0; at < 3 * granules; ++at) {
    CAPTURE(at);
    const std::string large = text(at, capacity);
    CHECK(p.try_push(view(text(0, capacity + 1)), no_bell).err() == error(errc::too_big, step::push));
    REQUIRE(p.try_push(view(large), no_bell));
    CHECK(p.try_push({}, no_bell).err() == error(errc::full, step::push));
    CHECK(p.try_claim(capacity + 1).err() == error(errc::too_big, step::claim));
    if (at % 3 == 0) c = b.make_consumer();
    if (at % 2 == 0) p = b.make_producer();
    CHECK(p.try_push({}, no_bell).err() == error(errc::full, step::push));
    CHECK(b.ring().approx_size() == 1);
    REQUIRE(c.try_pop(to, no_bell).value_or(0) == capacity);
    CHECK(read(to) == large);
    REQUIRE(p.try_push({}, no_bell));  // on by one
    REQUIRE(c.try_pop(to, no_bell).value_or(9) == 0);
  }
}

TEST_CASE("messages of one granule fill the ring exactly, and one pop makes room for one push", "[bytes]") {
  const std::size_t granules = GENERATE(1u, 2u, 3u, 8u);
  box<narrow_memory> b(granules * granule);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  std::byte to[granule];
  for (std::size_t start = 0; start < 40 * granules; ++start) {
    std::size_t n = 0;
    while (p.try_push(view(text(n, n % 65)), no_bell)) ++n;
    REQUIRE(n == granules);
    REQUIRE(c.try_pop(to, no_bell));
    REQUIRE(p.try_push({}, no_bell));
    REQUIRE(p.try_push({}, no_bell).err() == errc::full);
    for (std::size_t k = 0; k < n; ++k) REQUIRE(c.try_pop(to, no_bell));
    REQUIRE(c.try_pop(to, no_bell).err() == errc::empty);
    REQUIRE(p.try_push({}, no_bell));
    REQUIRE(c.try_pop(to, no_bell));
  }
}

TEST_CASE("what a message shrinks by is free for the next one, and no more is published than was claimed", "[bytes]") {
  box<wide_memory> b(4 * granule);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  for (std::size_t k = 0; k < 4; ++k) {
    auto place = p.try_claim((4 - k) * granule);
    REQUIRE(place);
    (*place)[0] = static_cast<std::byte>(k);
    p.commit(k == 0 ? 0 : 1, no_bell);
  }
  CHECK(p.try_claim(0).err() == errc::full);
  std::byte to[granule];
  CHECK(c.try_pop(to, no_bell).value_or(9) == 0);
  for (std::size_t k = 1; k < 4; ++k) {
    CHECK(c.try_pop(to, no_bell).value_or(9) == 1);
    CHECK(to[0] == static_cast<std::byte>(k));
  }
}

TEST_CASE("an aborted claim that needed padding leaves no padding behind", "[bytes]") {
  box<wide_memory> b(4 * granule);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  std::byte to[4 * granule];
  for (int k = 0; k < 3; ++k) REQUIRE((p.try_push({}, no_bell) && c.try_pop(to, no_bell)));
  REQUIRE(p.try_claim(2 * granule));
  p.abandon(no_bell);
  CHECK(b.ring().at(3).load() == 0);
  REQUIRE(p.try_push({}, no_bell));  // at the end of the area, and not at its start
  CHECK(b.ring().at(3).load() == sluice::bytes_words<wide_memory>::frame(0, 0, 1));
}

TEST_CASE("a ring of bytes rings who sleeps on the other side, after it has published", "[bytes]") {
  box<wide_memory> b(2 * granule);
  b.begin();
  auto p = b.make_producer();
  auto c = b.make_consumer();
  auto& reader = b.shared().consumer.doorstep();
  auto& writer = b.shared().producer.doorstep();
  using gate = std::remove_reference_t<decltype(reader)>;
  gate* door = nullptr;
  std::size_t size_when_rung = 99;
  const auto bell = [&](gate& g, std::uint32_t) { door = &g, size_when_rung = b.ring().approx_size(); };
  std::byte to[2 * granule];

  (void)reader.arm(gate::asleep);
  REQUIRE(p.try_claim(5));
  p.abandon(bell);
  CHECK(door == nullptr);
  REQUIRE(p.try_claim(5));
  p.commit(5, bell);
  CHECK((door == &reader && size_when_rung == 1));
  (void)reader.arm(gate::asleep);
  REQUIRE(p.try_push({}, bell));
  CHECK((door == &reader && size_when_rung == 2));

  door = nullptr;
  (void)writer.arm(gate::asleep);
  REQUIRE(c.try_borrow(bell));
  c.keep_loan(bell);
  CHECK(c.try_pop(std::span(to).first(4), bell).err() == error(errc::too_big, step::read, 5));
  CHECK(door == nullptr);
  REQUIRE(c.try_borrow(bell));
  c.consume_loan(bell);
  CHECK((door == &writer && size_when_rung == 1));
  (void)writer.arm(gate::asleep);
  REQUIRE(c.try_pop(to, bell));
  CHECK((door == &writer && size_when_rung == 0));
}

TEST_CASE("the end of a session comes after all messages, once, and is not passed on", "[bytes]") {
  box<wide_memory> b(4 * granule);
  b.begin();
  auto p = b.make_producer();
  auto c = b.make_consumer();
  std::byte to[granule];
  REQUIRE(p.try_push({}, no_bell));
  p.end(phase::died, no_bell);
  CHECK(c.try_pop(to, no_bell));
  CHECK(c.try_pop(to, no_bell).err() == error(errc::peer_died, step::pop).by(0));
  CHECK(c.try_borrow(no_bell).err() == error(errc::peer_died, step::borrow).by(0));
  c = b.make_consumer();
  CHECK(c.try_pop(to, no_bell).err() == errc::empty);
  p = b.make_producer();
  p.begin();
  REQUIRE(p.try_push({}, no_bell));
  c.end(phase::closed, no_bell);
  CHECK(p.try_push({}, no_bell).err() == error(errc::closed, step::push).by(1));
  CHECK(p.try_claim(1).err() == error(errc::closed, step::claim).by(1));
}

TEST_CASE("a detached side of a ring of bytes says forked to everything", "[bytes]") {
  sluice::bytes_producer<wide_memory> p;
  sluice::bytes_consumer<wide_memory> c;
  std::byte to[8];
  CHECK(p.try_push({}, no_bell).err() == error(errc::forked, step::push));
  CHECK(p.try_claim(static_cast<std::size_t>(-1)).err() == error(errc::forked, step::claim));
  CHECK(c.try_pop(to, no_bell).err() == error(errc::forked, step::pop));
  CHECK(c.try_borrow(no_bell).err() == error(errc::forked, step::borrow));
}

TEST_CASE("padding of a dead producer takes no room from its successor and is never seen", "[bytes]") {
  using words = sluice::bytes_words<wide_memory>;
  const bool reader_looks = GENERATE(false, true), new_reader = GENERATE(false, true);
  const std::size_t n = GENERATE(0u, 1u, 3u, 4u, 6u);  // granules; more than 4 lie over what the padding left out
  box<wide_memory> b(6 * granule);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  std::vector<std::byte> to(6 * granule);
  for (int k = 0; k < 4; ++k) REQUIRE((p.try_push({}, no_bell) && c.try_pop(to, no_bell)));
  b.ring().at(4).store(words::frame(0, 2 * granule, words::padding));  // killed after (B1)
  if (reader_looks) CHECK(c.try_pop(to, no_bell).err() == errc::empty);
  CHECK(b.ring().approx_size() == 0);
  p = b.make_producer();
  if (new_reader) c = b.make_consumer();
  const std::string s = text(3, n * granule);
  REQUIRE(p.try_push(view(s), no_bell));
  p = b.make_producer();
  CHECK(c.try_pop(to, no_bell).value_or(999) == s.size());
  CHECK(read(std::span(to).first(s.size())) == s);
  CHECK(c.try_pop(to, no_bell).err() == errc::empty);
}

TEST_CASE("whatever store a side is killed before, its successor finds every message once and whole", "[bytes]") {
  using ring_type = sluice::bytes_ring<hooked_memory>;
  constexpr std::size_t granules = 5, capacity = granules * granule;
  box<hooked_memory> b(capacity), grave(capacity);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  std::vector<std::string> there;  // published and not consumed
  std::vector<std::byte> to(capacity);
  unsigned kills = 0, wrong = 0;
  dice d(5);
  bool pushing = false;
  std::string next;
  hooks::before_store = [&] {  // the memory as the killed would leave it, and two successors
    std::memcpy(grave.memory(), b.memory(), b.size());
    const auto keep = std::exchange(hooks::before_store, nullptr);
    ++kills;
    sluice::bytes_producer<hooked_memory> heir;
    sluice::bytes_consumer<hooked_memory> reader;
    wrong += !heir.attach(ring_type(grave.memory(), capacity)) || !reader.attach(ring_type(grave.memory(), capacity));
    auto left = there;
    const std::string more = text(77, d.below(capacity + 1));
    if (heir.try_push(view(more), no_bell)) left.push_back(more);
    else wrong += left.empty();
    std::vector<std::byte> out(capacity);
    for (const auto& s : left) {
      const auto n = reader.try_pop(out, no_bell);
      wrong += !n || read(std::span(out).first(*n)) != s;
    }
    wrong += reader.try_pop(out, no_bell).err() != errc::empty;
    const std::string whole = text(78, capacity);
    wrong += !heir.try_push(view(whole), no_bell) || !reader.try_pop(out, no_bell) || read(out) != whole;
    hooks::before_store = keep;
  };
  for (unsigned i = 0; i < rounds(20000); ++i) {
    pushing = d.below(2) == 0;
    next = text(i, d.below(4) == 0 ? d.below(capacity + 1) : d.below(3 * granule));
    if (pushing) {
      if (p.try_push(view(next), no_bell)) there.push_back(next);
    } else if (c.try_pop(to, no_bell)) {
      there.erase(there.begin());
    }
  }
  hooks::before_store = nullptr;
  CHECK(kills > rounds(20000) / 2);
  CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("no word in the ring of bytes leads out of it, or round in it forever", "[bytes]", wide_memory, narrow_memory) {
  using P = TestType;
  using words = sluice::bytes_words<P>;
  using word = typename P::word;
  dice d(9);
  unsigned corrupt = 0, outside = 0;
  for (unsigned i = 0; i < rounds(40000); ++i) {
    const std::size_t granules = 1 + d.below(6), capacity = granules * granule;
    box<P> b(capacity);
    auto p = b.make_producer();
    auto c = b.make_consumer();
    const auto scribble = [&] {
      const word lap = static_cast<word>(d.below(3) + (d.below(8) == 0 ? words::lap_mask - 1 : 0));
      const word size = static_cast<word>(d.below(4) == 0 ? d.next() : d.below(capacity + 2));
      const word value = d.below(6) == 0 ? static_cast<word>(d.next()) : words::frame(lap, size & words::size_mask, static_cast<word>(d.below(4)));
      if (d.below(3) == 0) b.shared().head.store(d.below(3) == 0 ? value : words::cursor(lap, static_cast<word>(d.below(granules + 1))));
      else b.ring().at(static_cast<word>(d.below(granules))).store(value);
    };
    std::vector<std::byte> to(d.below(capacity + 1));
    for (unsigned k = 0; k < 24; ++k) {
      if (d.below(3) == 0) scribble();
      switch (d.below(6)) {
        case 0: corrupt += p.try_push(view(text(k, d.below(capacity + 1))), no_bell).err() == errc::corrupt; break;
        case 1: {
          auto place = p.try_claim(d.below(capacity + 1));
          if (!place) break;
          if (!place->empty()) std::memset(place->data(), 1, place->size());
          p.commit(d.below(place->size() + 1), no_bell);
          break;
        }
        case 2: corrupt += c.try_pop(to, no_bell).err() == errc::corrupt; break;
        case 3: {
          const auto loan = c.try_borrow(no_bell);
          if (!loan) break;
          const auto* const first = b.ring().place(0);
          outside += !loan->empty() && (loan->data() < first || loan->data() + loan->size() > first + capacity);
          c.consume_loan(no_bell);
          break;
        }
        case 4:
          if (auto q = decltype(p)(); q.attach(b.ring())) p = q;
          else ++corrupt;
          break;
        default:
          if (auto q = decltype(c)(); q.attach(b.ring())) c = q;
          outside += b.ring().approx_size() > granules + 2;
      }
    }
  }
  CHECK(corrupt > 100);
  CHECK(outside == 0);
}

TEST_CASE("a torn, a foreign and a looping frame are corrupt, an impossible head is", "[bytes]") {
  using words = sluice::bytes_words<wide_memory>;
  box<wide_memory> b(4 * granule);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  std::byte to[4 * granule];
  for (const auto bad : {words::frame(0, 4 * granule + 1, words::message), words::frame(0, 1, 3), words::frame(0, 1, 0),
                         words::frame(2, 1, words::message), words::frame(0, 4 * granule, words::padding),
                         words::frame(0, 0, words::padding), ~std::uint64_t{0} >> words::lap_bits}) {
    b.ring().at(0).store(bad);
    CAPTURE(bad);
    CHECK(c.try_pop(to, no_bell).err() == error(errc::corrupt, step::pop, subject::stamp));
    CHECK(sluice::bytes_producer<wide_memory>().attach(b.ring()).err() == error(errc::corrupt, step::join, subject::stamp));
  }
  b.ring().at(0).store(0);
  b.shared().head.store(words::cursor(0, 4));
  CHECK(p.try_push({}, no_bell).err() == error(errc::corrupt, step::push, subject::cursor));
  CHECK(sluice::bytes_producer<wide_memory>().attach(b.ring()).err() == error(errc::corrupt, step::join, subject::cursor));
  CHECK(sluice::bytes_consumer<wide_memory>().attach(b.ring()).err() == error(errc::corrupt, step::join, subject::cursor));
  b.shared().head.store(words::cursor(0, 1));  // before the tail
  CHECK(p.try_push({}, no_bell).err() == error(errc::corrupt, step::push, subject::cursor));
}

TEST_CASE("two threads hand messages of all sizes through a small ring of bytes", "[bytes]") {
  const std::size_t granules = GENERATE(1u, 3u, 16u);
  const std::size_t capacity = granules * granule;
  box<sluice::native_memory> b(capacity);
  const unsigned count = rounds(40000);
  std::thread producer([&] {
    auto p = b.make_producer();
    dice d(7);
    for (unsigned i = 0; i < count; ++i) {
      const std::string s = text(i, d.below(4) == 0 ? d.below(capacity + 1) : d.below(granule * (granules + 1) / 2));
      if (i % 16 == 0) p = b.make_producer();
      while (!p.try_push(view(s), no_bell)) std::this_thread::yield();
    }
  });
  auto c = b.make_consumer();
  dice d(7);
  unsigned wrong = 0;
  for (unsigned i = 0; i < count; ++i) {
    const std::string s = text(i, d.below(4) == 0 ? d.below(capacity + 1) : d.below(granule * (granules + 1) / 2));
    auto loan = c.try_borrow(no_bell);
    while (!loan) {
      wrong += loan.err() != errc::empty;
      std::this_thread::yield();
      loan = c.try_borrow(no_bell);
    }
    wrong += read(*loan) != s;
    c.consume_loan(no_bell);
    if (i % 16 == 0) c = b.make_consumer();
  }
  producer.join();
  CHECK(wrong == 0);
  CHECK(b.attached());
}
