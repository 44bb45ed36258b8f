// SPDX-License-Identifier: MIT
#include <sluice/stream/duplex.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <array>
#include <chrono>
#include <utility>

using namespace std::chrono_literals;
using sluice::errc;

namespace {

sluice::duplex_ends connected() {
  auto d = sluice::duplex();
  REQUIRE(d);
  return *std::move(d);
}
constexpr std::array<std::byte, 3> three{std::byte{1}, std::byte{2}, std::byte{3}};

/// Runs `body` in a forked child and waits for it; it returns 0 where all went well.
template <class Body>
int in_child(Body body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int how = 0;
  ::waitpid(pid, &how, 0);
  return how;
}

}  // namespace

TEST_CASE("a forked child that closes its copy of a connection leaves the parent's", "[socket]") {
  auto d = connected();
  auto h = std::move(d.other).split();
  REQUIRE(h);
  CHECK(in_child([&] {
          d.one.close();
          h->out.close();
          h->in.close();
          return 0;
        }) == 0);
  std::array<std::byte, 3> to{};
  CHECK(*d.one.write(three, 1s) == 3);
  CHECK(*h->in.read(to, 1s) == 3);
  CHECK(*h->out.write(three, 1s) == 3);
  CHECK(*d.one.read(to, 1s) == 3);
  CHECK(d.one.read(to, sluice::now).err() == errc::empty);
}

TEST_CASE("a parent that drops a connection leaves it to the child that serves it", "[socket]") {
  auto d = connected();
  std::fflush(nullptr);
  const pid_t server = ::fork();
  if (server == 0) {
    ::alarm(20);
    std::array<std::byte, 3> to{};
    const bool asked = d.other.read(to, 10s) && to == three;
    const bool answered = asked && d.other.write(to, 10s);
    d.other.close();
    ::_exit(answered ? 0 : 1);
  }
  { const auto dropped = std::move(d.other); }
  std::array<std::byte, 3> to{};
  REQUIRE(d.one.write(three, 5s));
  CHECK(*d.one.read(to, 5s) == 3);
  CHECK(to == three);
  CHECK(d.one.read(to, 5s).err() == errc::closed);
  int how = 0;
  ::waitpid(server, &how, 0);
  CHECK(how == 0);
}

TEST_CASE("who closes with bytes unread takes nothing of what it has sent back", "[socket]") {
  auto d = connected();
  REQUIRE(d.one.write(three));
  REQUIRE(d.other.write(three));
  d.one.close();
  std::array<std::byte, 3> to{};
  CHECK(*d.other.read(to, 1s) == 3);
  CHECK(d.other.read(to, 1s).err() == errc::closed);
}

TEST_CASE("a half that is closed ends one direction only", "[socket]") {
  auto d = connected();
  auto h = std::move(d.one).split();
  REQUIRE(h);
  h->out.close();
  std::array<std::byte, 3> to{};
  CHECK(d.other.read(to, 1s).err() == errc::closed);
  REQUIRE(d.other.write(three));
  CHECK(*h->in.read(to, 1s) == 3);
  CHECK(h->out.try_write(three).err() == errc::closed);
}
