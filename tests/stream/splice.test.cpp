// SPDX-License-Identifier: MIT
#include <sluice/stream/duplex.hpp>
#include <sluice/stream/pipe.hpp>
#include <sluice/stream/splice.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <array>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::step;

namespace {

std::vector<std::byte> pattern(std::size_t n) {
  std::vector<std::byte> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = std::byte((i * 7 + i / 251) & 0xff);
  return v;
}
template <class Writer>
void write_all(Writer& out, std::span<const std::byte> all) {
  while (!all.empty()) {
    const auto n = out.write(all, 10s);
    if (!n) return;
    all = all.subspan(*n);
  }
}
template <class Reader>
std::vector<std::byte> read_all(Reader& in) {
  std::vector<std::byte> got, some(5000);
  while (const auto n = in.read(some, 10s)) got.insert(got.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(*n));
  return got;
}

}  // namespace

TEST_CASE("a splice says which side keeps it from going on", "[splice]") {
  auto a = *sluice::pipe(), b = *sluice::pipe();
  CHECK(sluice::try_splice(a.in, b.out).err() == error(errc::empty, step::read));
  const auto some = pattern(4096);
  while (b.out.try_write(some)) {
  }
  REQUIRE(a.out.try_write(some));
  CHECK(sluice::try_splice(a.in, b.out).err() == error(errc::full, step::write));
  CHECK(sluice::splice_through(a.in, b.out, 3ms).why == errc::timeout);
  std::vector<std::byte> to(65536);
  REQUIRE(b.in.try_read(to));
  CHECK(*sluice::try_splice(a.in, b.out, 100) == 100);
  b.in.close();
  CHECK(sluice::try_splice(a.in, b.out).err() == error(errc::closed, step::write));  // and no signal
  CHECK(*a.in.try_read(to) == 3996);                                               // nothing was lost
  auto c = *sluice::pipe();
  a.out.close();
  CHECK(sluice::splice_through(a.in, c.out).why == error(errc::closed, step::read));
}

TEST_CASE("a splice between two sockets is invalid", "[splice]") {
  auto a = *sluice::duplex(), b = *sluice::duplex();
  REQUIRE(a.one.try_write(pattern(10)));
  CHECK(sluice::try_splice(a.other, b.one).err() == errc::invalid);
}

TEST_CASE("a megabyte passes through three pipes and a socket, with slow ends", "[splice]") {
  auto a = *sluice::pipe(), b = *sluice::pipe();
  auto s = *sluice::duplex();
  const auto all = pattern(1'000'000);
  std::vector<std::byte> got;
  sluice::passed first, second;
  std::thread writer([&] { write_all(a.out, all), a.out.close(); });
  std::thread to_socket([&] { first = sluice::splice_through(a.in, s.one, 20s), s.one.end_writing(); });
  std::thread from_socket([&] { second = sluice::splice_through(s.other, b.out, 20s), b.out.close(); });
  got = read_all(b.in);
  writer.join(), to_socket.join(), from_socket.join();
  CHECK(first.count == all.size());
  CHECK(first.why == error(errc::closed, step::read));
  CHECK(second.count == all.size());
  CHECK(second.why == errc::closed);
  CHECK(got == all);
}

TEST_CASE("a pass-through ends on a stop and on a deadline, also while bytes flow", "[splice]") {
  auto a = *sluice::pipe();
  sluice::unique_handle null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  struct sink_end {
    int fd;
    [[nodiscard]] int handle() const { return fd; }
    void arm(sluice::want k, sluice::wait_set& set) noexcept { set.on(fd, k); }
    void disarm(sluice::want) noexcept {}
  } out{null.get()};
  std::atomic<bool> over = false;
  const bool flowing = GENERATE(false, true);
  std::thread writer([&] {
    const auto some = pattern(4096);
    while (flowing && !over) (void)a.out.write(some, 5ms);
  });
  CHECK(sluice::splice_through(a.in, out, 10ms).why == errc::timeout);
  sluice::stop halt;
  std::thread asker([&] {
    test::sleep_us(5000);
    halt.request();
  });
  CHECK(sluice::splice_through(a.in, out, {10s, halt}).why == errc::stopped);
  over = true;
  writer.join(), asker.join();
}

TEST_CASE("a pass-through woken on one side waits for the other without spinning", "[splice]") {
  auto a = *sluice::pipe(), b = *sluice::pipe();
  while (b.out.try_write(pattern(4096))) {
  }
  std::thread writer([&] {
    test::sleep_us(5000);
    (void)a.out.try_write(pattern(10));
  });
  timespec before{}, after{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  CHECK(sluice::splice_through(a.in, b.out, 100ms).why == errc::timeout);  // `in` is ready for 95 of them
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
  writer.join();
  CHECK((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1'000'000 < 30);
}
