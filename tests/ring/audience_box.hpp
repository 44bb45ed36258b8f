// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RING_AUDIENCE_BOX_HPP
#define SLUICE_TESTS_RING_AUDIENCE_BOX_HPP

#include <sluice/channel/broadcast.hpp>

#include "ring/spsc_box.hpp"

namespace audience_test {

using spsc_test::dice;
using spsc_test::no_bell;

/// Words that say which message they are, and can tell whether they are whole.
template <std::size_t N>
struct words {
  std::uint64_t w[N];
  static words make(std::uint64_t k) noexcept {
    words m;
    for (std::size_t i = 0; i < N; ++i) m.w[i] = k * 1000003 + i;
    return m;
  }
  [[nodiscard]] std::uint64_t number() const noexcept { return w[0] / 1000003; }
  [[nodiscard]] bool whole() const noexcept {
    for (std::size_t i = 0; i < N; ++i)
      if (w[i] != number() * 1000003 + i) return false;
    return true;
  }
  friend bool operator==(const words&, const words&) = default;
};

/// Memory for one ring of a kind with one producer and many readers: exactly as much as it asks for.
template <class Kind, class T, class P = sluice::native_memory>
class box {
 public:
  using kind = sluice::ring_kind<Kind>;
  using ring_type = typename kind::template ring<T, P>;
  using producer = typename kind::template producer<T, P>;
  using consumer = typename kind::template consumer<T, P>;

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
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  [[nodiscard]] producer make_producer() const noexcept {
    producer p;
    if (p.attach(ring_, 0)) p.begin();
    return p;
  }
  [[nodiscard]] consumer make_consumer(unsigned seat = 1) const noexcept {
    consumer c;
    if (c.attach(ring_, seat)) c.begin();
    return c;
  }
  void heal(unsigned slot) const noexcept { (void)kind::heal(ring_, slot, no_bell); }

 private:
  std::size_t bytes_;
  std::byte* memory_;
  ring_type ring_;
};

}  // namespace audience_test

#endif
