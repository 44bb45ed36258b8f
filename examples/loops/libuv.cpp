#include <sluice/bridge/libuv.hpp>
#include <sluice/sluice.hpp>
#include <cstdio>
#include <thread>

// A ring in the loop of libuv, beside a timer of its own. Link with -luv.
int main() {
  auto [tx, rx] = sluice::channel<int>(4);
  std::thread worker([t = std::move(tx)]() mutable {
    for (int i = 0; i < 10; ++i) (void)t.push(i);
  });
  uv_timer_t timer;
  ::uv_timer_init(uv_default_loop(), &timer);
  ::uv_timer_start(&timer, [](uv_timer_t* t) { std::puts("tick of libuv"), ::uv_close(reinterpret_cast<uv_handle_t*>(t), nullptr); }, 5, 0);
  int sum = 0;
  sluice::uv_poller ends(uv_default_loop());
  (void)ends.add(sluice::on(rx, [&](int m) { sum += m; }));
  ::uv_run(uv_default_loop(), UV_RUN_DEFAULT);  // until the channel and the timer have ended
  worker.join();
  std::printf("sum %d\n", sum);
}
