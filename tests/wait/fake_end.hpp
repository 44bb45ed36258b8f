// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_WAIT_FAKE_END_HPP
#define SLUICE_TESTS_WAIT_FAKE_END_HPP

#include <sluice/wait/verbs.hpp>

#include <atomic>
#include <functional>
#include <string>

namespace wait_test {

/// An end that writes down what is asked of it: `t` a try, `a` arm, `A` arm with descriptors preferred, `d` disarm.
/// Which try succeeds is decided by the test.
template <class T = int>
class fake_end : public sluice::source_verbs<fake_end<T>>, public sluice::sink_verbs<fake_end<T>> {
 public:
  using value_type = T;

  std::string log{};
  unsigned tries = 0;
  unsigned succeeds_at = 0;     // the number of the try that succeeds, and all after it; 0: none
  sluice::error otherwise = sluice::errc::empty;
  sluice::wait_strategy strategy = sluice::wait_strategy::park;
  int handle = -1;              // to be waited for, instead of the word
  std::function<void()> on_arm{};
  std::atomic<std::uint32_t> word{0};
  T last{};

  sluice::result<T> try_pop() {
    if (attempt()) return T{};
    return otherwise;
  }
  sluice::result<std::size_t> try_pop(std::span<T> to) {
    if (attempt()) return to.size();
    return otherwise;
  }
  sluice::result<const T*> try_borrow() {
    if (attempt()) return &last;
    return otherwise;
  }
  template <class U>
  sluice::status try_push(U&& value) {
    if (!attempt()) return otherwise;
    last = std::forward<U>(value);
    return {};
  }
  sluice::result<std::size_t> try_push(std::span<const T> from) {
    if (attempt()) return from.size();
    return otherwise;
  }
  sluice::result<T*> try_claim() {
    if (attempt()) return &last;
    return otherwise;
  }
  void arm(sluice::want, sluice::wait_set& set) noexcept {
    log += set.prefers_handles() ? 'A' : 'a';
    if (handle >= 0) set.on(handle, sluice::want::pop);
    else set.on(&word, word.load(), false);
    if (on_arm) on_arm();
  }
  void disarm(sluice::want) noexcept { log += 'd'; }
  void close() noexcept {}
  [[nodiscard]] sluice::wait_strategy waits() const noexcept { return strategy; }

  /// Wakes whoever sleeps on the word.
  void ring() {
    word.fetch_add(1);
    sluice::detail::futex_wake(&word, false);
  }

 private:
  bool attempt() {
    log += 't';
    return ++tries >= succeeds_at && succeeds_at != 0;
  }
};

}  // namespace wait_test

#endif
