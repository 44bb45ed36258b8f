// SPDX-License-Identifier: MIT
#include <sluice/stream/packet_pipe.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <array>
#include <vector>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::step;

namespace {

struct note {
  std::uint64_t from, seq, check;
};
sluice::packet_pipe_ends make() {
  auto p = sluice::packet_pipe();
  REQUIRE(p);
  return *std::move(p);
}
std::vector<std::byte> block(std::size_t n, unsigned v) { return std::vector<std::byte>(n, std::byte(v)); }

}  // namespace

TEST_CASE("a packet pipe gives one write as one read", "[packet]") {
  auto p = make();
  for (const std::size_t n : {1u, 100u, 4096u, 7u}) REQUIRE(*p.out.try_write(block(n, static_cast<unsigned>(n))) == n);
  std::array<std::byte, 4096> to;
  for (const std::size_t n : {1u, 100u, 4096u, 7u}) {
    REQUIRE(*p.in.try_read(to) == n);
    CHECK(to[n - 1] == std::byte(n));
  }
  CHECK(p.in.try_read(to).err() == error(errc::empty, step::read));
  p.out.close();
  CHECK(p.in.read(to).err() == errc::closed);
}

TEST_CASE("a packet that is larger than the place says its size and stays", "[packet]") {
  auto p = make();
  REQUIRE(p.out.try_write(block(100, 9)));
  REQUIRE(p.out.try_write(block(5, 8)));
  std::array<std::byte, 100> to{};
  for (int i = 0; i < 2; ++i) CHECK(p.in.read(std::span(to).first(99)).err() == error(errc::too_big, step::read, 100));
  CHECK(to[0] == std::byte{0});
  auto moved = std::move(p.in);
  SECTION("for a read with more room, also after a move and after the writer has gone") {
    p.out.close();
    CHECK(*moved.read(to) == 100);
    CHECK(to[99] == std::byte{9});
  }
  SECTION("or is dropped on request") { moved.skip(); }
  CHECK(*moved.read(to) == 5);
  CHECK(p.in.read(to).err() == errc::closed);
}

TEST_CASE("what no packet can carry is refused before it is written", "[packet]") {
  auto p = make();
  CHECK(p.out.try_write(block(4097, 1)).err() == error(errc::too_big, step::write));
  CHECK(p.out.try_write({}).err() == errc::invalid);
  std::byte b;
  CHECK(p.in.try_read(std::span(&b, 1)).err() == errc::empty);
}

TEST_CASE("a packet of another size than the type is a mismatch, and the next one is read", "[packet]") {
  auto p = make();
  auto in = sluice::source_of<note>(std::move(p.in));
  const note n{1, 2, 3};
  REQUIRE(p.out.try_write(block(sizeof(note) - 1, 1)));
  REQUIRE(p.out.try_write(block(sizeof(note) + 1, 1)));
  REQUIRE(p.out.try_write(std::as_bytes(std::span(&n, 1))));
  CHECK(in.pop(1s).err() == error(errc::mismatch, step::pop, sluice::subject::size));
  CHECK(in.pop(1s).err() == errc::mismatch);
  CHECK(in.pop(1s)->check == 3);
}

TEST_CASE("messages of two writing processes come out of a packet pipe whole, though one is killed", "[packet]") {
  auto p = make();
  const auto write = [&](std::uint64_t who) {
    p.in.close();
    auto out = sluice::sink_of<note>(std::move(p.out));
    for (std::uint64_t n = 0; n < 3000 || who == 1; ++n)
      if (!out.push(note{who, n, who ^ ~n}, 10s)) return 1;
    return 0;
  };
  test::child endless([&] { return write(1); }), finite([&] { return write(2); });
  p.out.close();
  auto in = sluice::source_of<note>(std::move(p.in));
  std::uint64_t next[3] = {}, count = 0;
  bool whole = true;
  error why;
  for (;;) {
    const auto m = in.pop(10s);
    if (!m) {
      why = m.err();
      break;
    }
    whole = whole && (m->from == 1 || m->from == 2) && m->check == (m->from ^ ~m->seq);
    if (!whole) break;
    whole = whole && m->seq == next[m->from]++;
    if (++count == 4000) endless.kill();
  }
  CHECK(whole);
  CHECK(why == errc::closed);
  CHECK(next[1] > 0);
  CHECK(next[2] == 3000);
}
