// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FUZZ_INPUT_HPP
#define SLUICE_TESTS_FUZZ_INPUT_HPP

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>

// What every fuzz target is made of: decisions read off the input, and the one way to say that an oracle was violated.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

/// The bytes of one input, taken from the front. What is beyond the end reads as zero, so that every input is valid and
/// a shorter one does less.
class input {
 public:
  input(const std::uint8_t* data, std::size_t size) noexcept : at_(data), left_(size) {}

  [[nodiscard]] bool empty() const noexcept { return left_ == 0; }
  [[nodiscard]] std::size_t left() const noexcept { return left_; }

  std::uint8_t byte() noexcept {
    if (left_ == 0) return 0;
    --left_;
    return *at_++;
  }
  /// A number below n, which is at most 256.
  unsigned below(unsigned n) noexcept { return byte() % n; }
  bool flag() noexcept { return (byte() & 1u) != 0; }
  template <class T>
    requires std::is_trivially_copyable_v<T>
  T take() noexcept {
    T v{};
    const std::size_t n = left_ < sizeof v ? left_ : sizeof v;
    if (n != 0) std::memcpy(&v, at_, n);
    at_ += n, left_ -= n;
    return v;
  }
  std::span<const std::uint8_t> rest(std::size_t most = ~std::size_t{0}) noexcept {
    const std::span<const std::uint8_t> all(at_, left_ < most ? left_ : most);
    at_ += all.size(), left_ -= all.size();
    return all;
  }

 private:
  const std::uint8_t* at_;
  std::size_t left_;
};

[[noreturn]] inline void violated(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: violated: %s\n", file, line, what);
  std::abort();
}

}  // namespace fuzz

/// An oracle of a fuzz target.
#define FUZZ_REQUIRE(condition) ((condition) ? static_cast<void>(0) : fuzz::violated(#condition, __FILE__, __LINE__))

#endif
