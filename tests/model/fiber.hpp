// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_FIBER_HPP
#define SLUICE_TESTS_MODEL_FIBER_HPP

#include <cstddef>
#include <memory>

namespace model {

/// A thread of the model: a stack of its own, entered and left by hand. May be abandoned at any time, as a killed
/// process is: nothing on its stack is destroyed.
class fiber {
 public:
  fiber();
  ~fiber();
  fiber(const fiber&) = delete;
  fiber& operator=(const fiber&) = delete;

  /// Makes the next enter() begin with `entry(argument)`, which must never return.
  void begin(void (*entry)(void*), void* argument) noexcept;
  /// From the scheduler into the fiber.
  void enter() noexcept;
  /// From the fiber back to the scheduler.
  void leave() noexcept;

 private:
  struct machine;
  static constexpr std::size_t stack_bytes = 128 * 1024;
  std::unique_ptr<std::byte[]> stack_;
  std::unique_ptr<machine> machine_;
};

}  // namespace model

#endif
