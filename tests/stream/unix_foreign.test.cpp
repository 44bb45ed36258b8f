// SPDX-License-Identifier: MIT
#include <sluice/stream/unix_messages.hpp>

#include "catch.hpp"
#include "foreign.hpp"

#include <array>
#include <chrono>
#include <string>

// Against programs that nobody here wrote: they listen and we connect, and the reverse.

using namespace std::chrono_literals;
using sluice::unique_handle;
using test::bytes_of;
using test::connect_soon;
using test::read_all;
using test::run;
using test::text_of;

TEST_CASE("socat gives back what it gets from a connection", "[unix][foreign]") {
  SKIP_WITHOUT("socat");
  const test::scratch dir;
  const std::string name = dir / "s";
  SECTION("a path") {
    auto socat = run({"socat", "UNIX-LISTEN:" + name, "EXEC:cat"});
    auto c = connect_soon([&] { return sluice::unix_connect(name, 1s); });
    std::string sent(100'000, 'x');
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + i % 26);
    std::string got;
    std::array<std::byte, 5000> to;
    for (std::size_t at = 0; got.size() < sent.size();) {
      if (at < sent.size()) {
        if (const auto n = c.try_write(bytes_of(sent).subspan(at))) at += *n;
        if (at == sent.size()) c.end_writing();
      }
      if (const auto n = c.read(to, 1ms)) got += text_of(std::span(to).first(*n));
      else if (n.err() == sluice::errc::closed) break;
    }
    CHECK((got == sent));
  }
  SECTION("an abstract name") {
    const std::string abstract = test::unique("socat");
    auto socat = run({"socat", "ABSTRACT-LISTEN:" + abstract, "EXEC:cat"});
    auto c = connect_soon([&] { return sluice::unix_connect("@" + abstract, 1s); });
    REQUIRE(c.write(bytes_of("hello")));
    c.end_writing();
    CHECK(read_all(c) == "hello");
  }
  SECTION("messages") {
    auto socat = run({"socat", "UNIX-LISTEN:" + name + ",type=5", "PIPE"});
    auto c = connect_soon([&] { return sluice::unix_seqpacket_connect(name, 1s); });
    std::array<std::byte, 100> to;
    for (const std::string message : {"one", "and another", "3"}) {
      REQUIRE(c.push(bytes_of(message), 1s));
      const auto n = c.pop(to, 5s);
      REQUIRE(n);
      CHECK(text_of(std::span(to).first(*n)) == message);
    }
  }
  SECTION("it connects to us") {
    auto l = sluice::unix_listen(name);
    REQUIRE(l);
    auto socat = run({"socat", "UNIX-CONNECT:" + name, "EXEC:'echo hello'"});
    auto s = l->pop(5s);
    REQUIRE(s);
    CHECK(read_all(*s) == "hello\n");
  }
}

TEST_CASE("netcat sends a line, and reads one", "[unix][foreign]") {
  SKIP_WITHOUT("nc");
  const test::scratch dir;
  auto l = sluice::unix_listen(dir / "s");
  REQUIRE(l);
  auto nc = run({"sh", "-c", "echo a line | nc -N -U " + (dir / "s") + " > " + (dir / "back")});
  auto s = l->pop(5s);
  REQUIRE(s);
  CHECK(read_all(*s) == "a line\n");
  REQUIRE(s->write(bytes_of("the answer")));
  s->close();
  CHECK(nc.wait() == 0);
  CHECK(test::content(dir / "back") == "the answer");
}

TEST_CASE("Python passes descriptors, and gets some", "[unix][foreign]") {
  SKIP_WITHOUT("python3");
  const test::scratch dir;
  const std::string name = dir / "s";
  auto l = sluice::unix_listen(name, {.handles = true});
  REQUIRE(l);
  const std::string program =
      "import socket, os, array\n"
      "s = socket.socket(socket.AF_UNIX)\n"
      "s.connect('" + name + "')\n"
      "r, w = os.pipe()\n"
      "socket.send_fds(s, [b'x'], [r, w])\n"
      "data, fds, flags, a = socket.recv_fds(s, 10, 1)\n"
      "os.write(fds[0], b'from python')\n";
  auto python = run({"python3", "-c", program});
  auto s = l->pop(20s);
  REQUIRE(s);
  std::array<std::byte, 100> to;
  std::array<unique_handle, 2> got;
  const auto r = sluice::receive_handles(*s, to, got, 20s);
  REQUIRE(r);
  CHECK(r->handles == 2);
  const int passed[] = {got[1].get()};
  REQUIRE(sluice::send_handles(*s, bytes_of("y"), passed, 1s));
  CHECK(python.wait() == 0);
  char text[20] = {};
  CHECK(::read(got[0].get(), text, sizeof text - 1) == 11);
  CHECK(std::string(text) == "from python");
}

TEST_CASE("Python sends datagrams, also of nothing", "[unix][foreign]") {
  SKIP_WITHOUT("python3");
  const test::scratch dir;
  const std::string name = dir / "d";
  auto in = sluice::unix_datagram_bind(name, {.credentials = true});
  REQUIRE(in);
  auto python = run({"python3", "-c",
                     "import socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.connect('" + name +
                         "')\ns.send(b'one')\ns.send(b'')\ns.send(b'three')\n"});
  std::array<std::byte, 100> to;
  for (const std::size_t size : {3u, 0u, 5u}) {
    const auto r = in->pop(to, {}, 20s);
    REQUIRE(r);
    CHECK(r->size == size);
    CHECK(r->sender.uid == ::geteuid());
  }
  CHECK(python.wait() == 0);
}
