// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RING_BYTES_BOX_HPP
#define SLUICE_TESTS_RING_BYTES_BOX_HPP

#include <sluice/ring/bytes.hpp>

#include "ring/spsc_box.hpp"

#include <string>
#include <vector>

namespace bytes_test {

using spsc_test::dice;
using spsc_test::narrow_memory;
using spsc_test::no_bell;

inline constexpr std::size_t granule = sluice::bytes_granule;

/// A message of n bytes that says which one it is.
inline std::string text(std::uint64_t k, std::size_t n) {
  std::string s(n, '\0');
  for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<char>(k * 31 + i * 7 + (i >> 8) * 13 + n);
  return s;
}
inline std::span<const std::byte> view(const std::string& s) { return std::as_bytes(std::span(s.data(), s.size())); }
inline std::string read(std::span<const std::byte> s) { return {reinterpret_cast<const char*>(s.data()), s.size()}; }

/// Memory for one ring: exactly as much as it asks for, so that an address sanitizer sees the first byte too many.
template <class Ring>
class memory_of {
 public:
  using ring_type = Ring;
  using word = typename Ring::word;

  explicit memory_of(std::size_t capacity, bool persistent)
      : bytes_(ring_type::bytes_for(capacity)),
        memory_(static_cast<std::byte*>(::operator new(bytes_, std::align_val_t{sluice::apart_bytes}))) {
    std::memset(memory_, 0, bytes_);
    ring_ = ring_type(memory_, capacity, persistent);
  }
  memory_of(const memory_of&) = delete;
  memory_of& operator=(const memory_of&) = delete;
  ~memory_of() { ::operator delete(memory_, std::align_val_t{sluice::apart_bytes}); }

  [[nodiscard]] const ring_type& ring() const noexcept { return ring_; }
  [[nodiscard]] auto& shared() const noexcept { return ring_.shared(); }
  [[nodiscard]] std::byte* memory() const noexcept { return memory_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_; }

 private:
  std::size_t bytes_;
  std::byte* memory_;
  ring_type ring_;
};

template <class P = sluice::native_memory>
class box : public memory_of<sluice::bytes_ring<P>> {
  using base = memory_of<sluice::bytes_ring<P>>;

 public:
  using typename base::word;
  using words = sluice::bytes_words<P>;
  using producer = sluice::bytes_producer<P>;
  using consumer = sluice::bytes_consumer<P>;
  using base::ring, base::shared;

  explicit box(std::size_t capacity, bool persistent = false) : base(capacity, persistent) {}

  /// As if the ring had been filled by messages of one granule and emptied, `lap` times.
  void start_at(word lap) noexcept {
    shared().head.store(words::cursor(lap, 0));
    const word before = (lap - 1) & words::lap_mask;
    for (word i = 0; i < ring().granules(); ++i) ring().at(i).store(words::frame(before, 1, words::message));
  }
  void begin() noexcept {
    shared().producer.begin();
    shared().consumer.begin();
  }
  [[nodiscard]] producer make_producer() const noexcept {
    producer p;
    if (!p.attach(ring())) refused_ = true;
    return p;
  }
  [[nodiscard]] consumer make_consumer() const noexcept {
    consumer c;
    if (!c.attach(ring())) refused_ = true;
    return c;
  }
  [[nodiscard]] bool attached() const noexcept { return !refused_; }

 private:
  mutable std::atomic<bool> refused_{false};
};

/// Where messages lie, worked out anew from the rule in the documentation: what is free, what is padding, what fits.
class model {
 public:
  explicit model(std::size_t granules) : whole_(granules) {}

  static std::size_t cost(std::size_t n) { return n == 0 ? 1 : (n + granule - 1) / granule; }
  /// Would a message of n bytes go in, and with how much left out at the end?
  bool fits(std::size_t n) const {
    const std::size_t k = cost(n), t = tail_ % whole_, h = head_ % whole_;
    if (head_ == tail_) return k <= whole_;
    if (used_ == whole_ || over_) return false;
    if (tail_ / whole_ != head_ / whole_) return k <= h - t;
    return k <= whole_ - t || k <= h;
  }
  /// A message for which a place of `claimed` bytes was found: that decides about the padding.
  void push(std::string s, std::size_t claimed) {
    const std::size_t k = cost(s.size()), t = tail_ % whole_;
    std::size_t left_out = 0;
    if (cost(claimed) > whole_ - t) left_out = whole_ - t;
    over_ = left_out + k > whole_;
    sizes_.push_back(left_out + k);
    tail_ += left_out + k, used_ += left_out + k;
    messages_.push_back(std::move(s));
  }
  const std::string& front() const { return messages_.front(); }
  void pop() {
    head_ += sizes_.front(), used_ -= sizes_.front();
    sizes_.erase(sizes_.begin());
    messages_.erase(messages_.begin());
    over_ = false;
  }
  bool empty() const { return messages_.empty(); }
  std::size_t size() const { return messages_.size(); }
  std::size_t at() const { return tail_ % whole_; }

 private:
  std::size_t whole_, head_ = 0, tail_ = 0, used_ = 0;
  bool over_ = false;  // one message lies over what its own padding left out
  std::vector<std::size_t> sizes_;
  std::vector<std::string> messages_;
};

}  // namespace bytes_test

#endif
