// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_STEPPER_HPP
#define SLUICE_TESTS_STEPPER_HPP

#include "sanitizers.hpp"

#include <csignal>
#include <ucontext.h>

// Sanitized code does not bear to be interrupted anywhere.
#if defined(__x86_64__) && !SLUICE_TEST_SANITIZED()
#define SLUICE_TEST_STEPS() 1

namespace test {

/// Runs something of ours with an interrupt before its n-th instruction.
class stepper {
 public:
  /// False if it has come to its end before.
  template <class Body, class Interrupt>
  static bool run(unsigned long n, Body body, Interrupt interrupt) {
    left_ = n;
    argument_ = &interrupt;
    call_ = [](void* f) { (*static_cast<Interrupt*>(f))(); };
    struct sigaction act = {}, before = {};
    act.sa_sigaction = &trapped;
    act.sa_flags = SA_SIGINFO;
    ::sigaction(SIGTRAP, &act, &before);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | trap_flag);
    body();
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~trap_flag);
    ::sigaction(SIGTRAP, &before, nullptr);
    return left_ == 0;
  }

 private:
  static constexpr unsigned long long trap_flag = 0x100;
  static void trapped(int, siginfo_t*, void* context) {
    left_ = left_ - 1;
    if (left_ != 0) return;
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~static_cast<greg_t>(trap_flag);
    call_(argument_);
  }
  static inline volatile unsigned long left_ = 0;
  static inline void* argument_ = nullptr;
  static inline void (*call_)(void*) = nullptr;
};

}  // namespace test

#else
#define SLUICE_TEST_STEPS() 0
#endif

#endif
