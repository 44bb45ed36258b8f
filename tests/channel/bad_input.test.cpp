// SPDX-License-Identifier: MIT
#include <sluice/channel/shared.hpp>
#include <sluice/memory/shared_region.hpp>
#include <sluice/platform/describe.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

// Everything wrong that a region can be found with, each with its own error and its own sentence. A table in one test,
// because what is asked of the errors is that they differ from each other.

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::region_header;
using sluice::step;
using sluice::subject;
using u64 = std::uint64_t;

struct sample {
  u64 seq;
  double volts;
};
struct reordered {
  double volts;
  u64 seq;
};
struct same_size {
  u64 a, b;
};

struct world {
  test::scratch dir;
  std::string path = dir / "ring";
  sluice::ring_options options;
  world() { options.directory = dir.c_str(); }
  void make(std::size_t capacity = 16) const {
    sluice::ring_options o = options;
    o.capacity = capacity;
    REQUIRE(sluice::shm_sink<sample>("ring", o));
  }
  template <class T = sample>
  error opened(const sluice::ring_options& o) const {
    return sluice::shm_source<T>("ring", o).err();
  }
  template <class T = sample>
  error opened() const {
    return opened<T>(options);
  }
  // Changes the header, and repairs its checksum.
  template <class Change>
  void patch(Change change) const {
    const sluice::unique_handle fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    region_header h;
    REQUIRE(::pread(fd.get(), &h, sizeof h, 0) == sizeof h);
    change(h);
    h.crc = h.computed_crc();
    REQUIRE(::pwrite(fd.get(), &h, sizeof h, 0) == sizeof h);
  }
};

// What happens in a child under other rights comes back as an error.
template <class Body>
error in_child(Body body) {
  const test::shared_with_children<error> e;
  *e = errc::ok;
  test::child c([&] {
    *e = body();
    return 0;
  });
  return c.wait() == 0 ? *e : error(errc::os, step::none, 0x7fffffff);
}

}  // namespace

TEST_CASE("every wrong thing has an error of its own and a sentence of its own") {
  std::map<std::string, error> seen;
  const auto expect = [&seen](const char* what, error e, errc code, subject about) {
    INFO(what << ": " << sluice::describe(e).c_str());
    CHECK(e == code);
    CHECK(e.about() == about);
    seen.emplace(what, e);
  };
  {
    const world w;
    w.make();
    expect("another type of equal size", w.opened<same_size>(), errc::mismatch, subject::type_layout);
    CHECK(w.opened<reordered>() == w.opened<same_size>());
    CHECK(w.opened<u64>() == w.opened<same_size>());
    auto o = w.options;
    o.capacity = 17;
    expect("another capacity", w.opened(o), errc::mismatch, subject::capacity);
    o = w.options;
    o.participants = 5;
    expect("other participants", w.opened(o), errc::mismatch, subject::participants);
    o = w.options;
    o.persistent = true;
    expect("not persistent", w.opened(o), errc::mismatch, subject::persistence);
    w.patch([](region_header& h) { h.kind = 9; });
    expect("another kind", w.opened(), errc::mismatch, subject::kind);
    w.patch([](region_header& h) { h.kind = 1, h.major = 2; });
    expect("another format version", w.opened(), errc::mismatch, subject::format_version);
    w.patch([](region_header& h) { h.major = 1, h.incompatible = 8; });
    expect("unknown features", w.opened(), errc::mismatch, subject::feature_flags);
    w.patch([](region_header& h) { h.incompatible = 0, h.byte_order = 0x04030201; });
    expect("another byte order", w.opened(), errc::mismatch, subject::byte_order);
    w.patch([](region_header& h) { h.byte_order = region_header::byte_order_mark, h.body_size += 8192; });
    expect("a header that contradicts itself", w.opened(), errc::corrupt, subject::size);
  }
  {
    const world w;
    w.make();
    REQUIRE(::truncate(w.path.c_str(), 8192) == 0);
    expect("a truncated file", w.opened(), errc::truncated, subject::size);
    REQUIRE(::truncate(w.path.c_str(), 100) == 0);
    CHECK(w.opened() == errc::truncated);
    REQUIRE(::truncate(w.path.c_str(), 0) == 0);
    CHECK(w.opened() == errc::truncated);
    REQUIRE(::truncate(w.path.c_str(), 4096) == 0);
    expect("not a region", w.opened(), errc::corrupt, subject::magic);
  }
  {
    const world w;
    w.make();
    const sluice::unique_handle fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(::pwrite(fd.get(), "x", 1, 200) == 1);
    expect("a damaged header", w.opened(), errc::corrupt, subject::checksum);
  }
  {
    const world w;
    REQUIRE(::mkdir(w.path.c_str(), 0700) == 0);
    expect("a directory", w.opened(), errc::invalid, subject::file_type);
    REQUIRE(::rmdir(w.path.c_str()) == 0);
    REQUIRE(::mkfifo(w.path.c_str(), 0600) == 0);
    const auto before = test::now_ns();
    CHECK(w.opened() == error(errc::invalid, step::open, subject::file_type));
    CHECK(test::now_ns() - before < 1'000'000'000);
    ::unlink(w.path.c_str());
    REQUIRE(::symlink("elsewhere", w.path.c_str()) == 0);
    expect("a symbolic link", w.opened(), errc::denied, subject::symlink);
    CHECK(w.dir.entries() == 1);  // and nothing was made where it leads
  }
  {
    const world w;
    w.make();
    REQUIRE(::chmod(w.path.c_str(), 0666) == 0);
    CHECK(w.opened().about() == subject::world_writable);
  }
  {
    const world w;
    expect("a name that leads elsewhere", sluice::shm_source<sample>("ring/..", w.options).err(), errc::invalid, subject::name);
    CHECK(sluice::shm_source<sample>("/..", w.options).err() == error(errc::invalid, step::open, subject::name));
    auto o = w.options;
    o.mode = 0666;
    expect("a mode for everybody", w.opened(o), errc::invalid, subject::permissions);
    o = w.options;
    o.participants = 5000;
    expect("more participants than there can be", w.opened(o), errc::invalid, subject::participants);
    o = w.options;
    o.capacity = static_cast<std::size_t>(-1);
    expect("a capacity that cannot be", w.opened(o), errc::too_big, subject::capacity);
    o = w.options;
    const std::string none = w.dir / "none";
    o.directory = none.c_str();
    expect("no such directory", w.opened(o), errc::not_found, subject::directory);
    o.directory = "/dev/null";
    expect("a file as a directory", w.opened(o), errc::invalid, subject::directory);
    expect("a directory beside a path", sluice::mapped_sink<sample>(w.path, w.options).err(), errc::invalid, subject::options);
    expect("nothing to remove", sluice::shm_remove("ring", w.options).err(), errc::not_found, subject::none);
    CHECK(w.dir.entries() == 0);
  }
  {
    const world w;
    auto t = sluice::shm_sink<sample>("ring", w.options);
    REQUIRE(t);
    const error second = sluice::shm_sink<sample>("ring", w.options).err();
    expect("a second producer", second, errc::busy, subject::role);
    CHECK(second.who == 1);
    expect("use after fork", in_child([&] { return t->push(sample{}).err(); }), errc::forked, subject::none);
    expect("a second claim", [&] {
      auto c = t->claim();
      return t->claim().err();
    }(), errc::busy, subject::none);
  }
  {
    const world w;
    const auto& o = w.options;
    std::vector<sluice::shared_region> all;
    for (int i = 0; i < 16; ++i) {
      auto r = sluice::shm_region("plain", 64, o.region());
      REQUIRE(r);
      all.push_back(std::move(*r));
    }
    expect("more participants than slots", sluice::shm_region("plain", 64, o.region()).err(), errc::no_space, subject::participants);
  }
  {
    const world w;
    w.make();
    const sluice::unique_handle fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC));
    const u64 nonsense = ~u64{0};
    u64 body = 0;
    REQUIRE(::pread(fd.get(), &body, sizeof body, 72) == sizeof body);
    REQUIRE(::pwrite(fd.get(), &nonsense, sizeof nonsense, static_cast<off_t>(body) + 256) == sizeof nonsense);
    expect("an impossible cursor", w.opened(), errc::corrupt, subject::cursor);
    CHECK(sluice::shm_sink<sample>("ring", w.options).err() == w.opened());
  }
  {  // what only one kind of user can provoke
    const world w;
    w.make();
    if (::geteuid() == 0) {
      REQUIRE(::chown(w.path.c_str(), 12345, static_cast<gid_t>(-1)) == 0);
      expect("the file of another user", w.opened(), errc::denied, subject::owner);
      REQUIRE(::chmod(w.dir.c_str(), 0711) == 0);
      expect("no permission", in_child([&] { return ::setresuid(65534, 65534, 65534) != 0 ? error() : w.opened(); }),
             errc::denied, subject::permissions);
      REQUIRE(::chmod(w.path.c_str(), 0644) == 0);
      CHECK(in_child([&] { return ::setresuid(65534, 65534, 65534) != 0 ? error() : w.opened(); }) == errc::denied);
    } else {
      WARN("the file of another user: skipped, not root");
      REQUIRE(::chmod(w.path.c_str(), 0000) == 0);
      expect("no permission", w.opened(), errc::denied, subject::permissions);
      REQUIRE(::chmod(w.path.c_str(), 0400) == 0);
      CHECK(w.opened() == errc::denied);
    }
  }
  {
    const world w;
    const error full = in_child([&]() -> error {
      if (!test::mount_small_tmpfs(w.dir.c_str(), "size=64k")) return {};
      auto o = w.options;
      o.capacity = 100'000;
      const error e = sluice::shm_sink<sample>("ring", o).err();
      if (w.dir.entries() != 0) return error(errc::os, step::none, 1);
      o.capacity = 100;  // but what fits, fits, and can be filled
      auto t = sluice::shm_sink<sample>("ring", o);
      if (!t) return error(errc::os, step::none, 2);
      for (int i = 0; i < 100; ++i)
        if (!t->try_push(sample{})) return error(errc::os, step::none, 3);
      return e;
    });
    if (full) expect("a full file system", full, errc::no_space, subject::size);
    else WARN("a full file system: skipped, user namespaces are forbidden here");
  }
  std::map<std::string, std::string> sentences;
  for (const auto& [what, e] : seen) {
    std::string s = sluice::describe(e).c_str();
    CHECK(s.size() > 10);
    // Without the step and the participant, which differ of themselves.
    if (const auto colon = s.find(": "); colon != s.npos) s = s.substr(colon + 2);
    s = s.substr(0, s.find(" (participant"));
    const auto other = sentences.emplace(s, what);
    INFO("'" << what << "' and '" << other.first->second << "' both say: " << s);
    CHECK(other.second);
  }
  CHECK(seen.size() > 25);
}

TEST_CASE("a file too large for its file system is refused in words that fit") {
  struct page {
    u64 words[512];
  };
  const test::scratch dir("/tmp");
  const error e = sluice::mapped_sink<page>(dir / "ring", {.capacity = std::size_t{0xfffffff0}}).err();
  const std::string text = sluice::describe(e).c_str();
  INFO(text);
  CHECK((e == errc::too_big || e == errc::no_space));
  CHECK(text.find("message can never fit") == text.npos);
}

TEST_CASE("an unset capacity adopts, whatever it is") {
  const world w;
  const std::size_t capacity = GENERATE(1u, 16u, 1000u);
  w.make(capacity);
  const auto r = sluice::shm_source<sample>("ring", w.options);
  REQUIRE(r);
  CHECK(r->capacity() == capacity);
}

TEST_CASE("the group option admits the files of that group, if it is root that asks (needs root)") {
  if (::geteuid() != 0) {
    WARN("skipped: not root");
    return;
  }
  const world w;
  auto o = w.options;
  o.mode = 0660;
  o.group = 4242;
  REQUIRE(sluice::shm_sink<sample>("ring", o));
  struct stat st = {};
  REQUIRE(::stat(w.path.c_str(), &st) == 0);
  CHECK(st.st_gid == 4242);
  CHECK((st.st_mode & 0777) == 0660);
  REQUIRE(::chown(w.path.c_str(), 12345, static_cast<gid_t>(-1)) == 0);
  CHECK(w.opened() == error(errc::denied, step::open, subject::owner));
  CHECK_FALSE(w.opened(o));
}

TEST_CASE("headers of random bytes are refused or used, never a crash, never a wait") {
  const bool repaired = GENERATE(false, true);
  const world w;
  w.make(5);
  const sluice::unique_handle fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC));
  region_header good;
  REQUIRE(::pread(fd.get(), &good, sizeof good, 0) == sizeof good);
  test::dice d(repaired ? 7 : 8);
  const unsigned n = rounds(10'000);
  unsigned accepted = 0, wrong = 0;
  std::int64_t longest = 0;
  const auto bytes = [](region_header& h) { return reinterpret_cast<unsigned char*>(&h); };
  for (unsigned i = 0; i < n; ++i) {
    region_header h = good;
    const u64 how = d.below(4);
    const u64 changes = how == 0 ? 1 : how == 1 ? 8 : how == 2 ? 64 : sizeof h;
    for (u64 k = 0; k < changes; ++k) {
      const u64 at = changes == sizeof h ? k : d.below(d.below(4) == 0 ? sizeof h : 192);
      if (!repaired || at >= 8) bytes(h)[at] = static_cast<unsigned char>(d.below(8) == 0 ? 0xff : d());
    }
    if (d.below(2) == 0) std::memcpy(&h, &good, 24);  // past the first checks
    if (d.below(4) != 0) h.incompatible = 0, h.header_size = sizeof h;
    if (repaired) h.crc = h.computed_crc();
    REQUIRE(::pwrite(fd.get(), &h, sizeof h, 0) == sizeof h);
    const auto before = test::now_ns();
    auto r = sluice::shm_source<sample>("ring", w.options);
    longest = std::max(longest, test::now_ns() - before);
    if (!r) {
      const errc c = r.err().code;
      wrong += c == errc::corrupt || c == errc::mismatch || c == errc::truncated || c == errc::no_space ? 0u : 1u;
      continue;
    }
    ++accepted;
    wrong += r->capacity() == 5 ? 0u : 1u;
    (void)r->try_pop();
  }
  INFO("accepted " << accepted << ", longest " << longest << " ns");
  CHECK(wrong == 0);
  CHECK(longest < 1'000'000'000);
  if (repaired) CHECK(accepted > 0);
}

TEST_CASE("regions of random words are refused or used, never a crash, never an endless loop") {
  const world w;
  w.make(5);
  const sluice::unique_handle fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC));
  std::array<char, 32768> good{};
  const ssize_t size = ::pread(fd.get(), good.data(), good.size(), 0);
  REQUIRE(size > 8192);
  test::dice d(99);
  std::int64_t longest = 0;
  unsigned used = 0, refused = 0;
  for (unsigned i = 0; i < rounds(5'000); ++i) {
    auto bad = good;
    const auto body = 8192u;
    for (u64 k = d.below(6) + 1; k-- != 0;) {
      const u64 kind = d.below(6);
      u64 v = d.below(3) == 0 ? d() : d.below(2) == 0 ? d.below(16) << (8 * d.below(8)) : ~u64{0} >> d.below(64);
      const u64 at = kind == 0   ? 4096 + 8 * d.below(64)                      // state and slots
                     : kind == 1 ? body + 256 + 8 * d.below(2)                 // head and told
                     : kind == 2 ? body + 128 * d.below(2)                     // a role and its gate
                     : kind == 3 ? body + 384 + 64 * d.below(3)                // a stamp
                                 : body + 8 * d.below(72);                     // anything
      std::memcpy(bad.data() + at, &v, sizeof v);
    }
    REQUIRE(::pwrite(fd.get(), bad.data(), static_cast<std::size_t>(size), 0) == size);
    const auto before = test::now_ns();
    auto t = sluice::shm_sink<sample>("ring", w.options);
    auto r = sluice::shm_source<sample>("ring", w.options);
    if (t) {
      for (int k = 0; k < 12 && t->try_push(sample{1, 2}); ++k) {
      }
      (void)t->approx_size();
      (void)t->push(sample{}, 100us);
      auto c = t->try_claim();
    }
    if (r) {
      std::array<sample, 4> to{};
      (void)r->try_pop(std::span<sample>(to));
      (void)r->pop(100us);
      for (int k = 0; k < 100 && r->try_pop(); ++k) {
      }
      auto l = r->try_borrow();
    }
    (t && r ? used : refused) += 1;
    longest = std::max(longest, test::now_ns() - before);
  }
  INFO("used " << used << ", refused " << refused << ", longest " << longest << " ns");
  CHECK(used > 0);
  CHECK(refused > 0);
  CHECK(longest < 2'000'000'000);
}
