// SPDX-License-Identifier: MIT
#include <sluice/core/role.hpp>

#include "catch.hpp"

using sluice::errc;
using sluice::phase;
using sluice::role_view;

TEST_CASE("a role and its gate are 8 bytes, and all zero is a role that nobody held", "[role]") {
  STATIC_REQUIRE(sizeof(sluice::role<>) == 8);
  sluice::role<> r{};
  CHECK(r.peek().now() == phase::never);
  CHECK(r.peek().session() == 0);
  CHECK(!r.peek().ended());
}

TEST_CASE("what the end of a session means to the other side", "[role]") {
  struct row {
    phase p;
    bool ended;
    errc plain, persistent;
  };
  constexpr row table[] = {
      {phase::never, false, errc::ok, errc::ok},    {phase::live, false, errc::ok, errc::ok},
      {phase::closed, true, errc::closed, errc::closed}, {phase::left, true, errc::closed, errc::ok},
      {phase::died, true, errc::peer_died, errc::ok},
  };
  for (const row& r : table) {
    for (const std::uint32_t session : {0u, 1u, 12345u, (1u << 29) - 1}) {
      const auto v = role_view::make(session, r.p);
      CAPTURE(static_cast<int>(r.p), session);
      CHECK(v.now() == r.p);
      CHECK(v.session() == session);
      CHECK(v.ended() == r.ended);
      CHECK(v.verdict(false) == r.plain);
      CHECK(v.verdict(true) == r.persistent);
    }
  }
}

TEST_CASE("a phase that no peer writes is no end and no crash", "[role]") {
  for (std::uint32_t p = 5; p < 8; ++p) {
    const role_view v{8 | p};
    CHECK(v.verdict(false) == errc::ok);
    CHECK(v.verdict(true) == errc::ok);
  }
}

TEST_CASE("sessions follow one another, each ended once", "[role]") {
  sluice::role<> r{};
  r.end(phase::closed);  // there is no session to end
  CHECK(r.read().now() == phase::never);

  r.begin();
  CHECK(r.read() == role_view::make(1, phase::live));
  r.end(phase::closed);
  CHECK(r.read() == role_view::make(1, phase::closed));
  r.end(phase::left);
  CHECK(r.read() == role_view::make(1, phase::closed));
  r.end(phase::died);
  CHECK(r.read() == role_view::make(1, phase::closed));

  r.begin();
  CHECK(r.read() == role_view::make(2, phase::live));
  r.end(phase::died);
  CHECK(r.peek() == role_view::make(2, phase::died));
  CHECK(r.peek() == r.read());
}

TEST_CASE("signalling at the doorstep leaves the role word alone", "[role]") {
  sluice::role<> r{};
  r.begin();
  const auto before = r.read();
  (void)r.doorstep().arm(sluice::gate<>::asleep);
  CHECK(r.doorstep().signal() == sluice::gate<>::asleep);
  CHECK(r.read() == before);
}
