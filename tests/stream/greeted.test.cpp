// SPDX-License-Identifier: MIT
#include <sluice/framing/length.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/pipe.hpp>

#include "catch.hpp"
#include "scripted.hpp"

#include <chrono>

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::greeted;
using sluice::sink_of;
using sluice::source_of;
using sluice::step;
using sluice::subject;
using test::script;
using test::scripted;

namespace {

struct sample {
  std::uint64_t seq;
  double volts;
};
struct other {
  std::uint64_t seq;
  std::int64_t volts;
};

script sent_by(std::uint64_t n) {
  script s;
  {
    auto out = sink_of<sample>(scripted<>(s), greeted);
    for (std::uint64_t k = 0; k < n; ++k) REQUIRE(out.push(sample{k, 0.5}));
    REQUIRE(out.finish());
  }
  s.content = s.taken();
  s.closed = false;
  s.end = errc::closed;
  return s;
}

}  // namespace

TEST_CASE("nobody is greeted unasked", "[greeted]") {
  script s;
  auto out = sink_of<sample>(scripted<>(s));
  REQUIRE(out.push(sample{1, 2}));
  CHECK(s.taken().size() == sizeof(sample));
}

TEST_CASE("a greeting goes before the first message, once, and is not given out", "[greeted]") {
  script s = sent_by(3);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, ~std::size_t{0}}) {
    s.at = 0, s.closed = false, s.piece = piece;
    auto in = source_of<sample>(scripted<>(s), greeted);
    for (std::uint64_t k = 0; k < 3; ++k) CHECK(in.try_pop().value_or(sample{9, 9}).seq == k);
    CHECK(in.try_pop().err() == error(errc::closed, step::pop));
    CHECK(!in.difference());
  }
}

TEST_CASE("a sink that sends nothing greets when it ends", "[greeted]") {
  script s = sent_by(0);
  CHECK(s.content.size() > 40);
  auto in = source_of<other>(scripted<>(s), greeted);
  CHECK(in.try_pop().err() == errc::mismatch);
}

TEST_CASE("another type is refused for good, and the field that differs is named", "[greeted]") {
  script s = sent_by(2);
  auto in = source_of<other>(scripted<>(s), greeted);
  const error refused(errc::mismatch, step::pop, subject::type_layout);
  CHECK(in.pop(5s).err() == refused);
  CHECK(in.try_pop().err() == refused);
  auto heir = std::move(in);
  CHECK(heir.try_pop().err() == refused);
  const auto d = heir.difference();
  REQUIRE(d);
  CHECK(d.index == 1);
  CHECK(d.theirs == "f64@8");
  CHECK(d.ours == "i64@8");
  const std::string words = heir.explain().c_str();
  INFO(words);
  CHECK(words.find("another message type") != std::string::npos);
  CHECK(words.find("Field 1 is f64@8 there and i64@8 here") != std::string::npos);
}

TEST_CASE("a stream without a greeting is refused at its first bytes", "[greeted]") {
  script s;
  s.add("GET / HTTP/1.1");
  auto in = source_of<sample>(scripted<>(s), greeted);
  CHECK(in.try_pop().err() == error(errc::corrupt, step::pop, subject::greeting));
  CHECK(std::string(in.explain().c_str()).find("does not begin with a greeting") != std::string::npos);
}

TEST_CASE("a stream that ends in the greeting is truncated, one without a byte closed", "[greeted]") {
  script s = sent_by(0);
  const auto whole = s.content;
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{39}, whole.size() - 1}) {
    s.content.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
    s.at = 0, s.closed = false;
    auto in = source_of<sample>(scripted<>(s), greeted);
    CHECK(in.try_pop().err() == error(n == 0 ? errc::closed : errc::truncated, step::pop));
  }
}

TEST_CASE("a greeting that the stream does not take delays the first message", "[greeted]") {
  script s;
  s.room = 10;
  auto out = sink_of<sample>(scripted<>(s), greeted);
  CHECK(out.try_push(sample{1, 2}).err() == error(errc::full, step::push));
  CHECK(out.push(sample{1, 2}, 1ms).err() == errc::timeout);
  s.room = ~std::size_t{0};
  CHECK(out.push(sample{1, 2}));
  s.content = s.taken();
  auto in = source_of<sample>(scripted<>(s), greeted);
  CHECK(in.try_pop().value_or(sample{9, 9}).seq == 1);
}

TEST_CASE("greetings go with framings, through a pipe", "[greeted]") {
  auto p = sluice::must(sluice::pipe());
  auto out = sink_of<sample>(std::move(p.out), greeted, sluice::length_framing<>{});
  auto in = source_of<sample>(std::move(p.in), greeted, sluice::length_framing<>{});
  REQUIRE(out.push(sample{7, 1}, 5s));
  CHECK(in.pop(5s).value_or(sample{9, 9}).seq == 7);
  out.close();
  CHECK(in.pop(5s).err() == errc::closed);
}
