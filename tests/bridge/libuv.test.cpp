// SPDX-License-Identifier: MIT
#include <sluice/bridge/libuv.hpp>

#if __has_include(<uv.h>)
#include "bridge/foreign_loop.hpp"

TEST_CASE("cases are called in a loop of libuv, beside its timers, and keep it while there are any", "[libuv]") {
  uv_loop_t loop;
  REQUIRE(::uv_loop_init(&loop) == 0);
  {
    test::three_sources from;
    sluice::uv_poller ends(&loop);
    REQUIRE(ends);
    int ticks = 0, turns_of_ours = 0;
    uv_timer_t timer;
    ::uv_timer_init(&loop, &timer);
    timer.data = &ticks;
    ::uv_timer_start(&timer, [](uv_timer_t* t) { ++*static_cast<int*>(t->data); }, 1, 1);
    const auto key = ends.add(sluice::after(std::chrono::milliseconds(1), [&] { ++turns_of_ours; }));
    REQUIRE(key);
    from.add_to(ends, [&] {
      ends.remove(*key);
      ::uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
    });
    CHECK(::uv_run(&loop, UV_RUN_DEFAULT) == 0);
    CHECK(from.all_came());
    CHECK(ticks != 0);
    CHECK(turns_of_ours != 0);
    CHECK(ends.size() == 0);
  }
  CHECK(::uv_run(&loop, UV_RUN_DEFAULT) == 0);  // lets the handle go
  CHECK(::uv_loop_close(&loop) == 0);
}

TEST_CASE("a poller that leaves a loop of libuv early has taken nothing more", "[libuv]") {
  uv_loop_t loop;
  REQUIRE(::uv_loop_init(&loop) == 0);
  auto [tx, rx] = sluice::channel<int>(4);
  int got = 0;
  {
    sluice::uv_poller ends(&loop);
    REQUIRE(ends.add(sluice::on(rx, [&](int) { ++got; })));
    CHECK(tx.push(1));
    CHECK(::uv_run(&loop, UV_RUN_ONCE) != 0);
    CHECK(got == 1);
    CHECK(tx.push(2));
  }
  CHECK(::uv_run(&loop, UV_RUN_DEFAULT) == 0);
  CHECK(got == 1);
  CHECK(*rx.try_pop() == 2);
  CHECK(::uv_loop_close(&loop) == 0);
}
#endif
