// SPDX-License-Identifier: MIT
#include <sluice/bridge/std_stop.hpp>

#ifdef __cpp_lib_jthread
#include <sluice/channel/channel.hpp>

#include "catch.hpp"

#include <thread>

using namespace std::chrono_literals;

TEST_CASE("a stop token ends a wait, and nothing is taken any more", "[std_stop]") {
  auto [tx, rx] = sluice::channel<int>(4);
  sluice::errc why = sluice::errc::ok;
  int got = 0;
  {
    std::jthread worker([&](std::stop_token t) {
      const auto before = t;
      sluice::token_stop halt(std::move(t));
      for (;;) {
        auto m = rx.pop({10s, halt});
        if (!m) return (void)(why = m.err().code);
        got += *m;
      }
    });
    CHECK(tx.push(1));
    CHECK(tx.push(2));
    while (tx.approx_size() != 0) std::this_thread::yield();
  }  // asks it to stop
  CHECK(why == sluice::errc::stopped);
  CHECK(got == 3);
}

TEST_CASE("a token that was asked before stops at once, and one that outlives the stop asks nobody", "[std_stop]") {
  auto [tx, rx] = sluice::channel<int>(1);
  std::stop_source from;
  {
    const sluice::token_stop idle(from.get_token());
    CHECK(!idle.requested());
  }
  from.request_stop();
  sluice::token_stop halt(from.get_token());
  CHECK(halt.requested());
  CHECK(rx.pop(halt).err() == sluice::errc::stopped);
}
#endif
