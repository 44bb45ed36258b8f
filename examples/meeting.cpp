#include <sluice/sluice.hpp>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

struct point { double x, y; };

// Two processes that share a connection and no name get a channel in shared memory, and talk through that.
int main() {
  auto pair = sluice::must(sluice::unix_pair({.handles = true}));
  if (::fork() == 0) {
    auto out = sluice::must(sluice::offer_sink<point>(pair.first, {.capacity = 64}, 5s));
    for (int i = 0; i < 3; ++i) (void)out.push(point{i * 1.0, i * i * 1.0});
    return 0;
  }
  auto in = sluice::must(sluice::accept_source<point>(pair.second, 5s));
  for (auto& p : in.each()) std::printf("%.0f, %.0f\n", p.x, p.y);
  ::wait(nullptr);
}
