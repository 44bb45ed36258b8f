#include <sluice/bridge/asio.hpp>
#include <sluice/sluice.hpp>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;
namespace net = sluice::net;  // boost::asio, or asio where that stands alone

// A ring in the loop of Asio, beside a timer of its own.
static void add_up(sluice::asio_port& port, sluice::source auto& from, int& sum) {
  port.async_pop(from, [&](sluice::result<int> m) {
    if (!m) return;
    sum += *m;
    add_up(port, from, sum);
  });
}

int main() {
  auto [tx, rx] = sluice::channel<int>(4);
  std::thread worker([t = std::move(tx)]() mutable {
    for (int i = 0; i < 10; ++i) (void)t.push(i);
  });
  net::io_context io;
  net::steady_timer timer(io, 5ms);
  timer.async_wait([](sluice::net_error) { std::puts("tick of Asio"); });
  int sum = 0;
  sluice::asio_port port(io.get_executor());
  add_up(port, rx, sum);
  io.run();  // until the channel and the timer have ended
  worker.join();
  std::printf("sum %d\n", sum);
}
