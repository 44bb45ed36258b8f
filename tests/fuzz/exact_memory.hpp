// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FUZZ_EXACT_MEMORY_HPP
#define SLUICE_TESTS_FUZZ_EXACT_MEMORY_HPP

#include <sluice/core/memory_policy.hpp>

#include <cstring>
#include <new>

namespace fuzz {

/// Memory for one ring: exactly as much as it asks for, so that the first byte too many is seen.
struct exact_memory {
  std::byte* at;
  explicit exact_memory(std::size_t n) : at(static_cast<std::byte*>(::operator new(n, std::align_val_t{sluice::apart_bytes}))) {
    std::memset(at, 0, n);
  }
  exact_memory(const exact_memory&) = delete;
  exact_memory& operator=(const exact_memory&) = delete;
  ~exact_memory() { ::operator delete(at, std::align_val_t{sluice::apart_bytes}); }
};

}  // namespace fuzz

#endif
