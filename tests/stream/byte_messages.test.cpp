// SPDX-License-Identifier: MIT
#include <sluice/framing/cobs.hpp>
#include <sluice/framing/length.hpp>
#include <sluice/stream/byte_messages.hpp>
#include <sluice/stream/pipe.hpp>

#include "catch.hpp"
#include "scripted.hpp"

#include <chrono>
#include <thread>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::length_framing;
using sluice::step;
using sluice::subject;
using test::script;
using test::scripted;
using message = std::span<const std::byte>;

namespace {

message bytes_of(const std::string& s) { return std::as_bytes(std::span(s.data(), s.size())); }
std::string text_of(message m) { return {reinterpret_cast<const char*>(m.data()), m.size()}; }

script with_messages() {
  script s;
  {
    auto out = sluice::sink_of<message>(scripted<>(s), sluice::cobs_framing<100>{});
    for (const char* const m : {"one", "", "three"}) REQUIRE(out.push(bytes_of(m)));
    CHECK(out.push(bytes_of(std::string(101, 'x'))).err() == error(errc::too_big, step::push, subject::frame));
    CHECK(s.writes.size() == 3);
  }
  s.content = s.taken();
  s.closed = false;
  s.end = errc::closed;
  return s;
}
auto source_from(script& s) { return sluice::source_of<message>(scripted<>(s), sluice::cobs_framing<100>{}); }

}  // namespace

TEST_CASE("messages of bytes are lent in place, or read into a place", "[byte_messages]") {
  script s = with_messages();
  auto in = source_from(s);
  STATIC_REQUIRE(std::is_same_v<sluice::item_t<decltype(in)>, message>);
  STATIC_REQUIRE(sluice::traits_of<decltype(in)>.max_size == 100);
  {
    const auto l = in.borrow();
    REQUIRE(l);
    CHECK(text_of(*l) == "one");
  }
  std::byte place[10];
  CHECK(in.pop(place).value_or(9u) == 0);
  CHECK(in.pop(place).value_or(9u) == 5);
  CHECK(text_of(std::span(place).first(5)) == "three");
  CHECK(in.try_borrow().err() == error(errc::closed, step::borrow));
  CHECK(in.pop(place, 1s).err() == error(errc::closed, step::pop));
}

TEST_CASE("a message that is kept comes again, and is decoded once", "[byte_messages]") {
  script s = with_messages();
  auto in = source_from(s);
  for (int k = 0; k < 3; ++k) {
    auto l = in.try_borrow();
    REQUIRE(l);
    CHECK(text_of(*l) == "one");
    CHECK(in.try_borrow().err() == error(errc::busy, step::borrow));
    std::byte place[10];
    CHECK(in.try_pop(place).err() == error(errc::busy, step::pop));
    l.keep();
  }
  std::byte small[2], place[10];
  CHECK(in.try_pop(small).err() == error(errc::too_big, step::read, 3));
  CHECK(in.try_pop(place).value_or(0u) == 3);
}

TEST_CASE("a loan does not outlive its end, nor take the message of its heir", "[byte_messages]") {
  script s = with_messages();
  auto in = source_from(s);
  auto l = in.try_borrow();
  REQUIRE(l);
  auto heir = std::move(in);
  CHECK(in.try_borrow().err() == errc::closed);  // and not busy
  l.release();
  CHECK(in.try_borrow().err() == errc::closed);
  auto again = heir.try_borrow();
  REQUIRE(again);
  CHECK(text_of(*again) == "one");
  heir.close();
  again.release();
  CHECK(heir.try_borrow().err() == errc::closed);
}

TEST_CASE("messages of bytes wait for a slow pipe, both ways", "[byte_messages][threads]") {
  auto p = sluice::must(sluice::pipe());
  auto out = sluice::sink_of<message>(std::move(p.out), length_framing<300'000>{});
  auto in = sluice::source_of<message>(std::move(p.in), length_framing<300'000>{});
  std::byte place[1];
  CHECK(in.pop(place, 1ms).err() == errc::timeout);
  bool sent = true;
  std::thread writer([&] {
    for (std::size_t k = 0; k < 8; ++k) sent = sent && out.push(bytes_of(std::string(k * 40'000, 'x')), 10s);
    sent = sent && out.finish(10s);
  });
  std::size_t n = 0;
  error why;
  for (;; ++n) {
    auto l = in.borrow(10s);
    why = l.err();
    if (!l || l.size() != n * 40'000) break;
  }
  writer.join();
  CHECK(sent);
  CHECK(n == 8);
  CHECK(why == errc::closed);
}
