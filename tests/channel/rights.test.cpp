// SPDX-License-Identifier: MIT
#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/crowds.hpp>
#include <sluice/channel/explain.hpp>
#include <sluice/channel/lanes.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/channel/shared_bytes.hpp>

#include "catch.hpp"
#include "process.hpp"
#include "sanitizers.hpp"

#include <algorithm>
#include <atomic>
#include <sstream>
#include <thread>
#include <vector>

// Readers that may write less of a region than others, or nothing.

namespace {

using namespace std::chrono_literals;
using sluice::rights;
using sluice::broadcast;
using sluice::errc;
using sluice::error;
using sluice::latest;
using sluice::lossy_broadcast;
using sluice::now;
using sluice::ring_options;
using sluice::step;
using sluice::subject;
using u64 = std::uint64_t;

struct tick {
  u64 seq, a, b;
  static tick make(u64 n) noexcept { return {n, n * 3, ~n}; }
  [[nodiscard]] bool whole() const noexcept { return a == seq * 3 && b == ~seq; }
};

template <class Kind>
struct world {
  bool mapped;
  test::scratch dir;
  std::string path = dir / "ticks";
  ring_options options;

  explicit world(bool on_file) : mapped(on_file), dir(on_file ? "/tmp" : "/dev/shm") {
    if (!mapped) options.directory = dir.c_str();
  }
  auto tx() const { return mapped ? sluice::mapped_sink<tick, Kind>(path, options) : sluice::shm_sink<tick, Kind>("ticks", options); }
  auto rx(rights a) const {
    ring_options o = options;
    o.rights = a;
    return mapped ? sluice::mapped_source<tick, Kind>(path, o) : sluice::shm_source<tick, Kind>("ticks", o);
  }
  [[nodiscard]] std::string bytes() const {
    std::ostringstream all;
    all << std::ifstream(path, std::ios::binary).rdbuf();
    return all.str();
  }
};

/// The rights of the mappings of the file in this process, as the system writes them, sorted.
std::vector<std::string> rights_of(const std::string& path) {
  std::vector<std::string> all;
  std::ifstream f("/proc/self/maps");
  for (std::string line; std::getline(f, line);)
    if (line.find(path) != line.npos) all.push_back(line.substr(line.find(' ') + 1, 4));
  std::sort(all.begin(), all.end());
  return all;
}

template <class Rx>
error read_on(Rx& rx, u64& last, unsigned& faults, sluice::until patience) {
  for (;;) {
    const auto v = rx.pop(patience);
    if (!v && v.err() != errc::lagged) return v.err();
    if (v && (!v->whole() || v->seq <= last)) ++faults;
    if (v) last = v->seq;
  }
}

}  // namespace

TEMPLATE_TEST_CASE("a reader that only looks on gets what others get, and leaves no trace in the region", "", latest, lossy_broadcast) {
  const world<TestType> w(GENERATE(false, true));
  auto tx = w.tx();
  auto other = w.rx(rights::read_write);
  REQUIRE(tx);
  REQUIRE(other);
  REQUIRE(tx->push(tick::make(1)));
  const auto locks = test::locks_on(w.path);
  const auto before = w.bytes();
  auto rx = w.rx(rights::read_only);
  REQUIRE(rx);
  CHECK(rx->opened() == sluice::opening::joined);
  CHECK(rx->pop(5s)->seq == 1);
  CHECK(rx->pop(10ms).err() == errc::timeout);
  CHECK(rx->try_pop().err() == errc::empty);
  CHECK(rx->capacity() == tx->capacity());
  CHECK(rx->peers() == 2);  // it is none of them
  auto more = rx->clone();
  REQUIRE(more);
  CHECK(more->pop(5s)->seq == 1);  // begins anew
  CHECK(test::locks_on(w.path) == locks);
  CHECK(w.bytes() == before);
  CHECK(rights_of(w.path) == std::vector<std::string>{"r--s", "r--s", "rw-s", "rw-s"});
  for (u64 n = 2; n < 50; ++n) {
    REQUIRE(tx->push(tick::make(n)));
    CHECK(rx->pop(5s)->seq == n);
    CHECK(rx->borrow(now).err() == errc::empty);
  }
  CHECK(rx->lag() == 0);
  CHECK(more->lag() == 48);
  tx->close();
  CHECK(rx->pop(5s).err() == errc::closed);
  u64 last = 1;
  unsigned faults = 0;
  CHECK(read_on(*more, last, faults, 5s) == errc::closed);
  CHECK(last == 49);
  CHECK(faults == 0);
  CHECK(read_on(*other, last = 0, faults, 5s) == errc::closed);  // not told instead of it
  *rx = std::move(*more);
  more = error(errc::empty);
  const auto gone = std::move(*rx);
}

TEMPLATE_TEST_CASE("a sleeping reader that only looks on finds a message within milliseconds", "", latest, lossy_broadcast) {
  const world<TestType> w(false);
  auto tx = w.tx();
  REQUIRE(tx);
  ring_options o = w.options;
  o.rights = rights::read_only;
  o.wait = sluice::wait_strategy::park;
  auto rx = sluice::shm_source<tick, TestType>("ticks", o);
  REQUIRE(rx);
  std::vector<std::int64_t> took;
  for (u64 n = 1; n <= 50; ++n) {
    std::atomic<std::int64_t> pushed{0};
    std::thread writer([&] {
      test::sleep_us(3000);
      pushed = test::now_ns();
      (void)tx->push(tick::make(n));
    });
    const auto v = rx->pop(20s);
    const auto at = test::now_ns();
    writer.join();
    REQUIRE(v);
    CHECK(v->seq == n);
    took.push_back(at - pushed);
  }
  std::sort(took.begin(), took.end());
  std::printf("only looking on: found after %.2f ms in the middle, %.2f ms at most\n", static_cast<double>(took[25]) / 1e6,
              static_cast<double>(took.back()) / 1e6);
  CHECK(took[25] < (sanitized ? 100'000'000 : 15'000'000));  // where others sleep 20 ms
}

TEMPLATE_TEST_CASE("a reader that only looks on learns from the kernel that the writer was killed, and goes on with the next", "", latest,
                   lossy_broadcast) {
  const world<TestType> w(GENERATE(false, true));
  const bool polls = GENERATE(false, true);
  test::child first([&] { return w.tx() ? 0 : 1; });
  REQUIRE(first.wait() == 0);
  auto rx = w.rx(rights::read_only);
  REQUIRE(rx);
  if (const auto v = rx->pop(now); !v && v.err() != errc::empty) CHECK(v.err() == errc::closed);  // of the first
  test::dice d(11);
  u64 last = 0;
  unsigned faults = 0;
  for (unsigned k = 0; k < rounds(20); ++k) {
    test::shared_with_children<std::atomic<bool>> up;
    const u64 from = last;
    test::child writer([&] {
      auto tx = w.tx();
      if (!tx) return 1;
      for (u64 n = from + 1;; ++n) {
        if (!tx->push(tick::make(n))) return 2;
        *up = true;
      }
    });
    REQUIRE(test::eventually([&] { return up->load(); }));
    test::sleep_us(static_cast<long>(d.below(500)));
    REQUIRE(writer.kill() == -SIGKILL);
    error e;
    if (polls) REQUIRE(test::eventually([&] { return (e = read_on(*rx, last, faults, now)) != errc::empty; }));
    else e = read_on(*rx, last, faults, 5s);
    CHECK(e == error(errc::peer_died, step::pop).by(0));
    CHECK(last > from);
    CHECK(rx->pop(now).err() == errc::peer_died);  // nobody has written down the death meanwhile, and it is the same one
  }
  CHECK(faults == 0);
  CHECK(rx->recovered().peers == 0);
}

TEST_CASE("a writer that is stopped is not dead to a reader that only looks on, and neither is one that left in order") {
  const world<latest> w(false);
  test::shared_with_children<std::atomic<bool>> up;
  test::child writer([&] {
    auto tx = w.tx();
    if (!tx || !tx->push(tick::make(1))) return 1;
    *up = true;
    ::raise(SIGSTOP);
    return 0;
  });
  REQUIRE(test::eventually([&] { return up->load(); }));
  auto rx = w.rx(rights::read_only);
  REQUIRE(rx);
  CHECK(rx->pop(5s)->seq == 1);
  CHECK(rx->pop(50ms).err() == errc::timeout);
  ::kill(writer.pid(), SIGCONT);
  CHECK(rx->pop(5s).err() == errc::closed);
  CHECK(writer.wait() == 0);
}

TEMPLATE_TEST_CASE("somebody without permission to write joins by looking on, and in no other way", "", latest, lossy_broadcast) {
  constexpr unsigned stranger = 65534;
  const bool root = ::geteuid() == 0;
  const world<TestType> w(GENERATE(false, true));
  ring_options o = w.options;
  o.mode = root ? 0640 : 0600;
  if (root) o.group = stranger;
  ::chmod(w.dir.c_str(), 0755);
  auto tx = w.mapped ? sluice::mapped_sink<tick, TestType>(w.path, o) : sluice::shm_sink<tick, TestType>("ticks", o);
  REQUIRE(tx);
  if (!root) ::chmod(w.path.c_str(), 0440);  // then its owner is one who may not write
  test::shared_with_children<std::atomic<u64>> got;
  test::child reader([&] {
    if (root && !test::become(stranger)) return 1;
    const auto open = [&](rights a) {
      o.rights = a;
      return w.mapped ? sluice::mapped_source<tick, TestType>(w.path, o) : sluice::shm_source<tick, TestType>("ticks", o);
    };
    for (const auto a : {rights::read_write, rights::payload_read_only})
      if (open(a).err() != error(errc::denied, step::open, subject::permissions)) return 2;
    auto rx = open(rights::read_only);
    if (!rx) return 3;
    if (!rx->clone() || sluice::reopen(*rx, o).err()) return 4;
    for (;;) {
      const auto v = rx->pop(20s);
      if (!v) return v.err() == errc::closed ? 0 : 5;
      if (!v->whole() || v->seq != *got + 1) return 6;
      ++*got;
    }
  });
  for (u64 n = 1; n <= 20; ++n) {
    REQUIRE(tx->push(tick::make(n)));
    REQUIRE(test::eventually([&] { return *got == n || !reader.running(); }));
  }
  tx->close();
  CHECK(reader.wait() == 0);
  CHECK(*got == 20);
  if (!root) {
    std::printf("not root: a reader of another user was not tried\n");
    return;
  }
  auto again = w.mapped ? sluice::mapped_sink<tick, TestType>(w.path, o) : sluice::shm_sink<tick, TestType>("ticks", o);
  test::child outsider([&] {  // in neither group, and not asked to trust this one
    if (!test::become(stranger - 1)) return 1;
    o.rights = rights::read_only;
    o.group = static_cast<gid_t>(-1);
    const auto rx = w.mapped ? sluice::mapped_source<tick, TestType>(w.path, o) : sluice::shm_source<tick, TestType>("ticks", o);
    return rx.err() == error(errc::denied, step::open, subject::permissions) ? 0 : 2;
  });
  CHECK(outsider.wait() == 0);
}

TEST_CASE("who cannot do with less access than it asks for is refused, and nothing is created") {
  const test::scratch dir;
  ring_options o;
  o.directory = dir.c_str();
  const error refused(errc::unsupported, step::open, subject::rights);
  const auto less = GENERATE(rights::payload_read_only, rights::read_only);
  o.rights = less;
  CHECK(sluice::shm_source<u64>("q", o).err() == refused);
  CHECK(sluice::shm_sink<u64>("q", o).err() == refused);
  CHECK(sluice::shm_source<u64, sluice::mpmc>("q", o).err() == refused);
  CHECK(sluice::shm_source<u64, sluice::lanes>("q", o).err() == refused);
  CHECK(sluice::shm_bytes_source("q", o).err() == refused);
  CHECK(sluice::shm_sink<u64, latest>("q", o).err() == refused);
  CHECK(sluice::shm_sink<u64, lossy_broadcast>("q", o).err() == refused);
  CHECK(sluice::shm_sink<u64, broadcast>("q", o).err() == refused);
  CHECK(std::string(sluice::describe(refused).c_str()).find("lossy_broadcast and latest") != std::string::npos);
  CHECK(dir.entries() == 0);
  if (less == rights::payload_read_only) return;
  CHECK(sluice::shm_source<u64, broadcast>("q", o).err() == refused);
  CHECK(sluice::shm_source<u64, latest>("q", o).err() == error(errc::not_found, step::open));  // there is none, and it makes none
  CHECK(sluice::mapped_source<u64, latest>(dir / "q", {.rights = less}).err() == error(errc::not_found, step::open));
  CHECK(dir.entries() == 0);
  o.rights = rights::read_write;
  auto tx = sluice::shm_sink<u64, latest>("q", o);
  REQUIRE(tx);
  o.rights = rights::read_only;
  CHECK(sluice::shm_source<int, latest>("q", o).err() == error(errc::mismatch, step::validate, subject::type_layout));
  CHECK(sluice::shm_source<u64, lossy_broadcast>("q", o).err() == error(errc::mismatch, step::validate, subject::kind));
  CHECK(std::string(sluice::explain<u64, latest>("q", o).c_str()).find("fits") != std::string::npos);
}

TEST_CASE("an end that only looks on says forked in a forked child, which can look on by itself") {
  const world<latest> w(false);
  auto tx = w.tx();
  auto rx = w.rx(rights::read_only);
  REQUIRE(tx);
  REQUIRE(rx);
  REQUIRE(tx->push(tick::make(1)));
  test::child c([&] {
    if (rx->pop(now).err() != errc::forked) return 1;
    auto mine = sluice::reopen(*rx);
    if (!mine || mine->peers() != 1) return 2;
    return mine->pop(5s)->seq == 1 ? 0 : 3;
  });
  CHECK(c.wait() == 0);
  CHECK(rx->pop(5s)->seq == 1);
}

TEMPLATE_TEST_CASE("a reader with a read-only payload that writes to a message dies of it, and all goes on beside it", "", broadcast, latest,
                   lossy_broadcast) {
  world<TestType> w(GENERATE(false, true));
  w.options.capacity = 4;
  auto tx = w.tx();
  auto rx = w.rx(rights::payload_read_only);
  REQUIRE(tx);
  REQUIRE(rx);
  using control = typename sluice::ring_kind<TestType>::template ring<tick, sluice::native_memory>::control;
  u64 n = 0;
  for (unsigned k = 0; k < 4; ++k) {
    test::shared_with_children<std::atomic<int>> step;
    test::child buggy([&] {
      ::signal(SIGSEGV, SIG_DFL);  // a sanitizer has an idea of its own
      auto mine = w.rx(k == 3 ? rights::read_write : rights::payload_read_only);
      if (!mine) return 1;
      auto last = mine->borrow(5s);
      if (!last || !last->whole()) return 2;
      *step = 1;
      if constexpr (std::is_same_v<TestType, broadcast>) {
        if (k % 2 == 0) const_cast<tick&>(*last).a = 0;
      }
      auto* const payload = mine->home().member().body() + sizeof(control);
      auto& byte = reinterpret_cast<volatile unsigned char&>(payload[k == 1 ? 0 : 8]);
      byte = byte;
      *step = 2;
      return 7;
    });
    REQUIRE(tx->push(tick::make(++n), 5s));
    CHECK(rx->pop(5s)->seq == n);
    CHECK(buggy.wait() == (k == 3 ? 7 : -SIGSEGV));  // the last one shows that it is the mapping that kills
    CHECK(*step == (k == 3 ? 2 : 1));
    for (unsigned m = 0; m < 10; ++m) {
      REQUIRE(tx->push(tick::make(++n), 5s));
      const auto v = rx->pop(5s);
      REQUIRE(v);
      CHECK(v->seq == n);
      CHECK(v->whole());
    }
  }
  CHECK(rx->peers() == 2);
  CHECK(rights_of(w.path) == std::vector<std::string>{"r--s", "rw-s", "rw-s"});  // the writer's, and the reader's two parts
}

TEMPLATE_TEST_CASE("a reader with a read-only payload sleeps, is woken, is cloned and comes to the end", "", broadcast, latest,
                   lossy_broadcast) {
  const world<TestType> w(false);
  auto tx = w.tx();
  auto rx = w.rx(rights::payload_read_only);
  REQUIRE(tx);
  REQUIRE(rx);
  auto more = rx->clone();
  REQUIRE(more);
  CHECK(rights_of(w.path) == std::vector<std::string>{"r--s", "r--s", "rw-s", "rw-s", "rw-s"});
  u64 last[2] = {};
  unsigned faults[2] = {};
  errc why[2] = {};
  std::vector<std::thread> readers;
  for (auto* const end : {&*rx, &*more})
    readers.emplace_back([&, end, k = end == &*rx ? 0 : 1] { why[k] = read_on(*end, last[k], faults[k], 20s).code; });
  const u64 all = rounds(20'000);
  for (u64 n = 1; n <= all; ++n) {
    REQUIRE(tx->push(tick::make(n), 20s));
    if (n % 64 == 0) std::this_thread::yield();
  }
  tx->close();
  for (auto& t : readers) t.join();
  for (unsigned k = 0; k < 2; ++k) {
    CHECK(last[k] == all);
    CHECK(faults[k] == 0);
    CHECK(why[k] == errc::closed);
  }
}
