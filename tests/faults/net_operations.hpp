// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FAULTS_NET_OPERATIONS_HPP
#define SLUICE_TESTS_FAULTS_NET_OPERATIONS_HPP

#include "operations.hpp"

#include <sluice/stream/tcp.hpp>
#include <sluice/stream/udp.hpp>

namespace faults {

/// A listener, a connection, messages over it, an orderly end: one failure somewhere, and the same once more succeeds.
inline int tcp_life(stage& s, const site&) {
  struct block {
    std::uint64_t words[40];
  };
  const holdings before = settled_holdings();
  {
    const int line = s.traced([&]() -> int {
      unsigned failures = 0;
      const auto again = [&failures](auto attempt) {
        auto r = attempt();
        while (!r && ++failures <= 2) r = attempt();  // an unexpected end of a wait may follow from the one failure
        return r;
      };
      auto door = again([] { return sluice::tcp_listen(sluice::endpoint::loopback(sluice::ip_family::v4, 0)); });
      FAULTS_REQUIRE(door);
      const auto at = again([&] { return door->local(); });
      FAULTS_REQUIRE(at);
      // A call that failed after it was made leaves a caller that has gone: what was accepted is tried.
      auto out = again([&] { return sluice::tcp_connect(*at, 1s); });
      FAULTS_REQUIRE(out);
      const auto me = again([&] { return out->local(); });
      FAULTS_REQUIRE(me);
      sluice::result<sluice::tcp_stream> in = errc::empty;
      for (unsigned tries = 0; tries < 6; ++tries) {
        in = door->pop(1s);
        FAULTS_REQUIRE(in);  // whatever an accept says, the caller is still there
        if (*again([&] { return in->peer(); }) == *me) break;
      }
      FAULTS_REQUIRE(in);
      auto t = sluice::sink_of<block>(std::move(*out));
      auto r = sluice::source_of<block>(std::move(*in));
      for (std::uint64_t n = 0; n < 3; ++n) {
        block b;
        for (auto& w : b.words) w = n;
        FAULTS_REQUIRE(again([&] { return t.push(b, 1s); }));
        const auto got = again([&] { return r.pop(1s); });
        FAULTS_REQUIRE(got);
        for (const auto w : got->words) FAULTS_REQUIRE(w == n);
      }
      FAULTS_REQUIRE(again([&] { return t.flush(1s); }));
      r.close();
      FAULTS_REQUIRE(t.finish(1s) || t.finish(1s) || t.finish(1s).err() == errc::closed);  // ended, one way or the other
      return 0;
    });
    if (line != 0) return line;
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

/// Datagrams between two sockets.
inline int udp_life(stage& s, const site&) {
  const holdings before = settled_holdings();
  {
    const int line = s.traced([&]() -> int {
      unsigned failures = 0;
      const auto again = [&failures](auto attempt) {
        auto r = attempt();
        while (!r && ++failures <= 1) r = attempt();
        return r;
      };
      auto in = again([] { return sluice::udp_source_at<message>(sluice::endpoint::loopback(sluice::ip_family::v4, 0)); });
      FAULTS_REQUIRE(in);
      const auto at = again([&] { return in->socket().local(); });
      FAULTS_REQUIRE(at);
      auto out = again([&] { return sluice::udp_sink_to<message>(*at); });
      FAULTS_REQUIRE(out);
      for (std::uint64_t n = 0; n < 3; ++n) {
        FAULTS_REQUIRE(again([&] { return out->push(message::make(n), 1s); }));
        const auto got = again([&] { return in->pop(1s); });
        FAULTS_REQUIRE(got && got->is(n));
      }
      const message many[3] = {message::make(7), message::make(8), message::make(9)};
      const auto bytes = std::as_bytes(std::span(many));
      const auto sent = again([&] { return out->socket().try_send_segments(bytes, sizeof(message)); });
      FAULTS_REQUIRE(sent && *sent == bytes.size());
      for (std::uint64_t n = 7; n < 10; ++n) {
        const auto got = again([&] { return in->pop(1s); });
        FAULTS_REQUIRE(got && got->is(n));
      }
      return 0;
    });
    if (line != 0) return line;
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

}  // namespace faults

#endif
