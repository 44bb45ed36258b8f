// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FAULTS_SCTP_OPERATIONS_HPP
#define SLUICE_TESTS_FAULTS_SCTP_OPERATIONS_HPP

#include "operations.hpp"

#include <sluice/stream/sctp_ends.hpp>

namespace faults {

/// Does it, and after a failure once more; the one failure may be followed by an unexpected end of a wait.
class patient {
 public:
  template <class Do>
  auto operator()(Do once) {
    auto r = once();
    while (!r && ++failures_ <= 2) r = once();
    return r;
  }

 private:
  unsigned failures_ = 0;
};

inline sluice::endpoint here(const char* host) { return *sluice::endpoint::of(host, 0); }

/// A listener at two addresses, a connection from two others, messages over it both typed and plain, an orderly end.
inline int sctp_life(stage& s, const site&) {
  const holdings before = settled_holdings();
  {
    const int line = s.traced([&]() -> int {
      patient again;
      const sluice::endpoint both[] = {here("127.0.0.1"), here("127.0.0.2")};
      const sluice::endpoint mine[] = {here("127.0.0.3"), here("127.0.0.4")};
      auto door = again([&] { return sluice::sctp_listen(both, {.heartbeat = 10s, .path_attempts = 3}); });
      FAULTS_REQUIRE(door);
      const auto at = again([&] { return door->local(); });
      FAULTS_REQUIRE(at);
      const sluice::endpoint to[] = {both[0].with_port(at->port()), both[1].with_port(at->port())};
      // A call that failed after it was made leaves a caller that has gone: what was accepted is tried.
      auto out = again([&] { return sluice::sctp_connect(to, 1s, {.events = true, .local = mine}); });
      FAULTS_REQUIRE(out);
      const auto me = again([&] { return out->local(); });
      FAULTS_REQUIRE(me);
      sluice::result<sluice::sctp_connection> in = errc::empty;
      sluice::endpoint list[4];
      for (unsigned tries = 0; tries < 6; ++tries) {
        in = door->pop(1s);
        FAULTS_REQUIRE(in);  // whatever an accept says, the caller is still there
        const auto n = again([&] { return in->peer_addresses(list); });
        if (n && *n == 2 && list[0].port() == me->port()) break;
      }
      std::byte place[200];
      FAULTS_REQUIRE(again([&] { return in->push({place, 100}, {.stream = 1}, 1s); }));
      sluice::sctp_received got;
      for (unsigned events = 0; events < 9 && (got.size != 100 || got.event != sluice::sctp_event::none); ++events) {
        const auto r = again([&] { return out->pop(place, 1s); });
        FAULTS_REQUIRE(r);
        got = *r;
      }
      FAULTS_REQUIRE(got.size == 100 && got.route.stream == 1);
      auto t = sluice::sink_of<message>(std::move(*out), 2);
      auto r = sluice::source_of<message>(std::move(*in));
      for (std::uint64_t n = 0; n < 3; ++n) {
        FAULTS_REQUIRE(again([&] { return t.push(message::make(n), 1s); }));
        const auto m = again([&] { return r.pop(1s); });
        FAULTS_REQUIRE(m && m->is(n));
      }
      t.close();
      error end = r.pop(1s).err();
      for (unsigned tries = 0; end != errc::closed && tries < 2; ++tries) end = r.pop(1s).err();
      FAULTS_REQUIRE(end == errc::closed);
      return 0;
    });
    if (line != 0) return line;
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

/// A socket for many, an association that somebody sets up by sending, and that becomes a connection.
inline int sctp_hub(stage& s, const site&) {
  const holdings before = settled_holdings();
  {
    const int line = s.traced([&]() -> int {
      patient again;
      auto hub = again([] { return sluice::sctp_bind(here("127.0.0.1")); });
      FAULTS_REQUIRE(hub);
      auto other = again([] { return sluice::sctp_bind(here("127.0.0.1")); });
      FAULTS_REQUIRE(other);
      const auto at = again([&] { return hub->local(); });
      FAULTS_REQUIRE(at);
      std::byte place[200] = {};
      FAULTS_REQUIRE(again([&] { return other->push(*at, {place, 30}, {}, 1s); }));
      const auto r = again([&] { return hub->pop(place, 1s); });
      FAULTS_REQUIRE(r && r->size == 30);
      auto own = again([&] { return hub->peel_off(r->route.association); });
      FAULTS_REQUIRE(own);
      FAULTS_REQUIRE(again([&] { return own->push({place, 40}, 1s); }));
      const auto back = again([&] { return other->pop(place, 1s); });
      FAULTS_REQUIRE(back && back->size == 40);
      own->close();
      return 0;
    });
    if (line != 0) return line;
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

}  // namespace faults

#endif
