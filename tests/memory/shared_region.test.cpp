// SPDX-License-Identifier: MIT
#include <sluice/memory/shared_region.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <atomic>
#include <utility>
#include <vector>

namespace {

using sluice::errc;
using sluice::file_region;
using sluice::memfd_region;
using sluice::opening;
using sluice::region_options;
using sluice::shm_region;
using sluice::subject;

std::atomic<int>& number_in(const sluice::shared_region& r) { return *reinterpret_cast<std::atomic<int>*>(r.data()); }

}  // namespace

TEST_CASE("shared memory and a file are regions that two processes see") {
  STATIC_REQUIRE(sluice::region<sluice::shared_region>);
  const bool on_file = GENERATE(false, true);
  const test::scratch dir(on_file ? "/tmp" : "/dev/shm");
  const region_options o{.directory = on_file ? nullptr : dir.c_str()};
  const std::string path = dir / "r";
  const auto open = [&](std::size_t n) { return on_file ? file_region(path, n) : shm_region("r", n, o); };
  auto r = open(10'000);
  REQUIRE(r);
  CHECK(r->opened() == opening::created);
  CHECK(r->size() == 10'000);
  CHECK(reinterpret_cast<std::uintptr_t>(r->data()) % sluice::apart_bytes == 0);
  for (std::size_t i = 0; i < r->size(); ++i) REQUIRE(r->data()[i] == std::byte{});
  number_in(*r) = 1;
  test::child c([&] {
    if (r->data() != nullptr || r->size() != 0 || r->peers() != 0) return 1;  // what was inherited is not the child's
    auto mine = open(0);
    if (!mine || mine->opened() != opening::joined || mine->size() != 10'000 || mine->peers() != 2) return 2;
    return ++number_in(*mine) == 2 ? 0 : 3;
  });
  CHECK(c.wait() == 0);
  CHECK(number_in(*r) == 2);
  CHECK(r->peers() == 1);
  CHECK(open(9'999).err().about() == subject::capacity);
  auto moved = std::move(*r);
  CHECK(r->data() == nullptr);
  CHECK(number_in(moved) == 2);
}

TEST_CASE("a region of plain memory is no channel, and takes sixteen participants") {
  const test::scratch dir("/dev/shm");
  const region_options o{.directory = dir.c_str()};
  std::vector<sluice::shared_region> all;
  for (int i = 0; i < 16; ++i) {
    auto r = shm_region("r", 64, o);
    REQUIRE(r);
    CHECK(r->peers() == static_cast<unsigned>(i) + 1);
    all.push_back(std::move(*r));
  }
  CHECK(shm_region("r", 64, o).err().code == errc::no_space);
  all.pop_back();
  CHECK(shm_region("r", 64, o));
}

TEST_CASE("memory without a name is sealed, and joined through its descriptor") {
  auto r = memfd_region(4096);
  REQUIRE(r);
  CHECK(::ftruncate(r->handle(), 0) != 0);
  number_in(*r) = 7;
  auto again = sluice::join_region(r->handle());
  REQUIRE(again);
  CHECK(again->size() == 4096);
  CHECK(again->data() != r->data());
  CHECK(number_in(*again) == 7);
  CHECK(r->peers() == 2);
  CHECK_FALSE(sluice::join_region(-1));
}

TEST_CASE("a region that cannot be is refused") {
  CHECK(shm_region("a/b", 64).err().about() == subject::name);
  CHECK_FALSE(memfd_region(static_cast<std::size_t>(-1) / 2));
}
