// SPDX-License-Identifier: MIT
#include <sluice/wait/wait_set.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "rig/ends.hpp"
#include "rig/every.hpp"
#include "sanitizers.hpp"
#include "stepper.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <linux/seccomp.h>
#include <optional>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

// What docs/guarantees.md says of every ring alike: what an operation asks of the heap and the system, and which ends may
// be used in an interrupt of others.

using namespace std::chrono_literals;
using sluice::errc;
using u64 = std::uint64_t;

// Every allocation of the program comes through here, operator new included, where it can be had.
#if defined(__GLIBC__) && !SLUICE_TEST_SANITIZED()
#define SLUICE_TEST_COUNTS_HEAP() 1
namespace {
constinit std::atomic<unsigned long> allocations{0};
}
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t n) noexcept { return ++allocations, __libc_malloc(n); }
void* calloc(std::size_t n, std::size_t size) noexcept { return ++allocations, __libc_calloc(n, size); }
void* realloc(void* p, std::size_t n) noexcept { return ++allocations, __libc_realloc(p, n); }
void* aligned_alloc(std::size_t align, std::size_t n) noexcept { return ++allocations, __libc_memalign(align, n); }
int posix_memalign(void** p, std::size_t align, std::size_t n) noexcept {
  *p = (++allocations, __libc_memalign(align, n));
  return *p != nullptr ? 0 : ENOMEM;
}
}
#else
#define SLUICE_TEST_COUNTS_HEAP() 0
#endif

namespace {

struct item {
  u64 number, check;
};
constexpr item numbered(u64 n) noexcept { return {n, ~n}; }
constexpr std::size_t capacity = 5;

/// A region of its own with one end of each side, or more where asked for.
template <class Rig>
struct place {
  using sink = rig::sink_of<Rig, item>;
  using source = rig::source_of<Rig, item>;
  static constexpr bool overwrites = Rig::promises.kept != rig::keeps::all;

  test::scratch dir;
  sluice::ring_options options;
  std::optional<sink> tx, other_tx;
  std::optional<source> rx, other_rx;

  place() {
    options.directory = dir.c_str();
    options.capacity = rig::capacity_of<Rig, item>(capacity);
    options.wait = sluice::wait_strategy::park;
    open(tx), open(rx);
  }
  template <class End>
  void open(std::optional<End>& end) const {
    auto made = sluice::detail::open_end<End>(sluice::region_place::shared_memory("q", options.region()), options);
    if (made) end.emplace(std::move(*made));
  }
};

/// Every operation, as long as there is room and nobody sleeps. Returns the line that is not true, or 0.
template <class Rig>
int every_operation(place<Rig>& p) {
#define MUST(condition) \
  if (!(condition)) return __LINE__
  auto& tx = *p.tx;
  auto& rx = *p.rx;
  u64 n = 0;
  const auto pops = [&](u64 wanted) {  // the last of several, where only the newest is kept
    for (;;) {
      const auto v = rx.try_pop();
      if (!v) return false;
      if (v->number == wanted) return v->check == ~wanted;
    }
  };
  MUST(tx.try_push(numbered(++n)) && pops(n));
  const item some[] = {numbered(n + 1), numbered(n + 2)};
  MUST(*tx.push(std::span<const item>(some), sluice::now) == 2);
  n += 2;
  item to[2] = {};
  MUST(*rx.pop(std::span<item>(to), sluice::now) >= 1);
  MUST(tx.claim(sluice::now));  // and given back
  {
    auto claimed = tx.claim(sluice::now);
    MUST(claimed);
    *claimed = numbered(++n);
    claimed.commit();
  }
  {
    auto lent = rx.borrow(sluice::now);
    MUST(lent);
    lent.keep();
  }
  {
    auto lent = rx.borrow(sluice::now);
    MUST(lent && lent->number == n);
    lent.release();
  }
  MUST(rx.try_pop().err() == errc::empty);
  for (u64 k = 0; k < 3 * capacity && tx.try_push(numbered(++n)); ++k) {
  }
  MUST(p.overwrites || tx.try_push(numbered(n)).err() == errc::full);
  while (rx.try_pop().err() != errc::empty) {
  }
  return 0;
#undef MUST
}

}  // namespace

TEMPLATE_TEST_CASE("no operation of an open end comes to the heap, also where it sleeps or heals", "", SLUICE_EVERY_RING()) {
#if SLUICE_TEST_COUNTS_HEAP()
  place<TestType> p;
  REQUIRE((p.tx && p.rx));
  const unsigned long at_first = allocations;
  std::free(std::malloc(1));
  delete new int;
  REQUIRE(allocations >= at_first + 1);  // a compiler may leave one of them out

  unsigned long before = allocations;
  const int wrong = every_operation(p);
  sluice::wait_set set;
  p.tx->arm(sluice::want::push, set), p.tx->disarm(sluice::want::push);
  p.rx->arm(sluice::want::pop, set), p.rx->disarm(sluice::want::pop);
  const bool timed_out = p.rx->pop(1ms).err() == errc::timeout;
  unsigned long during = allocations - before;
  CHECK(wrong == 0);
  CHECK(timed_out);
  CHECK(during == 0);

  for (const bool producer : {true, false}) {  // one who dies with a place or a message out
    if (producer ? TestType::producers == 1 : TestType::consumers == 1) (producer ? (void)p.tx.reset() : (void)p.rx.reset());
    if (!producer && p.tx) (void)p.tx->try_push(numbered(1));
    const test::shared_with_children<std::atomic<bool>> ready;
    test::child victim([&] {
      std::optional<typename place<TestType>::sink> tx;
      std::optional<typename place<TestType>::source> rx;
      producer ? p.open(tx) : p.open(rx);
      if (!tx && !rx) return 1;
      if (producer) {
        const auto claimed = tx->claim(sluice::now);
        *ready = true;
        ::pause();
      } else {
        const auto lent = rx->borrow(sluice::now);
        *ready = true;
        ::pause();
      }
      return 0;
    });
    REQUIRE(test::eventually([&] { return ready->load(); }));
    REQUIRE(victim.kill() == -SIGKILL);
    before = allocations;
    const unsigned healed = (p.rx ? p.rx->recover().peers : 0) + (p.tx ? p.tx->recover().peers : 0);
    during = allocations - before;
    CHECK(healed == 1);
    CHECK(during == 0);
    if (!p.tx) p.open(p.tx);
    if (!p.rx) p.open(p.rx);
    REQUIRE((p.tx && p.rx));
  }
#else
  WARN("skipped: the heap cannot be counted here");
#endif
}

TEMPLATE_TEST_CASE("no operation makes a system call, as long as nobody sleeps", "", SLUICE_EVERY_RING()) {
  if (sanitized) return;  // their runtimes do
  test::child c([] {      // ends are of the process that opens them
    place<TestType> p;
    if (!p.tx || !p.rx) return 4;
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) return 3;
    const int wrong = every_operation(p);
    ::syscall(SYS_exit, wrong == 0 ? 0 : 1);
    return 2;
  });
  const int how = c.wait();
  CHECK((how == 0 || how == 3));
}

#if SLUICE_TEST_STEPS()

namespace {

/// What came out of one end, or went into one, in order.
struct record {
  std::array<u64, 64> numbers;
  std::size_t n = 0;
  u64 missed = 0;
  bool wrong = false;

  void add(const item& i) noexcept {
    wrong = wrong || i.check != ~i.number || n == numbers.size();
    if (!wrong) numbers[n++] = i.number;
  }
  void refused(sluice::error e) noexcept {
    if (e == errc::lagged) missed += static_cast<u64>(e.detail);
    else wrong = wrong || !e.again();
  }
};

/// The ci tier takes one instruction of so many, and not always the same.
#ifdef __OPTIMIZE__
constexpr unsigned long stride = SLUICE_TEST_TIER_FULL ? 1 : 7;
#else
constexpr unsigned long stride = SLUICE_TEST_TIER_FULL ? 1 : 127;
#endif

template <class Rig>
class interrupted {
  using sink = typename place<Rig>::sink;
  using source = typename place<Rig>::source;

 public:
  // As the table has it: an end may be used in an interrupt unless others would wait for the one that was interrupted.
  static constexpr bool lanes = std::is_same_v<Rig, rig::lanes>, audience = Rig::promises.to_each;
  static constexpr bool sinks = Rig::producers == 1 || lanes, sources = Rig::consumers == 1 || audience;

  interrupted() {
    if constexpr (lanes) p_.open(p_.other_tx);
    if constexpr (audience) p_.open(p_.other_rx);
  }
  void every_way() {
    for (const std::size_t fill : {std::size_t{1}, capacity}) {
      for (unsigned op = 0; op < 3; ++op) {
        if constexpr (sources) {
          at_every_instruction(fill, [&] { send(*p_.tx, in_, op); }, [&] { receive(*p_.rx, out_, 0); });
          at_every_instruction(fill, [&] { send(*p_.tx, in_, op); }, [&] { receive(*p_.rx, out_, 2); });
        }
        if constexpr (sinks) at_every_instruction(fill, [&] { receive(*p_.rx, out_, op); }, [&] { send(*p_.tx, in_, op); });
        if constexpr (lanes) at_every_instruction(fill, [&] { send(*p_.tx, in_, op); }, [&] { send(*p_.other_tx, other_in_, 0); });
        if constexpr (audience) at_every_instruction(fill, [&] { receive(*p_.rx, out_, op); }, [&] { receive(*p_.other_rx, other_out_, 0); });
      }
    }
  }
  [[nodiscard]] unsigned long trials() const { return trials_; }

 private:
  template <class Body, class Interrupt>
  void at_every_instruction(std::size_t fill, Body body, Interrupt interrupt) {
    bool reached = true;
    for (unsigned long n = 1 + trials_ % stride; reached && ok_; n += stride, ++trials_) {
      in_ = other_in_ = out_ = other_out_ = {};
      for (std::size_t k = 0; k < fill; ++k) send(*p_.tx, in_, 0);
      reached = test::stepper::run(n, body, interrupt);
      drain(*p_.rx, out_);
      if constexpr (audience) drain(*p_.other_rx, other_out_);
      ok_ = fits(out_) && (!audience || fits(other_out_));
      INFO(Rig::name << ", " << fill << " messages, before instruction " << n);
      REQUIRE(ok_);
    }
  }
  void send(sink& t, record& r, unsigned how) noexcept {
    if (how == 0) {
      const item one = numbered(next_ + 1);
      const auto s = t.try_push(one);
      s ? (++next_, r.add(one)) : r.refused(s.err());
    } else if (how == 1) {
      const item some[] = {numbered(next_ + 1), numbered(next_ + 2), numbered(next_ + 3)};
      const auto done = t.push(std::span<const item>(some), sluice::now);
      if (!done) return r.refused(done.err());
      for (std::size_t k = 0; k < *done; ++k) ++next_, r.add(some[k]);
    } else {
      auto place = t.claim(sluice::now);
      if (!place) return r.refused(place.err());
      const item one = numbered(++next_);
      *place = one;
      place.commit();
      r.add(one);
    }
  }
  void receive(source& s, record& r, unsigned how) noexcept {
    if (how == 0) {
      const auto v = s.try_pop();
      v ? r.add(*v) : r.refused(v.err());
    } else if (how == 1) {
      item to[3];
      const auto done = s.pop(std::span<item>(to), sluice::now);
      if (!done) return r.refused(done.err());
      for (std::size_t k = 0; k < *done; ++k) r.add(to[k]);
    } else {
      auto lent = s.borrow(sluice::now);
      if (!lent) return r.refused(lent.err());
      const item one = *lent;
      lent.release();
      r.add(one);
    }
  }
  void drain(source& s, record& r) noexcept {
    for (sluice::error e; e != errc::empty;) {
      const auto v = s.try_pop();
      e = v.err();
      v ? r.add(*v) : r.refused(e);
    }
  }
  // Out of a ring comes what went in, as its kind has it. Of lanes each has an order of its own.
  [[nodiscard]] bool fits(const record& out) const {
    if (in_.wrong || other_in_.wrong || out.wrong) return false;
    const auto end = out.numbers.begin() + static_cast<std::ptrdiff_t>(out.n);
    if (Rig::promises.kept == rig::keeps::newest)
      return std::is_sorted(out.numbers.begin(), end) && (out.n == 0 || out.numbers[out.n - 1] == last());
    if (out.n + out.missed != in_.n + other_in_.n) return false;
    if (out.missed != 0) return std::is_sorted(out.numbers.begin(), end) && out.numbers[out.n - 1] == last();
    std::size_t a = 0, b = 0;
    for (auto i = out.numbers.begin(); i != end; ++i)
      if (a < in_.n && *i == in_.numbers[a]) ++a;
      else if (b < other_in_.n && *i == other_in_.numbers[b]) ++b;
      else return false;
    return true;
  }
  [[nodiscard]] u64 last() const { return in_.numbers[in_.n - 1]; }

  place<Rig> p_;
  record in_, other_in_, out_, other_out_;
  u64 next_ = 0;
  unsigned long trials_ = 0;
  bool ok_ = true;
};

}  // namespace

TEMPLATE_TEST_CASE("an end that may be used in an interrupt may be used before any instruction of another", "", SLUICE_EVERY_RING()) {
  interrupted<TestType> all;
  all.every_way();
  if (interrupted<TestType>::sinks || interrupted<TestType>::sources) CHECK(all.trials() > 20);
}

#endif
