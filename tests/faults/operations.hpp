// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FAULTS_OPERATIONS_HPP
#define SLUICE_TESTS_FAULTS_OPERATIONS_HPP

#include "interceptor.hpp"

#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/crowds.hpp>
#include <sluice/channel/explain.hpp>
#include <sluice/channel/lanes.hpp>
#include <sluice/channel/priorities.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/channel/shared_bytes.hpp>
#include <sluice/stream/descriptor.hpp>
#include <sluice/stream/fifo.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/pipe.hpp>
#include <sluice/stream/spawn.hpp>
#include <sluice/stream/splice.hpp>

#include <thread>

// Every operation of the foundation that makes system calls: what goes before, the call itself under the tracer, and
// what must be true afterwards whatever became of it. A body runs in a fresh child; it returns 0, or the line of the
// sentence that was not true. Once one call at most has failed:
//   the operation says success or a documented error, in bounded time;
//   the same operation without a fault then succeeds, and no message is missing or twice;
//   no descriptor, mapping, lock or name is left.

namespace faults {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;

struct message {
  std::uint64_t seq;
  std::uint64_t check;
  static message make(std::uint64_t n) { return {n, ~n}; }
  bool is(std::uint64_t n) const { return seq == n && check == ~n; }
};

#define FAULTS_REQUIRE(condition) \
  if (!(condition)) return __LINE__

/// Where the regions of an operation live; the parent makes it, and sees what is left in it.
struct site {
  const test::scratch* dir;
  bool mapped;

  std::string path() const { return *dir / "ring"; }
  sluice::ring_options options() const {
    sluice::ring_options o;
    if (!mapped) o.directory = dir->c_str();
    o.capacity = 4;
    o.persistent = true;
    o.wait = sluice::wait_strategy::park;
    return o;
  }
  auto sink() const {
    return mapped ? sluice::mapped_sink<message>(path(), options()) : sluice::shm_sink<message>("ring", options());
  }
  auto source() const {
    return mapped ? sluice::mapped_source<message>(path(), options()) : sluice::shm_source<message>("ring", options());
  }
  void remove() const { ::unlink(path().c_str()); }
};

/// What a process holds of the system, to be the same afterwards.
struct holdings {
  std::size_t descriptors = test::open_descriptors(), mappings = test::mappings();
  friend bool operator==(const holdings&, const holdings&) = default;
};
inline holdings settled_holdings() {  // what the counting itself allocates is allocated by the second time
  (void)holdings();
  return {};
}

inline bool documented_opening(error e) {
  switch (e.code) {
    case errc::busy:
    case errc::corrupt:
    case errc::truncated:
    case errc::denied:
    case errc::invalid:
    case errc::too_big:
    case errc::no_space:
    case errc::not_found:
    case errc::unsupported: return true;
    case errc::os: return e.detail > 0;
    default: return false;
  }
}
template <class Source>
bool gives(Source& r, std::uint64_t from, std::uint64_t to) {
  for (; from != to; ++from)
    if (const auto m = r.try_pop(); !m || !m->is(from)) return false;
  return r.try_pop().err() == errc::empty;
}

inline int create(stage& s, const site& at) {
  const holdings before = settled_holdings();
  {
    auto t = s.traced([&] { return at.sink(); });
    FAULTS_REQUIRE(t || documented_opening(t.err()));
    if (!t) t = at.sink();
    FAULTS_REQUIRE(t);
    auto r = at.source();
    FAULTS_REQUIRE(r);
    for (std::uint64_t n = 0; n < 4; ++n) FAULTS_REQUIRE(t->try_push(message::make(n)));
    FAULTS_REQUIRE(t->try_push(message{}).err() == errc::full);
    FAULTS_REQUIRE(gives(*r, 0, 4));
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  FAULTS_REQUIRE(test::locks_on(at.path()) == 0);
  return 0;
}

inline int join(stage& s, const site& at) {
  const holdings before = settled_holdings();
  {
    auto t = at.sink();
    FAULTS_REQUIRE(t);
    for (std::uint64_t n = 0; n < 3; ++n) FAULTS_REQUIRE(t->try_push(message::make(n)));
    auto r = s.traced([&] { return at.source(); });
    FAULTS_REQUIRE(r || documented_opening(r.err()));
    if (!r) r = at.source();
    FAULTS_REQUIRE(r && r->peers() == 2);
    FAULTS_REQUIRE(gives(*r, 0, 3));
    FAULTS_REQUIRE(t->try_push(message::make(3)) && gives(*r, 3, 4));
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  FAULTS_REQUIRE(test::locks_on(at.path()) == 0 && at.dir->entries() == 1);
  return 0;
}

/// The role was held by a process that has been killed, with messages taken and left.
inline int take_over(stage& s, const site& at) {
  const holdings before = settled_holdings();
  {
    auto t = at.sink();
    FAULTS_REQUIRE(t);
    for (std::uint64_t n = 0; n < 3; ++n) FAULTS_REQUIRE(t->try_push(message::make(n)));
    test::shared_with_children<std::atomic<int>> up;
    {
      test::child victim([&]() -> int {
        auto r = at.source();
        *up = r && r->try_pop() ? 1 : 2;
        for (;;) ::pause();
      });
      FAULTS_REQUIRE(test::eventually([&] { return *up != 0; }));
    }
    FAULTS_REQUIRE(*up == 1);
    auto r = s.traced([&] { return at.source(); });
    FAULTS_REQUIRE(r || documented_opening(r.err()));
    if (!r) r = at.source();
    FAULTS_REQUIRE(r && r->peers() == 2 && gives(*r, 1, 3));
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  FAULTS_REQUIRE(test::locks_on(at.path()) == 0 && at.dir->entries() == 1);
  return 0;
}

/// The last one leaves; what it left is there for the next.
inline int leave(stage& s, const site& at) {
  const holdings before = settled_holdings();
  {
    auto t = at.sink();
    FAULTS_REQUIRE(t && t->try_push(message::make(0)));
    s.traced([&] { t->close(); });
    FAULTS_REQUIRE(t->try_push(message{}).err() == errc::closed);
  }
  FAULTS_REQUIRE(settled_holdings() == before && test::locks_on(at.path()) == 0);
  auto t = at.sink();
  auto r = at.source();
  FAULTS_REQUIRE(t && r && gives(*r, 0, 1));
  return 0;
}

/// The wake may fail; the sleeper looks again by itself.
inline int push_to_sleeper(stage& s, const site& at) {
  auto t = at.sink();
  auto r = at.source();
  FAULTS_REQUIRE(t && r);
  bool got = false;
  std::int64_t when = 0;
  std::atomic<pid_t> who{0};
  std::thread sleeper([&] {
    who = ::gettid();
    const auto m = r->pop(5s);
    when = test::now_ns();
    got = m && m->is(7);
  });
  do test::sleep_us(3000);
  while (who == 0 || !test::sleeps(who));
  const auto pushed = s.traced([&] { return t->push(message::make(7), sluice::now); });
  const auto then = test::now_ns();
  sleeper.join();
  FAULTS_REQUIRE(pushed && got && when - then < 1'000'000'000);
  return 0;
}

/// Waits in vain, for a word, or for a word and a stop, which are two.
inline int wait_for_message(stage& s, const site& at, bool with_stop) {
  auto t = at.sink();
  auto r = at.source();
  FAULTS_REQUIRE(t && r);
  sluice::stop halt;
  const auto m = s.traced([&] { return with_stop ? r->pop({3ms, halt}) : r->pop(3ms); });
  FAULTS_REQUIRE(!m && m.err() == errc::timeout);
  FAULTS_REQUIRE(t->try_push(message::make(1)));
  const auto again = r->pop(1s);
  FAULTS_REQUIRE(again && again->is(1));
  return 0;
}

/// Waits for somebody who has been killed.
inline int wait_for_the_dead(stage& s, const site& at) {
  auto o = at.options();
  o.persistent = false;
  auto r = sluice::shm_source<message>("ring", o);
  FAULTS_REQUIRE(r);
  test::shared_with_children<std::atomic<int>> up;
  {
    test::child victim([&]() -> int {
      auto t = sluice::shm_sink<message>("ring", o);
      *up = t && t->try_push(message::make(1)) ? 1 : 2;
      for (;;) ::pause();
    });
    FAULTS_REQUIRE(test::eventually([&] { return *up != 0; }));
  }
  FAULTS_REQUIRE(*up == 1 && r->try_pop());
  const auto m = s.traced([&] { return r->pop(5s); });
  FAULTS_REQUIRE(!m && (m.err() == errc::peer_died || m.err() == errc::timeout));
  FAULTS_REQUIRE(r->pop(5s).err() == errc::peer_died);
  FAULTS_REQUIRE(sluice::shm_sink<message>("ring", o));
  return 0;
}

/// The whole life of a channel of another kind: opened from both sides, waited on in vain, woken, closed. One failure
/// somewhere, and the same once more succeeds.
template <class Kind>
int life_of(stage& s, const site& at) {
  const holdings before = settled_holdings();
  const auto o = at.options();
  const auto sink = [&] {
    if constexpr (std::is_same_v<Kind, sluice::bytes_of<sluice::spsc>>) return sluice::shm_bytes_sink("ring", o);
    else return sluice::shm_sink<message, Kind>("ring", o);
  };
  const auto source = [&] {
    if constexpr (std::is_same_v<Kind, sluice::bytes_of<sluice::spsc>>) return sluice::shm_bytes_source("ring", o);
    else return sluice::shm_source<message, Kind>("ring", o);
  };
  const auto push = [](auto& t, std::uint64_t n) {
    const message m = message::make(n);
    if constexpr (std::is_same_v<Kind, sluice::bytes_of<sluice::spsc>>) return t.push(std::as_bytes(std::span(&m, 1)), sluice::now).err();
    else return t.push(m, sluice::now).err();
  };
  const auto pop = [](auto& r, std::uint64_t n, auto patience) {
    message m = message::make(n);
    if constexpr (std::is_same_v<Kind, sluice::bytes_of<sluice::spsc>>) return r.pop(std::as_writable_bytes(std::span(&m, 1)), patience).err();
    else if (const auto got = r.pop(patience)) m = *got;
    else return got.err();
    return m.is(n) ? error() : error(errc::corrupt);
  };
  {
    const int line = s.traced([&]() -> int {
      auto t = sink();
      FAULTS_REQUIRE(t || documented_opening(t.err()));
      if (!t) t = sink();
      FAULTS_REQUIRE(t);
      auto r = source();
      FAULTS_REQUIRE(r || documented_opening(r.err()));
      if (!r) r = source();
      FAULTS_REQUIRE(r);
      FAULTS_REQUIRE(pop(*r, 0, 2ms) == errc::timeout);
      FAULTS_REQUIRE(!push(*t, 1) && !pop(*r, 1, 1s) && !push(*t, 2));
      t->close();
      FAULTS_REQUIRE(!pop(*r, 2, 1s) && pop(*r, 0, 1s) == errc::closed);
      return 0;
    });
    if (line != 0) return line;
  }
  const holdings after = settled_holdings();
  FAULTS_REQUIRE(after.descriptors == before.descriptors);
  FAULTS_REQUIRE(after.mappings == before.mappings);
  FAULTS_REQUIRE(test::locks_on(at.path()) == 0);
  FAULTS_REQUIRE(at.dir->entries() == 1);
  return 0;
}

inline int remove_name(stage& s, const site& at) {
  const holdings before = settled_holdings();
  {
    auto t = at.sink();
    FAULTS_REQUIRE(t);
    const auto done = s.traced([&] { return sluice::shm_remove("ring", at.options()); });
    FAULTS_REQUIRE(done || documented_opening(done.err()));
    FAULTS_REQUIRE(at.dir->entries() == (done ? 0u : 1u));
    if (!done) FAULTS_REQUIRE(sluice::shm_remove("ring", at.options()));
    FAULTS_REQUIRE(at.dir->entries() == 0 && t->try_push(message{}));
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

inline int explain_name(stage& s, const site& at) {
  const holdings before = settled_holdings();
  {
    auto t = at.sink();
    FAULTS_REQUIRE(t);
    const auto text = s.traced([&] { return sluice::explain<message>("ring", at.options()); });
    FAULTS_REQUIRE(text.size() > 10);
    const std::string again = sluice::explain<message>("ring", at.options()).c_str();
    FAULTS_REQUIRE(again.find("fits") != again.npos);
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

inline int make_pipe(stage& s, const site&) {
  const holdings before = settled_holdings();
  {
    auto p = s.traced([] { return sluice::pipe(); });
    FAULTS_REQUIRE(p || documented_opening(p.err()));
    FAULTS_REQUIRE(p || sluice::pipe());
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

/// Three messages in, three out, through a byte stream; what fails is done again, and all arrive once and whole.
inline int stream(stage& s, const site&) {
  struct block {
    std::uint64_t words[40];
  };
  const holdings before = settled_holdings();
  {
    auto p = sluice::pipe();
    FAULTS_REQUIRE(p);
    auto t = sluice::sink_of<block>(std::move(p->out));
    auto r = sluice::source_of<block>(std::move(p->in));
    const int line = s.traced([&]() -> int {
      unsigned failures = 0;
      for (std::uint64_t n = 0; n < 3; ++n) {
        block b;
        for (auto& w : b.words) w = n;
        while (!t.push(b, sluice::now)) FAULTS_REQUIRE(++failures <= 1);
      }
      while (!t.finish(sluice::now)) FAULTS_REQUIRE(++failures <= 1);
      for (std::uint64_t n = 0; n < 3;) {
        const auto got = r.pop(sluice::now);
        if (!got) FAULTS_REQUIRE(++failures <= 1);
        if (!got) continue;
        for (const auto w : got->words) FAULTS_REQUIRE(w == n);
        ++n;
      }
      return 0;
    });
    if (line != 0) return line;
    FAULTS_REQUIRE(r.pop(sluice::now).err() == errc::closed);
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

/// Does `attempt` until it succeeds; one failure is allowed, if it is a documented one or "not now".
template <class Attempt>
bool once_more(Attempt attempt) {
  for (int failures = 0; failures < 2; ++failures) {
    const auto r = attempt();
    if (r) return true;
    if (!r.err().again() && r.err() != errc::closed && !documented_opening(r.err())) return false;
  }
  return false;
}

/// Bytes through a foreign pipe and a splice into another one.
inline int pass_through(stage& s, const site&) {
  const holdings before = settled_holdings();
  {
    int fd[2];
    FAULTS_REQUIRE(::pipe2(fd, O_CLOEXEC) == 0);
    sluice::descriptor_reader in{sluice::unique_handle(fd[0])};
    sluice::descriptor_writer out{sluice::unique_handle(fd[1])};
    auto p = sluice::pipe();
    FAULTS_REQUIRE(p);
    const std::byte some[1]{std::byte{42}};
    std::byte to[1];
    const int line = s.traced([&]() -> int {
      FAULTS_REQUIRE(once_more([&] { return out.try_write(some); }) && once_more([&] { return in.try_read(to); }));
      FAULTS_REQUIRE(to[0] == some[0]);
      FAULTS_REQUIRE(once_more([&] { return out.try_write(some); }) && once_more([&] { return sluice::try_splice(in, p->out); }));
      FAULTS_REQUIRE(once_more([&] { return p->out.set_capacity(131'072); }) && once_more([&] { return p->in.try_read(to); }));
      return 0;
    });
    if (line != 0) return line;
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

/// A FIFO: made, met, written, read, removed.
inline int life_of_a_fifo(stage& s, const site& at) {
  const holdings before = settled_holdings();
  const std::string path = *at.dir / "fifo";
  const int line = s.traced([&]() -> int {
    auto r = sluice::fifo_source<message>(path);
    FAULTS_REQUIRE(r || documented_opening(r.err()));
    if (!r) r = sluice::fifo_source<message>(path);
    FAULTS_REQUIRE(r);
    auto t = sluice::fifo_sink<message>(path);
    FAULTS_REQUIRE(t || documented_opening(t.err()));
    if (!t) t = sluice::fifo_sink<message>(path);
    FAULTS_REQUIRE(t);
    auto pushed = t->try_push(message::make(1));
    if (pushed.err() == errc::truncated) return 0;  // a part of a small write: no FIFO does that, and the sink then ends
    if (pushed.err() == errc::closed) t->stream().reopen();
    FAULTS_REQUIRE(pushed || documented_opening(pushed.err()) || pushed.err().again() || pushed.err() == errc::closed);
    if (!pushed) pushed = t->try_push(message::make(1));
    FAULTS_REQUIRE(pushed);
    FAULTS_REQUIRE(once_more([&] { return r->try_pop(); }));
    const error nothing = r->try_pop().err();
    FAULTS_REQUIRE(nothing.again() || documented_opening(nothing));
    FAULTS_REQUIRE(once_more([&] { return sluice::fifo_remove(path); }));
    return 0;
  });
  ::unlink(path.c_str());
  if (line != 0) return line;
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

/// A child: started, asked, answered, ended.
inline int life_of_a_child(stage& s, const site&) {
  const holdings before = settled_holdings();
  const int line = s.traced([&]() -> int {
    const auto start = [] { return sluice::spawn({"/bin/cat"}); };
    auto c = start();
    FAULTS_REQUIRE(c || documented_opening(c.err()));
    if (!c) c = start();
    FAULTS_REQUIRE(c);
    std::byte b[1]{};
    FAULTS_REQUIRE(once_more([&] { return c->in.try_write(b); }) && once_more([&] { return c->out.read(b, 5s); }));
    FAULTS_REQUIRE(once_more([&] { return c->end(); }));
    return 0;
  });
  if (line != 0) return line;
  FAULTS_REQUIRE(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD);
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

/// Waits for a descriptor and a stop, which therefore needs a bell; the stop comes.
inline int wait_for_bytes(stage& s, const site&) {
  std::thread([] { std::free(std::malloc(1)); }).join();  // its stack and its heap stay with the process
  {  // so does what this thread sleeps on words and descriptors with, where the stop has no bell
    const auto p = sluice::pipe();
    FAULTS_REQUIRE(p);
    const std::uint32_t word = 0;
    sluice::wait_set both;
    both.on(&word, 0, false), both.on(p->in.handle(), sluice::want::pop);
    (void)both.sleep(sluice::until(1ms).absolute());
  }
  const holdings before = settled_holdings();
  {
    auto p = sluice::pipe();
    FAULTS_REQUIRE(p);
    sluice::stop halt;
    std::thread asker([&] {
      test::sleep_us(3000);
      halt.request();
    });
    std::byte to[8];
    const auto begun = test::now_ns();
    const auto n = s.traced([&] { return p->in.read(to, {5s, halt}); });
    asker.join();
    FAULTS_REQUIRE(!n && (n.err() == errc::stopped || documented_opening(n.err())));
    FAULTS_REQUIRE(test::now_ns() - begun < 1'000'000'000);
    FAULTS_REQUIRE(p->in.read(to, halt).err() == errc::stopped);
    FAULTS_REQUIRE(p->out.write(std::span<const std::byte>(to, 3)) && *p->in.read(to) == 3);
  }
  FAULTS_REQUIRE(settled_holdings() == before);
  return 0;
}

}  // namespace faults

#endif
