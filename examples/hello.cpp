#include <sluice/sluice.hpp>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

struct reading { int sensor; double value; };

int main() {
  if (::fork() == 0) {                                                // one process ...
    auto tx = sluice::must(sluice::shm_sink<reading>("/hello"));
    for (int i = 0; i < 3; ++i) (void)tx.push(reading{i, i * 0.5});   // ... pushes; leaving closes
    return 0;
  }
  auto rx = sluice::must(sluice::shm_source<reading>("/hello"));      // the other one pops, sleeping while there is nothing
  for (auto& r : rx.each()) std::printf("sensor %d: %.1f\n", r.sensor, r.value);
  ::wait(nullptr);
  (void)sluice::shm_remove("/hello");
}
