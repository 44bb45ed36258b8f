// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FLOW_TRAFFIC_HPP
#define SLUICE_TESTS_FLOW_TRAFFIC_HPP

#include <sluice/sluice.hpp>

#include "process.hpp"

#include <thread>

namespace flow_test {

using u64 = std::uint64_t;

/// Two channels and a pipe that threads push 1 to `count` into, each at a pace of its own, and what came out of each.
class traffic {
 public:
  explicit traffic(u64 count, u64 seed) : count_(count) {
    producers_[0] = std::thread([this, seed] { produce(a_.tx, seed); });
    producers_[1] = std::thread([this, seed] { produce(b_.tx, seed + 1); });
    producers_[2] = std::thread([this, seed] { produce(stream_, seed + 2); });
  }
  traffic(const traffic&) = delete;
  traffic& operator=(const traffic&) = delete;
  ~traffic() {
    a_.rx.close(), b_.rx.close(), bytes_.close();  // whoever gave up leaves nobody waiting for room
    for (auto& p : producers_) p.join();
  }

  auto& ring() { return a_.rx; }
  auto& other_ring() { return b_.rx; }
  auto& pipe() { return bytes_; }
  /// What a handler does with a message of source k.
  void take(unsigned k, u64 value) { in_order_ = in_order_ && value == ++seen_[k]; }
  [[nodiscard]] u64 seen() const { return seen_[0] + seen_[1] + seen_[2]; }
  /// 0 if each came once and in order.
  [[nodiscard]] int verdict() const {
    if (!in_order_) return 1;
    return seen_[0] == count_ && seen_[1] == count_ && seen_[2] == count_ ? 0 : 2;
  }

 private:
  template <class Sink>
  void produce(Sink& out, u64 seed) const {
    test::dice dice(seed);
    for (u64 i = 1; i <= count_; ++i) {
      if (!out.push(i)) return;
      if (dice.below(8) == 0) test::sleep_us(static_cast<long>(dice.below(200)));
    }
    (void)out.finish();
    out.close();
  }

  u64 count_;
  using channel = sluice::channel_ends<u64, sluice::spsc, sluice::native_memory>;
  channel a_ = sluice::channel<u64>(4), b_ = sluice::channel<u64>(64);
  sluice::pipe_ends pipe_ = sluice::must(sluice::pipe());
  decltype(sluice::sink_of<u64>(std::move(pipe_.out))) stream_ = sluice::sink_of<u64>(std::move(pipe_.out));
  decltype(sluice::source_of<u64>(std::move(pipe_.in))) bytes_ = sluice::source_of<u64>(std::move(pipe_.in));
  bool in_order_ = true;
  u64 seen_[3] = {};
  std::thread producers_[3];
};

}  // namespace flow_test

#endif
