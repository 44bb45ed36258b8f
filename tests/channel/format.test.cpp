// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "rig/every.hpp"

#include <sluice/channel/priorities.hpp>

#include <cstddef>
#include <memory>

// The bodies of all rings lie as docs/format.md has them. Those of spsc are in tests/ring/spsc_layout.test.cpp, the header
// of a region in tests/memory/region_format.test.cpp.

namespace {

struct wide {
  std::uint64_t w[9];
};

/// A ring of five messages, or of five granules, in memory of its own.
template <class Kind, class T>
struct body {
  using ring_type = typename sluice::ring_kind<Kind>::template ring<T, sluice::native_memory>;
  static constexpr std::size_t capacity = std::is_same_v<T, std::byte> ? 5 * 64 : 5;
  struct alignas(sluice::apart_bytes) line {
    std::byte bytes[sluice::apart_bytes];
  };
  const std::size_t bytes = ring_type::bytes_for(capacity);
  const std::unique_ptr<line[]> memory{new line[(bytes + sizeof(line) - 1) / sizeof(line)]()};
  const ring_type ring{memory[0].bytes, capacity};

  [[nodiscard]] std::size_t at(const void* p) const { return static_cast<std::size_t>(static_cast<const std::byte*>(p) - memory[0].bytes); }
};

using u64 = std::uint64_t;

}  // namespace

TEST_CASE("the body of an ordered ring lies as documented") {
  const body<sluice::mpmc, wide> b;
  CHECK(b.at(&b.ring.order().tail) == 0);
  CHECK(b.at(&b.ring.order().head) == 128);
  CHECK(b.at(&b.ring.order().orphans) == 256);
  CHECK(b.at(&b.ring.shared().producers) == 384);
  CHECK(b.at(&b.ring.shared().consumers) == 1280);
  CHECK(b.at(b.ring.cells()) == 2176);
  CHECK(b.bytes == 2176 + 5 * 80);
}

TEST_CASE("a crowd lies as documented") {
  const body<sluice::mpmc, wide> b;
  auto& c = b.ring.shared().producers;
  CHECK(b.at(&c.doorstep(0).word()) == 384 + 64 + 4);
  CHECK(b.at(&c.doorstep(63).word()) == 384 + 64 + 63 * 8 + 4);
  STATIC_REQUIRE(sizeof(sluice::role<>) == 8);
  STATIC_REQUIRE(sizeof(c) == 832);
  const auto word = [&](std::size_t offset) { return *reinterpret_cast<const std::uint32_t*>(&b.memory[3].bytes[offset]); };
  c.begin(2);
  c.end(2, sluice::phase::closed);
  CHECK(word(8) == (2u << 9 | 2u << 3 | 2u));  // the second change, of slot 2: closed
  CHECK(*reinterpret_cast<const std::uint32_t*>(b.memory[3].bytes + 64 + 2 * 8) == (1u << 3 | 2u));
  c.tell(77);
  CHECK(word(12) == 77);
  (void)c.arm(5);
  CHECK(*reinterpret_cast<const u64*>(b.memory[3].bytes) == u64{1} << 5);
  CHECK(b.memory[3 + 4].bytes[576 - 512 + 2 * 4] == std::byte{1});  // the session of slot 2 has made news
}

TEST_CASE("the body of lanes lies as documented") {
  const body<sluice::lanes, wide> b;
  auto& s = b.ring.shared();
  CHECK(b.at(&s.consumer) == 0);
  CHECK(b.at(&s.consumer.doorstep().word()) == 4);
  CHECK(b.at(&s.producers) == 128);
  constexpr std::size_t stride = 128 + (5 * 80 + 127) / 128 * 128;
  for (const unsigned k : {0u, 1u, 15u}) {
    CHECK(b.at(&b.ring.at(k).head()) == 1024 + k * stride);
    CHECK(b.at(b.ring.at(k).first()) == 1024 + k * stride + 128);
  }
  CHECK(b.bytes == 1024 + 16 * stride);
  const body<sluice::lanes_of<3>, u64> small;  // one block of seven, and one more
  CHECK(small.at(small.ring.at(2).first()) == 1024 + 2 * 256 + 128);
  CHECK(small.bytes == 1024 + 3 * 256);
  STATIC_REQUIRE(sluice::ring_kind<sluice::lanes>::in_region == sluice::region_kind{5});
  STATIC_REQUIRE(sluice::ring_kind<sluice::lanes_of<3>>::in_region == sluice::region_kind{3 << 16 | 5});
}

TEST_CASE("the body of a queue with priorities lies as documented") {
  const body<sluice::priorities, wide> b;
  CHECK(b.at(&b.ring.shared().producers) == 0);
  CHECK(b.at(&b.ring.shared().consumers) == 896);
  constexpr std::size_t stride = 384 + (5 * 80 + 127) / 128 * 128;
  for (const unsigned k : {0u, 1u, 7u}) {
    const auto ring = b.ring.level(k);
    CHECK(b.at(&ring.order().tail) == 1792 + k * stride);
    CHECK(b.at(&ring.order().head) == 1792 + k * stride + 128);
    CHECK(b.at(&ring.order().orphans) == 1792 + k * stride + 256);
    CHECK(b.at(ring.cells()) == 1792 + k * stride + 384);
    CHECK(&ring.shared() == &b.ring.shared());
  }
  CHECK(b.bytes == 1792 + 8 * stride);
  STATIC_REQUIRE(sluice::ring_kind<sluice::priorities>::in_region == sluice::region_kind{11});
  STATIC_REQUIRE(sluice::ring_kind<sluice::priorities_of<3>>::in_region == sluice::region_kind{3 << 16 | 11});
}

TEMPLATE_TEST_CASE("the control part of a ring for many readers begins as documented", "", sluice::broadcast, sluice::lossy_broadcast,
                   sluice::latest) {
  const body<TestType, wide> b;
  const auto& hall = b.ring.shared().hall;
  CHECK(b.at(&hall.producer) == 0);
  CHECK(b.at(&hall.told) == 8);
  CHECK(b.at(&hall.consumers) == 128);
}

TEST_CASE("the bodies of rings for many readers lie as documented") {
  const body<sluice::broadcast, wide> all;
  CHECK(all.at(&all.ring.shared().limit) == 1024);
  CHECK(all.at(&all.ring.shared().active) == 1152);
  CHECK(all.at(&all.ring.shared().cursors[0].at) == 1280);
  CHECK(all.at(&all.ring.shared().cursors[63].at) == 1280 + 63 * 128);
  CHECK(all.bytes == 9472 + (5 + 2) * 80);  // a quarter of the capacity, rounded up, beyond it
  const body<sluice::lossy_broadcast, wide> last;
  CHECK(last.at(&last.ring.shared().tail) == 1024);
  CHECK(last.at(last.ring.first()) == 1152);
  CHECK(last.bytes == 1152 + 5 * 80);
  const body<sluice::latest, wide> newest;
  CHECK(newest.at(&newest.ring.shared().newest) == 1024);
  CHECK(newest.at(&newest.ring.buffer_of(8)) == 1152);
  CHECK(newest.bytes == 1152 + 8 * 128);
}

TEST_CASE("the bodies of rings of bytes lie as documented") {
  const body<sluice::bytes_of<sluice::spsc>, std::byte> one;
  CHECK(one.at(&one.ring.shared().producer) == 0);
  CHECK(one.at(&one.ring.shared().consumer) == 128);
  CHECK(one.at(&one.ring.shared().head) == 256);
  CHECK(one.at(&one.ring.at(0)) == 384);
  CHECK(one.at(one.ring.place(0)) == 512);
  CHECK(one.bytes == 512 + 5 * 64);
  const body<sluice::bytes_of<sluice::mpsc>, std::byte> many;
  CHECK(many.at(&many.ring.shared().tail) == 0);
  CHECK(many.at(&many.ring.shared().head) == 128);
  CHECK(many.at(&many.ring.shared().producers) == 256);
  CHECK(many.at(&many.ring.shared().consumers) == 1152);
  CHECK(many.at(&many.ring.at(0)) == 2048);
  CHECK(many.at(many.ring.place(0)) == 2176);
  CHECK(many.bytes == 2176 + 5 * 64);
}
