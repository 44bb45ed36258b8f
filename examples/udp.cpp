#include <sluice/sluice.hpp>
#include <cstdio>

using namespace std::chrono_literals;

struct position { double x, y; };

// Datagrams: each a message, none promised to arrive; so the reader waits no longer than it means to.
int main() {
  auto in = sluice::must(sluice::udp_source_at<position>(sluice::endpoint::loopback(sluice::ip_family::v4, 0)));
  auto out = sluice::must(sluice::udp_sink_to<position>(*in.socket().local()));
  for (int i = 0; i < 3; ++i) (void)out.push(position{i * 1.0, i * 2.0});
  auto all = in.each(100ms);
  for (auto& p : all) std::printf("at %.0f, %.0f\n", p.x, p.y);
  std::printf("no more: %s\n", sluice::describe(all.why).c_str());
}
