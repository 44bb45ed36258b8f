// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_STRESS_LINEARIZABILITY_HPP
#define SLUICE_TESTS_STRESS_LINEARIZABILITY_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

// Was a history of concurrent calls on a first-in first-out queue possible: is there one order of all calls, in which
// each takes effect between its beginning and its end, that a queue could have given?
//
// For distinct values that holds if and only if none of a few patterns occurs (Henzinger, Sezgin, Vafeiadis: Aspect-
// oriented linearizability proofs), each of which is looked for in O(n log n). Any number of producers and consumers.
// The test beside this file compares the answer with an exhaustive search.

namespace stress {

/// One call. Times are of one clock for all threads; of two calls, the one that ended before the other began was first.
struct event {
  enum kind : std::uint8_t {
    push,   // accepted
    pop,    // gave `value`
    empty,  // a pop that said empty
    full,   // a push that said full
  } what;
  std::uint64_t value = 0;
  std::int64_t began = 0;
  std::int64_t ended = never;

  /// Of a call that never came back, because its process was killed. Such a push may have happened or not; a pop is one
  /// whose value is known to be gone, as read off the ring. Calls that had no effect are left out.
  static constexpr std::int64_t never = INT64_MAX;
};

enum class fault : std::uint8_t {
  none,
  pushed_twice,     // the history itself is unfit: values must be distinct
  popped_twice,
  out_of_nothing,   // popped and never pushed, or before its push began
  overtaken,        // a later push was popped before
  not_empty,        // said empty while at every moment some message was certainly inside
  not_full,         // said full while at every moment there was certainly room
};

namespace detail {

// A pop that never ended has nevertheless happened, and so before any that never will.
constexpr std::int64_t in_the_end = event::never - 1;

struct life {
  std::int64_t push_began = event::never, push_ended = event::never, pop_began = event::never, pop_ended = event::never;
  bool pushed = false, popped = false;
};
struct interval {
  std::int64_t from, to;
};

// v1 was pushed before v2, and v2 popped before v1. Over all v2 by the beginning of their push, with the latest begin of
// a pop among those v1 whose push had ended.
inline bool overtaken(const std::vector<life>& all) {
  std::vector<interval> first, second;  // {push ended, pop began}, {push began, pop ended}
  for (const life& l : all) {
    if (l.push_ended != event::never) first.push_back({l.push_ended, l.pop_began});
    if (l.popped) second.push_back({l.push_began, l.pop_ended});
  }
  const auto by_start = [](const interval& a, const interval& b) { return a.from < b.from; };
  std::sort(first.begin(), first.end(), by_start);
  std::sort(second.begin(), second.end(), by_start);
  std::size_t i = 0;
  std::int64_t latest = INT64_MIN;
  for (const interval& v2 : second) {
    for (; i < first.size() && first[i].from < v2.from; ++i) latest = std::max(latest, first[i].to);
    if (latest > v2.to) return true;
  }
  return false;
}

// When some message was certainly inside: from the end of its push to the beginning of its pop, merged.
inline std::vector<interval> never_empty(const std::vector<life>& all) {
  std::vector<interval> inside, merged;
  for (const life& l : all)
    if (l.push_ended < l.pop_began) inside.push_back({l.push_ended, l.pop_began});
  std::sort(inside.begin(), inside.end(), [](const interval& a, const interval& b) { return a.from < b.from; });
  for (const interval& i : inside) {
    if (!merged.empty() && i.from < merged.back().to) merged.back().to = std::max(merged.back().to, i.to);
    else merged.push_back(i);
  }
  return merged;
}
inline bool covered(const std::vector<interval>& merged, const event& e) {
  auto i = std::lower_bound(merged.begin(), merged.end(), e.began, [](const interval& m, std::int64_t t) { return m.from < t; });
  return i != merged.begin() && (--i)->to > e.ended;
}

// Could there have been `capacity` messages inside at some moment of the call? Counted from above: each from the begin
// of its push to the end of its pop. Necessary for `full`, not sufficient.
inline bool any_without_room(const std::vector<life>& all, std::span<const event> fulls, std::size_t capacity) {
  struct change {
    std::int64_t at;
    int order;  // at one moment: first who may come, then who asks, then who may go
    int by;
    std::size_t asks;
  };
  std::vector<change> sweep;
  for (const life& l : all) {
    if (!l.pushed) continue;
    sweep.push_back({l.push_began, 0, 1, 0});
    if (l.popped) sweep.push_back({l.pop_ended, 2, -1, 0});
  }
  // It is enough to look at the begin of the call and at every push that begins during it.
  std::vector<std::int64_t> most(fulls.size(), 0);
  for (std::size_t k = 0; k < fulls.size(); ++k) sweep.push_back({fulls[k].began, 1, 0, k});
  std::sort(sweep.begin(), sweep.end(), [](const change& a, const change& b) { return a.at != b.at ? a.at < b.at : a.order < b.order; });
  std::vector<interval> peaks;  // {time, occupancy} after each push began
  std::int64_t inside = 0;
  for (const change& c : sweep) {
    inside += c.by;
    if (c.order == 0) peaks.push_back({c.at, inside});
    if (c.order == 1) most[c.asks] = inside;
  }
  // For "was there a peak of at least `capacity` in [began, ended]?" the times of such peaks suffice.
  std::vector<std::int64_t> high;
  for (const interval& p : peaks)
    if (p.to >= static_cast<std::int64_t>(capacity)) high.push_back(p.from);
  for (std::size_t k = 0; k < fulls.size(); ++k) {
    if (most[k] >= static_cast<std::int64_t>(capacity)) continue;
    const auto next = std::lower_bound(high.begin(), high.end(), fulls[k].began);
    if (next == high.end() || *next > fulls[k].ended) return true;
  }
  return false;
}

}  // namespace detail

/// The first fault found; `capacity` 0: `full` is not judged.
inline fault check_fifo(std::span<const event> history, std::size_t capacity = 0) {
  std::unordered_map<std::uint64_t, std::size_t> index;
  std::vector<detail::life> lives;
  std::vector<event> fulls;
  const auto life_of = [&](std::uint64_t value) -> detail::life& {
    const auto [at, fresh] = index.try_emplace(value, lives.size());
    if (fresh) lives.emplace_back();
    return lives[at->second];
  };
  for (const event& e : history) {
    if (e.what == event::push) {
      auto& l = life_of(e.value);
      if (std::exchange(l.pushed, true)) return fault::pushed_twice;
      l.push_began = e.began, l.push_ended = e.ended;
    } else if (e.what == event::pop) {
      auto& l = life_of(e.value);
      if (std::exchange(l.popped, true)) return fault::popped_twice;
      l.pop_began = e.began, l.pop_ended = std::min(e.ended, detail::in_the_end);
    } else if (e.what == event::full) {
      fulls.push_back(e);
    }
  }
  for (const auto& l : lives)
    if (l.popped && (!l.pushed || l.pop_ended < l.push_began)) return fault::out_of_nothing;
  if (detail::overtaken(lives)) return fault::overtaken;
  const auto occupied = detail::never_empty(lives);
  for (const event& e : history)
    if (e.what == event::empty && detail::covered(occupied, e)) return fault::not_empty;
  if (capacity != 0 && detail::any_without_room(lives, fulls, capacity)) return fault::not_full;
  return fault::none;
}

}  // namespace stress

#endif
