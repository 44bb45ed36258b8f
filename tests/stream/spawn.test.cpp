// SPDX-License-Identifier: MIT
#include <sluice/stream/converse.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/spawn.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <initializer_list>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::exit_status;
using sluice::spawn;
using sluice::standard_stream;
using sluice::step;
using sluice::subject;

namespace {

struct heard {
  std::string out, err;
  error why;
  exit_status how;
};
/// What a program answers to `input`.
heard run(std::initializer_list<const char*> arguments, std::string_view input = "", sluice::spawn_options o = {}) {
  heard h;
  auto c = spawn(arguments, o);
  if (!c) return h.why = c.err(), h;
  h.why = sluice::converse(*c, std::as_bytes(std::span(input)), [&](sluice::child_stream which, std::span<const std::byte> some) {
    auto& to = which == sluice::child_stream::out ? h.out : h.err;
    to.append(reinterpret_cast<const char*>(some.data()), some.size());
    return true;
  }, 20s).err();
  if (const auto how = c->process.pop(20s)) h.how = *how;
  else if (!h.why) h.why = how.err();
  return h;
}
/// From now on, in this process and its children, these system calls are unknown, as in an older kernel; and who asks
/// fcntl about a descriptor of such a number or above is killed.
bool without(std::initializer_list<long> calls, unsigned highest = 1u << 21) {
  std::vector<sock_filter> f;
  const auto add = [&](std::uint16_t code, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0) {
    f.push_back({code, yes, no, k});
  };
  add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  for (const long call : calls) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
  }
  add(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 3);
  add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args));
  add(BPF_JMP | BPF_JGE | BPF_K, highest, 0, 1);
  add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_fprog program{static_cast<unsigned short>(f.size()), f.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }

}  // namespace

TEST_CASE("a child filters messages", "[spawn]") {
  auto c = spawn({"cat"});
  REQUIRE(c);
  auto to = sluice::sink_of<int>(std::move(c->in));
  auto from = sluice::source_of<int>(std::move(c->out));
  for (int i = 0; i < 100; ++i) {
    REQUIRE(to.push(i, 10s));
    REQUIRE(*from.pop(10s) == i);
  }
  CHECK(c->process.try_pop().err() == errc::empty);
  to.close();
  CHECK(from.pop(10s).err() == errc::closed);
  CHECK(*c->process.pop(10s) == exit_status{});
  CHECK(c->process.pop().err() == errc::closed);
  CHECK(c->process.send(SIGTERM).err() == errc::closed);
}

TEST_CASE("arguments, environment and directory are those given", "[spawn]") {
  CHECK(run({"echo", "a b", "$HOME", ""}).out == "a b $HOME \n");
  const char* const environment[] = {"X=17", nullptr};
  CHECK(run({"sh", "-c", "echo $X$HOME; pwd"}, "", {.directory = "/usr", .environment = environment}).out == "17\n/usr\n");
  CHECK(run({"sh", "-c", "exit 3"}).how == exit_status{3, 0});
  CHECK(run({"sh", "-c", "kill -9 $$"}).how == exit_status{0, SIGKILL});
}

TEST_CASE("what keeps a child from its program is said to the parent", "[spawn]") {
  const auto before = test::open_descriptors();
  CHECK(run({"no-such-program-here"}).why == error(errc::not_found, step::create));
  CHECK(run({"/no/such/program"}).why == errc::not_found);
  CHECK(run({""}).why == errc::not_found);
  CHECK(run({"/etc"}).why == errc::denied);
  CHECK(run({"true"}, "", {.directory = "/no/such"}).why == error(errc::not_found, step::open, subject::directory));
  CHECK(run({"true"}, "", {.in = standard_stream::given(-1)}).why == errc::invalid);
  CHECK(run({"true"}, "", {.in = standard_stream::given(9999)}).why == error(errc::invalid, step::create, subject::descriptors));
  CHECK(spawn(std::span<const char* const>()).err() == errc::invalid);
  const test::scratch dir("/tmp");
  std::ofstream(dir / "text") << "neither a program nor a script";
  ::chmod((dir / "text").c_str(), 0700);
  CHECK(run({(dir / "text").c_str()}).why == error(errc::os, step::create, ENOEXEC));
  CHECK(test::open_descriptors() == before);
  CHECK(!has_children());
}

TEST_CASE("a child has three descriptors and those it was meant to have", "[spawn]") {
  const int leak = ::open("/dev/null", O_RDONLY);  // without CLOEXEC
  const int kept = ::dup(leak);
  const auto list = [](const heard& h) { return h.out; };
  CHECK(list(run({"sh", "-c", "for i in 0 1 2 3 4 5 6 7 8 9 10 11; do [ -e /proc/$$/fd/$i ] && echo $i; done; true"})) ==
        "0\n1\n2\n");
  const int keep[] = {kept};
  const std::string test_kept = "[ -e /proc/$$/fd/" + std::to_string(kept) + " ] && [ ! -e /proc/$$/fd/" + std::to_string(leak) + " ]";
  CHECK(run({"sh", "-c", test_kept.c_str()}, "", {.kept = keep}).how.ok());
  ::close(leak), ::close(kept);
}

TEST_CASE("nothing leaks into a child on a kernel without close_range, and only what is open is asked for", "[spawn]") {
  constexpr long close_range = 436;
  enum : int { fine, no_filter, no_descriptor, leaked, lost, refused };
  const auto child_in = [](auto prepare) {
    test::child older([&] {
      const int leak = ::open("/dev/null", O_RDONLY);
      for (const int high : {700, 701})
        if (::dup2(leak, high) != high) return no_descriptor;
      for (int i = 0; i < 300; ++i)  // more than one piece of the list
        if (::dup(leak) < 0) return no_descriptor;
      if (!prepare()) return no_filter;
      const int keep[] = {701};
      const auto h = run({"sh", "-c",
                          "for i in 3 4 5 9 50 100 200 299 700; do [ ! -e /proc/$$/fd/$i ] || exit 4; done;"
                          "[ -e /proc/$$/fd/701 ] || exit 5"},
                         "", {.kept = keep});
      return h.why ? refused : h.how == exit_status{4, 0} ? leaked : h.how.ok() ? fine : lost;
    });
    return older.wait();
  };
  CHECK(child_in([] { return without({}); }) == fine);
  CHECK(child_in([&] { return without({close_range}, 1000); }) == fine);
  CHECK(child_in([&] { return without({close_range, SYS_getdents64}, 1 << 20); }) == fine);
}

TEST_CASE("standard streams are pipes, nothing, given or each other", "[spawn]") {
  const char* const both = "echo out; echo err >&2";
  auto h = run({"sh", "-c", both}, "", {.err = standard_stream::pipe()});
  CHECK(h.out == "out\n");
  CHECK(h.err == "err\n");
  CHECK(run({"sh", "-c", both}, "", {.err = standard_stream::as_output()}).out == "out\nerr\n");
  CHECK(run({"sh", "-c", both}, "", {.out = standard_stream::nothing(), .err = standard_stream::pipe()}).out == "");
  CHECK(run({"cat"}, "", {.in = standard_stream::nothing()}).how.ok());
  auto p = *sluice::pipe();
  CHECK(run({"echo", "hi"}, "", {.out = standard_stream::given(p.out.handle())}).how.ok());
  std::byte b[8];
  CHECK(*p.in.try_read(b) == 3);
  SECTION("also where the parent has none of its own") {
    test::child bare([] {
      for (int fd = 0; fd < 3; ++fd) ::close(fd);
      const auto x = run({"cat"}, "text", {.err = standard_stream::pipe()});
      return x.out == "text" && x.how.ok() ? 0 : 1;
    });
    CHECK(bare.wait() == 0);
  }
  SECTION("also where they are given crosswise") {
    auto q = *sluice::pipe(), r = *sluice::pipe();
    test::child crossed([&] {
      ::dup2(q.out.handle(), 1), ::dup2(r.out.handle(), 2);
      return run({"sh", "-c", both}, "", {.out = standard_stream::given(2), .err = standard_stream::given(1)}).how.ok() ? 0 : 1;
    });
    CHECK(crossed.wait() == 0);
    CHECK(*q.in.try_read(b) == 4);
    CHECK(b[0] == std::byte{'e'});
    CHECK(*r.in.try_read(b) == 4);
    CHECK(b[0] == std::byte{'o'});
  }
}

TEST_CASE("a child begins with default signal actions, and none blocked", "[spawn]") {
  sigset_t some, before;
  sigemptyset(&some), sigaddset(&some, SIGTERM), sigaddset(&some, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &some, &before);
  const auto old = ::signal(SIGPIPE, SIG_IGN);
  const auto h = run({"sh", "-c", "grep -E 'Sig(Blk|Ign)' /proc/self/status"});
  sigset_t now;
  ::pthread_sigmask(SIG_SETMASK, &before, &now);
  ::signal(SIGPIPE, old);
  CHECK(h.out == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  CHECK(sigismember(&now, SIGUSR1) == 1);
  CHECK(sigismember(&now, SIGINT) == 0);
}

TEST_CASE("a megabyte goes to a child and comes back on both its streams at once", "[spawn][converse]") {
  const std::string text(1'000'000, 'x');
  const auto h = run({"sh", "-c", "tee /dev/stderr"}, text, {.err = standard_stream::pipe()});
  CHECK(!h.why);
  CHECK((h.out == text));
  CHECK((h.err == text));
}

TEST_CASE("a child that wants no more input is no error, and raises no signal", "[spawn][converse]") {
  const auto h = run({"head", "-c", "1"}, std::string(1'000'000, 'y'));
  CHECK(!h.why);
  CHECK(h.out == "y");
  CHECK(h.how.ok());
}

TEST_CASE("an endless answer ends with the patience, or when no more is wanted", "[spawn][converse]") {
  auto c = spawn({"yes"});
  REQUIRE(c);
  std::size_t n = 0;
  CHECK(sluice::converse(*c, {}, [&](auto, auto some) { return n += some.size(), true; }, 20ms).err() == errc::timeout);
  CHECK(n > 0);
  CHECK(sluice::converse(*c, {}, [](auto, auto) { return false; }, 10s).err() == errc::stopped);
  CHECK(sluice::converse(*c, {}, [](auto, auto) { return true; }, sluice::now).err() == errc::empty);
  c->out.close();
  CHECK(c->process.pop(10s)->killed == SIGPIPE);  // its own, by default
}

TEST_CASE("a child is ended more and more firmly", "[spawn]") {
  const sluice::ending_patience soon{.after_close = 200ms, .after_terminate = 200ms};
  CHECK(*spawn({"cat"})->end() == exit_status{});
  CHECK(*spawn({"sleep", "100"})->end(soon) == exit_status{0, SIGTERM});
  auto stubborn = spawn({"sh", "-c", "trap '' TERM; echo ready; exec sleep 100"});
  std::byte b[8];
  REQUIRE(stubborn->out.read(b, 10s));
  CHECK(*stubborn->end(soon) == exit_status{0, SIGKILL});
  sluice::stop halt;
  halt.request();
  const auto begun = test::now_ns();
  CHECK(*spawn({"sleep", "100"})->end({.after_close = {100s, halt}, .after_terminate = 10s}) == exit_status{0, SIGTERM});
  CHECK(test::now_ns() - begun < 5'000'000'000);
}

TEST_CASE("whoever lets go of a child ends it, and leaves no zombie", "[spawn]") {
  {
    auto c = spawn({"sleep", "100"});
    REQUIRE(c);
    test::child forked([&] {  // which has no part in it
      const bool told = c->process.try_pop().err() == errc::forked;
      c->process.close();
      return told ? 0 : 1;
    });
    CHECK(forked.wait() == 0);
    CHECK(c->process.pop(20ms).err() == errc::timeout);
    c = spawn({"sleep", "100"});  // ends the first one
  }
  CHECK(!has_children());
}

TEST_CASE("a status that somebody else has taken is said to be lost", "[spawn]") {
  auto c = spawn({"true"});
  REQUIRE(c);
  while (::waitpid(-1, nullptr, 0) < 0 && errno == EINTR) {
  }
  CHECK(c->process.pop(10s).err() == error(errc::os, step::pop, ECHILD));
  CHECK(c->process.pop(10s).err() == errc::closed);
}

TEST_CASE("a killed child is noticed beside a stop", "[spawn]") {
  auto c = spawn({"sleep", "100"});
  sluice::stop halt;
  std::thread killer([&] {
    test::sleep_us(5000);
    (void)c->process.send(SIGKILL);
  });
  CHECK(*c->process.pop({10s, halt}) == exit_status{0, SIGKILL});
  killer.join();
}

TEST_CASE("without descriptors left there is no child, and nothing is left of it", "[spawn]") {
  test::child poor([] {
    for (rlim_t most = 4; most < 14; ++most) {
      const rlimit limit{most, most + 100};
      const auto before = test::open_descriptors();
      ::setrlimit(RLIMIT_NOFILE, &limit);
      const auto c = spawn({"/bin/true"}, {.err = standard_stream::pipe()});
      const rlimit again{100, most + 100};
      ::setrlimit(RLIMIT_NOFILE, &again);
      if (!c && c.err() != error(errc::no_space, step::create, subject::descriptors) && c.err() != error(errc::os, step::create, EMFILE))
        return 1;
      if (!c && (test::open_descriptors() != before || has_children())) return 2;
    }
    return 0;
  });
  CHECK(poor.wait() == 0);
}

TEST_CASE("a thousand children leave nothing, in two threads", "[spawn]") {
  const auto before = test::open_descriptors();
  const auto mapped = test::mappings();
  unsigned ok[2] = {};
  const auto many = [&](unsigned& count) {
    for (unsigned i = 0; i < rounds(500); ++i) {
      auto c = spawn({"/bin/true"});
      if (c && *c->process.pop(20s) == exit_status{}) ++count;
    }
  };
  const auto begun = test::now_ns();
  std::thread other([&] { many(ok[1]); });
  many(ok[0]);
  other.join();
  WARN(2 * rounds(500) << " spawns in " << (test::now_ns() - begun) / 1'000'000 << " ms");
  CHECK(ok[0] == rounds(500));
  CHECK(ok[1] == rounds(500));
  CHECK(test::open_descriptors() == before);
  CHECK(test::mappings() <= mapped + (sanitized ? 20 : 4));  // of the thread, and of what watches it
  CHECK(!has_children());
}
