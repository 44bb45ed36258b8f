// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_BRIDGE_FOREIGN_LOOP_HPP
#define SLUICE_TESTS_BRIDGE_FOREIGN_LOOP_HPP

#include <sluice/channel/channel.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/pipe.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <thread>
#include <vector>

// What the bridges to the loops of others are tested with.

namespace test {

using namespace std::chrono_literals;

/// A ring, a ring in shared memory and a pipe, each with a thread that pushes the numbers from 0 on.
struct three_sources {
  static constexpr int n = 500;
  scratch dir;
  sluice::channel_ends<int, sluice::spsc, sluice::native_memory> ring = sluice::channel<int>(4);
  sluice::pipe_ends ends = sluice::must(sluice::pipe());
  decltype(sluice::shm_sink<int>("")) shared_in = sluice::shm_sink<int>("loop", options());
  decltype(sluice::shm_source<int>("")) shared = sluice::shm_source<int>("loop", options());
  decltype(sluice::sink_of<int>(std::move(ends.out))) pipe_in = sluice::sink_of<int>(std::move(ends.out));
  decltype(sluice::source_of<int>(std::move(ends.in))) pipe = sluice::source_of<int>(std::move(ends.in));
  std::vector<int> got[3];
  int open = 3;
  std::vector<std::thread> threads;

  three_sources() {
    begin(ring.tx), begin(*shared_in), begin(pipe_in);
  }
  ~three_sources() {
    for (auto& t : threads) t.join();
  }
  /// Adds a case for each; calls `ended` when all have come to their end.
  template <class Loop, class Ended>
  void add_to(Loop& loop, Ended ended) {
    add(loop, ring.rx, got[0], ended), add(loop, *shared, got[1], ended), add(loop, pipe, got[2], ended);
  }
  bool all_came() const {
    for (const auto& g : got) {
      if (g.size() != n) return false;
      for (int i = 0; i < n; ++i)
        if (g[static_cast<std::size_t>(i)] != i) return false;
    }
    return open == 0;
  }

 private:
  sluice::ring_options options() const {
    sluice::ring_options o;
    o.directory = dir.c_str();
    o.capacity = 4;
    return o;
  }
  template <class Sink>
  void begin(Sink& to) {
    threads.emplace_back([&to] {
      for (int i = 0; i < n; ++i) {
        if (i % 20 == 0) sleep_us(100);
        (void)to.push(i, 10s);
      }
      to.close();
    });
  }
  template <class Loop, class Source, class Ended>
  void add(Loop& loop, Source& from, std::vector<int>& into, Ended ended) {
    CHECK(loop.add(sluice::on(from, [&into](int m) { into.push_back(m); }, [this, ended](sluice::error) {
      if (--open == 0) ended();
    })));
  }
};

}  // namespace test

#endif
