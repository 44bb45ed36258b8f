#include <sluice/sluice.hpp>
#include <cstdio>
#include <poll.h>
#include <thread>

// Workers come and go, and the loop is somebody else's: all it needs is one descriptor.
int main() {
  struct worker {
    sluice::channel_ends<int, sluice::spsc, sluice::native_memory> results = sluice::channel<int>(8);
    std::thread thread{};
  };
  worker crew[3];
  sluice::poller loop;
  int sum = 0, left = 0;
  for (int n = 1; auto& w : crew) {
    w.thread = std::thread([&tx = w.results.tx, n] {
      for (int i = 0; i < 5; ++i) (void)tx.push(n);
      tx.close();
    });
    (void)loop.add(sluice::on(w.results.rx, [&](int v) { sum += v; }, [&](sluice::error) { --left; }));
    ++left, n *= 10;
  }
  pollfd mine{loop.handle(), POLLIN, 0};
  while (left != 0 && ::poll(&mine, 1, 10'000) > 0) (void)loop.try_run();
  for (auto& w : crew) w.thread.join();
  std::printf("%d\n", sum);
}
