// SPDX-License-Identifier: MIT
#include "laws.hpp"

#include "catch.hpp"

#include <sluice/framing/checked.hpp>
#include <sluice/framing/cobs.hpp>
#include <sluice/framing/length.hpp>
#include <sluice/framing/varint.hpp>
#include <sluice/stream/duplex.hpp>
#include <sluice/stream/fifo.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/packet_pipe.hpp>
#include <sluice/stream/pipe.hpp>

// Streams of one host. A stream is put to the laws as bytes, and as messages of whatever framing.

namespace {

using namespace std::chrono_literals;
using conformance::link;

/// Messages of one type, nothing between them.
struct plainly {
  static constexpr const char* name = "pipe";
  template <class T, class Stream>
  static auto sink(Stream s) { return sluice::sink_of<T>(std::move(s)); }
  template <class T, class Stream>
  static auto source(Stream s) { return sluice::source_of<T>(std::move(s)); }
};
template <class Framing>
struct framed {
  static constexpr const char* name = "pipe, framed";
  template <class T, class Stream>
  static auto sink(Stream s) { return sluice::sink_of<T>(std::move(s), Framing{}); }
  template <class T, class Stream>
  static auto source(Stream s) { return sluice::source_of<T>(std::move(s), Framing{}); }
};
struct greeted {
  static constexpr const char* name = "pipe, greeted";
  template <class T, class Stream>
  static auto sink(Stream s) { return sluice::sink_of<T>(std::move(s), sluice::greeted); }
  template <class T, class Stream>
  static auto source(Stream s) { return sluice::source_of<T>(std::move(s), sluice::greeted); }
};

template <class How>
struct over_a_pipe {
  static constexpr const char* name = How::name;
  static auto bytes() {
    auto p = sluice::pipe();
    REQUIRE(p);
    return link{std::move(p->out), std::move(p->in)};
  }
  template <class T>
  static auto make() {
    auto p = bytes();
    return link{How::template sink<T>(std::move(p.out)), How::template source<T>(std::move(p.in))};
  }
  template <class T>
    requires std::same_as<How, plainly>  // who writes by hand must know the framing
  static auto spoilt() {
    auto p = bytes();
    return link{std::move(p.out), How::template source<T>(std::move(p.in))};
  }
  template <class T, class Body>
  static auto remote(Body body) {
    auto p = bytes();
    const pid_t child = conformance::in_child([&] {
      p.in.close();
      auto out = How::template sink<T>(std::move(p.out));
      return body(out), 0;
    });
    p.out.close();
    auto in = How::template source<T>(std::move(p.in));
    return conformance::remote_end<decltype(in)>{child, std::move(in)};
  }
};

struct over_a_packet_pipe {
  static constexpr const char* name = "packet pipe";
  template <class T>
  static auto make() {
    auto p = sluice::packet_pipe();
    REQUIRE(p);
    return link{sluice::sink_of<T>(std::move(p->out)), sluice::source_of<T>(std::move(p->in))};
  }
};

struct over_a_duplex {
  static constexpr const char* name = "duplex";
  static auto bytes() {
    auto d = sluice::duplex();
    REQUIRE(d);
    return link{std::move(d->one), std::move(d->other)};
  }
  template <class T>
  static auto make() {
    auto d = bytes();
    return link{sluice::sink_of<T>(std::move(d.out)), sluice::source_of<T>(std::move(d.in))};
  }
  template <class T>
  static auto spoilt() {
    auto d = bytes();
    return link{std::move(d.out), sluice::source_of<T>(std::move(d.in))};
  }
};

template <sluice::fifo_policy P>
struct over_a_fifo {
  static constexpr const char* name = P == sluice::fifo_policy::session ? "FIFO, session" : P == sluice::fifo_policy::persistent ? "FIFO, persistent" : "FIFO, one shot";
  template <class T>
  static auto make() {
    const test::scratch dir;
    auto in = sluice::fifo_source<T, P>(dir / "fifo");
    REQUIRE(in);
    auto out = sluice::fifo_sink<T, P>(dir / "fifo");
    REQUIRE(out);
    // The name is needed until the writer has opened it, which it does when it first writes.
    REQUIRE(out->push(T{}, 5s));
    REQUIRE(in->pop(5s));
    return link{*std::move(out), *std::move(in)};
  }
  template <class T, class Body>
  static auto remote(Body body) {
    const test::scratch dir;
    const std::string path = dir / "fifo";
    auto in = sluice::fifo_source<T, P>(path);
    REQUIRE(in);
    const pid_t child = conformance::in_child([&] {
      auto out = sluice::fifo_sink<T, P>(path);
      if (!out || !out->push(T{}, 5s)) return 1;
      return body(*out), 0;
    });
    REQUIRE(in->pop(5s));
    return conformance::remote_end<std::remove_cvref_t<decltype(*in)>>{child, *std::move(in)};
  }
};

}  // namespace

TEMPLATE_TEST_CASE("a pipe keeps the laws, however its messages are framed", "[conformance]", plainly,
                   framed<sluice::length_framing<>>, framed<sluice::checked<sluice::varint_framing<>>>,
                   framed<sluice::cobs_framing<>>, greeted) {
  CHECK(conformance::broken_laws<over_a_pipe<TestType>>() == "");
}
TEST_CASE("a packet pipe keeps the laws", "[conformance]") { CHECK(conformance::broken_laws<over_a_packet_pipe>() == ""); }
TEST_CASE("a pair of ends keeps the laws", "[conformance]") { CHECK(conformance::broken_laws<over_a_duplex>() == ""); }
TEST_CASE("a FIFO of any policy keeps the laws", "[conformance]") {
  CHECK(conformance::broken_laws<over_a_fifo<sluice::fifo_policy::session>>() == "");
  CHECK(conformance::broken_laws<over_a_fifo<sluice::fifo_policy::persistent>>() == "");
  CHECK(conformance::broken_laws<over_a_fifo<sluice::fifo_policy::one_shot>>() == "");
}
