// SPDX-License-Identifier: MIT
#include <sluice/stream/messages.hpp>
#include <sluice/stream/pipe.hpp>

#include "catch.hpp"
#include "sanitizers.hpp"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::pipe_reader;
using sluice::pipe_writer;
using sluice::sink_of;
using sluice::source_of;
using sluice::step;

namespace {

struct order {
  std::uint32_t id;
  std::uint16_t what;
  std::uint8_t text[7];
};
order make_order(std::uint32_t k) {
  order o{};
  o.id = k;
  o.what = static_cast<std::uint16_t>(k * 3);
  std::memset(o.text, static_cast<int>(k & 0x7f), sizeof o.text);
  return o;
}
bool is_order(const order& o, std::uint32_t k) { return std::memcmp(&o, std::make_unique<order>(make_order(k)).get(), 13) == 0; }

/// More than a pipe holds.
struct picture {
  std::uint32_t pixel[25'000];
  static std::unique_ptr<picture> make(std::uint32_t k) {
    auto p = std::make_unique<picture>();
    for (std::uint32_t i = 0; i < 25'000; ++i) p->pixel[i] = k * 100'000 + i;
    return p;
  }
  [[nodiscard]] bool is(std::uint32_t k) const { return std::memcmp(pixel, make(k)->pixel, sizeof pixel) == 0; }
};
using picture_source = sluice::message_source<picture, pipe_reader>;
using picture_sink = sluice::message_sink<picture, pipe_writer>;

sluice::pipe_ends make_pipe() {
  auto p = sluice::pipe();
  REQUIRE(p);
  return *std::move(p);
}
struct picture_pipe {  // both ends are large
  std::unique_ptr<picture_source> in;
  std::unique_ptr<picture_sink> out;
  picture_pipe() {
    auto p = make_pipe();
    in = std::make_unique<picture_source>(std::move(p.in));
    out = std::make_unique<picture_sink>(std::move(p.out));
  }
};
std::unique_ptr<sluice::result<picture>> pop_within(picture_source& s, sluice::until u) {
  return std::make_unique<sluice::result<picture>>(s.pop(u));
}

}  // namespace

TEST_CASE("messages over a byte stream are a source and a sink with boundaries", "[messages]") {
  using source = decltype(source_of<order>(std::declval<pipe_reader>()));
  using sink = decltype(sink_of<order>(std::declval<pipe_writer>()));
  STATIC_REQUIRE(sluice::source<source>);
  STATIC_REQUIRE(sluice::sink<sink, order>);
  STATIC_REQUIRE(sluice::traits_of<source>.boundaries);
  STATIC_REQUIRE(sluice::traits_of<sink>.max_size == sizeof(order));
  STATIC_REQUIRE(sluice::traits_of<sink>.spans == sluice::reach::host);
  STATIC_REQUIRE(!std::is_copy_constructible_v<source>);
  STATIC_REQUIRE(!std::is_copy_constructible_v<sink>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<source>);
  STATIC_REQUIRE(std::is_nothrow_move_assignable_v<sink>);
}

TEST_CASE("messages come out of a pipe as they went in, and then its end", "[messages]") {
  auto p = make_pipe();
  auto out = sink_of<order>(std::move(p.out));
  auto in = source_of<order>(std::move(p.in));
  CHECK(in.try_pop().err() == error(errc::empty, step::pop));
  for (std::uint32_t i = 0; i < 1000; ++i) REQUIRE(out.push(make_order(i), 5s));
  out.close();
  out.close();
  CHECK(out.try_push(make_order(0)).err() == error(errc::closed, step::push));
  std::uint32_t n = 0;
  auto all = in.each(5s);
  for (auto& o : all) {
    if (!is_order(o, n)) break;
    ++n;
  }
  CHECK(n == 1000);
  CHECK(all.why == error(errc::closed, step::pop));
  CHECK(in.try_pop().err() == errc::closed);
}

TEST_CASE("a full pipe refuses a small message as a whole", "[messages]") {
  auto p = make_pipe();
  auto out = sink_of<order>(std::move(p.out));
  auto in = source_of<order>(std::move(p.in));
  std::uint32_t sent = 0, got = 0;
  while (out.try_push(make_order(sent))) ++sent;
  CHECK(out.try_push(make_order(0)).err() == error(errc::full, step::push));
  CHECK(out.push(make_order(0), 2ms).err() == errc::timeout);
  CHECK(out.push(make_order(0), sluice::now).err() == errc::full);
  bool same = true;
  const auto drain = [&] {
    while (const auto o = in.try_pop()) same = same && is_order(*o, got++);
  };
  drain();
  CHECK(got == sent);
  REQUIRE(out.push(make_order(sent++), 5s));
  drain();
  CHECK(got == sent);
  CHECK(same);
}

TEST_CASE("a reader that has gone ends the sink, without a signal", "[messages]") {
  auto p = make_pipe();
  auto out = sink_of<order>(std::move(p.out));
  {
    const auto in = source_of<order>(std::move(p.in));
    REQUIRE(out.push(make_order(1)));
  }
  CHECK(out.push(make_order(2), 5s).err() == error(errc::closed, step::push));
  CHECK(out.try_push(make_order(3)).err() == errc::closed);
}

TEST_CASE("a writer that sends single bytes is put together again", "[messages]") {
  auto p = make_pipe();
  auto in = source_of<order>(std::move(p.in));
  for (std::uint32_t i = 0; i < 50; ++i) {
    const order o = make_order(i);
    const auto bytes = std::as_bytes(std::span(&o, 1));
    for (std::size_t k = 0; k < bytes.size(); ++k) {
      REQUIRE(in.try_pop().err() == errc::empty);
      REQUIRE(p.out.try_write(bytes.subspan(k, 1)));
    }
    const auto got = in.try_pop();
    REQUIRE(got);
    REQUIRE(is_order(*got, i));
  }
}

TEST_CASE("messages may be cut anywhere on their way", "[messages]") {
  std::vector<std::byte> all;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const order o = make_order(i);
    const auto bytes = std::as_bytes(std::span(&o, 1));
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  for (const std::size_t chunk : {7u, 15u, 16u, 17u, 4080u, 4095u, 4097u}) {
    auto p = make_pipe();
    auto in = source_of<order>(std::move(p.in));
    std::uint32_t n = 0;
    bool same = true;
    for (std::size_t at = 0; at < all.size(); at += chunk) {
      REQUIRE(*p.out.try_write(std::span(all).subspan(at, std::min(chunk, all.size() - at))) > 0);
      while (const auto got = in.try_pop()) same = same && is_order(*got, n++);
    }
    CAPTURE(chunk);
    CHECK(n == 1000);
    CHECK(same);
  }
}

TEST_CASE("a stream that ends inside a message is truncated", "[messages]") {
  for (std::size_t part = 1; part < sizeof(order); part += 7) {
    auto p = make_pipe();
    auto in = source_of<order>(std::move(p.in));
    const order o = make_order(1);
    const auto bytes = std::as_bytes(std::span(&o, 1));
    REQUIRE(p.out.try_write(bytes));
    REQUIRE(p.out.try_write(bytes.first(part)));
    p.out.close();
    REQUIRE(in.pop(5s));  // what is whole comes first
    CHECK(in.pop(5s).err() == error(errc::truncated, step::pop));
    CHECK(in.try_pop().err() == errc::truncated);
  }
}

TEST_CASE("waiting for a message ends at the deadline, with a part of it kept", "[messages]") {
  auto p = make_pipe();
  auto in = source_of<order>(std::move(p.in));
  const order o = make_order(9);
  const auto bytes = std::as_bytes(std::span(&o, 1));
  REQUIRE(p.out.try_write(bytes.first(5)));
  CHECK(in.pop(3ms).err() == error(errc::timeout, step::wait));
  REQUIRE(p.out.try_write(bytes.subspan(5)));
  const auto got = in.pop(3s);
  REQUIRE(got);
  CHECK(is_order(*got, 9));
}

TEST_CASE("a stop ends a blocked pop and a blocked push", "[messages]") {
  auto p = make_pipe();
  auto out = sink_of<order>(std::move(p.out));
  auto in = source_of<order>(std::move(p.in));
  sluice::stop halt;
  const bool push = GENERATE(false, true);
  std::uint32_t sent = 0;
  if (push)
    while (out.try_push(make_order(sent))) ++sent;
  std::thread other([&] {
    std::this_thread::sleep_for(5ms);
    halt.request();
  });
  const error e = push ? out.push(make_order(0), {10s, halt}).err() : in.pop({10s, halt}).err();
  other.join();
  CHECK(e == error(errc::stopped, step::wait));
  std::uint32_t got = 0;
  while (in.try_pop()) ++got;
  CHECK(got == sent);
}

TEST_CASE("a message larger than the pipe is accepted, and its rest is sent before anything else", "[messages]") {
  picture_pipe p;
  REQUIRE(p.out->push(*picture::make(1), 2ms));  // accepted, though not all of it could be sent in time
  CHECK(p.out->try_push(*picture::make(2)).err() == error(errc::full, step::push));
  CHECK(p.out->push(*picture::make(2), 2ms).err() == errc::timeout);
  CHECK(pop_within(*p.in, sluice::now)->err() == errc::empty);  // this takes what the pipe holds
  REQUIRE(p.out->push(*picture::make(3), 2ms));
  const auto first = pop_within(*p.in, sluice::now);
  REQUIRE(*first);
  CHECK((**first).is(1));
  std::unique_ptr<sluice::result<picture>> second;
  std::thread reader([&] { second = pop_within(*p.in, 10s); });
  const auto done = p.out->finish(10s);
  reader.join();
  CHECK(done);
  REQUIRE(*second);
  CHECK((**second).is(3));
  CHECK(pop_within(*p.in, 5s)->err() == error(errc::closed, step::pop));
}

TEST_CASE("large messages go through a pipe between two threads", "[messages][threads]") {
  picture_pipe p;
  const std::uint32_t n = rounds(40);
  bool sent = true, finished = false;
  std::thread writer([&] {
    for (std::uint32_t i = 0; i < n; ++i) sent = sent && p.out->push(*picture::make(i), 10s);
    finished = static_cast<bool>(p.out->finish(10s));
  });
  std::uint32_t got = 0;
  bool same = true;
  error why;
  for (;;) {
    const auto one = pop_within(*p.in, 10s);
    if (!*one) {
      why = one->err();
      break;
    }
    same = same && (**one).is(got++);
  }
  writer.join();
  CHECK(sent);
  CHECK(finished);
  CHECK(same);
  CHECK(got == n);
  CHECK(why == errc::closed);
}

TEST_CASE("finish without patience says full, and may be called again", "[messages]") {
  picture_pipe p;
  REQUIRE(p.out->try_push(*picture::make(1)));
  CHECK(p.out->finish(sluice::now).err() == errc::full);
  CHECK(pop_within(*p.in, sluice::now)->err() == errc::empty);
  CHECK(p.out->finish(5s));
  const auto one = pop_within(*p.in, 5s);
  REQUIRE(*one);
  CHECK((**one).is(1));
  CHECK(pop_within(*p.in, 5s)->err() == errc::closed);
  CHECK(p.out->finish());
}

TEST_CASE("a finish that is out of patience or stopped loses nothing, and may be called again", "[messages]") {
  picture_pipe p;
  REQUIRE(p.out->try_push(*picture::make(1)));
  sluice::stop halt;
  halt.request();
  SECTION("out of patience") { CHECK(p.out->finish(2ms).err() == errc::timeout); }
  SECTION("stopped") { CHECK(p.out->finish(halt).err() == errc::stopped); }
  CHECK(pop_within(*p.in, sluice::now)->err() == errc::empty);
  CHECK(p.out->finish(5s));
  const auto one = pop_within(*p.in, 5s);
  REQUIRE(*one);
  CHECK((**one).is(1));
  CHECK(pop_within(*p.in, 5s)->err() == errc::closed);
}

TEST_CASE("finish says closed if the reader has gone with a rest unsent", "[messages]") {
  picture_pipe p;
  REQUIRE(p.out->try_push(*picture::make(1)));
  p.in.reset();
  CHECK(p.out->finish(5s).err() == error(errc::closed, step::push));
}

TEST_CASE("a sink that is closed in the middle of a message leaves a truncated stream", "[messages]") {
  picture_pipe p;
  REQUIRE(p.out->try_push(*picture::make(1)));
  p.out->close();
  CHECK(pop_within(*p.in, 5s)->err() == errc::truncated);
}

TEST_CASE("a sink that is moved takes its rest along", "[messages]") {
  picture_pipe p;
  REQUIRE(p.out->try_push(*picture::make(1)));
  auto heir = std::make_unique<picture_sink>(std::move(*p.out));
  CHECK(p.out->try_push(*picture::make(9)).err() == errc::closed);
  p.out.reset();
  CHECK(pop_within(*p.in, sluice::now)->err() == errc::empty);
  CHECK(heir->finish(5s));
  const auto one = pop_within(*p.in, 5s);
  REQUIRE(*one);
  CHECK((**one).is(1));
}

TEST_CASE("a sink that is assigned to ends what it had", "[messages]") {
  auto p = make_pipe();
  auto q = make_pipe();
  auto a = sink_of<order>(std::move(p.out));
  auto from_a = source_of<order>(std::move(p.in));
  auto b = sink_of<order>(std::move(q.out));
  auto from_b = source_of<order>(std::move(q.in));
  REQUIRE(a.push(make_order(1)));
  a = std::move(b);
  REQUIRE(from_a.pop(5s));
  CHECK(from_a.pop(5s).err() == errc::closed);
  REQUIRE(a.push(make_order(2)));
  CHECK(b.try_push(make_order(3)).err() == errc::closed);
  const auto got = from_b.pop(5s);
  REQUIRE(got);
  CHECK(is_order(*got, 2));
}

TEST_CASE("a moved-from source is inert, and what was read ahead is given out once", "[messages]") {
  auto p = make_pipe();
  auto out = sink_of<order>(std::move(p.out));
  auto in = source_of<order>(std::move(p.in));
  for (std::uint32_t i = 0; i < 3; ++i) REQUIRE(out.push(make_order(i)));
  REQUIRE(in.pop(5s));  // the other two are in the buffer now
  const bool assign = GENERATE(false, true);
  auto q = make_pipe();
  auto heir = assign ? source_of<order>(std::move(q.in)) : std::move(in);
  if (assign) heir = std::move(in);
  CHECK(in.try_pop().err() == errc::closed);
  for (std::uint32_t i = 1; i < 3; ++i) {
    const auto got = heir.pop(5s);
    REQUIRE(got);
    CHECK(is_order(*got, i));
  }
  CHECK(heir.try_pop().err() == errc::empty);
}

TEST_CASE("a moved-from source with half a message is closed, not truncated", "[messages]") {
  auto p = make_pipe();
  auto in = source_of<order>(std::move(p.in));
  const std::byte half[5] = {};
  REQUIRE(p.out.try_write(half));
  CHECK(in.try_pop().err() == errc::empty);
  auto heir = std::move(in);
  CHECK(in.try_pop().err() == errc::closed);
  CHECK(heir.try_pop().err() == errc::empty);
}

namespace {
struct initialised {
  int a = 1;
  int b = 2;
};
}  // namespace

TEST_CASE("a message may have default member initialisers", "[messages]") {
  auto p = make_pipe();
  auto out = sink_of<initialised>(std::move(p.out));
  auto in = source_of<initialised>(std::move(p.in));
  REQUIRE(out.push(initialised{3, 4}));
  const auto got = in.pop(5s);
  REQUIRE(got);
  CHECK(got->a == 3);
  CHECK(got->b == 4);
}

TEST_CASE("a large question and its answer go through pipes as through any channel", "[messages][threads]") {
  picture_pipe there, back;
  std::thread partner([&] {
    for (auto asked = pop_within(*there.in, 10s); *asked; asked = pop_within(*there.in, 10s)) (void)back.out->push(**asked, 10s);
  });
  bool same = true;
  for (std::uint32_t i = 0; i < 3 && same; ++i) {
    same = static_cast<bool>(there.out->push(*picture::make(i), 10s));
    const auto answer = pop_within(*back.in, 10s);
    same = same && *answer && (**answer).is(i);
  }
  there.out->close();
  partner.join();
  CHECK(same);
}

TEST_CASE("flush sends the rest of a message and leaves the stream open", "[messages][threads]") {
  picture_pipe p;
  REQUIRE(p.out->try_push(*picture::make(1)));
  CHECK(p.out->flush(sluice::now).err() == errc::full);
  CHECK(p.out->flush(2ms).err() == errc::timeout);
  bool came = false;
  std::thread reader([&] {
    const auto one = pop_within(*p.in, 10s);
    came = *one && (**one).is(1);
  });
  CHECK(p.out->flush(10s));
  reader.join();
  CHECK(came);
  CHECK(p.out->flush());
  CHECK(p.out->try_push(*picture::make(2)));
}

TEST_CASE("batches of messages go through a pipe", "[messages]") {
  auto p = make_pipe();
  auto out = sink_of<order>(std::move(p.out));
  auto in = source_of<order>(std::move(p.in));
  const order some[] = {make_order(1), make_order(2), make_order(3)};
  CHECK(out.push(some).value_or(0u) == 3);
  CHECK(out.push(std::span(some).first(2), 5s).value_or(0u) == 2);
  order got[8];
  CHECK(in.pop(got, 5s).value_or(0u) == 5);
  CHECK(is_order(got[0], 1));
  CHECK(is_order(got[4], 2));
  CHECK(in.pop(got, sluice::now).err() == errc::empty);
  out.close();
  CHECK(in.pop(got, 5s).err() == errc::closed);
}

TEST_CASE("a source that was closed gives out nothing it had read ahead", "[messages]") {
  auto p = make_pipe();
  auto out = sink_of<order>(std::move(p.out));
  auto in = source_of<order>(std::move(p.in));
  for (std::uint32_t i = 0; i < 3; ++i) REQUIRE(out.push(make_order(i)));
  REQUIRE(in.pop(5s));
  in.close();
  CHECK(in.try_pop().err() == errc::closed);
}

TEST_CASE("a source looks for single messages, and sleeps for those that come several at a time", "[messages]") {
  auto p = make_pipe();
  auto tx = sink_of<std::uint32_t>(std::move(p.out));
  auto rx = source_of<std::uint32_t>(std::move(p.in));
  while (!rx.habit().worth_while()) {
  }
  for (std::uint32_t i = 0; i < 10; ++i) {
    REQUIRE(tx.push(i));
    REQUIRE(rx.pop());
    CHECK(rx.habit().worth_while());
  }
  auto moved = std::move(rx);
  CHECK(moved.habit().worth_while());
  REQUIRE(tx.push(10u));
  REQUIRE(tx.push(11u));
  REQUIRE(moved.pop());
  CHECK_FALSE(moved.habit().worth_while());
}
