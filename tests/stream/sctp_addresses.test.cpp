// SPDX-License-Identifier: MIT
#include <sluice/stream/sctp_addresses.hpp>

#include "sctp_kernel.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <net/if.h>
#include <sys/ioctl.h>

using namespace std::chrono_literals;
using sluice::endpoint;
using sluice::errc;
using sluice::sctp_event;
using sluice::sctp_path;

namespace {

endpoint at(const char* host, std::uint16_t port = 0) { return *endpoint::of(host, port); }
bool is_one_of(std::span<const endpoint> all, const endpoint& e) {
  return std::find(all.begin(), all.end(), e) != all.end();
}

/// More addresses for the loopback device, which may be taken away again: "lo:1" and so on. In a network of its own.
class addresses {
 public:
  static bool enter_network() {
    if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
    // An answer is waited for as long as this network needs, and not a second at least.
    return test::write_file("/proc/sys/net/sctp/rto_min", "50") &&
           test::write_file("/proc/sys/net/sctp/rto_initial", "100") && addresses().set_up("lo", true);
  }
  bool add(const char* label, const char* host) const {
    ifreq r = named(label);
    std::memcpy(&r.ifr_addr, at(host).data(), at(host).size());
    if (::ioctl(fd_.get(), SIOCSIFADDR, &r) != 0) return false;
    std::memcpy(&r.ifr_addr, at("255.255.255.255").data(), at(host).size());
    return ::ioctl(fd_.get(), SIOCSIFNETMASK, &r) == 0;
  }
  bool remove(const char* label) const { return set_up(label, false); }

 private:
  static ifreq named(const char* label) {
    ifreq r{};
    std::strncpy(r.ifr_name, label, sizeof r.ifr_name - 1);
    return r;
  }
  bool set_up(const char* label, bool up) const {
    ifreq r = named(label);
    r.ifr_flags = up ? IFF_UP | IFF_RUNNING : 0;
    return ::ioctl(fd_.get(), SIOCSIFFLAGS, &r) == 0;
  }
  sluice::unique_handle fd_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

#define REQUIRE_HERE(condition) \
  if (!(condition)) return std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition), 1

/// The address that messages go to is taken away: that is told, and messages go to the other one.
int lose_a_path() {
  const addresses host;
  REQUIRE_HERE(host.add("lo:1", "10.9.0.1") && host.add("lo:2", "10.9.0.2") && host.add("lo:3", "10.9.0.3"));
  const endpoint both[] = {at("10.9.0.1"), at("10.9.0.2")}, mine[] = {at("10.9.0.3")};
  auto l = sluice::sctp_listen(both);
  REQUIRE_HERE(l);
  const std::uint16_t port = l->local()->port();
  const endpoint to[] = {both[0].with_port(port), both[1].with_port(port)};
  auto c = sluice::sctp_connect(to[0], 5s, {.events = true, .heartbeat = 50ms, .path_attempts = 1, .local = mine});
  REQUIRE_HERE(c);
  auto s = l->pop(5s);
  REQUIRE_HERE(s);
  std::array<std::byte, 500> place;
  const auto told = [&](sctp_path what, const endpoint& of) {
    for (const auto end = test::now_ns() + 20'000'000'000; test::now_ns() < end;) {
      const auto r = c->pop(place, 5s);
      if (r && r->event == sctp_event::address_changed && r->path == what && r->from == of) return true;
    }
    return false;
  };
  REQUIRE_HERE(told(sctp_path::confirmed, to[1]));
  REQUIRE_HERE(c->push(test::pattern(10), 5s) && s->pop(place, 5s));
  REQUIRE_HERE(host.remove("lo:1"));
  for (unsigned n = 0; n < 20; ++n) {
    REQUIRE_HERE(c->push(test::pattern(100, n), 5s));
    const auto r = s->pop(place, 20s);
    REQUIRE_HERE(r && r->size == 100 && place[1] == test::pattern(100, n)[1]);
  }
  REQUIRE_HERE(told(sctp_path::unreachable, to[0]));
  REQUIRE_HERE(host.add("lo:1", "10.9.0.1"));
  REQUIRE_HERE(told(sctp_path::reachable, to[0]));
  return 0;
}

}  // namespace

TEST_CASE("an end of SCTP may have several addresses, and each side is told those of the other", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  const endpoint both[] = {at("127.0.0.1"), at("127.0.0.2")};
  auto l = sluice::sctp_listen(both);
  REQUIRE(l);
  const std::uint16_t port = l->local()->port();
  const endpoint there[] = {both[0].with_port(port), both[1].with_port(port)};
  const endpoint mine[] = {at("127.0.0.3"), at("127.0.0.4"), at("127.0.0.5")};
  auto c = sluice::sctp_connect(there, 5s, {.local = mine});
  REQUIRE(c);
  auto s = l->pop(5s);
  REQUIRE(s);
  const std::uint16_t client_port = c->local()->port();

  std::array<endpoint, 8> list;
  REQUIRE(*s->peer_addresses(list) == 3);
  for (const endpoint& e : mine) CHECK(is_one_of(std::span(list).first(3), e.with_port(client_port)));
  REQUIRE(*c->peer_addresses(list) == 2);
  for (const endpoint& e : there) CHECK(is_one_of(std::span(list).first(2), e));
  REQUIRE(*s->local_addresses(list) == 2);
  for (const endpoint& e : there) CHECK(is_one_of(std::span(list).first(2), e));

  list.fill({});
  CHECK(*s->peer_addresses(std::span(list).first(1)) == 3);  // as many as there is room for
  CHECK(list[0] != endpoint());
  CHECK(list[1] == endpoint());
  CHECK(*s->peer_addresses({}) == 3);

  std::array<std::byte, 200> to;
  REQUIRE(c->push(test::pattern(20), 5s));
  CHECK(s->pop(to, 5s)->size == 20);

  for (const endpoint& e : there) {  // each leads there
    auto other = sluice::sctp_connect(e, 5s);
    REQUIRE(other);
    REQUIRE(l->pop(5s));
  }
  CHECK(sluice::sctp_connect(at("127.0.0.6", port), 5s).err() == errc::not_found);
}

TEST_CASE("an SCTP socket for many has several addresses too, in both families", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  const endpoint both[] = {at("127.0.0.1"), at("::1")};
  auto hub = sluice::sctp_bind(both, {.events = true});
  REQUIRE(hub);
  const std::uint16_t port = hub->local()->port();
  auto four = sluice::sctp_connect(both[0].with_port(port), 5s);
  REQUIRE(four);
  auto six = sluice::sctp_connect(both[1].with_port(port), 5s);
  REQUIRE(six);
  std::array<std::byte, 200> to;
  std::array<endpoint, 8> list;
  for (int i = 0; i < 2; ++i) {
    const auto r = hub->pop(to, 5s);
    REQUIRE(r);
    REQUIRE(r->event == sctp_event::up);
    REQUIRE(hub->peer_addresses(list, r->route.association));
    CHECK(list[0].port() == (i == 0 ? four : six)->local()->port());
  }
  CHECK(!hub->peer_addresses(list, 12345));
}

TEST_CASE("no addresses, too many, or such as do not fit together are refused", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  const std::vector<endpoint> many(40, at("127.0.0.1", 7));
  CHECK(sluice::sctp_listen(std::span<const endpoint>()).err() == errc::invalid);
  CHECK(sluice::sctp_connect(std::span<const endpoint>(), 1s).err() == errc::invalid);
  CHECK(sluice::sctp_bind(many).err() == errc::too_big);
  CHECK(sluice::sctp_connect(many, 1s).err() == errc::too_big);
  const endpoint ports[] = {at("127.0.0.1", 7001), at("127.0.0.2", 7002)};
  CHECK(!sluice::sctp_listen(ports));
  CHECK(!sluice::sctp_connect(ports, 1s));
  const endpoint foreign[] = {at("127.0.0.1"), at("192.0.2.1")};
  CHECK(sluice::sctp_listen(foreign).err() == errc::invalid);
  auto l = sluice::sctp_listen(test::anywhere);
  REQUIRE(l);
  const endpoint taken[] = {at("127.0.0.1"), at("127.0.0.2")};
  auto second = sluice::sctp_listen(std::array{taken[1].with_port(l->local()->port()), taken[0]});
  CHECK(second.err() == errc::busy);
}

TEST_CASE("where one address of an SCTP connection fails, that is told, and messages go to another one", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  constexpr int not_allowed = 77;
  test::child c([] { return addresses::enter_network() ? lose_a_path() : not_allowed; });
  const int how = c.wait(100);
  if (how == not_allowed) WARN("skipped: this user may not have a network of its own");
  else CHECK(how == 0);
}
