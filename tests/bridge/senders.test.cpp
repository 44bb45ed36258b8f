// SPDX-License-Identifier: MIT
// The receivers here are plain ones; with stdexec its own algorithms are asked, too.
#include <sluice/bridge/senders.hpp>
#include <sluice/channel/channel.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <memory>
#include <optional>
#include <thread>
#include <version>
#ifdef __cpp_lib_jthread
#include <stop_token>
#endif

using namespace std::chrono_literals;
using sluice::errc;

#if !SLUICE_HAS_STDEXEC()
namespace {

/// What a receiver was told, once.
template <class T>
struct told {
  std::optional<T> value;
  std::optional<errc> error;
  bool sent = false, stopped = false;
  int times = 0;
};
template <class T>
struct receiver {
  told<T>* to;
  void set_value() && noexcept { to->sent = true, ++to->times; }
  void set_value(T v) && noexcept { to->value.emplace(std::move(v)), ++to->times; }
  void set_error(sluice::error e) && noexcept { to->error = e.code, ++to->times; }
  void set_stopped() && noexcept { to->stopped = true, ++to->times; }
};
#ifdef __cpp_lib_jthread
struct token_like {
  std::stop_token t;
  template <class F>
  struct callback_type {
    std::stop_callback<F> c;
    callback_type(token_like from, F f) : c(from.t, std::move(f)) {}
  };
};
template <class T>
struct stoppable : receiver<T> {
  struct env {
    std::stop_token t;
    token_like get_stop_token() const noexcept { return {t}; }
  };
  std::stop_token t;
  env get_env() const noexcept { return {t}; }
};
#endif

}  // namespace

TEST_CASE("a sender completes at once where it can, and else in the loop", "[senders]") {
  auto [tx, rx] = sluice::channel<std::unique_ptr<int>>(1);
  sluice::loop io;
  told<std::unique_ptr<int>> first, second, third;
  auto push = sluice::push_sender(io, tx, std::make_unique<int>(1)).connect(receiver<std::unique_ptr<int>>{&first});
  push.start();
  CHECK(first.sent);
  auto again = sluice::push_sender(io, tx, std::make_unique<int>(2)).connect(receiver<std::unique_ptr<int>>{&second});
  again.start();
  CHECK(second.times == 0);
  auto pop = sluice::pop_sender(io, rx).connect(receiver<std::unique_ptr<int>>{&third});
  pop.start();
  REQUIRE(third.value);
  CHECK(**third.value == 1);
  io.run();
  CHECK(second.sent);
  CHECK(**rx.try_pop() == 2);
  CHECK((first.times == 1 && second.times == 1 && third.times == 1));
}

TEST_CASE("a sender says why it did not come to a message", "[senders]") {
  auto [tx, rx] = sluice::channel<int>(1);
  sluice::loop io;
  told<int> late, stopped, ended;
  sluice::stop halt;
  auto a = sluice::pop_sender(io, rx, 2ms).connect(receiver<int>{&late});
  a.start();
  io.run();
  CHECK(late.error == errc::timeout);
  auto b = sluice::pop_sender(io, rx, halt).connect(receiver<int>{&stopped});
  b.start();
  halt.request();
  CHECK(tx.push(1));
  io.run();
  CHECK(stopped.stopped);
  CHECK(*rx.try_pop() == 1);
  tx.close();
  auto c = sluice::pop_sender(io, rx).connect(receiver<int>{&ended});
  c.start();
  CHECK(ended.error == errc::closed);
}

TEST_CASE("an operation that is destroyed while it waits has taken nothing and tells nobody", "[senders]") {
  auto [tx, rx] = sluice::channel<int>(1);
  sluice::loop io;
  told<int> nothing;
  {
    auto pop = sluice::pop_sender(io, rx).connect(receiver<int>{&nothing});
    pop.start();
    CHECK(io.waiting() == 1);
    CHECK(tx.push(1));
  }
  io.run();
  CHECK(nothing.times == 0);
  CHECK(*rx.try_pop() == 1);
}

#ifdef __cpp_lib_jthread
TEST_CASE("the stop token of a receiver stops an operation, from any thread, and takes nothing", "[senders]") {
  auto [tx, rx] = sluice::channel<int>(4);
  int got = 0, stopped = 0;
  for (int round = 0; round < 200; ++round) {
    sluice::loop io;
    std::stop_source from;
    told<int> said;
    auto pop = sluice::pop_sender(io, rx).connect(stoppable<int>{{&said}, from.get_token()});
    pop.start();
    std::thread other([&, t = &tx] {
      if (round % 2 == 0) (void)t->try_push(1);
      if (round % 3 == 0) test::sleep_us(50);
      from.request_stop();
    });
    io.run();
    other.join();
    CHECK(said.times == 1);
    got += said.value ? *said.value : 0;
    stopped += said.stopped ? 1 : 0;
    while (auto m = rx.try_pop()) got += *m;
  }
  CHECK(got == 100);
  CHECK(stopped != 0);
}
#endif

#else

TEST_CASE("the verbs are senders to stdexec", "[senders]") {
  auto [tx, rx] = sluice::channel<int>(1);
  sluice::loop io;
  int sum = 0;
  bool stopped = false;
  errc why = errc::ok;
  auto work = stdexec::when_all(sluice::push_sender(io, tx, 20) | stdexec::let_value([&] { return sluice::push_sender(io, tx, 22); }),
                                sluice::pop_sender(io, rx) | stdexec::let_value([&](int& a) {
                                  return sluice::pop_sender(io, rx) | stdexec::then([&](int b) { sum = a + b; });
                                })) |
              stdexec::upon_error([&](auto) {}) | stdexec::upon_stopped([&] { stopped = true; });
  struct sink_receiver {
    using receiver_concept = stdexec::receiver_t;
    void set_value() && noexcept {}
    void set_error(sluice::error) && noexcept {}
    void set_error(std::exception_ptr) && noexcept {}
    void set_stopped() && noexcept {}
  };
  auto op = stdexec::connect(std::move(work), sink_receiver{});
  stdexec::start(op);
  io.run();
  CHECK(sum == 42);
  CHECK(!stopped);
  tx.close();
  auto ended = stdexec::connect(sluice::pop_sender(io, rx) | stdexec::then([](int) {}) | stdexec::upon_error([&](auto e) {
                                  if constexpr (std::is_same_v<decltype(e), sluice::error>) why = e.code;
                                }) | stdexec::upon_stopped([] {}),
                                sink_receiver{});
  stdexec::start(ended);
  io.run();
  CHECK(why == errc::closed);
}
#endif
