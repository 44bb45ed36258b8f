// SPDX-License-Identifier: MIT
#include <sluice/queue/posix_mq.hpp>

#include "catch.hpp"
#include "queue/killed.hpp"
#include "queue/system.hpp"

#include <atomic>
#include <climits>
#include <sys/resource.h>
#include <thread>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::step;
using sluice::subject;

namespace {

struct note {
  std::uint64_t seq, check;
};

/// A name of a queue, taken away with the test.
class queue_name {
 public:
  queue_name() : text_("/" + test::unique("mq")) {}
  queue_name(const queue_name&) = delete;
  queue_name& operator=(const queue_name&) = delete;
  ~queue_name() { (void)sluice::posix_mq_remove(text_); }
  operator std::string_view() const { return text_; }  // NOLINT
  const char* c_str() const { return text_.c_str(); }

 private:
  std::string text_;
};

bool there_are_none() {
  const bool none = ::syscall(SYS_mq_unlink, "no such queue") != 0 && errno == ENOSYS;
  if (none) WARN("this kernel has no POSIX message queues: nothing is tested");
  return none;
}
#define SKIP_WITHOUT_QUEUES() \
  if (there_are_none()) return

}  // namespace

TEST_CASE("messages go through a POSIX queue, and what nobody took waits for a successor", "[posix_mq]") {
  STATIC_REQUIRE(sluice::sink<sluice::posix_mq_sender<note>>);
  STATIC_REQUIRE(sluice::source<sluice::posix_mq_receiver<note>>);
  STATIC_REQUIRE(sluice::traits_of<sluice::posix_mq_sender<note>>.outlives_process);
  STATIC_REQUIRE(!sluice::traits_of<sluice::posix_mq_sender<note>>.carries_close);
  SKIP_WITHOUT_QUEUES();
  const queue_name name;
  {
    auto out = sluice::posix_mq_sink<note>(name, {.capacity = 3});
    REQUIRE(out);
    CHECK(out->capacity() == 3);
    for (std::uint64_t i = 0; i < 3; ++i) CHECK(out->try_push({i, ~i}));
    CHECK(out->try_push({3, 0}).err() == errc::full);
    CHECK(out->push({3, 0}, 5ms).err() == errc::timeout);
    CHECK(out->approx_size() == 3);
    CHECK((::fcntl(out->handle(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(out->handle(), F_GETFL) & O_NONBLOCK) != 0);
    struct stat st = {};
    REQUIRE(::fstat(out->handle(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
    out->close();
    CHECK(out->try_push({4, 0}).err() == errc::closed);
    CHECK(out->push({4, 0}).err() == errc::closed);
    CHECK(out->capacity() == 0);
  }
  auto in = sluice::posix_mq_source<note>(name);  // adopts
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
  CHECK(sluice::posix_mq_remove(name));
  CHECK(sluice::posix_mq_remove(name).err() == errc::not_found);
  CHECK(moved.pop(1ms).err() == errc::timeout);  // open ends live on
}

TEST_CASE("a higher priority comes first, one priority in order, and the source tells which it was", "[posix_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_name name;
  auto out = sluice::posix_mq_sink<note>(name);
  auto in = sluice::posix_mq_source<note>(name);
  REQUIRE(out);
  REQUIRE(in);
  REQUIRE(out->push({1, 0}));
  REQUIRE(out->push({2, 0}, 5));
  REQUIRE(out->push({3, 0}, 32767, 1s));
  REQUIRE(out->push({4, 0}, 5, 1s));
  REQUIRE(out->push({5, 0}));
  CHECK(out->push({6, 0}, 32768).err() == error(errc::invalid, step::push, subject::priority));
  CHECK(out->push({6, 0}, UINT_MAX, 1s).err().about() == subject::priority);
  const std::uint64_t order[] = {3, 2, 4, 1, 5};
  const unsigned priority[] = {32767, 5, 5, 0, 0};
  for (int i = 0; i < 5; ++i) {
    const auto n = in->pop(1s);
    REQUIRE(n);
    CHECK(n->seq == order[i]);
    CHECK(in->last_priority() == priority[i]);
  }
  CHECK(in->try_pop().err() == errc::empty);
}

TEST_CASE("who waits on a POSIX queue sleeps, and is woken by a message, by room, by a stop and by time", "[posix_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_name name;
  auto out = sluice::posix_mq_sink<note>(name, {.capacity = 1});
  auto in = sluice::posix_mq_source<note>(name);
  REQUIRE(out);
  REQUIRE(in);
  const auto used = test::processor_ns(), begun = test::now_ns();
  CHECK(in->pop(50ms).err() == errc::timeout);
  CHECK(test::now_ns() - begun >= 50'000'000);
  CHECK(test::processor_ns() - used < 20'000'000);
  sluice::stop halt;
  std::thread other([&] {
    test::sleep_us(5000);
    (void)out->push({1, 0});
    (void)out->push({2, 0}, 3, 10s);  // sleeps until there is room
    test::sleep_us(5000);
    halt.request();
  });
  const auto one = in->pop({10s, halt});
  const auto two = in->pop({10s, halt});
  const auto none = in->pop({10s, halt});
  other.join();
  REQUIRE(one);
  CHECK(one->seq == 1);
  REQUIRE(two);
  CHECK(two->seq == 2);
  CHECK(none.err() == errc::stopped);
  CHECK(out->push({3, 0}, halt));
  CHECK(out->push({4, 0}, halt).err() == errc::stopped);
  CHECK(out->push({4, 0}, 9, {10s, halt}).err() == errc::stopped);
  CHECK(in->pop(1s)->seq == 3);  // what was stopped has sent nothing
  CHECK(in->try_pop().err() == errc::empty);
}

TEST_CASE("one sleep watches several POSIX queues", "[posix_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_name a, b;
  auto in_a = sluice::posix_mq_source<note>(a), in_b = sluice::posix_mq_source<note>(b);
  REQUIRE(in_a);
  REQUIRE(in_b);
  std::thread other([&] {
    test::sleep_us(5000);
    (void)sluice::posix_mq_sink<note>(b)->push({7, 0}, 1s);
  });
  const auto begun = test::now_ns();
  sluice::wait_set set;
  in_a->arm(sluice::want::pop, set);
  in_b->arm(sluice::want::pop, set);
  const auto slept = set.sleep(sluice::until(10s).absolute());
  const auto took = test::now_ns() - begun;
  other.join();
  CHECK(slept);
  CHECK(took < 800'000'000);  // woken, not looked at again
  CHECK(in_a->try_pop().err() == errc::empty);
  CHECK(in_b->try_pop()->seq == 7);
}

TEST_CASE("a POSIX queue that does not fit is refused when it is opened", "[posix_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_name name;
  CHECK(sluice::posix_mq_source<note>(name, {.create = false}).err() == error(errc::not_found, step::open));
  REQUIRE(sluice::posix_mq_sink<note>(name, {.capacity = 4, .exclusive = true}));
  CHECK(sluice::posix_mq_sink<note>(name, {.exclusive = true}).err() == error(errc::busy, step::create, subject::name));
  CHECK(sluice::posix_mq_sink<note>(name, {.capacity = 4}));
  CHECK(sluice::posix_mq_sink<note>(name, {.capacity = 5}).err() == error(errc::mismatch, step::open, subject::capacity));
  CHECK(sluice::posix_mq_sink<std::uint64_t>(name).err() == error(errc::mismatch, step::open, subject::mq_msgsize_max));
  struct larger {
    std::uint64_t words[3];
  };
  CHECK(sluice::posix_mq_source<larger>(name).err() == error(errc::too_big, step::open, subject::mq_msgsize_max));
  for (const char* bad : {"", "/", ".", "/..", "a/b", "//a"})
    CHECK(sluice::posix_mq_source<note>(bad).err() == error(errc::invalid, step::open, subject::name));
  CHECK(sluice::posix_mq_source<note>(std::string(201, 'x')).err().about() == subject::name);
  for (const mode_t mode : {0400u, 0602u, 0604u, 0666u})
    CHECK(sluice::posix_mq_source<note>(name, {.mode = mode}).err() == error(errc::invalid, step::open, subject::permissions));
}

TEST_CASE("a POSIX queue of somebody else, or writable by all, is refused", "[posix_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_name open_to_all, foreign;
  mq_attr a = {};
  a.mq_maxmsg = 2;
  a.mq_msgsize = sizeof(note);
  const mode_t before = ::umask(0);
  const sluice::unique_handle fd(static_cast<int>(
      ::syscall(SYS_mq_open, open_to_all.c_str() + 1, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0622, &a)));
  ::umask(before);
  REQUIRE(fd);
  CHECK(sluice::posix_mq_source<note>(open_to_all).err() == error(errc::denied, step::open, subject::world_writable));
  constexpr uid_t nobody = 65534;
  test::child c([&] {
    if (!test::become(nobody)) return test::cannot;
    return sluice::posix_mq_sink<note>(foreign) ? 0 : 1;
  });
  const int made = c.wait();
  if (made == test::cannot) {
    WARN("this is not root: a queue of another user was not tried");
    return;
  }
  REQUIRE(made == 0);
  CHECK(sluice::posix_mq_source<note>(foreign).err() == error(errc::denied, step::open, subject::owner));
  CHECK(sluice::posix_mq_source<note>(foreign, {.owner = nobody}));
  const queue_name of_root;
  REQUIRE(sluice::posix_mq_source<note>(of_root));
  test::child d([&] {
    if (!test::become(nobody)) return test::cannot;
    return sluice::posix_mq_source<note>(of_root).err() == error(errc::denied, step::open, subject::permissions) ? 0 : 1;
  });
  CHECK(d.wait() == 0);
}

TEST_CASE("a limit of the system for POSIX queues is said by its name", "[posix_mq]") {
  SKIP_WITHOUT_QUEUES();
  const auto most = sluice::posix_mq_limits();
  if (!most) {
    WARN("/proc/sys/fs/mqueue is not there: limits are not tested");
    return;
  }
  CHECK(most->messages >= 1);
  CHECK(most->message_size >= 128);
  const queue_name name;
  struct huge {
    std::uint64_t words[(1u << 21) + 1];  // beyond what even the privileged may have
  };
  CHECK(sluice::posix_mq_sink<huge>(name).err() == error(errc::no_space, step::create, subject::mq_msgsize_max));
  const auto many = sluice::posix_mq_sink<note>(name, {.capacity = 70'000}).err();
  CHECK(many == error(errc::no_space, step::create, subject::mq_msg_max));
  CHECK(test::names(many, "fs.mqueue.msg_max"));
  CHECK(test::names(error(errc::no_space, step::create, subject::mq_msgsize_max), "fs.mqueue.msgsize_max"));
  CHECK(test::names(error(errc::no_space, step::create, subject::mq_queues_max), "fs.mqueue.queues_max"));
  CHECK(test::names(error(errc::no_space, step::create, subject::mq_bytes), "ulimit -q"));
  CHECK(test::names(error(errc::no_space, step::create, subject::descriptors), "ulimit -n"));
  CHECK(sluice::posix_mq_source<note>(name, {.create = false}).err() == errc::not_found);  // nothing was left behind

  test::child bytes([&] {
    const rlimit few{100, 100};
    if (::setrlimit(RLIMIT_MSGQUEUE, &few) != 0) return test::cannot;
    return sluice::posix_mq_sink<note>(name).err() == error(errc::no_space, step::create, subject::mq_bytes) ? 0 : 1;
  });
  CHECK(bytes.wait() == 0);
  test::child descriptors([&] {
    ::close(STDERR_FILENO);
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return test::cannot;
    return sluice::posix_mq_sink<note>(name).err() == error(errc::no_space, step::open, subject::descriptors) ? 0 : 1;
  });
  CHECK(descriptors.wait() == 0);
  test::child making([&] {  // the kernel says the same as of too many bytes
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return test::cannot;
    const auto why = sluice::posix_mq_sink<note>(name, {.exclusive = true}).err();
    return why == error(errc::no_space, step::create, subject::descriptors) ? 0 : 1;
  });
  CHECK(making.wait() == 0);
}

TEST_CASE("in a namespace of its own the number of POSIX queues has its limit, and they can be seen as files", "[posix_mq]") {
  SKIP_WITHOUT_QUEUES();
  const test::scratch dir;
  test::child c([&] {
    if (!test::enter_ipc_namespace() || ::mount("mqueue", dir.c_str(), "mqueue", 0, nullptr) != 0) return test::cannot;
    auto out = sluice::posix_mq_sink<note>("/one", {.capacity = 2});
    if (!out || !out->push({1, 2})) return 1;
    struct stat st = {};
    if (::stat((dir / "one").c_str(), &st) != 0 || (st.st_mode & 0777) != 0600) return 2;
    std::ifstream file(dir / "one");
    std::string line;
    std::getline(file, line);
    if (line.find("QSIZE:16 ") != 0) return 3;
    if (!test::write_file("/proc/sys/fs/mqueue/queues_max", "2")) return test::cannot + 1;
    if (!sluice::posix_mq_sink<note>("/two")) return 4;
    if (sluice::posix_mq_sink<note>("/three").err() != error(errc::no_space, step::create, subject::mq_queues_max)) return 5;
    if (!sluice::posix_mq_remove("two") || !sluice::posix_mq_sink<note>("/three")) return 6;
    if (!test::write_file("/proc/sys/fs/mqueue/msg_max", "4")) return test::cannot + 1;
    if (!sluice::posix_mq_remove("three")) return 7;
    const auto fewer = sluice::posix_mq_sink<note>("/four");
    return fewer && fewer->capacity() == 4 ? 0 : 8;  // unset: what the system allows
  });
  const int said = c.wait();
  if (said == test::cannot) WARN("no namespaces here: queues as files, and their number, were not tried");
  else if (said == test::cannot + 1) WARN("limits of a namespace cannot be set here: the number of queues was not tried");
  else CHECK(said == 0);
}

TEST_CASE("another program talks through the same POSIX queue", "[posix_mq]") {
  SKIP_WITHOUT_QUEUES();
  const test::scratch dir("/tmp");
  const auto other = test::compiled(dir, R"(
#include <fcntl.h>
#include <mqueue.h>
#include <stdint.h>
int main(int n, char** v) {
  uint64_t m[2];
  unsigned priority = 0;
  mqd_t q = mq_open(v[1], O_RDWR);
  if (n != 2 || q < 0) return 1;
  if (mq_receive(q, (char*)m, sizeof m, &priority) != sizeof m || priority != 7 || m[0] != 41 || m[1] != 42) return 2;
  m[0] = 51;
  if (mq_send(q, (char*)m, sizeof m, 3) != 0) return 3;
  return mq_send(q, "short", 5, 2) != 0 || mq_send(q, (char*)m, sizeof m, 1) != 0 ? 4 : 0;
})");
  if (other.empty()) {
    WARN("no C compiler here: another program was not tried");
    return;
  }
  const queue_name name;
  auto out = sluice::posix_mq_sink<note>(name);
  auto in = sluice::posix_mq_source<note>(name);
  REQUIRE(out->push({41, 42}, 7));
  REQUIRE(test::run(other + " " + name.c_str()) == 0);
  const auto n = in->pop(1s);
  REQUIRE(n);
  CHECK(n->seq == 51);
  CHECK(n->check == 42);
  CHECK(in->last_priority() == 3);
  CHECK(in->pop(1s).err() == error(errc::mismatch, step::pop, subject::size));  // once, and dropped
  CHECK(in->pop(1s)->seq == 51);
  CHECK(in->try_pop().err() == errc::empty);
}

TEST_CASE("a POSIX queue that another program makes is a file in /dev/mqueue, and used, and removed there", "[posix_mq]") {
  SKIP_WITHOUT_QUEUES();
  const test::scratch dir("/tmp"), mounted;
  const auto other = test::compiled(dir, R"(
#include <fcntl.h>
#include <mqueue.h>
#include <stdint.h>
int main(void) {
  struct mq_attr a = {0};
  a.mq_maxmsg = 4;
  a.mq_msgsize = 16;
  uint64_t m[2] = {61, 62};
  mqd_t q = mq_open("/theirs", O_RDWR | O_CREAT | O_EXCL, 0600, &a);
  return q < 0 || mq_send(q, (char*)m, sizeof m, 9) != 0 ? 1 : 0;
})");
  if (other.empty()) {
    WARN("no C compiler here: another program was not tried");
    return;
  }
  test::child c([&] {  // with an IPC namespace of its own, in which the file system is mounted for itself alone
    const bool usual = ::access("/dev/mqueue", F_OK) == 0;
    const std::string at = usual ? "/dev/mqueue" : mounted.c_str();
    if (!test::enter_ipc_namespace() || ::mount("mqueue", at.c_str(), "mqueue", 0, nullptr) != 0) return test::cannot;
    if (test::run(other) != 0) return 1;
    struct stat st = {};
    if (::stat((at + "/theirs").c_str(), &st) != 0 || (st.st_mode & 0777) != 0600) return 2;
    auto in = sluice::posix_mq_source<note>("/theirs", {.create = false});
    auto out = sluice::posix_mq_sink<note>("/theirs", {.capacity = 4});
    if (!in || !out || out->approx_size() != 1) return 3;
    const auto n = in->pop(1s);
    if (!n || n->seq != 61 || n->check != 62 || in->last_priority() != 9) return 4;
    if (test::run("rm " + at + "/theirs") != 0) return 5;
    if (sluice::posix_mq_source<note>("/theirs", {.create = false}).err() != errc::not_found) return 6;
    return out->push({1, 2}) && in->pop(1s) ? 0 : 7;  // open ends live on
  });
  const int said = c.wait();
  if (said == test::cannot) WARN("no namespaces here: /dev/mqueue was not mounted, and not tried");
  else CHECK(said == 0);
}

TEST_CASE("whoever is killed, a POSIX queue keeps what was accepted, whole and in order", "[posix_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_name name;
  const auto f = test::killed_in_traffic([&] { return sluice::posix_mq_sink<test::numbered>(name); },
                                         [&] { return sluice::posix_mq_source<test::numbered>(name); }, 60);
  CHECK(f.senders_killed + f.takers_killed == 62);
  CHECK(f.sent > 600);
  CHECK(f.drained);
  CHECK(f.whole);
  CHECK(f.in_order);
  CHECK(f.lost <= f.takers_killed);
  CHECK(f.repeated <= f.senders_killed);
}

TEST_CASE("signals that interrupt cost a POSIX queue neither messages nor deadlines", "[posix_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_name name;
  auto out = sluice::posix_mq_sink<note>(name);
  auto in = sluice::posix_mq_source<note>(name);
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
  in->close();
  other.join();
  CHECK(got == 20'000);
}

TEST_CASE("an end of a POSIX queue works in a forked child, and closing it there closes nothing here", "[posix_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_name name;
  const auto descriptors = test::open_descriptors();
  {
    auto out = sluice::posix_mq_sink<note>(name);
    auto in = sluice::posix_mq_source<note>(name);
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
  CHECK(test::open_descriptors() == descriptors);
}

TEST_CASE("many that open and remove a POSIX queue at the same time find one, or make it", "[posix_mq]") {
  SKIP_WITHOUT_QUEUES();
  const queue_name name;
  std::atomic<unsigned> wrong{0};
  const auto body = [&] {
    for (unsigned i = 0; i < 2000; ++i) {
      const auto end = sluice::posix_mq_sink<note>(name, {.capacity = 2});
      if (!end || end->capacity() != 2) ++wrong;
      if (i % 3 == 0) (void)sluice::posix_mq_remove(name);
    }
  };
  std::thread a(body), b(body);
  a.join();
  b.join();
  CHECK(wrong == 0);
}
