// SPDX-License-Identifier: MIT
#include <sluice/framing/checked.hpp>
#include <sluice/framing/cobs.hpp>
#include <sluice/framing/delimiter.hpp>
#include <sluice/framing/length.hpp>
#include <sluice/framing/none.hpp>
#include <sluice/framing/sized_codec.hpp>
#include <sluice/framing/text_codec.hpp>
#include <sluice/framing/varint.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/pipe.hpp>

#include "catch.hpp"
#include "sanitizers.hpp"
#include "scripted.hpp"

#include <chrono>
#include <thread>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::length_framing;
using sluice::line_framing;
using sluice::sink_of;
using sluice::source_of;
using sluice::step;
using sluice::subject;
using test::script;
using test::scripted;

namespace {

struct tick {
  std::uint32_t id;
  std::uint16_t what;
  friend bool operator==(const tick&, const tick&) = default;
};
using names = std::vector<std::string>;

std::string text_of(const test::bytes& b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

template <class T, class F, class C>
void check_round_trip(const std::vector<T>& messages, F f, C c) {
  script to;
  {
    auto out = sink_of<T>(scripted<>(to), f, c);
    for (const T& m : messages) REQUIRE(out.try_push(m));
  }
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{17}, ~std::size_t{0}}) {
    script from;
    from.content = to.taken();
    from.piece = piece;
    from.end = errc::closed;
    auto in = source_of<T>(scripted<>(from), f, c);
    std::vector<T> got;
    auto all = in.each(sluice::now);
    for (auto& m : all) got.push_back(std::move(m));
    CHECK(all.why == error(errc::closed, step::pop));
    CHECK(got == messages);
  }
}

}  // namespace

TEST_CASE("any framing and any codec make a source and a sink of a stream", "[framed]") {
  using source = decltype(source_of<names>(std::declval<scripted<>>(), length_framing<1000>{}));
  using sink = decltype(sink_of<names>(std::declval<scripted<>>(), length_framing<1000>{}));
  STATIC_REQUIRE(sluice::source<source>);
  STATIC_REQUIRE(sluice::sink<sink, names>);
  STATIC_REQUIRE(sluice::traits_of<sink>.max_size == 1000);
  STATIC_REQUIRE(sluice::traits_of<sink>.boundaries);
  STATIC_REQUIRE(sluice::traits_of<sink>.spans == sluice::reach::network);
  const std::vector<tick> ticks = {{1, 2}, {3, 4}, {0, 0}};
  const std::vector<names> some = {{}, {"a", "", "bcd"}, names(40, "more")};
  const std::vector<std::string> lines = {"one", "", "three"};
  const sluice::wire_codec<tick> wire;
  check_round_trip(ticks, length_framing<>{}, wire);
  check_round_trip(ticks, sluice::varint_framing<>{}, wire);
  check_round_trip(ticks, sluice::cobs_framing<>{}, wire);
  check_round_trip(ticks, sluice::checked<length_framing<>>{}, wire);
  check_round_trip(ticks, sluice::checked<sluice::cobs_framing<>>{}, wire);
  check_round_trip(ticks, sluice::fixed_framing<sizeof(tick)>{}, wire);
  check_round_trip(some, length_framing<>{}, sluice::sized_codec<names, 4000>{});
  check_round_trip(some, sluice::checked<sluice::varint_framing<>>{}, sluice::sized_codec<names>{});
  check_round_trip(some, sluice::cobs_framing<300'000>{}, sluice::sized_codec<names, 200'000>{});  // a buffer on the heap
  check_round_trip(lines, line_framing<>{}, sluice::text_codec<std::string>{});
  check_round_trip(lines, sluice::delimiter_framing<100, '\r', '\n'>{}, sluice::text_codec<std::string>{});
  check_round_trip(std::vector<int>{1, -20, 300}, line_framing<>{}, sluice::text_codec<int>{});
}

TEST_CASE("lines of text are what a foreign program writes and reads", "[framed]") {
  script s;
  s.add("one\n\nthr");
  auto in = source_of<std::string>(scripted<>(s), line_framing<>{});
  CHECK(in.try_pop().value_or("?") == "one");
  CHECK(in.try_pop().value_or("?").empty());
  CHECK(in.try_pop().err() == error(errc::empty, step::pop));
  s.add("ee\nrest");
  s.end = errc::closed;
  CHECK(in.try_pop().value_or("?") == "three");
  CHECK(in.try_pop().err() == error(errc::truncated, step::pop));
  auto out = sink_of<std::string>(scripted<>(s), line_framing<>{});
  REQUIRE(out.push("four"));
  CHECK(out.push("fi\nve").err() == error(errc::invalid, step::push, subject::delimiter));
  CHECK(text_of(s.taken()) == "four\n");
}

TEST_CASE("a frame goes out with one write, and a batch with few", "[framed]") {
  script s;
  auto out = sink_of<tick>(scripted<>(s), length_framing<>{});
  REQUIRE(out.push(tick{1, 2}));
  REQUIRE(s.writes.size() == 1);
  CHECK(s.writes[0].size() == 12);
  const std::vector<tick> many(1000, tick{3, 4});
  CHECK(out.push(many).value_or(0u) == 1000);
  CHECK(s.taken().size() == 12 * 1001);
  CHECK(s.writes.size() <= 1 + 3);
  CHECK(out.push(std::vector<tick>{}).value_or(9u) == 0);
}

TEST_CASE("a batch is accepted as far as the stream takes it, and the sink owns what it has begun", "[framed]") {
  using framing = sluice::checked<length_framing<>>;
  script s;
  auto out = sink_of<tick>(scripted<>(s), framing{});
  std::vector<tick> all;
  for (std::uint32_t k = 0; k < 600; ++k) all.push_back({k, 1});
  s.room = 0;
  CHECK(out.try_push(std::span<const tick>(all)).err() == error(errc::full, step::push));
  s.room = 1;
  const auto first = out.try_push(std::span<const tick>(all));
  REQUIRE(first);
  CHECK(*first > 1);
  CHECK(*first < 600);
  CHECK(out.try_push(all[0]).err() == error(errc::full, step::push));
  CHECK(out.flush(sluice::now).err() == error(errc::full, step::push));
  s.room = ~std::size_t{0};
  CHECK(out.push(std::span<const tick>(all).subspan(*first)).value_or(0u) == 600 - *first);
  script back;
  back.content = s.taken();
  auto in = source_of<tick>(scripted<>(back), framing{});  // the numbers tell if one was lost or sent twice
  for (std::uint32_t k = 0; k < 600; ++k) {
    const auto got = in.try_pop();
    REQUIRE(got);
    REQUIRE(got->id == k);
  }
  CHECK(in.try_pop().err() == errc::empty);
}

TEST_CASE("a value that is too large ends a batch before itself, and is refused alone", "[framed]") {
  script s;
  auto out = sink_of<std::string>(scripted<>(s), line_framing<4>{});
  const std::string all[] = {"one", "two", "three", "four"};
  CHECK(out.push(all).value_or(0u) == 2);
  CHECK(out.push(std::span(all).subspan(2)).err() == error(errc::too_big, step::push, subject::frame));
  CHECK(out.push(all[3]));
  CHECK(text_of(s.taken()) == "one\ntwo\nfour\n");
}

TEST_CASE("a failed push leaves its argument as it was and sends nothing", "[framed]") {
  script s;
  s.room = 0;
  auto out = sink_of<std::string>(scripted<>(s), line_framing<8>{});
  std::string message = "a line";
  CHECK(out.try_push(message).err() == error(errc::full, step::push));
  CHECK(out.push(std::move(message), 1ms).err() == errc::timeout);
  CHECK(message == "a line");
  message = "a long line";
  CHECK(out.push(std::move(message)).err() == errc::too_big);
  CHECK(message == "a long line");
  CHECK(s.writes.empty());
  CHECK(out.flush(sluice::now));  // nothing is owned
}

TEST_CASE("what is no frame is an error for good, and nothing more is read", "[framed]") {
  script s;
  auto in = source_of<tick>(scripted<>(s), length_framing<>{});
  s.add(std::string("\x08\0\0\0abcdefgh", 12));
  REQUIRE(in.try_pop());
  s.add(std::string("\x09\0\0\0", 4));
  const error too_big(errc::too_big, step::pop, subject::frame);
  CHECK(in.try_pop().err() == too_big);  // by the size of the type, whatever the framing would allow
  s.add(std::string("\x08\0\0\0abcdefgh", 12));
  const auto at = s.at;
  CHECK(in.try_pop().err() == too_big);
  CHECK(in.pop(1s).err() == too_big);
  CHECK(s.at == at);
  auto heir = std::move(in);
  CHECK(heir.try_pop().err() == too_big);
  CHECK(in.try_pop().err() == errc::closed);
  CHECK(std::string(sluice::describe(too_big).c_str()).find("raise the maximum") != std::string::npos);
}

TEST_CASE("altered and lost frames are told apart, for good", "[framed]") {
  using framing = sluice::checked<length_framing<>>;
  script s;
  {
    auto out = sink_of<tick>(scripted<>(s), framing{});
    for (std::uint32_t k = 0; k < 3; ++k) REQUIRE(out.push(tick{k, 0}));
  }
  script from;
  const bool lost = GENERATE(false, true);
  from.content = s.writes[0];
  const auto& next = s.writes[lost ? 2 : 1];
  from.content.insert(from.content.end(), next.begin(), next.end());
  if (!lost) from.content.back() ^= std::byte{1};
  auto in = source_of<tick>(scripted<>(from), framing{});
  REQUIRE(in.try_pop());
  const error why(errc::corrupt, step::pop, lost ? subject::sequence : subject::frame_checksum);
  CHECK(in.try_pop().err() == why);
  CHECK(in.try_pop().err() == why);
  CHECK(in.try_skip().err() == why);
}

TEST_CASE("an altered frame that was decoded in place is not looked at again", "[framed]") {
  using framing = sluice::checked<sluice::cobs_framing<>>;
  script s;
  auto out = sink_of<tick>(scripted<>(s), framing{});
  REQUIRE(out.push(tick{0x01010101, 0x0101}));
  s.content = s.taken();
  s.content[s.content.size() - 4] ^= std::byte{6};
  auto in = source_of<tick>(scripted<>(s), framing{});
  for (int k = 0; k < 3; ++k) CHECK(in.try_pop().err() == error(errc::corrupt, step::pop, subject::frame_checksum));
}

TEST_CASE("a message that the codec refuses stays, and can be skipped", "[framed]") {
  script s;
  s.add("1\ntwo\n3\n");
  auto in = source_of<int>(scripted<>(s), line_framing<>{}, sluice::text_codec<int>{});
  CHECK(in.try_pop().value_or(0) == 1);
  CHECK(in.try_pop().err() == error(errc::corrupt, step::pop, subject::encoding));
  CHECK(in.try_pop().err() == errc::corrupt);
  CHECK(in.try_skip());
  CHECK(in.try_pop().value_or(0) == 3);
  CHECK(in.try_skip().err() == errc::empty);
}

TEST_CASE("a stream that ends inside a frame is truncated, wherever that is", "[framed]") {
  script whole;
  {
    auto out = sink_of<tick>(scripted<>(whole), sluice::varint_framing<>{});
    REQUIRE(out.push(tick{1, 2}));
  }
  const auto frame = whole.taken();
  for (std::size_t n = 0; n < frame.size(); ++n) {
    script s;
    s.content.assign(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(n));
    s.end = errc::closed;
    auto in = source_of<tick>(scripted<>(s), sluice::varint_framing<>{});
    CHECK(in.try_pop().err() == error(n == 0 ? errc::closed : errc::truncated, step::pop));
  }
}

TEST_CASE("a stream that keeps boundaries needs no framing", "[framed]") {
  script s;
  auto out = sink_of<std::string>(scripted<true>(s), sluice::no_framing<100>{});
  const std::string all[] = {"one", "two"};
  CHECK(out.push(all).value_or(0u) == 2);
  CHECK(out.push("").err() == error(errc::invalid, step::push, subject::size));
  REQUIRE(s.writes.size() == 2);  // one message, one write
  CHECK(text_of(s.writes[1]) == "two");
  s.add("threefour");
  s.piece = 5;
  auto in = source_of<std::string>(scripted<true>(s), sluice::no_framing<8>{});
  CHECK(in.try_pop().value_or("?") == "three");
  CHECK(in.try_pop().value_or("?") == "four");
  s.add("too long!");
  s.piece = 99;
  CHECK(in.try_pop().err() == error(errc::too_big, step::pop, subject::frame));
}

TEST_CASE("a buffer that cannot be had makes inert ends that say no_space", "[framed]") {
  if (sanitized) return;  // sanitizers end the program instead
  using framing = length_framing<std::size_t{1} << 55, std::uint64_t>;
  script s;
  auto out = sink_of<std::string>(scripted<>(s), framing{});
  auto in = source_of<std::string>(scripted<>(s), framing{});
  CHECK(out.push("a").err() == error(errc::no_space, step::push));
  CHECK(in.pop(1s).err() == error(errc::no_space, step::create));
  CHECK(out.finish(1s));
  CHECK(s.writes.empty());
}

TEST_CASE("messages larger than a pipe go through it in frames between two threads", "[framed][threads]") {
  auto p = sluice::must(sluice::pipe());
  using framing = sluice::checked<length_framing<400'000>>;
  auto out = sink_of<std::string>(std::move(p.out), framing{});
  auto in = source_of<std::string>(std::move(p.in), framing{});
  const unsigned n = rounds(40);
  bool sent = true;
  std::thread writer([&] {
    for (unsigned i = 0; i < n; ++i) sent = sent && out.push(std::string(i * 9'000 % 399'000, static_cast<char>(i)), 10s);
    sent = sent && out.finish(10s);
  });
  unsigned got = 0;
  bool same = true;
  auto all = in.each(10s);
  for (auto& m : all) {
    same = same && m == std::string(got * 9'000 % 399'000, static_cast<char>(got));
    ++got;
  }
  writer.join();
  CHECK(sent);
  CHECK(same);
  CHECK(got == n);
  CHECK(all.why == errc::closed);
}
