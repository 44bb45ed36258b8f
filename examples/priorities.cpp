#include <sluice/sluice.hpp>
#include <cstdio>
#include <thread>

struct job { int number; };

// A queue with priorities, here between threads; between processes it is shm_sink<job, sluice::priorities>("/jobs").
int main() {
  auto [out, in] = sluice::channel<job, sluice::priorities>(64);
  for (int i = 0; i < 3; ++i) (void)out.push(job{i});  // at the lowest, which is 0
  (void)out.push(job{100}, 7);                         // at the highest of the eight
  (void)out.push(job{101}, 7);
  std::jthread more([tx = sluice::must(out.clone())]() mutable { (void)tx.push(job{50}, 3); });
  more.join();
  out.close();
  for (auto& j : in.each()) std::printf("job %d of priority %u\n", j.number, in.last_priority());
}
