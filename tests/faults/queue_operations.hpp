// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FAULTS_QUEUE_OPERATIONS_HPP
#define SLUICE_TESTS_FAULTS_QUEUE_OPERATIONS_HPP

#include "operations.hpp"

#include <sluice/queue/posix_mq.hpp>
#include <sluice/queue/sysv_mq.hpp>

namespace faults {

namespace detail {

/// A queue is made, found, used and removed: one failure somewhere, and the same once more succeeds. Nothing is left.
template <class Sink, class Source, class Remove>
int queue_life(stage& s, Sink open_sink, Source open_source, Remove remove) {
  const holdings before = settled_holdings();
  {
    const int line = s.traced([&]() -> int {
      unsigned failures = 0;
      const auto again = [&failures](auto attempt) {
        auto r = attempt();
        while (!r && ++failures <= 1) r = attempt();
        return r;
      };
      auto out = again(open_sink);
      FAULTS_REQUIRE(out);
      auto in = again(open_source);
      FAULTS_REQUIRE(in);
      for (std::uint64_t n = 0; n < 3; ++n) {
        FAULTS_REQUIRE(again([&] { return out->push(message::make(n), 1s); }));
        const auto got = again([&] { return in->pop(1s); });
        FAULTS_REQUIRE(got && got->is(n));
      }
      FAULTS_REQUIRE(!in->try_pop());
      FAULTS_REQUIRE(again(remove));
      return 0;
    });
    if (line != 0) return line;
  }
  FAULTS_REQUIRE(remove().err() == errc::not_found);
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

}  // namespace detail

inline int posix_queue_life(stage& s, const site&) {
  const auto name = test::unique("faults");
  return detail::queue_life(
      s, [&] { return sluice::posix_mq_sink<message>(name); },
      [&] { return sluice::posix_mq_source<message>(name, {.create = false}); },
      [&] { return sluice::posix_mq_remove(name); });
}

inline int sysv_queue_life(stage& s, const site&) {
  const test::scratch dir;
  return detail::queue_life(
      s, [&] { return sluice::sysv_mq_sink<message>(dir.c_str(), {.capacity = 3}); },
      [&] { return sluice::sysv_mq_source<message>(dir.c_str(), {.create = false}); },
      [&] { return sluice::sysv_mq_remove(dir.c_str()); });
}

}  // namespace faults

#endif
