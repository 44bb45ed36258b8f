// SPDX-License-Identifier: MIT
#ifndef SLUICE_WAIT_SPIN_HABIT_HPP
#define SLUICE_WAIT_SPIN_HABIT_HPP

#include <cstdint>

namespace sluice::detail {

/// Is it worth while to look a few times for the next message before sleeping? What comes within microseconds is then
/// had without a sleep and a wake-up, which cost more than the looks; so it is with answers. It is not where the other
/// side is slow or needs this very processor, which the looks find out: the next waits sleep at once, and one in 128
/// looks again. Nor where messages come several at a time: they wait for no answer, and more gather during the sleep.
class spin_habit {
 public:
  /// To be asked once before each wait.
  [[nodiscard]] bool worth_while() noexcept { return credit_ > 0 || ++credit_ > 0; }
  /// How the looks went.
  void found(bool something) noexcept {
    if (!something && (credit_ /= 2) == 0) rest();
    if (something && credit_ < most) ++credit_;
  }
  /// Messages come several at a time.
  void rest() noexcept { credit_ = -127; }

 private:
  static constexpr std::int8_t most = 8;
  std::int8_t credit_ = -7;  // how many failures it stands, or waits until it looks again: at first the eighth, so that
                             // whoever waits but a few times in his life never looks
};

}  // namespace sluice::detail

#endif
