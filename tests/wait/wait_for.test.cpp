// SPDX-License-Identifier: MIT
#include <sluice/wait/wait_for.hpp>

#include "catch.hpp"
#include "wait/fake_end.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <sys/eventfd.h>
#include <unistd.h>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::step;
using sluice::stop;
using sluice::wait_strategy;
using std::chrono::steady_clock;
using end = wait_test::fake_end<>;

namespace {

bool armed_as_often_as_disarmed(const end& e) {
  const auto n = [&](char c) { return std::count(e.log.begin(), e.log.end(), c); };
  return n('a') + n('A') == n('d');
}

}  // namespace

TEST_CASE("what is there at once is taken without waiting", "[wait_for]") {
  end e;
  e.succeeds_at = 1;
  CHECK(e.pop());
  CHECK(e.log == "t");
}

TEST_CASE("an immediate patience tries once", "[wait_for]") {
  end e;
  CHECK(e.pop(sluice::now).err() == errc::empty);
  CHECK(e.pop(0ms).err() == errc::empty);
  CHECK(e.pop(-5s).err() == errc::empty);
  CHECK(e.log == "ttt");
}

TEST_CASE("a try after arming catches what came before it", "[wait_for]") {
  end e;
  e.succeeds_at = 2;
  CHECK(e.pop());
  CHECK(e.log == "tatd");
}

TEST_CASE("the deadline ends the wait, after a last try", "[wait_for]") {
  end e;
  const auto begun = steady_clock::now();
  CHECK(e.pop(5ms).err() == error(errc::timeout, step::wait));
  CHECK(steady_clock::now() - begun >= 5ms);
  CHECK(e.log == "tattd");
}

TEST_CASE("what comes at the deadline is still taken", "[wait_for]") {
  end e;
  e.succeeds_at = 3;
  CHECK(e.pop(2ms));
  CHECK(e.log == "tattd");
}

TEST_CASE("a deadline in the past still tries before it gives up", "[wait_for]") {
  for (const auto how : {wait_strategy::park, wait_strategy::spin_then_park, wait_strategy::spin}) {
    end e;
    e.strategy = how;
    CHECK(e.pop(steady_clock::now() - 1s).err() == errc::timeout);
    CHECK(e.tries >= 2);
    CHECK(armed_as_often_as_disarmed(e));
  }
}

TEST_CASE("full and pending are waited for too, any other error is not", "[wait_for]") {
  for (const errc code : {errc::empty, errc::full, errc::pending}) {
    end e;
    e.otherwise = code;
    CHECK(e.pop(1ms).err() == errc::timeout);
  }
  for (const errc code : {errc::closed, errc::peer_died, errc::corrupt, errc::lagged, errc::busy, errc::forked}) {
    end e;
    e.otherwise = error(code, step::pop).by(3);
    CHECK(e.pop(1s).err() == error(code, step::pop).by(3));
    CHECK(e.log == "t");
  }
}

TEST_CASE("an error that turns up while waiting ends the wait", "[wait_for]") {
  end e;
  e.on_arm = [&] { e.otherwise = errc::closed; };
  CHECK(e.pop().err() == errc::closed);
  CHECK(e.log == "tatd");
}

TEST_CASE("whoever is woken tries again, for as long as it takes", "[wait_for]") {
  end e;
  e.succeeds_at = 5;
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done.load()) {
      e.ring();
      std::this_thread::sleep_for(200us);
    }
  });
  const auto got = e.pop(10s);
  done = true;
  other.join();
  CHECK(got);
  CHECK(e.tries == 5);
  CHECK(armed_as_often_as_disarmed(e));
}

TEST_CASE("an end is not left armed if a try throws while it waits", "[wait_for]") {
  end e;
  e.log.clear();
  struct spoilt {};
  stop halt;
  unsigned tries = 0;
  const auto attempt = [&]() -> sluice::result<int> {
    if (++tries == 3) throw spoilt();  // after the sleep
    return errc::empty;
  };
  CHECK_THROWS_AS(sluice::detail::try_then_wait(e, sluice::want::pop, {5ms, halt}, attempt), spoilt);
  CHECK(e.log == "ad");
}
TEST_CASE("a stop that was requested before ends the wait before it begins", "[wait_for]") {
  stop halt;
  halt.request();
  end e;
  CHECK(e.pop(halt).err() == error(errc::stopped, step::wait));
  CHECK(e.log == "t");
  e.strategy = wait_strategy::spin;
  CHECK(e.pop({10s, halt}).err() == errc::stopped);
  e.strategy = wait_strategy::spin_then_park;
  CHECK(e.pop({10s, halt}).err() == errc::stopped);
  CHECK(e.log.find('a') == std::string::npos);
}

TEST_CASE("what is there is taken, stop or no stop", "[wait_for]") {
  stop halt;
  halt.request();
  end e;
  e.succeeds_at = 1;
  CHECK(e.pop(halt));
}

TEST_CASE("a stop while arming is seen before sleeping, and takes nothing", "[wait_for]") {
  stop halt;
  end e;
  e.on_arm = [&] { halt.request(); };
  CHECK(e.pop(halt).err() == errc::stopped);
  CHECK(e.log == "tattd");
}

TEST_CASE("a stop from another thread ends a wait", "[wait_for]") {
  for (const auto how : {wait_strategy::park, wait_strategy::spin_then_park, wait_strategy::spin}) {
    stop halt;
    end e;
    e.strategy = how;
    std::thread other([&] {
      std::this_thread::sleep_for(5ms);
      halt.request();
    });
    const auto got = e.pop({10s, halt});
    other.join();
    CHECK(got.err() == errc::stopped);
    CHECK(armed_as_often_as_disarmed(e));
  }
}

TEST_CASE("what came together with the stop is taken", "[wait_for]") {
  stop halt;
  end e;
  e.succeeds_at = 3;
  e.on_arm = [&] { halt.request(); };
  CHECK(e.pop(halt));
}

TEST_CASE("a deadline comes before a stop that nobody requests", "[wait_for]") {
  stop halt;
  end e;
  CHECK(e.pop({3ms, halt}).err() == errc::timeout);
  CHECK(armed_as_often_as_disarmed(e));
}

TEST_CASE("spinning never arms, and ends at the deadline", "[wait_for]") {
  end e;
  e.strategy = wait_strategy::spin;
  const auto begun = steady_clock::now();
  CHECK(e.pop(3ms).err() == errc::timeout);
  CHECK(steady_clock::now() - begun >= 3ms);
  CHECK(steady_clock::now() - begun < 2s);
  CHECK(e.tries > 64);
  CHECK(e.log.find_first_not_of('t') == std::string::npos);
  e.tries = 0;
  e.succeeds_at = 500;
  CHECK(e.pop());
  CHECK(e.tries == 500);
  CHECK(e.log.find_first_not_of('t') == std::string::npos);
}

TEST_CASE("spinning before parking finds what comes soon without arming", "[wait_for]") {
  end e;
  e.strategy = wait_strategy::spin_then_park;
  e.succeeds_at = 10;
  CHECK(e.pop());
  CHECK(e.log == std::string(10, 't'));
}

TEST_CASE("spinning before parking ends in parking", "[wait_for]") {
  end e;
  e.strategy = wait_strategy::spin_then_park;
  CHECK(e.pop(2ms).err() == errc::timeout);
  CHECK(e.tries > 10);
  CHECK(e.tries < 1000);
  CHECK(e.log.substr(e.log.size() - 5) == "tattd");
  e.log.clear();
  CHECK(e.push(1, 2ms).err() == errc::timeout);
  CHECK(e.log.substr(e.log.size() - 5) == "tattd");
}

TEST_CASE("a descriptor and a stop are waited for by descriptors, asked for anew", "[wait_for]") {
  const int bell = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  REQUIRE(bell >= 0);
  end e;
  e.handle = bell;
  SECTION("without a stop once is enough") {
    CHECK(e.pop(2ms).err() == errc::timeout);
    CHECK(e.log == "tattd");
  }
  SECTION("until the deadline") {
    stop halt;
    CHECK(e.pop({2ms, halt}).err() == errc::timeout);
    CHECK(e.log == "tadAttd");
  }
  SECTION("until the stop") {
    stop halt;
    std::thread other([&] {
      std::this_thread::sleep_for(5ms);
      halt.request();
    });
    const auto got = e.pop({10s, halt});
    other.join();
    CHECK(got.err() == errc::stopped);
    CHECK(armed_as_often_as_disarmed(e));
    CHECK(e.tries < 50);  // it slept, and not in slices
  }
  SECTION("until the descriptor") {
    stop halt;
    e.succeeds_at = 3;
    std::thread other([&] {
      std::this_thread::sleep_for(5ms);
      const std::uint64_t one = 1;
      (void)!::write(bell, &one, sizeof one);
    });
    const auto got = e.pop({10s, halt});
    other.join();
    CHECK(got);
    CHECK(e.log == "tadAttd");
  }
  ::close(bell);
}

namespace {

/// Waits as the verbs do.
template <class End>
auto pop(End& e, sluice::until u) {
  return sluice::detail::try_then_wait(e, sluice::want::pop, u, [&e] { return e.try_pop(); });
}

struct polled_end : end {
  static constexpr bool polled = true;
  const sluice::unique_handle bell{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  polled_end() { handle = bell.get(); }
};
struct looking_end : end {
  sluice::detail::spin_habit looks{};
  sluice::detail::spin_habit& habit() noexcept { return looks; }
  looking_end() {
    while (!looks.worth_while()) {
    }
    looks.found(true);
  }
};

}  // namespace

TEST_CASE("a polled end is not asked between arming and sleeping", "[wait_for]") {
  polled_end e;
  CHECK(pop(e, 2ms).err() == errc::timeout);
  CHECK(e.log == "tatd");
  e.log.clear();
  stop halt;
  CHECK(pop(e, {2ms, halt}).err() == errc::timeout);
  CHECK(e.log == "tadAtd");
}

TEST_CASE("a polled end does not sleep over what comes between its last try and its sleep", "[wait_for]") {
  polled_end e;
  e.succeeds_at = 2;
  e.on_arm = [&] {
    const std::uint64_t one = 1;
    (void)!::write(e.bell.get(), &one, sizeof one);
  };
  const auto begun = steady_clock::now();
  SECTION("alone") { CHECK(pop(e, 10s)); }
  SECTION("with a stop") {
    stop halt;
    CHECK(pop(e, {10s, halt}));
  }
  CHECK(steady_clock::now() - begun < 5s);
  CHECK(e.tries == 2);
}

TEST_CASE("a stop while a polled end is armed is seen before sleeping", "[wait_for]") {
  stop halt;
  polled_end e;
  e.on_arm = [&] { halt.request(); };
  CHECK(pop(e, {10s, halt}).err() == errc::stopped);
  CHECK(armed_as_often_as_disarmed(e));
}

TEST_CASE("an end with the habit looks a few times before it sleeps", "[wait_for]") {
  looking_end e;
  e.succeeds_at = 4;
  CHECK(pop(e, {}));
  CHECK(e.log == "tttt");
}

TEST_CASE("looks that find nothing end in sleep, and soon in no more looks", "[wait_for]") {
  looking_end e;
  for (int i = 0; i < 5; ++i) {
    e.log.clear();
    CHECK(pop(e, 1ms).err() == errc::timeout);
    CHECK(e.log.substr(e.log.size() - 4) == "attd");
  }
  CHECK(e.log == "tattd");
}

TEST_CASE("an error that looks turn up ends the wait", "[wait_for]") {
  looking_end e;
  unsigned tries = 0;
  const auto got = sluice::detail::try_then_wait(e, sluice::want::pop, {}, [&]() -> sluice::status {
    return error(++tries < 3 ? errc::empty : errc::closed);
  });
  CHECK(got.err() == errc::closed);
  CHECK(e.log.empty());
}
