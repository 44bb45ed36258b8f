// SPDX-License-Identifier: MIT
#include <sluice/ring/spsc_layout.hpp>

#include "catch.hpp"
#include "ring/spsc_box.hpp"

#include <cstddef>
#include <vector>

using spsc_test::box;
using spsc_test::item;
using spsc_test::narrow_memory;

namespace {

struct wide_memory : sluice::fenced_memory {
  using word = std::uint64_t;
};
template <class T>
using wide = sluice::spsc_block<T, wide_memory>;
template <class T>
using narrow = sluice::spsc_block<T, narrow_memory>;

}  // namespace

TEST_CASE("small items share one line with their stamp", "[spsc_layout]") {
  STATIC_REQUIRE(wide<item<1>>::per_block == 56);
  STATIC_REQUIRE(wide<item<4, 4>>::per_block == 14);
  STATIC_REQUIRE(wide<item<8, 8>>::per_block == 7);
  STATIC_REQUIRE(wide<item<24, 8>>::per_block == 2);
  STATIC_REQUIRE(wide<item<28, 4>>::per_block == 2);
  STATIC_REQUIRE(wide<item<56, 8>>::per_block == 1);
  STATIC_REQUIRE(wide<item<16, 16>>::per_block == 3);
  STATIC_REQUIRE(wide<item<32, 32>>::per_block == 1);
  STATIC_REQUIRE(narrow<item<1>>::per_block == 60);
  STATIC_REQUIRE(narrow<item<4, 4>>::per_block == 15);
  STATIC_REQUIRE(narrow<item<8, 8>>::per_block == 7);

  STATIC_REQUIRE(sizeof(wide<item<1>>) == 64);
  STATIC_REQUIRE(sizeof(wide<item<8, 8>>) == 64);
  STATIC_REQUIRE(sizeof(wide<item<56, 8>>) == 64);
  STATIC_REQUIRE(sizeof(narrow<item<4, 4>>) == 64);
  STATIC_REQUIRE(alignof(wide<item<1>>) == 64);
}

TEST_CASE("a large item keeps its natural stride", "[spsc_layout]") {
  STATIC_REQUIRE(wide<item<57>>::per_block == 1);
  STATIC_REQUIRE(sizeof(wide<item<57>>) == 72);
  STATIC_REQUIRE(sizeof(wide<item<64, 8>>) == 72);
  STATIC_REQUIRE(sizeof(wide<item<200, 8>>) == 208);
  STATIC_REQUIRE(sizeof(narrow<item<64, 4>>) == 68);
  STATIC_REQUIRE(sizeof(wide<item<64, 64>>) == 128);
  STATIC_REQUIRE(sizeof(wide<item<128, 128>>) == 256);
}

TEST_CASE("the words of different writers are 128 bytes apart", "[spsc_layout]") {
  using control = sluice::spsc_control<>;
  STATIC_REQUIRE(sizeof(control) == 384);
  STATIC_REQUIRE(alignof(control) == 128);
  STATIC_REQUIRE(std::is_standard_layout_v<control>);
  STATIC_REQUIRE(offsetof(control, producer) == 0);
  STATIC_REQUIRE(offsetof(control, consumer) == 128);
  STATIC_REQUIRE(offsetof(control, head) == 256);
}

TEMPLATE_TEST_CASE("a cursor is its three parts, up to the last value of each", "[spsc_layout]", wide_memory,
                   narrow_memory) {
  using words = sluice::spsc_words<TestType>;
  using word = typename words::word;
  STATIC_REQUIRE(words::lap_bits + words::block_bits + words::count_bits == words::word_bits);
  for (const word lap : {word{0}, word{1}, words::lap_mask}) {
    for (const word block : {word{0}, word{1}, words::block_mask}) {
      for (const word k : {word{0}, word{1}, words::count_mask}) {
        const word c = words::cursor(lap, block, k);
        CHECK(words::lap_of(c) == lap);
        CHECK(words::block_of(c) == block);
        CHECK(words::item_of(c) == k);
      }
    }
  }
  CHECK(words::cursor(words::lap_mask + 1, 0, 0) == 0);
}

TEST_CASE("a ring has one block more than its items need, unless a block is one item", "[spsc_layout]") {
  using seven = sluice::spsc_ring<item<8, 8>, wide_memory>;
  CHECK(seven::blocks_for(0) == 0);
  CHECK(seven::blocks_for(1) == 1);
  CHECK(seven::blocks_for(2) == 2);
  CHECK(seven::blocks_for(8) == 2);
  CHECK(seven::blocks_for(9) == 3);
  CHECK(seven::blocks_for(15) == 3);
  CHECK(seven::blocks_for(16) == 4);
  using one = sluice::spsc_ring<item<64, 8>, wide_memory>;
  for (std::size_t n = 1; n < 20; ++n) CHECK(one::blocks_for(n) == n);
  CHECK(one::bytes_for(10) == 384 + 10 * 72);
  CHECK(seven::bytes_for(15) == 384 + 3 * 64);
}

TEST_CASE("a capacity that the words or the address space cannot hold needs 0 bytes", "[spsc_layout]") {
  using one = sluice::spsc_ring<item<64, 8>, narrow_memory>;
  CHECK(one::blocks_for(65535) == 65535);
  CHECK(one::blocks_for(65536) == 0);
  CHECK(one::bytes_for(65536) == 0);
  using many = sluice::spsc_ring<item<1>, narrow_memory>;
  CHECK(many::blocks_for(65534 * 60 + 1) == 65535);
  CHECK(many::blocks_for(65534 * 60 + 2) == 0);
  for (const std::size_t n : {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 64, SIZE_MAX / 256}) {
    CHECK(one::bytes_for(n) == 0);
    CHECK(sluice::spsc_ring<item<64, 8>, wide_memory>::bytes_for(n) == 0);
    CHECK(sluice::spsc_ring<item<200, 8>, wide_memory>::bytes_for(n) == 0);
  }
  CHECK(sluice::spsc_ring<item<1>, wide_memory>::bytes_for(SIZE_MAX) == 0);
  CHECK(many::bytes_for(0) == 0);
}

TEST_CASE("a default ring is none", "[spsc_layout]") {
  const sluice::spsc_ring<int> none;
  CHECK(!none);
  CHECK(none.capacity() == 0);
}

TEMPLATE_TEST_CASE("the distance of two cursors is checked to be possible", "[spsc_layout]", wide_memory,
                   narrow_memory) {
  box<item<8, 8>, TestType> b(15);  // 3 blocks of 7
  using words = sluice::spsc_words<TestType>;
  using word = typename words::word;
  const auto& r = b.ring();
  const word top = words::lap_mask;
  word n = 99;
  const auto at = [](word lap, word block, word k) { return words::cursor(lap, block, k); };

  CHECK(r.count_between(at(0, 0, 0), at(0, 0, 0), n));
  CHECK(n == 0);
  CHECK(r.count_between(at(0, 0, 6), at(0, 2, 7), n));
  CHECK(n == 15);
  CHECK(!r.count_between(at(0, 0, 5), at(0, 2, 7), n));  // 16 items are more than there can be
  CHECK(r.count_between(at(0, 2, 3), at(1, 1, 0), n));
  CHECK(n == 11);
  CHECK(r.count_between(at(top, 2, 3), at(0, 1, 0), n));  // across the wrap of the lap
  CHECK(n == 11);
  CHECK(!r.count_between(at(0, 1, 0), at(0, 0, 6), n));  // a head before its tail
  CHECK(!r.count_between(at(1, 0, 0), at(0, 2, 0), n));
  CHECK(!r.count_between(at(0, 0, 0), at(2, 0, 0), n));
  CHECK(!r.count_between(at(0, 0, 0), at(top, 0, 0), n));
  CHECK(!r.count_between(at(0, 0, 0), at(1, 0, 0), n));  // 21 items
  CHECK(n == 11);
}

TEMPLATE_TEST_CASE("a head outside the ring is refused", "[spsc_layout]", wide_memory, narrow_memory) {
  box<item<8, 8>, TestType> b(15);
  using words = sluice::spsc_words<TestType>;
  using word = typename words::word;
  word head = 0;
  for (const word lap : {word{0}, word{5}, words::lap_mask}) {
    for (word block = 0; block < 3; ++block) {
      for (word k = 0; k < 7; ++k) {
        b.shared().head.store(words::cursor(lap, block, k));
        CHECK(b.ring().load_head(head));
        CHECK(head == words::cursor(lap, block, k));
      }
      for (word k = 7; k < 256; ++k) {
        b.shared().head.store(words::cursor(lap, block, k));
        CHECK(!b.ring().load_head(head));
      }
    }
    for (const word block : {word{3}, word{4}, word{255}, words::block_mask}) {
      b.shared().head.store(words::cursor(lap, block, 0));
      CHECK(!b.ring().load_head(head));
    }
  }
}

TEMPLATE_TEST_CASE("the tail is read off the stamps, wherever the ring begins", "[spsc_layout]",
                   (box<item<8, 8>, wide_memory>), (box<item<8, 8>, narrow_memory>), (box<item<64, 8>, wide_memory>),
                   (box<item<64, 8>, narrow_memory>)) {
  using words = typename TestType::words;
  using word = typename TestType::word;
  for (const word lap : {word{0}, word{1}, static_cast<word>(words::lap_mask - 1), words::lap_mask}) {
    for (const bool wrapped : {false, true}) {
      TestType b(15);
      b.start_at(lap, wrapped);
      auto p = b.make_producer();
      auto c = b.make_consumer();
      REQUIRE(b.attached());
      for (std::size_t consumed = 0; consumed < 40; ++consumed) {
        std::size_t there = 0;
        for (;; ++there) {
          REQUIRE(b.ring().approx_size() == there);
          if (!b.push(p)) break;
        }
        REQUIRE(there == 15);
        while (there-- > 0) REQUIRE(c.try_pop(spsc_test::no_bell));
        if (consumed % 2 == 0) {  // the next round starts one place further on
          REQUIRE(b.push(p));
          REQUIRE(c.try_pop(spsc_test::no_bell));
        }
      }
    }
  }
}

TEST_CASE("stamps that no producer writes have no tail", "[spsc_layout]") {
  box<item<8, 8>> b(15);
  using words = decltype(b)::words;
  words::word tail = 0;
  b.ring().first()->stamp.store(8);  // a count above the seven
  CHECK(!b.ring().find_tail(0, tail));
  b.ring().first()->stamp.store(3);
  CHECK(!b.ring().find_tail(words::cursor(0, 0, 4), tail));  // items are consumed that never came
  CHECK(b.ring().find_tail(words::cursor(0, 0, 3), tail));
  CHECK(b.ring().approx_size() == 3);
  b.shared().head.store(words::cursor(0, 3, 0));
  CHECK(b.ring().approx_size() == 0);
}
