// SPDX-License-Identifier: MIT
#include <sluice/core/liveness.hpp>

#include "catch.hpp"

#include <string>

namespace {

/// Answers from a list and writes down what it was asked.
struct fake {
  std::string answers;  // to alive(), in order; the last one stays
  bool lock_is_free = true;
  std::string log{};
  bool locked = false;

  bool begin_heal(unsigned) noexcept {
    log += 'b';
    locked = lock_is_free;
    return lock_is_free;
  }
  bool alive(unsigned) noexcept {
    log += locked ? 'A' : 'a';
    const bool yes = answers.front() == 'y';
    if (answers.size() > 1) answers.erase(0, 1);
    return yes;
  }
  void end_heal(unsigned) noexcept {
    log += 'e';
    locked = false;
  }
};
struct may_throw {
  bool begin_heal(unsigned);
  bool alive(unsigned) noexcept;
  void end_heal(unsigned) noexcept;
};
struct no_lock {
  bool alive(unsigned) noexcept;
};

}  // namespace

TEST_CASE("liveness is three questions that do not throw", "[liveness]") {
  STATIC_REQUIRE(sluice::liveness<fake>);
  STATIC_REQUIRE(!sluice::liveness<may_throw>);
  STATIC_REQUIRE(!sluice::liveness<no_lock>);
  STATIC_REQUIRE(!sluice::liveness<int>);
}

TEST_CASE("the living are not healed, and no lock is taken to find out", "[liveness]") {
  fake f{"y"};
  CHECK(!sluice::heal_if_dead(f, 3, [&] { f.log += 'H'; }));
  CHECK(f.log == "a");
}

TEST_CASE("the dead are healed under the lock, after a second look", "[liveness]") {
  fake f{"n"};
  CHECK(sluice::heal_if_dead(f, 3, [&] { f.log += f.locked ? 'H' : '!'; }));
  CHECK(f.log == "abAHe");
}

TEST_CASE("whoever joined before the lock was taken is not healed", "[liveness]") {
  fake f{"ny"};
  CHECK(!sluice::heal_if_dead(f, 3, [&] { f.log += 'H'; }));
  CHECK(f.log == "abAe");
}

TEST_CASE("a slot that somebody else heals is left to him", "[liveness]") {
  fake f{"n", false};
  CHECK(!sluice::heal_if_dead(f, 3, [&] { f.log += 'H'; }));
  CHECK(f.log == "ab");
}
