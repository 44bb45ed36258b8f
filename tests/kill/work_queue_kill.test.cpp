// SPDX-License-Identifier: MIT
#include <sluice/channel/crowds.hpp>
#include <sluice/channel/lanes.hpp>
#include <sluice/channel/priorities.hpp>
#include <sluice/channel/shared.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <vector>

// A queue of many processes on each side, of which one of each is killed again and again. The ledger is in memory of the
// test's own and has a place for every message that was ever begun.

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

struct job {
  u64 id;  // of all messages; those of one process are a range
  u64 check;
  u32 priority;  // 0 where there are none
  char name[36];
};
constexpr unsigned priorities = 3;
constexpr u64 check_of(u64 id, u32 priority) noexcept { return (id + 1) * 0x9e3779b97f4a7c15u + priority; }
constexpr job job_of(u64 id, u32 priority) noexcept { return {id, check_of(id, priority), priority, "job"}; }

constexpr unsigned most_ends = 4;
constexpr u64 range = 1 << 14;        // messages of one process, before it leaves and another comes
constexpr u64 most = u64{1} << 29;    // in all
constexpr std::int64_t long_wait = 1'000'000;

/// Somebody was refused for so long because another held a place or message: whoever was killed in the middle of it may
/// have been waited for.
struct wait_record {
  std::int64_t begun, ended;
};
struct participant {
  std::atomic<u64> intent;   // a producer: may have pushed what is before this,
  std::atomic<u64> pushed;   // and has pushed what is before this
  std::atomic<u64> taking;   // a consumer: so many may have been popped and not recorded
  std::atomic<bool> up;
  std::atomic<u32> waits;
  wait_record wait[1024];
};
struct ledger {
  participant producer[most_ends], consumer[most_ends];
  std::atomic<u64> next_range;
  std::atomic<bool> stop, drain;
  std::atomic<int> wrong;
  std::atomic<u64> seen, redelivered, tombs, orphans, popped, overtaken;
  bool one_by_one;  // one producer and one consumer at a time
  std::atomic<unsigned char> out[most];  // how often each message came out; touched as far as it is used
};

int failed(ledger& l, int line, u64 seen = 0) {
  int none = 0;
  if (l.wrong.compare_exchange_strong(none, line)) l.seen = seen;
  return 1;
}
// Polls, and keeps a record of how long others were in the way.
template <class Attempt>
auto poll(participant& me, Attempt attempt) {
  std::int64_t pending_since = 0;
  const std::int64_t give_up = test::now_ns() + 50'000'000;
  for (;;) {
    auto r = attempt();
    const std::int64_t now = test::now_ns();
    if (r.err() == errc::pending) {
      if (pending_since == 0) pending_since = now;
    } else if (pending_since != 0) {
      if (now - pending_since > long_wait) me.wait[me.waits++ % 1024] = {pending_since, now};
      pending_since = 0;
    }
    if (!r.err().again() || (now > give_up && pending_since == 0)) return r;
    ::sched_yield();
  }
}
template <class End>
void report(ledger& l, const End& end, sluice::recovery& before) {
  const sluice::recovery now = end.recovered();
  l.tombs += now.undelivered - before.undelivered, l.orphans += now.redelivered - before.redelivered;
  before = now;
}

template <class Sink, class What>
auto push_at(Sink& t, const What& what, u32 priority, sluice::until u) {
  if constexpr (Sink::has_priorities) return t.push(what, priority, u);
  else return t.push(what, u);
}

template <class Kind>
int produce(const sluice::ring_options& o, ledger& l, unsigned k, u64 seed) {
  test::dice d(seed);
  participant& me = l.producer[k];
  auto t = sluice::shm_sink<job, Kind>("jobs", o);
  if (!t) return failed(l, __LINE__, static_cast<u64>(t.err().code));
  const u64 first = l.next_range.fetch_add(range);
  if (first + range > most) return failed(l, __LINE__);
  me.intent = me.pushed = first;
  sluice::recovery healed;
  me.up = true;
  for (u64 next = first; next < first + range - 4 && !l.stop;) {
    const u64 how = d.below(8);
    const u32 priority = t->has_priorities ? static_cast<u32>(d.below(priorities)) : 0;
    sluice::error e;
    if (how == 0) {
      me.intent = next + 1;
      e = poll(me, [&] { return push_at(*t, job_of(next, priority), priority, sluice::now); }).err();
      next += e ? 0u : 1u;
    } else if (how < 5) {
      me.intent = next + 1;
      e = push_at(*t, job_of(next, priority), priority, 2s).err();
      next += e ? 0u : 1u;
    } else if (how < 7) {
      job some[4];
      const u64 n = d.below(4) + 1;
      for (u64 i = 0; i < n; ++i) some[i] = job_of(next + i, priority);
      me.intent = next + n;
      const auto done = push_at(*t, std::span<const job>(some, n), priority, 2s);
      e = done.err();
      next += done ? *done : 0;
    } else {
      me.intent = next + 1;
      auto place = [&] {
        if constexpr (std::remove_reference_t<decltype(*t)>::has_priorities) return t->claim(priority, 2s);
        else return t->claim(2s);
      }();
      e = place.err();
      if (place) {
        *place = job_of(next, priority);
        if (d.below(16) == 0) test::sleep_us(50);
        if (d.below(4) != 0) place.commit(), ++next;
      }
    }
    me.pushed = next;
    report(l, *t, healed);
    if (e && !e.again()) return failed(l, __LINE__, static_cast<u64>(e.code));
  }
  return 0;
}

/// Kinds whose consumer has no fellows never hand a message on out of order, and do not say so.
template <class End>
bool redelivered(const End& end) {
  if constexpr (requires { end.redelivered(); }) return end.redelivered();
  else return false;
}

template <class Kind>
int consume(const sluice::ring_options& o, ledger& l, unsigned k, u64 seed) {
  test::dice d(seed);
  participant& me = l.consumer[k];
  auto r = sluice::shm_source<job, Kind>("jobs", o);
  if (!r) return failed(l, __LINE__, static_cast<u64>(r.err().code));
  me.up = true;
  std::vector<u64> last(most / range * priorities);
  sluice::recovery healed;
  const auto had = [&](const job& j) {
    if (j.id >= most || j.priority >= priorities || j.check != check_of(j.id, j.priority) || std::strcmp(j.name, "job") != 0)
      return failed(l, __LINE__, j.id);
    u64* const newest_of = &last[j.id / range * priorities];  // of this producer, at each priority
    u64& newest = newest_of[j.priority];
    if (!redelivered(*r) && newest > j.id + 1) return failed(l, __LINE__, j.id);
    const bool overtaken = !redelivered(*r) && std::any_of(newest_of, &newest, [&](u64 below) { return below > j.id + 1; });
    l.overtaken += overtaken ? 1u : 0u;
    if (overtaken && l.one_by_one) return failed(l, __LINE__, j.id);
    newest = std::max(newest, j.id + 1);
    if (l.out[j.id]++ != 0) return failed(l, __LINE__, j.id);
    l.redelivered += redelivered(*r) ? 1u : 0u;
    ++l.popped;
    return 0;
  };
  for (;;) {
    const u64 how = d.below(8);
    sluice::error e;
    me.taking = how < 5 || how == 7 ? 1 : 4;
    if (how < 5) {
      const auto j = how == 0 ? poll(me, [&] { return r->try_pop(); }) : r->pop(50ms);
      e = j.err();
      if (j && had(*j) != 0) return 1;
    } else if (how < 7) {
      job some[4];
      const auto n = r->pop(std::span<job>(some), 50ms);
      e = n.err();
      for (u64 i = 0; n && i < *n; ++i) {
        if (some[i].priority != some[0].priority) return failed(l, __LINE__, some[i].id);
        if (had(some[i]) != 0) return 1;
      }
    } else if (auto j = r->borrow(50ms)) {
      const job copy = *j;
      if (d.below(16) == 0) test::sleep_us(50);
      if (d.below(16) == 0) {
        j.keep();
      } else {
        j.release();
        if (had(copy) != 0) return 1;
      }
    } else {
      e = j.err();
    }
    me.taking = 0;
    report(l, *r, healed);
    const bool nothing = e == errc::timeout || e.again();
    if (nothing && l.drain) break;
    if (e && !nothing) return failed(l, __LINE__, static_cast<u64>(e.code));
  }
  return 0;
}

struct tally {
  u64 kills = 0, stops = 0, uncertain = 0, lost = 0, may_lose = 0;
  u64 popped = 0, redelivered = 0, tombs = 0, orphans = 0, overtaken = 0;
  std::vector<std::int64_t> waits;  // beside each of the dead, the longest
};

/// With a ledger of its own, which has room for a minute.
template <class Kind>
void kill_for(unsigned producers, unsigned consumers, std::size_t capacity, double seconds, tally& n) {
  const test::scratch dir;
  sluice::ring_options o;
  o.directory = dir.c_str();
  o.capacity = capacity;
  o.persistent = true;  // no end of a stream, whoever dies
  const std::size_t descriptors = test::open_descriptors();
  const test::shared_with_children<ledger> shared;
  ledger& l = *shared;
  l.one_by_one = producers == 1 && consumers == 1;
  std::optional<test::child> p[most_ends], c[most_ends];
  u64 seed = 1;
  const auto start = [&](bool producer, unsigned k) {
    auto& who = producer ? l.producer[k] : l.consumer[k];
    who.up = false;
    const u64 s = ++seed;
    if (producer) p[k].emplace([&l, o, k, s] { return produce<Kind>(o, l, k, s); });
    else c[k].emplace([&l, o, k, s] { return consume<Kind>(o, l, k, s); });
  };
  std::vector<std::int64_t> killed_at;
  struct used {
    u64 first, pushed, intent;  // of a range: pushed for certain before this, perhaps before that
  };
  std::vector<used> ranges;
  const auto end_of_producer = [&](unsigned k) {
    participant& w = l.producer[k];
    if (!w.up) return;
    ranges.push_back({w.pushed / range * range, w.pushed, w.intent});
    n.uncertain += w.intent - w.pushed;
  };
  for (unsigned k = 0; k < producers; ++k) start(true, k);
  for (unsigned k = 0; k < consumers; ++k) start(false, k);
  test::dice d(7);
  const std::int64_t end = test::now_ns() + static_cast<std::int64_t>(seconds * 1e9);
  const auto complain = [&] {
    if (l.wrong != 0) UNSCOPED_INFO("line " << l.wrong << ": " << l.seen);
    return l.wrong == 0;
  };
  while (test::now_ns() < end && complain()) {
    test::sleep_us(static_cast<long>(d.below(20'000)));
    for (unsigned k = 0; k < producers; ++k) {
      if (p[k] && !p[k]->running()) {  // it has used up its range, and left
        REQUIRE(p[k]->wait() == 0);
        end_of_producer(k);
        p[k].reset();
      }
      if (!p[k]) start(true, k);
    }
    for (unsigned k = 0; k < consumers; ++k)
      if (!c[k]) start(false, k);
    if (d.below(4) == 0) {  // nothing is taken from somebody who is only stopped, wherever that may be
      const bool producer = d.below(2) == 0;
      const auto& held = producer ? p[d.below(producers)] : c[d.below(consumers)];
      ::kill(held->pid(), SIGSTOP);
      test::sleep_us(static_cast<long>(d.below(30'000)));
      ::kill(held->pid(), SIGCONT);
      ++n.stops;
    }
    for (const bool producer : {true, false}) {
      const auto k = static_cast<unsigned>(d.below(producer ? producers : consumers));
      auto& victim = producer ? p[k] : c[k];
      if (!victim) continue;
      if (victim->kill() == -SIGKILL) {  // or else it had just left by itself
        killed_at.push_back(test::now_ns());
        ++n.kills;
      }
      if (producer) {
        end_of_producer(k);
      } else {
        n.may_lose += l.consumer[k].taking;
        l.consumer[k].taking = 0;
      }
      // Either a successor comes at once and heals, or the survivors have time to do it.
      if (d.below(2) == 0) start(producer, k);
      else victim.reset();
    }
  }
  for (unsigned k = 0; k < consumers; ++k)
    if (!c[k]) start(false, k);
  l.stop = true;
  for (unsigned k = 0; k < producers; ++k) {
    if (!p[k]) continue;
    CHECK(p[k]->wait(20) == 0);
    end_of_producer(k);
  }
  l.drain = true;
  for (unsigned k = 0; k < consumers; ++k) CHECK(c[k]->wait(20) == 0);
  REQUIRE(complain());

  for (const used& r : ranges) {
    for (u64 id = r.first; id < r.pushed; ++id) n.lost += l.out[id] == 0 ? 1u : 0u;
    for (u64 id = r.intent; id < r.first + range; ++id)
      if (l.out[id] != 0) FAIL("a message came out that nobody pushed");
  }
  for (const auto t : killed_at) {
    std::int64_t longest = 0;
    for (const auto* who : {l.producer, l.consumer})
      for (unsigned k = 0; k < most_ends; ++k)
        for (u32 i = 0; i < std::min(who[k].waits.load(), 1024u); ++i)
          if (who[k].wait[i].begun < t && t < who[k].wait[i].ended) longest = std::max(longest, who[k].wait[i].ended - t);
    n.waits.push_back(longest);
  }
  n.popped += l.popped, n.redelivered += l.redelivered, n.tombs += l.tombs, n.orphans += l.orphans, n.overtaken += l.overtaken;
  {  // the whole capacity is there again, lap after lap
    auto t = sluice::shm_sink<job, Kind>("jobs", o);
    auto r = sluice::shm_source<job, Kind>("jobs", o);
    REQUIRE((t && r));
    CHECK(t->peers() == 2);
    CHECK(r->try_pop().err() == errc::empty);
    for (u64 lap = 0; lap < 3; ++lap) {
      for (u64 i = 0; i < capacity; ++i) REQUIRE(t->try_push(job_of(i, 0)));
      CHECK(t->try_push(job{}).err() == errc::full);
      for (u64 i = 0; i < capacity; ++i) REQUIRE(r->try_pop()->id == i);
      CHECK(r->try_pop().err() == errc::empty);
    }
  }
  CHECK(test::open_descriptors() == descriptors);
  CHECK(test::locks_on(dir / "jobs") == 0);
}

template <class Kind>
void kill_often(unsigned producers, unsigned consumers, std::size_t capacity, double seconds) {
  constexpr double minute = 60;
  tally n;
  for (double left = seconds; left > 0; left -= minute) kill_for<Kind>(producers, consumers, capacity, std::min(left, minute), n);
  std::sort(n.waits.begin(), n.waits.end());
  const auto percentile = [&](double q) {
    const auto& w = n.waits;
    return w.empty() ? 0.0 : static_cast<double>(w[static_cast<std::size_t>(q * static_cast<double>(w.size() - 1))]) / 1e6;
  };
  std::printf("%u x %u, capacity %zu: %llu kills, %llu stops; %llu messages out, %llu redelivered; healed %llu claims and %llu messages; "
              "in doubt when pushed %llu; had by the dead %llu (at most %llu); waits beside the dead: p99 %.1f, p99.9 %.1f, at most %.1f ms\n",
              producers, consumers, capacity, static_cast<unsigned long long>(n.kills),
              static_cast<unsigned long long>(n.stops), static_cast<unsigned long long>(n.popped),
              static_cast<unsigned long long>(n.redelivered), static_cast<unsigned long long>(n.tombs),
              static_cast<unsigned long long>(n.orphans), static_cast<unsigned long long>(n.uncertain),
              static_cast<unsigned long long>(n.lost), static_cast<unsigned long long>(n.may_lose), percentile(0.99), percentile(0.999),
              percentile(1));
  if (n.overtaken != 0) std::printf("  %llu messages came after one of a lower priority\n", static_cast<unsigned long long>(n.overtaken));
  std::fflush(stdout);
  CHECK(n.lost <= n.may_lose);
  CHECK(n.kills != 0);
  CHECK(percentile(1) < 2000);
}

double seconds_each() {
  const char* const asked = std::getenv("SLUICE_STRESS_SECONDS");
  return asked != nullptr ? std::atof(asked) : SLUICE_TEST_TIER_FULL ? 60 : sanitized ? 1 : 3;
}

}  // namespace

TEST_CASE("a work queue of many processes loses nothing but what the killed had popped") {
  kill_often<sluice::mpmc>(4, 4, 1000, seconds_each());
}

TEST_CASE("so does one with hardly any room, with one process on a side, and one of lanes") {
  kill_often<sluice::mpmc>(4, 4, 3, seconds_each());
  kill_often<sluice::mpsc>(4, 1, 100, seconds_each());
  kill_often<sluice::spmc>(1, 4, 100, seconds_each());
  kill_often<sluice::lanes>(4, 1, 100, seconds_each());
  kill_often<sluice::lanes>(4, 1, 3, seconds_each());
}

TEST_CASE("a queue with priorities loses nothing but what the killed had popped, and keeps the order of each producer and priority") {
  using kind = sluice::priorities_of<priorities>;
  kill_often<kind>(4, 4, 100, seconds_each());
  kill_often<kind>(4, 1, 3, seconds_each());
  kill_often<kind>(1, 1, 3, seconds_each());  // no message comes after one of a lower priority that was pushed after it
  kill_often<kind>(1, 1, 100, seconds_each());
}
