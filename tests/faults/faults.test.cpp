// SPDX-License-Identifier: MIT
#include "net_operations.hpp"
#include "queue_operations.hpp"
#include "sweep.hpp"
#include "unix_operations.hpp"

#include "../catch.hpp"

#include <set>

// The k-th system call of an operation fails, for every k and in every way (sweep.hpp). And some calls fail always, as on
// an older kernel or in a sandbox.

namespace {

using faults::call;
using faults::operation;
using faults::print;
using faults::remote;
using faults::row;
using faults::sweep;
using faults::told;
using faults::verdict;

int wait_word(faults::stage& s, const faults::site& at) { return faults::wait_for_message(s, at, false); }
int wait_words(faults::stage& s, const faults::site& at) { return faults::wait_for_message(s, at, true); }

constexpr operation operations[] = {
    {"create", faults::create},
    {"join", faults::join},
    {"take over", faults::take_over},
    {"leave", faults::leave},
    {"push to a sleeper", faults::push_to_sleeper},
    {"wait, one word", wait_word},
    {"wait, two words", wait_words},
    {"wait for the dead", faults::wait_for_the_dead},
    {"remove a name", faults::remove_name},
    {"explain", faults::explain_name},
    {"make a pipe", faults::make_pipe},
    {"messages in bytes", faults::stream},
    {"wait, bytes and stop", faults::wait_for_bytes},
    {"a foreign pipe, a splice", faults::pass_through},
    {"life of a FIFO", faults::life_of_a_fifo},
    {"life of a child", faults::life_of_a_child},
    {"life of tcp", faults::tcp_life},
    {"life of udp", faults::udp_life},
    {"life of a posix queue", faults::posix_queue_life},
    {"life of a sysv queue", faults::sysv_queue_life},
    {"life of a listener", faults::life_of_listener<sluice::unix_stream>},
    {"life of one for messages", faults::life_of_listener<sluice::unix_seqpacket>},
    {"pass descriptors", faults::pass_handles},
    {"offer a channel", faults::meet<true>},
    {"accept a channel", faults::meet<false>},
    {"life of lanes", faults::life_of<sluice::lanes>},
    {"life of a broadcast", faults::life_of<sluice::broadcast>},
    {"life of bytes", faults::life_of<sluice::bytes_of<sluice::spsc>>},
#if SLUICE_TEST_TIER_FULL  // the same calls, by the same code
    {"life of an mpmc", faults::life_of<sluice::mpmc>},
    {"life of one with priorities", faults::life_of<sluice::priorities>},
    {"life of a lossy one", faults::life_of<sluice::lossy_broadcast>},
    {"life of a newest one", faults::life_of<sluice::latest>},
#endif
};
bool has_mapped_form(const operation& o) {
  return o.body == faults::create || o.body == faults::join || o.body == faults::take_over || o.body == faults::leave;
}

}  // namespace

TEST_CASE("every system call of every operation fails once, in every documented way") {
  SKIP_WHERE_NOT_AVAILABLE();
  std::vector<std::string> failures;
  unsigned all = 0;
  for (const operation& o : operations) {
    for (const bool mapped : {false, true}) {
      if (mapped && !has_mapped_form(o)) continue;
      const row r = sweep(o, mapped, {}, failures);
      print(o.name, mapped, r);
      all += r.faults;
      CHECK(r.faults > 0);
      CHECK(r.leave_a_name.empty());
    }
  }
  std::printf("%u faults, %zu failures\n", all, failures.size());
  for (const auto& f : failures) std::printf("  %s\n", f.c_str());
  CHECK(failures.empty());
}

namespace {

/// Something that an older kernel, a sandbox or a file system has not.
struct lack {
  const char* what;
  long number;
  std::vector<int> errors;  // as it may be said
  bool (*concerns)(const call&, const remote&);
  bool needed;  // without it there are no regions, and opening one says what is missing, or else what the system said
  sluice::subject missing = sluice::subject::none;
};
bool any(const call&, const remote&) { return true; }
bool anonymous_file(const call& c, const remote&) { return (c.args[2] & O_TMPFILE) == O_TMPFILE; }
bool from_proc(const call& c, const remote&) { return c.args[4] == AT_SYMLINK_FOLLOW; }
bool wipe_on_fork(const call& c, const remote&) { return c.args[2] == 18; }
bool waits(const call& c, const remote&) { return (static_cast<int>(c.args[1]) & FUTEX_CMD_MASK) != FUTEX_WAKE; }

const lack lacks[] = {
    {"futex_waitv", 449, {ENOSYS, EPERM}, any, false},
    {"membarrier", SYS_membarrier, {ENOSYS, EPERM, EINVAL}, any, false},
    {"anonymous files", SYS_openat, {EOPNOTSUPP, EISDIR, ENOENT, EINVAL}, anonymous_file, false},
    {"fallocate", SYS_fallocate, {EOPNOTSUPP}, any, false},
    {"pwritev2 without SIGPIPE", SYS_pwritev2, {EOPNOTSUPP, EINVAL, ENOSYS}, any, false},
    {"random numbers", SYS_getrandom, {ENOSYS, EAGAIN}, any, false},
    {"eventfd", SYS_eventfd2, {ENOSYS}, any, false},
    {"a futex that sleeps", SYS_futex, {ENOSYS, EPERM}, waits, false},
    {"links from /proc", SYS_linkat, {ENOENT, EPERM}, from_proc, true},
    {"memory wiped on fork", SYS_madvise, {EINVAL, ENOSYS}, wipe_on_fork, true, sluice::subject::wipe_on_fork},
};

// Open, push, pop, wait for a word and for two, close: works, or says at the opening why it cannot.
int whole_life(faults::stage& s, const faults::site& at) {
  using namespace std::chrono_literals;
  sluice::error refused;
  const int line = s.traced([&]() -> int {
    auto t = at.sink();
    refused = t.err();
    if (!t) return 0;
    auto r = at.source();
    FAULTS_REQUIRE(r && t->push(faults::message::make(1)) && r->pop()->is(1));
    sluice::stop halt;
    FAULTS_REQUIRE(r->pop(2ms).err() == sluice::errc::timeout && r->pop({2ms, halt}).err() == sluice::errc::timeout);
    auto p = sluice::pipe();
    FAULTS_REQUIRE(p);
    std::byte b[3];
    FAULTS_REQUIRE(p->in.read(b, {2ms, halt}).err() == sluice::errc::timeout);
    halt.request();
    FAULTS_REQUIRE(p->in.read(b, {5s, halt}).err() == sluice::errc::stopped);
    FAULTS_REQUIRE(*p->out.write(b) == 3 && *p->in.read(b) == 3);
    p->in.close();
    FAULTS_REQUIRE(p->out.write(b).err() == sluice::errc::closed);
    t->close();
    FAULTS_REQUIRE(r->pop().err() == sluice::errc::closed);
    return 0;
  });
  if (line != 0) return line;
  return refused ? -(static_cast<int>(refused.code) | refused.detail << 8) : 0;
}

}  // namespace

TEST_CASE("what an older kernel or a sandbox lacks is done without, or said to be missing") {
  SKIP_WHERE_NOT_AVAILABLE();
  for (const lack& l : lacks) {
    for (const int e : l.errors) {
      INFO(l.what << ": " << ::strerrorname_np(e));
      const test::scratch dir;
      const faults::site at{&dir, false};
      unsigned times = 0;
      const auto ending = faults::run([&](faults::stage& s) { return whole_life(s, at); },
                                      [&](const call& c, const remote& child) -> verdict {
                                        if (c.number != l.number || !l.concerns(c, child)) return {};
                                        ++times;
                                        return {verdict::refuse, e};
                                      });
      const sluice::error why(static_cast<sluice::errc>(-ending.code & 255), sluice::step::none, -ending.code >> 8);
      std::printf("%-26s %-10s refused %2u times: %s\n", l.what, ::strerrorname_np(e), times,
                  ending.code == 0 ? "works" : ending.code < 0 ? sluice::describe(why).c_str() : told(ending).c_str());
      CHECK(ending.exited);
      CHECK(times > 0);
      if (l.needed) CHECK(ending.code < 0);
      else CHECK(ending.code == 0);
      if (l.missing != sluice::subject::none) {
        CHECK(why == sluice::errc::unsupported);
        CHECK(why.about() == l.missing);
      }
      at.remove();
      CHECK(dir.entries() == 0);
    }
  }
}

TEST_CASE("where there are no anonymous files, every system call of the detour fails once as well") {
  SKIP_WHERE_NOT_AVAILABLE();
  std::vector<std::string> failures;
  const row r = sweep(operations[0], false, [](const call& c, const remote& child) {
    return c.number == SYS_openat && anonymous_file(c, child) ? EOPNOTSUPP : 0;
  }, failures);
  print("create beside", false, r);
  for (const auto& f : failures) std::printf("  %s\n", f.c_str());
  CHECK(failures.empty());
  CHECK(r.faults > 100);
  CHECK(r.leave_a_name == std::set<std::string>{"newfstatat", "unlinkat"});
}
