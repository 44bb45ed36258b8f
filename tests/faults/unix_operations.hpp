// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FAULTS_UNIX_OPERATIONS_HPP
#define SLUICE_TESTS_FAULTS_UNIX_OPERATIONS_HPP

#include "operations.hpp"

#include <sluice/channel/meeting.hpp>
#include <sluice/stream/unix_messages.hpp>

namespace faults {

inline bool documented_exchange(error e) {
  return documented_opening(e) || e.again() || e == errc::closed || e == errc::timeout || e == errc::mismatch;
}
/// Does it, and where it fails, once more; that must succeed.
template <class Do>
auto at_most_twice(Do once) {
  auto r = once();
  if (!r && documented_exchange(r.err())) r = once();
  return r;
}

/// A listener comes, takes a connection that says who made it, and goes. What a failure leaves of its names, the next one
/// takes away.
template <class Connection>
int life_of_listener(stage& s, const site& at) {
  constexpr bool stream = std::is_same_v<Connection, sluice::unix_stream>;
  const holdings before = settled_holdings();
  const auto listen = [&] {
    if constexpr (stream) return sluice::unix_listen(at.path());
    else return sluice::unix_seqpacket_listen(at.path());
  };
  const auto connect = [&] {
    if constexpr (stream) return sluice::unix_connect(at.path(), 1s);
    else return sluice::unix_seqpacket_connect(at.path(), 1s);
  };
  const int line = s.traced([&]() -> int {
    auto l = at_most_twice(listen);
    FAULTS_REQUIRE(l);
    auto c = at_most_twice(connect);
    FAULTS_REQUIRE(c);
    auto t = at_most_twice([&] { return l->pop(1s); });
    FAULTS_REQUIRE(t);
    FAULTS_REQUIRE(at_most_twice([&] { return sluice::peer_of(*t); })->pid == ::getpid());
    std::byte b{7}, to{};
    if constexpr (stream) {
      FAULTS_REQUIRE(at_most_twice([&] { return c->write({&b, 1}, 1s); }));
      FAULTS_REQUIRE(at_most_twice([&] { return t->read({&to, 1}, 1s); }));
    } else {
      FAULTS_REQUIRE(at_most_twice([&] { return c->push({&b, 1}, 1s); }));
      FAULTS_REQUIRE(at_most_twice([&] { return t->pop({&to, 1}, 1s); }));
    }
    FAULTS_REQUIRE(to == b);
    return 0;
  });
  if (line != 0) return line;
  FAULTS_REQUIRE(settled_holdings() == before);
  FAULTS_REQUIRE(listen());
  FAULTS_REQUIRE(at.dir->entries() == 0 && test::locks_on(at.path() + ".lock") == 0);
  return 0;
}

/// Descriptors there; all of them come, or none stays open.
inline int pass_handles(stage& s, const site&) {
  const holdings before = settled_holdings();
  {
    const int line = s.traced([&]() -> int {
      auto p = at_most_twice([] { return sluice::unix_pair({.handles = true}); });
      FAULTS_REQUIRE(p);
      const int passed[] = {p->first.handle(), p->second.handle()};
      const std::byte b{7};
      std::byte to{};
      FAULTS_REQUIRE(at_most_twice([&] { return sluice::send_handles(p->first, {&b, 1}, passed, 1s); }));
      sluice::unique_handle got[2];
      const auto r = at_most_twice([&] { return sluice::receive_handles(p->second, {&to, 1}, got, 1s); });
      FAULTS_REQUIRE(r && r->handles == 2 && got[0] && got[1] && to == b);
      return 0;
    });
    if (line != 0) return line;
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

/// Two sides meet, of which one is traced. If it fails, both say so, and another meeting succeeds.
template <bool Offers>
int meet(stage& s, const site&) {
  std::thread([] { std::free(std::malloc(1)); }).join();
  const holdings before = settled_holdings();
  {
    const auto once = [](auto run) {
      auto p = sluice::unix_pair({.handles = true});
      if (!p) return error(errc::os);
      error there;
      std::thread other([&] {
        if constexpr (Offers) there = sluice::accept_source<message>(p->second, 3s).err();
        else there = sluice::offer_sink<message>(p->second, {.capacity = 4}, 3s).err();
        p->second.close();
      });
      error here;
      run([&] {
        if constexpr (Offers) here = sluice::offer_sink<message>(p->first, {.capacity = 4}, 3s).err();
        else here = sluice::accept_source<message>(p->first, 3s).err();
      });
      p->first.close();
      other.join();
      return here ? here : there;
    };
    const error e = once([&](auto op) { s.traced([&] { return op(), 0; }); });
    FAULTS_REQUIRE(!e || documented_exchange(e));
    FAULTS_REQUIRE(!e || !once([](auto op) { op(); }));
  }
  FAULTS_REQUIRE(settled_holdings().descriptors == before.descriptors);
  return 0;
}

}  // namespace faults

#endif
