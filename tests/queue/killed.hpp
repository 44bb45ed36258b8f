// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_QUEUE_KILLED_HPP
#define SLUICE_TESTS_QUEUE_KILLED_HPP

#include "process.hpp"

#include <atomic>
#include <optional>

// Traffic through a queue of the system, in which now the one and now the other side is killed at a random moment, while its
// fellow goes on; and a ledger of what came of each message.

namespace test {

struct numbered {
  std::uint64_t seq, check;
};

/// What both sides write down, in memory that outlives them.
struct queue_ledger {
  static constexpr std::uint64_t most = 1u << 20;
  std::atomic<std::uint64_t> sent{0};   // all before this one have surely been accepted
  std::atomic<std::uint64_t> taken{0};  // how many pops have been written down
  std::atomic<std::uint64_t> last{0};
  std::atomic<bool> whole{true}, in_order{true};
  std::atomic<std::uint8_t> came[most];
};

struct queue_fates {
  std::uint64_t sent = 0, lost = 0, repeated = 0;
  unsigned senders_killed = 0, takers_killed = 0;
  bool whole = false, in_order = false, drained = false;
};

/// A killed sender may have had one message accepted that it had not written down: its successor sends that again. A killed
/// taker may have had one that it had not written down.
template <class OpenSink, class OpenSource>
queue_fates killed_in_traffic(OpenSink open_sink, OpenSource open_source, unsigned rounds) {
  const shared_with_children<queue_ledger> all;
  const auto send = [&] {
    auto out = open_sink();
    for (std::uint64_t i = all->sent; i < queue_ledger::most; ++i) {
      if (!out || !out->push({i, ~i})) return 1;
      all->sent = i + 1;
    }
    return 0;
  };
  const auto take = [&] {
    auto in = open_source();
    for (;;) {
      const auto n = in ? in->pop() : sluice::result<numbered>(in.err());
      if (!n) return 1;
      if (n->check != ~n->seq || n->seq >= queue_ledger::most) return (all->whole = false), 2;
      if (n->seq < all->last) all->in_order = false;
      all->last = n->seq;
      ++all->came[n->seq];
      ++all->taken;
    }
  };
  queue_fates f;
  dice d(7);
  std::optional<child> sender(send), taker(take);
  for (unsigned r = 0; r < rounds; ++r) {
    const auto before = all->taken.load();
    if (!eventually([&] { return all->taken > before + 10; })) break;  // in the middle of traffic
    sleep_us(static_cast<long>(d.below(2000)));
    const bool the_sender = d.below(2) == 0;
    if ((the_sender ? sender : taker)->kill() != -SIGKILL) break;  // it had given up
    if (the_sender) ++f.senders_killed, sender.emplace(send);
    else ++f.takers_killed, taker.emplace(take);
  }
  if (sender->kill() == -SIGKILL) ++f.senders_killed;
  auto rest = open_sink();
  f.drained = rest && eventually([&] { return rest->approx_size() == 0; });
  const auto settled = [&, seen = std::uint64_t{0}]() mutable { return std::exchange(seen, all->taken) == all->taken; };
  sleep_us(20'000);
  (void)eventually(settled);
  if (taker->kill() == -SIGKILL) ++f.takers_killed;
  f.sent = all->sent;
  for (std::uint64_t i = 0; i < queue_ledger::most; ++i) {
    const unsigned times = all->came[i];
    if (i < f.sent && times == 0) ++f.lost;
    if (times > 1) f.repeated += times - 1;
    if (i > f.sent && times != 0) all->whole = false;  // nobody has sent it
  }
  f.whole = all->whole, f.in_order = all->in_order;
  return f;
}

}  // namespace test

#endif
