// SPDX-License-Identifier: MIT
#ifndef SLUICE_WAIT_BELL_HPP
#define SLUICE_WAIT_BELL_HPP

#include <sluice/platform/poll.hpp>

#include <atomic>
#include <cstdint>

namespace sluice::detail {

/// A descriptor beside a word, for who sleeps on descriptors: made when it is first wanted, then rung at each change.
/// Whoever hangs it must look at the word once more after that, whoever rings it must have changed the word before, both
/// by seq_cst operations or with some read-modify-write of one word in between: then one of them sees the other.
///
/// Threads: any. ring() is async-signal-safe.
class bell {
 public:
  bell() noexcept = default;
  bell(const bell&) = delete;
  bell& operator=(const bell&) = delete;
  ~bell() {
    if (const auto b = state_.load(std::memory_order_relaxed); b != 0) unique_handle(handle_of(b));
  }

  /// False if there is no descriptor to be had.
  bool hang() noexcept {
    auto there = state_.load(std::memory_order_acquire);
    if (ours(there)) return true;
    unique_handle fresh = make_bell();
    if (!fresh) return false;
    const auto mine = static_cast<std::uint64_t>(::getpid()) << 32 | static_cast<std::uint32_t>(fresh.get());
    if (state_.compare_exchange_strong(there, mine, std::memory_order_seq_cst)) {
      (void)fresh.release();
      if (there != 0) unique_handle(handle_of(there));  // the inherited one
    }
    return true;
  }
  /// What becomes readable; only after hang().
  [[nodiscard]] int handle() const noexcept { return handle_of(state_.load(std::memory_order_relaxed)); }
  void ring() const noexcept {
    if (const auto b = state_.load(std::memory_order_seq_cst); b != 0 && ours(b)) ring_bell(handle_of(b));
  }
  /// Forgets that it was rung.
  void silence() const noexcept {
    std::uint64_t rung = 0;
    (void)!::read(handle(), &rung, sizeof rung);
  }

 private:
  // A bell is of one process: a forked child inherits it, but has a word of its own, and so hangs a bell of its own.
  static int handle_of(std::uint64_t state) noexcept { return static_cast<int>(state & 0xffffffffu); }
  static bool ours(std::uint64_t state) noexcept { return state >> 32 == static_cast<std::uint64_t>(::getpid()); }

  std::atomic<std::uint64_t> state_{0};  // whose process << 32 | descriptor; 0: none yet
};

}  // namespace sluice::detail

#endif
