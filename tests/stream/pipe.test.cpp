// SPDX-License-Identifier: MIT
#include <sluice/stream/pipe.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::step;

namespace {

sluice::pipe_ends make_pipe() {
  auto p = sluice::pipe();
  REQUIRE(p);
  return *std::move(p);
}
std::vector<std::byte> pattern(std::size_t n, unsigned from = 0) {
  std::vector<std::byte> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = std::byte((from + i * 7) & 0xff);
  return v;
}
std::size_t fill(sluice::pipe_writer& out) {
  const auto block = pattern(4096);
  std::size_t n = 0;
  while (const auto some = out.try_write(block)) n += *some;
  return n;
}

/// The state of SIGPIPE in this thread, which nothing may change.
struct sigpipe_state {
  bool blocked, pending;
  bool by_default;
  friend bool operator==(const sigpipe_state&, const sigpipe_state&) = default;

  static sigpipe_state now() {
    sigset_t mask, waiting;
    struct sigaction action = {};
    ::sigprocmask(SIG_BLOCK, nullptr, &mask);
    ::sigpending(&waiting);
    ::sigaction(SIGPIPE, nullptr, &action);
    return {::sigismember(&mask, SIGPIPE) == 1, ::sigismember(&waiting, SIGPIPE) == 1, action.sa_handler == SIG_DFL};
  }
};
/// Blocks SIGPIPE for a while, and leaves none pending.
struct sigpipe_blocked {
  sigset_t set, before;
  sigpipe_blocked() {
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &set, &before);
  }
  sigpipe_blocked(const sigpipe_blocked&) = delete;
  sigpipe_blocked& operator=(const sigpipe_blocked&) = delete;
  ~sigpipe_blocked() {
    const timespec none{};
    while (::sigtimedwait(&set, nullptr, &none) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
};

volatile std::sig_atomic_t pipe_signals = 0;
extern "C" {
static void count_pipe_signal(int) { pipe_signals = pipe_signals + 1; }
}

}  // namespace

TEST_CASE("both ends of a pipe are closed on exec and do not block", "[pipe]") {
  const auto p = make_pipe();
  for (const int fd : {p.in.handle(), p.out.handle()}) {
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  }
}

TEST_CASE("the ends of a pipe are what they say", "[pipe]") {
  STATIC_REQUIRE(sluice::readable<sluice::pipe_reader>);
  STATIC_REQUIRE(sluice::writable<sluice::pipe_writer>);
  STATIC_REQUIRE(!sluice::traits_of<sluice::pipe_reader>.boundaries);
  STATIC_REQUIRE(sluice::traits_of<sluice::pipe_writer>.spans == sluice::reach::host);
  STATIC_REQUIRE(!std::is_copy_constructible_v<sluice::pipe_reader>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<sluice::pipe_writer>);
}

TEST_CASE("bytes come out of a pipe in order", "[pipe]") {
  auto p = make_pipe();
  const auto all = pattern(1000);
  std::size_t sent = 0, got = 0;
  std::array<std::byte, 100> buffer;
  bool same = true;
  while (got < all.size()) {
    if (sent < all.size()) {
      const auto n = p.out.try_write(std::span(all).subspan(sent, std::min<std::size_t>(37, all.size() - sent)));
      REQUIRE(n);
      sent += *n;
    }
    const auto n = p.in.try_read(buffer);
    REQUIRE(n);
    for (std::size_t i = 0; i < *n; ++i) same = same && buffer[i] == all[got + i];
    got += *n;
  }
  CHECK(same);
  CHECK(p.in.try_read(buffer).err() == error(errc::empty, step::read));
}

TEST_CASE("no bytes are neither read nor written", "[pipe]") {
  auto p = make_pipe();
  CHECK(p.in.try_read({}).err() == errc::invalid);
  CHECK(p.out.try_write({}).err() == errc::invalid);
}

TEST_CASE("a full pipe takes no more, and a part where there is room for a part", "[pipe]") {
  auto p = make_pipe();
  const auto room = fill(p.out);
  CHECK(room >= 4096);
  const auto big = pattern(100'000);
  CHECK(p.out.try_write(big).err() == error(errc::full, step::write));
  CHECK(p.out.write(big, 3ms).err() == errc::timeout);
  std::array<std::byte, 8192> buffer;
  const auto taken = p.in.try_read(buffer);
  REQUIRE(taken);
  const auto n = p.out.try_write(big);
  REQUIRE(n);
  CHECK(*n > 0);
  CHECK(*n < big.size());
}

TEST_CASE("an empty pipe runs out of patience", "[pipe]") {
  auto p = make_pipe();
  std::byte b;
  const auto begun = std::chrono::steady_clock::now();
  CHECK(p.in.read(std::span(&b, 1), 5ms).err() == error(errc::timeout, step::wait));
  CHECK(std::chrono::steady_clock::now() - begun >= 5ms);
  CHECK(p.in.read(std::span(&b, 1), sluice::now).err() == errc::empty);
}

TEST_CASE("after the writer has closed, the rest comes first and then `closed`", "[pipe]") {
  auto p = make_pipe();
  REQUIRE(p.out.try_write(pattern(10)));
  SECTION("by close(), more than once") {
    p.out.close();
    p.out.close();
    CHECK(p.out.handle() == -1);
    CHECK(p.out.try_write(pattern(1)).err() == error(errc::closed, step::write));
    CHECK(p.out.write(pattern(1)).err() == errc::closed);
  }
  SECTION("by destruction") { const auto gone = std::move(p.out); }
  std::array<std::byte, 6> buffer;
  CHECK(*p.in.read(buffer, 5s) == 6);
  CHECK(*p.in.read(buffer, 5s) == 4);
  CHECK(p.in.read(buffer, 5s).err() == error(errc::closed, step::read));
  CHECK(p.in.try_read(buffer).err() == errc::closed);
}

TEST_CASE("after the reader has closed, writing says so and raises nothing", "[pipe][sigpipe]") {
  auto p = make_pipe();
  p.in.close();
  const auto some = pattern(10);
  const auto write = [&](int how) {
    if (how == 0) return p.out.try_write(some).err();
    if (how == 1) return p.out.write(some, 5s).err();
    const auto n = sluice::detail::write_without_sigpipe(p.out.handle(), some);  // older kernels come this way
    return n == -1 ? sluice::detail::last_error(step::write) : error();
  };
  const int how = GENERATE(0, 1, 2);
  CAPTURE(how);

  SECTION("as it is by default") {
    const auto before = sigpipe_state::now();
    REQUIRE(before == sigpipe_state{false, false, true});  // so that a signal would end this program
    for (int i = 0; i < 3; ++i) CHECK(write(how) == error(errc::closed, step::write));
    CHECK(sigpipe_state::now() == before);
  }
  SECTION("with a handler, which is not called") {
    struct sigaction action = {}, before = {};
    action.sa_handler = count_pipe_signal;
    REQUIRE(::sigaction(SIGPIPE, &action, &before) == 0);
    pipe_signals = 0;
    CHECK(write(how) == errc::closed);
    CHECK(pipe_signals == 0);
    ::raise(SIGPIPE);
    CHECK(pipe_signals == 1);
    REQUIRE(::sigaction(SIGPIPE, &before, nullptr) == 0);
  }
  SECTION("blocked before: still blocked, none pending") {
    const sigpipe_blocked blocked;
    CHECK(write(how) == errc::closed);
    CHECK(sigpipe_state::now() == sigpipe_state{true, false, true});
  }
  SECTION("pending before, in this thread: still pending") {
    const sigpipe_blocked blocked;
    ::raise(SIGPIPE);
    for (int i = 0; i < 2; ++i) CHECK(write(how) == errc::closed);
    CHECK(sigpipe_state::now() == sigpipe_state{true, true, true});
  }
  SECTION("pending before, in the whole process: still pending") {
    const sigpipe_blocked blocked;
    ::kill(::getpid(), SIGPIPE);
    CHECK(write(how) == errc::closed);
    CHECK(sigpipe_state::now() == sigpipe_state{true, true, true});
  }
}

TEST_CASE("a successful write leaves SIGPIPE alone as well", "[pipe][sigpipe]") {
  auto p = make_pipe();
  const auto before = sigpipe_state::now();
  CHECK(p.out.try_write(pattern(10)));
  CHECK(sluice::detail::write_without_sigpipe(p.out.handle(), pattern(10)) == 10);
  CHECK(sigpipe_state::now() == before);
}

TEST_CASE("a blocked reader is woken by bytes, by the end, and by a stop", "[pipe]") {
  auto p = make_pipe();
  sluice::stop halt;
  std::byte b{};
  const int by = GENERATE(0, 1, 2);
  std::thread other([&] {
    std::this_thread::sleep_for(5ms);
    const std::byte x{42};
    if (by == 0) (void)p.out.try_write(std::span(&x, 1));
    if (by == 1) p.out.close();
    if (by == 2) halt.request();
  });
  const auto n = p.in.read(std::span(&b, 1), {10s, halt});
  other.join();
  if (by == 0) CHECK((n && b == std::byte{42}));
  if (by == 1) CHECK(n.err() == errc::closed);
  if (by == 2) CHECK(n.err() == error(errc::stopped, step::wait));
}

TEST_CASE("a blocked writer is woken by room, by the end, and by a stop", "[pipe]") {
  auto p = make_pipe();
  (void)fill(p.out);
  sluice::stop halt;
  const int by = GENERATE(0, 1, 2);
  std::vector<std::byte> buffer(65536);
  std::thread other([&] {
    std::this_thread::sleep_for(5ms);
    if (by == 0) (void)p.in.try_read(buffer);
    if (by == 1) p.in.close();
    if (by == 2) halt.request();
  });
  const auto n = p.out.write(pattern(100), {10s, halt});
  other.join();
  if (by == 0) CHECK(n);
  if (by == 1) CHECK(n.err() == error(errc::closed, step::write));
  if (by == 2) CHECK(n.err() == errc::stopped);
}

TEST_CASE("a moved-from end of a pipe is inert", "[pipe]") {
  auto p = make_pipe();
  sluice::pipe_reader in = std::move(p.in);
  sluice::pipe_writer out = std::move(p.out);
  std::byte b{};
  CHECK(p.in.handle() == -1);
  CHECK(p.out.handle() == -1);
  CHECK(p.in.read(std::span(&b, 1)).err() == errc::closed);
  CHECK(p.out.write(std::span(&b, 1)).err() == errc::closed);
  sluice::wait_set set;
  p.in.arm(sluice::want::pop, set);
  p.out.arm(sluice::want::push, set);
  CHECK(set.sleep(sluice::until().absolute()));
  p.in.close();
  p.out.close();
  CHECK(*out.try_write(std::span(&b, 1)) == 1);  // and the ends that were moved to still work
  CHECK(*in.try_read(std::span(&b, 1)) == 1);
}

TEST_CASE("assigning to an end closes what it had", "[pipe]") {
  auto p = make_pipe();
  auto q = make_pipe();
  std::byte b{};
  q.out = std::move(p.out);
  CHECK(q.in.try_read(std::span(&b, 1)).err() == errc::closed);
  CHECK(q.out.try_write(std::span(&b, 1)));
  CHECK(p.in.try_read(std::span(&b, 1)));
}

TEST_CASE("a megabyte goes through a pipe between two threads", "[pipe][threads]") {
  auto p = make_pipe();
  const auto all = pattern(sanitized ? 300'000 : 1'000'000);
  bool sent = true;
  std::thread writer([&] {
    for (std::size_t at = 0; at < all.size();) {
      const auto n = p.out.write(std::span(all).subspan(at), 10s);
      if (!n) {
        sent = false;
        break;
      }
      at += *n;
    }
    p.out.close();
  });
  std::vector<std::byte> got, buffer(3000);
  error why;
  for (;;) {
    const auto n = p.in.read(buffer, 10s);
    if (!n) {
      why = n.err();
      break;
    }
    got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*n));
  }
  writer.join();
  CHECK(sent);
  CHECK(why == errc::closed);
  CHECK(got == all);
}

TEST_CASE("the size of a pipe is asked for and set, and what it became is said", "[pipe][size]") {
  auto p = make_pipe();
  REQUIRE(p.in.capacity());
  CHECK(*p.out.set_capacity(100'000) == 131'072);
  CHECK(*p.in.capacity() == 131'072);
  CHECK(fill(p.out) == 131'072);
  CHECK(p.in.set_capacity(65'536).err() == error(errc::busy, step::create, sluice::subject::capacity));
  CHECK(*p.in.capacity() == 131'072);
  CHECK(p.out.set_capacity(std::size_t{1} << 40).err() == errc::too_big);
  p.in.close();
  CHECK(p.in.capacity().err() == errc::closed);
  CHECK(p.in.set_capacity(4096).err() == errc::closed);
}

TEST_CASE("a pipe larger than users without privileges may have is denied", "[pipe][size]") {
  test::child user([] {
    if (::geteuid() == 0 && ::setresuid(65'534, 65'534, 65'534) != 0) return 1;
    auto p = sluice::pipe();
    if (!p) return 2;
    const auto before = *p->in.capacity();
    const auto n = p->out.set_capacity(std::size_t{1} << 30);
    return n.err() == error(errc::denied, step::create, sluice::subject::capacity) && *p->in.capacity() == before ? 0 : 3;
  });
  CHECK(user.wait() == 0);
}
