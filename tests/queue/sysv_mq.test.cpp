// SPDX-License-Identifier: MIT
#include <sluice/queue/sysv_mq.hpp>

#include "catch.hpp"
#include "queue/killed.hpp"
#include "queue/system.hpp"

#include <atomic>
#include <climits>
#include <thread>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::step;
using sluice::subject;
using sluice::sysv_select;

namespace {

struct note {
  std::uint64_t seq, check;
};

/// A path whose queues are removed with the test.
class queue_path {
 public:
  queue_path() : text_(dir_ / "key") { std::ofstream(text_) << "key"; }
  queue_path(const queue_path&) = delete;
  queue_path& operator=(const queue_path&) = delete;
  ~queue_path() { (void)sluice::sysv_mq_remove(text_); }
  operator std::string_view() const { return text_; }  // NOLINT
  const char* c_str() const { return text_.c_str(); }

 private:
  test::scratch dir_;
  std::string text_;
};

bool there_are_none() {
  const bool none = sluice::sysv_mq_limits().err() == errc::unsupported;
  if (none) WARN("this kernel has no System V message queues: nothing is tested");
  return none;
}
#define SKIP_WITHOUT_QUEUES() \
  if (there_are_none()) return

}  // namespace

TEST_CASE("messages go through a System V queue, and what nobody took waits for a successor", "[sysv_mq]") {
  STATIC_REQUIRE(sluice::sink<sluice::sysv_mq_sender<note>>);
  STATIC_REQUIRE(sluice::source<sluice::sysv_mq_receiver<note>>);
  STATIC_REQUIRE(sluice::traits_of<sluice::sysv_mq_sender<note>>.outlives_process);
  STATIC_REQUIRE(!sluice::traits_of<sluice::sysv_mq_sender<note>>.carries_close);
  SKIP_WITHOUT_QUEUES();
  const queue_path path;
  {
    auto out = sluice::sysv_mq_sink<note>(path, {.capacity = 3});
    REQUIRE(out);
    for (std::uint64_t i = 0; i < 3; ++i) CHECK(out->try_push({i, ~i}));
    CHECK(out->try_push({3, 0}).err() == errc::full);
    CHECK(out->push({3, 0}, 5ms).err() == errc::timeout);
    CHECK(out->approx_size() == 3);
    msqid_ds now = {};
    REQUIRE(::msgctl(out->id(), IPC_STAT, &now) == 0);
    CHECK((now.msg_perm.mode & 0777) == 0600);
    CHECK(now.msg_qbytes == 3 * sizeof(note));
    out->close();
    CHECK(out->try_push({4, 0}).err() == errc::closed);
    CHECK(out->push({4, 0}).err() == errc::closed);
  }
  auto in = sluice::sysv_mq_source<note>(path);  // adopts
  REQUIRE(in);
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto n = in->pop(1s);
    REQUIRE(n);
    CHECK(n->seq == i);
    CHECK(n->check == ~i);
  }
  CHECK(in->try_pop().err() == errc::empty);
  auto moved = std::move(*in);
  CHECK(in->pop().err() == errc::closed);
  CHECK(moved.pop(1ms).err() == errc::timeout);
}

TEST_CASE("a System V queue gives the messages of a type, or of the lowest", "[sysv_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_path path;
  auto out = sluice::sysv_mq_sink<note>(path);
  auto in = sluice::sysv_mq_source<note>(path);
  REQUIRE(out);
  REQUIRE(in);
  REQUIRE(out->push({10, 0}, 5));
  REQUIRE(out->push({11, 0}));
  REQUIRE(out->push({12, 0}, 3, 1s));
  REQUIRE(out->push({13, 0}, 5));
  REQUIRE(out->push({14, 0}, LONG_MAX));
  for (const long bad : {0L, -1L, LONG_MIN}) {
    CHECK(out->push({9, 0}, bad).err() == error(errc::invalid, step::push, subject::message_type));
    CHECK(in->pop(sysv_select::only(bad)).err() == error(errc::invalid, step::pop, subject::message_type));
    CHECK(in->pop(sysv_select::lowest_up_to(bad), 1s).err() == error(errc::invalid, step::pop, subject::message_type));
  }
  CHECK(in->pop(sysv_select::only(4), 3ms).err() == errc::timeout);
  CHECK(in->pop(sysv_select::only(5), 1s)->seq == 10);
  CHECK(in->last_type() == 5);
  CHECK(in->pop(sysv_select::lowest_up_to(4), 1s)->seq == 11);
  CHECK(in->last_type() == 1);
  CHECK(in->try_pop(sysv_select::lowest_up_to(2)).err() == errc::empty);
  CHECK(in->pop(sysv_select::lowest_up_to(4), 1s)->seq == 12);
  CHECK(in->pop(sysv_select::only(LONG_MAX), 1s)->seq == 14);
  CHECK(in->pop(sysv_select::any(), 1s)->seq == 13);
  CHECK(in->try_pop().err() == errc::empty);
}

TEST_CASE("who waits on a System V queue sleeps, and finds a message, room, a stop, the time and a removal", "[sysv_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_path path;
  auto out = sluice::sysv_mq_sink<note>(path, {.capacity = 1});
  auto in = sluice::sysv_mq_source<note>(path);
  REQUIRE(out);
  REQUIRE(in);
  const auto used = test::processor_ns(), begun = test::now_ns();
  CHECK(in->pop(50ms).err() == errc::timeout);
  CHECK(test::now_ns() - begun >= 50'000'000);
  CHECK(test::processor_ns() - used < 25'000'000);
  sluice::stop halt;
  sluice::status after_removal;
  std::thread other([&] {
    test::sleep_us(5000);
    (void)out->push({1, 0});
    (void)out->push({2, 0}, 3, 10s);  // waits until there is room
    test::sleep_us(5000);
    halt.request();
    test::sleep_us(5000);
    (void)sluice::sysv_mq_remove(path);
    after_removal = out->push({3, 0});
  });
  const auto one = in->pop({10s, halt});
  const auto two = in->pop(sysv_select::only(3), {10s, halt});
  const auto none = in->pop({10s, halt});
  const auto removed = in->pop();
  other.join();
  REQUIRE(one);
  CHECK(one->seq == 1);
  REQUIRE(two);
  CHECK(two->seq == 2);
  CHECK(none.err() == errc::stopped);
  CHECK(removed.err() == error(errc::closed, step::pop));
  CHECK(after_removal.err() == error(errc::closed, step::push));
  CHECK(sluice::sysv_mq_remove(path).err() == errc::not_found);
  auto next = sluice::sysv_mq_source<note>(path);  // another queue under the key is not this one
  REQUIRE(next);
  CHECK(in->try_pop().err() == errc::closed);
  CHECK(out->try_push({4, 0}).err() == errc::closed);
  CHECK(next->try_pop().err() == errc::empty);
}

TEST_CASE("a message that is too long stays in a System V queue, one that is too short is dropped", "[sysv_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_path path;
  auto longer = sluice::sysv_mq_sink<note>(path);
  auto in = sluice::sysv_mq_source<std::uint64_t>(path);
  REQUIRE(longer);
  REQUIRE(in);
  REQUIRE(longer->push({1, 2}));
  auto out = sluice::sysv_mq_sink<std::uint64_t>(path);
  REQUIRE(out->push(std::uint64_t{7}, 2));
  for (int i = 0; i < 2; ++i) CHECK(in->pop(1s).err() == error(errc::too_big, step::pop, subject::message_type));
  CHECK(*in->pop(sysv_select::only(2), 1s) == 7);
  auto right = sluice::sysv_mq_source<note>(path);
  CHECK(right->pop(1s)->check == 2);
  REQUIRE(out->push(std::uint64_t{8}));
  REQUIRE(out->push(std::uint64_t{9}));
  CHECK(right->pop(1s).err() == error(errc::mismatch, step::pop, subject::size));
  CHECK(*in->pop(1s) == 9);
}

TEST_CASE("a System V queue that does not fit is refused when it is opened", "[sysv_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_path path;
  CHECK(sluice::sysv_mq_source<note>(path, {.create = false}).err() == error(errc::not_found, step::open));
  CHECK(sluice::sysv_mq_source<note>("/no/such/path").err() == errc::not_found);
  CHECK(sluice::sysv_mq_source<note>("").err() == error(errc::invalid, step::open, subject::name));
  CHECK(sluice::sysv_mq_source<note>(path, {.project = 0}).err() == error(errc::invalid, step::open, subject::project));
  REQUIRE(sluice::sysv_mq_sink<note>(path, {.capacity = 4, .exclusive = true}));
  CHECK(sluice::sysv_mq_sink<note>(path, {.exclusive = true}).err() == error(errc::busy, step::create, subject::name));
  CHECK(sluice::sysv_mq_sink<note>(path, {.capacity = 4}));
  CHECK(sluice::sysv_mq_sink<note>(path, {.capacity = 5}).err() == error(errc::mismatch, step::open, subject::capacity));
  struct larger {
    std::uint64_t words[9];
  };
  CHECK(sluice::sysv_mq_sink<larger>(path).err() == error(errc::too_big, step::open, subject::sysv_msgmnb));
  for (const mode_t mode : {0400u, 0602u, 0604u, 0666u})
    CHECK(sluice::sysv_mq_source<note>(path, {.mode = mode}).err() == error(errc::invalid, step::open, subject::permissions));
  auto one = sluice::sysv_mq_sink<note>(path), two = sluice::sysv_mq_sink<note>(path, {.project = 2});
  REQUIRE(two);
  CHECK(one->id() != two->id());  // projects are queues of their own
  CHECK(sluice::sysv_mq_remove(path, 2));
}

TEST_CASE("a System V queue of somebody else, or writable by all, is refused", "[sysv_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_path path;
  const key_t key = ::ftok(path.c_str(), 1);
  const int open_to_all = ::msgget(key, IPC_CREAT | IPC_EXCL | 0622);
  REQUIRE(open_to_all >= 0);
  CHECK(sluice::sysv_mq_source<note>(path).err() == error(errc::denied, step::open, subject::world_writable));
  REQUIRE(sluice::sysv_mq_remove(path));
  constexpr uid_t nobody = 65534;
  test::child c([&] {
    if (!test::become(nobody)) return test::cannot;
    return ::msgget(key, IPC_CREAT | IPC_EXCL | 0600) >= 0 ? 0 : 1;
  });
  const int made = c.wait();
  if (made == test::cannot) {
    WARN("this is not root: a queue of another user was not tried");
    return;
  }
  REQUIRE(made == 0);
  CHECK(sluice::sysv_mq_source<note>(path).err() == error(errc::denied, step::open, subject::owner));
  CHECK(sluice::sysv_mq_source<note>(path, {.owner = nobody}));
}

TEST_CASE("a limit of the system for System V queues is said by its name", "[sysv_mq]") {
  SKIP_WITHOUT_QUEUES();
  const auto most = sluice::sysv_mq_limits();
  REQUIRE(most);
  const queue_path path;
  const auto many = sluice::sysv_mq_sink<note>(path, {.capacity = most->queue_bytes / sizeof(note) + 1}).err();
  CHECK(many == error(errc::no_space, step::open, subject::sysv_msgmnb));
  CHECK(test::names(many, "kernel.msgmnb"));
  CHECK(test::names(error(errc::too_big, step::open, subject::sysv_msgmnb), "kernel.msgmnb"));
  CHECK(test::names(error(errc::too_big, step::push, subject::sysv_msgmax), "kernel.msgmax"));
  CHECK(test::names(error(errc::no_space, step::create, subject::sysv_msgmni), "kernel.msgmni"));
  struct huge {
    std::uint64_t words[1 << 17];
  };
  if (sizeof(huge) > most->message_size)
    CHECK(sluice::sysv_mq_sink<huge>(path).err() == error(errc::too_big, step::open, subject::sysv_msgmax));
  CHECK(sluice::sysv_mq_source<note>(path, {.create = false}).err() == errc::not_found);  // nothing was left behind
  test::child c([&] {
    if (!test::enter_ipc_namespace()) return test::cannot;
    const auto limit = [](const char* name, const char* value) {
      return test::write_file((std::string("/proc/sys/kernel/") + name).c_str(), value);
    };
    if (!limit("msgmni", "1")) return test::cannot + 1;
    auto one = sluice::sysv_mq_sink<note>(path);
    if (!one) return 1;
    const auto two = sluice::sysv_mq_sink<note>(path, {.project = 2}).err();
    if (two != error(errc::no_space, step::create, subject::sysv_msgmni)) return 2;
    if (!limit("msgmax", "15")) return test::cannot + 1;
    if (one->try_push({1, 2}).err() != error(errc::too_big, step::push, subject::sysv_msgmax)) return 3;
    return sluice::sysv_mq_source<note>(path).err() == error(errc::too_big, step::open, subject::sysv_msgmax) ? 0 : 4;
  });
  const int said = c.wait();
  if (said == test::cannot) WARN("no namespaces here: the number of System V queues was not tried");
  else if (said == test::cannot + 1) WARN("limits of a namespace cannot be set here: the number of queues was not tried");
  else CHECK(said == 0);
}

// A C program, which has a key and nothing else.
const char* const answering_program = R"(
#include <stdint.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
struct message { long type; uint64_t words[2]; };
int main(int n, char** v) {
  struct message m;
  int q = n == 2 ? msgget((key_t)strtol(v[1], 0, 10), 0600) : -1;
  if (q < 0) return 1;
  if (msgrcv(q, &m, sizeof m.words, 7, IPC_NOWAIT) != sizeof m.words || m.words[0] != 41 || m.words[1] != 42) return 2;
  m.type = 3;
  m.words[0] = 51;
  return msgsnd(q, &m, sizeof m.words, IPC_NOWAIT) != 0 ? 3 : 0;
})";

/// What the C program makes of a message.
static void check_answer(const std::string& program, sluice::sysv_mq_sender<note>& out, sluice::sysv_mq_receiver<note>& in, key_t key) {
  if (program.empty()) {
    WARN("no C compiler here: another program was not tried");
    return;
  }
  REQUIRE(out.push({41, 42}, 7));
  REQUIRE(test::run(program + " " + std::to_string(key)) == 0);
  const auto n = in.pop(1s);
  REQUIRE(n);
  CHECK(n->seq == 51);
  CHECK(n->check == 42);
  CHECK(in.last_type() == 3);
}

TEST_CASE("another program talks through the same System V queue, whose key is of a path", "[sysv_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_path path;
  const test::scratch dir("/tmp");
  const auto other = test::compiled(dir, answering_program);
  auto out = sluice::sysv_mq_sink<note>(path);
  auto in = sluice::sysv_mq_source<note>(path);
  REQUIRE(out);
  REQUIRE(in);
  check_answer(other, *out, *in, ::ftok(path.c_str(), 1));
}

TEST_CASE("a System V queue that ipcmk makes is used by its key, shown by ipcs, and removed by ipcrm", "[sysv_mq]") {
  SKIP_WITHOUT_QUEUES();
  CHECK(sluice::sysv_mq_sink<note>(IPC_PRIVATE).err() == error(errc::invalid, step::open, subject::name));
  CHECK(sluice::sysv_mq_remove(IPC_PRIVATE).err() == error(errc::invalid, step::remove, subject::name));
  if (test::run("command -v ipcmk >/dev/null && command -v ipcs >/dev/null && command -v ipcrm >/dev/null") != 0) {
    WARN("no ipcmk, ipcs and ipcrm here: not tried");
    return;
  }
  const test::scratch dir("/tmp");
  const auto other = test::compiled(dir, answering_program);
  REQUIRE(test::run("ipcmk -Q -p 0600 > " + (dir / "made")) == 0);
  std::string said;
  std::getline(std::ifstream(dir / "made"), said);
  const auto digit = said.find_last_not_of("0123456789") + 1;
  REQUIRE(digit < said.size());
  const int id = std::stoi(said.substr(digit));
  msqid_ds made = {};
  REQUIRE(::msgctl(id, IPC_STAT, &made) == 0);
  const key_t key = made.msg_perm.__key;

  auto out = sluice::sysv_mq_sink<note>(key, {.create = false});
  auto in = sluice::sysv_mq_source<note>(key, {.create = false});
  REQUIRE(out);
  REQUIRE(in);
  CHECK(out->id() == id);
  check_answer(other, *out, *in, key);
  REQUIRE(out->push({1, 0}));
  const auto number = std::to_string(id);
  CHECK(test::run("ipcs -q -i " + number + " | grep -q 'qnum=1'") == 0);
  CHECK(test::run("ipcrm -q " + number) == 0);
  CHECK(in->pop(1s).err() == errc::closed);
  CHECK(out->push({1, 0}).err() == errc::closed);
  CHECK(sluice::sysv_mq_source<note>(key, {.create = false}).err() == errc::not_found);

  REQUIRE(sluice::sysv_mq_sink<note>(key));  // and the other way round: made here, seen and removed there
  CHECK(test::run("ipcs -q | grep -q " + std::to_string(sluice::sysv_mq_sink<note>(key)->id())) == 0);
  CHECK(test::run("ipcrm -Q " + std::to_string(static_cast<unsigned>(key))) == 0);
  CHECK(sluice::sysv_mq_remove(key).err() == errc::not_found);
}

TEST_CASE("whoever is killed, a System V queue keeps what was accepted, whole and in order", "[sysv_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_path path;
  const auto f = test::killed_in_traffic([&] { return sluice::sysv_mq_sink<test::numbered>(path); },
                                         [&] { return sluice::sysv_mq_source<test::numbered>(path); }, 60);
  CHECK(f.senders_killed + f.takers_killed == 62);
  CHECK(f.sent > 600);
  CHECK(f.drained);
  CHECK(f.whole);
  CHECK(f.in_order);
  CHECK(f.lost <= f.takers_killed);
  CHECK(f.repeated <= f.senders_killed);
}

TEST_CASE("signals that interrupt cost a System V queue neither messages nor deadlines", "[sysv_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_path path;
  auto out = sluice::sysv_mq_sink<note>(path);
  auto in = sluice::sysv_mq_source<note>(path);
  const test::signal_storm storm;
  const auto begun = test::now_ns();
  CHECK(in->pop(30ms).err() == errc::timeout);
  CHECK(test::now_ns() - begun >= 30'000'000);
  std::thread other([&] {
    for (std::uint64_t i = 0; i < 20'000; ++i)
      if (!out->push({i, 0}, 20s)) return;
  });
  std::uint64_t got = 0;
  while (got < 20'000) {
    const auto n = in->pop(20s);
    if (!n || n->seq != got) break;
    ++got;
  }
  other.join();
  CHECK(got == 20'000);
}

TEST_CASE("an end of a System V queue works in a forked child, and closing it there closes nothing here", "[sysv_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_path path;
  auto out = sluice::sysv_mq_sink<note>(path);
  auto in = sluice::sysv_mq_source<note>(path);
  test::child c([&] {
    if (!out->push({1, 0}, 1s)) return 1;
    out->close();
    in->close();
    return 0;
  });
  CHECK(c.wait() == 0);
  CHECK(in->pop(1s)->seq == 1);
  CHECK(out->push({2, 0}));
  CHECK(in->pop(1s)->seq == 2);
}

TEST_CASE("many that open and remove a System V queue at the same time find one, or make it", "[sysv_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_path path;
  std::atomic<unsigned> wrong{0};
  std::atomic<std::int32_t> why{0};
  const auto body = [&] {
    for (unsigned i = 0; i < 2000; ++i) {
      const auto end = sluice::sysv_mq_sink<note>(path);
      if (!end) ++wrong, why = end.err().detail;
      if (i % 3 == 0) (void)sluice::sysv_mq_remove(path);
    }
  };
  std::thread a(body), b(body);
  a.join();
  b.join();
  CAPTURE(why.load());
  CHECK(wrong == 0);
}
