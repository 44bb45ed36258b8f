// SPDX-License-Identifier: MIT
#include <sluice/stream/udp_ends.hpp>

#include "catch.hpp"
#include "net.hpp"
#include "sanitizers.hpp"

using namespace std::chrono_literals;
using sluice::endpoint;
using sluice::errc;
using sluice::ip_family;
using sluice::subject;

namespace {

struct reading {
  std::uint64_t number;
  std::uint64_t check;
  static reading make(std::uint64_t n) { return {n, ~n}; }
  bool is(std::uint64_t n) const { return number == n && check == ~n; }
};
struct ends {
  sluice::udp_sink<reading> out;
  sluice::udp_source<reading> in;
};
ends pair(ip_family family = ip_family::v4) {
  auto in = sluice::must(sluice::udp_source_at<reading>(endpoint::loopback(family, 0)));
  auto out = sluice::must(sluice::udp_sink_to<reading>(*in.socket().local()));
  return {std::move(out), std::move(in)};
}

}  // namespace

TEST_CASE("a datagram is a message, with its sender", "[udp]") {
  for (const auto family : {ip_family::v4, ip_family::v6}) {
    auto p = pair(family);
    for (std::uint64_t i = 0; i < 100; ++i) {
      REQUIRE(p.out.push(reading::make(i), 1s));
      const auto m = p.in.pop(5s);
      REQUIRE(m);
      CHECK(m->is(i));
      CHECK(p.in.from() == *p.out.socket().local());
    }
    p.out.close();
    CHECK(p.out.push(reading::make(0), 1s).err() == errc::closed);
    CHECK(p.in.pop(5ms).err() == errc::timeout);
    p.in.close();
    CHECK(p.in.pop(1s).err() == errc::closed);
  }
}

TEST_CASE("what is no message is counted and said to have come, one by one and in a batch", "[udp]") {
  auto p = pair();
  auto stranger = sluice::must(sluice::udp_connect(*p.in.socket().local()));
  constexpr std::size_t message = sizeof(reading);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, message - 1, message + 1, std::size_t{60'000}}) {
    REQUIRE(stranger.send(test::pattern(size), 1s));
    const auto m = p.in.pop(5s);
    CHECK(m.err() == errc::mismatch);
    CHECK(m.err().about() == subject::size);
  }
  CHECK(p.in.strays() == 5);
  REQUIRE(p.out.push(reading::make(1), 1s));
  CHECK(p.in.pop(5s)->is(1));

  std::vector<reading> to(40);
  REQUIRE(stranger.send(test::pattern(3), 1s));
  REQUIRE(stranger.send(test::pattern(100), 1s));
  CHECK(p.in.pop(to, 5s).err() == errc::mismatch);
  for (std::uint64_t i = 0; i < 20; ++i) {
    REQUIRE(p.out.push(reading::make(i), 1s));
    if (i % 3 == 0) REQUIRE(stranger.send(test::pattern(i * 5), 1s));
  }
  const auto n = p.in.pop(to, 5s);
  REQUIRE(n);
  CHECK(*n == 20);
  for (std::uint64_t i = 0; i < 20; ++i) CHECK(to[i].is(i));
  CHECK(p.in.strays() == 14);
}

TEST_CASE("a batch of messages goes by few system calls and keeps its order", "[udp]") {
  auto p = pair();
  std::vector<reading> given, got(100);
  for (std::uint64_t i = 0; i < 100; ++i) given.push_back(reading::make(i));
  for (std::size_t at = 0; at < 100;) {
    const auto n = p.out.push(std::span<const reading>(given).subspan(at), 1s);
    REQUIRE(n);
    CHECK(*n == std::min<std::size_t>(32, 100 - at));
    at += *n;
  }
  for (std::size_t at = 0; at < 100;) {
    const auto n = p.in.pop(std::span(got).subspan(at), 5s);
    REQUIRE(n);
    CHECK(*n == std::min<std::size_t>(32, 100 - at));
    at += *n;
  }
  for (std::uint64_t i = 0; i < 100; ++i) CHECK(got[i].is(i));
}

TEST_CASE("that nobody listens is no error of a sink, and a source of the same socket goes on", "[udp]") {
  auto p = pair();
  const auto at = *p.in.socket().local();
  p.in.close();
  for (std::uint64_t i = 0; i < 5; ++i) CHECK(p.out.push(reading::make(i), 1s));
  CHECK(p.out.socket().refusals() == 4);
  sluice::udp_source<reading> answers(std::move(p.out.socket()));
  CHECK(answers.pop(5ms).err() == errc::timeout);
  CHECK(answers.socket().refusals() == 5);
  auto again = sluice::udp_source_at<reading>(at);
  CHECK(again);
}
