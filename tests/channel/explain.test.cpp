// SPDX-License-Identifier: MIT
#include <sluice/channel/explain.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <sstream>
#include <string_view>

namespace {

using u64 = std::uint64_t;

struct sample {
  u64 seq;
  double volts;
  std::uint32_t flags[2];
};
struct swapped {
  double volts;
  u64 seq;
  std::uint32_t flags[2];
};
struct later {
  u64 seq;
  double volts;
  std::int32_t flags[2];
};
struct shorter {
  u64 seq;
  double volts;
};
struct longer {
  u64 seq;
  double volts;
  std::uint32_t flags[2];
  u64 more;
};
struct nested {
  u64 seq;
  struct rest {
    double volts;
    std::uint32_t flags[2];
  } inner;
};

struct tag {};
struct tagged {
  tag t;
  std::uint32_t v;
};
struct tagged_signed {
  tag t;
  std::int32_t v;
};

struct world {
  bool mapped;
  test::scratch dir;
  std::string path = dir / "ring";
  sluice::ring_options options;
  explicit world(bool on_file = false) : mapped(on_file) {
    if (!mapped) options.directory = dir.c_str();
    sluice::ring_options o = options;
    o.capacity = 12;
    if (mapped) REQUIRE(sluice::mapped_sink<sample>(path, o));
    else REQUIRE(sluice::shm_sink<sample>("ring", o));
  }
  template <class T>
  std::string about() const {
    return (mapped ? sluice::explain_file<T>(path, options) : sluice::explain<T>("ring", options)).c_str();
  }
  std::string file() const {
    std::ostringstream all;
    all << std::ifstream(path, std::ios::binary).rdbuf();
    return all.str();
  }
};

bool says(const std::string& text, std::string_view what) { return text.find(what) != text.npos; }

}  // namespace

TEST_CASE("a region that fits is said to fit") {
  const world w(GENERATE(false, true));
  CHECK(says(w.about<sample>(), "fits"));
}

TEST_CASE("the first field that differs is named by index, kind and offset") {
  const world w(GENERATE(false, true));
  SECTION("swapped fields") {
    const std::string t = w.about<swapped>();
    INFO(t);
    CHECK(says(t, "Field 0 is u64@0 in the region and f64@0 here"));
    CHECK(says(t, "24 bytes in the region and 24 here"));
  }
  SECTION("another kind in the middle") {
    const std::string t = w.about<later>();
    INFO(t);
    CHECK(says(t, "Field 2 is u32x2@16 in the region and i32x2@16 here"));
  }
  SECTION("a field less") {
    const std::string t = w.about<shorter>();
    INFO(t);
    CHECK(says(t, "Field 2 is u32x2@16 in the region"));
    CHECK(says(t, "24 bytes in the region and 16 here"));
  }
  SECTION("a field more") {
    const std::string t = w.about<longer>();
    INFO(t);
    CHECK(says(t, "Field 3 is"));
    CHECK(says(t, "u64@24 here"));
    CHECK(says(t, "24 bytes in the region and 32 here"));
  }
  SECTION("a plain type") {
    const std::string t = w.about<u64>();
    INFO(t);
    CHECK(says(t, "24 bytes in the region and 8 here"));
  }
  SECTION("a nested struct") {
    const std::string t = w.about<nested>();
    INFO(t);
    CHECK(says(t, "another message type"));
    CHECK(says(t, "Field 3 is"));
  }
}

TEST_CASE("a field that differs is found behind an empty member, whose entry has nothing between its braces") {
  const test::scratch dir;
  sluice::ring_options o;
  o.directory = dir.c_str();
  REQUIRE(sluice::shm_sink<tagged>("ring", o));
  const std::string t = sluice::explain<tagged_signed>("ring", o).c_str();
  INFO(t);
  CHECK(says(t, "Field 1 is u32@4 in the region and i32@4 here"));
}

TEST_CASE("what else is wrong is said with the figures") {
  world w(GENERATE(false, true));
  SECTION("capacity") {
    w.options.capacity = 77;
    const std::string t = w.about<sample>();
    INFO(t);
    CHECK(says(t, "another capacity"));
    CHECK(says(t, "It has 12, not 77."));
  }
  SECTION("participants") {
    w.options.participants = 9;
    const std::string t = w.about<sample>();
    INFO(t);
    CHECK(says(t, "It has 2."));
  }
  SECTION("persistence") {
    w.options.persistent = true;
    CHECK(says(w.about<sample>(), "not persistent"));
  }
  SECTION("kind") {
    sluice::region_header h;
    std::string all = w.file();
    REQUIRE(all.size() > sizeof h);
    std::memcpy(&h, all.data(), sizeof h);
    h.kind = 4711;
    h.crc = h.computed_crc();
    const sluice::unique_handle fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(::pwrite(fd.get(), &h, sizeof h, 0) == sizeof h);
    const std::string t = w.about<sample>();
    INFO(t);
    CHECK(says(t, "It has kind number 4711."));
  }
  SECTION("not a region") {
    const sluice::unique_handle fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(::pwrite(fd.get(), "hello", 5, 0) == 5);
    CHECK(says(w.about<sample>(), "no sluice region"));
  }
  SECTION("no such name") {
    ::unlink(w.path.c_str());
    CHECK(says(w.about<sample>(), "no such name"));
  }
  SECTION("a hostile layout text ends nowhere outside") {
    std::string all = w.file();
    sluice::region_header h;
    std::memcpy(&h, all.data(), sizeof h);
    test::dice d(1);
    for (int i = 0; i < 500; ++i) {
      h.text_size = static_cast<std::uint32_t>(d.below(sizeof h.text + 1));
      for (char& c : h.text) c = " {}@x\0\xff"[d.below(8)];
      h.layout_low = d();
      h.crc = h.computed_crc();
      const sluice::unique_handle fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC));
      REQUIRE(::pwrite(fd.get(), &h, sizeof h, 0) == sizeof h);
      const auto t = sluice::explain_file<sample>(w.path);
      REQUIRE(std::strlen(t.c_str()) <= t.size());
    }
  }
}

TEST_CASE("explaining joins nothing, creates nothing, changes nothing") {
  const world w(GENERATE(false, true));
  const std::string before = w.file();
  (void)w.about<swapped>();
  (void)w.about<sample>();
  CHECK(w.file() == before);
  CHECK(test::locks_on(w.path) == 0);
  (void)sluice::explain_file<sample>(w.dir / "none");
  CHECK(w.dir.entries() == 1);
}

TEST_CASE("explaining works while others use the region") {
  const test::scratch dir;
  sluice::ring_options o;
  o.directory = dir.c_str();
  auto t = sluice::shm_sink<sample>("ring", o);
  auto r = sluice::shm_source<sample>("ring", o);
  REQUIRE((t && r));
  CHECK(says(sluice::explain<swapped>("ring", o).c_str(), "Field 0"));
  CHECK(t->push(sample{1, 2.0, {}}));
  CHECK(r->pop()->seq == 1);
  CHECK(r->peers() == 2);
}
