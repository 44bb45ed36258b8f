// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FUZZ_SCRIBBLE_HPP
#define SLUICE_TESTS_FUZZ_SCRIBBLE_HPP

#include "../process.hpp"

#include <atomic>
#include <ctime>

namespace fuzz {

/// Something that a word might hold, but should not now: random bits, or a value close to what it was.
template <class W>
void scribble_on(std::atomic<W>* w, test::dice& d) {
  const W v = w->load(std::memory_order_relaxed);
  switch (d.below(6)) {
    case 0: w->store(static_cast<W>(d()), std::memory_order_relaxed); break;
    case 1: w->store(static_cast<W>(v ^ W{1} << d.below(sizeof(W) * 8)), std::memory_order_relaxed); break;
    case 2: w->store(static_cast<W>(v + d.below(5) - 2), std::memory_order_relaxed); break;
    case 3: w->store(static_cast<W>(d.below(64)), std::memory_order_relaxed); break;
    case 4: w->store(static_cast<W>(v + (W{1} << d.below(sizeof(W) * 8))), std::memory_order_relaxed); break;
    default: w->store(static_cast<W>(~W{0} >> d.below(sizeof(W) * 8)), std::memory_order_relaxed); break;
  }
}

/// How long one operation may take: of this thread's processor time, since a busy machine or disk may take as long as it
/// likes; and of the clock's, so that one that sleeps for ever is seen.
class patience {
 public:
  static constexpr std::int64_t most_work = 1'000'000'000, most_time = 20'000'000'000;
  void start() noexcept { work_ = used(), time_ = test::now_ns(); }
  void stop() noexcept {
    longest_work_ = std::max(longest_work_, used() - work_);
    longest_time_ = std::max(longest_time_, test::now_ns() - time_);
  }
  [[nodiscard]] bool kept() const noexcept { return longest_work_ < most_work && longest_time_ < most_time; }
  [[nodiscard]] double work_ms() const noexcept { return static_cast<double>(longest_work_) / 1e6; }
  [[nodiscard]] double time_ms() const noexcept { return static_cast<double>(longest_time_) / 1e6; }

 private:
  static std::int64_t used() noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
  }
  std::int64_t work_ = 0, time_ = 0, longest_work_ = 0, longest_time_ = 0;
};

}  // namespace fuzz

#endif
