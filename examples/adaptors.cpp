// SPDX-License-Identifier: MIT
// Ends made of ends: two feeds become one, in batches, and every message has a copy in a log that may lose some. A call and its
// reply. Nothing here has a thread of its own but the feeds and the server.
#include <sluice/sluice.hpp>

#include <chrono>
#include <cstdio>
#include <thread>

namespace {

struct trade {
  int shop;
  int amount;
};
struct question {
  int shop;
};
struct answer {
  int total;
};

using namespace std::chrono_literals;

}  // namespace

int main() {
  auto [to_here, trades] = sluice::channel<trade>(16);
  auto [to_log, log] = sluice::channel<trade>(4);
  auto [feed_a, a] = sluice::channel<trade>(16);
  auto [feed_b, b] = sluice::channel<trade>(16);

  for (int i = 1; i <= 10; ++i) (void)feed_a.push(trade{0, i}), (void)feed_b.push(trade{1, -i});
  feed_a.close(), feed_b.close();

  // Bridge: both feeds, without the small ones, to here and to the log, whose slowness nobody waits for.
  std::thread bridge([&] {
    auto large = sluice::merge(a, b) | sluice::filter([](const trade& t) { return t.amount > 5 || t.amount < -5; });
    auto everywhere = sluice::tee(to_here, to_log | sluice::drop_newest());
    const auto moved = sluice::pump(large, everywhere);
    std::printf("%zu trades, then %s\n", moved.count, moved.why == sluice::errc::closed ? "the end" : "trouble");
    everywhere.close();
  });
  bridge.join();

  int totals[2] = {};
  for (auto& some : (trades | sluice::batch<4>(10ms)).each())
    for (auto& t : some) totals[t.shop] += t.amount;
  int logged = 0;
  for (auto& t : log.each()) logged += t.shop == 0 || t.shop == 1;
  std::printf("totals %d and %d, %d in the log\n", totals[0], totals[1], logged);

  // Ask: one patience for the whole call.
  auto [ask, asked] = sluice::channel<sluice::tagged<question>>(4);
  auto [reply, replies] = sluice::channel<sluice::tagged<answer>>(4);
  std::thread server([&] { (void)sluice::serve(asked, reply, [&](question q) { return answer{totals[q.shop]}; }); });
  sluice::client books(ask, replies);
  for (int shop = 0; shop < 2; ++shop) std::printf("shop %d: %d\n", shop, sluice::must(books.call(question{shop}, 10s)).total);
  books.close();
  server.join();
}
