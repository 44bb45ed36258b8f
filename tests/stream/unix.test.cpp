// SPDX-License-Identifier: MIT
#include <sluice/stream/unix.hpp>

#include <sluice/stream/messages.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <set>
#include <sys/resource.h>
#include <sys/time.h>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::subject;
using sluice::unix_connect;
using sluice::unix_listen;
using sluice::unix_listener;
using sluice::unix_options;
using sluice::unix_pair;
using sluice::unix_stream;

namespace {

std::span<const std::byte> bytes_of(const std::string& s) { return std::as_bytes(std::span(s.data(), s.size())); }
std::string text_of(std::span<const std::byte> b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }
template <class Stream>
std::string read_text(Stream& s) {
  std::array<std::byte, 256> to;
  const auto n = s.read(to, 5s);
  return n ? text_of(std::span(to).first(*n)) : std::string();
}
/// A mode as `ls` shows it.
unsigned mode_of(const std::string& path) {
  struct stat st = {};
  return ::lstat(path.c_str(), &st) == 0 ? st.st_mode & 07777 : ~0u;
}
ino_t inode_of(const std::string& path) {
  struct stat st = {};
  return ::lstat(path.c_str(), &st) == 0 ? st.st_ino : 0;
}
/// A socket of somebody who knows nothing of us.
sluice::unique_handle foreign_socket(const std::string& path, bool listening) {
  sluice::unique_handle fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  path.copy(a.sun_path, sizeof a.sun_path - 1);
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0);
  if (listening) REQUIRE(::listen(fd.get(), 1) == 0);
  return fd;
}
struct umask_of {
  mode_t before;
  explicit umask_of(mode_t m) : before(::umask(m)) {}
  umask_of(const umask_of&) = delete;
  umask_of& operator=(const umask_of&) = delete;
  ~umask_of() { ::umask(before); }
};
/// Leaves this process that many descriptors more.
struct descriptor_limit {
  rlimit before{};
  explicit descriptor_limit(unsigned spare) {
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit now = before;
    const sluice::unique_handle lowest(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    now.rlim_cur = static_cast<rlim_t>(lowest.get()) + spare;
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  descriptor_limit(const descriptor_limit&) = delete;
  descriptor_limit& operator=(const descriptor_limit&) = delete;
  ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before); }
};

}  // namespace

TEST_CASE("the ends of Unix connections are what they say", "[unix]") {
  STATIC_REQUIRE(sluice::readable<unix_stream>);
  STATIC_REQUIRE(sluice::writable<unix_stream>);
  STATIC_REQUIRE(sluice::source<unix_listener>);
  STATIC_REQUIRE(sluice::waitable<sluice::process_watch>);
  STATIC_REQUIRE(!sluice::traits_of<unix_stream>.boundaries);
  STATIC_REQUIRE(sluice::traits_of<unix_stream>.spans == sluice::reach::host);
  const auto p = unix_pair();
  REQUIRE(p);
  for (const int fd : {p->first.handle(), p->second.handle()}) {
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  }
}

TEST_CASE("who connects by a name talks to who listens under it", "[unix]") {
  const test::scratch dir;
  const std::string deep = dir / "";
  std::string name;
  SECTION("a path") { name = dir / "s"; }
  SECTION("a path that is longer than the kernel takes") {
    std::string parent = dir.c_str();
    for (int i = 0; i < 3; ++i) REQUIRE(::mkdir((parent += "/" + std::string(80, 'd')).c_str(), 0700) == 0);
    name = parent + "/" + std::string(190, 'n');
  }
  SECTION("an abstract name") { name = "@" + test::unique("abstract"); }
  SECTION("an abstract name as long as can be") { name = "@" + test::unique("a"), name.resize(108, 'x'); }
  INFO(name);
  auto l = unix_listen(name);
  REQUIRE(l);
  CHECK(l->try_pop().err() == errc::empty);
  auto c = unix_connect(name, 1s);
  REQUIRE(c);
  auto s = l->pop(1s);
  REQUIRE(s);
  CHECK((::fcntl(s->handle(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(s->handle(), F_GETFL) & O_NONBLOCK) != 0);
  REQUIRE(c->write(bytes_of("there")));
  CHECK(read_text(*s) == "there");
  REQUIRE(s->write(bytes_of("and back")));
  CHECK(read_text(*c) == "and back");
  s->close();
  std::byte b;
  CHECK(c->read({&b, 1}, 1s).err() == errc::closed);
  l->close();
  CHECK(l->try_pop().err() == errc::closed);
  CHECK(unix_connect(name, 1s).err() == errc::not_found);
  CHECK(unix_listen(name));
}

TEST_CASE("names that are none are refused", "[unix]") {
  const test::scratch dir;
  for (const std::string& name : {std::string(), std::string("@"), "@" + std::string(108, 'x'),
                                  std::string("a\0b", 3), std::string(5000, 'x')}) {
    INFO(name.size());
    CHECK(unix_connect(name, 1s).err() == errc::invalid);
    CHECK(unix_listen(name).err() == errc::invalid);
  }
  CHECK(unix_connect(dir / "nobody", 1s).err() == errc::not_found);
  CHECK(unix_listen(dir / "no/such").err() == errc::not_found);
  CHECK(unix_listen(dir / "s", {.mode = 0602}).err().about() == subject::permissions);
}

TEST_CASE("nothing is left of a listener that has closed", "[unix]") {
  const test::scratch dir;
  const auto before = test::open_descriptors();
  {
    auto l = unix_listen(dir / "s");
    REQUIRE(l);
    CHECK(dir.entries() == 2);  // the name and its lock
    auto moved = std::move(*l);
    CHECK(l->try_pop().err() == errc::closed);
    l->close();
    CHECK(dir.entries() == 2);
    CHECK(unix_connect(dir / "s", 1s));
  }
  CHECK(dir.entries() == 0);
  CHECK(test::open_descriptors() == before);
}

TEST_CASE("a name has one listener at a time", "[unix]") {
  const test::scratch dir;
  const std::string abstract = "@" + test::unique("abstract");
  for (const std::string& name : {dir / "s", abstract}) {
    auto first = unix_listen(name);
    REQUIRE(first);
    const auto second = unix_listen(name);
    CHECK(second.err() == errc::busy);
    CHECK(second.err().about() == subject::address);
    CHECK(unix_connect(name, 1s));
  }
}

TEST_CASE("the name of a listener that was killed is taken over at once", "[unix]") {
  const test::scratch dir;
  const std::string name = dir / "s";
  for (int round = 0; round < 3; ++round) {
    test::shared_with_children<std::atomic<int>> up;
    test::child victim([&]() -> int {
      const auto l = unix_listen(name);
      *up = l ? 1 : 2;
      for (;;) ::pause();
    });
    REQUIRE(test::eventually([&] { return *up != 0; }));
    REQUIRE(*up == 1);
    CHECK(unix_listen(name).err() == errc::busy);
    victim.kill();
    CHECK(dir.entries() == 2);
    CHECK(unix_connect(name, 1s).err() == errc::not_found);
    auto l = unix_listen(name);
    REQUIRE(l);
    CHECK(unix_connect(name, 1s));
  }
  CHECK(dir.entries() == 0);
}

TEST_CASE("a name leads to a listener at every instant of a succession by rename", "[unix]") {
  // A listener that is replaced by hand, without its lock: its own closing must not take the name of the new one away.
  const test::scratch dir;
  auto old = unix_listen(dir / "s");
  REQUIRE(old);
  REQUIRE(::unlink((dir / "s").c_str()) == 0);
  const auto foreign = foreign_socket(dir / "s", true);
  old->close();
  CHECK(unix_connect(dir / "s", 1s));
  CHECK(dir.entries() == 1);
}

TEST_CASE("many who want one name: at most one has it, and nothing is left behind", "[unix]") {
  const test::scratch dir;
  const std::string name = dir / "s";
  test::shared_with_children<std::atomic<int>> owners, most, listened, over;
  std::vector<test::child> rivals;
  for (int i = 0; i < 3; ++i)
    rivals.emplace_back([&]() -> int {
      while (*over == 0) {
        auto l = unix_listen(name);
        if (!l && l.err() != errc::busy) return 1;
        if (!l) continue;
        const int n = ++*owners;
        if (n > *most) *most = n;
        ++*listened;
        while (const auto c = l->try_pop()) {
        }
        --*owners;  // before it closes
      }
      return 0;
    });
  std::set<int> codes;
  const auto end = test::now_ns() + 700'000'000;
  unsigned connected = 0;
  while (test::now_ns() < end) {
    const auto c = unix_connect(name, sluice::now);
    if (c) ++connected;
    // Nobody there now, or nobody takes what waits.
    else if (c.err() != errc::not_found && c.err() != errc::full) codes.insert(static_cast<int>(c.err().code));
  }
  *over = 1;
  for (auto& r : rivals) CHECK(r.wait() == 0);
  CHECK(codes.empty());
  CHECK(*most == 1);
  CHECK(*listened > 10);
  CHECK(connected > 0);
  CHECK(dir.entries() == 0);
}

TEST_CASE("what is no stale socket is left alone", "[unix]") {
  const test::scratch dir;
  const std::string name = dir / "s";
  SECTION("a file") {
    REQUIRE(::close(::open(name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
    const auto before = inode_of(name);
    CHECK(unix_listen(name).err().about() == subject::file_type);
    CHECK(inode_of(name) == before);
  }
  SECTION("a link") {
    REQUIRE(::symlink("/dev/null", name.c_str()) == 0);
    CHECK(unix_listen(name).err().about() == subject::file_type);
  }
  SECTION("the socket of a foreign listener that lives") {
    const auto foreign = foreign_socket(name, true);
    const auto before = inode_of(name);
    CHECK(unix_listen(name).err() == errc::busy);
    CHECK(inode_of(name) == before);
  }
  CHECK(dir.entries() == 1);
}

TEST_CASE("a stale socket of a foreign program is replaced", "[unix]") {
  const test::scratch dir;
  foreign_socket(dir / "s", true).reset();
  auto l = unix_listen(dir / "s");
  REQUIRE(l);
  CHECK(unix_connect(dir / "s", 1s));
}

TEST_CASE("a lock file that is not ours is not used", "[unix]") {
  const test::scratch dir;
  const std::string lock = dir / "s.lock";
  SECTION("a link") { REQUIRE(::symlink("elsewhere", lock.c_str()) == 0); }
  SECTION("a FIFO") { REQUIRE(::mkfifo(lock.c_str(), 0600) == 0); }
  SECTION("of another user") {
    REQUIRE(::close(::open(lock.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
    if (::chown(lock.c_str(), 12345, static_cast<gid_t>(-1)) != 0) {
      WARN("skipped: this user cannot give files away");
      return;
    }
  }
  const auto l = unix_listen(dir / "s");
  REQUIRE(!l);
  CHECK((l.err() == errc::denied || l.err() == errc::invalid));
  CHECK(dir.entries() == 1);
}

TEST_CASE("the mode of a name is what was asked for, whatever the umask", "[unix]") {
  const test::scratch dir;
  for (const mode_t mask : {0000u, 0022u, 0077u}) {
    const umask_of u(mask);
    for (const mode_t mode : {0600u, 0660u, 0750u}) {
      const auto l = unix_listen(dir / "s", {.mode = mode});
      REQUIRE(l);
      CHECK(mode_of(dir / "s") == mode);
      CHECK(mode_of(dir / "s.lock") == (0600u & ~mask));
    }
  }
}

TEST_CASE("a forked child that ends does not take the name of its parent away", "[unix]") {
  const test::scratch dir;
  auto l = unix_listen(dir / "s");
  REQUIRE(l);
  test::child c([&]() -> int {
    l->close();
    return 0;
  });
  CHECK(c.wait() == 0);
  CHECK(dir.entries() == 2);
  CHECK(unix_connect(dir / "s", 1s));
}

TEST_CASE("connecting to a listener that takes nobody waits, runs out of patience, and can be stopped", "[unix]") {
  const test::scratch dir;
  auto l = unix_listen(dir / "s", {.backlog = 1});
  REQUIRE(l);
  std::vector<unix_stream> waiting;
  for (auto c = unix_connect(dir / "s", sluice::now); c; c = unix_connect(dir / "s", sluice::now)) {
    waiting.push_back(std::move(*c));
    REQUIRE(waiting.size() < 100);
  }
  CHECK(unix_connect(dir / "s", sluice::now).err() == errc::full);
  CHECK(unix_connect(dir / "s", 20ms).err() == errc::timeout);
  sluice::stop halt;
  std::thread other([&] {
    std::this_thread::sleep_for(10ms);
    halt.request();
  });
  CHECK(unix_connect(dir / "s", halt).err() == errc::stopped);
  other.join();
  std::thread taker([&] {
    std::this_thread::sleep_for(10ms);
    (void)l->pop(1s);
  });
  CHECK(unix_connect(dir / "s", 5s));
  taker.join();
}

TEST_CASE("a listener without descriptors waits without spinning, and loses no connection", "[unix]") {
  const test::scratch dir;
  auto l = unix_listen(dir / "s");
  REQUIRE(l);
  auto c = unix_connect(dir / "s", 1s);
  REQUIRE(c);
  sluice::error refused, waited;
  rusage before{}, after{};
  {
    const descriptor_limit none(0);  // not a check in here: sanitizers need descriptors too
    refused = l->try_pop().err();
    ::getrusage(RUSAGE_THREAD, &before);
    waited = l->pop(200ms).err();
    ::getrusage(RUSAGE_THREAD, &after);
  }
  CHECK(refused == errc::pending);
  CHECK(refused.about() == subject::descriptors);
  CHECK(waited == errc::timeout);
  const auto busy_us = [](const rusage& r) {
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1'000'000 + r.ru_utime.tv_usec + r.ru_stime.tv_usec;
  };
  CHECK(busy_us(after) - busy_us(before) < 50'000);
  CHECK(after.ru_nvcsw - before.ru_nvcsw <= 40);  // sleeps, of 20 ms each
  auto s = l->pop(1s);
  REQUIRE(s);
  REQUIRE(c->write(bytes_of("still")));
  CHECK(read_text(*s) == "still");
}

TEST_CASE("who is not on the list is closed and counted", "[unix]") {
  const test::scratch dir;
  const uid_t others[] = {::geteuid() + 1};
  auto l = unix_listen(dir / "s", {.allow = others});
  REQUIRE(l);
  auto c = unix_connect(dir / "s", 1s);
  REQUIRE(c);
  CHECK(l->pop(20ms).err() == errc::timeout);
  CHECK(l->refused() == 1);
  std::byte b;
  CHECK(c->read({&b, 1}, 1s).err() == errc::closed);
  l->close();
  const uid_t us[] = {::geteuid() + 1, ::geteuid()};
  auto again = unix_listen(dir / "s", {.allow = us});
  REQUIRE(again);
  c = unix_connect(dir / "s", 1s);
  CHECK(again->pop(1s));
  CHECK(again->refused() == 0);
  const std::vector<uid_t> crowd(17, 0);
  CHECK(unix_listen(dir / "t", {.allow = crowd}).err() == errc::invalid);
}

TEST_CASE("an abstract name lets in this user and root, unless a list says otherwise", "[unix]") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can be somebody else");
    return;
  }
  const std::string name = "@" + test::unique("abstract");
  const auto connect_as = [&](uid_t user) {
    return test::child([&name, user]() -> int {
      if (::setresuid(user, user, user) != 0) return 9;
      auto c = unix_connect(name, 5s);
      if (!c) return 8;
      std::byte b;
      return c->read({&b, 1}, 5s) ? 1 : 0;
    });
  };
  const auto serve = [&](unix_listener& l) {
    auto s = l.pop(300ms);
    if (s) (void)s->write(bytes_of("x"));
    return static_cast<bool>(s);
  };
  {
    auto l = unix_listen(name);
    REQUIRE(l);
    auto stranger = connect_as(65534);
    CHECK(!serve(*l));
    CHECK(stranger.wait() == 0);
    CHECK(l->refused() == 1);
    auto friendly = connect_as(0);
    CHECK(serve(*l));
    CHECK(friendly.wait() == 1);
  }
  const uid_t only[] = {65534};
  auto l = unix_listen(name, {.allow = only});
  REQUIRE(l);
  auto stranger = connect_as(65534);
  CHECK(serve(*l));
  CHECK(stranger.wait() == 1);
}

TEST_CASE("a connection knows who is at the other side, and is told of its death", "[unix]") {
  const test::scratch dir;
  auto l = unix_listen(dir / "s");
  REQUIRE(l);
  test::child c([&]() -> int {
    auto s = unix_connect(dir / "s", 5s);
    std::byte b;
    return s && s->read({&b, 1}, 20s) ? 1 : 0;
  });
  auto s = l->pop(5s);
  REQUIRE(s);
  auto who = sluice::peer_of(*s);
  REQUIRE(who);
  CHECK(who->pid == c.pid());
  CHECK(who->uid == ::geteuid());
  CHECK(who->gid == ::getegid());
  if (!who->process) {
    WARN("skipped: this kernel gives no descriptor of a peer");
    CHECK(!who->trusted);
    return;
  }
  CHECK(who->trusted);
  CHECK(who->process.alive());
  CHECK(who->process.await_end(sluice::now).err() == errc::empty);
  CHECK(who->process.await_end(5ms).err() == errc::timeout);
  CHECK((::fcntl(who->process.handle(), F_GETFD) & FD_CLOEXEC) != 0);
  ::kill(c.pid(), SIGKILL);
  CHECK(who->process.await_end(5s));
  CHECK(!who->process.alive());
  who->process.close();
  CHECK(who->process.await_end(5ms).err() == errc::closed);
}

TEST_CASE("signals do not make a living process look dead", "[unix]") {
  auto p = unix_pair();
  REQUIRE(p);
  const auto who = sluice::peer_of(p->first);
  REQUIRE(who);
  if (!who->process) {
    WARN("skipped: this kernel gives no descriptor of a peer");
    return;
  }
  struct sigaction counted = {}, before = {};
  counted.sa_handler = [](int) {};
  ::sigaction(SIGALRM, &counted, &before);
  const itimerval often{{0, 50}, {0, 50}}, never{};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  bool alive = true;
  for (const auto end = test::now_ns() + 100'000'000; test::now_ns() < end;) alive = alive && who->process.alive();
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  CHECK(alive);
}

TEST_CASE("nothing connected has no peer", "[unix]") {
  auto p = unix_pair();
  REQUIRE(p);
  CHECK(sluice::peer_of(p->first)->pid == ::getpid());
  p->first.close();
  CHECK(sluice::peer_of(p->first).err() == errc::closed);
}

TEST_CASE("typed messages go through a Unix connection, and the death of the writer inside one is told", "[unix]") {
  struct block {
    std::uint64_t words[100];
  };
  const test::scratch dir;
  auto l = unix_listen(dir / "s");
  REQUIRE(l);
  test::child c([&]() -> int {
    auto s = unix_connect(dir / "s", 5s);
    if (!s) return 1;
    auto out = sluice::sink_of<block>(std::move(*s));
    for (std::uint64_t n = 0; n < 1000; ++n) {
      block b;
      for (auto& w : b.words) w = n;
      if (!out.push(b, 5s)) return 2;
    }
    (void)out.stream().write(bytes_of("half of one"));
    ::kill(::getpid(), SIGKILL);
    return 3;
  });
  auto s = l->pop(5s);
  REQUIRE(s);
  auto in = sluice::source_of<block>(std::move(*s));
  bool same = true;
  for (std::uint64_t n = 0; n < 1000; ++n) {
    const auto b = in.pop(5s);
    REQUIRE(b);
    for (const auto w : b->words) same = same && w == n;
  }
  CHECK(same);
  CHECK(in.pop(5s).err() == errc::truncated);
  CHECK(c.wait() == -SIGKILL);
}

TEST_CASE("ten thousand connections by a name come and go, and nothing is left of them", "[unix]") {
  const test::scratch dir;
  auto l = unix_listen(dir / "s");
  REQUIRE(l);
  const auto before = test::open_descriptors();
  const unsigned all = rounds(10'000);
  unsigned served = 0;
  for (unsigned i = 0; i < all; ++i) {
    auto c = unix_connect(dir / "s", 1s);
    auto s = l->pop(1s);
    std::byte one[1] = {std::byte(i)};
    if (!c || !s || !c->write(one, 1s) || !s->read(one, 1s) || !s->write(one, 1s) || !c->read(one, 1s)) continue;
    if (one[0] == std::byte(i)) ++served;
  }
  CHECK(served == all);
  CHECK(test::open_descriptors() == before);
}
