// SPDX-License-Identifier: MIT
#include <sluice/memory/region_format.hpp>

#include "catch.hpp"

#include <cstring>

namespace {

using sluice::errc;
using sluice::region_header;
using sluice::region_spec;
using sluice::subject;

struct sample {
  std::uint64_t a;
  double b;
};

region_spec spec() {
  region_spec s;
  s.kind = sluice::region_kind::spsc;
  s.least_participants = 2;
  s.item_size = sizeof(sample);
  s.item_align = alignof(sample);
  s.layout = sluice::layout_of<sample>;
  s.layout_text = &sluice::layout_text<sample>;
  s.body_bytes = [](std::size_t capacity) noexcept -> std::size_t {
    return capacity == 0 || capacity > std::size_t{1} << 40 ? 0 : capacity * sizeof(sample);
  };
  return s;
}
region_header sound() {
  auto h = sluice::detail::make_header(spec());
  REQUIRE(h);
  h->crc = h->computed_crc();
  return *h;
}
sluice::error judged(const region_header& h) {
  if (const auto s = sluice::detail::check_sound(h, h.region_size); !s) return s.err();
  return sluice::detail::check_wanted(h, spec()).err();
}
sluice::error judged_by(const region_spec& s) { return sluice::detail::check_wanted(sound(), s).err(); }

}  // namespace

TEST_CASE("a fresh header is sound and wanted, and says what the format promises") {
  const region_header h = sound();
  CHECK_FALSE(judged(h));
  CHECK(h.capacity == 1024);
  CHECK(h.participants == 2);
  CHECK(h.state_offset == 4096);
  CHECK(h.body_offset == h.state_offset + h.state_size);
  CHECK(h.region_size % 4096 == 0);
  CHECK(h.region_size >= h.body_offset + h.body_size);
  CHECK(std::string(h.text, h.text_size) == "{u64@0 f64@8}16@0/8");
  CHECK(h.options == 0);
  CHECK(h.layout() == sluice::layout_of<sample>);
  CHECK(static_cast<unsigned char>(h.magic[0]) >= 0x80);
}

TEST_CASE("offsets in the header are those of the format") {
  STATIC_REQUIRE(offsetof(region_header, major) == 8);
  STATIC_REQUIRE(offsetof(region_header, byte_order) == 16);
  STATIC_REQUIRE(offsetof(region_header, compatible) == 24);
  STATIC_REQUIRE(offsetof(region_header, kind) == 40);
  STATIC_REQUIRE(offsetof(region_header, region_size) == 48);
  STATIC_REQUIRE(offsetof(region_header, capacity) == 88);
  STATIC_REQUIRE(offsetof(region_header, item_size) == 96);
  STATIC_REQUIRE(offsetof(region_header, layout_low) == 104);
  STATIC_REQUIRE(offsetof(region_header, options) == 120);
  STATIC_REQUIRE(offsetof(region_header, uuid) == 128);
  STATIC_REQUIRE(offsetof(region_header, crc) == 4092);
}

TEST_CASE("a header that cannot be made is refused with its reason") {
  auto s = spec();
  SECTION("too many participants") {
    s.participants = 1025;
    const auto h = sluice::detail::make_header(s);
    REQUIRE_FALSE(h);
    CHECK(h.err() == errc::invalid);
    CHECK(h.err().about() == subject::participants);
  }
  SECTION("as many participants as there can be") {
    s.participants = 1024;
    const auto h = sluice::detail::make_header(s);
    REQUIRE(h);
    CHECK(h->state_size >= 1025 * 128);
  }
  SECTION("an impossible capacity") {
    s.capacity = std::size_t{1} << 41;
    const auto h = sluice::detail::make_header(s);
    REQUIRE_FALSE(h);
    CHECK(h.err() == errc::too_big);
    CHECK(h.err().about() == subject::capacity);
  }
}

TEST_CASE("where a body has a control part, the payload behind it begins at a page, and no earlier one is left empty") {
  const std::uint64_t control = GENERATE(128u, 1152u, 1920u, 4096u, 9728u);
  auto s = spec();
  s.control_bytes = control;
  s.participants = GENERATE(2u, 16u, 1024u);
  auto h = sluice::detail::make_header(s);
  REQUIRE(h);
  h->crc = h->computed_crc();
  const std::uint64_t state_end = h->state_offset + (h->participants + 1u) * 128u;
  CHECK((h->body_offset + control) % 4096 == 0);
  CHECK(h->body_offset % 128 == 0);
  CHECK(h->body_offset >= state_end);
  CHECK(h->body_offset < state_end + 4096);
  CHECK(sluice::detail::check_sound(*h, h->region_size));
  CHECK(sluice::detail::check_wanted(*h, s));
  CHECK(static_cast<bool>(sluice::detail::check_wanted(*h, spec())) == (control % 4096 == 0));
}

TEST_CASE("each wrong field of a header is refused with its own reason, although the checksum is right") {
  struct wrong {
    const char* what;
    void (*spoil)(region_header&);
    errc code;
    subject about;
  };
  const auto w = GENERATE(
      wrong{"magic", [](region_header& h) { h.magic[7] ^= 1; }, errc::corrupt, subject::magic},
      wrong{"text mode damage", [](region_header& h) { h.magic[5] = '\n'; }, errc::corrupt, subject::magic},
      wrong{"byte order", [](region_header& h) { h.byte_order = 0x04030201; }, errc::mismatch, subject::byte_order},
      wrong{"newer major", [](region_header& h) { ++h.major; }, errc::mismatch, subject::format_version},
      wrong{"older major", [](region_header& h) { --h.major; }, errc::mismatch, subject::format_version},
      wrong{"header size", [](region_header& h) { h.header_size = 8192; }, errc::corrupt, subject::checksum},
      wrong{"unknown feature", [](region_header& h) { h.incompatible = 1; }, errc::mismatch, subject::feature_flags},
      wrong{"word width", [](region_header& h) { h.word_bits = 32; }, errc::mismatch, subject::format_version},
      wrong{"line size", [](region_header& h) { h.line_log2 = 7; }, errc::mismatch, subject::format_version},
      wrong{"no participants", [](region_header& h) { h.participants = 0; }, errc::corrupt, subject::participants},
      wrong{"too many", [](region_header& h) { h.participants = 1025; }, errc::corrupt, subject::participants},
      wrong{"very many", [](region_header& h) { h.participants = ~0u; }, errc::corrupt, subject::participants},
      wrong{"state offset", [](region_header& h) { h.state_offset += 4096; }, errc::corrupt, subject::size},
      wrong{"state offset 0", [](region_header& h) { h.state_offset = 0; }, errc::corrupt, subject::size},
      wrong{"state size", [](region_header& h) { h.state_size += 4096; }, errc::corrupt, subject::size},
      wrong{"body offset", [](region_header& h) { h.body_offset -= 4096; }, errc::corrupt, subject::size},
      wrong{"body offset odd", [](region_header& h) { h.body_offset += 1; }, errc::corrupt, subject::size},
      wrong{"body size", [](region_header& h) { h.body_size += 4096; }, errc::corrupt, subject::size},
      wrong{"body size huge", [](region_header& h) { h.body_size = ~std::uint64_t{0}; }, errc::corrupt, subject::size},
      wrong{"body size that wraps", [](region_header& h) { h.body_size = 0 - h.body_offset; }, errc::corrupt, subject::size},
      wrong{"region size", [](region_header& h) { h.region_size -= 4096; }, errc::corrupt, subject::size},
      wrong{"region size 0", [](region_header& h) { h.region_size = 0; }, errc::corrupt, subject::size},
      wrong{"no body, and a capacity that needs none",
            [](region_header& h) {
              h.capacity = h.body_size = 0;
              h.region_size = sluice::detail::whole_pages(h.body_offset);
            },
            errc::corrupt, subject::size},
      wrong{"no body, and a capacity that no body can have",
            [](region_header& h) {
              h.capacity = std::uint64_t{1} << 60;
              h.body_size = 0;
              h.region_size = sluice::detail::whole_pages(h.body_offset);
            },
            errc::corrupt, subject::size},
      wrong{"kind", [](region_header& h) { h.kind = 77; }, errc::mismatch, subject::kind},
      wrong{"item size", [](region_header& h) { h.item_size = 8; }, errc::mismatch, subject::type_layout},
      wrong{"item align", [](region_header& h) { h.item_align = 16; }, errc::mismatch, subject::type_layout},
      wrong{"layout low", [](region_header& h) { ++h.layout_low; }, errc::mismatch, subject::type_layout},
      wrong{"layout high", [](region_header& h) { ++h.layout_high; }, errc::mismatch, subject::type_layout},
      wrong{"capacity 0", [](region_header& h) { h.capacity = 0; }, errc::corrupt, subject::capacity},
      wrong{"capacity larger", [](region_header& h) { h.capacity += 1; }, errc::corrupt, subject::capacity},
      wrong{"capacity smaller", [](region_header& h) { h.capacity -= 1; }, errc::corrupt, subject::capacity},
      wrong{"capacity huge", [](region_header& h) { h.capacity = ~std::uint64_t{0}; }, errc::corrupt, subject::capacity});
  INFO(w.what);
  region_header h = sound();
  w.spoil(h);
  SECTION("checksum repaired") {
    h.crc = h.computed_crc();
    const auto e = judged(h);
    CHECK(e == w.code);
    CHECK(e.about() == w.about);
  }
  SECTION("checksum as it was") {
    CHECK(judged(h));
  }
}

TEST_CASE("a layout text that claims to be longer than its place is refused") {
  region_header h = sound();
  h.text_size = sizeof h.text;
  h.crc = h.computed_crc();
  CHECK_FALSE(judged(h));
  h.text_size = sizeof h.text + 1;
  h.crc = h.computed_crc();
  CHECK(judged(h) == errc::corrupt);
}

TEST_CASE("a file shorter than its region is truncated, a longer one is none of our business") {
  const region_header h = sound();
  CHECK(sluice::detail::check_sound(h, h.region_size - 1).err() == sluice::error(errc::truncated, sluice::step::validate, subject::size));
  CHECK(sluice::detail::check_sound(h, 0).err() == errc::truncated);
  CHECK(sluice::detail::check_sound(h, h.region_size + 4096));
}

TEST_CASE("the checksum finds every flipped bit of the header") {
  const region_header good = sound();
  unsigned missed = 0;
  for (std::size_t at = 0; at < sizeof good; ++at) {
    region_header h = good;
    reinterpret_cast<unsigned char*>(&h)[at] ^= static_cast<unsigned char>(1u << at % 8);
    missed += judged(h) ? 0u : 1u;
  }
  CHECK(missed == 0);
}

TEST_CASE("a flipped byte with a repaired checksum passes only where the format says that nothing depends on it") {
  const auto harmless = [](std::size_t at) {
    const auto in = [at](std::size_t from, std::size_t to) { return from <= at && at < to; };
    return in(10, 12) || in(22, 24) || in(24, 32) || in(44, 48) ||  // minor, page_log2 and reserved, compatible, slots
           in(120, 192) || in(192, 4096);                            // options, creator, text; the checksum itself
  };
  std::string wrong;
  for (std::size_t at = 0; at < sizeof(region_header); ++at)
    for (const unsigned bits : {0x01u, 0x80u, 0xffu}) {
      region_header h = sound();
      reinterpret_cast<unsigned char*>(&h)[at] ^= static_cast<unsigned char>(bits);
      h.crc = h.computed_crc();
      if (!judged(h) && !harmless(at)) wrong += " " + std::to_string(at);
    }
  INFO("accepted although changed at" << wrong);
  CHECK(wrong.empty());
}

TEST_CASE("an opener adopts what it leaves open and insists on what it states") {
  auto s = spec();
  SECTION("the same capacity, participants") {
    s.capacity = 1024;
    s.participants = 2;
    CHECK_FALSE(judged_by(s));
  }
  SECTION("another capacity") {
    s.capacity = 1023;
    CHECK(judged_by(s) == sluice::error(errc::mismatch, sluice::step::validate, subject::capacity));
  }
  SECTION("other participants") {
    s.participants = 3;
    CHECK(judged_by(s) == sluice::error(errc::mismatch, sluice::step::validate, subject::participants));
  }
  SECTION("persistence that is not there") {
    s.persistent = true;
    CHECK(judged_by(s) == sluice::error(errc::mismatch, sluice::step::validate, subject::persistence));
  }
  SECTION("persistence that was not asked for") {
    auto p = spec();
    p.persistent = true;
    auto h = sluice::detail::make_header(p);
    REQUIRE(h);
    CHECK(sluice::detail::check_wanted(*h, s));
  }
}
