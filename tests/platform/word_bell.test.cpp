// SPDX-License-Identifier: MIT
#include <sluice/platform/word_bell.hpp>

#include <sluice/platform/poll.hpp>

#include "catch.hpp"
#include "refusing.hpp"

#include <poll.h>
#include <set>
#include <thread>
#include <vector>

using sluice::detail::futex_wake;
using sluice::detail::readiness;
using sluice::detail::watched_handle;
using sluice::detail::word_bell;
using words = std::atomic<std::uint32_t>;

namespace {

bool rung(const word_bell& b) { return readiness(b.handle(), POLLIN) != 0; }
std::multiset<std::uint64_t> heard(word_bell& b) {
  std::multiset<std::uint64_t> tags;
  for (std::uint64_t tag = 0; b.next(tag);) tags.insert(tag);
  return tags;
}
using tags = std::multiset<std::uint64_t>;

}  // namespace

TEST_CASE("a bell rings when a word is woken, and names it, once", "[word_bell]") {
  word_bell b(4);
  if (!b) return;  // refused by this system
  REQUIRE(word_bell::outlast_threads());
  for (const bool shared : {false, true}) {
    words w[3] = {};
    for (unsigned i = 0; i < 3; ++i) REQUIRE(b.watch({&w[i], 0, shared}, 10 + i));
    CHECK(!rung(b));
    std::thread other([&] {
      test::sleep_us(3000);
      w[1] = 1;
      futex_wake(&w[1], shared);
    });
    watched_handle h{b.handle(), false};
    const auto begun = test::now_ns();
    while (!rung(b) && test::now_ns() - begun < 5'000'000'000)
      (void)sluice::detail::poll_any(&h, 1, begun + 5'000'000'000);
    other.join();
    CHECK(heard(b) == tags{11});
    CHECK(!rung(b));
    b.forget_all();
    CHECK(heard(b).empty());
  }
}

TEST_CASE("a word that has changed before it is watched is heard of at once", "[word_bell]") {
  word_bell b(4);
  if (!b) return;
  const words w{1};
  REQUIRE(b.watch({&w, 0, false}, 5));
  CHECK(rung(b));
  CHECK(heard(b) == tags{5});
}

TEST_CASE("a watched word that changes without a wake stays watched", "[word_bell]") {
  word_bell b(4);
  if (!b) return;
  words w{0};
  REQUIRE(b.watch({&w, 0, true}, 5));
  w = 7;
  CHECK(!rung(b));
  futex_wake(&w, true);
  CHECK(heard(b) == tags{5});
}

TEST_CASE("a forgotten word is not watched any more", "[word_bell]") {
  word_bell b(4);
  if (!b) return;
  words w[2] = {};
  REQUIRE(b.watch({&w[0], 0, true}, 5));
  REQUIRE(b.watch({&w[1], 0, true}, 6));
  b.forget(5);
  (void)heard(b);
  futex_wake(&w[0], true);
  CHECK(heard(b).empty());
  futex_wake(&w[1], true);
  CHECK(heard(b) == tags{6});
}

TEST_CASE("all words that wake at once are heard of, however many", "[word_bell]") {
  word_bell b(4);
  if (!b) return;
  std::vector<words> w(3000);
  for (unsigned i = 0; i < w.size(); ++i) REQUIRE(b.watch({&w[i], 0, true}, i));
  for (auto& one : w) futex_wake(&one, true);
  CHECK(rung(b));
  CHECK(heard(b).size() == w.size());
  CHECK(!rung(b));
}

TEST_CASE("a word of a bell that is gone wakes nobody", "[word_bell]") {
  words w{0};
  {
    word_bell b(4);
    if (!b) return;
    REQUIRE(b.watch({&w, 0, true}, 5));
  }
  futex_wake(&w, true);
  word_bell b(4);
  CHECK(!rung(b));
}

TEST_CASE("a forked child has a bell of its own", "[word_bell]") {
  word_bell b(4);
  if (!b) return;
  words w{0};
  REQUIRE(b.watch({&w, 0, true}, 5));
  CHECK(test::child([&] { return b.ours() ? 1 : word_bell(4) ? 0 : 2; }).wait() == 0);
  futex_wake(&w, true);
  CHECK(heard(b) == tags{5});
}

TEST_CASE("where the system refuses it a bell is false", "[word_bell]") {
  CHECK(test::without({test::call_io_uring_setup}, [] { return word_bell(4) ? 1 : 0; }) == 0);
}

TEST_CASE("a bell that the kernel refuses to silence is taken back", "[word_bell]") {
  test::child c([] {
    word_bell b(4);
    if (!b) return 0;
    words w{0};
    if (!b.watch({&w, 0, false}, 1)) return 1;
    if (!test::refuse({test::call_io_uring_enter}, ENOMEM)) return 0;
    b.forget_all();  // does not wait for what was never asked
    return b || b.ours() ? 2 : 0;
  });
  CHECK(c.wait() == 0);
}

TEST_CASE("a bell leaves no descriptor and no mapping behind", "[word_bell]") {
  const auto descriptors = test::open_descriptors(), mappings = test::mappings();
  for (int i = 0; i < 3; ++i) word_bell(4);
  CHECK(test::open_descriptors() == descriptors);
  CHECK(test::mappings() <= mappings + 1);
}
