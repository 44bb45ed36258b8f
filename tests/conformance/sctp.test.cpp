// SPDX-License-Identifier: MIT
#include "laws.hpp"

#include "../stream/sctp_kernel.hpp"

#include <sluice/stream/sctp_ends.hpp>

namespace {

using namespace std::chrono_literals;
using sluice::endpoint;
using sluice::ip_family;

/// One direction of a connection; the other one is left alone.
template <ip_family Family>
struct over_sctp {
  static constexpr const char* name = Family == ip_family::v4 ? "sctp" : "sctp, IPv6";
  static auto door() { return sluice::must(sluice::sctp_listen(endpoint::loopback(Family, 0))); }
  template <class T>
  static auto make() {
    auto d = door();
    auto out = sluice::must(sluice::sctp_connect(*d.local(), 5s));
    auto in = sluice::must(d.pop(5s));
    return conformance::link{sluice::sink_of<T>(std::move(out), 3), sluice::source_of<T>(std::move(in))};
  }
  template <class T, class Body>
  static auto remote(Body body) {
    auto d = door();
    const pid_t child = conformance::in_child([&] {
      auto out = sluice::sink_of<T>(sluice::must(sluice::sctp_connect(*d.local(), 5s)));
      return body(out), 0;
    });
    auto in = sluice::source_of<T>(sluice::must(d.pop(5s)));
    return conformance::remote_end<decltype(in)>{child, std::move(in)};
  }
};

}  // namespace

TEST_CASE("SCTP keeps the laws", "[sctp][conformance]") {
  SKIP_WITHOUT_SCTP();
  CHECK(conformance::broken_laws<over_sctp<ip_family::v4>>() == "");
  CHECK(conformance::broken_laws<over_sctp<ip_family::v6>>() == "");
}
