// SPDX-License-Identifier: MIT
#include <sluice/stream/unix_messages.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::step;
using sluice::unique_handle;
using sluice::unix_datagram;
using sluice::unix_seqpacket;

namespace {

std::vector<std::byte> pattern(std::size_t n, unsigned from = 0) {
  std::vector<std::byte> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = std::byte((from + i * 7) & 0xff);
  return v;
}
template <class End>
auto make_pair(const sluice::unix_options& o = {}) {
  if constexpr (std::is_same_v<End, unix_seqpacket>) return sluice::unix_seqpacket_pair(o);
  else return sluice::unix_datagram_pair(o);
}

}  // namespace

TEMPLATE_TEST_CASE("messages come whole and apart, of every size", "[unix]", unix_seqpacket, unix_datagram) {
  auto p = make_pair<TestType>();
  REQUIRE(p);
  std::vector<std::byte> to(100'000);
  for (const std::size_t n : {1u, 2u, 7u, 4096u, 65'537u, 100'000u}) {
    REQUIRE(p->first.push(pattern(n), 1s));
    REQUIRE(p->first.push(pattern(3, 9), 1s));
    auto got = p->second.pop(to, 1s);
    REQUIRE(got);
    CHECK(*got == n);
    CHECK(std::equal(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(n), pattern(n).begin()));
    got = p->second.pop(to, 1s);
    REQUIRE(got);
    CHECK(*got == 3);
  }
  CHECK(p->second.try_pop(to).err() == error(errc::empty, step::pop));
  CHECK(p->second.pop(to, 3ms).err() == errc::timeout);
}

TEMPLATE_TEST_CASE("a message that does not fit is told with its size, and stays", "[unix]", unix_seqpacket,
                   unix_datagram) {
  auto p = make_pair<TestType>({.handles = true});
  REQUIRE(p);
  const int passed[] = {p->first.handle()};
  REQUIRE(p->first.try_push(pattern(50), passed));
  std::array<std::byte, 100> to;
  std::array<unique_handle, 1> handle;
  for (const std::size_t room : {0u, 1u, 49u}) {
    CHECK(p->second.try_pop(std::span(to).first(room)).err() == error(errc::too_big, step::read, 50));
    CHECK(p->second.try_pop(std::span(to).first(room), handle).err() == error(errc::too_big, step::read, 50));
  }
  const auto r = p->second.try_pop(std::span(to).first(50), handle);
  REQUIRE(r);
  CHECK(r->size == 50);
  CHECK(r->handles == 1);
}

TEMPLATE_TEST_CASE("a message that no buffer takes is too big, and a full end takes no more until there is room",
                   "[unix]", unix_seqpacket, unix_datagram) {
  auto p = make_pair<TestType>();
  REQUIRE(p);
  CHECK(p->first.push(pattern(10'000'000), 1s).err() == errc::too_big);
  unsigned n = 0;
  while (p->first.try_push(pattern(1000))) ++n;
  CHECK(n > 0);
  CHECK(p->first.try_push(pattern(1000)).err() == error(errc::full, step::push));
  CHECK(p->first.push(pattern(1000), 3ms).err() == errc::timeout);
  std::array<std::byte, 1000> to;
  std::thread reader([&] {
    std::this_thread::sleep_for(5ms);
    for (unsigned i = 0; i <= n; ++i) (void)p->second.pop(to, 1s);
  });
  CHECK(p->first.push(pattern(1000), 5s));
  reader.join();
}

TEST_CASE("a connection for messages ends after what was accepted, and cannot send nothing", "[unix]") {
  auto p = sluice::unix_seqpacket_pair();
  REQUIRE(p);
  CHECK(p->first.try_push({}).err() == errc::invalid);
  REQUIRE(p->first.try_push(pattern(5)));
  p->first.close();
  std::array<std::byte, 10> to;
  CHECK(*p->second.pop(to, 1s) == 5);
  CHECK(p->second.pop(to, 1s).err() == errc::closed);
  CHECK(p->second.try_pop(to).err() == error(errc::closed, step::pop));
  CHECK(p->second.push(pattern(1), 1s).err() == error(errc::closed, step::push));
  CHECK(p->first.try_pop(to).err() == errc::closed);
}

TEST_CASE("who closes with messages unread takes nothing of what it has sent back", "[unix]") {
  auto p = sluice::unix_seqpacket_pair();
  REQUIRE(p);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(p->first.try_push(pattern(5000)));
    REQUIRE(p->second.try_push(pattern(7)));
  }
  p->second.close();
  std::array<std::byte, 10> to;
  for (int i = 0; i < 3; ++i) {
    const auto n = p->first.try_pop(to);
    REQUIRE(n);
    CHECK(*n == 7);
  }
  CHECK(p->first.try_pop(to).err() == errc::closed);
}

TEST_CASE("a message of nothing from a foreign program is told from the end", "[unix]") {
  auto p = sluice::unix_seqpacket_pair();
  REQUIRE(p);
  const auto send_nothing = [&] { REQUIRE(::send(p->first.handle(), "", 0, MSG_NOSIGNAL) == 0); };
  std::array<std::byte, 10> to;
  send_nothing();
  auto r = p->second.try_pop(to);
  REQUIRE(r);
  CHECK(*r == 0);
  CHECK(p->second.try_pop(to).err() == errc::empty);
  send_nothing();
  REQUIRE(p->first.try_push(pattern(3)));
  send_nothing();
  p->first.close();
  r = p->second.try_pop(to);
  REQUIRE(r);
  CHECK(*r == 0);
  r = p->second.try_pop(to);
  REQUIRE(r);
  CHECK(*r == 3);
  CHECK(p->second.try_pop(to).err() == errc::closed);  // behind the last byte an empty one is the end
}

TEST_CASE("a half closed connection for messages still takes what comes", "[unix]") {
  auto p = sluice::unix_seqpacket_pair();
  REQUIRE(p);
  p->first.end_writing();
  std::array<std::byte, 10> to;
  CHECK(p->second.try_pop(to).err() == errc::closed);
  REQUIRE(p->second.try_push(pattern(4)));
  CHECK(*p->first.try_pop(to) == 4);
}

TEST_CASE("connections for messages are made by name", "[unix]") {
  const test::scratch dir;
  auto l = sluice::unix_seqpacket_listen(dir / "s");
  REQUIRE(l);
  auto c = sluice::unix_seqpacket_connect(dir / "s", 1s);
  REQUIRE(c);
  auto s = l->pop(1s);
  REQUIRE(s);
  REQUIRE(c->try_push(pattern(4)));
  std::array<std::byte, 10> to;
  CHECK(*s->pop(to, 1s) == 4);
  CHECK(sluice::peer_of(*s)->pid == ::getpid());
  CHECK(sluice::unix_connect(dir / "s", 1s).err() == errc::mismatch);
  CHECK(sluice::unix_datagram_connect(dir / "s").err() == errc::mismatch);
}

TEST_CASE("a connection for messages whose writer was killed gives what was accepted, and ends", "[unix]") {
  const test::scratch dir;
  auto l = sluice::unix_seqpacket_listen(dir / "s");
  REQUIRE(l);
  test::child c([&]() -> int {
    auto s = sluice::unix_seqpacket_connect(dir / "s", 5s);
    for (unsigned n = 0; n < 200 && s; ++n)
      if (!s->push(pattern(1000, n), 5s)) return 1;
    ::kill(::getpid(), SIGKILL);
    return 2;
  });
  auto s = l->pop(5s);
  REQUIRE(s);
  std::vector<std::byte> to(2000);
  bool same = true;
  for (unsigned n = 0; n < 200; ++n) {
    const auto r = s->pop(to, 5s);
    REQUIRE(r);
    same = same && *r == 1000 && std::equal(to.begin(), to.begin() + 1000, pattern(1000, n).begin());
  }
  CHECK(same);
  CHECK(s->pop(to, 5s).err() == errc::closed);
  CHECK(c.wait() == -SIGKILL);
}

TEST_CASE("datagrams come from everybody to a name, with who sent them, and nothing is a message too", "[unix]") {
  const test::scratch dir;
  const std::string name = dir / "d";
  auto in = sluice::unix_datagram_bind(name, {.credentials = true});
  REQUIRE(in);
  CHECK(dir.entries() == 2);
  CHECK(sluice::unix_datagram_bind(name).err() == errc::busy);
  test::child c([&]() -> int {
    auto out = sluice::unix_datagram_connect(name);
    return out && out->push(pattern(4), 5s) ? 0 : 1;
  });
  std::array<std::byte, 10> to;
  auto r = in->pop(to, {}, 5s);
  REQUIRE(r);
  CHECK(r->size == 4);
  CHECK(r->sender.known);
  CHECK(r->sender.pid == c.pid());
  CHECK(r->sender.uid == ::geteuid());
  CHECK(c.wait() == 0);
  auto out = sluice::unix_datagram_connect(name);
  REQUIRE(out);
  REQUIRE(out->try_push({}));
  r = in->pop(to, {}, 1s);
  REQUIRE(r);
  CHECK(r->size == 0);
  CHECK(r->sender.pid == ::getpid());
  in->close();
  CHECK(dir.entries() == 0);
  CHECK(in->try_pop(to).err() == errc::closed);
  CHECK(out->try_push(pattern(1)).err() == errc::closed);
  CHECK(sluice::unix_datagram_connect(name).err() == errc::not_found);
}

TEST_CASE("the name of a datagram end that was killed is taken over at once", "[unix]") {
  const test::scratch dir;
  const std::string name = dir / "d";
  test::shared_with_children<std::atomic<int>> up;
  test::child victim([&]() -> int {
    const auto in = sluice::unix_datagram_bind(name);
    *up = in ? 1 : 2;
    for (;;) ::pause();
  });
  REQUIRE(test::eventually([&] { return *up == 1; }));
  victim.kill();
  auto in = sluice::unix_datagram_bind(name);
  REQUIRE(in);
  auto out = sluice::unix_datagram_connect(name);
  REQUIRE(out);
  REQUIRE(out->try_push(pattern(2)));
  std::array<std::byte, 10> to;
  CHECK(*in->pop(to, 1s) == 2);
}
