// SPDX-License-Identifier: MIT
#include <sluice/stream/udp.hpp>

#include "catch.hpp"
#include "foreign.hpp"
#include "net.hpp"
#include "sanitizers.hpp"

#include <algorithm>
#include <thread>

using namespace std::chrono_literals;
using sluice::datagram;
using sluice::endpoint;
using sluice::errc;
using sluice::ip_family;
using sluice::subject;
using test::pattern;

namespace {

sluice::udp_socket bound(ip_family family = ip_family::v4, const sluice::udp_options& o = {}) {
  return sluice::must(sluice::udp_bind(endpoint::loopback(family, 0), o));
}
bool multicast_works() {
  auto s = sluice::must(sluice::udp_bind(endpoint::any(ip_family::v4, 0)));
  const endpoint group = *endpoint::of("239.255.7.1", s.local()->port());
  std::byte b[1]{};
  return s.join(group, "lo") && s.send_groups_through("lo") && s.send(b, group, 1s) && s.receive(b, 300ms);
}
#define SKIP_WITHOUT_MULTICAST()                           \
  if (!multicast_works()) {                                \
    WARN("skipped: no multicast on the loopback here");    \
    return;                                                \
  }

}  // namespace

TEST_CASE("a datagram comes with its size and its sender, in both families", "[udp]") {
  for (const auto family : {ip_family::v4, ip_family::v6}) {
    auto in = bound(family), out = bound(family);
    std::byte place[2000];
    CHECK(in.try_receive(place).err() == errc::empty);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1500}, std::size_t{2000}}) {
      const auto sent = pattern(size);
      REQUIRE(out.send(sent, *in.local(), 1s));
      const auto d = in.receive(place, 5s);
      REQUIRE(d);
      CHECK(d->size == size);
      CHECK(d->kept == size);
      CHECK(!d->truncated());
      CHECK(d->segment == 0);
      CHECK(d->from == *out.local());
      CHECK(std::equal(sent.begin(), sent.end(), place));
    }
    CHECK((::fcntl(in.handle(), F_GETFD) & FD_CLOEXEC) != 0);
    in.close();
    in.close();
    CHECK(in.receive(place, 1s).err() == errc::closed);
    CHECK(in.send(place, *out.local(), 1s).err() == errc::closed);
  }
}

TEST_CASE("a datagram that does not fit says how large it was", "[udp]") {
  auto in = bound(), out = bound();
  const auto sent = pattern(1000);
  REQUIRE(out.send(sent, *in.local(), 1s));
  REQUIRE(out.send(std::span(sent).first(7), *in.local(), 1s));
  std::byte place[10];
  const auto d = in.receive(place, 5s);
  REQUIRE(d);
  CHECK(d->truncated());
  CHECK(d->size == 1000);
  CHECK(d->kept == 10);
  CHECK(std::equal(place, place + 10, sent.begin()));
  CHECK(in.receive(place, 5s)->size == 7);  // its rest is gone, and the next is whole
  REQUIRE(out.send(sent, *in.local(), 1s));
  CHECK(in.receive(std::span<std::byte>(), 5s)->size == 1000);
}

TEST_CASE("a datagram larger than UDP has is refused, and nothing was sent", "[udp]") {
  auto in = bound(), out = bound();
  CHECK(out.send(pattern(70'000), *in.local(), 1s).err() == errc::too_big);
  REQUIRE(out.send(pattern(sluice::udp_socket::max_payload), *in.local(), 1s));
  std::vector<std::byte> place(70'000);
  CHECK(in.receive(place, 5s)->size == sluice::udp_socket::max_payload);
  CHECK(in.try_receive(place).err() == errc::empty);
}

TEST_CASE("a deadline and a stop end the wait for a datagram", "[udp]") {
  auto in = bound();
  std::byte b[1];
  CHECK(in.receive(b, sluice::now).err() == errc::empty);
  CHECK(in.receive(b, 5ms).err() == errc::timeout);
  sluice::stop halt;
  std::thread asker([&] {
    test::sleep_us(10'000);
    halt.request();
  });
  const auto before = test::now_ns();
  CHECK(in.receive(b, {20s, halt}).err() == errc::stopped);
  CHECK(test::now_ns() - before < 5'000'000'000);
  asker.join();
}

TEST_CASE("signals that interrupt system calls do no harm to datagrams", "[udp]") {
  auto in = bound(), out = bound();
  const test::interruptions storm;
  unsigned came = 0;
  for (unsigned i = 0; i < 20'000; ++i) {
    std::byte place[100];
    const auto sent = pattern(50, i);
    if (!out.send(sent, *in.local(), 5s)) break;
    const auto d = in.receive(place, 5s);
    if (d && d->size == 50 && std::equal(sent.begin(), sent.end(), place)) ++came;
  }
  CHECK(came == 20'000);
  std::byte b[1];
  CHECK(in.receive(b, 20ms).err() == errc::timeout);
}

TEST_CASE("batches go out and come in by few system calls, whole and in place", "[udp]") {
  auto in = bound(), out = bound();
  const auto to = *in.local();
  std::vector<std::vector<std::byte>> sent;
  std::vector<sluice::udp_departure> departures;
  for (unsigned i = 0; i < 50; ++i) sent.push_back(pattern(10 + i, i));
  for (const auto& s : sent) departures.push_back({s, &to});
  std::size_t gone = 0;
  while (gone < 50) {
    const auto n = out.try_send(std::span<const sluice::udp_departure>(departures).subspan(gone));
    REQUIRE(n);
    CHECK(*n == std::min<std::size_t>(32, 50 - gone));
    gone += *n;
  }
  std::vector<std::vector<std::byte>> places(50, std::vector<std::byte>(40));
  std::vector<sluice::udp_arrival> arrivals;
  for (auto& p : places) arrivals.push_back({p});
  std::size_t came = 0;
  while (came < 50) {
    const auto n = in.try_receive(std::span(arrivals).subspan(came));
    REQUIRE(n);
    CHECK(*n == std::min<std::size_t>(32, 50 - came));
    came += *n;
  }
  for (std::size_t i = 0; i < 50; ++i) {
    CHECK(arrivals[i].got.size == 10 + i);
    CHECK(arrivals[i].got.truncated() == (i > 30));
    CHECK(arrivals[i].got.from == *out.local());
    const auto kept = static_cast<std::ptrdiff_t>(arrivals[i].got.kept);
    CHECK(std::equal(places[i].begin(), places[i].begin() + kept, sent[i].begin()));
  }
  CHECK(in.try_receive(std::span(arrivals)).err() == errc::empty);
}

TEST_CASE("a connected socket hears its peer only", "[udp]") {
  auto server = bound(), stranger = bound();
  auto client = sluice::must(sluice::udp_connect(*server.local()));
  CHECK(*client.peer() == *server.local());
  std::byte b[4]{};
  REQUIRE(client.send(b, 1s));
  const auto d = server.receive(b, 5s);
  REQUIRE(d);
  REQUIRE(stranger.send(b, d->from, 1s));
  CHECK(client.receive(b, 30ms).err() == errc::timeout);
  REQUIRE(server.send(b, d->from, 1s));
  CHECK(client.receive(b, 5s)->from == *server.local());
}

TEST_CASE("a refusal is told to a connected socket, and ends nothing", "[udp]") {
  auto server = bound();
  const auto at = *server.local();
  auto client = sluice::must(sluice::udp_connect(at));
  server.close();
  std::byte b[4]{};
  REQUIRE(client.send(b, 1s));
  const auto refused = client.receive(b, 5s);
  CHECK(refused.err() == errc::not_found);
  CHECK(refused.err().about() == subject::address);
  CHECK(client.refusals() == 1);
  CHECK(client.receive(b, 5ms).err() == errc::timeout);
  for (unsigned i = 0; i < 5; ++i) CHECK(client.send(b, 1s));  // each meets the refusal of the one before
  CHECK(client.refusals() == 5);
  auto again = sluice::udp_bind(at);
  REQUIRE(again);
  REQUIRE(client.send(b, 1s));
  CHECK(again->receive(b, 5s));
}

TEST_CASE("what the system dropped is counted", "[udp]") {
  sluice::udp_options o;
  o.receive_buffer = 4096;
  auto in = bound(ip_family::v4, o), out = bound();
  const auto block = pattern(500);
  unsigned sent = 0;
  for (; sent < 500; ++sent)
    if (!out.send(block, *in.local(), 1s)) break;
  std::byte place[500];
  unsigned came = 0;
  while (in.try_receive(place)) ++came;
  REQUIRE(out.send(block, *in.local(), 1s));  // the count comes with the next datagram that comes
  REQUIRE(in.receive(place, 5s));
  CHECK(came > 0);
  CHECK(came < sent);
  CHECK(in.dropped() == sent - came);
}

TEST_CASE("a large piece is cut into datagrams by the system, or by us where it cannot", "[udp]") {
  for (const bool system_cuts : {true, false}) {
    for (const auto family : {ip_family::v4, ip_family::v6}) {
      if (!system_cuts && family == ip_family::v6) continue;
      auto in = bound(family), out = bound(family);
      // Without checksums the kernel refuses to cut, with EINVAL, though it had promised to.
      if (!system_cuts) REQUIRE(sluice::detail::set_option(out.handle(), SOL_SOCKET, SO_NO_CHECK, 1));
      for (const std::size_t segment : {std::size_t{100}, std::size_t{1000}, std::size_t{1400}}) {
        for (const std::size_t size : {segment - 1, segment, segment + 1, segment * 20, segment * 45 + 3}) {
          const auto all = pattern(size);
          std::vector<std::byte> got;
          std::size_t sent = 0;
          bool sizes_right = true;
          while (sent < size) {
            const auto to = *in.local();
            const auto n = out.try_send_segments(std::span(all).subspan(sent), segment, &to);
            REQUIRE(n);
            REQUIRE((*n % segment == 0 || sent + *n == size));
            sent += *n;
            std::byte place[2000];
            while (const auto d = in.try_receive(place)) {
              sizes_right = sizes_right && (d->size == segment || got.size() + d->size == size);
              got.insert(got.end(), place, place + d->kept);
            }
          }
          CHECK(sizes_right);
          CHECK(got == all);
        }
      }
    }
  }
  auto s = bound();
  const auto to = *s.local();
  CHECK(s.try_send_segments(pattern(10), 0, &to).err() == errc::invalid);
  CHECK(s.try_send_segments({}, 10, &to).err() == errc::invalid);
  CHECK(s.try_send_segments(pattern(70'000), 66'000, &to).err() == errc::too_big);
}

TEST_CASE("datagrams that come in one piece say how to cut it", "[udp]") {
  sluice::udp_options o;
  o.combine = true;
  auto in = bound(ip_family::v4, o), out = bound();
  const auto all = pattern(10'500);
  const auto to = *in.local();
  const auto sent = out.try_send_segments(all, 1000, &to);
  REQUIRE(sent);
  CHECK(*sent == all.size());
  std::vector<std::byte> got, place(66'000);
  while (got.size() < all.size()) {
    const auto d = in.receive(place, 5s);
    REQUIRE(d);
    CHECK(!d->truncated());
    if (d->size > 1000) CHECK(d->segment == 1000);
    got.insert(got.end(), place.begin(), place.begin() + static_cast<std::ptrdiff_t>(d->kept));
  }
  CHECK(got == all);
}

TEST_CASE("who has joined a group through a device hears it, who has left does not", "[udp]") {
  SKIP_WITHOUT_MULTICAST();
  for (const auto family : {ip_family::v4, ip_family::v6}) {
    INFO((family == ip_family::v4 ? "v4" : "v6"));
    sluice::udp_options o;
    o.v6_only = true;
    auto in = sluice::must(sluice::udp_bind(endpoint::any(family, 0), o));
    auto out = sluice::must(sluice::udp_bind(endpoint::any(family, 0), o));
    const auto group = *endpoint::of(family == ip_family::v4 ? "239.255.7.2" : "ff11::7:2", in.local()->port());
    std::byte b[8]{};
    CHECK(in.join(group, "no-such-device").err().about() == subject::device);
    CHECK(out.send_groups_through("no-such-device").err().about() == subject::device);
    REQUIRE(out.send_groups_through("lo"));
    REQUIRE(in.join(group, "lo"));
    CHECK(!in.join(group, "lo"));  // already
    const bool goes = static_cast<bool>(out.send(b, group, 1s));
    if (!goes) WARN("the loopback here has no route for groups of " << (family == ip_family::v4 ? "v4" : "v6"));
    if (goes) CHECK(in.receive(b, 5s)->size == 8);
    REQUIRE(in.leave(group, "lo"));
    if (goes) REQUIRE(out.send(b, group, 1s));
    CHECK(in.receive(b, 30ms).err() == errc::timeout);
    CHECK(!in.leave(group, "lo"));
    REQUIRE(out.send_groups_through("lo", 7, false));  // what comes over "lo" comes back all the same
    const int level = family == ip_family::v4 ? int{IPPROTO_IP} : int{IPPROTO_IPV6};
    const int loop = family == ip_family::v4 ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP;
    const int hops = family == ip_family::v4 ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS;
    CHECK(*sluice::detail::get_option<int>(out.handle(), level, loop) == 0);
    CHECK(*sluice::detail::get_option<int>(out.handle(), level, hops) == 7);
  }
}

TEST_CASE("a socket does not hear groups that only others have joined", "[udp]") {
  SKIP_WITHOUT_MULTICAST();
  sluice::udp_options o;
  o.share = true;
  auto member = sluice::must(sluice::udp_bind(endpoint::any(ip_family::v4, 0), o));
  auto other = sluice::udp_bind(endpoint::any(ip_family::v4, member.local()->port()), o);
  REQUIRE(other);
  const auto group = *endpoint::of("239.255.7.3", member.local()->port());
  auto out = sluice::must(sluice::udp_bind(endpoint::any(ip_family::v4, 0)));
  REQUIRE(out.send_groups_through("lo"));
  REQUIRE(member.join(group, "lo"));
  std::byte b[8]{};
  REQUIRE(out.send(b, group, 1s));
  CHECK(member.receive(b, 5s));
  CHECK(other->receive(b, 30ms).err() == errc::timeout);
  REQUIRE(other->join(group, "lo"));
  REQUIRE(out.send(b, group, 1s));
  CHECK(member.receive(b, 5s));
  CHECK(other->receive(b, 5s));
}

TEST_CASE("a group can be heard from one source only", "[udp]") {
  SKIP_WITHOUT_MULTICAST();
  auto in = sluice::must(sluice::udp_bind(endpoint::any(ip_family::v4, 0)));
  const auto group = *endpoint::of("232.1.2.3", in.local()->port());
  const auto wanted = *endpoint::parse("127.0.0.2:0"), unwanted = *endpoint::parse("127.0.0.3:0");
  auto good = sluice::must(sluice::udp_bind(wanted)), bad = sluice::must(sluice::udp_bind(unwanted));
  for (auto* s : {&good, &bad}) REQUIRE(s->send_groups_through("lo"));
  CHECK(in.join(group, "lo", endpoint::loopback(ip_family::v6, 0)).err() == errc::invalid);
  REQUIRE(in.join(group, "lo", wanted));
  std::byte b[8]{};
  REQUIRE(bad.send(b, group, 1s));
  REQUIRE(good.send(b, group, 1s));
  const auto d = in.receive(b, 5s);
  REQUIRE(d);
  CHECK(d->from == *good.local());
  CHECK(in.receive(b, 30ms).err() == errc::timeout);
  REQUIRE(in.leave(group, "lo", wanted));
}

TEST_CASE("a port in use is said to be so, unless it is shared", "[udp]") {
  auto one = bound();
  CHECK(sluice::udp_bind(*one.local()).err() == errc::busy);
  sluice::udp_options o;
  o.share = true;
  CHECK(sluice::udp_bind(*one.local(), o).err() == errc::busy);  // both must agree
  auto two = bound(ip_family::v4, o);
  CHECK(sluice::udp_bind(*two.local(), o));
  CHECK(sluice::udp_bind(*endpoint::parse("192.0.2.1:0")).err() == errc::invalid);
}

TEST_CASE("datagrams go to and come from programs that nobody here wrote", "[udp]") {
  auto in = bound();
  const std::string port = std::to_string(in.local()->port());
  for (const auto& [program, command] :
       {std::pair<std::string, std::string>{
            "python3", "python3 -c \"import socket\ns=socket.socket(2,2);s.settimeout(20);s.connect(('127.0.0.1'," + port +
                           "))\ns.send(b'ping')\nd=s.recv(9999)\nassert d==b'x'*3000\""},
        {"socat", "test \"$(echo -n ping | socat -t 20 - UDP:127.0.0.1:" + port + ",shut-none | head -c 3000 | tr -d x)\" = ''"},
        {"nc", "test \"$(echo -n ping | nc -u -w 5 127.0.0.1 " + port + " | head -c 3000 | tr -d x)\" = ''"}}) {
    if (!test::installed(program)) {
      WARN(test::no(program));
      continue;
    }
    INFO(program);
    auto other = test::command(command);
    std::byte place[100];
    const auto d = in.receive(place, 20s);
    REQUIRE(d);
    CHECK(std::string(reinterpret_cast<const char*>(place), d->kept) == "ping");
    const std::string answer(3000, 'x');
    REQUIRE(in.send(std::as_bytes(std::span(answer)), d->from, 5s));
    if (program == "python3") CHECK(other.wait() == 0);
  }
}
