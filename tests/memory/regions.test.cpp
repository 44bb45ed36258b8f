// SPDX-License-Identifier: MIT
#include <sluice/memory/heap_region.hpp>
#include <sluice/memory/inline_region.hpp>
#include <sluice/memory/mapped_region.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <algorithm>

namespace {

constinit sluice::inline_storage<1000> somewhere;

bool all_zero(const std::byte* p, std::size_t n) { return std::all_of(p, p + n, [](std::byte b) { return b == std::byte{}; }); }
bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % sluice::apart_bytes == 0; }

sluice::unique_handle anonymous_file(std::size_t bytes) {
  sluice::unique_handle fd(::memfd_create("test", MFD_CLOEXEC));
  REQUIRE(fd);
  REQUIRE(::ftruncate(fd.get(), static_cast<off_t>(bytes)) == 0);
  return fd;
}
// Is the byte at `p` there in a forked child?
int look_in_child(const std::byte* p) {
  test::child c([p] {
    ::signal(SIGSEGV, SIG_DFL);
    unsigned char seen = 0;  // mincore asks without touching
    const auto page = reinterpret_cast<std::uintptr_t>(p) & ~std::uintptr_t{4095};
    return ::mincore(reinterpret_cast<void*>(page), 1, &seen) == 0 ? 1 : 0;
  });
  return c.wait();
}

}  // namespace

TEST_CASE("heap, inline and mapped memory are regions") {
  STATIC_REQUIRE(sluice::region<sluice::heap_region>);
  STATIC_REQUIRE(sluice::region<sluice::inline_region>);
  STATIC_REQUIRE(sluice::region<sluice::mapped_region>);
  STATIC_REQUIRE_FALSE(sluice::heap_region::shared);
  STATIC_REQUIRE_FALSE(sluice::inline_region::shared);
  STATIC_REQUIRE(sluice::mapped_region::shared);
}

TEST_CASE("heap memory is zero, aligned, stays where it is when moved, and is freed once") {
  sluice::heap_region a(1000);
  REQUIRE(a.data() != nullptr);
  CHECK(a.size() == 1000);
  CHECK(aligned(a.data()));
  CHECK(all_zero(a.data(), a.size()));
  std::byte* const at = a.data();
  sluice::heap_region b(std::move(a));
  CHECK(b.data() == at);
  CHECK(a.data() == nullptr);
  CHECK(a.size() == 0);
  sluice::heap_region c(8);
  c = std::move(b);
  CHECK(c.data() == at);
  CHECK(c.size() == 1000);
  sluice::heap_region none;
  CHECK(none.data() == nullptr);
  CHECK(none.size() == 0);
}

TEST_CASE("heap memory that is not to be had leaves the region empty") {
  if (SLUICE_TEST_ASAN || SLUICE_TEST_TSAN) {
    WARN("skipped: a sanitizer ends the program at such an allocation");
    return;
  }
  const sluice::heap_region r(std::size_t{1} << 50);
  CHECK(r.data() == nullptr);
  CHECK(r.size() == 0);
}

TEST_CASE("inline memory is static storage, and its handles are views") {
  const sluice::inline_region r(somewhere);
  CHECK(r.data() == somewhere.bytes);
  CHECK(r.size() == 1000);
  CHECK(aligned(r.data()));
  CHECK(all_zero(r.data(), r.size()));
  const sluice::inline_region copy = r;
  CHECK(copy.data() == r.data());
}

TEST_CASE("a mapping is shared with the file, and unmapped once") {
  const auto fd = anonymous_file(8192);
  const std::size_t before = test::mappings();
  {
    auto a = sluice::mapped_region::map(fd.get(), 8192, {});
    REQUIRE(a);
    auto b = sluice::mapped_region::map(fd.get(), 8192, {.prefault = true, .huge_pages = true});
    REQUIRE(b);
    CHECK(a->data() != b->data());
    a->data()[5000] = std::byte{42};
    CHECK(b->data()[5000] == std::byte{42});
    std::byte* const at = a->data();
    sluice::mapped_region c(std::move(*a));
    CHECK(c.data() == at);
    CHECK(a->data() == nullptr);
    sluice::mapped_region d;
    d = std::move(c);
    CHECK(d.data() == at);
    CHECK(d.size() == 8192);
  }
  CHECK(test::mappings() == before);
}

TEST_CASE("a mapping that cannot be made is an error") {
  CHECK_FALSE(sluice::mapped_region::map(-1, 4096, {}));
  const sluice::unique_handle readable(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const auto r = sluice::mapped_region::map(readable.get(), 4096, {});
  REQUIRE_FALSE(r);
  CHECK(r.err() == sluice::errc::denied);
  CHECK(r.err().op == sluice::step::map);
}

TEST_CASE("a forked child does not inherit a mapping") {
  const auto fd = anonymous_file(4096);
  auto r = sluice::mapped_region::map(fd.get(), 4096, {});
  REQUIRE(r);
  CHECK(look_in_child(r->data()) == 0);
  const sluice::heap_region inherited(4096);
  CHECK(look_in_child(inherited.data()) == 1);
}

TEST_CASE("a mapping keeps the lock of the description it was made through, after every descriptor is closed") {
  const test::scratch dir;
  const std::string path = dir / "f";
  sluice::mapped_region r;
  {
    const sluice::unique_handle fd(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    REQUIRE(::ftruncate(fd.get(), 4096) == 0);
    struct flock l = {};
    l.l_type = F_WRLCK;
    l.l_len = 1;
    REQUIRE(::fcntl(fd.get(), F_OFD_SETLK, &l) == 0);
    auto m = sluice::mapped_region::map(fd.get(), 4096, {});
    REQUIRE(m);
    r = std::move(*m);
  }
  CHECK(test::locks_on(path) == 1);
  r = {};
  CHECK(test::locks_on(path) == 0);
}

TEST_CASE("a mapping that was forgotten is left alone") {
  const auto fd = anonymous_file(4096);
  auto r = sluice::mapped_region::map(fd.get(), 4096, {});
  REQUIRE(r);
  std::byte* const at = r->data();
  r->forget();
  CHECK(r->data() == nullptr);
  CHECK(::munmap(at, 4096) == 0);
}

TEST_CASE("the rear of a mapping can be protected from the program itself, from a page on") {
  const auto fd = anonymous_file(3 * 4096);
  auto r = sluice::mapped_region::map(fd.get(), 3 * 4096, {});
  REQUIRE(r);
  for (const std::size_t inside : {1u, 128u, 2048u, 6144u})
    CHECK(r->protect(inside).err() == sluice::error(sluice::errc::unsupported, sluice::step::map, sluice::subject::page_size));
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (page != 4096) return;
  REQUIRE(r->protect(4096));
  const auto write_at = [&](std::size_t at) {
    test::child c([&] {
      ::signal(SIGSEGV, SIG_DFL);
      auto mine = sluice::mapped_region::map(fd.get(), 3 * 4096, {});
      if (!mine || !mine->protect(4096)) return 1;
      const_cast<volatile std::byte&>(mine->data()[at]) = std::byte{5};
      return 0;
    });
    return c.wait();
  };
  CHECK(write_at(4095) == 0);
  CHECK(r->data()[4095] == std::byte{5});
  CHECK(write_at(4096) == -SIGSEGV);
  CHECK(write_at(3 * 4096 - 1) == -SIGSEGV);
  CHECK(r->data()[4096] == std::byte{});
}
