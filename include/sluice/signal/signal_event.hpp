// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_SIGNAL_EVENT_HPP
#define SLUICE_SIGNAL_SIGNAL_EVENT_HPP

#include <sluice/core/config.hpp>

#include <csignal>
#include <cstdint>

namespace sluice {

/// A signal that came, as data.
struct signal_event {
  std::int32_t signo = 0;
  std::int32_t code = 0;      // why: SI_USER, SI_QUEUE, SI_TIMER, ... as in sigaction(2)
  std::int32_t pid = 0;       // who sent it, where the code says that somebody did
  std::uint32_t uid = 0;
  std::int64_t value = 0;     // what was sent along
  std::uint32_t count = 1;    // how many signals this stands for; more than one: the rest of this is of the first of them
  std::uint32_t reserved = 0;

  friend constexpr bool operator==(const signal_event&, const signal_event&) noexcept = default;
};

namespace detail {

inline constexpr int most_signals = 64;  // SIGRTMAX on every Linux but MIPS

/// For programs to catch. Not the two that cannot be caught, nor those that say that the very next instruction cannot be
/// executed (for these there is trap()), nor what the C library keeps for itself between 32 and SIGRTMIN.
inline bool may_be_caught(int signo) noexcept {
  switch (signo) {
    case SIGKILL: case SIGSTOP: case SIGSEGV: case SIGBUS: case SIGFPE: case SIGILL: case SIGTRAP: case SIGSYS: return false;
    default: return signo > 0 && signo <= most_signals && (signo < 32 || (signo >= SIGRTMIN && signo <= SIGRTMAX));
  }
}

}  // namespace detail
}  // namespace sluice

#endif
