// SPDX-License-Identifier: MIT
#include <sluice/stream/fifo.hpp>

#include "catch.hpp"
#include "process.hpp"

#include <array>
#include <thread>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::fifo_policy;
using sluice::step;
using sluice::subject;

namespace {

struct note {
  std::uint64_t from, seq, check;
};
std::int64_t processor_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace

TEST_CASE("a reader that comes first sees no end, and sleeps", "[fifo]") {
  const test::scratch dir;
  auto in = sluice::fifo_source<note>(dir / "f");
  REQUIRE(in);
  const auto begun = processor_ns();
  CHECK(in->try_pop().err() == errc::empty);
  CHECK(in->pop(50ms).err() == errc::timeout);
  CHECK(processor_ns() - begun < 20'000'000);
  struct stat st = {};
  REQUIRE(::stat((dir / "f").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0600);
  auto out = sluice::fifo_sink<note>(dir / "f");
  REQUIRE(out->push(note{1, 2, 3}, 1s));
  CHECK(in->pop(1s)->check == 3);
  CHECK(in->pop(2ms).err() == errc::timeout);  // a writer is there, and says nothing
}

TEST_CASE("a session ends with its last writer, once, without spinning, and the next one begins", "[fifo]") {
  const test::scratch dir;
  auto in = sluice::fifo_source<note>(dir / "f");
  REQUIRE(in);
  for (std::uint64_t session = 0; session < 3; ++session) {
    CAPTURE(session);
    {
      auto one = sluice::fifo_sink<note>(dir / "f"), other = sluice::fifo_sink<note>(dir / "f");
      REQUIRE(one->push(note{1, session, 0}, 1s));
      REQUIRE(other->push(note{2, session, 0}, 1s));
      one->close();
      CHECK(in->pop(1s)->from == 1);
      CHECK(in->pop(1s)->from == 2);
      CHECK(in->pop(1ms).err() == errc::timeout);
    }
    CHECK(in->pop(1s).err() == errc::closed);
    // Somebody who comes now belongs to the next session.
    auto early = sluice::fifo_sink<note>(dir / "f");
    REQUIRE(early->push(note{3, session, 0}, 1s));
    if (session == 1) early->close();  // and may have gone before that begins
    CHECK(in->pop(1s).err() == errc::closed);
    REQUIRE(in->stream().reopen());
    CHECK(in->pop(1s)->from == 3);
    early->close();
    CHECK(in->pop(1s).err() == errc::closed);
    REQUIRE(in->stream().reopen());
    REQUIRE(in->stream().reopen());  // no effect
    const auto begun = processor_ns();
    CHECK(in->pop(30ms).err() == errc::timeout);
    CHECK(processor_ns() - begun < 15'000'000);
  }
}

TEST_CASE("a session without a byte ends as well", "[fifo]") {
  const test::scratch dir;
  auto in = sluice::fifo_reader<>::open(dir / "f");
  REQUIRE(in);
  std::thread writer([&] {
    test::sleep_us(3000);
    auto out = sluice::fifo_writer<>::open(dir / "f");
    (void)out->connect(1s);
  });
  std::byte b;
  CHECK(in->read(std::span(&b, 1), 5s).err() == error(errc::closed, step::read));
  writer.join();
}

TEST_CASE("a writer waits for a reader, as long as it has patience", "[fifo]") {
  const test::scratch dir;
  auto out = sluice::fifo_sink<note>(dir / "f");
  REQUIRE(out);
  CHECK(out->try_push(note{}).err() == error(errc::full, step::push));
  CHECK(out->push(note{}, 12ms).err() == errc::timeout);
  CHECK(out->stream().connect(sluice::now).err() == errc::full);
  sluice::stop halt;
  std::thread other([&] {
    test::sleep_us(10'000);
    halt.request();
  });
  CHECK(out->push(note{}, {10s, halt}).err() == errc::stopped);
  other.join();
  std::thread reader([&] {
    test::sleep_us(10'000);
    auto in = sluice::fifo_source<note>(dir / "f");
    (void)in->pop(5s);
  });
  CHECK(out->push(note{1, 2, 3}, 5s));
  reader.join();
  error e;
  for (int i = 0; i < 3; ++i) e = out->push(note{}, 1s).err();
  CHECK(e == errc::closed);  // the reader left, and no signal came
  out->stream().reopen();
  CHECK(out->try_push(note{}).err() == errc::full);
  auto in = sluice::fifo_source<note>(dir / "f");
  CHECK(out->push(note{4, 5, 6}, 1s));
  CHECK(in->pop(1s)->check == 6);
}

TEST_CASE("a persistent FIFO has no end, and keeps what nobody has read", "[fifo]") {
  constexpr auto kept = fifo_policy::persistent;
  const test::scratch dir;
  STATIC_REQUIRE(!sluice::traits_of<sluice::fifo_reader<kept>>.carries_close);
  auto out = sluice::fifo_sink<note, kept>(dir / "f");
  REQUIRE(out->push(note{1, 1, 1}, sluice::now));
  {
    auto in = sluice::fifo_source<note, kept>(dir / "f");
    CHECK(in->pop(1s)->check == 1);
  }
  REQUIRE(out->push(note{2, 2, 2}, sluice::now));
  auto in = sluice::fifo_source<note, kept>(dir / "f");
  out->close();
  CHECK(in->pop(1s)->check == 2);
  const auto begun = processor_ns();
  CHECK(in->pop(50ms).err() == errc::timeout);
  CHECK(processor_ns() - begun < 20'000'000);
  auto next = sluice::fifo_sink<note, kept>(dir / "f");
  REQUIRE(next->push(note{3, 3, 3}, sluice::now));
  CHECK(in->pop(1s)->check == 3);
}

TEST_CASE("a FIFO for one session takes its name away", "[fifo]") {
  constexpr auto once = fifo_policy::one_shot;
  const test::scratch dir;
  auto in = sluice::fifo_source<note, once>(dir / "f");
  {
    auto out = sluice::fifo_sink<note, once>(dir / "f");
    REQUIRE(out->push(note{1, 1, 1}, 1s));
  }
  CHECK(dir.entries() == 1);
  CHECK(in->pop(1s));
  CHECK(in->pop(1s).err() == errc::closed);
  CHECK(in->pop(1s).err() == errc::closed);
  CHECK(dir.entries() == 0);
  SECTION("but not that of another one") {
    auto second = sluice::fifo_reader<once>::open(dir / "f");
    REQUIRE(sluice::fifo_remove(dir / "f"));
    auto third = sluice::fifo_reader<once>::open(dir / "f");
    second->close();
    CHECK(dir.entries() == 1);
    third->close();
    CHECK(dir.entries() == 0);
  }
}

TEST_CASE("what is no FIFO of ours is refused", "[fifo]") {
  const test::scratch dir;
  const auto opened = [&](const sluice::fifo_options& o = {}) { return sluice::fifo_reader<>::open(dir / "f", o).err(); };
  CHECK(opened({.create = false}) == errc::not_found);
  CHECK(opened({.mode = 0622}) == error(errc::invalid, step::open, subject::permissions));
  CHECK(opened({.mode = 0444}) == errc::invalid);
  CHECK(dir.entries() == 0);
  SECTION("a file") {
    std::ofstream(dir / "f") << "x";
    CHECK(opened() == error(errc::mismatch, step::open, subject::file_type));
    CHECK(sluice::fifo_remove(dir / "f").err() == errc::mismatch);
    CHECK(dir.entries() == 1);
  }
  SECTION("a link to a FIFO") {
    REQUIRE(::mkfifo((dir / "g").c_str(), 0600) == 0);
    REQUIRE(::symlink((dir / "g").c_str(), (dir / "f").c_str()) == 0);
    CHECK(opened() == error(errc::denied, step::open, subject::symlink));
  }
  SECTION("one that everybody may write") {
    REQUIRE(::mkfifo((dir / "f").c_str(), 0600) == 0);
    REQUIRE(::chmod((dir / "f").c_str(), 0602) == 0);
    CHECK(opened() == error(errc::denied, step::open, subject::world_writable));
  }
  SECTION("one of somebody else") {
    if (::geteuid() != 0) return;
    REQUIRE(::mkfifo((dir / "f").c_str(), 0600) == 0);
    REQUIRE(::chown((dir / "f").c_str(), 65'534, 65'534) == 0);
    CHECK(opened() == error(errc::denied, step::open, subject::owner));
    CHECK(!opened({.owner = 65'534}));
  }
}

TEST_CASE("messages of many writers come out of a FIFO whole, though half of them are killed", "[fifo]") {
  const test::scratch dir;
  auto in = sluice::fifo_source<note>(dir / "f");
  const auto write = [&](std::uint64_t who, bool endless) {
    auto out = sluice::fifo_sink<note>(dir / "f");
    for (std::uint64_t n = 0; n < 2000 || endless; ++n)
      if (!out || !out->push(note{who, n, who ^ ~n}, 10s)) return 1;
    return 0;
  };
  std::vector<test::child> endless;
  for (std::uint64_t who = 0; who < 2; ++who) endless.emplace_back([&, who] { return write(who, true); });
  test::child finite([&] { return write(2, false); });
  std::uint64_t next[3] = {}, count = 0;
  bool whole = true;
  error why;
  for (;;) {
    const auto m = in->pop(10s);
    if (!m) {
      why = m.err();
      break;
    }
    whole = whole && m->from < 3 && m->check == (m->from ^ ~m->seq);
    if (!whole) break;
    whole = whole && m->seq == next[m->from]++;
    if (++count == 3000) endless[0].kill();
    if (count == 4000) endless[1].kill();
  }
  CHECK(whole);
  CHECK(why == errc::closed);
  CHECK(finite.wait() == 0);
  CHECK(next[2] == 2000);
}

TEST_CASE("ends of FIFOs leave no descriptor", "[fifo]") {
  const test::scratch dir;
  const auto before = test::open_descriptors();
  for (int i = 0; i < 100; ++i) {
    auto in = sluice::fifo_reader<>::open(dir / "f");
    auto out = sluice::fifo_writer<>::open(dir / "f");
    REQUIRE(out->connect(1s));
    in = sluice::fifo_reader<>::open(dir / "f");
    auto moved = *std::move(out);
    CHECK(out->connect(sluice::now).err() == errc::closed);
    REQUIRE(moved.connect(1s));
  }
  CHECK(test::open_descriptors() == before);
}
