// SPDX-License-Identifier: MIT
#include <sluice/framing/cobs.hpp>

#include "frames.hpp"

using sluice::cobs_framing;
using sluice::errc;
using sluice::error;
using sluice::step;
using sluice::subject;
using test::bytes;
using test::hex;

namespace {
constexpr error too_big(errc::too_big, step::none, subject::frame);
constexpr error corrupt(errc::corrupt, step::none, subject::frame);

/// first, first + 1, ... n bytes, as in the table of examples that everybody uses.
bytes counting(unsigned first, std::size_t n) {
  bytes b(n);
  for (auto& v : b) v = static_cast<std::byte>(first++);
  return b;
}
bytes operator+(bytes a, const bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
template <std::size_t Max>
sluice::result<bytes> decode(bytes whole) {
  cobs_framing<Max> f;
  const auto found = f.next(whole);
  if (!found) return found.err();
  const auto payload = f.open(whole, *found);
  return payload ? sluice::result<bytes>(test::exact(*payload)) : sluice::result<bytes>(payload.err());
}
}  // namespace

TEST_CASE("messages are stuffed as in the published examples", "[cobs]") {
  const std::pair<bytes, bytes> examples[] = {
      {hex(""), hex("01 00")},
      {hex("00"), hex("01 01 00")},
      {hex("00 00"), hex("01 01 01 00")},
      {hex("00 11 00"), hex("01 02 11 01 00")},
      {hex("11 22 00 33"), hex("03 11 22 02 33 00")},
      {hex("11 22 33 44"), hex("05 11 22 33 44 00")},
      {hex("11 00 00 00"), hex("02 11 01 01 01 00")},
      {counting(1, 254), hex("ff") + counting(1, 254) + hex("00")},
      {counting(0, 255), hex("01 ff") + counting(1, 254) + hex("00")},
      {counting(1, 255), hex("ff") + counting(1, 254) + hex("02 ff 00")},
      {counting(2, 254) + hex("00"), hex("ff") + counting(2, 254) + hex("01 01 00")},
      {counting(3, 253) + hex("00 01"), hex("fe") + counting(3, 253) + hex("02 01 00")},
  };
  for (const auto& [plain, stuffed] : examples) {
    cobs_framing<300> f;
    CHECK(*test::seal(f, plain) == stuffed);
    CHECK(*decode<300>(stuffed) == plain);
  }
}

TEST_CASE("any bytes of any size come back, in place", "[cobs]") {
  STATIC_REQUIRE(sluice::bounded_framing<cobs_framing<>>);
  STATIC_REQUIRE(cobs_framing<253>::overhead == 2);
  STATIC_REQUIRE(cobs_framing<254>::overhead == 3);
  std::vector<bytes> all;
  for (std::size_t n = 0; n < 20; ++n) all.push_back(test::pattern(n));
  for (std::size_t n = 250; n < 260; ++n) all.push_back(bytes(n, std::byte{7})), all.push_back(test::pattern(n));
  for (std::size_t n = 505; n < 515; ++n) all.push_back(bytes(n, std::byte{7}));
  all.push_back(bytes(762, std::byte{7}));
  all.push_back(bytes(762));
  test::check_frames<cobs_framing<762>>(all);
  test::check_frames<cobs_framing<>>({bytes(65'536, std::byte{1}), bytes(65'536), test::pattern(65'536)});
}

TEST_CASE("an empty run behind a full one may be written or not", "[cobs]") {
  CHECK(*decode<300>(hex("ff") + counting(1, 254) + hex("01 00")) == counting(1, 254));
}

TEST_CASE("what no encoder writes is corrupt", "[cobs]") {
  CHECK(decode<300>(hex("00")).err() == corrupt);
  CHECK(decode<300>(hex("02 00")).err() == corrupt);
  CHECK(decode<300>(hex("05 11 22 33 00")).err() == corrupt);
  CHECK(decode<300>(hex("01 03 11 00")).err() == corrupt);
  CHECK(decode<300>(hex("ff 01 00")).err() == corrupt);
}

TEST_CASE("more than the maximum without a zero is too big", "[cobs]") {
  cobs_framing<4> f;
  CHECK(test::next_error(f, hex("05 11 22 33 44")) == errc::empty);
  CHECK(test::next_error(f, hex("05 11 22 33 44 00")) == error());
  CHECK(test::next_error(f, hex("06 11 22 33 44 55")) == too_big);
  CHECK(test::next_error(f, hex("06 11 22 33 44 55 00")) == too_big);
  CHECK(test::seal(f, test::pattern(5)).err() == too_big);
}
