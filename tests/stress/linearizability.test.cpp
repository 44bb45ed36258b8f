// SPDX-License-Identifier: MIT
#include "linearizability.hpp"

#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/channel/crowds.hpp>
#include <sluice/channel/lanes.hpp>
#include <sluice/channel/priorities.hpp>
#include <sluice/channel/shared.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <array>
#include <atomic>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <thread>

// First the judge is judged: against a search through all orders, on small random histories of which many are wrong.
// Then it judges what threads have really done with the rings.

namespace {

using stress::event;
using stress::fault;
using u64 = std::uint64_t;

/// All orders that the times allow, tried one after the other.
class exhaustive {
 public:
  exhaustive(const std::vector<event>& h, std::size_t capacity) : h_(h), capacity_(capacity) {
    for (std::size_t i = 0; i < h.size(); ++i)
      if (h[i].ended != event::never || h[i].what == event::pop) needed_ |= 1u << i;
  }
  bool possible() { return from(0, {}); }

 private:
  bool from(unsigned done, const std::string& queue) {
    if ((done & needed_) == needed_) return true;
    if (!seen_.insert({done, queue}).second) return false;
    std::int64_t first_end = event::never;
    for (std::size_t i = 0; i < h_.size(); ++i)
      if ((done >> i & 1u) == 0) first_end = std::min(first_end, h_[i].ended);
    for (std::size_t i = 0; i < h_.size(); ++i) {
      const event& e = h_[i];
      if ((done >> i & 1u) != 0 || e.began > first_end) continue;
      const char v = static_cast<char>(e.value);
      const unsigned next = done | 1u << i;
      const bool has_room = capacity_ == 0 || queue.size() < capacity_;
      switch (e.what) {
        case event::push:
          if (has_room && from(next, queue + v)) return true;
          break;
        case event::pop:
          if (!queue.empty() && queue.front() == v && from(next, queue.substr(1))) return true;
          break;
        case event::empty:
          if (queue.empty() && from(next, queue)) return true;
          break;
        case event::full:
          if ((capacity_ == 0 || !has_room) && from(next, queue)) return true;
          break;
      }
    }
    return false;
  }

  const std::vector<event>& h_;
  std::size_t capacity_;
  unsigned needed_ = 0;
  std::set<std::pair<unsigned, std::string>> seen_;
};

/// A history of a few threads on a queue that now and then takes from the middle, forgets, repeats, or lies.
std::vector<event> some_history(test::dice& d, std::size_t capacity) {
  struct thread {
    bool busy = false, effective = false;
    event e{};
  };
  std::array<thread, 4> threads;
  const std::size_t n_threads = d.below(3) + 2, n_calls = d.below(7) + 3;
  std::vector<event> done;
  std::vector<u64> queue;
  const u64 honesty = d.below(3) == 0 ? 1'000'000 : 6;  // a third of the histories are of a correct queue
  std::size_t calls = 0;
  u64 next = 1;
  for (std::int64_t t = 1; done.size() < n_calls; ++t) {
    auto& th = threads[d.below(n_threads)];
    event& e = th.e;
    if (!th.busy) {
      if (calls == n_calls) continue;
      ++calls;
      e = {d.below(2) == 0 ? event::push : event::pop, 0, t, event::never};
      if (e.what == event::push) e.value = next++;
      th = {true, false, e};
    } else if (!th.effective) {
      th.effective = true;
      const bool lie = d.below(honesty) == 0;
      if (e.what == event::push) {
        if (capacity != 0 && (queue.size() >= capacity) != lie) e.what = event::full;
        else if (!lie || d.below(2) == 0) queue.push_back(e.value);
      } else if (queue.empty() != lie) {
        if (lie && d.below(2) == 0 && next > 1) e.value = d.below(next) + 1;
        else e.what = event::empty;
      } else if (queue.empty()) {
        e.value = d.below(next) + 1;
      } else {
        const std::size_t at = d.below(honesty) == 0 ? d.below(queue.size()) : 0;
        e.value = queue[at];
        if (d.below(honesty) != 0) queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(at));
      }
    } else {
      e.ended = t;
      if (e.what == event::push && d.below(12) == 0) e.ended = event::never;
      if (e.what == event::pop && d.below(12) == 0) e.ended = event::never;
      done.push_back(e);
      th.busy = false;
    }
  }
  return done;
}

bool repeats(const std::vector<event>& h) {
  std::set<u64> values;
  return std::any_of(h.begin(), h.end(), [&](const event& e) { return e.what == event::pop && !values.insert(e.value).second; });
}

// The moment by which everything that the call stored can be seen by all: on x86 too a store may wait in its core until
// after the clock has been read, and then a call that began later would rightly say empty or full.
std::int64_t seen_by_all() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return test::now_ns();
}

/// What threads do with the ends of one channel, recorded. For any numbers of sinks and sources.
template <class Sink, class Source>
std::vector<event> record(std::vector<Sink> sinks, std::vector<Source> sources, u64 messages, u64 seed) {
  std::vector<std::vector<event>> all(sinks.size() + sources.size());
  std::atomic<unsigned> ready{0}, producing{static_cast<unsigned>(sinks.size())};
  const auto meet = [&] {
    ++ready;
    while (ready != all.size()) sluice::native_memory::pause();
  };
  std::vector<std::thread> threads;
  for (std::size_t k = 0; k < sinks.size(); ++k) {
    threads.emplace_back([&, k, tx = std::move(sinks[k])]() mutable {
      auto& h = all[k];
      h.reserve(messages * 3);
      test::dice d(seed + k);
      u64 n = 0;
      meet();
      for (unsigned refused = 0; n < messages;) {
        event e{event::push, (u64{k} << 40) + n, test::now_ns(), 0};
        const auto s = tx.try_push(e.value);
        e.ended = seen_by_all();
        if (!s) e.what = event::full;
        const bool says_something = s || s.err() == sluice::errc::full;  // `pending` is not the state of a queue
        if (says_something && (s || refused < 4)) h.push_back(e);
        refused = s ? 0 : refused + 1;
        if (s) ++n;
        if (refused > 4 || d.below(64) == 0) std::this_thread::yield();
      }
      --producing;
      while (producing != 0) std::this_thread::yield();
    });
  }
  for (std::size_t k = 0; k < sources.size(); ++k) {
    threads.emplace_back([&, k, rx = std::move(sources[k])]() mutable {
      auto& h = all[sinks.size() + k];
      h.reserve(messages * 3);
      test::dice d(seed ^ (k + 77));
      meet();
      bool last = false;
      for (unsigned refused = 0;;) {
        event e{event::pop, 0, test::now_ns(), 0};
        const auto v = rx.try_pop();
        e.ended = seen_by_all();
        if (v) e.value = *v;
        else if (v.err().again()) e.what = event::empty;
        else break;
        const bool says_something = v || v.err() == sluice::errc::empty;
        if (says_something && (v || refused < 4)) h.push_back(e);
        refused = v ? 0 : refused + 1;
        if (!v && std::exchange(last, producing == 0)) break;
        if (refused > 4 || d.below(64) == 0) std::this_thread::yield();
      }
    });
  }
  for (auto& t : threads) t.join();
  std::vector<event> h;
  for (const auto& part : all) h.insert(h.end(), part.begin(), part.end());
  return h;
}

// On a busy machine threads may run one after the other: histories go on until what they shall show has been there.
constexpr unsigned patience = 1000;

std::size_t count(const std::vector<event>& h, event::kind k) {
  return static_cast<std::size_t>(std::count_if(h.begin(), h.end(), [&](const event& e) { return e.what == k; }));
}

}  // namespace

TEST_CASE("the judge of histories agrees with an exhaustive search") {
  const unsigned n = rounds(SLUICE_TEST_TIER_FULL ? 2'000'000 : 60'000);
  test::dice d(1);
  unsigned by_fault[7] = {}, possible = 0, disagreements = 0;
  for (unsigned i = 0; i < n; ++i) {
    const auto h = some_history(d, 0);
    const fault f = stress::check_fifo(h);
    const bool ok = !repeats(h) && exhaustive(h, 0).possible();
    ++by_fault[static_cast<unsigned>(f)];
    possible += ok ? 1u : 0u;
    disagreements += ok == (f == fault::none) ? 0u : 1u;
  }
  std::printf("%u histories, %u possible; popped twice %u, out of nothing %u, overtaken %u, not empty %u; disagreements %u\n", n,
              possible, by_fault[2], by_fault[3], by_fault[4], by_fault[5], disagreements);
  CHECK(disagreements == 0);
  CHECK(by_fault[1] == 0);
  for (const fault f : {fault::none, fault::popped_twice, fault::out_of_nothing, fault::overtaken, fault::not_empty}) {
    INFO("fault " << static_cast<int>(f));
    CHECK(by_fault[static_cast<unsigned>(f)] > n / 200);  // each pattern has been there to be seen
  }
}

TEST_CASE("a full queue is never called wrong where a search finds it possible, and often where it does not") {
  const unsigned n = rounds(SLUICE_TEST_TIER_FULL ? 1'000'000 : 40'000);
  test::dice d(2);
  unsigned false_alarms = 0, impossible = 0, found = 0;
  for (unsigned i = 0; i < n; ++i) {
    const std::size_t capacity = d.below(3) + 1;
    const auto h = some_history(d, capacity);
    if (repeats(h) || stress::check_fifo(h) != fault::none) continue;
    const bool ok = exhaustive(h, capacity).possible();
    const bool objected = stress::check_fifo(h, capacity) == fault::not_full;
    false_alarms += ok && objected ? 1u : 0u;
    impossible += ok ? 0u : 1u;
    found += !ok && objected ? 1u : 0u;
  }
  std::printf("of %u histories that break only the capacity, %u are recognised; false alarms %u\n", impossible, found, false_alarms);
  CHECK(false_alarms == 0);
  CHECK(found > n / 200);
}

TEST_CASE("what two threads do with an spsc channel could have happened one after the other") {
  const std::size_t capacity = GENERATE(1u, 2u, 3u, 8u, 1000u);
  const bool shared = GENERATE(false, true);
  const unsigned least = SLUICE_TEST_TIER_FULL ? 200 : 4;
  std::size_t pushes = 0, pops = 0, empties = 0, fulls = 0;
  const auto all_seen = [&] { return empties > 0 && (fulls > 0 || capacity >= 9); };
  unsigned i = 0;
  for (; i < least || (!all_seen() && i < patience); ++i) {
    std::vector<event> h;
    if (shared) {
      const test::scratch dir;
      sluice::ring_options o;
      o.directory = dir.c_str();
      o.capacity = capacity;
      auto tx = sluice::shm_sink<u64>("ring", o);
      auto rx = sluice::shm_source<u64>("ring", o);
      REQUIRE((tx && rx));
      std::vector<std::remove_reference_t<decltype(*tx)>> sinks;
      std::vector<std::remove_reference_t<decltype(*rx)>> sources;
      sinks.push_back(std::move(*tx)), sources.push_back(std::move(*rx));
      h = record(std::move(sinks), std::move(sources), rounds(10'000), i);
    } else {
      auto [tx, rx] = sluice::channel<u64>(capacity);
      std::vector<decltype(tx)> sinks;
      std::vector<decltype(rx)> sources;
      sinks.push_back(std::move(tx)), sources.push_back(std::move(rx));
      h = record(std::move(sinks), std::move(sources), rounds(10'000), i);
    }
    CHECK(stress::check_fifo(h, capacity) == fault::none);
    pushes += count(h, event::push), pops += count(h, event::pop);
    empties += count(h, event::empty), fulls += count(h, event::full);

    // The same history with one lie in it is found out.
    auto swapped = h;
    std::vector<std::size_t> popped;
    for (std::size_t k = 0; k < h.size(); ++k)
      if (h[k].what == event::pop) popped.push_back(k);
    REQUIRE(popped.size() > 100);
    std::swap(swapped[popped[10]].value, swapped[popped[90]].value);
    CHECK(stress::check_fifo(swapped, capacity) != fault::none);
    auto repeated = h;
    repeated[popped[10]].value = h[popped[11]].value;
    CHECK(stress::check_fifo(repeated, capacity) == fault::popped_twice);
  }
  std::printf("%s capacity %zu: %zu pushes, %zu pops, %zu empty, %zu full, in %u histories\n", shared ? "shm" : "channel", capacity,
              pushes, pops, empties, fulls, i);
  CHECK(pushes == pops);
  CHECK(all_seen());
}

TEST_CASE("what many threads do with an ordered channel could have happened one after the other") {
  const std::size_t capacity = GENERATE(1u, 2u, 3u, 8u, 1000u);
  const unsigned each = GENERATE(2u, 4u);
  const unsigned least = SLUICE_TEST_TIER_FULL ? 200 : 3;
  std::size_t pushes = 0, pops = 0, empties = 0, fulls = 0;
  unsigned i = 0;
  for (; i < least || (empties == 0 && i < patience); ++i) {
    auto [tx, rx] = sluice::channel<u64, sluice::mpmc>(capacity);
    std::vector<decltype(tx)> sinks;
    std::vector<decltype(rx)> sources;
    for (unsigned k = 0; k < each; ++k) sinks.push_back(std::move(*tx.clone())), sources.push_back(std::move(*rx.clone()));
    const auto h = record(std::move(sinks), std::move(sources), rounds(4'000), i);
    CHECK(stress::check_fifo(h, capacity) == fault::none);
    pushes += count(h, event::push), pops += count(h, event::pop);
    empties += count(h, event::empty), fulls += count(h, event::full);
  }
  std::printf("mpmc %u x %u, capacity %zu: %zu pushes, %zu pops, %zu empty, %zu full, in %u histories\n", each, each, capacity, pushes,
              pops, empties, fulls, i);
  CHECK(pushes == pops);
  CHECK(empties > 0);
}

namespace {

// Of lanes: what one producer did, and what consumers had of it or did not have.
std::vector<event> of_producer(const std::vector<event>& h, u64 k) {
  std::vector<event> part;
  for (const event& e : h)
    if (e.what == event::empty || e.value >> 40 == k) part.push_back(e);
  return part;
}
// Is this history of values 0, 1, 2... that of a register: does each read give the newest value, of which no earlier read gave
// one as new? `empty`: nothing newer than what this reader has had.
bool reads_as_a_register(const std::vector<event>& pushes, const std::vector<event>& reads) {
  u64 next = 0;  // that has not been had
  for (const event& r : reads) {
    // What was pushed for certain before the read began; the pushes are in order.
    const auto known = std::partition_point(pushes.begin(), pushes.end(), [&](const event& p) { return p.ended < r.began; }) - pushes.begin();
    if (r.what == event::empty) {
      if (static_cast<u64>(known) > next) return false;
    } else {
      if (r.value < next || r.value + 1 < static_cast<u64>(known) || r.value >= pushes.size()) return false;
      if (pushes[r.value].began > r.ended) return false;
      next = r.value + 1;
    }
  }
  return true;
}
/// One producer and some readers, each of which has a history of its own.
template <class Kind>
std::vector<std::vector<event>> record_audience(std::size_t capacity, unsigned readers, u64 messages, u64 seed) {
  auto [tx, rx] = sluice::channel<u64, Kind>(capacity);
  std::vector<std::vector<event>> all(readers + 1);
  std::vector<decltype(rx)> sources;
  for (unsigned k = 1; k < readers; ++k) sources.push_back(std::move(*rx.clone()));
  sources.push_back(std::move(rx));
  std::atomic<bool> over{false};
  std::atomic<unsigned> ready{0};
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < readers; ++k)
    threads.emplace_back([&, k] {
      test::dice d(seed + k);
      unsigned refused = 0;
      ++ready;
      for (bool last = false;;) {
        event e{event::pop, 0, test::now_ns(), 0};
        const auto v = sources[k].try_pop();
        e.ended = seen_by_all();
        if (v) e.value = *v;
        else e.what = event::empty;
        refused = v ? 0 : refused + 1;
        if (refused < 4) all[k + 1].push_back(e);
        if (!v && std::exchange(last, over.load())) return;
        if (refused > 4 || d.below(64) == 0) std::this_thread::yield();
      }
    });
  while (ready != readers) std::this_thread::yield();
  for (u64 n = 0; n < messages;) {
    if (n % 64 == 0) std::this_thread::yield();
    event e{event::push, n, test::now_ns(), 0};
    const auto s = tx.try_push(n);
    e.ended = seen_by_all();
    if (s) all[0].push_back(e), ++n;
    else std::this_thread::yield();
  }
  over = true;
  for (auto& t : threads) t.join();
  return all;
}

}  // namespace

TEST_CASE("what threads do with lanes could have happened, for each producer, one after the other") {
  const std::size_t capacity = GENERATE(1u, 3u, 100u);
  std::size_t pops = 0, empties = 0, fulls = 0;
  for (unsigned i = 0; i < (SLUICE_TEST_TIER_FULL ? 100u : 2u) || (empties == 0 && i < patience); ++i) {
    constexpr unsigned each = 3;
    auto [tx, rx] = sluice::channel<u64, sluice::lanes>(capacity);
    std::vector<decltype(tx)> sinks;
    std::vector<decltype(rx)> sources;
    for (unsigned k = 1; k < each; ++k) sinks.push_back(std::move(*tx.clone()));
    sinks.push_back(std::move(tx)), sources.push_back(std::move(rx));
    auto h = record(std::move(sinks), std::move(sources), rounds(4'000), i);
    for (unsigned k = 0; k < each; ++k) CHECK(stress::check_fifo(of_producer(h, k), capacity) == fault::none);
    pops += count(h, event::pop), empties += count(h, event::empty), fulls += count(h, event::full);
    auto swapped = of_producer(h, 0);
    std::vector<std::size_t> popped;
    for (std::size_t k = 0; k < swapped.size(); ++k)
      if (swapped[k].what == event::pop) popped.push_back(k);
    std::swap(swapped[popped[10]].value, swapped[popped[90]].value);
    CHECK(stress::check_fifo(swapped, capacity) != fault::none);
  }
  std::printf("lanes, capacity %zu: %zu pops, %zu empty, %zu full\n", capacity, pops, empties, fulls);
  CHECK(empties > 0);
}

namespace {

constexpr unsigned priorities = 3;
constexpr unsigned priority_of(u64 value) noexcept { return static_cast<unsigned>(value % priorities); }

/// Pushes each message at its priority.
template <class Sink>
struct at_its_priority : Sink {
  explicit at_its_priority(Sink&& s) noexcept : Sink(std::move(s)) {}
  sluice::status try_push(u64 value) { return Sink::try_push(value, priority_of(value)); }
};

/// What was done at one priority, and who found nothing at any.
std::vector<event> at_priority(const std::vector<event>& h, unsigned p, bool with_empties) {
  std::vector<event> part;
  for (const event& e : h)
    if (e.what == event::empty ? with_empties : priority_of(e.value) == p) part.push_back(e);
  return part;
}
/// Was a message popped while one of a higher priority was certainly there, from before that pop until after it?
bool passed_over(const std::vector<event>& h) {
  struct stay {
    std::int64_t from = event::never, to = event::never;
  };
  for (unsigned p = 0; p < priorities; ++p) {
    std::map<u64, stay> above;
    for (const event& e : h) {
      if (e.what == event::empty || e.what == event::full || priority_of(e.value) <= p) continue;
      (e.what == event::push ? above[e.value].from : above[e.value].to) = e.what == event::push ? e.ended : e.began;
    }
    std::vector<stay> stays;
    for (const auto& [value, s] : above) stays.push_back(s);
    std::sort(stays.begin(), stays.end(), [](const stay& a, const stay& b) { return a.from < b.from; });
    for (std::size_t k = 1; k < stays.size(); ++k) stays[k].to = std::max(stays[k].to, stays[k - 1].to);
    for (const event& e : h) {
      if (e.what != event::pop || priority_of(e.value) != p) continue;
      const auto later = std::lower_bound(stays.begin(), stays.end(), e.began, [](const stay& a, std::int64_t t) { return a.from < t; });
      if (later != stays.begin() && std::prev(later)->to > e.ended) return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("what threads do with a queue with priorities could have happened, for each priority, one after the other") {
  const std::size_t capacity = GENERATE(1u, 3u, 100u);
  const auto [pushers, poppers] = GENERATE(std::pair(1u, 1u), std::pair(3u, 1u), std::pair(3u, 3u));
  std::size_t pops = 0, empties = 0, fulls = 0, behind = 0;
  for (unsigned i = 0; i < (SLUICE_TEST_TIER_FULL ? 100u : 2u) || (empties == 0 && i < patience); ++i) {
    auto [tx, rx] = sluice::channel<u64, sluice::priorities_of<priorities>>(capacity);
    std::vector<at_its_priority<decltype(tx)>> sinks;
    std::vector<decltype(rx)> sources;
    for (unsigned k = 1; k < pushers; ++k) sinks.emplace_back(std::move(*tx.clone()));
    for (unsigned k = 1; k < poppers; ++k) sources.push_back(std::move(*rx.clone()));
    sinks.emplace_back(std::move(tx)), sources.push_back(std::move(rx));
    const auto h = record(std::move(sinks), std::move(sources), rounds(4'000), i);
    // Where several pop at once, that nothing was found in one ring after the other does not mean that all were empty.
    for (unsigned p = 0; p < priorities; ++p) CHECK(stress::check_fifo(at_priority(h, p, poppers == 1), capacity) == fault::none);
    const bool passed = passed_over(h);
    if (pushers * poppers == 1) CHECK_FALSE(passed);
    behind += passed ? 1u : 0u;
    pops += count(h, event::pop), empties += count(h, event::empty), fulls += count(h, event::full);

    auto swapped = at_priority(h, 0, false);
    std::vector<std::size_t> popped;
    for (std::size_t k = 0; k < swapped.size(); ++k)
      if (swapped[k].what == event::pop) popped.push_back(k);
    REQUIRE(popped.size() > 20);
    std::swap(swapped[popped[popped.size() / 10]].value, swapped[popped[popped.size() * 9 / 10]].value);
    CHECK(stress::check_fifo(swapped, capacity) != fault::none);
  }
  std::printf("priorities %u x %u, capacity %zu: %zu pops, %zu empty, %zu full; something higher was passed over in %zu histories\n",
              pushers, poppers, capacity, pops, empties, fulls, behind);
  CHECK(empties > 0);
}
TEST_CASE("a queue that knows of no priorities is found to pass over what is higher") {
  unsigned i = 0;
  for (bool found = false; !found; ++i) {
    REQUIRE(i < patience);
    auto [tx, rx] = sluice::channel<u64>(100);
    std::vector<decltype(tx)> sinks;
    std::vector<decltype(rx)> sources;
    sinks.push_back(std::move(tx)), sources.push_back(std::move(rx));
    found = passed_over(record(std::move(sinks), std::move(sources), rounds(4'000), i));
  }
}
TEST_CASE("each reader of a broadcast sees what one queue of its own could have given") {
  const std::size_t capacity = GENERATE(1u, 3u, 100u);
  std::size_t pops = 0, empties = 0;
  for (unsigned i = 0; i < (SLUICE_TEST_TIER_FULL ? 100u : 2u) || (empties == 0 && i < patience); ++i) {
    const auto all = record_audience<sluice::broadcast>(capacity, 3, rounds(4'000), i);
    for (std::size_t k = 1; k < all.size(); ++k) {
      auto h = all[0];
      h.insert(h.end(), all[k].begin(), all[k].end());
      CHECK(stress::check_fifo(h) == fault::none);
      CHECK(count(h, event::pop) == all[0].size());
      pops += count(h, event::pop), empties += count(h, event::empty);
    }
  }
  std::printf("broadcast, capacity %zu: %zu pops, %zu empty\n", capacity, pops, empties);
  CHECK(empties > 0);
}
TEST_CASE("each reader of a newest value reads it as a register") {
  const std::size_t capacity = GENERATE(1u, 3u);
  std::size_t pops = 0, empties = 0;
  for (unsigned i = 0; i < (SLUICE_TEST_TIER_FULL ? 100u : 3u) || (pops <= 10 && i < patience); ++i) {
    const auto all = record_audience<sluice::latest>(capacity, 2, rounds(20'000), i);
    for (std::size_t k = 1; k < all.size(); ++k) {
      CHECK(reads_as_a_register(all[0], all[k]));
      pops += count(all[k], event::pop), empties += count(all[k], event::empty);
      // An old value, or one that was not there yet, is found out.
      auto old = all[k];
      for (event& e : old)
        if (e.what == event::pop && e.value > 10) e.value -= 2;
      CHECK_FALSE(reads_as_a_register(all[0], old));
    }
  }
  std::printf("latest, capacity %zu: %zu pops, %zu empty\n", capacity, pops, empties);
  CHECK(pops > 10);
}
