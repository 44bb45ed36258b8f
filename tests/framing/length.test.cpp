// SPDX-License-Identifier: MIT
#include <sluice/framing/length.hpp>

#include "frames.hpp"

using sluice::errc;
using sluice::error;
using sluice::length_framing;
using sluice::step;
using sluice::subject;

TEST_CASE("a length stands before each message, in four bytes, the lowest first", "[length]") {
  using framing = length_framing<>;
  STATIC_REQUIRE(sluice::bounded_framing<framing>);
  STATIC_REQUIRE(sluice::heading_framing<framing>);
  STATIC_REQUIRE(std::is_empty_v<framing>);
  STATIC_REQUIRE(framing::max_size == 65'536);
  framing f;
  CHECK(*test::seal(f, test::to_bytes("abc")) == test::hex("03000000 616263"));
  CHECK(*test::seal(f, {}) == test::hex("00000000"));
  test::check_frames<framing>({{}, test::to_bytes("a"), test::pattern(255), {}, test::pattern(65'536)});
}

TEST_CASE("the width and the byte order of a length are parameters", "[length]") {
  length_framing<255, std::uint8_t> one;
  length_framing<1000, std::uint16_t, std::endian::big> two;
  length_framing<1000, std::uint64_t, std::endian::big> eight;
  CHECK(*test::seal(one, test::to_bytes("ab")) == test::hex("02 6162"));
  CHECK(*test::seal(two, test::to_bytes("ab")) == test::hex("0002 6162"));
  CHECK(*test::seal(eight, test::to_bytes("ab")) == test::hex("0000000000000002 6162"));
  CHECK((*test::seal(two, test::pattern(259)))[0] == std::byte{1});
  test::check_frames<length_framing<255, std::uint8_t>>({{}, test::pattern(255), test::pattern(1)});
  test::check_frames<length_framing<1000, std::uint16_t, std::endian::big>>({test::pattern(1000), {}, test::pattern(256)});
  test::check_frames<length_framing<1000, std::uint64_t>>({test::pattern(1000), {}, test::pattern(256)});
}

TEST_CASE("a length above the maximum is too big, as soon as it is read", "[length]") {
  constexpr error too_big(errc::too_big, step::none, subject::frame);
  length_framing<100> f;
  CHECK(test::next_error(f, test::hex("64000000")) == errc::empty);
  CHECK(test::next_error(f, test::hex("65000000")) == too_big);
  CHECK(test::next_error(f, test::hex("ffffffff")) == too_big);
  CHECK(test::next_error(length_framing<100, std::uint64_t>(), test::hex("01000000 00000001")) == too_big);
  CHECK(test::seal(f, test::pattern(101)).err() == too_big);
  CHECK(test::seal(f, test::pattern(100)));
}
