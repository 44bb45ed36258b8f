// SPDX-License-Identifier: MIT
#include <sluice/channel/shared.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <sys/resource.h>

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::now;
using sluice::opening;
using sluice::ring_options;
using sluice::subject;
using u64 = std::uint64_t;

using sink = decltype(sluice::shm_sink<u64>(""))::value_type;
using source = decltype(sluice::shm_source<u64>(""))::value_type;

// The same tests over shared memory and over a mapped file.
struct world {
  bool mapped;
  test::scratch dir;
  std::string path = dir / "ring";
  ring_options options;

  explicit world(bool on_file, bool persistent = false, std::size_t capacity = 8)
      : mapped(on_file), dir(on_file ? "/tmp" : "/dev/shm") {
    if (!mapped) options.directory = dir.c_str();
    options.persistent = persistent;
    options.capacity = capacity;
  }
  auto tx(const ring_options& o) const { return mapped ? sluice::mapped_sink<u64>(path, o) : sluice::shm_sink<u64>("ring", o); }
  auto rx(const ring_options& o) const { return mapped ? sluice::mapped_source<u64>(path, o) : sluice::shm_source<u64>("ring", o); }
  sink tx() const {
    auto r = tx(options);
    REQUIRE(r);
    return std::move(*r);
  }
  source rx() const {
    auto r = rx(options);
    REQUIRE(r);
    return std::move(*r);
  }
};

enum class how { closed, left, killed };
const char* name_of(how h) { return h == how::closed ? "closed" : h == how::left ? "left" : "killed"; }

// A producer in another process pushes the numbers from `from` and then comes to its end.
void produce_and(const world& w, how end, u64 from = 0, u64 count = 3) {
  test::child c([&] {
    auto t = w.tx(w.options);
    if (!t) return 1;
    for (u64 i = from; i < from + count; ++i)
      if (!t->push(i)) return 2;
    if (end == how::closed) t->close();
    if (end == how::killed) ::kill(::getpid(), SIGKILL);
    return 0;
  });
  REQUIRE(c.wait() == (end == how::killed ? -SIGKILL : 0));
}
// A consumer in another process takes `count` messages and then comes to its end.
void consume_and(const world& w, how end, u64 count = 1) {
  test::child c([&] {
    auto r = w.rx(w.options);
    if (!r) return 1;
    for (u64 i = 0; i < count; ++i)
      if (!r->pop(5s)) return 2;
    if (end == how::closed) r->close();
    if (end == how::killed) ::kill(::getpid(), SIGKILL);
    return 0;
  });
  REQUIRE(c.wait() == (end == how::killed ? -SIGKILL : 0));
}
sluice::error verdict(how end) { return end == how::killed ? errc::peer_died : errc::closed; }
bool is_end(how end, bool persistent) { return !persistent || end == how::closed; }

}  // namespace

TEST_CASE("messages go from one process to another, in order, to a clean end") {
  const bool mapped = GENERATE(false, true);
  world w(mapped);
  auto r = w.rx();
  test::child producer([&] {
    auto t = w.tx(w.options);
    if (!t) return 1;
    for (u64 i = 0; i < 100'000; ++i)
      if (!t->push(i)) return 2;
    return 0;
  });
  u64 next = 0;
  auto all = r.each(20s);
  for (auto& v : all)
    if (v == next) ++next;
  CHECK(next == 100'000);
  CHECK(all.why == errc::closed);
  CHECK(producer.wait() == 0);
}

TEST_CASE("what a reader sees when the writer comes to its end while the reader is there") {
  const bool mapped = GENERATE(false, true), persistent = GENERATE(false, true);
  const how end = GENERATE(how::closed, how::left, how::killed);
  INFO((mapped ? "mapped, " : "shm, ") << (persistent ? "persistent, " : "") << name_of(end));
  const world w(mapped, persistent);
  auto r = w.rx();
  CHECK(r.try_pop().err() == errc::empty);  // nobody has come yet: no end
  produce_and(w, end);
  for (u64 i = 0; i < 3; ++i) CHECK(r.pop(5s).value_or(u64{99}) == i);  // everything that was accepted comes first
  if (is_end(end, persistent)) {
    const auto e = r.pop(5s).err();
    CHECK(e == verdict(end).code);
    CHECK(e.who == 1);
    CHECK(r.pop(5s).err() == verdict(end).code);  // and remains so
    CHECK(r.borrow(5s).err() == verdict(end).code);
    u64 some[2];
    CHECK(r.pop(std::span<u64>(some), 5s).err() == verdict(end).code);
  } else {
    CHECK(r.pop(60ms).err() == errc::timeout);
  }
  produce_and(w, end, 10, 1);  // the next session: all over again
  CHECK(r.pop(5s).value_or(u64{99}) == 10);
  CHECK(r.pop(60ms).err() == (is_end(end, persistent) ? verdict(end).code : errc::timeout));
}

TEST_CASE("what a writer sees when the reader comes to its end while the writer is there") {
  const bool mapped = GENERATE(false, true), persistent = GENERATE(false, true);
  const how end = GENERATE(how::closed, how::left, how::killed);
  INFO((mapped ? "mapped, " : "shm, ") << (persistent ? "persistent, " : "") << name_of(end));
  const world w(mapped, persistent, 2);
  auto t = w.tx();
  REQUIRE(t.push(0u));  // before anybody reads
  REQUIRE(t.push(1u));
  CHECK(t.push(2u, 5ms).err() == errc::timeout);
  consume_and(w, end);
  if (is_end(end, persistent)) {
    // Orderly ends are seen at once; a death when the writer has to ask, because there is no room.
    sluice::error e = t.push(2u, 5s).err();
    if (end == how::killed && !e) e = t.push(3u, 5s).err();
    CHECK(e == verdict(end).code);
    CHECK(e.who == 2);
    CHECK(t.push(4u, 5s).err() == verdict(end).code);
    CHECK(t.claim(5s).err() == verdict(end).code);
  } else {
    CHECK(t.push(2u, 5s));
    CHECK(t.push(3u, 60ms).err() == errc::timeout);
  }
  auto next = w.rx();  // a successor: the writer goes on
  CHECK(next.pop(5s).value_or(u64{99}) == 1);
  CHECK(t.push(5u, 5s));
  CHECK(next.opened() == opening::joined);
}

TEST_CASE("a reader that comes after the writer's end gets the backlog, then the end, once") {
  const bool mapped = GENERATE(false, true), persistent = GENERATE(false, true);
  const how end = GENERATE(how::closed, how::left, how::killed);
  INFO((mapped ? "mapped, " : "shm, ") << (persistent ? "persistent, " : "") << name_of(end));
  const world w(mapped, persistent);
  produce_and(w, end);
  {
    auto r = w.rx();
    CHECK(r.opened() == opening::joined);
    CHECK(r.capacity() == 8);
    CHECK(r.approx_size() == 3);
    for (u64 i = 0; i < 3; ++i) CHECK(r.pop(5s).value_or(u64{99}) == i);
    CHECK(r.pop(100ms).err() == (is_end(end, persistent) ? verdict(end).code : errc::timeout));
  }
  {
    auto r = w.rx();  // the end was the predecessor's business
    CHECK(r.pop(60ms).err() == errc::timeout);
    produce_and(w, end, 7, 1);
    CHECK(r.pop(5s).value_or(u64{99}) == 7);
    CHECK(r.pop(60ms).err() == (is_end(end, persistent) ? verdict(end).code : errc::timeout));
  }
}

TEST_CASE("a reader that left before it was told passes the end on to its successor") {
  const bool mapped = GENERATE(false, true);
  const how end = GENERATE(how::closed, how::left, how::killed);
  INFO(name_of(end));
  const world w(mapped);
  produce_and(w, end);
  CHECK(w.rx().pop(5s).value_or(u64{99}) == 0);
  CHECK(w.rx().pop(5s).value_or(u64{99}) == 1);
  auto r = w.rx();
  CHECK(r.pop(5s).value_or(u64{99}) == 2);
  CHECK(r.pop(1s).err() == verdict(end).code);
}

TEST_CASE("a reader that was killed just after it was told does not tell its successor again") {
  const world w(GENERATE(false, true));
  produce_and(w, how::closed, 0, 1);
  test::child c([&] {
    auto r = w.rx(w.options);
    if (!r || !r->pop(5s) || !(r->pop(5s).err() == errc::closed)) return 1;
    ::kill(::getpid(), SIGKILL);
    return 2;
  });
  REQUIRE(c.wait() == -SIGKILL);
  CHECK(w.rx().pop(60ms).err() == errc::timeout);
}

TEST_CASE("a writer that comes after the reader's end continues behind the backlog and is told of no end") {
  const bool mapped = GENERATE(false, true), persistent = GENERATE(false, true);
  const how end = GENERATE(how::closed, how::left, how::killed);
  INFO((mapped ? "mapped, " : "shm, ") << (persistent ? "persistent, " : "") << name_of(end));
  const world w(mapped, persistent, 4);
  produce_and(w, how::left);
  consume_and(w, end);
  auto t = w.tx();
  CHECK(t.opened() == opening::joined);
  CHECK(t.push(3u, 1s));
  CHECK(t.push(4u, 1s));
  CHECK(t.push(5u, 100ms).err() == errc::timeout);  // full, and nobody there: that is no end
  auto r = w.rx();
  for (u64 i = 1; i < 5; ++i) CHECK(r.pop(5s).value_or(u64{99}) == i);
  CHECK(r.pop(30ms).err() == errc::timeout);
  CHECK(t.push(5u, 1s));
  CHECK(r.pop(5s).value_or(u64{99}) == 5);
}

TEST_CASE("sleepers of both sides are woken across processes by messages and ends") {
  const bool mapped = GENERATE(false, true);
  const auto strategy = GENERATE(sluice::wait_strategy::park, sluice::wait_strategy::spin, sluice::wait_strategy::spin_then_park);
  world w(mapped, false, 1);
  w.options.wait = strategy;
  test::child other([&] {
    auto r = w.rx(w.options);
    if (!r) return 1;
    for (u64 i = 0; i < 200; ++i) {
      if (i % 50 == 0) test::sleep_us(30'000);
      if (!(r->pop(10s).value_or(u64{999}) == i)) return 2;
    }
    return 0;
  });
  auto t = w.tx();
  sluice::error e;
  for (u64 i = 0; i < 200 && !e; ++i) {
    if (i % 50 == 25) test::sleep_us(30'000);
    e = t.push(i, 10s).err();
  }
  CHECK_FALSE(e);
  CHECK(other.wait() == 0);
  e = {};
  for (int i = 0; i < 3 && !e; ++i) e = t.push(0u, 10s).err();
  CHECK(e == errc::closed);
}

TEST_CASE("a second writer is told that the first lives, and who it is; likewise a second reader") {
  const world w(GENERATE(false, true));
  auto t = w.tx();
  auto r = w.rx();
  const auto t2 = w.tx(w.options);
  REQUIRE_FALSE(t2);
  CHECK(t2.err() == sluice::error(errc::busy, sluice::step::join, subject::role).by(0));
  const auto r2 = w.rx(w.options);
  REQUIRE_FALSE(r2);
  CHECK(r2.err() == sluice::error(errc::busy, sluice::step::join, subject::role).by(1));
  test::child c([&] { return w.tx(w.options).err() == t2.err() && w.rx(w.options).err() == r2.err() ? 0 : 1; });
  CHECK(c.wait() == 0);
  REQUIRE(t.push(1u));  // and no harm is done
  CHECK(*r.pop() == 1);
  t.close();
  CHECK(w.tx(w.options));
}

TEST_CASE("a stopped writer keeps its role: it is not robbed") {
  const world w(false);
  struct words {
    std::atomic<bool> up;
  };
  const test::shared_with_children<words> s;
  auto r = w.rx();
  test::child c([&] {
    auto t = w.tx(w.options);
    if (!t || !t->push(1u)) return 1;
    s->up = true;
    for (;;) ::pause();
  });
  REQUIRE(test::eventually([&] { return s->up.load(); }));
  ::kill(c.pid(), SIGSTOP);
  CHECK(r.pop(1s).value_or(u64{9}) == 1);
  CHECK(r.pop(100ms).err() == errc::timeout);
  CHECK(w.tx(w.options).err() == errc::busy);
  CHECK(r.peers() == 2);
  c.kill();
  CHECK(r.pop(1s).err() == errc::peer_died);
  CHECK(r.peers() == 1);
}

TEST_CASE("both ends in one process, and peers() counts them") {
  const world w(GENERATE(false, true));
  auto t = w.tx();
  CHECK(t.opened() == opening::created);
  CHECK(t.peers() == 1);
  auto r = w.rx();
  CHECK(r.opened() == opening::joined);
  CHECK(t.peers() == 2);
  CHECK(r.peers() == 2);
  std::thread producer([&] {
    for (u64 i = 0; i < 20'000; ++i)
      if (!t.push(i)) return;
    t.close();
  });
  u64 next = 0;
  for (auto& v : r.each(20s)) next += v == next ? 1u : 0u;
  producer.join();
  CHECK(next == 20'000);
  CHECK(r.peers() == 1);
  r.close();
  CHECK(r.peers() == 0);
}

TEST_CASE("moved and assigned ends keep and give up their roles") {
  const world w(false);
  auto a = w.tx();
  auto b = std::move(a);
  CHECK(a.push(1u).err() == errc::closed);
  CHECK(b.push(1u));
  CHECK(w.tx(w.options).err() == errc::busy);
  world w2(false);
  b = w2.tx();
  CHECK(w.tx(w.options));
  CHECK(b.push(2u));
  CHECK(w2.tx(w2.options).err() == errc::busy);
  b.close();
  CHECK(w2.tx(w2.options));
}

TEST_CASE("removing a name takes it away at once, and open ends live on") {
  const world w(false);
  auto t = w.tx();
  auto r = w.rx();
  REQUIRE(sluice::shm_remove("ring", w.options));
  CHECK(w.dir.entries() == 0);
  CHECK(sluice::shm_remove("ring", w.options).err() == errc::not_found);
  REQUIRE(t.push(1u));
  CHECK(*r.pop() == 1);
  auto t2 = w.tx();  // another channel
  CHECK(t2.opened() == opening::created);
  REQUIRE(t2.push(2u));
  CHECK(r.try_pop().err() == errc::empty);
  CHECK(t.push(3u));
  CHECK(*w.rx().pop() == 2);
  t.close();
  CHECK(*r.pop() == 3);
  CHECK(r.pop().err() == errc::closed);
}

TEST_CASE("a capacity is exact, adopted, or a mismatch") {
  const bool mapped = GENERATE(false, true);
  const world w(mapped, false, 5);
  auto t = w.tx();
  CHECK(t.capacity() == 5);
  for (u64 i = 0; i < 5; ++i) CHECK(t.try_push(i));
  CHECK(t.try_push(5u).err() == errc::full);
  ring_options o = w.options;
  o.capacity = 0;
  {
    const auto r = w.rx(o);
    REQUIRE(r);
    CHECK(r->capacity() == 5);
  }
  o.capacity = 6;
  CHECK(w.rx(o).err() == sluice::error(errc::mismatch, sluice::step::validate, subject::capacity));
  o.capacity = 5;
  CHECK(w.rx(o));
}

TEST_CASE("without a capacity a new region has 1024, a capacity that cannot be is refused") {
  const bool mapped = GENERATE(false, true);
  const world w(mapped, false, 0);
  ring_options o = w.options;
  SECTION("none") { CHECK(w.tx().capacity() == 1024); }
  SECTION("too many items") {
    o.capacity = static_cast<std::size_t>(-1);
    CHECK(w.tx(o).err() == sluice::error(errc::too_big, sluice::step::create, subject::capacity));
    CHECK(w.dir.entries() == 0);
  }
}

TEST_CASE("more than any file system has is no space, or too big, and leaves nothing behind") {
  struct page {
    u64 words[512];
  };
  const bool mapped = GENERATE(false, true);
  const world w(mapped);
  ring_options o = w.options;
  o.capacity = std::size_t{1} << 31;
  o.capacity *= mapped ? 2 : 1;
  const auto e = mapped ? sluice::mapped_sink<page>(w.path, o).err() : sluice::shm_sink<page>("ring", o).err();
  INFO("code " << static_cast<int>(e.code) << ", detail " << e.detail);
  CHECK((e == errc::no_space || e == errc::too_big));
  CHECK(w.dir.entries() == 0);
}

TEST_CASE("ends that are opened in turn for a long time use up nothing") {
  const bool mapped = GENERATE(false, true);
  const world w(mapped, true);
  { auto t = w.tx(); }
  const std::size_t descriptors = test::open_descriptors(), maps = test::mappings();
  for (u64 i = 0; i < 200; ++i) {
    auto t = w.tx();
    REQUIRE(t.push(i));
    auto r = w.rx();
    REQUIRE(r.pop(1s).value_or(u64{999}) == i);
  }
  CHECK(test::open_descriptors() == descriptors);
  CHECK(test::mappings() <= maps + 2);
  CHECK(test::locks_on(w.path) == 0);
  CHECK(w.dir.entries() == 1);
}

TEST_CASE("a refused opening uses up nothing") {
  const world w(false);
  auto t = w.tx();
  (void)w.tx(w.options);
  const std::size_t descriptors = test::open_descriptors(), maps = test::mappings(), locks = test::locks_on(w.path);
  ring_options other = w.options;
  other.capacity = 77;
  for (int i = 0; i < 100; ++i) {
    REQUIRE_FALSE(w.tx(w.options));
    REQUIRE_FALSE(w.rx(other));
  }
  CHECK(test::open_descriptors() == descriptors);
  CHECK(test::mappings() <= maps + 2);
  CHECK(test::locks_on(w.path) == locks);
}

TEST_CASE("an open end holds one descriptor, which is closed on exec") {
  const world w(false);
  const std::size_t before = test::open_descriptors();
  auto t = w.tx();
  CHECK(test::open_descriptors() == before + 1);
  t.close();
  CHECK(test::open_descriptors() == before);
}

// Writes another boot into the file, as if it had been made before a reboot.
static void reboot(const world& w) {
  const sluice::unique_handle fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC));
  const u64 other = 0x1234567;
  REQUIRE(::pwrite(fd.get(), &other, sizeof other, 4096) == sizeof other);
}

TEST_CASE("a channel in a file after a reboot: as it was if it was left in order, else empty, and says so") {
  const world w(true);
  SECTION("left in order") {
    produce_and(w, how::left);
    reboot(w);
    auto r = w.rx();
    CHECK(r.opened() == opening::joined);
    for (u64 i = 0; i < 3; ++i) CHECK(r.pop(1s).value_or(u64{99}) == i);
    CHECK(r.pop(1s).err() == errc::closed);
  }
  SECTION("killed") {
    produce_and(w, how::killed);
    reboot(w);
    auto r = w.rx();
    CHECK(r.opened() == opening::reset);
    CHECK(r.pop(30ms).err() == errc::timeout);
    produce_and(w, how::closed, 5, 1);
    CHECK(r.pop(1s).value_or(u64{99}) == 5);
    CHECK(r.pop(1s).err() == errc::closed);
  }
  SECTION("the writer killed, the reader left in order") {
    {
      auto r = w.rx();
      produce_and(w, how::killed);
    }
    reboot(w);
    auto r = w.rx();
    CHECK(r.opened() == opening::joined);
    for (u64 i = 0; i < 3; ++i) CHECK(r.pop(1s).value_or(u64{99}) == i);
    CHECK(r.pop(1s).err() == errc::peer_died);
  }
}

TEST_CASE("the default directory is the user's own, and the name is taken away by shm_remove") {
  const std::string name = test::unique("default");
  {
    auto t = sluice::shm_sink<u64>(name, {.capacity = 3});
    REQUIRE(t);
    struct stat st = {};
    const std::string own = "/dev/shm/sluice." + std::to_string(::geteuid());
    CHECK(::stat(own.c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0700);
    CHECK(::stat((own + "/" + name).c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
    auto r = sluice::shm_source<u64>("/" + name);
    REQUIRE(r);
    REQUIRE(t->push(4u));
    CHECK(*r->pop() == 4);
  }
  CHECK(sluice::shm_remove(name));
}

TEST_CASE("a reader that comes between a killed writer and the next still gets every message, in order") {
  const world w(GENERATE(false, true), true, 4);
  u64 next = 0;
  for (u64 round = 0; round < 10; ++round) {
    produce_and(w, how::killed, round * 3, 3);
    auto r = w.rx();
    for (int i = 0; i < 3; ++i) {
      REQUIRE(r.pop(1s).value_or(u64{999}) == next);
      ++next;
    }
    if (round % 2 == 0) r.close();
  }
}

TEST_CASE("a channel in a file is never emptied while somebody lives in it, whatever boot it seems to be of") {
  const world w(true);
  auto t = w.tx();
  for (u64 i = 0; i < 3; ++i) REQUIRE(t.push(i, now));
  reboot(w);
  auto r = w.rx();
  CHECK(r.opened() == opening::joined);
  for (u64 i = 0; i < 3; ++i) CHECK(r.pop(1s).value_or(u64{99}) == i);
  CHECK(t.push(u64{3}, now));
}

TEST_CASE("an opener who cannot get all the descriptors it needs changes nothing") {
  const world w(true);
  auto t = w.tx();
  for (u64 i = 0; i < 3; ++i) REQUIRE(t.push(i, now));
  test::child c([&] {
    int refused = 0;
    for (rlim_t n = 3; n < 40; ++n) {
      const rlimit few{n, 40};
      ::setrlimit(RLIMIT_NOFILE, &few);
      auto r = w.rx(w.options);
      if (r) return r->opened() == opening::joined && r->pop(now).value_or(u64{99}) == 0 ? (refused > 0 ? 0 : 2) : 1;
      ++refused;
    }
    return 3;
  });
  CHECK(c.wait() == 0);
}

TEST_CASE("an orderly last leave is recorded even while others are just being refused") {
  const world w(true);
  unsigned kept = 0;
  for (int round = 0; round < 20; ++round) {
    auto t = std::make_unique<sink>(w.tx());
    test::shared_with_children<std::atomic<bool>> stop;
    test::child knocking([&] {
      while (!*stop) (void)w.tx(w.options);
      return 0;
    });
    test::sleep_us(3000);
    t.reset();
    *stop = true;
    (void)knocking.wait();
    reboot(w);
    kept += w.rx().opened() == opening::joined ? 1u : 0u;
  }
  CHECK(kept == 20);
}

TEST_CASE("a stray close of an end's descriptor kills nobody, and what comes behind its number is left alone") {
  const world w(GENERATE(false, true), true);
  auto t = w.tx();
  sluice::unique_handle foreign;
  {
    auto r = w.rx();
    const int number = r.home().member().handle();
    const sluice::unique_handle other(::open("/dev/null", O_RDWR | O_CLOEXEC));
    REQUIRE(::dup2(other.get(), number) == number);  // closes what was there
    foreign = sluice::unique_handle(number);
    for (int i = 0; i < 2000; ++i) REQUIRE(r.try_pop().err() == errc::empty);
    CHECK(r.pop(50ms).err() == errc::timeout);
    REQUIRE(t.push(u64{7}, now));
    CHECK(r.pop(1s).value_or(u64{0}) == 7);
    t.close();
    CHECK(r.pop(1s).err() == errc::closed);
  }
  CHECK(::fcntl(foreign.get(), F_GETFD) >= 0);
}

TEST_CASE("too few participants for both ends are refused") {
  world w(false);
  w.options.participants = 1;
  const auto e = w.tx(w.options).err();
  CHECK(e.code == errc::invalid);
  CHECK(e.about() == subject::participants);
}

TEST_CASE("a process that may not write files that large is told so, and lives") {
  const world w(GENERATE(false, true));
  test::child c([&] {
    const rlimit small{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const auto r = w.tx(w.options);
    return !r && r.err().code == errc::too_big ? 0 : 1;
  });
  CHECK(c.wait() == 0);
}
