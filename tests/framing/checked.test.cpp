// SPDX-License-Identifier: MIT
#include <sluice/framing/checked.hpp>
#include <sluice/framing/cobs.hpp>
#include <sluice/framing/delimiter.hpp>
#include <sluice/framing/fixed.hpp>
#include <sluice/framing/length.hpp>
#include <sluice/framing/none.hpp>
#include <sluice/framing/varint.hpp>

#include "frames.hpp"

using sluice::checked;
using sluice::errc;
using sluice::error;
using sluice::length_framing;
using sluice::step;
using sluice::subject;
using test::bytes;
using test::to_bytes;

namespace {

constexpr error altered(errc::corrupt, step::none, subject::frame_checksum);
constexpr error out_of_order(errc::corrupt, step::none, subject::sequence);

template <class F>
sluice::result<bytes> open(F& f, bytes whole) {
  const auto found = f.next(whole);
  if (!found) return found.err();
  const auto payload = f.open(whole, *found);
  return payload ? sluice::result<bytes>(test::exact(*payload)) : sluice::result<bytes>(payload.err());
}

}  // namespace

TEST_CASE("a checksum and a number stand before each message, within its frame", "[checked]") {
  using framing = checked<length_framing<>>;
  STATIC_REQUIRE(sluice::bounded_framing<framing>);
  STATIC_REQUIRE(framing::max_size == 65'536 - 8);
  STATIC_REQUIRE(!sluice::detail::any_payload<sluice::line_framing<>>);
  framing f;
  const auto first = *test::seal(f, to_bytes("abc"));
  const auto second = *test::seal(f, to_bytes("abc"));
  CHECK(bytes(first.begin(), first.begin() + 4) == test::hex("0b000000"));
  CHECK(bytes(first.begin() + 8, first.end()) == test::hex("00000000 616263"));
  CHECK(bytes(second.begin() + 8, second.end()) == test::hex("01000000 616263"));
  // CRC-32C of 00000000 616263, by a bitwise sum written apart
  std::uint32_t c = 0xffffffffu;
  for (const std::byte b : test::hex("00000000 616263")) {
    c ^= std::to_integer<std::uint32_t>(b);
    for (int k = 0; k < 8; ++k) c = (c & 1) != 0 ? c >> 1 ^ 0x82f63b78u : c >> 1;
  }
  for (std::size_t i = 0; i < 4; ++i) CHECK(first[4 + i] == static_cast<std::byte>(~c >> 8 * i & 0xff));
}

TEST_CASE("checked messages come back through every framing that carries any bytes", "[checked]") {
  const std::vector<bytes> some = {{}, to_bytes("a"), test::pattern(300), test::pattern(500), {}};
  test::check_frames<checked<length_framing<600>>>(some);
  test::check_frames<checked<sluice::varint_framing<600>>>(some);
  test::check_frames<checked<sluice::cobs_framing<600>>>(some);
  test::check_frames<checked<sluice::fixed_framing<24>>>({test::pattern(16), test::pattern(16, 2)});
  test::check_frames<checked<sluice::cobs_framing<>>>({test::pattern(65'528)});
}

TEST_CASE("a message that was altered in any bit is corrupt", "[checked]") {
  checked<length_framing<>> sender;
  const auto whole = *test::seal(sender, to_bytes("some bytes"));
  std::size_t refused = 0;
  for (std::size_t bit = 32; bit < whole.size() * 8; ++bit) {
    checked<length_framing<>> receiver;
    bytes bad = whole;
    bad[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    if (open(receiver, bad).err() == altered) ++refused;
  }
  CHECK(refused == (whole.size() - 4) * 8);
}

TEST_CASE("a lost, repeated or misplaced message is corrupt", "[checked]") {
  checked<length_framing<>> sender, receiver;
  std::vector<bytes> all;
  for (int k = 0; k < 4; ++k) all.push_back(*test::seal(sender, to_bytes("same")));
  REQUIRE(open(receiver, all[0]));
  CHECK(open(receiver, all[0]).err() == out_of_order);
  CHECK(open(receiver, all[2]).err() == out_of_order);
  CHECK(open(receiver, all[3]).err() == out_of_order);
  CHECK(open(receiver, all[1]));  // a refused one is not counted
  CHECK(open(receiver, all[2]));
}

TEST_CASE("a message without room for a checksum is corrupt", "[checked]") {
  checked<length_framing<>> f;
  CHECK(open(f, test::hex("07000000 00000000000000")).err() == error(errc::corrupt, step::none, subject::frame));
}

TEST_CASE("a refused message takes no number", "[checked]") {
  checked<length_framing<100>> sender, receiver;
  CHECK(test::seal(sender, test::pattern(93)).err() == error(errc::too_big, step::none, subject::frame));
  CHECK(open(receiver, *test::seal(sender, test::pattern(92))));
  checked<sluice::fixed_framing<24>> one_size, other_side;
  CHECK(test::seal(one_size, test::pattern(15)).err() == errc::too_big);  // by the framing within
  CHECK(open(other_side, *test::seal(one_size, test::pattern(16))));
}
