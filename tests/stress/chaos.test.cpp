// SPDX-License-Identifier: MIT
#include <sluice/channel/shared.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

// A chain of processes, each of which takes from one channel and gives to the next, while an enemy stops, resumes, kills
// and restarts them at random:
//
//     maker -> [shm] -> relay -> [file] -> relay -> [shm] -> keeper
//
// Each reads a message in place, hands it on, and only then releases it; so whoever is killed in between leaves it to its
// successor, and nothing can be lost: at worst it comes once more. The ledger, which no process owns, says what must
// come next. A process that is stopped is alive: its roles are refused to others, and no peer is told that it died.

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using u64 = std::uint64_t;

struct item {
  u64 seq;
  u64 check;
  static item make(u64 n) { return {n, (n + 1) * 0x9e3779b97f4a7c15u}; }
  bool whole() const { return check == make(seq).check; }
};

constexpr unsigned links = 3, stages = links + 1;

struct ledger {
  std::atomic<u64> made;      // the maker has pushed what is before this
  std::atomic<u64> kept;      // the keeper has recorded what is before this
  std::atomic<u64> repeated;  // messages that came to the keeper once more
  std::atomic<bool> stop;
  std::atomic<u64> wrong, detail;  // the first thing that was not as it must be: a line of this file
  std::array<std::atomic<unsigned>, stages> up, killed;
};

int failed(ledger& l, u64 line, u64 detail = 0) {
  u64 none = 0;
  if (l.wrong.compare_exchange_strong(none, line)) l.detail = detail;
  return 1;
}

/// The channels of the chain.
class chain {
 public:
  explicit chain(std::size_t capacity) : capacity_(capacity) {}

  auto sink(unsigned link) const {
    return on_file(link) ? sluice::mapped_sink<item>(path(link), options(link)) : sluice::shm_sink<item>(name(link), options(link));
  }
  auto source(unsigned link) const {
    return on_file(link) ? sluice::mapped_source<item>(path(link), options(link)) : sluice::shm_source<item>(name(link), options(link));
  }
  std::size_t locks() const {
    std::size_t n = 0;
    for (unsigned k = 0; k < links; ++k) n += test::locks_on(path(k));
    return n;
  }

 private:
  static bool on_file(unsigned link) { return link == 1; }
  static const char* name(unsigned link) { return link == 0 ? "first" : link == 1 ? "second" : "third"; }
  std::string path(unsigned link) const { return (on_file(link) ? file_dir_ : dir_) / name(link); }
  sluice::ring_options options(unsigned link) const {
    sluice::ring_options o;
    if (!on_file(link)) o.directory = dir_.c_str();
    o.capacity = capacity_;
    o.wait = link == 0 ? sluice::wait_strategy::park : sluice::wait_strategy::spin_then_park;
    return o;
  }
  test::scratch dir_, file_dir_{"/tmp"};
  std::size_t capacity_;
};

bool passing(error e) { return e == errc::timeout || e.again(); }

/// A process is told of a death, for as long as nobody has come instead, only if there was one: anew at most as often as
/// its neighbour was killed since it came, and once for a death just before.
class death_notices {
 public:
  death_notices(ledger& l, unsigned neighbour) : l_(l), of_(neighbour), at_start_(l.killed[neighbour]) {}
  /// What an operation said. False if it cannot be true.
  bool plausible(error e) {
    if (!std::exchange(dead_, e == errc::peer_died) && dead_) ++told_;
    return told_ <= l_.killed[of_] - at_start_ + (at_start_ != 0 ? 1u : 0u);
  }

 private:
  ledger& l_;
  unsigned of_, at_start_, told_ = 0;
  bool dead_ = false;
};

/// Pushes until it is accepted; false if something was wrong, or the stream is over.
template <class Sink>
bool hand_on(Sink& out, const item& m, ledger& l, death_notices& notices) {
  for (;;) {
    const auto s = out.push(m, 10ms);
    if (!notices.plausible(s.err())) return failed(l, __LINE__, m.seq), false;
    if (s) return true;
    if (s.err() == errc::peer_died) {
      test::sleep_us(200);  // somebody will come instead
    } else if (!passing(s.err())) {
      return failed(l, __LINE__, static_cast<u64>(s.err().code)), false;
    }
  }
}

int make(const chain& c, ledger& l) {
  auto out = c.sink(0);
  if (!out) return failed(l, __LINE__, static_cast<u64>(out.err().code));
  death_notices next(l, 1);
  l.up[0] = 1;
  while (!l.stop) {
    const u64 n = l.made;
    if (!hand_on(*out, item::make(n), l, next)) return 1;
    l.made = n + 1;
  }
  return 0;  // and leaves, which is the end of the stream
}

/// What relays and the keeper have in common: takes from a link until its end.
template <class Use>
int take(const chain& c, ledger& l, unsigned stage, Use use) {
  auto in = c.source(stage - 1);
  if (!in) return failed(l, __LINE__, static_cast<u64>(in.err().code));
  death_notices before(l, stage - 1);
  l.up[stage] = 1;
  for (;;) {
    auto m = in->borrow(10ms);
    if (!before.plausible(m.err())) return failed(l, __LINE__, stage);
    if (m) {
      if (!m->whole()) return failed(l, __LINE__, m->seq);
      if (!use(*m)) return 1;
    } else if (m.err() == errc::peer_died) {
      test::sleep_us(200);
    } else if (m.err() == errc::closed) {
      return l.stop ? 0 : failed(l, __LINE__, stage);
    } else if (!passing(m.err())) {
      return failed(l, __LINE__, static_cast<u64>(m.err().code));
    }
  }
}
int relay(const chain& c, ledger& l, unsigned stage) {
  auto out = c.sink(stage);
  if (!out) return failed(l, __LINE__, static_cast<u64>(out.err().code));
  death_notices after(l, stage + 1);
  return take(c, l, stage, [&](const item& m) { return hand_on(*out, m, l, after); });
}
int keep(const chain& c, ledger& l) {
  return take(c, l, links, [&](const item& m) {
    const u64 expected = l.kept;
    if (m.seq > expected) return failed(l, __LINE__, m.seq - expected), false;  // one is lost
    if (m.seq < expected) ++l.repeated;
    else l.kept = expected + 1;
    return true;
  });
}

struct tally {
  unsigned stops = 0, kills = 0, refusals = 0;
  double seconds = 0;
};

/// Runs the chain, and spoils its life.
class enemy {
 public:
  enemy(std::size_t capacity, u64 seed) : chain_(capacity), d_(seed) {
    for (unsigned k = 0; k < stages; ++k) start(k);
  }

  bool annoy(double seconds, bool stops, bool kills) {
    const auto begun = test::now_ns();
    const auto past = [&] { return static_cast<double>(test::now_ns() - begun) / 1e9; };
    const auto enough = [&] { return kills ? tally_.kills > 10 : tally_.stops > 10 && tally_.refusals > 10; };
    while (past() < seconds || (!enough() && past() < 60)) {
      if (!progresses()) return false;
      for (auto n = d_.below(4) + 1; n-- != 0;) {
        const auto victim = static_cast<unsigned>(d_.below(stages));
        pause(3000);
        if (stops && (!kills || d_.below(2) == 0)) {
          if (!stop_for_a_while(victim)) return false;
        } else if (kills) {
          kill(victim);
          pause(3000);
          start(victim);
        }
      }
    }
    tally_.seconds += past();
    return progresses();
  }
  bool finish() {
    ledger_->stop = true;
    bool ok = true;
    for (auto& p : processes_) ok = p->wait(sanitized ? 60 : 20) == 0 && ok;
    return ok && ledger_->kept == ledger_->made && chain_.locks() == 0;
  }
  ledger& book() { return *ledger_; }
  const tally& count() const { return tally_; }

 private:
  void start(unsigned k) {
    ledger_->up[k] = 0;
    processes_[k].emplace([this, k] {
      return k == 0 ? make(chain_, *ledger_) : k == links ? keep(chain_, *ledger_) : relay(chain_, *ledger_, k);
    });
  }
  void kill(unsigned k) {
    ++ledger_->killed[k];
    processes_[k]->kill();
    ++tally_.kills;
  }
  bool progresses() {
    const u64 before = ledger_->kept;
    return test::eventually([&] { return ledger_->wrong != 0 || ledger_->kept > before + 10; }, sanitized ? 60 : 20) && ledger_->wrong == 0;
  }
  void pause(u64 most_us) { test::sleep_us(static_cast<long>(d_.below(most_us))); }

  // While it is stopped, perhaps in the middle of an operation, nobody gets its roles, and everybody else waits.
  bool stop_for_a_while(unsigned k) {
    const bool joined = ledger_->up[k] != 0;
    const pid_t pid = processes_[k]->pid();
    ::kill(pid, SIGSTOP);
    int how = 0;
    while (::waitpid(pid, &how, WUNTRACED) < 0 && errno == EINTR) {
    }
    if (!WIFSTOPPED(how)) return failed(*ledger_, __LINE__, k), false;
    ++tally_.stops;
    pause(d_.below(4) == 0 ? 60'000 : 3000);
    bool ok = true;
    if (joined && k < links) ok = refused(chain_.sink(k).err(), 1) && ok;
    if (joined && k > 0) ok = refused(chain_.source(k - 1).err(), 2) && ok;
    ::kill(pid, SIGCONT);
    return ok;
  }
  bool refused(error e, unsigned who) {
    ++tally_.refusals;
    if (e == errc::busy && e.about() == sluice::subject::role && e.who == who) return true;
    failed(*ledger_, __LINE__, static_cast<u64>(e.code));
    return false;
  }

  chain chain_;
  test::shared_with_children<ledger> ledger_;
  std::array<std::optional<test::child>, stages> processes_;
  test::dice d_;
  tally tally_;
};

// SLUICE_STRESS_SECONDS makes a soak of it.
double seconds_each() {
  if (const char* s = std::getenv("SLUICE_STRESS_SECONDS")) return std::atof(s) / 4;
  return SLUICE_TEST_TIER_FULL ? 300 : 3;
}
void print(const char* what, std::size_t capacity, enemy& e) {
  const tally& n = e.count();
  std::printf("%s, capacity %zu: %.1f s, %u stops, %u roles refused, %u kills; %llu messages, %llu came once more\n", what, capacity,
              n.seconds, n.stops, n.refusals, n.kills, static_cast<unsigned long long>(e.book().kept.load()),
              static_cast<unsigned long long>(e.book().repeated.load()));
}

}  // namespace

TEST_CASE("processes that are stopped and resumed are waited for, never robbed and never called dead") {
  const std::size_t capacity = GENERATE(1u, 10u);
  const u64 seed = static_cast<u64>(test::now_ns());
  INFO("seed " << seed);
  enemy e(capacity, seed);
  const bool ok = e.annoy(seconds_each(), true, false);
  const bool ended = ok && e.finish();
  INFO("line " << e.book().wrong << ", detail " << e.book().detail << ", made " << e.book().made << ", kept " << e.book().kept);
  CHECK(ok);
  CHECK(ended);
  CHECK(e.book().repeated == 0);
  CHECK(e.count().stops > 10);
  CHECK(e.count().refusals > 10);
  print("stopped", capacity, e);
}

TEST_CASE("processes that are killed, stopped and restarted lose nothing, and repeat at most one message for each death") {
  const std::size_t capacity = GENERATE(1u, 10u);
  const u64 seed = static_cast<u64>(test::now_ns());
  INFO("seed " << seed);
  enemy e(capacity, seed);
  const bool ok = e.annoy(seconds_each(), true, true);
  const bool ended = ok && e.finish();
  INFO("line " << e.book().wrong << ", detail " << e.book().detail << ", made " << e.book().made << ", kept " << e.book().kept);
  CHECK(ok);
  CHECK(ended);
  CHECK(e.book().repeated <= e.count().kills);
  CHECK(e.count().kills > 10);
  print("killed", capacity, e);
}
