#include <sluice/sluice.hpp>
#include <array>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

struct order { int number; };

// SCTP keeps messages apart, and has streams in one connection that do not hold each other up.
int main() {
  auto door = sluice::sctp_listen(sluice::endpoint::loopback(sluice::ip_family::v4, 0));
  if (!door) return std::printf("%s\n", sluice::describe(door.err()).c_str()), 0;  // a kernel without SCTP
  std::thread client([at = *door->local()] {
    auto out = sluice::sink_of<order>(sluice::must(sluice::sctp_connect(at, 5s)), 3);  // through stream 3
    for (int i = 0; i < 3; ++i) (void)out.push(order{i});
  });
  auto in = sluice::source_of<order>(sluice::must(door->pop(5s)));
  for (auto& o : in.each(5s)) std::printf("order %d\n", o.number);
  client.join();
}
