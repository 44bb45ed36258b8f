// SPDX-License-Identifier: MIT
#include "laws.hpp"

#include "catch.hpp"

#include <sluice/stream/messages.hpp>
#include <sluice/stream/pipe.hpp>

namespace {

struct over_a_pipe {
  static constexpr const char* name = "pipe";
  static auto bytes() {
    auto p = sluice::pipe();
    REQUIRE(p);
    return conformance::link{std::move(p->out), std::move(p->in)};
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
    auto p = bytes();
    const pid_t child = conformance::in_child([&] {
      p.in.close();
      auto out = sluice::sink_of<T>(std::move(p.out));
      return body(out), 0;
    });
    p.out.close();
    auto in = sluice::source_of<T>(std::move(p.in));
    return conformance::remote_end<decltype(in)>{child, std::move(in)};
  }
};

}  // namespace

TEST_CASE("a pipe keeps the laws", "[conformance]") { CHECK(conformance::broken_laws<over_a_pipe>() == ""); }
