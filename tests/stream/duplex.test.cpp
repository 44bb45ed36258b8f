// SPDX-License-Identifier: MIT
#include <sluice/stream/duplex.hpp>
#include <sluice/stream/messages.hpp>

#include "catch.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <thread>

using namespace std::chrono_literals;
using sluice::errc;

TEST_CASE("both ends of a duplex pair ask and answer, each in two threads after split", "[duplex]") {
  auto d = sluice::duplex();
  REQUIRE(d);
  for (const int fd : {d->one.handle(), d->other.handle()}) {
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  }
  std::thread server([&] {
    auto h = std::move(d->other).split();
    auto in = sluice::source_of<std::uint32_t>(std::move(h->in));
    auto out = sluice::sink_of<std::uint32_t>(std::move(h->out));
    for (const auto x : in.each(10s)) (void)out.push(x * 2, 10s);
  });
  auto h = std::move(d->one).split();
  REQUIRE(h);
  auto in = sluice::source_of<std::uint32_t>(std::move(h->in));
  auto out = sluice::sink_of<std::uint32_t>(std::move(h->out));
  bool right = true;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    right = right && out.push(i, 10s);
    const auto x = in.pop(10s);
    right = right && x && *x == 2 * i;
  }
  CHECK(right);
  out.close();  // half: the answer to it is the end of the other half
  CHECK(in.pop(10s).err() == errc::closed);
  server.join();
}

TEST_CASE("no descriptor comes in through a duplex pair, where the kernel can refuse them", "[duplex]") {
  constexpr int pass_rights = 83;
  auto d = *sluice::duplex();
  int passes = 1;
  socklen_t size = sizeof passes;
  if (::getsockopt(d.other.handle(), SOL_SOCKET, pass_rights, &passes, &size) != 0) return;  // before Linux 6.16
  CHECK(passes == 0);
  const int standard_input = 0;
  const std::byte with[1] = {};
  CHECK(sluice::send_handles(d.one, with, std::span(&standard_input, 1), 10s).err() == errc::denied);
}
