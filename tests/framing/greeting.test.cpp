// SPDX-License-Identifier: MIT
#include <sluice/framing/greeting.hpp>

#include "frames.hpp"

using sluice::errc;
using sluice::error;
using sluice::step;
using sluice::subject;
using sluice::detail::greeting;
using test::bytes;

namespace {

struct sample {
  std::uint64_t seq;
  double volts;
};
struct renamed {
  std::uint64_t number;
  double value;
};
struct other {
  std::uint64_t seq;
  float volts[2];
};
struct wide {
  std::uint8_t a[100];
  struct cell {
    std::uint32_t x;
    std::uint8_t y[4];
  } b[3];
};

template <class T>
bytes greet() {
  std::byte place[greeting<T>::most];
  const std::size_t n = greeting<T>::write(place);
  return test::exact(std::span(place).first(n));
}
template <class T>
error check_error(const bytes& in) {
  const auto n = greeting<T>::check(in);
  return n ? error() : n.err();
}
/// The same greeting with other bytes somewhere, and a sum that fits.
bytes changed(bytes g, std::size_t at, const std::string& digits) {
  const bytes by = test::hex(digits);
  std::copy(by.begin(), by.end(), g.begin() + static_cast<std::ptrdiff_t>(at));
  const auto sum = sluice::crc32c(std::span(g).subspan(40), sluice::crc32c(std::span(g).first(36)));
  sluice::detail::store_number<std::endian::little>(g.data() + 36, sum);
  return g;
}
constexpr error no_greeting(errc::corrupt, step::none, subject::greeting);

}  // namespace

TEST_CASE("a greeting says magic, version, size, layout and sum", "[greeting]") {
  const bytes g = greet<sample>();
  const std::string text = "{u64@0 f64@8}16@0/8";
  REQUIRE(g.size() == 40 + text.size());
  CHECK(bytes(g.begin(), g.begin() + 8) == test::hex("89 53 4c 55 4d 0d 0a 1a"));
  CHECK(bytes(g.begin() + 8, g.begin() + 10) == test::hex("0100"));
  CHECK(bytes(g.begin() + 12, g.begin() + 16) == test::hex("10000000"));
  CHECK(bytes(g.begin() + 32, g.begin() + 36) == test::hex("13000000"));
  CHECK(bytes(g.begin() + 40, g.end()) == test::to_bytes(text));
  CHECK(greeting<sample>::text() == text);
  CHECK(greeting<sample>::text_of(g) == text);
  CHECK(changed(g, 0, "") == g);
}

TEST_CASE("a greeting is known once it is whole", "[greeting]") {
  const bytes g = greet<sample>();
  for (std::size_t n = 0; n < g.size(); ++n) CHECK(check_error<sample>(test::exact(std::span(g).first(n))) == errc::empty);
  CHECK(*greeting<sample>::check(g) == g.size());
  bytes more = g;
  more.resize(g.size() + 9);
  CHECK(*greeting<sample>::check(more) == g.size());
  CHECK(check_error<renamed>(g) == error());  // names do not count
}

TEST_CASE("another type is a mismatch, and so are another version and byte order", "[greeting]") {
  const bytes g = greet<sample>();
  constexpr error type(errc::mismatch, step::none, subject::type_layout);
  CHECK(check_error<other>(g) == type);
  CHECK(check_error<wide>(g) == type);
  CHECK(check_error<sample>(changed(g, 12, "11")) == type);
  CHECK(check_error<sample>(changed(g, 16, "0000")) == type);
  CHECK(check_error<sample>(changed(g, 24, "0000")) == type);
  CHECK(check_error<sample>(changed(g, 8, "0200")) == error(errc::mismatch, step::none, subject::format_version));
  const std::string swapped = std::endian::native == std::endian::little ? "02" : "01";
  CHECK(check_error<sample>(changed(g, 10, swapped)) == error(errc::mismatch, step::none, subject::byte_order));
}

TEST_CASE("what is no greeting is refused at its first wrong byte", "[greeting]") {
  const bytes g = greet<sample>();
  CHECK(check_error<sample>(test::to_bytes("G")) == no_greeting);
  for (std::size_t at = 0; at < 8; ++at) {
    bytes bad = g;
    bad[at] ^= std::byte{0x20};
    CHECK(check_error<sample>(test::exact(std::span(bad).first(at + 1))) == no_greeting);
  }
  CHECK(check_error<sample>(changed(g, 32, "390f0000")) == no_greeting);  // a longer text than there is room for
  CHECK(check_error<sample>(changed(g, 32, "ffffffff")) == no_greeting);
}

TEST_CASE("a greeting that was altered is corrupt or another, never accepted", "[greeting]") {
  const bytes g = greet<sample>();
  unsigned accepted = 0, waiting = 0;
  for (std::size_t bit = 0; bit < g.size() * 8; ++bit) {
    bytes bad = g;
    bad[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    const error e = check_error<sample>(bad);
    accepted += e == error();
    waiting += e == errc::empty;  // a longer text is awaited, of a bounded length
  }
  CHECK(accepted == 0);
  CHECK(waiting < 16);
}

TEST_CASE("the text of a large type is cut, and its print is not", "[greeting]") {
  // 128 members are the most; with nesting the words are long
  struct many {
    wide w[1];
    struct {
      std::uint64_t a, b, c, d, e, f, g, h;
    } p;
  };
  const bytes g = greet<many>();
  CHECK(g.size() <= greeting<many>::most);
  CHECK(check_error<many>(g) == error());
}
