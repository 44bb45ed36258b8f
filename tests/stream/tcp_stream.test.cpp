// SPDX-License-Identifier: MIT
#include <sluice/stream/messages.hpp>
#include <sluice/stream/tcp.hpp>

#include "catch.hpp"
#include "net.hpp"
#include "sanitizers.hpp"

#include <thread>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::ip_family;
using test::pattern;

namespace {

template <class Stream>
bool write_all(Stream& out, std::span<const std::byte> all, std::size_t piece = 100'000) {
  while (!all.empty()) {
    const auto n = out.write(all.first(std::min(piece, all.size())), 20s);
    if (!n) return false;
    all = all.subspan(*n);
  }
  return true;
}
struct reading {
  std::vector<std::byte> bytes{};
  error why{};
};
template <class Stream>
reading read_all(Stream& in, std::size_t piece = 100'000) {
  reading r;
  std::vector<std::byte> place(piece);
  for (;;) {
    const auto n = in.read(place, 20s);
    if (!n) {
      r.why = n.err();
      return r;
    }
    r.bytes.insert(r.bytes.end(), place.begin(), place.begin() + static_cast<std::ptrdiff_t>(*n));
  }
}
std::size_t fill(sluice::tcp_stream& out) {
  const auto block = pattern(64 * 1024);
  std::size_t n = 0;
  for (int quiet = 0; quiet < 20;) {  // the kernel moves bytes on behind our back
    if (const auto some = out.try_write(block)) n += *some, quiet = 0;
    else ++quiet, test::sleep_us(500);
  }
  return n;
}

}  // namespace

TEST_CASE("bytes go both ways over TCP, in both families, however they are cut", "[tcp]") {
  for (const auto family : {ip_family::v4, ip_family::v6}) {
    auto p = test::connected(family);
    CHECK(p.near_end.peer()->family() == family);
    CHECK(*p.near_end.peer() == *p.far_end.local());
    CHECK(*p.near_end.local() == *p.far_end.peer());
    for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, std::size_t{100'000}}) {
      const std::size_t size = piece == 1 ? 20'000 : 3'000'000;
      const auto all = pattern(size);
      bool sent = false;
      std::thread writer([&] { sent = write_all(p.near_end, all, piece); });
      std::vector<std::byte> got;
      std::vector<std::byte> place(piece);
      while (got.size() < size) {
        const auto n = p.far_end.read(place, 20s);
        if (!n) break;
        got.insert(got.end(), place.begin(), place.begin() + static_cast<std::ptrdiff_t>(*n));
      }
      writer.join();
      CHECK(sent);
      CHECK(got == all);
      std::swap(p.near_end, p.far_end);
    }
  }
}

TEST_CASE("signals that interrupt system calls do no harm to a stream", "[tcp]") {
  test::interruptions::count() = 0;
  auto p = test::connected();
  const auto all = pattern(8'000'000);
  bool sent = false;
  std::int64_t waited = 0;
  reading r;
  {
    const test::interruptions storm;
    std::thread writer([&] {
      sent = write_all(p.near_end, all);
      test::sleep_us(100'000);
      p.near_end.end_writing();
    });
    r = read_all(p.far_end);
    writer.join();
    const auto before = test::now_ns();
    std::byte one[1];
    CHECK(p.near_end.read(one, 30ms).err() == errc::timeout);
    waited = test::now_ns() - before;
  }
  CHECK(sent);
  CHECK(r.why == errc::closed);
  CHECK(r.bytes == all);
  CHECK(test::interruptions::count() > (SLUICE_TEST_TSAN ? 0 : 50));  // TSan keeps most of them back
  CHECK(waited >= 30'000'000);
  CHECK(waited < 2'000'000'000);
}

TEST_CASE("the options of a connection hold on both sides, and small messages are not held back", "[tcp]") {
  sluice::tcp_options o;
  o.watch = sluice::watched_by_seconds;
  o.send_buffer = 30'000;
  o.receive_buffer = 40'000;
  const auto watched = test::connected(ip_family::v4, o);
  const auto plain = test::connected();
  const auto number = [](const sluice::tcp_stream& s, int level, int name) {
    return *sluice::detail::get_option<int>(s.handle(), level, name);
  };
  for (const auto* s : {&watched.near_end, &watched.far_end}) {
    CHECK(number(*s, IPPROTO_TCP, TCP_NODELAY) != 0);
    CHECK(number(*s, SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(number(*s, IPPROTO_TCP, TCP_KEEPIDLE) == 3);
    CHECK(number(*s, IPPROTO_TCP, TCP_KEEPINTVL) == 2);
    CHECK(number(*s, IPPROTO_TCP, TCP_KEEPCNT) == 3);
    CHECK(number(*s, IPPROTO_TCP, TCP_USER_TIMEOUT) == 9000);
    CHECK(number(*s, SOL_SOCKET, SO_SNDBUF) == 60'000);  // the kernel doubles what it is asked for
    CHECK(number(*s, SOL_SOCKET, SO_RCVBUF) == 80'000);
  }
  for (const auto* s : {&plain.near_end, &plain.far_end}) {
    CHECK(number(*s, IPPROTO_TCP, TCP_NODELAY) != 0);
    CHECK(number(*s, SOL_SOCKET, SO_KEEPALIVE) == 0);
    CHECK((::fcntl(s->handle(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(s->handle(), F_GETFL) & O_NONBLOCK) != 0);
  }
  sluice::tcp_options gathering;
  gathering.no_delay = false;
  const auto gathered = test::connected(ip_family::v4, gathering);
  CHECK(number(gathered.near_end, IPPROTO_TCP, TCP_NODELAY) == 0);
  CHECK(number(gathered.far_end, IPPROTO_TCP, TCP_NODELAY) == 0);
}

TEST_CASE("a deadline and a stop end a read and a write", "[tcp]") {
  auto p = test::connected();
  std::byte one[1];
  CHECK(p.near_end.try_read(one).err() == errc::empty);
  CHECK(p.near_end.read(one, 5ms).err() == errc::timeout);
  CHECK(fill(p.near_end) > 0);
  do test::sleep_us(50'000);  // the system goes on moving bytes over for a while, and gives more room
  while (fill(p.near_end) > 0);
  CHECK(p.near_end.try_write(one).err() == errc::full);
  CHECK(p.near_end.write(one, 5ms).err() == errc::timeout);
  sluice::stop halt;
  std::thread asker([&] {
    test::sleep_us(20'000);
    halt.request();
  });
  const auto before = test::now_ns();
  CHECK(p.near_end.write(one, {20s, halt}).err() == errc::stopped);
  CHECK(p.near_end.read(one, {20s, halt}).err() == errc::stopped);
  CHECK(test::now_ns() - before < 5'000'000'000);
  asker.join();
}

TEST_CASE("after a half close the other direction goes on", "[tcp]") {
  auto p = test::connected();
  const auto question = pattern(10'000), answer = pattern(20'000, 5);
  REQUIRE(write_all(p.near_end, question));
  p.near_end.end_writing();
  auto heard = read_all(p.far_end);
  CHECK(heard.why == errc::closed);
  CHECK(heard.bytes == question);
  REQUIRE(write_all(p.far_end, answer));
  p.far_end.close();
  heard = read_all(p.near_end);
  CHECK(heard.why == errc::closed);
  CHECK(heard.bytes == answer);
}

TEST_CASE("both halves of a stream serve two threads", "[tcp]") {
  auto p = test::connected();
  auto a = std::move(p.near_end).split();
  auto b = std::move(p.far_end).split();
  REQUIRE(a);
  REQUIRE(b);
  const auto there = pattern(2'000'000), back = pattern(2'000'000, 9);
  reading heard;
  std::thread peer([&] {
    heard = read_all(b->in);
    (void)write_all(b->out, back);
    b->out.close();
  });
  CHECK(write_all(a->out, there));
  a->out.close();
  const auto answer = read_all(a->in);
  peer.join();
  CHECK(heard.bytes == there);
  CHECK(answer.bytes == back);
  CHECK(answer.why == errc::closed);
}

TEST_CASE("finish() loses nothing, though the other side has sent what nobody reads", "[tcp]") {
  // With unread bytes a plain close would break the connection off, and the peer might lose what is in its own queue.
  auto p = test::connected();
  const auto all = pattern(1'000'000);
  REQUIRE(p.far_end.write(pattern(50'000)));
  bool sent = false;
  sluice::status finished = errc::invalid;
  std::thread writer([&] {
    sent = write_all(p.near_end, all);
    finished = p.near_end.finish(20s);
  });
  test::sleep_us(50'000);
  const auto r = read_all(p.far_end);
  CHECK(finished.err() == errc::invalid);  // not before the other side has ended too
  p.far_end.close();
  writer.join();
  CHECK(sent);
  CHECK(finished);
  CHECK(r.why == errc::closed);
  CHECK(r.bytes == all);
  CHECK(p.near_end.finish(1s).err() == errc::closed);
}

TEST_CASE("finish() keeps its deadline and hears a stop, also of a peer that never stops talking", "[tcp]") {
  auto p = test::connected();
  CHECK(p.near_end.finish(5ms).err() == errc::timeout);  // a peer that says nothing
  std::atomic<bool> over{false};
  std::thread talker([&] {
    const auto block = pattern(4096);
    while (!over) (void)p.far_end.write(block, 20ms);
  });
  auto before = test::now_ns();
  CHECK(p.near_end.finish(50ms).err() == errc::timeout);
  CHECK(test::now_ns() - before < 2'000'000'000);
  CHECK(p.near_end.finish(sluice::now).err().again());
  sluice::stop halt;
  std::thread asker([&] {
    test::sleep_us(20'000);
    halt.request();
  });
  before = test::now_ns();
  CHECK(p.near_end.finish({20s, halt}).err() == errc::stopped);
  CHECK(test::now_ns() - before < 5'000'000'000);
  asker.join();
  over = true;
  talker.join();
  p.far_end.close();
  CHECK(p.near_end.finish(5s));
}

TEST_CASE("finish() looks at the clock and the stop while there is still something to take", "[tcp]") {
  auto p = test::connected();
  REQUIRE(write_all(p.far_end, pattern(100'000)));
  std::byte one[1];
  CHECK(p.near_end.finish(std::chrono::steady_clock::now() - 1s).err() == errc::timeout);
  CHECK(p.near_end.read(one, 5s));  // the most of it is still there
  sluice::stop halt;
  halt.request();
  CHECK(p.near_end.finish(halt).err() == errc::stopped);
  CHECK(p.near_end.read(one, 5s));
}

TEST_CASE("a sink over TCP ends the stream's own way", "[tcp]") {
  auto p = test::connected();
  auto out = sluice::sink_of<std::uint64_t>(std::move(p.near_end));
  auto in = sluice::source_of<std::uint64_t>(std::move(p.far_end));
  for (std::uint64_t i = 0; i < 1000; ++i) REQUIRE(out.push(i, 5s));
  CHECK(out.finish(5ms).err() == errc::timeout);  // the reader has not ended
  for (std::uint64_t i = 0; i < 1000; ++i) REQUIRE(*in.pop(5s) == i);
  CHECK(in.pop(5s).err() == errc::closed);
  in.close();
  CHECK(out.finish(5s));
  CHECK(out.finish(5s).err() == errc::closed);
}

TEST_CASE("a connection that is broken off is no orderly end", "[tcp]") {
  auto p = test::connected();
  REQUIRE(p.near_end.write(pattern(10)));
  p.near_end.abort();
  p.near_end.abort();
  std::byte place[64];
  error why;
  for (int i = 0; i < 3 && !why; ++i) why = p.far_end.read(place, 5s).err();
  CHECK(why == errc::os);
  CHECK(why.detail == ECONNRESET);
  CHECK(p.far_end.write(place, 5s).err() == errc::closed);  // and no SIGPIPE
  CHECK(p.near_end.read(place).err() == errc::closed);      // ours is inert
  CHECK(p.near_end.write(place).err() == errc::closed);
}

TEST_CASE("a connection that was broken off is no orderly end for who has written into it first, nor a second time", "[tcp]") {
  const auto some = test::pattern(100);
  std::byte place[200];
  const auto write_in_vain = [&](auto& out) {
    return test::eventually([&] { return out.write(some, 5s).err() == errc::closed; });
  };
  const auto broken_off = [](const auto& n) { return n.err() == errc::os && n.err().detail == ECONNRESET; };
  for (const auto family : {ip_family::v4, ip_family::v6}) {
    auto p = test::connected(family);
    REQUIRE(p.near_end.write(some, 5s));
    REQUIRE(p.far_end.read(std::span(place).first(1), 5s));
    REQUIRE(p.far_end.write(some, 5s));
    { const auto gone = std::move(p.far_end); }  // with bytes unread
    auto halves = sluice::must(std::move(p.near_end).split());
    REQUIRE(write_in_vain(halves.out));
    halves.out.close();
    const auto came = halves.in.read(place, 5s);  // some systems keep what came before, some do not
    CHECK((came || broken_off(came)));
    for (int i = 0; i < 3; ++i) CHECK(broken_off(halves.in.read(place, 5s)));

    auto ended = test::connected(family);  // it had ended in order before we wrote what nobody took
    REQUIRE(ended.far_end.write(some, 5s));
    { const auto gone = std::move(ended.far_end); }
    REQUIRE(write_in_vain(ended.near_end));
    CHECK(*ended.near_end.read(place, 5s) == some.size());
    for (int i = 0; i < 3; ++i) CHECK(ended.near_end.read(place, 5s).err() == errc::closed);

    auto both = test::connected(family);
    both.near_end.end_writing();
    CHECK(both.far_end.read(place, 5s).err() == errc::closed);
    { const auto gone = std::move(both.far_end); }
    for (int i = 0; i < 3; ++i) CHECK(both.near_end.read(place, 5s).err() == errc::closed);
  }
}

TEST_CASE("a peer that is killed in the middle of a message has sent half a message", "[tcp]") {
  struct block {
    std::uint64_t words[1000];
  };
  auto door = test::listener();
  const auto at = *door.local();
  test::child victim([&] {
    auto s = sluice::must(sluice::tcp_connect(at, 5s));
    const block whole{};
    (void)write_all(s, std::as_bytes(std::span(&whole, 1)));
    (void)write_all(s, std::as_bytes(std::span(&whole, 1)).first(5000));
    for (;;) ::pause();
    return 0;
  });
  auto in = sluice::source_of<block>(sluice::must(door.pop(5s)));
  CHECK(in.pop(5s));
  CHECK(in.pop(50ms).err() == errc::timeout);
  victim.kill();
  CHECK(in.pop(5s).err() == errc::truncated);
  CHECK(in.pop(5s).err() == errc::truncated);
}

TEST_CASE("a peer that is killed with unread bytes breaks the connection off, which no pop takes for an end", "[tcp]") {
  auto door = test::listener();
  const auto at = *door.local();
  test::child victim([&] {
    auto s = sluice::must(sluice::tcp_connect(at, 5s));
    for (;;) ::pause();
    return 0;
  });
  auto s = sluice::must(door.pop(5s));
  REQUIRE(s.write(pattern(1000)));
  test::sleep_us(20'000);
  victim.kill();
  std::byte one[1];
  const auto n = s.read(one, 5s);
  CHECK(n.err() == errc::os);
  CHECK(n.err().detail == ECONNRESET);
}

TEST_CASE("a slow peer bounds the sender, and nothing of ours grows", "[tcp]") {
  sluice::tcp_options o;
  o.send_buffer = o.receive_buffer = 20'000;
  auto p = test::connected(ip_family::v4, o);
  auto out = sluice::sink_of<std::uint64_t>(std::move(p.near_end));
  std::uint64_t accepted = 0;
  for (int quiet = 0; quiet < 20;) {
    if (out.try_push(accepted)) ++accepted, quiet = 0;
    else ++quiet, test::sleep_us(500);
    REQUIRE(accepted * 8 < 1'000'000);
  }
  auto in = sluice::source_of<std::uint64_t>(std::move(p.far_end));
  for (std::uint64_t i = 0; i < accepted; ++i) {
    (void)out.flush(sluice::now);
    REQUIRE(*in.pop(5s) == i);
  }
}

TEST_CASE("a snapshot tells what the system knows of a connection", "[tcp]") {
  auto p = test::connected();
  const auto all = pattern(500'000);
  std::thread writer([&] { (void)write_all(p.near_end, all), p.near_end.end_writing(); });
  CHECK(read_all(p.far_end).bytes.size() == all.size());
  writer.join();
  const auto s = p.near_end.snapshot();
  REQUIRE(s);
  CHECK(s->round_trip.count() > 0);
  CHECK(s->segment >= 500);
  CHECK(s->window > 0);
  sluice::tcp_stream none{sluice::unique_handle()};
  CHECK(!none.snapshot());
}

TEST_CASE("only a connected TCP socket is adopted as a stream, with its flags as they are", "[tcp]") {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  const sluice::unique_handle other(pair[1]);
  auto refused = sluice::tcp_stream::adopt(sluice::unique_handle(pair[0]));
  CHECK(refused.err() == errc::invalid);
  CHECK(refused.err().about() == sluice::subject::protocol);
  CHECK(!sluice::tcp_stream::adopt(sluice::unique_handle(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))));
  auto p = test::connected();
  const int fd = ::fcntl(p.near_end.handle(), F_DUPFD_CLOEXEC, 0);
  REQUIRE(::fcntl(fd, F_SETFL, 0) == 0);  // the whole description blocks now
  auto s = sluice::tcp_stream::adopt(sluice::unique_handle(fd));
  REQUIRE(s);
  std::byte one[1]{};
  CHECK(s->try_read(one).err() == errc::empty);
  CHECK(s->read(one, 5ms).err() == errc::timeout);
  REQUIRE(p.far_end.write(one));
  CHECK(*s->read(one, 5s) == 1);
  CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
}
