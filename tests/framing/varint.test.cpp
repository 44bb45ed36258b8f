// SPDX-License-Identifier: MIT
#include <sluice/framing/varint.hpp>

#include "frames.hpp"

using sluice::errc;
using sluice::error;
using sluice::step;
using sluice::subject;
using sluice::varint_framing;

namespace {
constexpr error too_big(errc::too_big, step::none, subject::frame);
constexpr error corrupt(errc::corrupt, step::none, subject::frame);
}  // namespace

TEST_CASE("a length has seven bits in each byte, as few bytes as there can be", "[varint]") {
  varint_framing<> f;
  STATIC_REQUIRE(sluice::bounded_framing<varint_framing<>>);
  STATIC_REQUIRE(varint_framing<127>::overhead == 1);
  STATIC_REQUIRE(varint_framing<128>::overhead == 2);
  STATIC_REQUIRE(varint_framing<65'536>::overhead == 3);
  STATIC_REQUIRE(varint_framing<static_cast<std::size_t>(-1)>::overhead == 10);
  CHECK(*test::seal(f, test::to_bytes("abc")) == test::hex("03 616263"));
  CHECK(*test::seal(f, {}) == test::hex("00"));
  const auto whole = *test::seal(f, test::pattern(300));
  CHECK(whole.size() == 302);
  CHECK(whole[0] == std::byte{0xac});
  CHECK(whole[1] == std::byte{0x02});
  std::vector<test::bytes> all;
  for (const std::size_t n : {0u, 127u, 128u, 16'383u, 16'384u, 65'536u}) all.push_back(test::pattern(n));
  test::check_frames<varint_framing<>>(all);
  test::check_frames<varint_framing<127>>({test::pattern(127), {}, test::pattern(1)});
}

TEST_CASE("a length that could be shorter is corrupt", "[varint]") {
  varint_framing<> f;
  CHECK(test::next_error(f, test::hex("80")) == errc::empty);
  CHECK(test::next_error(f, test::hex("8000")) == corrupt);
  CHECK(test::next_error(f, test::hex("8100")) == corrupt);
  CHECK(test::next_error(f, test::hex("808000")) == corrupt);
}

TEST_CASE("a varint above the maximum is too big, and none overflows", "[varint]") {
  varint_framing<300> f;
  CHECK(test::next_error(f, test::hex("ac02")) == errc::empty);
  CHECK(test::next_error(f, test::hex("ad02")) == too_big);
  CHECK(test::next_error(f, test::hex("ff7f")) == too_big);
  CHECK(test::next_error(f, test::hex("8080")) == too_big);
  CHECK(test::next_error(varint_framing<100>(), test::hex("65")) == too_big);
  varint_framing<static_cast<std::size_t>(-1)> wide;
  CHECK(test::next_error(wide, test::hex("ffffffffffffffffff01")) == errc::empty);
  CHECK(test::next_error(wide, test::hex("ffffffffffffffffff02")) == too_big);
  CHECK(test::next_error(wide, test::hex("80808080808080808080")) == too_big);
  CHECK(test::seal(f, test::pattern(301)).err() == too_big);
}
