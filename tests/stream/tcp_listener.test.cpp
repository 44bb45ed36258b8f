// SPDX-License-Identifier: MIT
#include <sluice/stream/tcp.hpp>

#include "catch.hpp"
#include "foreign.hpp"
#include "net.hpp"
#include "sanitizers.hpp"

#include <sys/resource.h>
#include <thread>

using namespace std::chrono_literals;
using sluice::endpoint;
using sluice::errc;
using sluice::ip_family;
using sluice::subject;

TEST_CASE("a listener gives the connections that come, with who they are", "[tcp]") {
  for (const auto family : {ip_family::v4, ip_family::v6}) {
    auto door = test::listener(family);
    CHECK(door.try_pop().err() == errc::empty);
    const auto at = door.local();
    REQUIRE(at);
    CHECK(at->port() != 0);
    CHECK(at->family() == family);
    std::vector<sluice::tcp_stream> out;
    for (int i = 0; i < 3; ++i) out.push_back(sluice::must(sluice::tcp_connect(*at, 5s)));
    int n = 0;
    auto all = door.each(50ms);
    for (auto& s : all) CHECK(*s.peer() == *out[static_cast<std::size_t>(n++)].local());
    CHECK(n == 3);
    CHECK(all.why == errc::timeout);
    door.close();
    door.close();
    CHECK(door.pop(1s).err() == errc::closed);
    CHECK(sluice::tcp_connect(*at, 5s).err() == errc::not_found);
  }
}

TEST_CASE("a deadline and a stop end the wait for a connection", "[tcp]") {
  auto door = test::listener();
  auto before = test::now_ns();
  CHECK(door.pop(sluice::now).err() == errc::empty);
  CHECK(door.pop(10ms).err() == errc::timeout);
  CHECK(test::now_ns() - before >= 10'000'000);
  sluice::stop halt;
  std::thread asker([&] {
    test::sleep_us(10'000);
    halt.request();
  });
  CHECK(door.pop({20s, halt}).err() == errc::stopped);
  CHECK(test::now_ns() - before < 5'000'000'000);
  asker.join();
  std::thread caller([at = *door.local()] { (void)sluice::tcp_connect(at, 5s); });
  CHECK(door.pop(5s));
  caller.join();
}

TEST_CASE("an address in use, of another host, or badly written is said to be so", "[tcp]") {
  const auto door = test::listener();
  auto twice = sluice::tcp_listen(*door.local());
  CHECK(twice.err() == errc::busy);
  CHECK(twice.err().about() == subject::address);
  CHECK(sluice::tcp_listen("192.0.2.1:0").err() == errc::invalid);
  CHECK(sluice::tcp_listen("localhost").err() == errc::invalid);
  const std::size_t before = test::open_descriptors();
  for (int i = 0; i < 10; ++i) CHECK(!sluice::tcp_listen(*door.local()));
  CHECK(test::open_descriptors() == before);
}

TEST_CASE("a port can be listened at again at once, though its connections linger", "[tcp]") {
  auto door = test::listener();
  const auto at = *door.local();
  auto a = sluice::must(sluice::tcp_connect(at, 5s));
  auto b = sluice::must(door.pop(5s));
  b.close();  // whoever ends first keeps the port for a minute
  a.close();
  door.close();
  CHECK(sluice::tcp_listen(at));
}

TEST_CASE("listeners that share a port share its connections", "[tcp]") {
  sluice::tcp_listen_options o;
  o.reuse_port = true;
  auto one = test::listener(ip_family::v4, o);
  auto two = sluice::tcp_listen(*one.local(), o);
  REQUIRE(two);
  std::vector<sluice::tcp_stream> out;
  for (int i = 0; i < 100; ++i) out.push_back(sluice::must(sluice::tcp_connect(*one.local(), 5s)));
  int first = 0, second = 0;
  while (one.pop(sluice::now)) ++first;
  while (two->pop(sluice::now)) ++second;
  CHECK(first + second == 100);
  CHECK(first > 0);
  CHECK(second > 0);
}

TEST_CASE("an IPv6 address takes both families, or only its own", "[tcp]") {
  auto both = sluice::tcp_listen(":0");
  REQUIRE(both);
  const auto four = sluice::tcp_connect(endpoint::loopback(ip_family::v4, both->local()->port()), 5s);
  REQUIRE(four);
  CHECK(std::string(both->pop(5s)->peer()->text().c_str()) ==
        "[::ffff:127.0.0.1]:" + std::to_string(four->local()->port()));
  CHECK(sluice::tcp_connect(endpoint::loopback(ip_family::v6, both->local()->port()), 5s));
  CHECK(both->pop(5s));
  sluice::tcp_listen_options o;
  o.v6_only = true;
  auto only = sluice::tcp_listen(endpoint::any(ip_family::v6, 0), o);
  REQUIRE(only);
  CHECK(sluice::tcp_connect(endpoint::loopback(ip_family::v4, only->local()->port()), 5s).err() == errc::not_found);
  CHECK(sluice::tcp_connect(endpoint::loopback(ip_family::v6, only->local()->port()), 5s));
}

namespace {

/// What a listener without a free descriptor did.
struct famine {
  int failure = 0;  // the line
  std::int64_t waited = 0, computed = 0;
};

}  // namespace

TEST_CASE("without a free descriptor a listener neither spins nor turns anybody away", "[tcp]") {
  const test::shared_with_children<famine> seen;
  test::child poor([&] {
    auto door = test::listener();
    auto caller = sluice::must(sluice::tcp_connect(*door.local(), 5s));
    const auto greeting = test::pattern(100);
    if (!caller.write(greeting)) return seen->failure = __LINE__;
    rlimit most{};
    ::getrlimit(RLIMIT_NOFILE, &most);
    std::vector<sluice::unique_handle> all;
    std::atomic<bool> starved{false};
    std::thread helper([&] {  // begun in time: a sanitizer needs descriptors to look at what a thread begins with
      while (!starved) test::sleep_us(1000);
      test::sleep_us(30'000);
      all.resize(all.size() / 2);  // more than one, for the same reason at its end
    });
    const struct joiner {
      std::thread& t;
      std::atomic<bool>& go;
      ~joiner() {
        go = true;
        if (t.joinable()) t.join();
      }
    } at_return{helper, starved};
    const rlim_t few = test::open_descriptors() + 9;
    const rlimit tight{few, most.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &tight) != 0) return seen->failure = __LINE__;
    for (;;) {
      sluice::unique_handle fd(::fcntl(0, F_DUPFD_CLOEXEC, 0));
      if (!fd) break;
      all.push_back(std::move(fd));
    }
    const auto why = door.try_pop().err();
    if (!(why == errc::pending && why.about() == subject::descriptors)) return seen->failure = __LINE__;
    const auto then = test::now_ns(), computed = test::cpu_ns();
    if (!(door.pop(400ms).err() == errc::timeout)) return seen->failure = __LINE__;
    seen->waited = test::now_ns() - then;
    seen->computed = test::cpu_ns() - computed;
    starved = true;
    auto late = door.pop(5s);
    helper.join();
    std::byte place[200];
    if (!late) return seen->failure = __LINE__;
    const auto n = late->read(place, 5s);
    if (!n || *n != 100) return seen->failure = __LINE__;
    return 0;
  });
  CHECK(poor.wait() == 0);
  CHECK(seen->failure == 0);
  CHECK(seen->waited >= 400'000'000);
  CHECK(seen->computed < (sanitized ? 200'000'000 : 40'000'000));
}

TEST_CASE("connections that broke off while they waited do not hold up the others", "[tcp]") {
  auto door = test::listener();
  for (int i = 0; i < 5; ++i) sluice::must(sluice::tcp_connect(*door.local(), 5s)).abort();
  auto caller = sluice::must(sluice::tcp_connect(*door.local(), 5s));
  const auto greeting = test::pattern(10);
  REQUIRE(caller.write(greeting));
  bool heard = false;
  for (auto& s : door.each(200ms)) {
    std::byte place[20];
    const auto n = s.read(place, 200ms);
    heard = heard || (n && *n == 10);
  }
  CHECK(heard);
}

TEST_CASE("only a listening TCP socket is adopted, and its flags stay as they are", "[tcp]") {
  const auto refused = [](int fd) { return sluice::tcp_listener::adopt(sluice::unique_handle(fd)).err(); };
  CHECK(refused(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == errc::invalid);
  CHECK(refused(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == errc::invalid);
  CHECK(refused(::open("/dev/null", O_RDONLY | O_CLOEXEC)) == errc::invalid);
  const int local = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(refused(local).about() == subject::protocol);
  CHECK(refused(-1) == errc::os);

  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);  // blocks
  const auto at = endpoint::loopback(ip_family::v4, 0);
  REQUIRE(::bind(fd, at.data(), at.size()) == 0);
  REQUIRE(::listen(fd, 16) == 0);
  REQUIRE(::fcntl(fd, F_SETFD, 0) == 0);
  auto door = sluice::tcp_listener::adopt(sluice::unique_handle(fd));
  REQUIRE(door);
  CHECK(::fcntl(fd, F_GETFD) == FD_CLOEXEC);
  CHECK(door->try_pop().err() == errc::empty);
  CHECK(door->pop(5ms).err() == errc::timeout);
  const auto caller = sluice::must(sluice::tcp_connect(*door->local(), 5s));
  const auto s = door->pop(5s);
  REQUIRE(s);
  CHECK((::fcntl(s->handle(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK(*sluice::detail::get_option<int>(s->handle(), IPPROTO_TCP, TCP_NODELAY) != 0);
  CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
}

TEST_CASE("a listener of the service manager is taken over, and nothing else for one", "[tcp]") {
  CHECK(sluice::tcp_listener::inherited().err() == errc::not_found);
  test::child service([] {
    auto door = test::listener();
    const auto at = *door.local();
    const int spare = ::fcntl(door.handle(), F_DUPFD_CLOEXEC, 10);
    door.close();
    if (::dup2(spare, 3) != 3) return __LINE__;
    ::close(spare);
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || ::dup2(pair[0], 4) != 4) return __LINE__;
    ::setenv("LISTEN_FDS", "2", 1);
    ::setenv("LISTEN_PID", "1", 1);  // meant for another process
    if (!(sluice::tcp_listener::inherited().err() == errc::not_found)) return __LINE__;
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    for (const char* bad : {"", "x", "2x", "-1", "99999999999999999999"}) {
      ::setenv("LISTEN_FDS", bad, 1);
      if (!(sluice::tcp_listener::inherited().err() == errc::not_found)) return __LINE__;
    }
    ::setenv("LISTEN_FDS", "2", 1);
    auto taken = sluice::tcp_listener::inherited();
    if (!taken || taken->handle() != 3) return __LINE__;
    if (!(sluice::tcp_listener::inherited(1).err() == errc::invalid)) return __LINE__;
    if (::fcntl(4, F_GETFD) < 0) return __LINE__;  // not ours: still open
    if (!(sluice::tcp_listener::inherited(2).err() == errc::not_found)) return __LINE__;
    const auto caller = sluice::tcp_connect(at, 5s);
    return caller && taken->pop(5s) ? 0 : __LINE__;
  });
  CHECK(service.wait() == 0);
}

TEST_CASE("ten thousand connections come and go, and nothing is left of them", "[tcp]") {
  const unsigned all = rounds(10'000);
  auto door = test::listener();
  const auto at = *door.local();
  const std::size_t before = test::open_descriptors();
  const auto begun = test::now_ns();
  unsigned served = 0;
  std::thread server([&] {
    for (auto& s : door.each(5s)) {
      std::byte b[1];
      if (s.read(b, 5s) && s.write(b, 5s)) ++served;
      if (served == all) break;
    }
  });
  unsigned answered = 0;
  for (unsigned i = 0; i < all; ++i) {
    auto s = sluice::tcp_connect(at, 5s);
    std::byte b[1]{std::byte(i)};
    if (s && s->write(b, 5s) && s->read(b, 5s) && b[0] == std::byte(i)) ++answered;
  }
  server.join();
  std::printf("%u connections in %.2f s\n", all, static_cast<double>(test::now_ns() - begun) / 1e9);
  CHECK(answered == all);
  CHECK(served == all);
  CHECK(test::open_descriptors() == before);
}

TEST_CASE("programs that nobody here wrote talk with a listener", "[tcp]") {
  const test::scratch dir;
  struct guest {
    const char* program;
    std::string command;  // sends "ping\n", and writes what comes to the file "got"
    bool reads_to_end;
  };
  auto door = test::listener();
  const std::string port = std::to_string(door.local()->port()), got = dir / "got";
  const std::string script = "import socket,sys\ns=socket.create_connection(('127.0.0.1'," + port +
                             "))\ns.sendall(b'ping\\n')\ns.shutdown(1)\nd=b''\nwhile True:\n  c=s.recv(7)\n  if not c: break\n  d+=c\n"
                             "open(sys.argv[1],'wb').write(d)\n";
  const guest guests[] = {
      {"python3", "python3 -c \"" + script + "\" " + got, true},
      {"nc", "echo ping | nc -q 2 127.0.0.1 " + port + " > " + got, true},
      {"socat", "echo ping | socat -t 5 - TCP:127.0.0.1:" + port + " > " + got, true},
      {"curl", "curl -s --max-time 20 http://127.0.0.1:" + port + "/ > " + got, false},
  };
  const std::string body(300'000, 'x');
  for (const auto& g : guests) {
    if (!test::installed(g.program)) {
      WARN(test::no(g.program));
      continue;
    }
    INFO(g.program);
    auto other = test::command(g.command);
    auto s = door.pop(20s);
    REQUIRE(s);
    std::string heard;
    std::byte place[1000];
    for (;;) {
      const auto n = s->read(place, 20s);
      if (!n) break;
      heard.append(reinterpret_cast<const char*>(place), *n);
      if (heard.find("\r\n\r\n") != heard.npos) break;
    }
    CHECK(heard.substr(0, 4) == (g.reads_to_end ? "ping" : "GET "));
    const std::string head = g.reads_to_end ? "" : "HTTP/1.0 200 OK\r\nContent-Length: 300000\r\n\r\n";
    const std::string answer = head + body;
    auto rest = std::as_bytes(std::span(answer));
    while (!rest.empty()) {
      const auto n = s->write(rest, 20s);
      if (!n) break;
      rest = rest.subspan(*n);
    }
    CHECK(rest.empty());
    CHECK(s->finish(20s));
    CHECK(other.wait() == 0);
    CHECK((test::content(got) == body));
  }
}
