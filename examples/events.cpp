#include <sluice/sluice.hpp>
#include <cstdio>
#include <thread>

// Events of an interrupt (here: a thread), handled where the main loop looks, by whoever has subscribed. No heap.
int main() {
  static sluice::isr_events<int, 16> samples;
  sluice::dispatcher<void(int), 4> sampled;
  int sum = 0, highest = 0;
  auto add = sluice::must(sampled.subscribe([&sum](int v) { sum += v; }));
  auto keep = sluice::must(sampled.subscribe([&highest](int v) { highest = v > highest ? v : highest; }));
  std::thread interrupt([] {
    for (int v : {3, 9, 4}) (void)samples.post(v);
  });
  interrupt.join();
  samples.drain(sampled);
  keep.reset();  // hears no more
  (void)samples.post(100);
  samples.drain(sampled);
  std::printf("sum %d, highest %d\n", sum, highest);
}
