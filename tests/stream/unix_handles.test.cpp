// SPDX-License-Identifier: MIT
#include <sluice/stream/unix.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <array>
#include <chrono>
#include <string>
#include <sys/resource.h>
#include <sys/uio.h>
#include <vector>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::receive_handles;
using sluice::send_handles;
using sluice::subject;
using sluice::unique_handle;
using sluice::unix_pair;

namespace {

constexpr sluice::unix_options taking{.handles = true};

/// Descriptors of files that can be told apart.
struct files {
  std::vector<unique_handle> owned;
  std::vector<int> numbers;

  explicit files(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      owned.emplace_back(::memfd_create("file", MFD_CLOEXEC));
      numbers.push_back(owned.back().get());
      const auto number = static_cast<unsigned>(i);
      REQUIRE(::write(owned.back().get(), &number, sizeof number) == sizeof number);
    }
  }
};
unsigned number_in(const unique_handle& h) {
  unsigned n = ~0u;
  return ::pread(h.get(), &n, sizeof n, 0) == sizeof n ? n : ~0u;
}
const std::array<std::byte, 8> eight{};

bool kernel_refuses() {
  unique_handle fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return static_cast<bool>(sluice::detail::set_option(fd.get(), SOL_SOCKET, sluice::detail::pass_rights, int{0}));
}

}  // namespace

TEST_CASE("descriptors that are passed belong to the receiver, and stay the sender's", "[unix]") {
  for (const std::size_t n : {1u, 2u, 3u, 252u, 253u}) {
    INFO(n);
    auto p = unix_pair(taking);
    REQUIRE(p);
    const files sent(n);
    REQUIRE(*send_handles(p->first, eight, sent.numbers) == 8);
    std::array<std::byte, 100> to;
    std::vector<unique_handle> got(n);
    const auto r = receive_handles(p->second, to, got);
    REQUIRE(r);
    CHECK(r->size == 8);
    CHECK(r->handles == n);
    bool right = true;
    for (unsigned i = 0; i < n; ++i) {
      right = right && number_in(got[i]) == i && number_in(sent.owned[i]) == i;
      right = right && (::fcntl(got[i].get(), F_GETFD) & FD_CLOEXEC) != 0;
    }
    CHECK(right);
  }
}

TEST_CASE("more than 253 descriptors in one message are refused at the sender", "[unix]") {
  auto p = unix_pair(taking);
  REQUIRE(p);
  const files sent(1);
  const std::vector<int> many(254, sent.numbers[0]);
  const auto r = send_handles(p->first, eight, many);
  CHECK(r.err() == errc::too_big);
  CHECK(r.err().about() == subject::descriptors);
  std::array<std::byte, 100> to;
  CHECK(p->second.try_read(to).err() == errc::empty);
}

TEST_CASE("a descriptor that is not open, or no byte to go with it, is refused at the sender", "[unix]") {
  auto p = unix_pair(taking);
  REQUIRE(p);
  const int none[] = {-1};
  CHECK(send_handles(p->first, eight, none).err().about() == subject::descriptors);
  const files sent(1);
  CHECK(send_handles(p->first, {}, sent.numbers).err() == errc::invalid);
  std::array<std::byte, 100> to;
  CHECK(p->second.try_read(to).err() == errc::empty);
}

TEST_CASE("who gets more descriptors than there is room for gets none, and is told", "[unix]") {
  for (const std::size_t room : {0u, 1u, 2u, 3u, 10u}) {
    for (const std::size_t more : {1u, 2u, 5u, 100u}) {
      INFO(room << " and " << more);
      auto p = unix_pair(taking);
      REQUIRE(p);
      const files sent(room + more);
      std::vector<unique_handle> got(room);
      std::array<std::byte, 100> to;
      REQUIRE(send_handles(p->first, eight, sent.numbers));
      const auto before = test::open_descriptors();
      const auto r = receive_handles(p->second, to, got);
      CHECK(r.err() == errc::truncated);
      CHECK(r.err().about() == subject::descriptors);
      CHECK(test::open_descriptors() == before);
      for (const auto& h : got) CHECK(!h);
    }
  }
}

TEST_CASE("who can have no more descriptors gets none, and is told", "[unix]") {
  auto p = unix_pair(taking);
  REQUIRE(p);
  const files sent(5);
  std::vector<unique_handle> got(5);
  std::array<std::byte, 100> to;
  REQUIRE(send_handles(p->first, eight, sent.numbers));
  const auto before = test::open_descriptors();
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  rlimit tight = limit;
  tight.rlim_cur = static_cast<rlim_t>(sent.numbers.back()) + 3;
  ::setrlimit(RLIMIT_NOFILE, &tight);
  const auto r = receive_handles(p->second, to, got);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  CHECK(r.err() == errc::no_space);
  CHECK(r.err().about() == subject::descriptors);
  for (const auto& h : got) CHECK(!h);
  CHECK(test::open_descriptors() == before);
}

TEST_CASE("a plain read leaves no descriptor open that came along", "[unix]") {
  auto p = unix_pair(taking);
  REQUIRE(p);
  int pipe[2];
  REQUIRE(::pipe2(pipe, O_CLOEXEC | O_NONBLOCK) == 0);
  const unique_handle in(pipe[0]);
  unique_handle out(pipe[1]);
  const int passed[] = {out.get()};
  const auto before = test::open_descriptors();
  REQUIRE(send_handles(p->first, eight, passed));
  std::array<std::byte, 100> to;
  CHECK(*p->second.read(to, 1s) == 8);
  CHECK(test::open_descriptors() == before);
  out.reset();
  char c;
  CHECK(::read(in.get(), &c, 1) == 0);  // nobody has the other end any more
}

TEST_CASE("descriptors come with the bytes they were sent with", "[unix]") {
  auto p = unix_pair(taking);
  REQUIRE(p);
  const files sent(3);
  const std::byte a{'a'};
  for (const int one : sent.numbers) {
    REQUIRE(send_handles(p->first, {&a, 1}, std::span(&one, 1)));
    REQUIRE(p->first.write(eight));
  }
  std::array<std::byte, 100> to;
  std::vector<unique_handle> got;
  std::size_t bytes = 0;
  while (bytes < 27) {
    std::array<unique_handle, 4> places;
    const auto r = receive_handles(p->second, to, places, 1s);
    REQUIRE(r);
    REQUIRE(r->handles <= 1);  // those of two messages never come together
    bytes += r->size;
    if (r->handles == 1) got.push_back(std::move(places[0]));
  }
  REQUIRE(got.size() == 3);
  for (unsigned i = 0; i < 3; ++i) CHECK(number_in(got[i]) == i);
}

TEST_CASE("an end that did not ask for descriptors takes none", "[unix]") {
  const test::scratch dir;
  if (!kernel_refuses()) {
    WARN("skipped: this kernel cannot refuse descriptors");
    return;
  }
  const files sent(1);
  auto l = sluice::unix_listen(dir / "s");
  REQUIRE(l);
  auto c = sluice::unix_connect(dir / "s", 1s);
  REQUIRE(c);
  // From the first instant: before the connection has been taken.
  const auto early = send_handles(*c, eight, sent.numbers);
  CHECK(early.err() == errc::denied);
  CHECK(early.err().about() == subject::descriptors);
  auto s = l->pop(1s);
  REQUIRE(s);
  CHECK(send_handles(*c, eight, sent.numbers).err() == errc::denied);
  CHECK(send_handles(*s, eight, sent.numbers).err() == errc::denied);
  l->close();
  auto open = sluice::unix_listen(dir / "s", taking);
  REQUIRE(open);
  auto d = sluice::unix_connect(dir / "s", 1s);
  REQUIRE(d);
  CHECK(send_handles(*d, eight, sent.numbers));
}

TEST_CASE("descriptors that nobody receives are closed with the connection", "[unix]") {
  const auto before = test::open_descriptors();
  int pipe[2];
  REQUIRE(::pipe2(pipe, O_CLOEXEC | O_NONBLOCK) == 0);
  const unique_handle in(pipe[0]);
  {
    unique_handle out(pipe[1]);
    auto p = unix_pair(taking);
    REQUIRE(p);
    const int passed[] = {out.get()};
    REQUIRE(send_handles(p->first, eight, passed));
  }
  char c;
  CHECK(::read(in.get(), &c, 1) == 0);
  CHECK(test::open_descriptors() == before + 1);
}

TEST_CASE("credentials and descriptors of one message are told apart, in whatever order they come", "[unix]") {
  auto p = unix_pair({.handles = true, .credentials = true});
  REQUIRE(p);
  const files sent(2);
  REQUIRE(send_handles(p->first, eight, sent.numbers));
  std::array<std::byte, 100> to;
  std::array<unique_handle, 2> got;
  const auto r = receive_handles(p->second, to, got);
  REQUIRE(r);
  CHECK(r->handles == 2);
  CHECK(r->sender.known);
  CHECK(r->sender.pid == ::getpid());
  CHECK(number_in(got[1]) == 1);
}
