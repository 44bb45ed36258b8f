// SPDX-License-Identifier: MIT
#include <sluice/framing/checked.hpp>
#include <sluice/framing/length.hpp>
#include <sluice/platform/describe.hpp>
#include <sluice/stream/byte_messages.hpp>
#include <sluice/stream/duplex.hpp>
#include <sluice/stream/fifo.hpp>
#include <sluice/stream/pipe.hpp>
#include <sluice/stream/tcp.hpp>
#include <sluice/stream/unix.hpp>

#include "catch.hpp"
#include "net.hpp"
#include "sanitizers.hpp"

#include <algorithm>
#include <atomic>
#include <malloc.h>
#include <thread>

// Every stream under rough treatment, in the same words: byte by byte, interrupted all the time, with peers that are
// killed at any moment, and with peers that do not read.

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::ip_family;

namespace {

constexpr auto patience = 30s;  // for what does not fail

/// What one side of a conversation has.
template <class In, class Out>
struct side {
  In in;
  Out out;
};
template <class In, class Out>
side(In, Out) -> side<In, Out>;

// A transport makes both sides of a conversation, which a fork may put into two processes, and then opens each.

template <class Stream>
struct over_sockets {
  struct both {
    Stream here, there;
  };
  static auto open(Stream s) {
    auto halves = sluice::must(std::move(s).split());
    return side{std::move(halves.in), std::move(halves.out)};
  }
};
struct over_a_pair : over_sockets<sluice::duplex_stream> {
  static both make() {
    auto d = sluice::must(sluice::duplex());
    return {std::move(d.one), std::move(d.other)};
  }
};
struct over_a_unix_socket : over_sockets<sluice::unix_stream> {
  static both make() {
    const test::scratch dir;
    auto door = sluice::must(sluice::unix_listen(dir / "s"));
    auto here = sluice::must(sluice::unix_connect(dir / "s", patience));
    return {std::move(here), sluice::must(door.pop(patience))};
  }
};
template <ip_family Family>
struct over_tcp : over_sockets<sluice::tcp_stream> {
  static both make() {
    auto p = test::connected(Family);
    return {std::move(p.near_end), std::move(p.far_end)};
  }
};
using over_tcp_v4 = over_tcp<ip_family::v4>;
using over_tcp_v6 = over_tcp<ip_family::v6>;

template <class In, class Out>
struct over_one_ways {
  struct both {
    side<In, Out> here, there;
  };
  static auto open(side<In, Out> s) { return s; }
};
struct over_pipes : over_one_ways<sluice::pipe_reader, sluice::pipe_writer> {
  static both make() {
    auto there = sluice::must(sluice::pipe()), back = sluice::must(sluice::pipe());
    return {{std::move(back.in), std::move(there.out)}, {std::move(there.in), std::move(back.out)}};
  }
};
struct over_fifos : over_one_ways<sluice::fifo_reader<>, sluice::fifo_writer<>> {
  static both make() {
    const test::scratch dir;
    const auto one = [&](const char* name) {
      auto in = sluice::must(sluice::fifo_reader<>::open(dir / name));
      auto out = sluice::must(sluice::fifo_writer<>::open(dir / name));
      sluice::must(out.connect(patience));
      return side{std::move(in), std::move(out)};
    };
    auto there = one("there"), back = one("back");
    return {{std::move(back.in), std::move(there.out)}, {std::move(there.in), std::move(back.out)}};
  }
};

#define EVERY_STREAM over_pipes, over_a_pair, over_a_unix_socket, over_tcp_v4, over_tcp_v6, over_fifos

/// As little room as the system lets it have.
void make_narrow(int fd) {
  const int least = 1;
  if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least) == 0)
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
  else
    ::fcntl(fd, F_SETPIPE_SZ, 4096);
}

/// A stream that takes and gives one byte at a time.
template <class Stream>
class drop_by_drop : public sluice::read_verbs<drop_by_drop<Stream>>, public sluice::write_verbs<drop_by_drop<Stream>> {
 public:
  static constexpr sluice::end_traits traits = Stream::traits;

  explicit drop_by_drop(Stream s) noexcept : stream_(std::move(s)) {}
  sluice::result<std::size_t> try_read(std::span<std::byte> to) noexcept
    requires sluice::readable<Stream>
  {
    return stream_.try_read(to.first(1));
  }
  sluice::result<std::size_t> try_write(std::span<const std::byte> from) noexcept
    requires sluice::writable<Stream>
  {
    return stream_.try_write(from.first(1));
  }
  void arm(sluice::want k, sluice::wait_set& set) noexcept { stream_.arm(k, set); }
  void disarm(sluice::want k) noexcept { stream_.disarm(k); }
  void close() noexcept { stream_.close(); }

 private:
  Stream stream_;
};

using messages = sluice::checked<sluice::length_framing<20'000>>;
template <class Out>
auto sink_over(Out s) {
  return sluice::sink_of<std::span<const std::byte>>(std::move(s), messages{});
}
template <class In>
auto source_over(In s) {
  return sluice::source_of<std::span<const std::byte>>(std::move(s), messages{});
}

/// The message of that number, of at most `most` bytes.
std::vector<std::byte> message(unsigned number, unsigned most) {
  return test::pattern(number * 7919u % (most + 1), number);
}
/// Receives messages and compares them with what they should be.
template <class In>
class judge {
 public:
  judge(In s, unsigned most) : in_(source_over(std::move(s))), most_(most), place_(most) {}
  /// The next message; why there is none, or `corrupt` for one that is not what was sent.
  error next(sluice::until u) {
    const auto n = in_.pop(place_, u);
    if (!n) return n.err();
    const auto expected = message(number_++, most_);
    const bool same = *n == expected.size() && std::equal(expected.begin(), expected.end(), place_.begin());
    return same ? error() : errc::corrupt;
  }
  [[nodiscard]] unsigned came() const { return number_; }

 private:
  decltype(source_over(std::declval<In>())) in_;
  unsigned most_;
  std::vector<std::byte> place_;
  unsigned number_ = 0;
};

/// What one direction of an exchange has come to.
struct outcome {
  unsigned pushed = 0, came = 0;
  error why;                          // of the end
  std::int64_t shortest = INT64_MAX;  // of the waits in vain
  std::int64_t longest = 0;
};
constexpr auto in_vain = 10ms;

/// Sends `count` messages, and ends when the other side has received them and waited.
template <class Out>
void send(Out s, unsigned count, unsigned most, const std::atomic<bool>& received, outcome& o) {
  auto out = sink_over(std::move(s));
  while (o.pushed < count && out.push(message(o.pushed, most), patience)) ++o.pushed;
  (void)out.flush(patience);
  (void)test::eventually([&] { return received.load(); }, 30);  // the end comes after the waits in vain
}
/// Receives them, waits in vain a few times, and then for the end.
template <class In>
void receive(In s, unsigned count, unsigned most, std::atomic<bool>& received, outcome& o) {
  judge in(std::move(s), most);
  while (!o.why && in.came() < count) o.why = in.next(patience);
  o.came = in.came();
  for (int i = 0; i < 5 && !o.why; ++i) {
    const auto then = test::now_ns();
    const error vain = in.next(in_vain);
    const auto took = test::now_ns() - then;
    o.shortest = std::min(o.shortest, took), o.longest = std::max(o.longest, took);
    if (!(vain == errc::timeout)) o.why = vain;
  }
  received = true;
  if (!o.why) o.why = in.next(patience);
}

/// Threads that are interrupted every 50 microseconds, by a handler after which system calls are not resumed.
class storm {
 public:
  explicit storm(std::atomic<int>& working) : working_(working) {
    struct sigaction a = {};
    a.sa_handler = [](int) { count().fetch_add(1, std::memory_order_relaxed); };
    ::sigaction(SIGUSR1, &a, &before_);
    count() = 0;
  }
  storm(const storm&) = delete;
  storm& operator=(const storm&) = delete;
  ~storm() { ::sigaction(SIGUSR1, &before_, nullptr); }
  /// Until none of them works.
  void rage(std::span<std::thread> threads) {
    while (working_ > 0) {
      for (auto& t : threads) ::pthread_kill(t.native_handle(), SIGUSR1);
      test::sleep_us(50);
    }
  }
  static std::atomic<unsigned>& count() {
    static std::atomic<unsigned> n{0};
    return n;
  }

 private:
  std::atomic<int>& working_;
  struct sigaction before_ = {};
};

/// Is that how a stream may end whose other side was killed?
bool ends_so(error e) {
  return e == errc::closed || e == errc::truncated || e == errc::peer_died ||
         (e == errc::os && (e.detail == ECONNRESET || e.detail == EPIPE));
}

/// Talks until it is killed: sends without end, and takes what comes.
template <class Side>
int chatter(Side s, unsigned most) {
  auto out = sink_over(std::move(s.out));
  judge in(std::move(s.in), most);
  for (unsigned i = 0;;) {
    if (out.push(message(i, most), 1ms)) ++i;
    (void)in.next(sluice::now);
  }
}

std::size_t resident_bytes() {
  std::ifstream f("/proc/self/statm");
  std::size_t all = 0, here = 0;
  f >> all >> here;
  return here * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

TEMPLATE_TEST_CASE("messages survive a stream that moves one byte at a time, both ways", "[rough][threads]",
                   EVERY_STREAM) {
  auto both = TestType::make();
  auto here = TestType::open(std::move(both.here)), there = TestType::open(std::move(both.there));
  for (const int fd : {here.in.handle(), here.out.handle(), there.in.handle(), there.out.handle()}) make_narrow(fd);
  constexpr unsigned most = 200, count = 200;
  std::atomic<bool> received[2] = {};
  outcome one, other;
  std::thread threads[] = {
      std::thread([&] { send(drop_by_drop(std::move(here.out)), count, most, received[0], one); }),
      std::thread([&] { receive(drop_by_drop(std::move(there.in)), count, most, received[0], one); }),
      std::thread([&] { send(drop_by_drop(std::move(there.out)), count, most, received[1], other); }),
      std::thread([&] { receive(drop_by_drop(std::move(here.in)), count, most, received[1], other); })};
  for (auto& t : threads) t.join();
  for (const auto& o : {one, other}) {
    CHECK(o.pushed == count);
    CHECK(o.came == count);
    CHECK(o.why == errc::closed);
  }
}

TEMPLATE_TEST_CASE("signals all the time damage no message and bend no deadline", "[rough][threads]", EVERY_STREAM) {
  auto both = TestType::make();
  auto here = TestType::open(std::move(both.here)), there = TestType::open(std::move(both.there));
  constexpr unsigned most = 20'000 - 8;
  const unsigned count = rounds(2000);
  std::atomic<bool> received[2] = {};
  std::atomic<int> working{4};
  outcome one, other;
  {
    storm signals(working);
    std::thread threads[] = {
        std::thread([&] { send(std::move(here.out), count, most, received[0], one), --working; }),
        std::thread([&] { receive(std::move(there.in), count, most, received[0], one), --working; }),
        std::thread([&] { send(std::move(there.out), count, most, received[1], other), --working; }),
        std::thread([&] { receive(std::move(here.in), count, most, received[1], other), --working; })};
    signals.rage(threads);
    for (auto& t : threads) t.join();
  }
  for (const auto& o : {one, other}) {
    CHECK(o.pushed == count);
    CHECK(o.came == count);
    CHECK(o.why == errc::closed);
    CHECK(o.shortest >= std::chrono::nanoseconds(in_vain).count());
    CHECK(o.longest < 2'000'000'000);
  }
  CHECK(storm::count() > (SLUICE_TEST_TSAN ? 0u : 100u));  // TSan keeps most of them back
}

TEMPLATE_TEST_CASE("a peer that is killed at any moment leaves whole messages and an end, never a hang", "[rough]",
                   EVERY_STREAM) {
  constexpr unsigned most = 9000;
  const std::size_t before = test::open_descriptors();
  test::dice dice(11);
  unsigned came = 0, ends[4] = {};
  for (unsigned round = 0; round < rounds(200); ++round) {
    auto both = TestType::make();
    test::child victim([&] {
      { auto of_the_parent = std::move(both.here); }
      return chatter(TestType::open(std::move(both.there)), most);
    });
    { auto of_the_child = std::move(both.there); }
    auto mine = TestType::open(std::move(both.here));
    auto out = sink_over(std::move(mine.out));
    judge in(std::move(mine.in), most);
    const auto kill_at = test::now_ns() + static_cast<std::int64_t>(dice.below(4'000'000));
    error read, written;
    for (unsigned i = 0; test::now_ns() < kill_at && !read && !written;) {
      const error pushed = out.push(message(i, most), 100us).err(), popped = in.next(sluice::now);
      if (!pushed) ++i;
      else if (!(pushed == errc::timeout)) written = pushed;
      if (popped && !popped.again()) read = popped;
    }
    INFO("round " << round << ": " << sluice::describe(read).c_str() << ", " << sluice::describe(written).c_str());
    REQUIRE(!read);  // so far it lives
    REQUIRE(!written);
    victim.kill();
    while (!read) read = in.next(5s);
    const auto some = test::pattern(8);
    while (!written) written = out.push(some, 5s).err();
    CAPTURE(sluice::describe(read).c_str(), sluice::describe(written).c_str());
    CHECK(ends_so(read));
    CHECK(ends_so(written));
    came += in.came();
    ++ends[read == errc::closed ? 0 : read == errc::truncated ? 1 : read == errc::os ? 2 : 3];
  }
  CHECK(came > 0);
  CHECK(test::open_descriptors() <= before);
  std::printf("killed: %u messages, %u times closed, %u truncated, %u reset, %u other\n", came, ends[0], ends[1],
              ends[2], ends[3]);
}

TEMPLATE_TEST_CASE("a peer that does not read makes nothing grow", "[rough]", EVERY_STREAM) {
  auto both = TestType::make();
  auto here = TestType::open(std::move(both.here));
  auto out = sluice::sink_of<std::array<std::uint64_t, 64>>(std::move(here.out));
  std::array<std::uint64_t, 64> value{};
  std::uint64_t accepted = 0;
  for (int quiet = 0; quiet < 20;) {
    if (out.try_push(value)) ++accepted, quiet = 0;
    else ++quiet, test::sleep_us(500);
  }
  const auto heap = ::mallinfo2().uordblks;
  const auto resident = resident_bytes();
  const unsigned all = rounds(1'000'000);
  unsigned refused = 0;
  for (unsigned i = 0; i < all; ++i) {
    if (const auto s = out.try_push(value); !s && s.err() == errc::full) ++refused;
  }
  CHECK(refused > all - 1000);  // a system may find a little more room
  CHECK(accepted + (all - refused) < 64'000'000 / sizeof value);
  CHECK(::mallinfo2().uordblks <= heap + 4096);
  CHECK(resident_bytes() < resident + 1'000'000);
}
