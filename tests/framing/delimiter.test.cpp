// SPDX-License-Identifier: MIT
#include <sluice/framing/delimiter.hpp>

#include "frames.hpp"

#include <array>

using sluice::delimiter_framing;
using sluice::errc;
using sluice::error;
using sluice::step;
using sluice::subject;
using test::to_bytes;

namespace {
constexpr error too_big(errc::too_big, step::none, subject::frame);
constexpr error has_delimiter(errc::invalid, step::none, subject::delimiter);
}  // namespace

TEST_CASE("lines end with a newline", "[delimiter]") {
  using framing = sluice::line_framing<600>;
  STATIC_REQUIRE(sluice::bounded_framing<framing>);
  STATIC_REQUIRE(sluice::sealing_framing<framing>);
  STATIC_REQUIRE(std::is_empty_v<framing>);
  framing f;
  CHECK(*test::seal(f, to_bytes("abc")) == to_bytes("abc\n"));
  CHECK(*test::seal(f, {}) == to_bytes("\n"));
  test::check_frames<framing>({{}, to_bytes("one"), {}, test::bytes(600, std::byte{'x'}), to_bytes("a\rb")});
}

TEST_CASE("a delimiter may have several bytes, cut anywhere", "[delimiter]") {
  test::check_frames<delimiter_framing<100, '\r', '\n'>>({{}, to_bytes("one"), to_bytes("a\nb\rc"), to_bytes("\n")});
  test::check_frames<delimiter_framing<100, 'a', 'b', 'a', 'c'>>({to_bytes("abab"), to_bytes("xaba"), {}});
  test::check_frames<delimiter_framing<3, '\0'>>({to_bytes("abc"), {}});
}

TEST_CASE("a delimiter is found where its bytes begin more than once", "[delimiter]") {
  delimiter_framing<100, 'a', 'a', 'b'> f;
  const auto size_of = [&f](const char* text, std::size_t had = 0) {
    const auto bytes = to_bytes(text);
    const auto found = f.next(bytes, had);
    return found ? static_cast<int>(found->size) : -1;
  };
  CHECK(size_of("aaab") == 1);
  CHECK(size_of("abaab") == 2);
  CHECK(size_of("bbaab") == 2);
  CHECK(size_of("aab") == 0);
  CHECK(size_of("aabaab") == 0);
  CHECK(size_of("ababab") == -1);
  CHECK(size_of("b") == -1);
  for (std::size_t had = 0; had < 7; ++had) CHECK(size_of("xxxxaab", had) == 4);
  STATIC_REQUIRE([] {
    constexpr std::array text{std::byte{'x'}, std::byte{'a'}, std::byte{'a'}, std::byte{'b'}};
    return delimiter_framing<100, 'a', 'a', 'b'>().next(text)->size;
  }() == 1);
}

TEST_CASE("a message that contains the delimiter is refused at the sender", "[delimiter]") {
  sluice::line_framing<100> f;
  CHECK(test::seal(f, to_bytes("a\nb")).err() == has_delimiter);
  CHECK(test::seal(f, to_bytes("\n")).err() == has_delimiter);
  delimiter_framing<100, '-', '-'> dashes;
  CHECK(test::seal(dashes, to_bytes("a--b")).err() == has_delimiter);
  CHECK(test::seal(dashes, to_bytes("a-b")));
  CHECK(test::seal(dashes, to_bytes("a-")).err() == has_delimiter);  // which would be found a byte too early
}

TEST_CASE("more than the maximum without a delimiter is too big", "[delimiter]") {
  delimiter_framing<4, '\r', '\n'> f;
  CHECK(test::next_error(f, to_bytes("abcd\r")) == errc::empty);
  CHECK(test::next_error(f, to_bytes("abcd\r\n")) == error());
  CHECK(test::next_error(f, to_bytes("abcde")) == errc::empty);
  CHECK(test::next_error(f, to_bytes("abcde\r")) == too_big);
  CHECK(test::next_error(f, to_bytes("abcde\r\n")) == too_big);
  CHECK(test::seal(f, to_bytes("abcde")).err() == too_big);
}
