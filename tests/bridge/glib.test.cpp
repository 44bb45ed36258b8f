// SPDX-License-Identifier: MIT
#include <sluice/bridge/glib.hpp>

#if __has_include(<glib-unix.h>)
#include "bridge/foreign_loop.hpp"

TEST_CASE("cases are called in a main context of GLib, beside its timers", "[glib]") {
  GMainContext* const context = ::g_main_context_new();
  GMainLoop* const loop = ::g_main_loop_new(context, FALSE);
  {
    test::three_sources from;
    sluice::glib_poller ends(context);
    REQUIRE(ends);
    int ticks = 0, turns_of_ours = 0;
    GSource* const timer = ::g_timeout_source_new(1);
    ::g_source_set_callback(timer, [](gpointer t) -> gboolean { return ++*static_cast<int*>(t), G_SOURCE_CONTINUE; }, &ticks, nullptr);
    ::g_source_attach(timer, context);
    REQUIRE(ends.add(sluice::after(std::chrono::milliseconds(1), [&] { ++turns_of_ours; })));
    from.add_to(ends, [loop] { ::g_main_loop_quit(loop); });
    ::g_main_loop_run(loop);
    CHECK(from.all_came());
    CHECK(ticks != 0);
    CHECK(turns_of_ours != 0);
    ::g_source_destroy(timer);
    ::g_source_unref(timer);
  }
  CHECK(!::g_main_context_pending(context));
  ::g_main_loop_unref(loop);
  ::g_main_context_unref(context);
}

TEST_CASE("a poller that leaves GLib early has taken nothing more", "[glib]") {
  GMainContext* const context = ::g_main_context_new();
  auto [tx, rx] = sluice::channel<int>(4);
  int got = 0;
  {
    sluice::glib_poller ends(context);
    REQUIRE(ends.add(sluice::on(rx, [&](int) { ++got; })));
    CHECK(tx.push(1));
    CHECK(::g_main_context_iteration(context, TRUE));
    CHECK(got == 1);
    CHECK(tx.push(2));
  }
  CHECK(!::g_main_context_iteration(context, FALSE));
  CHECK(got == 1);
  CHECK(*rx.try_pop() == 2);
  ::g_main_context_unref(context);
}
#endif
