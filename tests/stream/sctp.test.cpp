// SPDX-License-Identifier: MIT
#include <sluice/stream/sctp.hpp>

#include "sctp_kernel.hpp"

#include <array>
#include <chrono>
#include <thread>
#include <vector>

#if __has_include(<linux/sctp.h>)
namespace theirs {
#include <linux/sctp.h>
namespace ours = sluice::detail::sctp;
static_assert(sizeof(ours::init_message) == sizeof(sctp_initmsg) && sizeof(ours::send_info) == sizeof(sctp_sndinfo));
static_assert(sizeof(ours::recv_info) == sizeof(sctp_rcvinfo) &&
              sizeof(ours::event_choice) == sizeof(struct sctp_event));
static_assert(sizeof(ours::path_parameters) == sizeof(sctp_paddrparams) &&
              offsetof(ours::path_parameters, flags) == offsetof(sctp_paddrparams, spp_flags) &&
              ours::path_heartbeat_on == SPP_HB_ENABLE);
static_assert(sizeof(ours::addresses_head) == sizeof(sctp_getaddrs));
static_assert(ours::option_path_parameters == SCTP_PEER_ADDR_PARAMS && ours::option_connect == SCTP_SOCKOPT_CONNECTX &&
              ours::option_bind_more == SCTP_SOCKOPT_BINDX_ADD);
static_assert(ours::option_peer_addresses == SCTP_GET_PEER_ADDRS &&
              ours::option_local_addresses == SCTP_GET_LOCAL_ADDRS);
static_assert(sizeof(ours::peel_off) == sizeof(sctp_peeloff_flags_arg_t));
static_assert(sizeof(ours::association_change) == sizeof(sctp_assoc_change));
static_assert(sizeof(ours::address_change) == sizeof(sctp_paddr_change) &&
              sizeof(ours::shutdown_event) == sizeof(sctp_shutdown_event));
static_assert(ours::option_init == SCTP_INITMSG && ours::option_nodelay == SCTP_NODELAY &&
              ours::option_event == SCTP_EVENT);
static_assert(ours::option_recv_info == SCTP_RECVRCVINFO && ours::option_peel_off_flags == SCTP_SOCKOPT_PEELOFF_FLAGS);
static_assert(ours::cmsg_send_info == SCTP_SNDINFO && ours::cmsg_recv_info == SCTP_RCVINFO &&
              ours::send_unordered == SCTP_UNORDERED);
static_assert(ours::association_changed == SCTP_ASSOC_CHANGE && ours::address_changed == SCTP_PEER_ADDR_CHANGE);
static_assert(ours::shut_down == SCTP_SHUTDOWN_EVENT);
}  // namespace theirs
#endif

using namespace std::chrono_literals;
using sluice::endpoint;
using sluice::errc;
using sluice::error;
using sluice::ip_family;
using sluice::step;

namespace {

using test::anywhere;
using test::kernel_has_sctp;
using test::make_connected;
using test::pattern;

}  // namespace

TEST_CASE("a kernel without SCTP says so", "[sctp]") {
  STATIC_REQUIRE(sluice::source<sluice::sctp_listener>);
  STATIC_REQUIRE(sluice::waitable<sluice::sctp_connection>);
  if (kernel_has_sctp()) return;
  const error none(errc::unsupported, step::create, sluice::subject::protocol);
  CHECK(sluice::sctp_listen(anywhere).err() == none);
  CHECK(sluice::sctp_connect(anywhere, 1s).err() == none);
  CHECK(sluice::sctp_bind(anywhere).err() == none);
}

TEST_CASE("SCTP messages come whole, with their stream and what they mean", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  auto c = make_connected();
  for (const int fd : {c.client.handle(), c.server.handle(), c.listener.handle()}) {
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  }
  std::vector<std::byte> to(70'000);
  for (const std::size_t n : {1u, 3u, 1000u, 60'000u}) {
    REQUIRE(c.client.push(pattern(n), {.stream = 3, .ppid = 0x01020304}, 5s));
    const auto r = c.server.pop(to, 5s);
    REQUIRE(r);
    CHECK(r->size == n);
    CHECK(r->whole);
    CHECK(r->event == sluice::sctp_event::none);
    CHECK(r->route.stream == 3);
    CHECK(r->route.ppid == 0x01020304);
    CHECK(!r->route.unordered);
    CHECK(std::equal(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(n), pattern(n).begin()));
  }
  REQUIRE(c.server.push(pattern(5), {.unordered = true}, 5s));
  const auto r = c.client.pop(to, 5s);
  REQUIRE(r);
  CHECK(r->route.unordered);
  CHECK(c.client.pop(to, 5ms).err() == errc::timeout);
  CHECK(c.client.try_push({}).err() == errc::invalid);
  CHECK(c.client.try_push(pattern(1), {.stream = 60'000}).err() == errc::invalid);
  CHECK(c.client.try_pop(std::span(to).first(10)).err() == errc::invalid);
}

TEST_CASE("an SCTP message that does not fit comes in pieces that say so", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  auto c = make_connected();
  REQUIRE(c.client.push(pattern(1000), 5s));
  REQUIRE(c.client.push(pattern(10), 5s));
  std::array<std::byte, 400> to;
  std::vector<std::byte> all;
  for (bool whole = false; !whole;) {
    const auto r = c.server.pop(to, 5s);
    REQUIRE(r);
    all.insert(all.end(), to.begin(), to.begin() + static_cast<std::ptrdiff_t>(r->size));
    whole = r->whole;
  }
  CHECK(all == pattern(1000));
  const auto next = c.server.pop(to, 5s);
  REQUIRE(next);
  CHECK(next->size == 10);
}

TEST_CASE("an SCTP connection ends after what was accepted, also when the sender is killed", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  auto l = sluice::sctp_listen(anywhere);
  REQUIRE(l);
  const endpoint at = *l->local();
  std::vector<std::byte> to(2000);
  for (const bool killed : {false, true}) {
    test::child c([&]() -> int {
      auto s = sluice::sctp_connect(at, 5s);
      for (unsigned n = 0; n < 50 && s; ++n)
        if (!s->push(pattern(1000, n), 5s)) return 1;
      if (killed) ::kill(::getpid(), SIGKILL);
      return s ? 0 : 2;
    });
    auto s = l->pop(5s);
    REQUIRE(s);
    for (unsigned n = 0; n < 50; ++n) {
      const auto r = s->pop(to, 5s);
      REQUIRE(r);
      CHECK(std::equal(to.begin(), to.begin() + 1000, pattern(1000, n).begin()));
    }
    CHECK(s->pop(to, 5s).err() == errc::closed);
    CHECK(c.wait() == (killed ? -SIGKILL : 0));
  }
}

TEST_CASE("that an SCTP connection was broken off is found by both directions, whichever comes first", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  std::vector<std::byte> to(2000);
  for (const bool push_first : {false, true}) {
    auto c = make_connected();
    for (unsigned n = 0; n < 3; ++n) REQUIRE(c.client.push(pattern(100, n), 5s));
    REQUIRE(c.server.pop(to, 5s));
    test::sleep_us(300'000);  // what is not acknowledged goes down with the connection
    test::break_off(c.client);
    const auto refused = [&] { return c.server.try_push(pattern(1)).err() == errc::closed; };
    if (push_first) CHECK(test::eventually(refused));
    for (unsigned n = 1; n < 3; ++n) {
      const auto r = c.server.pop(to, 5s);
      REQUIRE(r);
      CHECK(std::equal(to.begin(), to.begin() + 100, pattern(100, n).begin()));
    }
    const error end = c.server.pop(to, 5s).err();
    if (push_first) CHECK(end == errc::closed);
    else CHECK(end == error(errc::os, step::read, ECONNRESET));
    for (int i = 0; i < 2; ++i) CHECK(c.server.pop(to, 5s).err() == errc::closed);
    CHECK(refused());
  }
}

TEST_CASE("nobody listens at an SCTP address, or somebody does already", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  auto l = sluice::sctp_listen(anywhere);
  REQUIRE(l);
  const endpoint at = *l->local();
  CHECK(sluice::sctp_listen(at).err() == errc::busy);
  l->close();
  CHECK(l->try_pop().err() == errc::closed);
  CHECK(sluice::sctp_connect(at, 5s).err() == errc::not_found);
}

TEST_CASE("one SCTP socket talks to many, and tells what happens to them", "[sctp]") {
  SKIP_WITHOUT_SCTP();
  auto hub = sluice::sctp_bind(anywhere, {.events = true});
  REQUIRE(hub);
  auto a = sluice::sctp_connect(*hub->local(), 5s);
  auto b = sluice::sctp_connect(*hub->local(), 5s);
  REQUIRE(a);
  REQUIRE(b);
  std::array<std::byte, 500> to;
  for (int i = 0; i < 2; ++i) {
    const auto r = hub->pop(to, 5s);
    REQUIRE(r);
    CHECK(r->event == sluice::sctp_event::up);
    CHECK(r->streams_in == 10);
    CHECK(r->route.association > 0);
  }
  REQUIRE(b->push(pattern(7), 5s));
  const auto r = hub->pop(to, 5s);
  REQUIRE(r);
  CHECK(r->size == 7);
  CHECK(r->from.port() == b->local()->port());
  REQUIRE(hub->push(pattern(9), r->route, 5s));
  CHECK(b->pop(to, 5s)->size == 9);
  CHECK(a->pop(to, 5ms).err() == errc::timeout);

  auto own = hub->peel_off(r->route.association);
  REQUIRE(own);
  CHECK((::fcntl(own->handle(), F_GETFD) & FD_CLOEXEC) != 0);
  REQUIRE(b->push(pattern(11), 5s));
  CHECK(own->pop(to, 5s)->size == 11);

  a->close();
  sluice::sctp_event last = sluice::sctp_event::none;
  while (last != sluice::sctp_event::ended) {
    const auto e = hub->pop(to, 5s);
    REQUIRE(e);
    last = e->event;
  }

  auto other = sluice::sctp_bind(anywhere);
  REQUIRE(other);
  REQUIRE(hub->push(*other->local(), pattern(13), {.stream = 2}, 5s));  // sets the association up
  const auto got = other->pop(to, 5s);
  REQUIRE(got);
  CHECK(got->size == 13);
  CHECK(got->route.stream == 2);
}
