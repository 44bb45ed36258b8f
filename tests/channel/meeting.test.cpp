// SPDX-License-Identifier: MIT
#include <sluice/channel/meeting.hpp>

#include <sluice/channel/crowds.hpp>
#include <sluice/channel/lanes.hpp>
#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/shared_bytes.hpp>
#include <sluice/memory/shared_region.hpp>
#include <sluice/stream/unix_messages.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <thread>

using namespace std::chrono_literals;
using sluice::accept_sink;
using sluice::accept_source;
using sluice::errc;
using sluice::error;
using sluice::offer_sink;
using sluice::offer_source;
using sluice::subject;
using sluice::unique_handle;
using note = sluice::detail::meeting_note;

namespace {

struct point {
  std::int32_t x, y;
};
struct other_point {
  std::int32_t x;
  float y;
};
constexpr sluice::unix_options taking{.handles = true};

auto connection() {
  auto p = sluice::unix_pair(taking);
  REQUIRE(p);
  return *std::move(p);
}
/// A hostile side: sends a note with that descriptor, and returns what the other side made of it.
template <class Accept>
std::pair<error, error> offer_by_hand(int fd, const note& n, Accept accept) {
  auto c = connection();
  error there;
  std::thread other([&] { there = accept(c.second); });
  const std::span<const int> passed(&fd, fd >= 0 ? 1u : 0u);
  REQUIRE(sluice::send_handles(c.first, std::as_bytes(std::span(&n, 1)), passed));
  note answer{};
  std::size_t got = 0;
  while (got < sizeof answer) {
    const auto r = c.first.read(std::as_writable_bytes(std::span(&answer, 1)).subspan(got), 5s);
    if (!r) break;
    got += *r;
  }
  other.join();
  return {there, got == sizeof answer ? answer.answered().err() : error(errc::closed)};
}
std::pair<error, error> offer_region(int fd) {
  return offer_by_hand(fd, note::of(note::be_source), [](auto& s) { return accept_source<point>(s, 5s).err(); });
}
unique_handle region_of_points() {
  using home = sluice::detail::shared_ends<point, sluice::spsc, sluice::native_memory>::sink::home_type;
  auto fd = sluice::detail::create_memfd_region(home::spec({}), {});
  REQUIRE(fd);
  return *std::move(fd);
}
/// The same bytes in another file.
unique_handle copy_of(const unique_handle& from, unsigned flags, std::size_t bytes, int seals) {
  unique_handle to(::memfd_create("copy", MFD_CLOEXEC | flags));
  std::vector<char> all(bytes);
  REQUIRE(::pread(from.get(), all.data(), bytes, 0) == static_cast<ssize_t>(bytes));
  REQUIRE(::pwrite(to.get(), all.data(), bytes, 0) == static_cast<ssize_t>(bytes));
  REQUIRE(::fchmod(to.get(), 0600) == 0);
  if (seals != 0) REQUIRE(::fcntl(to.get(), F_ADD_SEALS, seals) == 0);
  return to;
}
std::size_t size_of(const unique_handle& fd) {
  struct stat st = {};
  return ::fstat(fd.get(), &st) == 0 ? static_cast<std::size_t>(st.st_size) : 0;
}
constexpr int all_seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

}  // namespace

TEST_CASE("two processes that meet over a socket share a channel without a name", "[meeting]") {
  const auto descriptors = test::open_descriptors();
  const auto mappings = test::mappings();
  {
    auto c = connection();
    test::child other([&]() -> int {
      ::close(c.first.handle());  // close() would end it for the parent, too
      auto in = accept_source<point>(c.second, 5s);
      if (!in) return 1;
      c.second.close();
      for (int n = 0; n < 10'000; ++n) {
        const auto v = in->pop(5s);
        if (!v || v->x != n || v->y != -n) return 2;
      }
      return in->pop(5s).err() == errc::closed ? 0 : 3;
    });
    auto out = offer_sink<point>(c.first, {.capacity = 100}, 5s);
    REQUIRE(out);
    CHECK(out->capacity() == 100);
    CHECK(out->peers() == 2);
    for (int n = 0; n < 10'000; ++n) REQUIRE(out->push({n, -n}, 5s));
    out->close();
    CHECK(other.wait() == 0);
  }
  CHECK(test::open_descriptors() == descriptors);
  if (!SLUICE_TEST_TSAN) CHECK(test::mappings() <= mappings + 1);  // which maps for itself
}

TEST_CASE("either end can be offered, over a stream or a connection for messages, of every kind", "[meeting]") {
  auto stream = connection();
  auto packets = sluice::unix_seqpacket_pair(taking);
  REQUIRE(packets);
  const auto exchange = [](auto& out, auto& in) {
    REQUIRE(out);
    REQUIRE(in);
    REQUIRE(out->push(point{1, 2}, 1s));
    const auto v = in->pop(1s);
    REQUIRE(v);
    CHECK(v->y == 2);
  };
  const auto both_ways = [&](auto kind, auto& a, auto& b) {
    using K = decltype(kind);
    {
      auto in = sluice::result<int>(errc::empty).and_then([&](int) { return accept_source<point, K>(b, sluice::now); });
      std::thread other([&] { in = accept_source<point, K>(b, 5s); });
      auto out = offer_sink<point, K>(a, {}, 5s);
      other.join();
      exchange(out, in);
    }
    {
      auto out = sluice::result<int>(errc::empty).and_then([&](int) { return accept_sink<point, K>(b, sluice::now); });
      std::thread other([&] { out = accept_sink<point, K>(b, 5s); });
      auto in = offer_source<point, K>(a, {}, 5s);
      other.join();
      exchange(out, in);
    }
  };
  both_ways(sluice::spsc{}, stream.first, stream.second);
  both_ways(sluice::spsc{}, packets->second, packets->first);
  both_ways(sluice::mpmc{}, stream.first, stream.second);
  both_ways(sluice::lanes{}, stream.second, stream.first);
  both_ways(sluice::broadcast{}, stream.first, stream.second);
  {
    auto in = sluice::accept_bytes_source<>(stream.second, sluice::now);
    std::thread other([&] { in = sluice::accept_bytes_source<>(stream.second, 5s); });
    auto out = sluice::offer_bytes_sink<>(stream.first, {}, 5s);
    other.join();
    REQUIRE(out);
    REQUIRE(in);
    std::array<std::byte, 10> b{};
    REQUIRE(out->push(b));
    CHECK(*in->pop(b, 1s) == 10);
  }
  {
    auto out = sluice::accept_bytes_sink<>(stream.second, sluice::now);
    std::thread other([&] { out = sluice::accept_bytes_sink<>(stream.second, 5s); });
    CHECK(sluice::offer_bytes_source<>(stream.first, {}, 5s));
    other.join();
    CHECK(out);
  }
}

TEST_CASE("both sides learn why they do not fit, and can try again over the same connection", "[meeting]") {
  auto c = connection();
  error there;
  const auto refusal = [&](auto accept) {
    std::thread other([&] { there = accept().err(); });
    const error here = offer_sink<point>(c.first, {.capacity = 8}, 5s).err();
    other.join();
    CHECK(here == there);
    return here;
  };
  CHECK(refusal([&] { return accept_source<other_point>(c.second, 5s); }).about() == subject::type_layout);
  CHECK(refusal([&] { return accept_source<point, sluice::mpsc>(c.second, 5s); }).about() == subject::kind);
  CHECK(refusal([&] { return accept_source<point>(c.second, 5s, {.capacity = 9}); }).about() == subject::capacity);
  CHECK(refusal([&] { return accept_sink<point>(c.second, 5s); }).about() == subject::role);
  const sluice::ring_options lasting{.persistent = true};
  CHECK(refusal([&] { return accept_source<point>(c.second, 5s, lasting); }).about() == subject::persistence);
  CHECK(!refusal([&] { return accept_source<point>(c.second, 5s); }));
}

TEST_CASE("a peer that dies is told as in every channel, and a successor comes by another meeting", "[meeting]") {
  auto c = connection();
  test::child victim([&]() -> int {
    auto out = accept_sink<point>(c.second, 5s);
    if (!out || !out->push({7, 7}, 1s)) return 1;
    ::kill(::getpid(), SIGKILL);
    return 2;
  });
  auto in = offer_source<point>(c.first, {}, 5s);
  REQUIRE(in);
  CHECK(victim.wait() == -SIGKILL);
  CHECK(in->pop(5s)->x == 7);
  CHECK(in->pop(5s).err() == errc::peer_died);
  CHECK(in->peers() == 1);
}

TEST_CASE("what is no sealed region is refused, and nothing of it stays", "[meeting]") {
  const auto before = test::open_descriptors();
  const auto refused = [](int fd, errc code, subject about) {
    const auto [there, answer] = offer_region(fd);
    CHECK(there == code);
    CHECK(there.about() == about);
    CHECK(answer == there);
  };
  const std::size_t size = size_of(region_of_points());
  {
    INFO("no descriptor");
    refused(-1, errc::invalid, subject::descriptors);
  }
  {
    INFO("a pipe");
    int pipe[2];
    REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
    const unique_handle in(pipe[0]), out(pipe[1]);
    refused(in.get(), errc::invalid, subject::file_type);
  }
  {
    INFO("a directory, a device");
    refused(unique_handle(::open("/", O_RDONLY | O_CLOEXEC)).get(), errc::invalid, subject::file_type);
    refused(unique_handle(::open("/dev/null", O_RDWR | O_CLOEXEC)).get(), errc::invalid, subject::file_type);
  }
  {
    INFO("a file that cannot be sealed");
    const test::scratch dir;
    const unique_handle file(::open((dir / "f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    refused(file.get(), errc::denied, subject::seals);
  }
  {
    INFO("not sealed, or not against everything");
    for (const int seals : {0, F_SEAL_GROW, F_SEAL_SHRINK | F_SEAL_GROW, F_SEAL_GROW | F_SEAL_SEAL})
      refused(copy_of(region_of_points(), MFD_ALLOW_SEALING, size, seals).get(), errc::denied, subject::seals);
    refused(copy_of(region_of_points(), 0, size, 0).get(), errc::denied, subject::seals);
  }
  {
    INFO("too short, or not all there");
    refused(copy_of(region_of_points(), MFD_ALLOW_SEALING, 100, all_seals).get(), errc::truncated, subject::size);
    refused(copy_of(region_of_points(), MFD_ALLOW_SEALING, size - 4096, all_seals).get(), errc::truncated,
            subject::size);
    const auto holes = copy_of(region_of_points(), MFD_ALLOW_SEALING, 4096, 0);
    REQUIRE(::ftruncate(holes.get(), static_cast<off_t>(1) << 40) == 0);
    REQUIRE(::fcntl(holes.get(), F_ADD_SEALS, all_seals) == 0);
    refused(holes.get(), errc::truncated, subject::size);
  }
  {
    INFO("no region, or a damaged one");
    const auto damaged = [&](std::size_t at, subject about) {
      const auto fd = copy_of(region_of_points(), MFD_ALLOW_SEALING, size, 0);
      REQUIRE(::pwrite(fd.get(), "?", 1, static_cast<off_t>(at)) == 1);
      REQUIRE(::fcntl(fd.get(), F_ADD_SEALS, all_seals) == 0);
      refused(fd.get(), errc::corrupt, about);
    };
    damaged(0, subject::magic);
    damaged(64, subject::checksum);
  }
  {
    INFO("a region that is something else");
    auto r = sluice::memfd_region(4096);
    REQUIRE(r);
    refused(r->handle(), errc::mismatch, subject::kind);
  }
  {
    INFO("memory that everybody may write");
    const auto fd = copy_of(region_of_points(), MFD_ALLOW_SEALING, size, 0);
    REQUIRE(::fchmod(fd.get(), 0602) == 0);
    REQUIRE(::fcntl(fd.get(), F_ADD_SEALS, all_seals) == 0);
    refused(fd.get(), errc::denied, subject::world_writable);
  }
  {
    INFO("sealed against writing too");
    const auto fd = copy_of(region_of_points(), MFD_ALLOW_SEALING, size, all_seals | F_SEAL_WRITE);
    const auto [there, answer] = offer_region(fd.get());
    CHECK(there == errc::denied);
    CHECK(answer == there);
  }
  CHECK(test::open_descriptors() == before);
}

TEST_CASE("a note that is none ends the connection, on either side", "[meeting]") {
  const auto fd = region_of_points();
  const auto accept = [](auto& s) {
    const error e = accept_source<point>(s, 5s).err();
    return s.handle() == -1 ? e : error(errc::busy);  // in another thread, so it is told and not asserted
  };
  note n = note::of(note::be_source);
  SECTION("another magic") {
    n.magic[3] = '?';
    CHECK(offer_by_hand(fd.get(), n, accept).first.about() == subject::magic);
  }
  SECTION("another version") {
    n.version = 2;
    CHECK(offer_by_hand(fd.get(), n, accept).first.about() == subject::format_version);
  }
  SECTION("cut short") {
    auto c = connection();
    REQUIRE(c.first.write(std::as_bytes(std::span(&n, 1)).first(10)));
    c.first.close();
    CHECK(accept(c.second) == errc::truncated);
  }
  SECTION("an answer that is no error") {
    auto c = connection();
    std::thread other([&] {
      std::array<std::byte, sizeof(note)> to;
      (void)c.second.read(to, 5s);
      note answer = note::of(note::answer);
      answer.code = 250;
      (void)c.second.write(std::as_bytes(std::span(&answer, 1)));
    });
    CHECK(offer_sink<point>(c.first, {}, 5s).err() == errc::corrupt);
    other.join();
  }
  SECTION("both offer") {
    auto c = connection();
    error there;
    std::thread other([&] { there = offer_sink<point>(c.second, {}, 5s).err(); });
    CHECK(offer_sink<point>(c.first, {}, 5s).err() == errc::mismatch);
    other.join();
    CHECK(there == errc::mismatch);
    CHECK(c.first.handle() == -1);
  }
}

TEST_CASE("a meeting runs out of patience, can be stopped, and ends when the other side goes", "[meeting]") {
  auto c = connection();
  CHECK(accept_source<point>(c.second, 5ms).err() == errc::timeout);
  CHECK(c.second.handle() >= 0);  // nothing had come, nothing was taken
  sluice::stop halt;
  halt.request();
  CHECK(accept_source<point>(c.second, halt).err() == errc::stopped);
  CHECK(offer_sink<point>(c.first, {}, 5ms).err() == errc::timeout);
  CHECK(c.first.handle() == -1);  // an answer may still come
  const auto late = accept_source<point>(c.second, 1s);
  CHECK(!late);
  auto d = connection();
  d.second.close();
  CHECK(offer_sink<point>(d.first, {}, 1s).err() == errc::closed);
  auto e = connection();
  e.second.close();
  CHECK(accept_sink<point>(e.first, 1s).err() == errc::closed);
  CHECK(accept_sink<point>(e.second, 1s).err() == errc::closed);
}

TEST_CASE("a side that did not ask for descriptors is offered nothing", "[meeting]") {
  auto p = sluice::unix_pair();
  REQUIRE(p);
  const unique_handle probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!sluice::detail::set_option(probe.get(), SOL_SOCKET, sluice::detail::pass_rights, int{0})) {
    WARN("skipped: this kernel cannot refuse descriptors");
    return;
  }
  const auto e = offer_sink<point>(p->first, {}, 1s).err();
  CHECK(e == errc::denied);
  CHECK(e.about() == subject::descriptors);
}
