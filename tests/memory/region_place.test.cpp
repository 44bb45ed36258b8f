// SPDX-License-Identifier: MIT
#include <sluice/memory/region_place.hpp>

#include "catch.hpp"
#include "process.hpp"

namespace {

using sluice::errc;
using sluice::region_options;
using sluice::region_place;
using sluice::subject;

void touch(const std::string& path) { ::close(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)); }

// The outcome of opening a name in the user's own directory, as an exit code.
int own_place() {
  const auto p = region_place::shared_memory("x", {});
  return p ? 0 : static_cast<int>(p.err().code) * 4 + (p.err().about() == subject::directory ? 1 : 0);
}
constexpr int denied_directory = static_cast<int>(errc::denied) * 4 + 1;
constexpr int cannot = 250;

}  // namespace

TEST_CASE("names that could lead elsewhere are refused") {
  const test::scratch dir;
  region_options o;
  o.directory = dir.c_str();
  const std::string name = GENERATE(
      std::string(), std::string("/"), std::string("."), std::string(".."), std::string("/.."), std::string("/."),
      std::string("a/b"), std::string("/a/.."), std::string("a/.."), std::string("../a"), std::string("//a"),
      std::string("a/"), std::string(201, 'x'), std::string("a\0b", 3), std::string("\0", 1));
  INFO("'" << name << "'");
  const auto p = region_place::shared_memory(name, o);
  REQUIRE_FALSE(p);
  CHECK(p.err() == errc::invalid);
  CHECK(p.err().about() == subject::name);
}

TEST_CASE("plain names are taken, with or without a slash in front") {
  const test::scratch dir;
  region_options o;
  o.directory = dir.c_str();
  for (const std::string& name : {std::string("a"), std::string("/a"), std::string("..."), std::string("a b"),
                                  std::string(200, 'x'), "/" + std::string(200, 'x'), std::string("\xc3\xa4")}) {
    INFO(name);
    const auto p = region_place::shared_memory(name, o);
    REQUIRE(p);
    CHECK(p->leaf() == (name.front() == '/' ? name.substr(1) : name));
    CHECK_FALSE(p->durable());
  }
}

TEST_CASE("the directory of a shared memory name must be there and be one") {
  const test::scratch dir;
  touch(dir / "file");
  region_options o;
  SECTION("missing") {
    const std::string at = dir / "none";
    o.directory = at.c_str();
    const auto p = region_place::shared_memory("x", o);
    REQUIRE_FALSE(p);
    CHECK(p.err() == errc::not_found);
    CHECK(p.err().about() == subject::directory);
  }
  SECTION("a file") {
    const std::string at = dir / "file";
    o.directory = at.c_str();
    const auto p = region_place::shared_memory("x", o);
    REQUIRE_FALSE(p);
    CHECK(p.err() == errc::invalid);
    CHECK(p.err().about() == subject::directory);
  }
}

TEST_CASE("a path is split into a directory and a name") {
  const test::scratch dir;
  SECTION("absolute") {
    const auto p = region_place::file(dir / "leaf", {});
    REQUIRE(p);
    CHECK(std::string(p->leaf()) == "leaf");
    CHECK(p->durable());
    struct stat a = {}, b = {};
    CHECK(::fstat(p->directory(), &a) == 0);
    CHECK(::stat(dir.c_str(), &b) == 0);
    CHECK(a.st_ino == b.st_ino);
  }
  SECTION("in the current directory, and in the root") {
    CHECK(region_place::file("leaf", {}));
    CHECK(region_place::file("/leaf", {}));
  }
  SECTION("without a name") {
    for (const std::string& path : {dir / "", dir / ".", dir / "..", std::string(), std::string("/")}) {
      INFO(path);
      const auto p = region_place::file(path, {});
      REQUIRE_FALSE(p);
      CHECK(p.err() == sluice::error(errc::invalid, sluice::step::open, subject::name));
    }
  }
  SECTION("with a directory that is missing, a file, or too long") {
    touch(dir / "file");
    CHECK(region_place::file(dir / "none/leaf", {}).err() == sluice::error(errc::not_found, sluice::step::open, subject::directory));
    CHECK(region_place::file(dir / "file/leaf", {}).err() == sluice::error(errc::invalid, sluice::step::open, subject::directory));
    const auto leaf_in = [](std::size_t n) {
      std::string path(n, 'd');
      return path.append("/leaf");
    };
    CHECK(region_place::file(leaf_in(5000), {}).err().about() == subject::name);
    CHECK_FALSE(region_place::file(leaf_in(300), {}));
  }
}

TEST_CASE("opening a name follows no link, waits at no FIFO and creates nothing") {
  const test::scratch dir;
  region_options o;
  o.directory = dir.c_str();
  touch(dir / "file");
  REQUIRE(::symlink("file", (dir / "link").c_str()) == 0);
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  CHECK(region_place::shared_memory("file", o)->open());
  const auto before = test::now_ns();
  (void)region_place::shared_memory("fifo", o)->open();
  CHECK(test::now_ns() - before < 1'000'000'000);
  errno = 0;
  CHECK_FALSE(region_place::shared_memory("link", o)->open());
  CHECK(errno == ELOOP);
  CHECK_FALSE(region_place::shared_memory("none", o)->open());
  CHECK(errno == ENOENT);
  CHECK(dir.entries() == 3);
}

TEST_CASE("descriptors of a place are closed on exec") {
  const test::scratch dir;
  region_options o;
  o.directory = dir.c_str();
  touch(dir / "file");
  const auto p = region_place::shared_memory("file", o);
  REQUIRE(p);
  const auto fd = p->open();
  CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(p->directory(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a name that was taken away or given to another file is noticed") {
  const test::scratch dir;
  region_options o;
  o.directory = dir.c_str();
  touch(dir / "file");
  const auto p = region_place::shared_memory("file", o);
  REQUIRE(p);
  const auto fd = p->open();
  CHECK(p->still_names(fd.get()));
  SECTION("removed") {
    CHECK(p->remove());
    CHECK_FALSE(p->still_names(fd.get()));
    CHECK(p->remove().err() == errc::not_found);
  }
  SECTION("replaced") {
    touch(dir / "other");
    REQUIRE(::rename((dir / "other").c_str(), (dir / "file").c_str()) == 0);
    CHECK_FALSE(p->still_names(fd.get()));
  }
  SECTION("replaced by a link to the same file") {
    REQUIRE(::rename((dir / "file").c_str(), (dir / "away").c_str()) == 0);
    REQUIRE(::symlink("away", (dir / "file").c_str()) == 0);
    CHECK_FALSE(p->still_names(fd.get()));
  }
}

TEST_CASE("a place stays in its directory when that is renamed") {
  const test::scratch dir;
  const std::string a = dir / "a", b = dir / "b";
  REQUIRE(::mkdir(a.c_str(), 0700) == 0);
  region_options o;
  o.directory = a.c_str();
  const auto p = region_place::shared_memory("x", o);
  REQUIRE(p);
  REQUIRE(::rename(a.c_str(), b.c_str()) == 0);
  touch(b + "/x");
  CHECK(p->open());
}

TEST_CASE("the user's own directory is made with mode 0700 and refused once others can look into it") {
  // As a user that nobody else is: a number of our own in a user namespace, so that no other test shares the directory.
  const unsigned uid = 1'000'000'000u + static_cast<unsigned>(::getpid());
  const std::string own = "/dev/shm/sluice." + std::to_string(uid);
  test::child c([&] {
    ::umask(0);
    if (!test::enter_namespaces(uid)) return cannot;
    if (const int r = own_place()) return r;
    struct stat st = {};
    if (::stat(own.c_str(), &st) != 0 || (st.st_mode & 07777) != 0700) return 1;
    for (const mode_t wide : {0701u, 0710u, 0770u, 0704u, 0777u}) {
      ::chmod(own.c_str(), wide);
      if (own_place() != denied_directory) return 2;
    }
    ::chmod(own.c_str(), 0700);
    if (own_place() != 0) return 3;
    ::rmdir(own.c_str());
    if (::symlink("/tmp", own.c_str()) != 0) return 4;
    const int r = own_place();  // a link is no directory
    ::unlink(own.c_str());
    if (r == 0) return 5;
    ::close(::open(own.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    const int f = own_place();
    ::unlink(own.c_str());
    return f == 0 ? 6 : 0;
  });
  const int how = c.wait();
  ::rmdir(own.c_str());
  if (how == cannot) WARN("skipped: user namespaces are forbidden here");
  else CHECK(how == 0);
}

TEST_CASE("the own directory is refused if another user has made it (needs root)") {
  if (::geteuid() != 0) {
    WARN("skipped: not root");
    return;
  }
  const unsigned uid = 1'100'000'000u + static_cast<unsigned>(::getpid());
  const std::string own = "/dev/shm/sluice." + std::to_string(uid);
  REQUIRE(::mkdir(own.c_str(), 0700) == 0);
  test::child c([&] {
    if (::setresuid(uid, uid, uid) != 0) return cannot;
    return own_place();
  });
  const int first = c.wait();
  REQUIRE(::chmod(own.c_str(), 0755) == 0);
  test::child d([&] {
    if (::setresuid(uid, uid, uid) != 0) return cannot;
    return own_place();
  });
  const int second = d.wait();
  ::rmdir(own.c_str());
  CHECK(first == denied_directory);
  CHECK(second == denied_directory);
}
