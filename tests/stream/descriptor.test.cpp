// SPDX-License-Identifier: MIT
#include <sluice/stream/descriptor.hpp>
#include <sluice/stream/duplex.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/packet_pipe.hpp>
#include <sluice/stream/spawn.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <array>
#include <cstdlib>
#include <sys/resource.h>
#include <vector>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::step;

namespace {

/// Descriptors that block, as somebody else would leave them: what is written to one is read from the other.
struct blocking_link {
  const char* what;
  sluice::unique_handle in, out;

  explicit blocking_link(int kind, const test::scratch& dir) {
    int fd[2] = {-1, -1};
    if (kind == 0) what = "pipe", (void)!::pipe2(fd, O_CLOEXEC);
    if (kind == 1) {  // the kernel has no RWF_NOWAIT for it
      what = "fifo";
      (void)::mkfifo((dir / "f").c_str(), 0600);
      const int keeper = ::open((dir / "f").c_str(), O_RDWR | O_CLOEXEC);
      fd[0] = ::open((dir / "f").c_str(), O_RDONLY | O_CLOEXEC);
      fd[1] = ::open((dir / "f").c_str(), O_WRONLY | O_CLOEXEC);
      ::close(keeper);
    }
    in.reset(fd[0]), out.reset(fd[1]);
  }
};
bool blocks(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }

}  // namespace

TEST_CASE("an end over a foreign descriptor never waits, and leaves its flags as they are", "[descriptor]") {
  const test::scratch dir;
  const int kind = GENERATE(0, 1);
  blocking_link l(kind, dir);
  INFO(l.what);
  REQUIRE(l.in);
  REQUIRE(l.out);
  const int raw_in = l.in.get(), raw_out = l.out.get();
  sluice::descriptor_reader in(std::move(l.in));
  sluice::descriptor_writer out(std::move(l.out));
  ::alarm(20);  // a call that waits would wait for ever
  std::array<std::byte, 5000> buffer{};
  CHECK(in.try_read(buffer).err() == error(errc::empty, step::read));
  CHECK(in.read(buffer, 3ms).err() == errc::timeout);
  CHECK(in.try_read({}).err() == errc::invalid);
  std::size_t sent = 0;
  while (const auto n = out.try_write(buffer)) sent += *n;
  CHECK(sent >= 4096 * 2);
  CHECK(out.write(buffer, 3ms).err() == errc::timeout);
  CHECK(blocks(raw_in));
  CHECK(blocks(raw_out));
  while (sent != 0) {
    const auto n = in.try_read(buffer);
    REQUIRE(n);
    sent -= *n;
  }
  CHECK(in.try_read(buffer).err() == errc::empty);
  SECTION("the writer leaves") {
    out.close();
    CHECK(in.read(buffer, 1s).err() == errc::closed);
  }
  SECTION("the reader leaves, and no signal comes") {
    in.close();
    CHECK(out.write(buffer, 1s).err() == error(errc::closed, step::write));
  }
  ::alarm(0);
}

TEST_CASE("an end that was given a number works on a second descriptor", "[descriptor]") {
  const test::scratch dir;
  blocking_link l(0, dir);
  const auto before = test::open_descriptors();
  {
    auto in = sluice::descriptor_reader::of(l.in.get());
    auto out = sluice::descriptor_writer::of(l.out.get());
    REQUIRE(in);
    REQUIRE(out);
    CHECK(in->handle() > 2);
    CHECK((::fcntl(in->handle(), F_GETFD) & FD_CLOEXEC) != 0);
    auto numbers = sluice::sink_of<int>(*std::move(out));
    REQUIRE(numbers.push(42));
    CHECK(*sluice::source_of<int>(*std::move(in)).pop(1s) == 42);
  }
  CHECK(test::open_descriptors() == before);
  CHECK(sluice::descriptor_reader::of(9999).err());
}

TEST_CASE("a terminal is read without waiting", "[descriptor]") {
  const sluice::unique_handle master(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(master);
  REQUIRE(::grantpt(master.get()) == 0);
  REQUIRE(::unlockpt(master.get()) == 0);
  sluice::descriptor_reader in(sluice::unique_handle(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC)));
  REQUIRE(in.handle() >= 0);
  std::array<std::byte, 16> buffer;
  ::alarm(20);
  CHECK(in.try_read(buffer).err() == errc::empty);
  REQUIRE(::write(master.get(), "hi\n", 3) == 3);
  CHECK(*in.read(buffer, 1s) == 3);
  CHECK(in.read(buffer, 2ms).err() == errc::timeout);
  ::alarm(0);
}

TEST_CASE("a file ends where it ends", "[descriptor]") {
  const test::scratch dir;
  {
    sluice::descriptor_writer out(sluice::unique_handle(::open((dir / "x").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
    const std::vector<std::byte> some(10'000);
    CHECK(*out.try_write(some) == 10'000);
  }
  sluice::descriptor_reader in(sluice::unique_handle(::open((dir / "x").c_str(), O_RDONLY | O_CLOEXEC)));
  std::vector<std::byte> to(20'000);
  CHECK(*in.read(to) == 10'000);
  CHECK(in.read(to).err() == errc::closed);
}

TEST_CASE("a process out of descriptors is told so by every way to get one", "[descriptor]") {
  const rlimit before = [] {
    rlimit l{};
    ::getrlimit(RLIMIT_NOFILE, &l);
    return l;
  }();
  const sluice::unique_handle next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const rlimit none_left{static_cast<rlim_t>(next.get()) + 1, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none_left) == 0);
  error why[] = {sluice::pipe().err(), sluice::packet_pipe().err(), sluice::duplex().err(),
                 sluice::descriptor_reader::of(0).err(), sluice::spawn({"true"}).err()};
  const rlimit fewer_than_three{2, before.rlim_max};
  (void)::setrlimit(RLIMIT_NOFILE, &fewer_than_three);
  const error below = sluice::descriptor_reader::of(0).err();
  (void)::setrlimit(RLIMIT_NOFILE, &before);
  for (const error e : why) {
    CHECK(e == errc::no_space);
    CHECK(e.about() == sluice::subject::descriptors);
  }
  CHECK(below == error(errc::no_space, step::open, sluice::subject::descriptors));
}
