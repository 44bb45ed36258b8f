// SPDX-License-Identifier: MIT
#include <sluice/stream/tcp.hpp>

#include "catch.hpp"
#include "foreign.hpp"
#include "net.hpp"
#include "sanitizers.hpp"

#include <dlfcn.h>
#include <netdb.h>
#include <thread>

using namespace std::chrono_literals;
using sluice::endpoint;
using sluice::errc;
using sluice::ip_family;
using sluice::subject;

// A name server under our control: this program's getaddrinfo. Any name but these goes to that of the system.
//   a.b.test  has the addresses 127.0.0.a and 127.0.0.b, in that order; 6 stands for ::1
//   slow.test answers after `slowness`
namespace {

std::atomic<int> slowness_ms{0};
std::atomic<int> asked_slowly{0};

using real_lookup = int(const char*, const char*, const addrinfo*, addrinfo**);

int look_up_here(real_lookup* real, std::string name, const char* port, const addrinfo* hints, addrinfo** list) {
  *list = nullptr;
  addrinfo** end = list;
  for (std::size_t at = 0; at < name.size();) {
    const auto dot = name.find('.', at);
    const std::string label = name.substr(at, dot - at);
    if (const int e = real(label == "6" ? "::1" : ("127.0.0." + label).c_str(), port, hints, end); e != 0) return e;
    while (*end != nullptr) end = &(*end)->ai_next;
    at = dot == name.npos ? name.size() : dot + 1;
  }
  return 0;
}

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** list) {
  static auto* const real = reinterpret_cast<real_lookup*>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  const std::string name = node == nullptr ? "" : node;
  if (name == "slow.test") {
    ++asked_slowly;
    test::sleep_us(slowness_ms * 1000L);
    return look_up_here(real, "1", service, hints, list);
  }
  if (name == "busy.test") return EAI_AGAIN;
  if (name.size() > 5 && name.substr(name.size() - 5) == ".test")
    return look_up_here(real, name.substr(0, name.size() - 5), service, hints, list);
  return real(node, service, hints, list);
}

namespace {

endpoint loopback(int last, std::uint16_t port) { return *endpoint::of("127.0.0." + std::to_string(last), port); }
std::string name(const char* host, std::uint16_t port) { return std::string(host) + ":" + std::to_string(port); }

}  // namespace

TEST_CASE("a connection is refused where nobody listens", "[tcp]") {
  const std::size_t before = test::open_descriptors();
  for (const auto family : {ip_family::v4, ip_family::v6}) {
    const auto s = sluice::tcp_connect(test::nobody(family), 5s);
    CHECK(s.err() == errc::not_found);
    CHECK(s.err().about() == subject::address);
  }
  for (const char* bad : {"", ":", "x", "x:", "x:y", "x:99999", "1.2.3:80", "host name:80", "a:b:c", "-%lo:80"}) {
    INFO(bad);
    CHECK(sluice::tcp_connect(bad, 5s).err() == errc::invalid);
  }
  CHECK(sluice::tcp_connect(std::string(300, 'a').append(":80"), 5s).err() == errc::invalid);
  CHECK(test::open_descriptors() == before);
}

TEST_CASE("a deadline and a stop end the wait for somebody who does not answer", "[tcp]") {
  const test::silent_listener silent;
  REQUIRE(silent.silent());
  const std::size_t descriptors = test::open_descriptors();
  auto before = test::now_ns();
  CHECK(sluice::tcp_connect(silent.address(), 30ms).err() == errc::timeout);
  CHECK(test::now_ns() - before >= 30'000'000);
  CHECK(sluice::tcp_connect(silent.address(), sluice::now).err() == errc::empty);
  sluice::stop halt;
  std::thread asker([&] {
    test::sleep_us(20'000);
    halt.request();
  });
  CHECK(sluice::tcp_connect(silent.address(), {20s, halt}).err() == errc::stopped);
  CHECK(test::now_ns() - before < 5'000'000'000);
  asker.join();
  CHECK(test::open_descriptors() == descriptors + 1);  // the bell of the stop
}

TEST_CASE("a connector gives one stream, then it is closed", "[tcp]") {
  auto door = test::listener();
  sluice::tcp_connector c(*door.local());
  auto s = c.pop(5s);
  REQUIRE(s);
  CHECK(*s->peer() == *door.local());
  CHECK(c.try_pop().err() == errc::closed);
  CHECK(c.pop(5s).err() == errc::closed);
  sluice::tcp_connector unused(*door.local());
  unused.close();
  CHECK(unused.pop(5s).err() == errc::closed);
  sluice::tcp_connector from(*door.local());
  sluice::tcp_connector to(std::move(from));
  CHECK(from.try_pop().err() == errc::closed);  // NOLINT: that is what is asked
  CHECK(to.pop(5s));
}

TEST_CASE("a connector goes on where a timeout left it", "[tcp]") {
  sluice::tcp_listen_options o;
  o.backlog = 0;
  auto door = test::listener(ip_family::v4, o);
  std::vector<sluice::tcp_stream> guests;
  sluice::tcp_connector c(*door.local());
  for (;;) {  // until the queue is full
    auto s = c.pop(100ms);
    if (!s) break;
    guests.push_back(*std::move(s));
    c = sluice::tcp_connector(*door.local());
    REQUIRE(guests.size() < 8);
  }
  CHECK(c.pop(10ms).err() == errc::timeout);
  while (door.pop(sluice::now)) {
  }
  CHECK(c.pop(20s));  // when the system has asked again
}

TEST_CASE("the next address is tried when one refuses, and at once", "[tcp]") {
  auto door = test::listener();
  const auto before = test::now_ns();
  const auto s = sluice::tcp_connect(name("7.8.9.1.test", door.local()->port()), 5s);
  REQUIRE(s);
  CHECK(*s->peer() == *door.local());
  CHECK(test::now_ns() - before < 200'000'000 * (sanitized ? 10 : 1));
  CHECK(sluice::tcp_connect(name("7.8.9.test", door.local()->port()), 5s).err() == errc::not_found);
}

TEST_CASE("the next address is tried when one says nothing, and the first that answers wins", "[tcp]") {
  auto door = test::listener();
  const std::uint16_t port = door.local()->port();
  const test::silent_listener one(loopback(2, port)), two(loopback(3, port));
  REQUIRE(one.silent());
  REQUIRE(two.silent());
  const std::size_t descriptors = test::open_descriptors();
  sluice::tcp_connect_options o;
  auto before = test::now_ns();
  {
    const auto s = sluice::tcp_connect(name("2.1.test", port), 10s);
    REQUIRE(s);
    CHECK(*s->peer() == *door.local());
    CHECK(test::now_ns() - before >= 250'000'000);
    CHECK(test::now_ns() - before < 900'000'000);  // long before the silent one would be given up
    CHECK(test::open_descriptors() == descriptors + 1);
  }
  o.next_address_after = 20ms;
  before = test::now_ns();
  CHECK(sluice::tcp_connect(name("2.3.1.test", port), 10s, o));
  CHECK(test::now_ns() - before >= 40'000'000);
  CHECK(sluice::tcp_connect(name("2.3.test", port), 100ms, o).err() == errc::timeout);
  CHECK(sluice::tcp_connect(name("2.9.test", port), 100ms, o).err() == errc::timeout);  // one refuses, one may yet answer
  CHECK(test::open_descriptors() == descriptors);
}

TEST_CASE("the families are tried in turn", "[tcp]") {
  auto door = test::listener(ip_family::v6);
  const std::uint16_t port = door.local()->port();
  const test::silent_listener one(loopback(2, port)), two(loopback(3, port));
  sluice::tcp_connect_options o;
  o.next_address_after = 200ms;
  const auto before = test::now_ns();
  const auto s = sluice::tcp_connect(name("2.3.6.test", port), 10s, o);
  REQUIRE(s);
  CHECK(s->peer()->family() == ip_family::v6);
  CHECK(test::now_ns() - before < 390'000'000);  // second, though third in the list
}

TEST_CASE("who would only reach itself is refused", "[tcp]") {
  const auto at = test::nobody();
  sluice::tcp_connect_options o;
  o.from = at;
  const auto s = sluice::tcp_connect(at, 5s, o);  // a call to itself that the system lets through
  CHECK(s.err() == errc::not_found);
  CHECK(s.err().about() == subject::address);
}

TEST_CASE("the address that a connection comes from can be chosen", "[tcp]") {
  auto door = test::listener();
  sluice::tcp_connect_options o;
  o.from = loopback(5, 0);
  const auto s = sluice::tcp_connect(*door.local(), 5s, o);
  REQUIRE(s);
  CHECK(*s->local() == loopback(5, s->local()->port()));
  o.from = *endpoint::parse("192.0.2.1:0");
  CHECK(sluice::tcp_connect(*door.local(), 5s, o).err() == errc::invalid);
}

TEST_CASE("a host is found by its name", "[tcp]") {
  auto door = test::listener();
  CHECK(sluice::tcp_connect(name("localhost", door.local()->port()), 10s));
  CHECK(sluice::tcp_connect(name("127.0.0.1", door.local()->port()), 5s));
  const auto later = sluice::tcp_connect("busy.test:80", 5s);
  CHECK(later.err() == errc::not_found);
  CHECK(later.err().about() == subject::name_server);
  const auto none = sluice::tcp_connect("no-such-host.invalid:80", 20s);
  CHECK(none.err() == errc::not_found);
}

TEST_CASE("a slow name server delays neither a deadline nor a stop, and nothing is left behind", "[tcp]") {
  auto door = test::listener();
  const std::string slow = name("slow.test", door.local()->port());
  const std::size_t descriptors = test::open_descriptors();
  slowness_ms = 300;
  auto before = test::now_ns();
  CHECK(sluice::tcp_connect(slow, 20ms).err() == errc::timeout);
  CHECK(test::now_ns() - before < 200'000'000 * (sanitized ? 5 : 1));
  CHECK(sluice::tcp_connect(slow, sluice::now).err() == errc::empty);
  {
    sluice::stop halt;
    std::thread asker([&] {
      test::sleep_us(20'000);
      halt.request();
    });
    before = test::now_ns();
    CHECK(sluice::tcp_connect(slow, {20s, halt}).err() == errc::stopped);
    CHECK(test::now_ns() - before < 200'000'000 * (sanitized ? 5 : 1));
    asker.join();
  }
  CHECK(sluice::tcp_connect(slow, 20s));  // who waits long enough gets it
  CHECK(test::eventually([&] { return test::open_descriptors() <= descriptors; }));  // less: an earlier asker was still busy
}

TEST_CASE("many who give up on a slow name server make few threads", "[tcp]") {
  slowness_ms = 200;
  asked_slowly = 0;
  const std::size_t descriptors = test::open_descriptors();
  std::vector<sluice::tcp_connector> all;
  for (int i = 0; i < 50; ++i) {
    all.emplace_back("slow.test:1");
    CHECK(all.back().try_pop().err() == errc::empty);
  }
  CHECK(test::eventually([] { return asked_slowly == 32; }, 0.15));
  test::sleep_us(10'000);
  CHECK(asked_slowly == 32);
  CHECK(all.back().pop(20s).err() == errc::not_found);  // its turn came: the port refuses
  all.clear();
  CHECK(test::eventually([&] { return test::open_descriptors() <= descriptors; }));
}

TEST_CASE("a stranger's listener is reached, and its end is an end", "[tcp]") {
  const auto at = test::nobody();
  const std::string port = std::to_string(at.port());
  for (const auto& [program, command] :
       {std::pair<std::string, std::string>{"socat", "exec socat TCP-LISTEN:" + port + ",bind=127.0.0.1,reuseaddr EXEC:cat"},
        {"python3", "exec python3 -c \"import socket\ns=socket.socket();s.setsockopt(1,2,1);s.bind(('127.0.0.1'," + port +
                        "));s.listen();c=s.accept()[0]\nwhile True:\n  d=c.recv(99)\n  if not d: break\n  c.sendall(d)\n\""}}) {
    if (!test::installed(program)) {
      WARN(test::no(program));
      continue;
    }
    INFO(program);
    auto other = test::command(command);
    sluice::result<sluice::tcp_stream> s = errc::empty;
    REQUIRE(test::eventually([&] { return static_cast<bool>(s = sluice::tcp_connect(at, 1s)); }, 20));
    const auto all = test::pattern(50'000);
    std::size_t sent = 0, came = 0;
    std::vector<std::byte> echo(all.size());
    while (came < all.size()) {
      if (sent < all.size())
        if (const auto n = s->try_write(std::span(all).subspan(sent))) sent += *n;
      const auto n = s->read(std::span(echo).subspan(came), 20s);
      REQUIRE(n);
      came += *n;
    }
    CHECK(echo == all);
    CHECK(s->finish(20s));
    CHECK(other.wait() == 0);
  }
}
