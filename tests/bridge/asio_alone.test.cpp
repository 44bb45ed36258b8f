// SPDX-License-Identifier: MIT
#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wnull-dereference"  // in code of theirs that is inlined into ours
#endif
#if __has_include(<asio.hpp>)
#include <asio.hpp>

#include "bridge/asio.hpp"

#if ASIO_VERSION >= 101900
TEST_CASE("an operation is cancelled by its slot, and has taken nothing", "[asio]") {
  auto [tx, rx] = sluice::channel<int>(1);
  net::io_context io;
  sluice::asio_port port(io.get_executor());
  net::cancellation_signal cancel;
  errc why = errc::ok;
  port.async_pop(rx, net::bind_cancellation_slot(cancel.slot(), [&](result<int> m) { why = m.err().code; }));
  CHECK(port.size() == 1);
  CHECK(tx.push(1));  // there, and not yet taken
  cancel.emit(net::cancellation_type::total);
  CHECK(port.size() == 0);
  io.run_for(5s);
  CHECK(why == errc::stopped);
  CHECK(*rx.try_pop() == 1);
  cancel.emit(net::cancellation_type::total);  // nobody is there any more
}
#endif

#ifdef ASIO_HAS_CO_AWAIT
TEST_CASE("coroutines of Asio await the verbs", "[asio]") {
  auto [tx, rx] = sluice::channel<int>(1);
  net::io_context io;
  sluice::asio_port port(io.get_executor());
  int sum = 0;
  net::co_spawn(io, [&]() -> net::awaitable<void> {
    for (;;) {
      const result<int> m = co_await port.async_pop(rx, net::use_awaitable);
      if (!m) co_return;
      sum += *m;
    }
  }, net::detached);
  net::co_spawn(io, [&]() -> net::awaitable<void> {
    for (int i = 1; i <= 100; ++i) (void)co_await port.async_push(tx, i, net::use_awaitable);
    tx.close();
  }, net::detached);
  io.run_for(10s);
  CHECK(sum == 5050);
}
#endif
#endif
