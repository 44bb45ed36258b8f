#include <sluice/bridge/glib.hpp>
#include <sluice/sluice.hpp>
#include <cstdio>
#include <thread>

// A ring in the main loop of GLib, beside a timer of its own. Compile with `pkg-config --cflags --libs glib-2.0`.
int main() {
  auto [tx, rx] = sluice::channel<int>(4);
  std::thread worker([t = std::move(tx)]() mutable {
    for (int i = 0; i < 10; ++i) (void)t.push(i);
  });
  GMainLoop* const loop = ::g_main_loop_new(nullptr, FALSE);
  ::g_timeout_add(1, [](gpointer) -> gboolean { return std::puts("tick of GLib"), G_SOURCE_REMOVE; }, nullptr);
  int sum = 0;
  {
    sluice::glib_poller ends;
    (void)ends.add(sluice::on(rx, [&](int m) { sum += m; }, [loop](sluice::error) { ::g_main_loop_quit(loop); }));
    ::g_main_loop_run(loop);
  }
  ::g_main_loop_unref(loop);
  worker.join();
  std::printf("sum %d\n", sum);
}
