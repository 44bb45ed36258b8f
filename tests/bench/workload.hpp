// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_WORKLOAD_HPP
#define SLUICE_BENCH_WORKLOAD_HPP

#include "histogram.hpp"
#include "meeting.hpp"

#include <memory>
#include <optional>

// The drivers. They are templates over a link, so that every candidate is compiled into the very same loop:
//
//   Link()                                   made before the sides start
//   Link::sender(Link&), Link::receiver(Link&)   made by the side that uses it, on its own stack
//   sender.send(m), receiver.receive()       one message, waiting as the candidate waits
//   sender.send_batch(m, n), receiver.receive_batch(m, n)   all of n; at least one of up to n
//
// The payload is checked in all of them, and one sample is one timed batch of many messages.

namespace bench {

struct sample {
  double ns = 0;       // of one message, or one round trip
  long preempted = 0;  // see meeting
  std::shared_ptr<histogram> latency;
};

/// What each side does besides sending and receiving.
struct busy {
  unsigned producer = 0, consumer = 0;  // units of work() per message
};

/// Messages before time is taken: fresh pages and cold lines are not what is measured.
inline constexpr std::uint64_t warm_up_messages = 2048;

/// ns per message, less the private work of the slower side. The receiver takes both times: in a steady state its rate is
/// that of the whole.
template <class Link, class M>
[[gnu::noinline]] sample throughput(const arrangement& where, std::uint64_t messages, busy b) {
  const auto link = std::make_unique<Link>();
  meeting_place place;
  auto& m = *place;
  run_sides(
      where, m,
      [&] {
        typename Link::sender tx(*link);
        if (b.producer != 0) m.worked = work_ns(b.producer);
        if (!m.wait(1)) return;
        std::optional<preemptions> counting(m.preempted);
        for (std::uint64_t i = 0; i < messages + warm_up_messages; ++i) {
          work(b.producer);
          M item{};
          item.v = i;
          tx.send(item);
        }
        counting.reset();
        m.wait(2);
      },
      [&] {
        typename Link::receiver rx(*link);
        if (b.consumer != 0) m.worked = work_ns(b.consumer);
        if (!m.wait(1)) return;
        std::optional<preemptions> counting(m.preempted);
        std::uint64_t wrong = 0;
        for (std::uint64_t i = 0; i < messages + warm_up_messages; ++i) {
          if (i == warm_up_messages) m.began = now_ns();
          const M item = rx.receive();
          wrong |= item.v ^ i;
          work(b.consumer);
        }
        m.ended = now_ns();
        if (wrong != 0) die("a message was lost, doubled or out of order");
        counting.reset();
        m.wait(2);
      });
  return {(m.ended - m.began) / static_cast<double>(messages) - m.worked, m.preempted, nullptr};
}

/// The same in batches of 64.
template <class Link, class M>
[[gnu::noinline]] sample batches(const arrangement& where, std::uint64_t messages) {
  constexpr std::size_t size = 64;
  messages -= messages % size;
  std::uint64_t first = 0;  // the first message that counts
  const auto link = std::make_unique<Link>();
  meeting_place place;
  auto& m = *place;
  run_sides(
      where, m,
      [&] {
        typename Link::sender tx(*link);
        M items[size] = {};
        if (!m.wait(1)) return;
        std::optional<preemptions> counting(m.preempted);
        for (std::uint64_t i = 0; i < messages + warm_up_messages; i += size) {
          for (std::size_t k = 0; k < size; ++k) items[k].v = i + k;
          tx.send_batch(items, size);
        }
        counting.reset();
        m.wait(2);
      },
      [&] {
        typename Link::receiver rx(*link);
        M items[size] = {};
        if (!m.wait(1)) return;
        std::optional<preemptions> counting(m.preempted);
        std::uint64_t wrong = 0;
        for (std::uint64_t i = 0, timed = 0; i < messages + warm_up_messages;) {
          if (i >= warm_up_messages && timed++ == 0) first = i, m.began = now_ns();
          const std::size_t n = rx.receive_batch(items, size);
          for (std::size_t k = 0; k < n; ++k) wrong |= items[k].v ^ (i + k);
          i += n;
        }
        m.ended = now_ns();
        if (wrong != 0) die("a message was lost, doubled or out of order");
        counting.reset();
        m.wait(2);
      });
  return {(m.ended - m.began) / static_cast<double>(messages + warm_up_messages - first), m.preempted, nullptr};
}

/// ns per 8 bytes of messages of `Size` bytes.
template <class Link, std::size_t Size>
[[gnu::noinline]] sample streamed(const arrangement& where) {
  static constexpr std::uint64_t total = std::max<std::uint64_t>((std::uint64_t{4} << 20) / Size, 64), warm_up = total / 8;
  const auto link = std::make_unique<Link>();
  meeting_place place;
  auto& m = *place;
  run_sides(
      where, m,
      [&] {
        const auto source = std::make_unique<std::uint64_t[]>(Size / 8);
        if (!m.wait(1)) return;
        const preemptions counting(m.preempted);
        for (std::uint64_t k = 0; k < total + warm_up; ++k) {
          source[0] = k, source[Size / 8 - 1] = k;
          link->send(reinterpret_cast<const std::byte*>(source.get()));
        }
      },
      [&] {
        const auto copy = std::make_unique<std::uint64_t[]>(Size / 8);
        if (!m.wait(1)) return;
        const preemptions counting(m.preempted);
        std::uint64_t wrong = 0;
        for (std::uint64_t k = 0; k < total + warm_up; ++k) {
          if (k == warm_up) m.began = now_ns();
          link->receive(reinterpret_cast<std::byte*>(copy.get()));
          wrong |= (copy[0] ^ k) | (copy[Size / 8 - 1] ^ k);
        }
        m.ended = now_ns();
        if (wrong != 0) die("a message was lost, doubled or out of order");
      });
  return {(m.ended - m.began) / static_cast<double>(total * Size / 8), m.preempted, nullptr};
}

/// ns per round trip through two links. With `Latency`, every trip is timed by itself, which itself costs some 20 ns.
template <class Link, class M, bool Latency = false>
[[gnu::noinline]] sample round_trips(const arrangement& where, std::uint64_t trips) {
  const auto there = std::make_unique<Link>();
  const auto back = std::make_unique<Link>();
  sample result;
  if constexpr (Latency) result.latency = std::make_shared<histogram>();
  meeting_place place;
  auto& m = *place;
  const std::uint64_t warm_up = trips / 20;
  run_sides(
      where, m,
      [&] {
        typename Link::sender tx(*there);
        typename Link::receiver rx(*back);
        if (!m.wait(1)) return;
        std::optional<preemptions> counting(m.preempted);
        std::uint64_t wrong = 0;
        for (std::uint64_t i = 0; i < trips + warm_up; ++i) {
          if (i == warm_up) m.began = now_ns();
          std::uint64_t t = 0;
          if constexpr (Latency) t = ticks();
          M item{};
          item.v = i;
          tx.send(item);
          const M answer = rx.receive();
          wrong |= answer.v ^ i;
          if constexpr (Latency) {
            const std::uint64_t d = ticks() - t;
            if (i >= warm_up) result.latency->add(d);
          }
        }
        m.ended = now_ns();
        if (wrong != 0) die("a message was lost, doubled or out of order");
        counting.reset();
        m.wait(2);
      },
      [&] {
        typename Link::receiver rx(*there);
        typename Link::sender tx(*back);
        if (!m.wait(1)) return;
        std::optional<preemptions> counting(m.preempted);
        for (std::uint64_t i = 0; i < trips + warm_up; ++i) {
          M item{};
          item.v = rx.receive().v;
          tx.send(item);
        }
        counting.reset();
        m.wait(2);
      });
  result.ns = (m.ended - m.began) / static_cast<double>(trips);
  result.preempted = m.preempted;
  return result;
}

}  // namespace bench

#endif
