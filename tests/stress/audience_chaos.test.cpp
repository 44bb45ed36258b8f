// SPDX-License-Identifier: MIT
#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/bytes_crowd.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/channel/shared_bytes.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

// One producer and its readers (of bytes of many, two producers and one reader), which an enemy stops, resumes, kills and restarts at random. A message names the session of
// its producer, and which of that session's messages it is; how many each session has pushed stands in memory that no process
// owns. So what lies between two messages that a reader gets is known, but for the one that a killed producer was about to
// push; and it must be exactly what the reader was told that it has missed: nothing, of a lossless ring.

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using u64 = std::uint64_t;

constexpr unsigned readers = 3, stages = readers + 1;  // the producers are the first stages
constexpr u64 most_sessions = 1 << 16;

struct place {  // of a message
  u64 session, number;
  friend bool operator==(const place&, const place&) = default;
};
struct message {
  place at;
  u64 check[6];
  static message make(place p) {
    message m{p, {}};
    for (u64 k = 0; k < 6; ++k) m.check[k] = (p.session * 1'000'003 + p.number + k) * 0x9e3779b97f4a7c15u;
    return m;
  }
  [[nodiscard]] bool whole() const { return std::memcmp(this, &reference(), sizeof *this) == 0; }

 private:
  [[nodiscard]] const message& reference() const {
    static message m;
    return m = make(at);
  }
};

struct ledger {
  std::atomic<u64> sessions;  // that have begun
  std::array<std::atomic<u64>, most_sessions> intent, pushed;  // of each: may have pushed, has pushed
  std::array<std::atomic<u64>, most_sessions> next;  // of each, where there are several producers: what its reader has had
  std::array<std::atomic<u64>, stages> got;      // messages
  std::array<std::atomic<unsigned>, stages> up;
  std::atomic<u64> missed, repeated, deaths_told, had_session, had_number;  // the last two: of the reader of bytes, for its successor
  std::atomic<bool> had, stop;
  std::atomic<u64> wrong, detail;
};
int failed(ledger& l, u64 line, u64 detail = 0) {
  u64 none = 0;
  if (l.wrong.compare_exchange_strong(none, line)) l.detail = detail;
  return 1;
}

/// What of its interface is not as that of all others.
template <class Kind>
struct ends {
  static constexpr bool lossless = sluice::ring_kind<Kind>::reliable;
  static auto sink(const sluice::ring_options& o) { return sluice::shm_sink<message, Kind>("ring", o); }
  static auto source(const sluice::ring_options& o) { return sluice::shm_source<message, Kind>("ring", o); }
  static error push(auto& t, const message& m) { return t.push(m, 10ms).err(); }
  template <class Use>
  static error take(auto& r, Use use) {
    const auto m = r.pop(10ms);
    if (m) use(*m);
    return m.err();
  }
};
template <class Side>
struct ends<sluice::bytes_of<Side>> {
  static constexpr bool lossless = true;
  static auto sink(const sluice::ring_options& o) { return sluice::shm_bytes_sink<Side>("ring", o); }
  static auto source(const sluice::ring_options& o) { return sluice::shm_bytes_source<Side>("ring", o); }
  static std::size_t size_of(place p) { return sizeof(message) + (p.number * 37 + p.session) % 700; }
  static error push(auto& t, const message& m) {
    const std::size_t n = size_of(m.at), spare = std::is_same_v<Side, sluice::spsc> ? 0 : m.at.number % 3 * 90;  // some shrink
    if (!std::is_same_v<Side, sluice::spsc> && m.at.number % 7 == 0) (void)t.try_claim(n);  // and some think better of it
    auto s = t.claim(n + spare, 10ms);
    if (!s) return s.err();
    std::memset(s.data(), static_cast<int>(m.at.number & 127), n);
    std::memcpy(s.data(), &m, sizeof m);
    s.commit(n);
    return {};
  }
  template <class Use>
  static error take(auto& r, Use use) {  // read and written down, and only then released
    auto l = r.borrow(10ms);
    if (!l) return l.err();
    message m{};
    if (l.size() >= sizeof m) std::memcpy(&m, l.data(), sizeof m);
    if (l.size() != size_of(m.at)) m.check[0] = 0;
    for (std::size_t k = sizeof m; k < l.size(); ++k)
      if (l.data()[k] != static_cast<std::byte>(m.at.number & 127)) m.check[0] = 0;
    use(m);
    return {};
  }
};

template <class Kind>
constexpr unsigned producers = sluice::ring_kind<Kind>::producers.single() ? 1 : 2;

template <class Kind>
int produce(const sluice::ring_options& o, ledger& l, unsigned k) {
  auto t = ends<Kind>::sink(o);
  if (!t) return failed(l, __LINE__, static_cast<u64>(t.err().code));
  const u64 session = l.sessions++;
  if (session >= most_sessions) return failed(l, __LINE__);
  l.up[k] = 1;
  for (u64 n = 0; !l.stop;) {
    l.intent[session] = n + 1;
    const error e = ends<Kind>::push(*t, message::make({session, n}));
    if (!e) l.pushed[session] = ++n;
    else if (e == errc::peer_died) test::sleep_us(200);  // somebody will come instead
    else if (e != errc::timeout && !e.again()) return failed(l, __LINE__, static_cast<u64>(e.code));
    if (!ends<Kind>::lossless && n % 16 == 0) test::sleep_us(20);  // or nobody could follow
  }
  l.intent[session] = l.pushed[session].load();
  return 0;  // and leaves, which is the end
}

/// How many messages lie between two places, at least and at most.
std::pair<u64, u64> between(const ledger& l, place from, place to) {
  if (from.session == to.session) return {to.number - from.number - 1, to.number - from.number - 1};
  u64 least = to.number, most = to.number;
  for (u64 s = from.session; s != to.session; ++s) {
    const u64 before = s == from.session ? from.number + 1 : 0;
    const u64 pushed = std::max(l.pushed[s].load(), before);
    least += pushed - before, most += std::max(l.intent[s].load(), pushed) - before;
  }
  return {least, most};
}

template <class Kind>
int follow(const sluice::ring_options& o, ledger& l, unsigned k) {
  constexpr bool once = std::is_same_v<Kind, sluice::bytes_of<sluice::spsc>>;  // each message comes to one reader, or its successor
  auto r = ends<Kind>::source(o);
  if (!r) return failed(l, __LINE__, static_cast<u64>(r.err().code));
  l.up[k] = 1;
  bool any = once && l.had;
  place before{l.had_session, l.had_number};
  u64 missed = 0, told = 0;
  int line = 0;
  for (;;) {
    const error e = ends<Kind>::take(*r, [&](const message& m) {
      if (!m.whole()) return void(line = failed(l, __LINE__, m.at.number));
      if (once && any && m.at == before) return void(++l.repeated);
      const bool later = m.at.session != before.session ? m.at.session > before.session : m.at.number > before.number;
      if (any && !later) return void(line = failed(l, __LINE__, m.at.number));
      const u64 lost = r->dropped() - missed;
      if (any) {
        const auto [least, most] = between(l, before, m.at);
        if (lost < least || lost > most) return void(line = failed(l, __LINE__, lost << 32 | least));
      }
      missed += lost;
      l.missed += any ? lost : 0;
      any = true, before = m.at;
      if (once) l.had_session = before.session, l.had_number = before.number, l.had = true;
      ++l.got[k];
    });
    if (line != 0) return line;
    if (e == errc::peer_died) {
      l.deaths_told += told++ == 0 ? 1 : 0;
      test::sleep_us(200);
    } else if (e == errc::closed) {
      if (!l.stop) return failed(l, __LINE__, k);
      const u64 last = l.sessions - 1;
      if (any && before.session == last && before.number + 1 != l.pushed[last]) return failed(l, __LINE__, before.number);
      return 0;
    } else if (e && e != errc::timeout && e != errc::lagged && !e.again()) {
      return failed(l, __LINE__, static_cast<u64>(e.code));
    }
  }
}

/// The only reader of several producers: of each session, every message, in order. What it had in hand when it was killed
/// comes once more, as the first that its successor gets.
template <class Kind>
int collect(const sluice::ring_options& o, ledger& l, unsigned k) {
  auto r = ends<Kind>::source(o);
  if (!r) return failed(l, __LINE__, static_cast<u64>(r.err().code));
  l.up[k] = 1;
  bool first = true;
  u64 told = 0;
  int line = 0;
  for (;;) {
    const error e = ends<Kind>::take(*r, [&](const message& m) {
      if (!m.whole() || m.at.session >= l.sessions) return void(line = failed(l, __LINE__, m.at.number));
      auto& next = l.next[m.at.session];
      const bool again = std::exchange(first, false) && m.at.number + 1 == next;
      if (again) ++l.repeated;
      else if (m.at.number != next) line = failed(l, __LINE__, m.at.session << 32 | m.at.number);
      else next = m.at.number + 1;
      ++l.got[k];
    });
    if (line != 0) return line;
    if (e == errc::peer_died) {
      l.deaths_told += told++ == 0 ? 1 : 0;
      test::sleep_us(200);
    } else if (e == errc::closed) {
      if (!l.stop) return failed(l, __LINE__, k);
      for (u64 s = 0; s < l.sessions; ++s)
        if (l.next[s] < l.pushed[s] || l.next[s] > std::max(l.intent[s].load(), l.pushed[s].load())) return failed(l, __LINE__, s);
      return 0;
    } else if (e && e != errc::timeout && !e.again()) {
      return failed(l, __LINE__, static_cast<u64>(e.code));
    }
  }
}

double seconds_each() {
  if (const char* s = std::getenv("SLUICE_STRESS_SECONDS")) return std::atof(s);
  return SLUICE_TEST_TIER_FULL ? 60 : 2;
}

template <class Kind>
void annoy(const char* name, std::size_t capacity, unsigned n_readers) {
  const test::scratch dir;
  sluice::ring_options o;
  o.directory = dir.c_str();
  o.capacity = capacity;
  constexpr unsigned pushers = producers<Kind>;
  const unsigned all = pushers + n_readers;
  const test::shared_with_children<ledger> shared;
  ledger& l = *shared;
  std::array<std::optional<test::child>, stages> processes;
  const auto start = [&](unsigned k) {
    l.up[k] = 0;
    processes[k].emplace([&, k] {
      if (k < pushers) return produce<Kind>(o, l, k);
      return pushers == 1 ? follow<Kind>(o, l, k) : collect<Kind>(o, l, k);
    });
  };
  for (unsigned k = 0; k < all; ++k) start(k);
  const u64 seed = static_cast<u64>(test::now_ns());
  INFO(name << ", seed " << seed);
  test::dice d(seed);
  unsigned kills = 0, stops = 0, refusals = 0;
  bool ok = true;
  // Everybody goes on: that nobody is left asleep, or held up by the dead.
  const auto progresses = [&] {
    for (unsigned k = pushers; k < all; ++k) {
      const u64 before = l.got[k];
      if (!test::eventually([&] { return l.wrong != 0 || l.got[k] > before + 3; }, sanitized ? 60 : 20)) failed(l, __LINE__, k);
    }
    return l.wrong == 0;
  };
  const auto begun = test::now_ns();
  const auto seconds = [&] { return static_cast<double>(test::now_ns() - begun) / 1e9; };
  while (ok && (seconds() < seconds_each() || (kills <= 5 && seconds() < 60))) {
    ok = progresses();
    for (auto n = d.below(4) + 1; ok && n-- != 0;) {
      const auto victim = static_cast<unsigned>(d.below(all));
      test::sleep_us(static_cast<long>(d.below(3000)));
      if (d.below(2) == 0) {
        const bool joined = l.up[victim] != 0;
        ::kill(processes[victim]->pid(), SIGSTOP);
        int how = 0;
        while (::waitpid(processes[victim]->pid(), &how, WUNTRACED) < 0 && errno == EINTR) {
        }
        if (!WIFSTOPPED(how)) {
          failed(l, __LINE__, victim);
          break;
        }
        ++stops;
        test::sleep_us(static_cast<long>(d.below(d.below(4) == 0 ? 60'000 : 3000)));
        if (joined && victim < pushers && pushers == 1) {
          ++refusals;
          if (ends<Kind>::sink(o).err() != errc::busy) failed(l, __LINE__);
        }
        ::kill(processes[victim]->pid(), SIGCONT);
      } else {
        processes[victim]->kill();
        ++kills;
        test::sleep_us(static_cast<long>(d.below(3000)));
        start(victim);
      }
    }
  }
  ok = ok && progresses();
  l.stop = true;
  for (unsigned k = 0; ok && k < all; ++k) ok = processes[k]->wait(sanitized ? 60 : 20) == 0;
  u64 got = 0;
  for (const auto& g : l.got) got += g;
  std::printf("%-9s capacity %zu: %.1f s, %u kills, %u stops, %u roles refused; %llu sessions, %llu messages out, %llu missed and told, %llu came once more\n",
              name, capacity, seconds(), kills, stops, refusals,
              static_cast<unsigned long long>(l.sessions.load()), static_cast<unsigned long long>(got),
              static_cast<unsigned long long>(l.missed.load()), static_cast<unsigned long long>(l.repeated.load()));
  INFO("line " << l.wrong << ", detail " << l.detail);
  CHECK(l.wrong == 0);
  CHECK(ok);
  CHECK(kills > 5);
  CHECK(l.repeated <= kills);
  if (ends<Kind>::lossless) CHECK(l.missed == 0);
  for (auto& p : processes) p.reset();
  CHECK(test::locks_on(dir / "ring") == 0);
}

}  // namespace

TEST_CASE("whoever is stopped, killed and restarted, a reader of a broadcast has each message once and in order") {
  annoy<sluice::broadcast>("broadcast", 3, readers);
  annoy<sluice::broadcast>("broadcast", 100, readers);
}
TEST_CASE("whoever is stopped, killed and restarted, a reader of a lossy broadcast is told exactly what it has missed") {
  annoy<sluice::lossy_broadcast>("lossy", 8, readers);
}
TEST_CASE("whoever is stopped, killed and restarted, a newest value is whole and never goes back") {
  annoy<sluice::latest>("latest", 3, readers);
}
TEST_CASE("whoever is stopped, killed and restarted, messages of any length come whole, in order, and at most once more for each death") {
  annoy<sluice::bytes_of<sluice::spsc>>("bytes", 2000, 1);
}
TEST_CASE("whoever of two producers is stopped, killed and restarted, bytes of each come whole, in order, and at most once more for each death") {
  annoy<sluice::bytes_of<sluice::mpsc>>("bytes of many", 3000, 1);
}
