// SPDX-License-Identifier: MIT
#include "laws.hpp"

#include "catch.hpp"

#include <fstream>
#include <sluice/platform/describe.hpp>
#include <sluice/queue/posix_mq.hpp>
#include <sluice/queue/sysv_mq.hpp>

namespace {

using conformance::link;

/// Both ends on a new queue, whose name is gone before anybody uses it: nothing is left behind.
struct over_a_posix_queue {
  static constexpr const char* name = "posix message queue";
  template <class T>
  static auto make() {
    const auto queue = test::unique("laws");
    auto out = sluice::must(sluice::posix_mq_sink<T>(queue, {.exclusive = true}));
    auto in = sluice::must(sluice::posix_mq_source<T>(queue, {.create = false}));
    sluice::must(sluice::posix_mq_remove(queue));
    return link{std::move(out), std::move(in)};
  }
  template <class T, class Body>
  static auto remote(Body body) {
    auto l = make<T>();
    const pid_t child = conformance::in_child([&] {
      l.in.close();
      return body(l.out), 0;
    });
    return conformance::remote_end<decltype(l.in)>{child, std::move(l.in)};
  }
};

/// A System V queue ends with its removal, so that is left to the process: one path, a project for each queue.
struct over_a_sysv_queue {
  static constexpr const char* name = "system v message queue";
  static const std::string& path() {
    static const test::scratch dir;
    static const std::string file = dir / "key";
    if (std::ofstream made(file); !made) std::abort();
    return file;
  }
  static std::uint8_t& project() {
    static std::uint8_t last = 0;
    return last;
  }
  template <class T>
  static auto make() {
    const sluice::sysv_mq_options o{.project = ++project()};
    auto out = sluice::must(sluice::sysv_mq_sink<T>(path(), o));
    return link{std::move(out), sluice::must(sluice::sysv_mq_source<T>(path(), o))};
  }
  template <class T, class Body>
  static auto remote(Body body) {
    auto l = make<T>();
    const pid_t child = conformance::in_child([&] { return body(l.out), 0; });
    return conformance::remote_end<decltype(l.in)>{child, std::move(l.in)};
  }
  static void remove() {
    for (; project() != 0; --project()) (void)sluice::sysv_mq_remove(path(), project());
  }
};

}  // namespace

TEST_CASE("a POSIX message queue keeps the laws", "[conformance]") {
  if (sluice::posix_mq_remove("no such queue").err() == sluice::errc::unsupported) {
    WARN("this kernel has no POSIX message queues");
    return;
  }
  CHECK(conformance::broken_laws<over_a_posix_queue>() == "");
}
TEST_CASE("a System V message queue keeps the laws", "[conformance]") {
  if (sluice::sysv_mq_limits().err() == sluice::errc::unsupported) {
    WARN("this kernel has no System V message queues");
    return;
  }
  CHECK(conformance::broken_laws<over_a_sysv_queue>() == "");
  over_a_sysv_queue::remove();
}
