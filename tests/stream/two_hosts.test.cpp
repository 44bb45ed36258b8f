// SPDX-License-Identifier: MIT
#include "two_hosts.hpp"

#include <sluice/framing/checked.hpp>
#include <sluice/framing/length.hpp>
#include <sluice/stream/byte_messages.hpp>
#include <sluice/stream/tcp.hpp>
#include <sluice/stream/udp.hpp>

#include "catch.hpp"
#include "net.hpp"

#include <algorithm>

// TCP and UDP between two hosts whose link is slow, loses packets, and is cut.

using namespace std::chrono_literals;
using sluice::endpoint;
using sluice::errc;
using sluice::error;
using sluice::subject;
using test::two_hosts;

namespace {

constexpr auto patience = 30s;  // for what does not fail

struct report {
  const char* missing = nullptr;
  int line = 0;  // where it failed
  double numbers[4] = {};
};
#define NEED(condition) \
  if (!(condition)) return __LINE__

/// Runs `body` in a child; it returns the line that failed, or 0.
template <class Body>
report in_a_child(Body body) {
  const test::shared_with_children<report> seen;
  test::child c([&] {
    seen->line = body(*seen);
    return 0;
  });
  const int how = c.wait(100);
  CHECK(how == 0);
  if (seen->missing != nullptr) WARN("skipped: " << seen->missing);
  else CHECK(seen->line == 0);
  return *seen;
}
template <class Body>
report between_two_hosts(Body body) {
  return in_a_child([&](report& r) {
    two_hosts hosts;
    return (r.missing = hosts.missing()) != nullptr ? 0 : body(hosts, r);
  });
}

endpoint at(const char* address, std::uint16_t port) { return *endpoint::of(address, port); }
sluice::tcp_listener door_of(two_hosts& hosts) {
  return hosts.on(1, [] { return sluice::must(sluice::tcp_listen(at(two_hosts::address[1], 0))); });
}
/// A connection from the first host to the second.
test::tcp_pair connected(two_hosts& hosts, const sluice::tcp_connect_options& o = {}) {
  auto door = door_of(hosts);
  auto near = hosts.on(0, [&] { return sluice::must(sluice::tcp_connect(*door.local(), patience, o)); });
  return {std::move(near), sluice::must(door.pop(patience))};
}

using checked_messages = sluice::checked<sluice::length_framing<4096>>;
constexpr unsigned messages = 1500;
std::vector<std::byte> message(unsigned number, unsigned side) {
  return test::pattern(number * 37 % 2000, number + side);
}

/// Sends its messages and receives those of the other side; says how many came as they should.
unsigned exchange(sluice::tcp_stream s, unsigned side) {
  auto halves = sluice::must(std::move(s).split());
  std::thread writer([side, s_out = std::move(halves.out)]() mutable {
    auto out = sluice::sink_of<std::span<const std::byte>>(std::move(s_out), checked_messages{});
    for (unsigned i = 0; i < messages && out.push(message(i, side), patience); ++i) {
    }
    (void)out.finish(patience);
  });
  auto in = sluice::source_of<std::span<const std::byte>>(std::move(halves.in), checked_messages{});
  std::vector<std::byte> place(4096);
  unsigned good = 0;
  sluice::result<std::size_t> n = errc::empty;
  while ((n = in.pop(place, patience))) {
    const auto expected = message(good, 1 - side);
    if (*n != expected.size() || !std::equal(expected.begin(), expected.end(), place.begin())) break;
    ++good;
  }
  writer.join();
  return n.err() == errc::closed ? good : 0;
}

double seconds_since(std::int64_t then) { return static_cast<double>(test::now_ns() - then) / 1e9; }

}  // namespace

TEST_CASE("messages come whole and in order over a link with delay and loss, both ways", "[tcp][hosts]") {
  const auto r = between_two_hosts([](two_hosts& hosts, report& seen) {
    hosts.delay_us = 20'000;
    const auto then = test::now_ns();
    auto p = connected(hosts);
    hosts.lost_in_1000 = 20;
    const auto observed = sluice::must(sluice::tcp_stream::adopt(sluice::unique_handle(::dup(p.near_end.handle()))));
    unsigned there = 0;
    std::thread other([&, far = std::move(p.far_end)]() mutable { there = exchange(std::move(far), 1); });
    const unsigned here = exchange(std::move(p.near_end), 0);
    other.join();
    seen.numbers[0] = seconds_since(then);
    seen.numbers[1] = hosts.lost(two_hosts::tcp);
    seen.numbers[2] = static_cast<double>(observed.snapshot()->round_trip.count()) / 1000;
    seen.numbers[3] = observed.snapshot()->retransmitted;
    NEED(here == messages);
    NEED(there == messages);
    NEED(hosts.lost(two_hosts::tcp) > 0);
    NEED(observed.snapshot()->round_trip >= 39ms);
    return 0;
  });
  if (r.missing == nullptr)
    std::printf("two hosts: %u messages each way in %.1f s, %.0f packets lost, round trip %.0f ms, %.0f sent again\n",
                messages, r.numbers[0], r.numbers[1], r.numbers[2], r.numbers[3]);
}

TEST_CASE("what UDP loses on the way is missing in the numbers, and nothing else is", "[udp][hosts]") {
  const auto r = between_two_hosts([](two_hosts& hosts, report& seen) {
    constexpr std::uint64_t all = 3000, end = ~0ull;
    hosts.delay_us = 5000;
    hosts.lost_in_1000 = 20;
    const auto there = at(two_hosts::address[1], 0);
    auto in = hosts.on(1, [&] { return sluice::must(sluice::udp_source_at<std::uint64_t>(there)); });
    auto out = hosts.on(0, [&] { return sluice::must(sluice::udp_sink_to<std::uint64_t>(*in.socket().local())); });
    std::atomic<bool> heard_all{false};
    std::atomic<std::uint64_t> next{0};
    unsigned lost = 0;
    std::thread sender([&] {
      for (std::uint64_t i = 0; i < all; ++i) {
        (void)out.push(i, patience);
        while (i + 1 - next > 60) test::sleep_us(200);  // queues are short, and what they drop nobody would know of
      }
      while (hosts.taken(two_hosts::udp) < all) test::sleep_us(200);
      lost = hosts.lost(two_hosts::udp);
      hosts.lost_in_1000 = 0;
      for (int i = 0; i < 1000 && !heard_all; ++i) (void)out.push(end, 1s), test::sleep_us(10'000);
    });
    std::uint64_t got = 0, missing = 0, late = 0;
    sluice::result<std::uint64_t> n = errc::empty;
    while ((n = in.pop(10s)) && *n != end) {
      ++got;
      if (*n < next) ++late;
      else missing += *n - next, next = *n + 1;
    }
    heard_all = true;
    sender.join();
    missing += all - next;
    seen.numbers[0] = static_cast<double>(missing);
    seen.numbers[1] = lost;
    NEED(n);
    NEED(late == 0);
    NEED(lost > 0);
    NEED(got + missing == all);
    NEED(missing == lost);
    NEED(in.socket().dropped() == 0);
    return 0;
  });
  if (r.missing == nullptr)
    std::printf("two hosts: %.0f of 3000 datagrams missing, %.0f lost on the way\n", r.numbers[0], r.numbers[1]);
}

TEST_CASE("a deadline ends a call to a host that never answers, and one that no way leads to is refused at once",
          "[tcp][hosts]") {
  between_two_hosts([](two_hosts& hosts, report&) {
    auto door = door_of(hosts);
    const std::uint16_t port = door.local()->port();
    return hosts.on(0, [&] {
      auto then = test::now_ns();
      NEED(sluice::tcp_connect(at(two_hosts::black_hole, port), 300ms).err() == errc::timeout);
      NEED(seconds_since(then) >= 0.3);
      NEED(seconds_since(then) < 3);
      then = test::now_ns();
      const error lost = sluice::tcp_connect(at("10.99.0.1", port), patience).err();
      NEED(lost == errc::not_found);
      NEED(lost.about() == subject::route);
      NEED(seconds_since(then) < 3);
      hosts.cut = true;
      sluice::tcp_connector c(*door.local());
      NEED(c.pop(200ms).err() == errc::timeout);
      hosts.cut = false;
      NEED(c.pop(patience));  // asked again
      NEED(door.pop(patience));
      return 0;
    });
  });
}

TEST_CASE("the second address of a name is tried when the first never answers", "[tcp][hosts]") {
  const test::scratch dir("/tmp");
  std::ofstream(dir / "hosts") << two_hosts::black_hole << " far.sluice\n" << two_hosts::address[1] << " far.sluice\n";
  const auto r = between_two_hosts([&](two_hosts& hosts, report& seen) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount((dir / "hosts").c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) != 0) {
      seen.missing = "no way to give this program a table of hosts of its own";
      return 0;
    }
    auto door = door_of(hosts);
    const auto then = test::now_ns();
    const std::string name = "far.sluice:" + std::to_string(door.local()->port());
    const auto s = hosts.on(0, [&] { return sluice::tcp_connect(name, patience); });
    seen.numbers[0] = seconds_since(then);
    NEED(s);
    NEED(*s->peer() == *door.local());
    NEED(seen.numbers[0] >= 0.25);
    NEED(seen.numbers[0] < 10);  // the system itself gives up after two minutes
    return 0;
  });
  if (r.missing == nullptr) std::printf("two hosts: the second address after %.2f s\n", r.numbers[0]);
}

TEST_CASE("a link that is cut in mid-stream is told within the time of the watch", "[tcp][hosts]") {
  const auto r = in_a_child([](report& seen) {
    two_hosts hosts, others;
    if ((seen.missing = hosts.missing()) != nullptr || (seen.missing = others.missing()) != nullptr) return 0;
    sluice::tcp_connect_options o;
    o.stream.watch = sluice::watched_by_seconds;
    auto writing = connected(hosts, o), reading = connected(hosts, o), without_device = connected(others, o);
    const auto some = test::pattern(50'000);
    for (auto* p : {&writing, &reading, &without_device}) {
      NEED(p->near_end.write(some, patience));
      std::vector<std::byte> place(some.size());
      NEED(p->far_end.read(place, patience));
    }
    hosts.cut = true;
    NEED(others.take_down(0));
    const auto then = test::now_ns();
    error why[3];
    const auto write_to_the_end = [&](sluice::tcp_stream& s, error& e, double& when) {
      while (!e) e = s.write(some, patience).err();
      when = seconds_since(then);
    };
    std::thread a([&] { write_to_the_end(writing.near_end, why[0], seen.numbers[0]); });
    std::thread b([&] { write_to_the_end(without_device.near_end, why[2], seen.numbers[2]); });
    std::byte one[1];
    why[1] = reading.near_end.read(one, patience).err();
    seen.numbers[1] = seconds_since(then);
    a.join(), b.join();
    const auto timed_out = [](error e) { return e == errc::os && e.detail == ETIMEDOUT; };
    NEED(timed_out(why[0]));
    NEED(timed_out(why[1]));
    const bool no_way = why[2] == errc::not_found && why[2].about() == subject::route;
    NEED(timed_out(why[2]) || no_way);  // as the system puts it
    for (int i = 0; i < 3; ++i) {
      NEED(seen.numbers[i] >= 8);
      NEED(seen.numbers[i] < 15);
    }
    return 0;
  });
  if (r.missing == nullptr)
    std::printf("two hosts: a cut told after %.1f s (writing), %.1f s (reading), %.1f s (own device down)\n",
                r.numbers[0], r.numbers[1], r.numbers[2]);
}
