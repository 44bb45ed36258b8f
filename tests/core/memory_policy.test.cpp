// SPDX-License-Identifier: MIT
#include <sluice/core/memory_policy.hpp>

#include "catch.hpp"

#include <string>
#include <type_traits>

namespace {

struct weak : sluice::order_site<std::memory_order_relaxed> {};
struct strong : sluice::order_site<std::memory_order_seq_cst> {};
struct strong_elsewhere : sluice::order_site<std::memory_order_seq_cst> {};

/// The machine, but one site is weakened: how a mutation run does it.
struct weakened : sluice::fenced_memory {
  template <class Site>
  static constexpr std::memory_order order =
      std::is_same_v<Site, strong> ? std::memory_order_relaxed : sluice::fenced_memory::order<Site>;
};

struct odd {
  char text[7];
};

}  // namespace

TEST_CASE("an order site is looked up through the policy", "[memory_policy]") {
  STATIC_REQUIRE(sluice::native_memory::order<weak> == std::memory_order_relaxed);
  STATIC_REQUIRE(sluice::native_memory::order<strong> == std::memory_order_seq_cst);
  STATIC_REQUIRE(sluice::fenced_memory::order<strong> == std::memory_order_seq_cst);
  STATIC_REQUIRE(weakened::order<strong> == std::memory_order_relaxed);
  STATIC_REQUIRE(weakened::order<strong_elsewhere> == std::memory_order_seq_cst);  // one site, not all of its kind
}

TEST_CASE("shared words keep the size and the alignment of their values, and take zero as a start", "[memory_policy]") {
  using p = sluice::native_memory;
  STATIC_REQUIRE(sizeof(p::atomic<std::uint32_t>) == 4);
  STATIC_REQUIRE(sizeof(p::atomic<p::word>) == sizeof(p::word));
  STATIC_REQUIRE(alignof(p::atomic<p::word>) == alignof(p::word));
  STATIC_REQUIRE(p::atomic<p::word>::is_always_lock_free);
  STATIC_REQUIRE(std::is_unsigned_v<p::word>);
}

TEST_CASE("the distances of the format are numbers of ours", "[memory_policy]") {
  STATIC_REQUIRE(sluice::line_bytes == 64);
  STATIC_REQUIRE(sluice::apart_bytes == 128);
}

TEST_CASE("payload goes in and comes out whole, single or in a row", "[memory_policy]") {
  using p = sluice::native_memory;
  odd there[3] = {};
  p::copy_out(&there[1], odd{"middle"});
  CHECK(std::string(p::copy_in(&there[1]).text) == "middle");
  CHECK(there[0].text[0] == 0);
  CHECK(there[2].text[0] == 0);

  const int from[4] = {1, 2, 3, 4};
  int shared[4] = {}, to[4] = {};
  p::copy_out(shared, from, 3);
  p::copy_in(to, shared, 4);
  CHECK(to[0] == 1);
  CHECK(to[2] == 3);
  CHECK(to[3] == 0);
  p::pause();
  p::light_fence();
  sluice::fenced_memory::light_fence();
}
