// SPDX-License-Identifier: MIT
#include <sluice/stream/sctp_ends.hpp>

#include "sctp_kernel.hpp"

#include <memory>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::step;
using sluice::subject;

namespace {

struct reading {
  std::uint32_t sensor, value;
};
template <std::size_t Size>
struct block {
  std::byte bytes[Size];
  static std::unique_ptr<block> make(unsigned from) {
    auto b = std::make_unique<block>();
    const auto p = test::pattern(Size, from);
    std::copy(p.begin(), p.end(), b->bytes);
    return b;
  }
  bool is(unsigned from) const {
    const auto p = test::pattern(Size, from);
    return std::equal(p.begin(), p.end(), bytes);
  }
};
const error other_size(errc::mismatch, step::pop, subject::size);

/// What nobody reads is delivered in pieces of so many bytes, so that a long message need not fit into the kernel.
void deliver_in_pieces(const sluice::sctp_connection& c, std::uint32_t bytes) {
  REQUIRE(::setsockopt(c.handle(), IPPROTO_SCTP, 19, &bytes, sizeof bytes) == 0);  // SCTP_PARTIAL_DELIVERY_POINT
}

}  // namespace

TEST_CASE("typed ends over SCTP say what it keeps", "[sctp]") {
  using sink = sluice::sctp_sink<reading>;
  using source = sluice::sctp_source<reading>;
  STATIC_REQUIRE(sluice::sink<sink>);
  STATIC_REQUIRE(sluice::source<source>);
  constexpr auto t = sluice::traits_of<source>;
  STATIC_REQUIRE((t.reliable && t.ordered && t.boundaries && t.carries_close && t.sees_reader_go));
  STATIC_REQUIRE((!t.detects_death && t.max_size == sizeof(reading) && t.spans == sluice::reach::network));
}

TEST_CASE("a message of a type goes through a stream of an SCTP connection", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  auto c = test::make_connected();
  auto out = sluice::sink_of<reading>(std::move(c.client), 4, 0x53454e53);
  auto in = sluice::source_of<reading>(std::move(c.server));
  for (std::uint32_t n = 0; n < 100; ++n) REQUIRE(out.push({n, n * n}, 5s));
  for (std::uint32_t n = 0; n < 100; ++n) {
    const auto r = in.pop(5s);
    REQUIRE(r);
    CHECK((r->sensor == n && r->value == n * n));
  }
  CHECK(in.route().stream == 4);
  CHECK(in.route().ppid == 0x53454e53);
  CHECK(in.try_pop().err() == errc::empty);
  out.close();
  CHECK(in.pop(5s).err() == errc::closed);
}

TEST_CASE("what comes through SCTP in another size is no message, is told once, and what follows comes", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  auto c = test::make_connected();
  auto in = sluice::source_of<reading>(std::move(c.server));
  const auto good = [&](std::uint32_t n) {
    const reading r{n, 0};
    REQUIRE(c.client.push(std::as_bytes(std::span(&r, 1)), 5s));
  };
  for (const std::size_t size : {1u, 7u, 9u, 16u, 5000u, 100'000u}) {
    INFO(size);
    REQUIRE(c.client.push(test::pattern(size), 5s));
    good(7);
    CHECK(in.pop(5s).err() == other_size);
    const auto next = in.pop(5s);
    REQUIRE(next);
    CHECK(next->sensor == 7);
  }
  // Longer than one try drops: it says that it is not through, and a wait goes on by itself.
  REQUIRE(c.client.push(test::pattern(200'000), 5s));
  deliver_in_pieces(in.connection(), 1000);
  CHECK(in.pop(5s).err() == other_size);
  good(8);
  CHECK(in.pop(5s)->sensor == 8);
}

TEST_CASE("a message that SCTP delivers in pieces comes whole", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  auto c = test::make_connected();
  using large = block<150'000>;
  deliver_in_pieces(c.server, 1000);
  auto out = sluice::sink_of<large>(std::move(c.client));
  auto in = std::make_unique<sluice::sctp_source<large>>(std::move(c.server));
  unsigned in_vain = 0;
  for (unsigned n = 0; n < 5; ++n) {
    test::child sender([&]() -> int { return out.push(*large::make(n), 20s) ? 0 : 1; });
    for (;;) {
      const auto r = in->pop(200us);  // nothing is lost by impatience between two pieces
      if (!r && r.err() == errc::timeout && ++in_vain < 1'000'000) continue;
      REQUIRE(r);
      CHECK(r->is(n));
      break;
    }
    CHECK(sender.wait() == 0);
  }
  CHECK(in_vain > 0);
}

TEST_CASE("a message that the end of an SCTP connection cuts off is truncated, and nothing follows it", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  auto l = sluice::sctp_listen(test::anywhere);
  REQUIRE(l);
  const int small = 20'000;  // the rest of the message stays with the sender
  REQUIRE(::setsockopt(l->handle(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
  auto c = sluice::sctp_connect(*l->local(), 5s);
  REQUIRE(c);
  auto s = l->pop(5s);
  REQUIRE(s);
  deliver_in_pieces(*s, 1000);
  auto in = std::make_unique<sluice::sctp_source<block<150'000>>>(*std::move(s));
  REQUIRE(c->push(test::pattern(150'000), 5s));
  pollfd p{in->connection().handle(), POLLIN, 0};
  REQUIRE(::poll(&p, 1, 5000) == 1);
  CHECK(in->try_pop().err() == errc::empty);  // a piece is there
  test::break_off(*c);
  CHECK(in->pop(5s).err() == errc::truncated);
  CHECK(in->pop(5s).err() == errc::closed);
}

TEST_CASE("a message that is too large for SCTP is refused at once, also without room, and the end goes on", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  auto c = test::make_connected();
  using huge = block<1'000'000>;
  auto out = sluice::sink_of<huge>(std::move(c.client));
  const auto message = huge::make(1);
  CHECK(out.push(*message, 5s).err() == errc::too_big);
  while (out.connection().try_push(test::pattern(60'000))) {
  }
  CHECK(out.connection().try_push(test::pattern(60'000)).err() == errc::full);
  const auto begun = test::now_ns();
  CHECK(out.push(*message, 5s).err() == errc::too_big);
  CHECK(test::now_ns() - begun < 1'000'000'000);
  std::vector<std::byte> to(60'000);
  REQUIRE(c.server.pop(to, 5s));
  CHECK(out.connection().push(test::pattern(5), 5s));
}

TEST_CASE("a source over SCTP passes events over, and a stream that is not there is told", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  auto c = test::make_connected({.streams_out = 2, .events = true});
  auto none = sluice::sctp_sink<reading>(std::move(c.client), 2);
  CHECK(none.try_push({1, 1}).err() == error(errc::invalid, step::push, subject::options));
  auto out = sluice::sctp_sink<reading>(std::move(none.connection()), 1);
  auto in = sluice::source_of<reading>(std::move(c.server));
  REQUIRE(out.push({1, 2}, 5s));
  const auto r = in.pop(5s);
  REQUIRE(r);
  CHECK((r->sensor == 1 && r->value == 2));
  out.close();
  CHECK(in.pop(5s).err() == errc::closed);
}
