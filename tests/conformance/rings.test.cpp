// SPDX-License-Identifier: MIT
#include "laws.hpp"

#include "catch.hpp"

#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/channel/crowds.hpp>
#include <sluice/channel/lanes.hpp>
#include <sluice/channel/priorities.hpp>
#include <sluice/channel/shared.hpp>

// Every kind of ring, within a process; one in each kind of memory that processes share, and the others there by kind.

namespace {

template <class Kind>
struct over_channel {
  static constexpr const char* name = "channel";
  template <class T>
  static auto make() {
    auto [out, in] = sluice::channel<T, Kind>(64);
    REQUIRE(out.peers() == 2);
    return conformance::link{std::move(out), std::move(in)};
  }
};

/// A fresh name for every link; what it named goes with the last end.
template <class Kind>
struct over_shared_memory {
  static constexpr const char* name = "shared memory";
  static std::string fresh() { return test::unique("law"); }
  template <class T>
  static auto make() {
    const std::string ring = fresh();
    auto in = sluice::shm_source<T, Kind>(ring, {.capacity = 64});
    REQUIRE(in);
    auto out = sluice::shm_sink<T, Kind>(ring, {.capacity = 64});
    REQUIRE(out);
    REQUIRE(sluice::shm_remove(ring));
    return conformance::link{*std::move(out), *std::move(in)};
  }
  template <class T, class Body>
  static auto remote(Body body) {
    const std::string ring = fresh();
    auto in = sluice::shm_source<T, Kind>(ring, {.capacity = 64});
    REQUIRE(in);
    const pid_t child = conformance::in_child([&] {
      auto out = sluice::shm_sink<T, Kind>(ring, {.capacity = 64});
      if (!out) return 1;
      body(*out);
      return 0;
    });
    REQUIRE(test::eventually([&] { return in->peers() == 2; }));
    REQUIRE(sluice::shm_remove(ring));
    return conformance::remote_end<std::remove_cvref_t<decltype(*in)>>{child, *std::move(in)};
  }
};

struct over_a_mapped_file {
  static constexpr const char* name = "mapped file";
  template <class T>
  static auto make() {
    const test::scratch dir;
    auto out = sluice::mapped_sink<T>(dir / "ring", {.capacity = 64});
    auto in = sluice::mapped_source<T>(dir / "ring", {.capacity = 64});
    REQUIRE(out);
    REQUIRE(in);
    return conformance::link{*std::move(out), *std::move(in)};
  }
};

}  // namespace

TEMPLATE_TEST_CASE("a channel of any kind keeps the laws", "[conformance]", sluice::spsc, sluice::mpsc, sluice::spmc, sluice::mpmc,
                   sluice::lanes, sluice::priorities, sluice::broadcast, sluice::lossy_broadcast, sluice::latest) {
  CHECK(conformance::broken_laws<over_channel<TestType>>() == "");
}
TEMPLATE_TEST_CASE("shared memory of any kind keeps the laws", "[conformance]", sluice::spsc, sluice::mpmc, sluice::lanes, sluice::priorities,
                   sluice::broadcast, sluice::lossy_broadcast, sluice::latest) {
  CHECK(conformance::broken_laws<over_shared_memory<TestType>>() == "");
}
TEST_CASE("a mapped file keeps the laws", "[conformance]") { CHECK(conformance::broken_laws<over_a_mapped_file>() == ""); }
