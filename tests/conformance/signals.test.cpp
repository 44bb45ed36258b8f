// SPDX-License-Identifier: MIT
#include "laws.hpp"

#include "catch.hpp"

#include <sluice/platform/describe.hpp>
#include <sluice/signal/blocked_signals.hpp>
#include <sluice/signal/signal_set.hpp>
#include <sluice/signal/signal_sink.hpp>

#include <optional>

// Signals carry one number. The messages of the laws travel as theirs.

namespace {

using conformance::note;

/// A signal number of its own for each link.
int fresh() {
  static unsigned n = 0;
  return SIGRTMIN + 8 + static_cast<int>(n++ % 16);
}

class note_sink : public sluice::sink_verbs<note_sink> {
 public:
  using value_type = note;
  static constexpr sluice::end_traits traits = [] {
    auto t = sluice::traits_of<sluice::signal_sink>;
    t.max_size = sizeof(note);
    return t;
  }();
  explicit note_sink(sluice::signal_sink s) noexcept : to_(std::move(s)) {}
  sluice::status try_push(const note& n) noexcept { return to_.try_push(static_cast<std::int64_t>(n.seq)); }
  void arm(sluice::want w, sluice::wait_set& set) noexcept { to_.arm(w, set); }
  void disarm(sluice::want w) noexcept { to_.disarm(w); }
  void close() noexcept { to_.close(); }

 private:
  sluice::signal_sink to_;
};

template <class Signals>
class note_source : public sluice::source_verbs<note_source<Signals>> {
 public:
  using value_type = note;
  static constexpr sluice::end_traits traits = sluice::traits_of<Signals>;
  explicit note_source(Signals s) noexcept : from_(std::move(s)) {}
  sluice::result<note> try_pop() noexcept {
    const auto e = from_.try_pop();
    if (!e) return e.err();
    return note::make(static_cast<std::uint64_t>(e->value));
  }
  void arm(sluice::want w, sluice::wait_set& set) noexcept { from_.arm(w, set); }
  void disarm(sluice::want w) noexcept { from_.disarm(w); }
  void close() noexcept { from_.close(); }

 private:
  Signals from_;
};

template <class Signals>
struct over {
  static constexpr const char* name = std::same_as<Signals, sluice::signal_set> ? "signals" : "signals, blocked";
  template <class T>
  static auto make() {
    const int n = fresh();
    Signals in{n};
    REQUIRE(in.ok());
    return conformance::link{note_sink(sluice::must(sluice::signals_to(::getpid(), n))), note_source<Signals>(std::move(in))};
  }
  template <class T, class Body>
  static auto remote(Body body) {
    const int n = fresh();
    Signals in{n};
    REQUIRE(in.ok());
    const pid_t child = conformance::in_child([&] {
      note_sink out(sluice::must(sluice::signals_to(::getppid(), n)));
      return body(out), 0;
    });
    return conformance::remote_end<note_source<Signals>>{child, note_source<Signals>(std::move(in))};
  }
};

}  // namespace

TEST_CASE("signals keep the laws that they can keep", "[conformance]") {
  if (test::holds_signals_back) return;
  CHECK(conformance::broken_laws<over<sluice::signal_set>>() == "");
}
TEST_CASE("blocked signals keep the laws", "[conformance]") {
  sigset_t all, before;
  sigemptyset(&all);
  for (int n = SIGRTMIN + 8; n < SIGRTMIN + 24; ++n) sigaddset(&all, n);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  CHECK(conformance::broken_laws<over<sluice::blocked_signals>>() == "");
  for (int n = SIGRTMIN + 8; n < SIGRTMIN + 24; ++n) {  // what nobody popped
    sluice::blocked_signals rest{n};
    while (rest.try_pop()) {
    }
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}
