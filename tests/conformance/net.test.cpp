// SPDX-License-Identifier: MIT
#include "laws.hpp"

#include "catch.hpp"

#include <sluice/stream/messages.hpp>
#include <sluice/stream/tcp.hpp>
#include <sluice/stream/udp.hpp>

namespace {

using namespace std::chrono_literals;
using sluice::endpoint;
using sluice::ip_family;

/// One direction of a connection; the other one is given up.
template <ip_family Family>
struct over_tcp {
  static constexpr const char* name = Family == ip_family::v4 ? "tcp" : "tcp, IPv6";
  static auto door() { return sluice::must(sluice::tcp_listen(endpoint::loopback(Family, 0))); }
  static auto writer_of(sluice::tcp_stream s) { return sluice::must(std::move(s).split()).out; }
  static auto reader_of(sluice::tcp_stream s) { return sluice::must(std::move(s).split()).in; }
  static auto bytes() {
    auto d = door();
    auto out = writer_of(sluice::must(sluice::tcp_connect(*d.local(), 5s)));
    auto in = reader_of(sluice::must(d.pop(5s)));
    return conformance::link{std::move(out), std::move(in)};
  }
  template <class T>
  static auto make() {
    auto p = bytes();
    return conformance::link{sluice::sink_of<T>(std::move(p.out)), sluice::source_of<T>(std::move(p.in))};
  }
  template <class T>
  static auto spoilt() {
    auto p = bytes();
    return conformance::link{std::move(p.out), sluice::source_of<T>(std::move(p.in))};
  }
  template <class T, class Body>
  static auto remote(Body body) {
    auto d = door();
    const pid_t child = conformance::in_child([&] {
      auto out = sluice::sink_of<T>(writer_of(sluice::must(sluice::tcp_connect(*d.local(), 5s))));
      return body(out), 0;
    });
    auto in = sluice::source_of<T>(reader_of(sluice::must(d.pop(5s))));
    return conformance::remote_end<decltype(in)>{child, std::move(in)};
  }
};

template <ip_family Family>
struct over_udp {
  static constexpr const char* name = Family == ip_family::v4 ? "udp" : "udp, IPv6";
  template <class T>
  static auto source() {
    return sluice::must(sluice::udp_source_at<T>(endpoint::loopback(Family, 0)));
  }
  template <class T>
  static auto make() {
    auto in = source<T>();
    auto out = sluice::must(sluice::udp_sink_to<T>(*in.socket().local()));
    return conformance::link{std::move(out), std::move(in)};
  }
  template <class T, class Body>
  static auto remote(Body body) {
    auto in = source<T>();
    const pid_t child = conformance::in_child([&] {
      auto out = sluice::must(sluice::udp_sink_to<T>(*in.socket().local()));
      return body(out), 0;
    });
    return conformance::remote_end<decltype(in)>{child, std::move(in)};
  }
};

}  // namespace

TEST_CASE("TCP keeps the laws", "[conformance]") {
  CHECK(conformance::broken_laws<over_tcp<ip_family::v4>>() == "");
  CHECK(conformance::broken_laws<over_tcp<ip_family::v6>>() == "");
}
TEST_CASE("UDP keeps the laws that a datagram can keep", "[conformance]") {
  CHECK(conformance::broken_laws<over_udp<ip_family::v4>>() == "");
  CHECK(conformance::broken_laws<over_udp<ip_family::v6>>() == "");
}
