#include <sluice/sluice.hpp>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

struct reading { int sensor; double value; };

// Typed messages from a child to its parent, through an anonymous pipe.
int main() {
  auto p = sluice::must(sluice::pipe());
  if (::fork() == 0) {
    p.in.close();
    auto tx = sluice::sink_of<reading>(std::move(p.out));
    for (int i = 0; i < 3; ++i) (void)tx.push(reading{i, i * 0.5});
    return 0;  // the end of the stream
  }
  p.out.close();  // else the parent itself would keep the stream open
  auto rx = sluice::source_of<reading>(std::move(p.in));
  for (auto& r : rx.each()) std::printf("sensor %d: %.1f\n", r.sensor, r.value);
  ::wait(nullptr);
}
