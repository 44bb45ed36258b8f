// SPDX-License-Identifier: MIT
#include "laws.hpp"

#include "catch.hpp"

#include <sluice/channel/meeting.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/unix_ends.hpp>

#include <memory>
#include <thread>

namespace {

using namespace std::chrono_literals;
using conformance::link;

/// A connection by name; each side gives one of its directions up.
struct over_a_unix_stream {
  static constexpr const char* name = "unix stream";
  static auto bytes() {
    const test::scratch dir;
    auto door = sluice::must(sluice::unix_listen(dir / "door"));
    auto out = sluice::must(sluice::unix_connect(dir / "door", 5s));
    auto in = sluice::must(door.pop(5s));
    return link{sluice::must(std::move(out).split()).out, sluice::must(std::move(in).split()).in};
  }
  template <class T>
  static auto make() {
    auto p = bytes();
    return link{sluice::sink_of<T>(std::move(p.out)), sluice::source_of<T>(std::move(p.in))};
  }
  template <class T>
  static auto spoilt() {
    auto p = bytes();
    return link{std::move(p.out), sluice::source_of<T>(std::move(p.in))};
  }
  template <class T, class Body>
  static auto remote(Body body) {
    const test::scratch dir;
    auto door = sluice::must(sluice::unix_listen(dir / "door"));
    const pid_t child = conformance::in_child([&] {
      auto out = sluice::sink_of<T>(sluice::must(sluice::unix_connect(dir / "door", 5s)));
      return body(out), 0;
    });
    auto in = sluice::source_of<T>(sluice::must(sluice::must(door.pop(5s)).split()).in);
    return conformance::remote_end<decltype(in)>{child, std::move(in)};
  }
};

struct over_unix_messages {
  static constexpr const char* name = "unix seqpacket";
  template <class T>
  static auto make() {
    auto p = sluice::must(sluice::unix_seqpacket_pair());
    return link{sluice::sink_of<T>(std::move(p.first)), sluice::source_of<T>(std::move(p.second))};
  }
  template <class T, class Body>
  static auto remote(Body body) {
    const test::scratch dir;
    auto door = sluice::must(sluice::unix_seqpacket_listen(dir / "door"));
    const pid_t child = conformance::in_child([&] {
      auto out = sluice::sink_of<T>(sluice::must(sluice::unix_seqpacket_connect(dir / "door", 5s)));
      return body(out), 0;
    });
    auto in = sluice::source_of<T>(sluice::must(door.pop(5s)));
    return conformance::remote_end<decltype(in)>{child, std::move(in)};
  }
};

struct over_unix_datagrams {
  static constexpr const char* name = "unix datagram";
  template <class T>
  static auto make() {
    const test::scratch dir;
    auto in = sluice::must(sluice::unix_datagram_bind(dir / "box"));
    auto out = sluice::must(sluice::unix_datagram_connect(dir / "box"));
    return link{sluice::sink_of<T>(std::move(out)), sluice::source_of<T>(std::move(in))};
  }
};

/// Two sides that met over a socket, and then share memory.
struct over_a_meeting {
  static constexpr const char* name = "meeting";
  template <class T>
  static auto make() {
    auto p = sluice::must(sluice::unix_pair({.handles = true}));
    std::unique_ptr<sluice::result<std::remove_cvref_t<decltype(*sluice::accept_source<T>(p.second, 5s))>>> in;
    std::thread other([&] { in.reset(new auto(sluice::accept_source<T>(p.second, 5s))); });
    auto out = sluice::offer_sink<T>(p.first, {.capacity = 64}, 5s);
    other.join();
    return link{sluice::must(std::move(out)), sluice::must(std::move(*in))};
  }
  template <class T, class Body>
  static auto remote(Body body) {
    auto p = sluice::must(sluice::unix_pair({.handles = true}));
    const pid_t child = conformance::in_child([&] {
      auto out = sluice::offer_sink<T>(p.first, {.capacity = 64}, 5s);
      if (!out) return 1;
      return body(*out), 0;
    });
    auto in = sluice::must(sluice::accept_source<T>(p.second, 5s));
    return conformance::remote_end<decltype(in)>{child, std::move(in)};
  }
};

}  // namespace

TEST_CASE("a Unix stream keeps the laws", "[conformance]") { CHECK(conformance::broken_laws<over_a_unix_stream>() == ""); }
TEST_CASE("Unix sockets for messages keep the laws", "[conformance]") {
  CHECK(conformance::broken_laws<over_unix_messages>() == "");
  CHECK(conformance::broken_laws<over_unix_datagrams>() == "");
}
TEST_CASE("a channel of two that met over a socket keeps the laws", "[conformance]") {
  CHECK(conformance::broken_laws<over_a_meeting>() == "");
}
