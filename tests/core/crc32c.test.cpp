// SPDX-License-Identifier: MIT
#include <sluice/core/crc32c.hpp>

#include "catch.hpp"

#include <array>
#include <cstring>
#include <string_view>

namespace {

std::uint32_t sum_of(std::string_view text) { return sluice::crc32c(std::as_bytes(std::span(text))); }

template <class F>
constexpr std::array<std::byte, 32> thirty_two(F at) {
  std::array<std::byte, 32> a{};
  for (unsigned i = 0; i < 32; ++i) a[i] = std::byte(at(i));
  return a;
}

}  // namespace

TEST_CASE("crc32c gives the check values of RFC 3720 B.4", "[crc32c]") {
  STATIC_REQUIRE(sluice::crc32c(thirty_two([](unsigned) { return 0u; })) == 0x8a9136aau);
  STATIC_REQUIRE(sluice::crc32c(thirty_two([](unsigned) { return 0xffu; })) == 0x62a8ab43u);
  STATIC_REQUIRE(sluice::crc32c(thirty_two([](unsigned i) { return i; })) == 0x46dd794eu);
  STATIC_REQUIRE(sluice::crc32c(thirty_two([](unsigned i) { return 31 - i; })) == 0x113fdb5cu);

  constexpr unsigned char command[48] = {0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0,
                                         0x14, 0,    0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
                                         0x28, 0,    0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0,    0, 0, 0};
  CHECK(sluice::crc32c(std::as_bytes(std::span(command))) == 0xd9963a56u);
}

TEST_CASE("crc32c gives the usual check value, and 0 for nothing", "[crc32c]") {
  CHECK(sum_of("123456789") == 0xe3069283u);
  CHECK(sum_of("") == 0);
}

TEST_CASE("a crc32c can be continued at every point", "[crc32c]") {
  constexpr std::string_view text = "the quick brown fox jumps over the lazy dog";
  const auto bytes = std::as_bytes(std::span(text));
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
    CHECK(sluice::crc32c(bytes.subspan(cut), sluice::crc32c(bytes.first(cut))) == sum_of(text));
}

TEST_CASE("crc32c notices every flipped bit", "[crc32c]") {
  char text[] = "some header of a region";
  const auto whole = sum_of({text, sizeof text});
  for (char& c : text) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const char keep = c;
      c = static_cast<char>(static_cast<unsigned char>(c) ^ (1u << bit));
      CHECK(sum_of({text, sizeof text}) != whole);
      c = keep;
    }
  }
}

#if SLUICE_HAS_CRC32C_INSTRUCTION()
TEST_CASE("the instruction and the table give the same crc32c at every length, place and start", "[crc32c]") {
  if (!__builtin_cpu_supports("sse4.2")) return;
  std::array<std::byte, 80> bytes{};
  std::uint32_t x = 1;
  for (auto& b : bytes) b = std::byte((x = x * 1664525u + 1013904223u) >> 24);
  bool same = true;
  for (std::size_t from = 0; from < 8; ++from)
    for (std::size_t n = 0; n <= bytes.size() - from; ++n)
      for (const std::uint32_t start : {0u, ~0u, x}) {
        const auto some = std::span<const std::byte>(bytes).subspan(from, n);
        same = same && sluice::detail::crc32c_by_table(some, start) == sluice::detail::crc32c_by_instruction(some, start);
      }
  CHECK(same);
}
#endif
