// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RING_SPSC_BOX_HPP
#define SLUICE_TESTS_RING_SPSC_BOX_HPP

#include <sluice/ring/spsc.hpp>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <new>

namespace spsc_test {

/// The machine, with the words of a 32-bit one.
struct narrow_memory : sluice::fenced_memory {
  using word = std::uint32_t;
};

/// N bytes that say which message they are, and can tell whether they are whole.
template <std::size_t N, std::size_t Align = 1>
struct alignas(Align) item {
  unsigned char bytes[N];

  static item make(std::uint64_t k) noexcept {
    item i;
    for (std::size_t b = 0; b < N; ++b) i.bytes[b] = static_cast<unsigned char>(k >> 8 * (b % 4)) ^ static_cast<unsigned char>(b / 4);
    return i;
  }
  friend bool operator==(const item& a, const item& b) noexcept { return std::memcmp(a.bytes, b.bytes, N) == 0; }
};

/// Memory for one ring: exactly as much as it asks for, so that an address sanitizer sees the first byte too many.
template <class T, class P = sluice::native_memory>
class box {
 public:
  using ring_type = sluice::spsc_ring<T, P>;
  using words = sluice::spsc_words<P>;
  using word = typename P::word;
  using producer = sluice::spsc_producer<T, P>;
  using consumer = sluice::spsc_consumer<T, P>;

  explicit box(std::size_t capacity, bool persistent = false)
      : bytes_(ring_type::bytes_for(capacity)),
        memory_(static_cast<std::byte*>(::operator new(bytes_, std::align_val_t{sluice::apart_bytes}))) {
    std::memset(memory_, 0, bytes_);
    ring_ = ring_type(memory_, capacity, persistent);
  }
  box(const box&) = delete;
  box& operator=(const box&) = delete;
  ~box() { ::operator delete(memory_, std::align_val_t{sluice::apart_bytes}); }

  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }
  [[nodiscard]] auto& shared() const noexcept { return ring_.shared(); }
  [[nodiscard]] std::byte* memory() const noexcept { return memory_; }

  /// As if the ring had been filled and emptied `lap` times. Lap 0 may be the first one or one after a wrap.
  void start_at(word lap, bool wrapped = true) noexcept {
    shared().head.store(words::cursor(lap, 0, 0));
    const word before = (lap - 1) & words::lap_mask;
    for (auto* b = ring_.first(); b != ring_.end(); ++b)
      b->stamp.store(lap == 0 && !wrapped ? 0 : before << words::count_bits | ring_type::per_block);
  }
  /// Both roles are taken, as the roles of live ends are.
  void begin() noexcept {
    shared().producer.begin();
    shared().consumer.begin();
  }
  [[nodiscard]] producer make_producer() const noexcept {
    producer p;
    if (!p.attach(ring_)) refused_ = true;
    return p;
  }
  [[nodiscard]] consumer make_consumer() const noexcept {
    consumer c;
    if (!c.attach(ring_)) refused_ = true;
    return c;
  }
  /// Pushes some item. (A pair of braces would be an empty batch.)
  static sluice::status push(producer& p) {
    return p.try_push(T{}, [](auto&, std::uint32_t) noexcept {});
  }
  [[nodiscard]] bool attached() const noexcept { return !refused_; }

 private:
  std::size_t bytes_;
  std::byte* memory_;
  ring_type ring_;
  mutable std::atomic<bool> refused_{false};  // either side may be made on a thread of its own
};

/// Nobody sleeps in most of these tests.
inline constexpr auto no_bell = [](auto&, std::uint32_t) noexcept {};

/// A small generator of numbers that look random.
struct dice {
  std::uint64_t state;
  explicit dice(std::uint64_t seed) noexcept : state(seed * 2 + 1) {}
  std::uint64_t next() noexcept {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state * 0x2545f4914f6cdd1du >> 16;
  }
  std::size_t below(std::size_t n) noexcept { return static_cast<std::size_t>(next() % n); }
};

}  // namespace spsc_test

#endif
