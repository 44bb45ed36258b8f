// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FLOW_RIG_HPP
#define SLUICE_TESTS_FLOW_RIG_HPP

#include <sluice/wait/verbs.hpp>

#include "catch.hpp"

#include <chrono>
#include <deque>
#include <initializer_list>
#include <memory>
#include <thread>
#include <vector>

// Ends that say what a test tells them to, and count what is asked of them.

namespace flow_test {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::result;
using sluice::status;
using sluice::want;

/// A source that gives its answers one by one, and then says `at_end`.
template <class T = int>
struct script : sluice::source_verbs<script<T>> {
  using value_type = T;
  static constexpr sluice::end_traits traits{.max_size = sizeof(T)};

  std::deque<result<T>> answers{};
  error at_end = errc::closed;
  unsigned tries = 0, armed = 0, disarmed = 0;
  bool is_closed = false;

  script() = default;
  script(std::initializer_list<result<T>> a, error end = errc::closed) : answers(a), at_end(end) {}
  script(script&&) = default;
  script& operator=(script&&) = default;

  result<T> try_pop() {
    ++tries;
    if (is_closed) return errc::closed;
    if (answers.empty()) return at_end;
    const struct passed_on {
      decltype(answers)& all;
      ~passed_on() { all.pop_front(); }
    } then{answers};
    return std::move(answers.front());
  }
  void arm(want, sluice::wait_set& set) noexcept {
    ++armed;
    set.within(200'000);
  }
  void disarm(want) noexcept { ++disarmed; }
  void close() noexcept { is_closed = true; }
};

/// A sink with some room, which says `refusal` where there is none.
template <class T = int>
struct basket : sluice::sink_verbs<basket<T>> {
  using value_type = T;
  static constexpr sluice::end_traits traits{.max_size = sizeof(T)};

  std::vector<T> items{};
  std::size_t room = static_cast<std::size_t>(-1);
  error refusal = errc::full;
  unsigned tries = 0, armed = 0, disarmed = 0;
  bool is_closed = false;

  basket() = default;
  explicit basket(std::size_t n) : room(n) {}
  basket(basket&&) = default;
  basket& operator=(basket&&) = default;

  template <class U = T>
  status try_push(U&& m) {
    ++tries;
    if (is_closed) return errc::closed;
    if (room == 0) return refusal;
    --room;
    items.push_back(std::forward<U>(m));
    return {};
  }
  void arm(want, sluice::wait_set& set) noexcept {
    ++armed;
    set.within(200'000);
  }
  void disarm(want) noexcept { ++disarmed; }
  void close() noexcept { is_closed = true; }
};

/// Everything that comes until an error, which is noted.
template <class Source>
auto all_of(Source& in, error* why = nullptr) {
  std::vector<sluice::item_t<Source>> got;
  for (;;) {
    auto m = in.try_pop();
    if (!m) {
      if (why != nullptr) *why = m.err();
      return got;
    }
    got.push_back(*std::move(m));
  }
}

using ints = std::vector<int>;

/// A thread that is joined at its end (std::jthread is not in every library yet).
class joining_thread {
 public:
  joining_thread() noexcept = default;
  template <class F>
    requires std::invocable<F&>
  explicit joining_thread(F f) : thread_(std::move(f)) {}
  joining_thread(joining_thread&&) noexcept = default;
  joining_thread& operator=(joining_thread&& o) noexcept {
    join();
    thread_ = std::move(o.thread_);
    return *this;
  }
  ~joining_thread() { join(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_{};
};

inline std::chrono::nanoseconds since(std::chrono::steady_clock::time_point t) { return std::chrono::steady_clock::now() - t; }

}  // namespace flow_test

#endif
