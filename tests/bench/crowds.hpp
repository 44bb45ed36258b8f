// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_CROWDS_HPP
#define SLUICE_BENCH_CROWDS_HPP

#include "peers_rings.hpp"
#include "peers_sluice.hpp"
#include "workload.hpp"

#include <mutex>
#include <vector>

// Queues with several threads on each side.

namespace bench {

/// ns per message through one link with `n` senders and `m` receivers. One on each side are pinned; more than the cpus can
/// run at a time are left to the scheduler on those two cpus, which is then part of what is measured.
template <class Link, class M>
[[gnu::noinline]] sample crowd_throughput(const arrangement& where, std::uint64_t messages, unsigned n, unsigned m) {
  const auto link = std::make_unique<Link>();
  const std::uint64_t each_sends = messages / n, each_gets = each_sends * n / m;
  std::atomic<unsigned> ready{0}, done{0};
  std::atomic<std::uint64_t> sum{0};
  std::atomic<double> began{0}, ended{0};
  const auto all_ready = [&] {
    ready.fetch_add(1);
    while (ready.load() < n + m) ::sched_yield();
    double none = 0;
    (void)began.compare_exchange_strong(none, now_ns());
  };
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < n; ++k)
    threads.emplace_back([&, k] {
      if (n + m == 2) pin(where.cpu[0]);
      else pin_to_both(where.cpu);
      typename Link::sender tx(*link);
      all_ready();
      for (std::uint64_t i = 0; i < each_sends; ++i) {
        M item{};
        item.v = k * each_sends + i;
        tx.send(item);
      }
      if (done.fetch_add(1) + 1 == n + m) ended = now_ns();
      while (done.load() < n + m) ::sched_yield();
    });
  for (unsigned k = 0; k < m; ++k)
    threads.emplace_back([&] {
      if (n + m == 2) pin(where.cpu[1]);
      else pin_to_both(where.cpu);
      typename Link::receiver rx(*link);
      all_ready();
      std::uint64_t mine = 0;
      for (std::uint64_t i = 0; i < each_gets; ++i) mine += rx.receive().v;
      sum.fetch_add(mine);
      if (done.fetch_add(1) + 1 == n + m) ended = now_ns();
      while (done.load() < n + m) ::sched_yield();
    });
  for (auto& t : threads) t.join();
  const std::uint64_t all = each_sends * n;
  if (each_gets * m != all || sum.load() != all * (all - 1) / 2) die("a message was lost or doubled");
  return {(ended.load() - began.load()) / static_cast<double>(all), 0, nullptr};
}

/// The bounded queue of Vyukov, bare: what an ordered ring costs that no process may die in.
template <class M, std::size_t Capacity, bool Yields = false>
struct bare_vyukov {
  static_assert((Capacity & (Capacity - 1)) == 0);
  struct cell {
    std::atomic<std::uint64_t> sequence;
    M item;
  };
  std::unique_ptr<cell[]> cells{new cell[Capacity]};
  alignas(128) std::atomic<std::uint64_t> tail{0};
  alignas(128) std::atomic<std::uint64_t> head{0};

  bare_vyukov() {
    for (std::size_t i = 0; i < Capacity; ++i) cells[i].sequence.store(i, std::memory_order_relaxed);
  }
  [[gnu::always_inline]] static void refused() {
    if (Yields) ::sched_yield();
  }
  struct sender {
    bare_vyukov& q;
    explicit sender(bare_vyukov& l) : q(l) {}
    [[gnu::always_inline]] void send(const M& m) {
      while (!try_send(m)) refused();
    }
    [[gnu::always_inline]] bool try_send(const M& m) {
      std::uint64_t at = q.tail.load(std::memory_order_relaxed);
      for (;;) {
        cell& c = q.cells[at & (Capacity - 1)];
        const auto ahead = static_cast<std::int64_t>(c.sequence.load(std::memory_order_acquire) - at);
        if (ahead < 0) return false;
        if (ahead > 0) {
          at = q.tail.load(std::memory_order_relaxed);
        } else if (q.tail.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
          c.item = m;
          c.sequence.store(at + 1, std::memory_order_release);
          return true;
        }
      }
    }
  };
  struct receiver {
    bare_vyukov& q;
    explicit receiver(bare_vyukov& l) : q(l) {}
    [[gnu::always_inline]] M receive() {
      M m;
      while (!try_receive(m)) refused();
      return m;
    }
    [[gnu::always_inline]] bool try_receive(M& m) {
      std::uint64_t at = q.head.load(std::memory_order_relaxed);
      for (;;) {
        cell& c = q.cells[at & (Capacity - 1)];
        const auto ahead = static_cast<std::int64_t>(c.sequence.load(std::memory_order_acquire) - (at + 1));
        if (ahead < 0) return false;
        if (ahead > 0) {
          at = q.head.load(std::memory_order_relaxed);
        } else if (q.head.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
          m = c.item;
          c.sequence.store(at + Capacity, std::memory_order_release);
          return true;
        }
      }
    }
  };
};

/// One of our kinds with many ends, each side with a clone of its own.
template <class M, class Kind, form Form, sluice::wait_strategy Waits = sluice::wait_strategy::spin_then_park>
struct ours_crowd {
  using ends_type = decltype(sluice::channel<M, Kind>());
  using tx_type = decltype(ends_type::tx);
  using rx_type = decltype(ends_type::rx);

  ends_type ends = sluice::channel<M, Kind>(link_capacity, {.wait = Waits});
  std::mutex one_at_a_time;

  // The first of a side takes the end itself, for kinds that allow no other.
  template <class End>
  End another(End& first) {
    const std::lock_guard lock(one_at_a_time);
    if (auto more = first.clone()) return std::move(*more);
    return std::move(first);
  }
  struct sender : ours_sender<tx_type, Form> {
    explicit sender(ours_crowd& l) : ours_sender<tx_type, Form>{l.another(l.ends.tx)} {}
  };
  struct receiver : ours_receiver<rx_type, Form> {
    explicit receiver(ours_crowd& l) : ours_receiver<rx_type, Form>{l.another(l.ends.rx)} {}
  };
};

}  // namespace bench

#endif
