// SPDX-License-Identifier: MIT
#include <sluice/ring/bytes_crowd.hpp>

#include "catch.hpp"
#include "rig/bytes.hpp"
#include "sanitizers.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <thread>

#include "ring/bytes_box.hpp"

using bytes_test::dice;
using bytes_test::granule;
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

template <class P = wide_memory>
class box : public bytes_test::memory_of<sluice::bytes_crowd_ring<P>> {
  using base = bytes_test::memory_of<sluice::bytes_crowd_ring<P>>;

 public:
  using typename base::word;
  using producer = sluice::bytes_crowd_producer<P>;
  using consumer = sluice::bytes_crowd_consumer<P>;

  explicit box(std::size_t capacity, bool persistent = false) : base(capacity, persistent) {}

  void start_at(word lap) noexcept { rig::bytes_mpsc::start_at(this->ring(), lap); }
  [[nodiscard]] word laps() const noexcept { return rig::bytes_mpsc::laps(this->ring()); }
  [[nodiscard]] producer make_producer(unsigned seat = 1) const noexcept { return make<producer>(seat); }
  [[nodiscard]] consumer make_consumer() const noexcept { return make<consumer>(0); }
  [[nodiscard]] bool attached() const noexcept { return !refused_; }

 private:
  template <class Side>
  Side make(unsigned seat) const noexcept {
    Side s;
    if (!s.attach(this->ring(), seat)) refused_ = true;
    return s;
  }
  mutable std::atomic<bool> refused_{false};
};

/// Where records lie, worked out anew from the rule in the documentation, in positions that never wrap.
class model {
 public:
  explicit model(std::size_t granules) : whole_(granules) {}

  struct record {
    enum { message, skip, claim } what;
    std::size_t length;  // in granules
    unsigned owner;
    std::string text;
  };
  static std::size_t cost(std::size_t n) { return n == 0 ? 1 : (n + granule - 1) / granule; }

  /// What a claim of n bytes is told; claims it if that is nothing.
  error claim(std::size_t n, unsigned owner, record*& place) {
    const std::size_t k = cost(n), i = tail_ % whole_, to_end = whole_ - i;
    if (k > whole_) return errc::too_big;
    const std::size_t used = tail_ - head_;
    const record* const first = first_of_interest();
    const bool nothing = first == nullptr;
    const bool all_free = nothing && (tail_ / whole_ == head_ / whole_ || (i == 0 && tail_ / whole_ == head_ / whole_ + 1));
    if (k <= to_end && (used + k <= whole_ || all_free)) {
      place = add({record::claim, k, owner, {}});
      return {};
    }
    if (k > to_end && (used + to_end + k <= whole_ || all_free)) {
      add({record::skip, to_end, 0, {}});
      place = add({record::claim, k, owner, {}});
      return {};
    }
    if (first == nullptr) return errc::pending;
    if (first->what == record::message) return errc::full;
    return error(errc::pending).by(first->owner);
  }
  void commit(record& r, std::string s) {
    const std::size_t k = cost(s.size());
    if (k < r.length) {
      for (auto at = records_.begin(); at != records_.end(); ++at)
        if (at->get() == &r) {
          records_.insert(at + 1, std::make_unique<record>(record{record::skip, r.length - k, 0, {}}));
          break;
        }
    }
    r.length = k, r.what = record::message, r.text = std::move(s);
  }
  static void abandon(record& r) { r.what = record::skip; }
  /// What the reader finds: it has passed skips, which makes room only where it stops.
  const record* look() {
    const record* const r = first_of_interest();
    if (r == nullptr || r->what == record::claim) pass();
    return r;
  }
  void pop() {
    pass();
    drop();
  }
  [[nodiscard]] std::size_t messages() const {
    std::size_t n = 0;
    for (const auto& r : records_) n += r->what == record::message;
    return n;
  }
  [[nodiscard]] std::size_t to_end() const { return whole_ - tail_ % whole_; }

 private:
  record* add(record r) {
    tail_ += r.length;
    records_.push_back(std::make_unique<record>(std::move(r)));
    return records_.back().get();
  }
  [[nodiscard]] const record* first_of_interest() const {
    for (const auto& r : records_)
      if (r->what != record::skip) return r.get();
    return nullptr;
  }
  void drop() {
    head_ += records_.front()->length;
    records_.erase(records_.begin());
  }
  void pass() {
    while (!records_.empty() && records_.front()->what == record::skip) drop();
  }

  std::size_t whole_, head_ = 0, tail_ = 0;
  std::deque<std::unique_ptr<record>> records_;  // from head to tail
};

std::size_t some_size(dice& d, std::size_t capacity, std::size_t to_end) {
  const std::size_t n = [&]() -> std::size_t {
    switch (d.below(9)) {
      case 0: return 0;
      case 1: return granule - 1 + d.below(3);
      case 2: return to_end * granule - d.below(2);
      case 3: return to_end * granule + 1;
      case 4: return capacity - d.below(2) * d.below(capacity);
      case 5: return d.below(capacity + 1);
      default: return d.below(3 * granule);
    }
  }();
  return n < capacity ? n : capacity;
}

/// Random operations of three producers and a reader, who also die, and the same on the model. What went wrong first.
template <class P>
std::string against_model(std::size_t granules, typename P::word lap, bool fresh, unsigned operations, dice d) {
  constexpr unsigned producers = 3;
  const std::size_t capacity = granules * granule;
  box<P> b(capacity);
  if (!fresh) b.start_at(lap);
  typename box<P>::producer p[producers];
  model::record* out[producers] = {};
  std::span<std::byte> place[producers];
  for (unsigned k = 0; k < producers; ++k) p[k] = b.make_producer(k + 1);
  auto c = b.make_consumer();
  model m(granules);
  std::vector<std::byte> to(capacity);
  std::uint64_t next = 0;
  bool filling = true;
  for (unsigned i = 0; i < operations; ++i) {
    if (!b.attached()) return "attach failed";
    if (d.below(16) == 0) filling = !filling;
    if (filling ? d.below(4) != 0 : d.below(4) == 0) {
      const auto k = static_cast<unsigned>(d.below(producers));
      if (out[k] == nullptr) {
        if (d.below(8) == 0) p[k] = b.make_producer(k + 1);
        const std::size_t n = d.below(40) == 0 ? capacity + 1 : some_size(d, capacity, m.to_end());
        const bool in_place = d.below(2) == 0;
        const error expected = m.claim(n, k + 1, out[k]);
        if (in_place) {
          const auto r = p[k].try_claim(n);
          if (r.err().code != expected.code || r.err().who != expected.who) return "claim of " + std::to_string(n);
          if (!r) continue;
          if (r->size() != n || reinterpret_cast<std::uintptr_t>(r->data()) % granule != 0) return "an odd place";
          place[k] = *r;
          if (n != 0) std::memset(place[k].data(), static_cast<int>(k + 1), n);
        } else {
          const std::string s = text(next, n);
          const auto r = p[k].try_push(view(s), no_bell);
          if (r.err().code != expected.code || r.err().who != expected.who) return "push of " + std::to_string(n);
          if (r) m.commit(*std::exchange(out[k], nullptr), s), ++next;
        }
        continue;
      }
      if (p[k].try_push({}, no_bell).err() != error(errc::busy, step::push)) return "push during a claim";
      if (p[k].try_claim(0).err() != error(errc::busy, step::claim)) return "claim during a claim";
      model::record& r = *std::exchange(out[k], nullptr);
      switch (d.below(5)) {
        case 0:
          p[k].abandon(no_bell);
          model::abandon(r);
          break;
        case 1: {  // dead; healed, and again
          for (unsigned other = 1; other <= producers; ++other)
            if (out[other - 1] == nullptr && other != k + 1 && b.ring().heal(other).undelivered != 0) return "healed what was whole";
          if (b.ring().heal(k + 1).undelivered != 1 || b.ring().heal(k + 1).undelivered != 0) return "healed not once";
          model::abandon(r);
          p[k] = b.make_producer(k + 1);
          break;
        }
        default: {
          const std::string s = text(next++, d.below(3) == 0 ? d.below(place[k].size() + 1) : place[k].size());
          if (!s.empty()) std::memcpy(place[k].data(), s.data(), s.size());
          p[k].commit(s.size(), no_bell);
          m.commit(r, s);
        }
      }
    } else {
      if (d.below(6) == 0) c = b.make_consumer();  // the one before is dead
      if (b.ring().approx_size() != m.messages()) return "approx_size";
      const model::record* const r = m.look();
      const error expected = r == nullptr ? errc::empty : r->what == model::record::claim ? error(errc::pending).by(r->owner) : error();
      if (d.below(2) == 0) {
        const auto loan = c.try_borrow(no_bell);
        if (loan.err().code != expected.code || loan.err().who != expected.who) return "borrow";
        if (!loan) continue;
        if (read(*loan) != r->text) return "borrowed another message";
        if (c.try_pop(to, no_bell).err() != error(errc::busy, step::pop)) return "pop during a loan";
        const auto end = d.below(4);
        if (end == 0) c.keep_loan(no_bell);
        else if (end == 1) c = b.make_consumer();  // killed with a loan out
        else c.consume_loan(no_bell), m.pop();
      } else {
        if (expected == errc::ok && !r->text.empty() && d.below(4) == 0) {
          const auto n = c.try_pop(std::span(to).first(r->text.size() - 1), no_bell);
          if (n.err() != error(errc::too_big, step::read, static_cast<std::int32_t>(r->text.size()))) return "pop into too little memory";
        }
        const auto n = c.try_pop(to, no_bell);
        if (n.err().code != expected.code || n.err().who != expected.who) return "pop";
        if (!n) continue;
        if (read(std::span(to).first(*n)) != r->text) return "popped another message";
        m.pop();
      }
    }
  }
  return {};
}

}  // namespace

TEST_CASE("several producers' messages come out in the order of their claims, for every capacity, lap and death", "[bytes]") {
  const auto run = [](auto policy, dice d) {
    using P = decltype(policy);
    using word = typename P::word;
    for (const std::size_t granules : {1u, 2u, 3u, 4u, 5u, 8u, 16u, 61u}) {
      const word laps = box<P>(granules * granule).laps(), quarter = laps / 4;
      for (const word lap : {word{0}, word{1}, word(quarter - 2), word(2 * quarter - 1), word(3 * quarter), word(laps - 2), word(laps - 1)}) {
        CAPTURE(granules, lap, sizeof(word));
        CHECK(against_model<P>(granules, lap, false, rounds(6000), dice(d.next())) == "");
      }
      CAPTURE(granules, sizeof(word));
      CHECK(against_model<P>(granules, 0, true, rounds(6000), dice(d.next())) == "");
    }
  };
  run(wide_memory{}, dice(1));
  run(narrow_memory{}, dice(2));
}

TEST_CASE("a ring of bytes of many takes as much memory as it says, and has few lap bits only where it is large", "[bytes]") {
  using ring = sluice::bytes_crowd_ring<wide_memory>;
  CHECK(ring::bytes_for(0) == 0);
  CHECK(ring::bytes_for(static_cast<std::size_t>(-1)) == 0);
  CHECK(ring::bytes_for(1) == 2048 + 128 + 64);
  CHECK(ring::bytes_for(1024) == 2048 + 128 + 1024);
  CHECK(ring::bytes_for(65536) == 2048 + 8192 + 65536);
  CHECK(ring::bytes_for(std::size_t{1} << 40) == 0);
  CHECK(ring::bytes_for((std::size_t{1} << 40) - 64) != 0);
  CHECK(sluice::bytes_crowd_ring<narrow_memory>::bytes_for(std::size_t{1} << 20) == 0);
  CHECK(sluice::bytes_crowd_ring<narrow_memory>::bytes_for((std::size_t{1} << 20) - 64) != 0);
  CHECK(box<>(64).laps() == std::uint64_t{1} << 49);
  CHECK(box<>(65536).laps() == std::uint64_t{1} << 39);
  CHECK(box<narrow_memory>(128).laps() == 1u << 16);
  box<> b(100);
  CHECK(b.ring().capacity() == 128);
  CHECK(b.memory() + b.size() == b.ring().place(0) + 128);
}

TEST_CASE("a message of many that can never fit is refused at once, one as large as the ring goes in once all is read", "[bytes]") {
  constexpr std::size_t granules = 7, capacity = granules * granule;
  box<> b(capacity);
  auto p = b.make_producer(1), q = b.make_producer(2);
  auto c = b.make_consumer();
  std::vector<std::byte> to(capacity);
  CHECK(p.try_claim(static_cast<std::size_t>(-1)).err() == error(errc::too_big, step::claim));
  for (std::size_t at = 0; at < 3 * granules; ++at) {
    CAPTURE(at);
    const std::string large = text(at, capacity);
    CHECK(q.try_push(view(text(0, capacity + 1)), no_bell).err() == error(errc::too_big, step::push));
    REQUIRE(p.try_push(view(large), no_bell));
    CHECK(q.try_push({}, no_bell).err() == error(errc::full, step::push));
    CHECK(p.try_claim(capacity + 1).err() == error(errc::too_big, step::claim));
    if (at % 3 == 0) c = b.make_consumer();
    if (at % 2 == 0) p = b.make_producer(1);
    CHECK(p.try_push({}, no_bell).err() == error(errc::full, step::push));
    REQUIRE(c.try_pop(to, no_bell).value_or(0) == capacity);
    CHECK(read(to) == large);
    REQUIRE(q.try_push({}, no_bell));  // on by one
    REQUIRE(c.try_pop(to, no_bell).value_or(9) == 0);
    if (at % 4 == 0) {  // given back, by its owner and by a healer
      REQUIRE(q.try_claim(2 * granule));
      q.abandon(no_bell);
      REQUIRE(q.try_claim(capacity));
      (void)b.ring().heal(2);
      q = b.make_producer(2);
      CHECK(p.try_claim(capacity).err() == error(errc::pending, step::claim));
      CHECK(c.try_pop(to, no_bell).err() == errc::empty);
    }
  }
}

TEST_CASE("a message that lies over its own padding may become smaller up to where the padding began", "[bytes]") {
  const std::size_t granules = GENERATE(2u, 3u, 5u), at = GENERATE(1u, 2u, 3u, 4u);
  const bool reader_looks = GENERATE(false, true), new_reader = GENERATE(false, true), aborted = GENERATE(false, true);
  if (at >= granules) return;
  for (std::size_t n = 0; n <= granules; ++n) {
    for (const unsigned lap : {0u, 1u}) {  // the first is swept
      box<> b(granules * granule);
      b.start_at(lap);
      auto p = b.make_producer(1), q = b.make_producer(2);
      auto c = b.make_consumer();
      std::vector<std::byte> to(granules * granule);
      for (std::size_t k = 0; k < at; ++k) REQUIRE((p.try_push({}, no_bell) && c.try_pop(to, no_bell)));
      const auto place = p.try_claim(granules * granule);
      REQUIRE(place);
      if (reader_looks) CHECK(c.try_pop(to, no_bell).err() == error(errc::pending, step::pop).by(1));
      CHECK(q.try_push({}, no_bell).err() == error(errc::pending, step::push).by(1));
      const std::string s = text(n, n * granule);
      if (n != 0) std::memcpy(place->data(), s.data(), s.size());
      if (aborted) p.abandon(no_bell);
      else p.commit(s.size(), no_bell);
      CHECK(b.ring().approx_size() == (aborted ? 0u : 1u));
      if (new_reader) c = b.make_consumer();
      if (aborted) {
        CHECK(c.try_pop(to, no_bell).err() == errc::empty);
      } else {
        REQUIRE(c.try_pop(to, no_bell).value_or(999) == s.size());
        CHECK(read(std::span(to).first(s.size())) == s);
      }
      CHECK(c.try_pop(to, no_bell).err() == errc::empty);
      for (std::size_t k = 0; k < granules; ++k) REQUIRE(q.try_push({}, no_bell));
      CHECK(q.try_push({}, no_bell).err() == errc::full);
    }
  }
}

TEST_CASE("messages of one granule fill the ring of many exactly, and one pop makes room for one push", "[bytes]") {
  const std::size_t granules = GENERATE(1u, 2u, 3u, 8u);
  box<narrow_memory> b(granules * granule);
  auto p = b.make_producer(1), q = b.make_producer(2);
  auto c = b.make_consumer();
  std::byte to[granule];
  for (std::size_t start = 0; start < 40 * granules; ++start) {
    std::size_t n = 0;
    while ((n % 2 == 0 ? p : q).try_push(view(text(n, n % 65)), no_bell)) ++n;
    REQUIRE(n == granules);
    REQUIRE(c.try_pop(to, no_bell));
    REQUIRE(q.try_push({}, no_bell));
    REQUIRE(p.try_push({}, no_bell).err() == errc::full);
    for (std::size_t k = 0; k < n; ++k) REQUIRE(c.try_pop(to, no_bell));
    REQUIRE(c.try_pop(to, no_bell).err() == errc::empty);
    REQUIRE(p.try_push({}, no_bell));
    REQUIRE(c.try_pop(to, no_bell));
  }
}

TEST_CASE("a frame that lay inside of longer messages for all laps there are is not taken for one of now", "[bytes]") {
  box<narrow_memory> b(2 * granule);
  auto p = b.make_producer();
  auto c = b.make_consumer();
  std::byte to[2 * granule];
  const auto laps = b.laps();
  REQUIRE(laps == 1u << 16);
  const auto at = GENERATE_COPY(1u, laps / 4, laps / 2, laps / 2 + 1, laps - 1, laps, laps + 1);
  REQUIRE(p.try_push({}, no_bell));
  REQUIRE(p.try_push({}, no_bell));  // leaves its frame in the second granule
  REQUIRE((c.try_pop(to, no_bell) && c.try_pop(to, no_bell)));
  for (unsigned lap = 1; lap < at; ++lap) {
    if (lap % 1000 == 0) c = b.make_consumer();
    if (!p.try_push(std::span(to), no_bell) || !c.try_pop(to, no_bell)) FAIL("lap " << lap);
  }
  REQUIRE(p.try_push({}, no_bell));
  CHECK(b.ring().approx_size() == 1);
  REQUIRE(c.try_pop(to, no_bell));
  CHECK(c.try_pop(to, no_bell).err() == errc::empty);
  REQUIRE(p.try_push(view("x"), no_bell));
  CHECK(c.try_pop(to, no_bell).value_or(0) == 1);
}

TEST_CASE("what is claimed holds up what was claimed behind it, and the reader is told by whom", "[bytes]") {
  box<> b(8 * granule);
  auto p = b.make_producer(1), q = b.make_producer(5);
  auto c = b.make_consumer();
  std::byte to[8 * granule];
  auto place = p.try_claim(100);
  REQUIRE(place);
  REQUIRE(q.try_push(view("second"), no_bell));
  CHECK(c.try_pop(to, no_bell).err() == error(errc::pending, step::pop).by(1));
  CHECK(c.try_borrow(no_bell).err() == error(errc::pending, step::borrow).by(1));
  CHECK(b.ring().approx_size() == 1);
  CHECK(q.try_claim(6 * granule).err() == error(errc::pending, step::claim).by(1));
  (*place)[0] = std::byte{'1'};
  p.commit(1, no_bell);
  CHECK(q.try_claim(6 * granule).err() == error(errc::full, step::claim));
  CHECK(c.try_pop(to, no_bell).value_or(0) == 1);
  CHECK(c.try_pop(to, no_bell).value_or(0) == 6);  // and the rest of the first was passed
  CHECK(c.try_pop(to, no_bell).err() == errc::empty);
}

TEST_CASE("a healer makes a skip of the claim of the dead, once, and leaves those of the living alone", "[bytes]") {
  box<> b(8 * granule);
  auto p = b.make_producer(1), q = b.make_producer(2);
  auto c = b.make_consumer();
  std::byte to[8 * granule];
  for (unsigned k = 0; k < 5; ++k) REQUIRE((p.try_push({}, no_bell) && c.try_pop(to, no_bell)));
  REQUIRE(q.try_claim(1));
  REQUIRE(p.try_claim(3 * granule));  // over the end: padding too
  CHECK(b.ring().heal(3).undelivered == 0);
  CHECK(c.try_pop(to, no_bell).err() == error(errc::pending, step::pop).by(2));
  CHECK(b.ring().heal(1).undelivered == 1);
  CHECK(b.ring().heal(1).undelivered == 0);
  CHECK(c.try_pop(to, no_bell).err() == error(errc::pending, step::pop).by(2));
  q.commit(1, no_bell);
  CHECK(c.try_pop(to, no_bell).value_or(0) == 1);
  CHECK(c.try_pop(to, no_bell).err() == errc::empty);
  p = b.make_producer(1);
  for (unsigned k = 0; k < 8; ++k) REQUIRE(p.try_push({}, no_bell));
  CHECK(p.try_push({}, no_bell).err() == errc::full);
}

TEST_CASE("whoever comes after a producer that died before it moved the tail moves it", "[bytes]") {
  box<> b(4 * granule);
  auto p = b.make_producer(1), q = b.make_producer(2);
  auto c = b.make_consumer();
  std::byte to[4 * granule];
  const auto before = b.shared().tail.load();
  REQUIRE(p.try_push(view("one"), no_bell));
  REQUIRE(q.try_push(view("two"), no_bell));
  b.shared().tail.store(before);
  REQUIRE(q.try_push(view("three"), no_bell));
  for (const std::size_t n : {3u, 3u, 5u}) CHECK(c.try_pop(to, no_bell).value_or(0) == n);
  CHECK(b.shared().tail.load() == 3);
  b.shared().tail.store(before);  // behind the reader, and behind laps
  for (unsigned k = 0; k < 4; ++k) REQUIRE((p.try_push({}, no_bell) && c.try_pop(to, no_bell)));
}

TEST_CASE("a ring of bytes of many rings the reader after a publication, and all writers when there is room", "[bytes]") {
  box<> b(2 * granule);
  auto p = b.make_producer(1), q = b.make_producer(2);
  auto c = b.make_consumer();
  p.begin(), q.begin(), c.begin();
  std::vector<const void*> rung;
  std::size_t size_when_rung = 99;
  const auto bell = [&](auto& door, std::uint32_t) { rung.push_back(&door), size_when_rung = b.ring().approx_size(); };
  std::byte to[2 * granule];

  (void)c.arm();
  REQUIRE(p.try_claim(5));
  CHECK(rung.empty());
  p.commit(5, bell);
  CHECK((rung == std::vector<const void*>{&c.doorstep()} && size_when_rung == 1));
  (void)c.arm();
  REQUIRE(q.try_claim(5));
  q.abandon(bell);  // the reader has to pass it
  CHECK(rung.size() == 2);

  rung.clear();
  (void)p.arm(), (void)q.arm();
  REQUIRE(c.try_borrow(bell));
  c.keep_loan(bell);
  CHECK(c.try_pop(std::span(to).first(4), bell).err() == error(errc::too_big, step::read, 5));
  CHECK(rung.empty());
  REQUIRE(c.try_borrow(bell));
  c.consume_loan(bell);
  CHECK((rung == std::vector<const void*>{&p.doorstep(), &q.doorstep()} && size_when_rung == 0));
  rung.clear();
  (void)q.arm();
  CHECK(c.try_pop(to, bell).err() == errc::empty);  // but it passed what was given back
  CHECK(rung == std::vector<const void*>{&q.doorstep()});
}

TEST_CASE("a stream of several producers ends with the last of them, after all messages, once", "[bytes]") {
  box<> b(4 * granule);
  auto p = b.make_producer(1), q = b.make_producer(2);
  auto c = b.make_consumer();
  p.begin(), q.begin(), c.begin();
  std::byte to[granule];
  REQUIRE(p.try_push({}, no_bell));
  REQUIRE(p.try_claim(2 * granule));
  p.end(phase::closed, no_bell);  // what is out is given back
  CHECK(c.try_pop(to, no_bell));
  CHECK(c.try_pop(to, no_bell).err() == errc::empty);
  REQUIRE(q.try_push({}, no_bell));
  q.end(phase::died, no_bell);
  CHECK(c.try_pop(to, no_bell));
  CHECK(c.try_pop(to, no_bell).err() == error(errc::peer_died, step::pop).by(2));
  CHECK(c.try_borrow(no_bell).err() == error(errc::peer_died, step::borrow).by(2));
  c = b.make_consumer();
  CHECK(c.try_pop(to, no_bell).err() == errc::empty);
  p = b.make_producer(1);
  p.begin();
  REQUIRE(p.try_push({}, no_bell));
  c.end(phase::closed, no_bell);
  CHECK(p.try_push({}, no_bell).err() == error(errc::closed, step::push).by(0));
  CHECK(p.try_claim(1).err() == error(errc::closed, step::claim).by(0));
}

TEST_CASE("a detached side of a ring of bytes of many says forked to everything", "[bytes]") {
  box<>::producer p;
  box<>::consumer c;
  std::byte to[8];
  CHECK(p.try_push({}, no_bell).err() == error(errc::forked, step::push));
  CHECK(p.try_claim(static_cast<std::size_t>(-1)).err() == error(errc::forked, step::claim));
  CHECK(c.try_pop(to, no_bell).err() == error(errc::forked, step::pop));
  CHECK(c.try_borrow(no_bell).err() == error(errc::forked, step::borrow));
}

TEMPLATE_TEST_CASE("no word in the ring of bytes of many leads out of it, or round in it forever", "[bytes]", wide_memory, narrow_memory) {
  using P = TestType;
  using ring = sluice::bytes_crowd_ring<P>;
  using word = typename P::word;
  dice d(9);
  unsigned corrupt = 0, outside = 0;
  for (unsigned i = 0; i < rounds(40000); ++i) {
    const std::size_t granules = 1 + d.below(6), capacity = granules * granule;
    box<P> b(capacity);
    auto p = b.make_producer(1), q = b.make_producer(2);
    auto c = b.make_consumer();
    const auto scribble = [&] {
      const word lap = static_cast<word>(d.below(4) - (d.below(8) == 0 ? 2 : 0)) * b.ring().one_lap();
      const std::size_t size = d.below(4) == 0 ? d.below(4 * capacity) : d.below(capacity + 2);
      const word value = d.below(6) == 0 ? static_cast<word>(d.next())
                                         : ring::frame_word(lap, size, static_cast<word>(d.below(4)), static_cast<unsigned>(d.below(4)));
      const word cursor = d.below(3) == 0 ? value : lap | static_cast<word>(d.below(granules + 1));
      switch (d.below(4)) {
        case 0: b.shared().head.store(cursor); break;
        case 1: b.shared().tail.store(cursor); break;
        default: b.ring().at(static_cast<word>(d.below(granules))).store(value);
      }
    };
    std::vector<std::byte> to(d.below(capacity + 1));
    for (unsigned k = 0; k < 24; ++k) {
      if (d.below(3) == 0) scribble();
      switch (d.below(7)) {
        case 0: corrupt += q.try_push(view(text(k, d.below(capacity + 1))), no_bell).err() == errc::corrupt; break;
        case 1: {
          auto place = p.try_claim(d.below(capacity + 1));
          corrupt += place.err() == errc::corrupt;
          if (!place) break;
          const auto* const first = b.ring().place(0);
          outside += !place->empty() && (place->data() < first || place->data() + place->size() > first + capacity);
          if (!place->empty()) std::memset(place->data(), 1, place->size());
          if (d.below(2) == 0) scribble();
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
          if (auto r = decltype(q)(); r.attach(b.ring(), 2)) q = r;
          else ++corrupt;
          break;
        case 5: (void)b.ring().heal(static_cast<unsigned>(d.below(4))); break;
        default:
          if (auto r = decltype(c)(); r.attach(b.ring(), 0)) c = r;
          outside += b.ring().approx_size() > granules + 2;
      }
    }
  }
  CHECK(corrupt > 100);
  CHECK(outside == 0);
}

TEST_CASE("four threads and a reader hand messages of all sizes through a small ring of bytes", "[bytes]") {
  const std::size_t granules = GENERATE(1u, 3u, 16u);
  const std::size_t capacity = granules * granule;
  constexpr unsigned producers = 4;
  box<sluice::native_memory> b(capacity);
  const unsigned count = rounds(10000);
  const auto message = [&](unsigned k, unsigned i) {
    dice d(k * 1000003 + i);
    std::string s = text(i, 8 + d.below(d.below(4) == 0 ? capacity - 7 : capacity / 2 - 7));
    std::memcpy(s.data(), &k, 4), std::memcpy(s.data() + 4, &i, 4);
    return s;
  };
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < producers; ++k)
    threads.emplace_back([&, k] {
      auto p = b.make_producer(k + 1);
      for (unsigned i = 0; i < count; ++i) {
        const std::string s = message(k, i);
        if (i % 16 == 0) p = b.make_producer(k + 1);
        while (!over) {
          if (i % 3 == 0) {
            const std::size_t claim = std::min(capacity, s.size() + i % 5 * granule);
            auto place = p.try_claim(claim);
            if (place && i % 7 == 0) {
              std::memset(place->data(), 0xee, place->size());
              p.abandon(no_bell);
              while (!over && !(place = p.try_claim(claim))) std::this_thread::yield();
            }
            if (place) {
              std::memcpy(place->data(), s.data(), s.size());
              p.commit(s.size(), no_bell);
              break;
            }
          } else if (p.try_push(view(s), no_bell)) {
            break;
          }
          std::this_thread::yield();
        }
      }
    });
  auto c = b.make_consumer();
  unsigned next[producers] = {}, wrong = 0;
  for (unsigned i = 0; i < producers * count; ++i) {
    auto loan = c.try_borrow(no_bell);
    while (!loan && (loan.err() == errc::empty || loan.err() == errc::pending)) {
      std::this_thread::yield();
      loan = c.try_borrow(no_bell);
    }
    if (!loan || loan->size() < 8) {
      ++wrong;
      break;
    }
    unsigned k = 0, n = 0;
    std::memcpy(&k, loan->data(), 4), std::memcpy(&n, loan->data() + 4, 4);
    if (k >= producers || n != next[k] || read(*loan) != message(k, n)) ++wrong;
    else ++next[k];
    c.consume_loan(no_bell);
    if (i % 16 == 0) c = b.make_consumer();
  }
  over = true;
  for (auto& t : threads) t.join();
  CHECK(wrong == 0);
  CHECK(b.attached());
}
