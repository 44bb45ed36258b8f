// SPDX-License-Identifier: MIT
#include <sluice/memory/membership.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <atomic>
#include <thread>
#include <vector>

namespace {

using sluice::errc;
using sluice::opening;
using sluice::status;
using sluice::step;
using sluice::subject;
using member = sluice::membership<>;

// Where the format puts things.
constexpr off_t boot_at = 4096, clean_at = 4096 + 8;
constexpr off_t record_at(unsigned slot) { return 4096 + 128 + 128 * static_cast<off_t>(slot); }
constexpr std::int64_t life_byte(unsigned slot) { return (std::int64_t{1} << 40) + 2 * std::int64_t{slot}; }
constexpr std::int64_t heal_byte(unsigned slot) { return life_byte(slot) + 1; }
constexpr std::int64_t join_byte = (std::int64_t{1} << 40) - 1;

sluice::region_spec spec(unsigned participants = 3) {
  sluice::region_spec s;
  s.kind = sluice::region_kind::spsc;
  s.capacity = 512;
  s.participants = participants;
  s.item_size = 8;
  s.item_align = 8;
  s.layout = sluice::layout_of<std::uint64_t>;
  s.layout_text = &sluice::layout_text<std::uint64_t>;
  s.body_bytes = [](std::size_t n) noexcept { return n * 8; };
  return s;
}

std::vector<unsigned> healed;  // by whoever joins or heals in this process
constexpr auto heal = [](const member&, unsigned slot) { healed.push_back(slot); };
constexpr auto begin = [](member&) -> status { return {}; };

struct world {
  test::scratch dir;
  sluice::region_options options;
  std::string path;
  sluice::result<sluice::region_place> place;

  explicit world(bool durable = false, const char* parent = "/dev/shm")
      : dir(parent), path(dir / "region"), place(make(durable)) {
    healed.clear();
    REQUIRE(place);
  }
  sluice::result<sluice::region_place> make(bool durable) {
    options.directory = durable ? nullptr : dir.c_str();
    return durable ? sluice::region_place::file(path, options) : sluice::region_place::shared_memory("region", options);
  }
  sluice::result<member> join(sluice::slot_range slot, unsigned participants = 3) const {
    return member::join(*place, spec(participants), slot, heal, begin);
  }
  // What is in the file.
  std::uint64_t word(off_t at) const {
    std::uint64_t v = 0;
    const sluice::unique_handle fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (::pread(fd.get(), &v, sizeof v, at) != sizeof v) std::abort();
    return v;
  }
  void set_word(off_t at, std::uint64_t v) const {
    const sluice::unique_handle fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (::pwrite(fd.get(), &v, sizeof v, at) != sizeof v) std::abort();
  }
  std::uint64_t incarnation(unsigned slot) const { return word(record_at(slot)); }
  bool locked(std::int64_t byte) const {
    const sluice::unique_handle fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    return sluice::detail::byte_is_locked(fd.get(), byte);
  }
  std::uint64_t body_at() const { return word(72); }
};

// Holds a lock byte as somebody would who was stopped in the middle.
struct somebody {
  sluice::unique_handle fd;
  somebody(const world& w, std::int64_t byte) : fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC)) {
    REQUIRE_FALSE(sluice::detail::try_lock_byte(fd.get(), byte));
  }
};

// A child that takes the slot and dies holding it.
void die_at(const world& w, unsigned slot) {
  test::child c([&] {
    const auto m = w.join(slot);
    if (!m) return 1;
    ::kill(::getpid(), SIGKILL);
    return 2;
  });
  REQUIRE(c.wait() == -SIGKILL);
}

}  // namespace

TEST_CASE("the first to join creates the region, the next joins what is there") {
  const world w;
  auto a = w.join(0);
  REQUIRE(a);
  CHECK(a->opened() == opening::created);
  CHECK(a->slot() == 0);
  CHECK(a->slot_count() == 3);
  CHECK(a->capacity() == 512);
  CHECK_FALSE(a->persistent());
  CHECK(a->peers() == 1);
  auto b = w.join(1);
  REQUIRE(b);
  CHECK(b->opened() == opening::joined);
  CHECK(a->peers() == 2);
  CHECK(b->peers() == 2);
  CHECK(a->body() != b->body());
  CHECK(reinterpret_cast<std::uintptr_t>(a->body()) % sluice::apart_bytes == 0);
  bool zero = true;
  for (int i = 0; i < 4096; ++i) zero = zero && a->body()[i] == std::byte{};
  CHECK(zero);
  a->body()[100] = std::byte{7};
  CHECK(b->body()[100] == std::byte{7});
  CHECK(healed.empty());
  CHECK(w.dir.entries() == 1);
}

TEST_CASE("a region file has the mode that was asked for, whatever the umask, and all its blocks") {
  const test::scratch dir;
  sluice::region_options o;
  o.directory = dir.c_str();
  o.mode = 0660;
  const mode_t mask = ::umask(0777);
  auto m = member::join(*sluice::region_place::shared_memory("region", o), spec(), 0, heal, begin);
  ::umask(mask);
  REQUIRE(m);
  struct stat st = {};
  REQUIRE(::stat((dir / "region").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0660);
  CHECK(st.st_size % 4096 == 0);
  CHECK(st.st_blocks * 512 >= st.st_size);  // allocated, so no SIGBUS can come of a full file system
}

TEST_CASE("a mode that everybody may write, or not even the owner, is refused and leaves nothing behind") {
  const test::scratch dir;
  sluice::region_options o;
  o.directory = dir.c_str();
  o.mode = GENERATE(0666u, 0602u, 0400u, 0200u, 0u);
  const auto m = member::join(*sluice::region_place::shared_memory("region", o), spec(), 0, heal, begin);
  REQUIRE_FALSE(m);
  CHECK(m.err() == sluice::error(errc::invalid, step::create, subject::permissions));
  CHECK(dir.entries() == 0);
}

TEST_CASE("a slot whose owner lives is busy at once, and says who") {
  const world w;
  const auto a = w.join(1);
  REQUIRE(a);
  const auto before = test::now_ns();
  const auto b = w.join(1);
  REQUIRE_FALSE(b);
  CHECK(b.err() == sluice::error(errc::busy, step::join, subject::role).by(1));
  CHECK(test::now_ns() - before < 1'000'000'000);
  CHECK_FALSE(w.locked(heal_byte(1)));
}

TEST_CASE("any slot will do until all are taken, then there is no space") {
  const world w;
  std::vector<member> all;
  for (unsigned k = 0; k < 3; ++k) {
    auto m = w.join(sluice::slot_range{});
    REQUIRE(m);
    CHECK(m->slot() == k);
    all.push_back(std::move(*m));
  }
  const auto before = test::now_ns();
  const auto none = w.join(sluice::slot_range{});
  REQUIRE_FALSE(none);
  CHECK(none.err() == sluice::error(errc::no_space, step::join, subject::participants));
  CHECK(test::now_ns() - before < 1'000'000'000);
  all[1].leave();
  const auto again = w.join(sluice::slot_range{});
  REQUIRE(again);
  CHECK(again->slot() == 1);
}

TEST_CASE("a slot beyond the participants of the region is no space") {
  const world w;
  const auto m = w.join(3);
  REQUIRE_FALSE(m);
  CHECK(m.err() == sluice::error(errc::no_space, step::join, subject::participants));
}

TEST_CASE("a thousand slots can be told apart") {
  const world w;
  auto m = w.join(1023, 1024);
  REQUIRE(m);
  CHECK(m->slot_count() == 1024);
  CHECK(m->peers() == 1);
  CHECK(w.locked(life_byte(1023)));
  CHECK(w.incarnation(1023) == 1);
  CHECK_FALSE(w.locked(life_byte(1022)));
}

TEST_CASE("the life byte is locked as long as the owner takes part, the heal and join bytes only while joining") {
  const bool durable = GENERATE(false, true);
  const world w(durable);
  {
    auto a = w.join(1);
    REQUIRE(a);
    test::child c([&] {  // as another process sees it
      if (!w.locked(life_byte(1))) return 1;
      if (w.locked(heal_byte(1)) || w.locked(join_byte)) return 2;
      if (w.locked(life_byte(0)) || w.locked(life_byte(2))) return 3;
      return 0;
    });
    CHECK(c.wait() == 0);
    CHECK(test::locks_on(w.path) == 1);
    a->leave();
    CHECK_FALSE(w.locked(life_byte(1)));
    CHECK_FALSE(static_cast<bool>(*a));
    a->leave();  // a second time is nothing
  }
  CHECK(test::locks_on(w.path) == 0);
}

TEST_CASE("a membership that is moved stays one membership") {
  const world w;
  const std::size_t descriptors = test::open_descriptors();
  {
    auto a = w.join(0);
    REQUIRE(a);
    member b(std::move(*a));
    CHECK_FALSE(static_cast<bool>(*a));
    CHECK(w.locked(life_byte(0)));
    member c;
    c = std::move(b);
    CHECK(w.locked(life_byte(0)));
    CHECK(c.peers() == 1);
    a->leave(), b.leave();
    CHECK(w.locked(life_byte(0)));
    c.leave();
    CHECK_FALSE(w.locked(life_byte(0)));
  }
  CHECK(test::open_descriptors() == descriptors);
}

TEST_CASE("the incarnation of a slot is odd while it is in use, and grows") {
  const world w;
  std::uint64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    auto m = w.join(0);
    REQUIRE(m);
    CHECK(w.incarnation(0) % 2 == 1);
    CHECK(w.incarnation(0) > last);
    last = w.incarnation(0);
    m->leave();
    CHECK(w.incarnation(0) == last + 1);
    last = w.incarnation(0);
  }
  CHECK(healed.empty());
}

TEST_CASE("a killed owner leaves an odd incarnation, and is healed once, by another participant") {
  const world w;
  auto me = w.join(0);
  REQUIRE(me);
  die_at(w, 1);
  CHECK(w.incarnation(1) % 2 == 1);
  CHECK_FALSE(me->alive(1));
  CHECK(me->heal_if_dead(1, heal));
  CHECK(healed == std::vector<unsigned>{1});
  CHECK(w.incarnation(1) % 2 == 0);
  (void)me->heal_if_dead(1, heal);
  CHECK(healed.size() == 1);
  CHECK_FALSE(w.locked(heal_byte(1)));
  CHECK_FALSE(me->heal_if_dead(0, heal));  // not oneself
  const auto next = w.join(1);
  REQUIRE(next);
  CHECK(w.incarnation(1) % 2 == 1);
  CHECK(healed.size() == 1);
  CHECK_FALSE(me->heal_if_dead(1, heal));
  CHECK(healed.size() == 1);
}

TEST_CASE("a killed owner is healed by its successor, before that begins") {
  const world w;
  die_at(w, 2);
  std::vector<unsigned> at_begin;
  const auto m = member::join(*w.place, spec(), 2, heal, [&](member&) -> status {
    at_begin = healed;
    return {};
  });
  REQUIRE(m);
  CHECK(at_begin == std::vector<unsigned>{2});
  CHECK(w.incarnation(2) % 2 == 1);
}

TEST_CASE("whoever is killed while joining or healing is followed by the next") {
  const world w;
  const auto die = [](auto&&...) -> status {
    ::kill(::getpid(), SIGKILL);
    return {};
  };
  SECTION("in begin") {
    test::child c([&] { return member::join(*w.place, spec(), 0, heal, die) ? 1 : 2; });
    REQUIRE(c.wait() == -SIGKILL);
    CHECK(w.incarnation(0) % 2 == 1);
  }
  SECTION("in the heal of a joiner") {
    die_at(w, 0);
    test::child c([&] { return member::join(*w.place, spec(), 0, [&](const member&, unsigned) { (void)die(); }, begin) ? 1 : 2; });
    REQUIRE(c.wait() == -SIGKILL);
    CHECK(w.incarnation(0) % 2 == 1);
  }
  SECTION("in the heal of a fellow") {
    die_at(w, 0);
    test::child c([&] {
      const auto killed = [&](const member&, unsigned) { (void)die(); };
      auto m = member::join(*w.place, spec(), 1, killed, begin);
      return m && m->heal_if_dead(0, killed) ? 1 : 2;
    });
    REQUIRE(c.wait() == -SIGKILL);
    CHECK(w.incarnation(0) % 2 == 1);
  }
  CHECK(test::locks_on(w.path) == 0);
  healed.clear();
  const auto m = w.join(0);
  REQUIRE(m);
  REQUIRE_FALSE(healed.empty());
  CHECK(healed.front() == 0);  // its own slot first, then that of a fellow who died
  CHECK(w.incarnation(0) % 2 == 1);
  CHECK_FALSE(w.locked(heal_byte(0)));
}

TEST_CASE("a refused beginning gives the slot back") {
  const world w;
  const auto m = member::join(*w.place, spec(), 0, heal, [](member&) -> status { return sluice::error(errc::corrupt, step::join); });
  REQUIRE_FALSE(m);
  CHECK(m.err() == errc::corrupt);
  CHECK(w.incarnation(0) % 2 == 0);
  CHECK(test::locks_on(w.path) == 0);
  CHECK(w.join(0));
  CHECK(healed.empty());
}

TEST_CASE("a healer that is stopped while it holds H delays a joiner, who then says busy, and a fellow, who goes on") {
  const world w;
  auto fellow = w.join(0);
  REQUIRE(fellow);
  die_at(w, 1);
  {
    const somebody healer(w, heal_byte(1));
    const auto before = test::now_ns();
    CHECK_FALSE(fellow->heal_if_dead(1, heal));
    CHECK(test::now_ns() - before < 500'000'000);
    const auto m = w.join(1);
    const auto took = test::now_ns() - before;
    REQUIRE_FALSE(m);
    CHECK(m.err() == errc::busy);
    CHECK(m.err().who == 0);
    CHECK(took > 1'500'000'000);
    CHECK(took < 10'000'000'000);
    CHECK(healed.empty());
    CHECK(w.incarnation(1) % 2 == 1);
  }
  CHECK(w.join(1));
}

TEST_CASE("a joiner waits for a healer that is only slow") {
  const world w;
  die_at(w, 1);
  test::child healer([&] {
    const sluice::unique_handle fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC));
    if (sluice::detail::try_lock_byte(fd.get(), heal_byte(1))) return 1;
    test::sleep_us(300'000);
    return 0;
  });
  REQUIRE(test::eventually([&] { return w.locked(heal_byte(1)); }));
  const auto m = w.join(1);
  CHECK(m);
  CHECK(healer.wait() == 0);
}

TEST_CASE("nobody heals a slot that a joiner is just taking") {
  const world w;
  auto fellow = w.join(0);
  REQUIRE(fellow);
  die_at(w, 1);
  bool robbed = true;
  const auto m = member::join(*w.place, spec(), 1, heal, [&](member&) -> status {
    // Between the two locks of the joiner and afterwards: the fellow gets H never, or finds L taken.
    robbed = fellow->begin_heal(1) || fellow->heal_if_dead(1, heal);
    return {};
  });
  REQUIRE(m);
  CHECK_FALSE(robbed);
}

TEST_CASE("many who want the same slot at once: one gets it, the rest are told who has it") {
  const world w;
  struct counts {
    std::atomic<int> got, busy, other, ready;
    std::atomic<bool> go, done;
  };
  const test::shared_with_children<counts> n;
  std::vector<test::child> all;
  constexpr int crowd = 8;
  for (int i = 0; i < crowd; ++i)
    all.emplace_back([&] {
      ++n->ready;
      while (!n->go) ::sched_yield();
      const auto m = w.join(0);
      if (m) ++n->got;
      else if (m.err() == sluice::error(errc::busy, step::join, subject::role).by(0)) ++n->busy;
      else ++n->other;
      while (!n->done) test::sleep_us(100);
      return 0;
    });
  REQUIRE(test::eventually([&] { return n->ready == crowd; }));
  n->go = true;
  CHECK(test::eventually([&] { return n->got + n->busy + n->other == crowd; }));
  n->done = true;
  for (auto& c : all) CHECK(c.wait() == 0);
  CHECK(n->got == 1);
  CHECK(n->busy == crowd - 1);
  CHECK(w.dir.entries() == 1);
}

TEST_CASE("creating, joining and removing at the same time: never half a region, never a leftover") {
  const bool durable = GENERATE(false, true);
  const world w(durable);
  struct counts {
    std::atomic<unsigned> joined, created, refused, wrong;
  };
  const test::shared_with_children<counts> n;
  std::vector<test::child> all;
  for (unsigned i = 0; i < 4; ++i)
    all.emplace_back([&, i] {
      test::dice d(i + 1);
      for (int k = 0; k < 300; ++k) {
        auto m = w.join(sluice::slot_range{});
        if (m) {
          ++n->joined;
          n->created += m->opened() == opening::created ? 1u : 0u;
          if (m->capacity() != 512 || m->slot_count() != 3) ++n->wrong;
          if (d.below(2) == 0) m->leave();
        } else if (m.err() == errc::no_space || m.err() == errc::busy) {
          ++n->refused;
        } else {
          ++n->wrong;
        }
        if (d.below(4) == 0) (void)w.place->remove();
      }
      return 0;
    });
  for (auto& c : all) CHECK(c.wait() == 0);
  INFO("joined " << n->joined << ", created " << n->created << ", refused " << n->refused);
  CHECK(n->wrong == 0);
  CHECK(n->created > 0);
  (void)w.place->remove();
  CHECK(w.dir.entries() == 0);
}

TEST_CASE("who joined a name that was taken away meanwhile is not left alone in a nameless region") {
  const world w;
  // The lock of a slot is taken between open and the second look at the name: hold H so that the joiner must wait.
  auto old = w.join(0);
  REQUIRE(old);
  const somebody stopped(w, heal_byte(1));
  test::child joiner([&] {
    auto m = w.join(1);
    return m && m->opened() == opening::created && w.place->still_names(m->handle()) ? 0 : 1;
  });
  test::sleep_us(50'000);
  REQUIRE(w.place->remove());
  CHECK(joiner.wait() == 0);
}

TEST_CASE("a name that is taken away between the open and the locks does not lead into a nameless region") {
  const world w;
  auto old = w.join(0);
  REQUIRE(old);
  // The joiner asks for the size of the body just between: there the name goes, or goes to another region.
  static const sluice::region_place* place = nullptr;
  static int left = 0;
  static bool anew = false;
  anew = GENERATE(false, true);
  place = &*w.place, left = 1;
  auto s = spec();
  s.body_bytes = [](std::size_t n) noexcept {
    if (left > 0) {
      --left;
      (void)place->remove();
      if (anew) (void)sluice::detail::create_region(*place, spec());
    }
    return n * 8;
  };
  auto m = member::join(*w.place, s, 1, heal, begin);
  REQUIRE(m);
  CHECK(left == 0);
  CHECK(w.place->still_names(m->handle()));
  CHECK_FALSE(w.place->still_names(old->handle()));
  CHECK(old->peers() == 1);
  CHECK(m->peers() == 1);
}

TEST_CASE("a forked child does not keep its dead parent alive, nor does its leaving end its parent") {
  const world w;
  struct words {
    std::atomic<int> stage;
    std::atomic<pid_t> grandchild;
  };
  const test::shared_with_children<words> s;
  auto me = w.join(0);
  REQUIRE(me);
  test::child parent([&] {
    auto m = w.join(1);
    if (!m) return 1;
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::alarm(60);
      m->disown();
      m = sluice::error(errc::closed);
      s->stage = 1;
      while (s->stage != 2) test::sleep_us(100);
      ::_exit(0);
    }
    s->grandchild = pid;
    while (s->stage != 9) test::sleep_us(100);
    return 0;
  });
  REQUIRE(test::eventually([&] { return s->stage == 1; }));
  CHECK(me->alive(1));  // the child has let go, the parent lives
  parent.kill();
  CHECK(test::eventually([&] { return !me->alive(1); }, 1));
  s->stage = 2;
}

TEST_CASE("a child that was forked while the parent was joining does not keep the lock") {
  // fork in one thread, joins in another: the descriptor that takes the lock must never be inherited.
  const world w;
  std::atomic<bool> done{false};
  unsigned kept = 0;
  std::vector<pid_t> children;
  std::thread forker([&] {
    while (!done) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        ::pause();
        ::_exit(0);
      }
      children.push_back(pid);
      if (children.size() == 60) break;
      test::sleep_us(100);
    }
  });
  for (int i = 0; i < 100; ++i) {
    auto m = w.join(0);
    if (!m) {
      ++kept;
      break;
    }
    m->leave();
    if (w.locked(life_byte(0)) || w.locked(heal_byte(0))) ++kept;
  }
  done = true;
  forker.join();
  for (const pid_t pid : children) {
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  CHECK(kept == 0);
}

TEST_CASE("the fence that a sleeper needs reaches everybody only if everybody says so") {
  const world w;
  auto a = w.join(0);
  auto b = w.join(1);
  REQUIRE((a && b));
  const bool can = sluice::detail::join_heavy_fence(true);
  CHECK(a->all_fenced() == can);
  const std::uint32_t zero = 0;
  const sluice::unique_handle fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(::pwrite(fd.get(), &zero, sizeof zero, record_at(1) + 8) == sizeof zero);
  CHECK_FALSE(a->all_fenced());
  b->leave();
  CHECK(a->all_fenced() == can);  // who has left does not count
}

TEST_CASE("a file region that was left in order keeps its content over a reboot") {
  const world w(true, "/tmp");
  {
    auto m = w.join(0);
    REQUIRE(m);
    CHECK(m->opened() == opening::created);
    CHECK(m->durable());
    CHECK(w.word(boot_at) == sluice::detail::boot_number());
    CHECK(w.word(clean_at) == 0);
    m->body()[64] = std::byte{42};
    m->leave();
  }
  CHECK(w.word(clean_at) == 1);
  SECTION("same boot") {
    auto m = w.join(0);
    REQUIRE(m);
    CHECK(m->opened() == opening::joined);
    CHECK(m->body()[64] == std::byte{42});
    CHECK(w.word(clean_at) == 0);
  }
  SECTION("another boot") {
    w.set_word(boot_at, 0x1234567);
    auto m = w.join(0);
    REQUIRE(m);
    CHECK(m->opened() == opening::joined);
    CHECK(m->body()[64] == std::byte{42});
    CHECK(w.word(boot_at) == sluice::detail::boot_number());
    CHECK(w.word(clean_at) == 0);
    CHECK(w.incarnation(0) % 2 == 1);
  }
}

TEST_CASE("a file region that was not left in order is emptied after a reboot, and says so") {
  const world w(true, "/tmp");
  std::uint64_t last = 0;
  {
    auto m = w.join(0);
    REQUIRE(m);
    m->body()[64] = std::byte{42};
    m->body()[4095] = std::byte{42};
    last = w.body_at();
  }  // destroyed without leave(): as if killed
  CHECK(w.word(clean_at) == 0);
  SECTION("same boot: everything is still there") {
    auto m = w.join(0);
    REQUIRE(m);
    CHECK(m->opened() == opening::joined);
    CHECK(m->body()[64] == std::byte{42});
    CHECK(healed == std::vector<unsigned>{0});
  }
  SECTION("another boot") {
    w.set_word(boot_at, 0x1234567);
    const sluice::unique_handle fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC));
    auto m = w.join(1);
    REQUIRE(m);
    CHECK(m->opened() == opening::reset);
    bool zero = true;
    for (int i = 0; i < 4096; ++i) zero = zero && m->body()[i] == std::byte{};
    CHECK(zero);
    CHECK(w.incarnation(0) == 0);
    CHECK(healed.empty());  // nothing is left to heal
    CHECK(w.body_at() == last);
    m->leave();
    CHECK(w.join(0)->opened() == opening::joined);
  }
}

TEST_CASE("who died before the last one left in order has been healed when the region is opened after a reboot") {
  const world w(true, "/tmp");
  auto last = w.join(0);
  REQUIRE(last);
  die_at(w, 1);
  last->leave();
  CHECK(w.word(clean_at) == 1);
  w.set_word(boot_at, 0x1234567);
  const auto next = w.join(0);
  REQUIRE(next);
  CHECK(next->opened() == opening::joined);
  // Its words are still those of a living one: either somebody heals them now, or it must be possible later.
  const bool can_be_healed = w.incarnation(1) % 2 == 1;
  CHECK((can_be_healed || healed == std::vector<unsigned>{1}));
}

TEST_CASE("only the last to leave a file region in order marks it clean") {
  const world w(true, "/tmp");
  auto a = w.join(0);
  auto b = w.join(1);
  REQUIRE((a && b));
  a->leave();
  CHECK(w.word(clean_at) == 0);
  b->leave();
  CHECK(w.word(clean_at) == 1);
}

TEST_CASE("a joiner that is stopped while it holds J delays the others, who then say busy") {
  const world w(true);
  auto first = w.join(0);
  REQUIRE(first);
  {
    const somebody stopped(w, join_byte);
    const auto m = w.join(1);
    REQUIRE_FALSE(m);
    CHECK(m.err() == errc::busy);
    CHECK(m.err().who == 0);
    first->leave();  // does not hang, but cannot know whether it is the last
    CHECK(w.word(clean_at) == 0);
  }
  CHECK(w.join(1));
}

TEST_CASE("a region without a name cannot change its size, and is joined by its descriptor") {
  auto fd = sluice::detail::create_memfd_region(spec(), {});
  REQUIRE(fd);
  struct stat st = {};
  REQUIRE(::fstat(fd->get(), &st) == 0);
  CHECK(::ftruncate(fd->get(), 4096) == -1);
  CHECK(errno == EPERM);
  CHECK(::ftruncate(fd->get(), st.st_size + 4096) == -1);
  CHECK(errno == EPERM);
  CHECK(::fcntl(fd->get(), F_ADD_SEALS, F_SEAL_WRITE) == -1);
  CHECK((::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
  healed.clear();
  auto a = member::join(fd->get(), false, {}, spec(), 0, heal, begin);
  auto b = member::join(fd->get(), false, {}, spec(), 1, heal, begin);
  REQUIRE((a && b));
  CHECK(a->peers() == 2);
  a->body()[8] = std::byte{9};
  CHECK(b->body()[8] == std::byte{9});
  const auto c = member::join(fd->get(), false, {}, spec(), 1, heal, begin);
  REQUIRE_FALSE(c);
  CHECK(c.err() == sluice::error(errc::busy, step::join, subject::role).by(1));
  fd->reset();  // the members keep it
  CHECK(b->peers() == 2);
  a->leave();
  CHECK(b->peers() == 1);
  auto again = member::join(b->handle(), false, {}, spec(), 0, heal, begin);
  CHECK(again);
}

TEST_CASE("a descriptor that is no region is refused") {
  const sluice::unique_handle pipe_end = [] {
    int fd[2] = {-1, -1};
    (void)!::pipe2(fd, O_CLOEXEC | O_NONBLOCK);
    ::close(fd[1]);
    return sluice::unique_handle(fd[0]);
  }();
  const auto a = member::join(pipe_end.get(), false, {}, spec(), 0, heal, begin);
  REQUIRE_FALSE(a);
  CHECK(a.err() == sluice::error(errc::invalid, step::open, subject::file_type));
  CHECK_FALSE(member::join(-1, false, {}, spec(), 0, heal, begin));
}

TEST_CASE("without anonymous files a region is made beside its name, complete before it has it") {
  const world w;
  REQUIRE(sluice::detail::create_beside(*w.place, spec()));
  CHECK(w.dir.entries() == 1);
  CHECK(test::locks_on(w.path) == 0);
  auto m = w.join(0);
  REQUIRE(m);
  CHECK(m->opened() == opening::joined);
  const auto again = sluice::detail::create_beside(*w.place, spec());
  REQUIRE_FALSE(again);
  CHECK(again.err() == errc::busy);
  CHECK(w.dir.entries() == 1);
}

TEST_CASE("what a killed maker has left beside the name is taken away, what a living one is making is not") {
  const world w;
  const std::string left = w.dir / ".region.making";
  struct words {
    std::atomic<bool> ready;
  };
  const test::shared_with_children<words> s;
  test::child maker([&] {
    const sluice::unique_handle fd(::open(left.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (sluice::detail::try_lock_byte(fd.get(), 0)) return 1;
    s->ready = true;
    for (;;) ::pause();
  });
  REQUIRE(test::eventually([&] { return s->ready.load(); }));
  auto r = sluice::detail::create_beside(*w.place, spec());
  REQUIRE_FALSE(r);
  CHECK(r.err() == errc::busy);
  CHECK(::access(left.c_str(), F_OK) == 0);
  maker.kill();
  r = sluice::detail::create_beside(*w.place, spec());
  REQUIRE_FALSE(r);
  CHECK(r.err() == errc::busy);
  CHECK(::access(left.c_str(), F_OK) != 0);
  CHECK(sluice::detail::create_beside(*w.place, spec()));
  CHECK(w.dir.entries() == 1);
}

TEST_CASE("many makers beside one name never show half a region") {
  const world w;
  struct counts {
    std::atomic<unsigned> made, busy, other, broken, seen;
  };
  const test::shared_with_children<counts> n;
  std::vector<test::child> all;
  for (int i = 0; i < 3; ++i)
    all.emplace_back([&] {
      for (int k = 0; k < 2000; ++k) {
        const status s = sluice::detail::create_beside(*w.place, spec());
        if (s) ++n->made;
        else if (s.err() == errc::busy) ++n->busy;
        else ++n->other;
        if (const auto fd = w.place->open()) {
          ++n->seen;
          if (!sluice::detail::read_header(fd.get(), w.options)) ++n->broken;
        }
        (void)w.place->remove();
      }
      return 0;
    });
  for (auto& c : all) CHECK(c.wait() == 0);
  INFO("made " << n->made << ", busy " << n->busy << ", seen " << n->seen);
  CHECK(n->broken == 0);
  CHECK(n->other == 0);
  CHECK(n->made > 0);
}

TEST_CASE("a file with holes is filled or refused before it is mapped") {
  const world w;
  { REQUIRE(w.join(0)); }
  const sluice::unique_handle fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC));
  struct stat st = {};
  REQUIRE(::fstat(fd.get(), &st) == 0);
  REQUIRE(::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, st.st_size - 8192) == 0);
  auto m = w.join(0);
  REQUIRE(m);
  REQUIRE(::fstat(fd.get(), &st) == 0);
  CHECK(st.st_blocks * 512 >= st.st_size);
}

TEST_CASE("on a full file system a region is refused at creation, and one that exists never faults (needs namespaces)") {
  const test::scratch dir;
  test::child c([&] {
    if (!test::mount_small_tmpfs(dir.c_str(), "size=64k")) return 100;
    sluice::region_options o;
    o.directory = dir.c_str();
    const auto large = [] {
      auto s = spec();
      s.capacity = 100'000;
      return s;
    }();
    const auto entries = [&] {
      std::size_t n = 0;
      for (const auto& e : std::filesystem::directory_iterator(dir.c_str())) (void)e, ++n;
      return n;
    };
    const auto place = sluice::region_place::shared_memory("large", o);
    const auto m = member::join(*place, large, 0, heal, begin);
    if (m || !(m.err() == errc::no_space)) return 1;
    if (entries() != 0) return 2;
    const status beside = sluice::detail::create_beside(*place, large);
    if (beside || !(beside.err() == errc::no_space) || entries() != 0) return 3;
    // One that fits, then the rest is filled up: every byte of it can be written.
    auto small = member::join(*sluice::region_place::shared_memory("small", o), spec(), 0, heal, begin);
    if (!small) return 4;
    const std::string fill = dir / "fill";
    const int fd = ::open(fill.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    char page[4096] = {};
    while (::write(fd, page, sizeof page) > 0) {
    }
    std::memset(small->body(), 1, 4096);
    // Holes in it cannot be filled any more: refused, not mapped.
    small->leave();
    const std::string at = dir / "small";
    const int holes = ::open(at.c_str(), O_RDWR | O_CLOEXEC);
    if (::fallocate(holes, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, 4096) != 0) return 5;
    while (::write(fd, page, sizeof page) > 0) {
    }
    const auto again = member::join(*sluice::region_place::shared_memory("small", o), spec(), 0, heal, begin);
    if (again || !(again.err() == errc::no_space)) return 6;
    return 0;
  });
  const int how = c.wait();
  if (how == 100) WARN("skipped: user namespaces are forbidden here");
  else CHECK(how == 0);
}

TEST_CASE("who only looks on takes no slot and no lock, writes nothing, and can ask who lives") {
  world w(GENERATE(false, true));
  w.options.rights = sluice::rights::read_only;
  const auto quiet = w.make(w.path.starts_with("/tmp"));
  auto looks = spec();
  looks.least_rights = sluice::rights::read_only;
  const auto look = [&] { return member::join(*w.make(w.place->durable()), looks, sluice::slot_range{}, heal, begin); };
  CHECK(look().err() == errc::not_found);
  CHECK(w.dir.entries() == 0);
  CHECK(member::join(*quiet, spec(), 0, heal, begin).err() == sluice::error(errc::unsupported, step::open, subject::rights));
  auto a = w.join(0);
  REQUIRE(a);
  const auto locks = test::locks_on(w.path);
  auto m = look();
  REQUIRE(m);
  CHECK(m->looks_on());
  CHECK(test::locks_on(w.path) == locks);
  CHECK((w.incarnation(1) == 0 && w.incarnation(2) == 0));
  CHECK(m->peers() == 1);
  CHECK(a->peers() == 1);
  CHECK(m->alive(0));
  die_at(w, 1);
  CHECK_FALSE(m->alive(1));
  CHECK_FALSE(m->begin_heal(1));
  CHECK(healed.empty());
  CHECK(m->capacity() == 512);
  a->leave();
  CHECK_FALSE(m->alive(0));
  const auto maps = test::mappings_of(w.path);
  m->leave();
  CHECK(test::mappings_of(w.path) + 1 == maps);
  CHECK(test::locks_on(w.path) == 0);
}

TEST_CASE("who only looks on reads no words of an earlier boot that nobody has set right") {
  world w(true, "/tmp");
  if (auto a = w.join(0)) a->leave();
  w.options.rights = sluice::rights::read_only;
  auto looks = spec();
  looks.least_rights = sluice::rights::read_only;
  const auto look = [&] { return member::join(*w.make(true), looks, sluice::slot_range{}, heal, begin); };
  CHECK(look());  // of this boot
  w.set_word(boot_at, 77);
  CHECK(look());  // left in order
  w.set_word(clean_at, 0);
  CHECK(look().err() == sluice::error(errc::denied, step::validate, subject::persistence));
  w.set_word(boot_at, 0);
  CHECK(look());  // never used
  w.set_word(boot_at, 77);
  auto a = w.join(0);  // sets it right
  REQUIRE(a);
  CHECK(a->opened() == opening::reset);
  CHECK(look());
  w.set_word(boot_at, 77);
  CHECK(look());  // somebody lives, whatever name of the boot we are shown
}

TEST_CASE("who only looks on refuses a file that is short, or on tmpfs has holes, since it cannot mend them") {
  world w;
  REQUIRE(w.join(0));
  w.options.rights = sluice::rights::read_only;
  auto looks = spec();
  looks.least_rights = sluice::rights::read_only;
  const auto look = [&] { return member::join(*w.make(false), looks, sluice::slot_range{}, heal, begin); };
  CHECK(look());
  const auto size = static_cast<off_t>(w.word(48));
  const sluice::unique_handle fd(::open(w.path.c_str(), O_RDWR | O_CLOEXEC));
  if (::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, size - 4096, 4096) == 0)
    CHECK(look().err() == sluice::error(errc::truncated, step::open, subject::size));
  REQUIRE(::ftruncate(fd.get(), size - 4096) == 0);
  CHECK(look().err() == sluice::error(errc::truncated, step::validate, subject::size));
}
