// SPDX-License-Identifier: MIT
#include "../process.hpp"
#include "input.hpp"

#include <sluice/channel/explain.hpp>
#include <sluice/channel/shared.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

// A sound region with messages in it is damaged as the input says: bits, fields, words of the ring, blocks swapped, cut,
// stretched; half of the time the checksum is repaired, so that the damage gets past it. Then it is opened from both
// sides and used. Only documented errors, no signal, an end within a second.

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using sluice::region_header;

struct sample {
  std::uint64_t a;
  std::uint32_t b;
  std::uint32_t c[3];
};
constexpr std::size_t capacity = 5;
constexpr std::int64_t patience_ns = 1'000'000'000;

bool documented_open(error e) {
  switch (e.code) {
    case errc::corrupt:
    case errc::mismatch:
    case errc::truncated:
    case errc::no_space:  // a slot number beyond the participants that the image claims, or a size beyond the disk
    case errc::too_big: return true;
    default: return false;
  }
}
bool documented_use(error e) {
  switch (e.code) {
    case errc::ok:
    case errc::empty:
    case errc::full:
    case errc::closed:
    case errc::peer_died:
    case errc::timeout:
    case errc::corrupt: return true;
    default: return false;
  }
}
#define FUZZ_REQUIRE_ERROR(predicate, e) \
  (predicate(e) ? static_cast<void>(0) : fuzz::violated(sluice::describe(e).c_str(), __FILE__, __LINE__))

/// The region that all images are made from, in shared memory or in a file.
class place {
 public:
  auto sink(const sluice::ring_options& o) const {
    return mapped_ ? sluice::mapped_sink<sample>(path_, o) : sluice::shm_sink<sample>("ring", o);
  }
  auto source(const sluice::ring_options& o) const {
    return mapped_ ? sluice::mapped_source<sample>(path_, o) : sluice::shm_source<sample>("ring", o);
  }
  explicit place(bool mapped) : mapped_(mapped), dir_(mapped ? "/tmp" : "/dev/shm"), path_(dir_ / "ring") {
    if (!mapped) options_.directory = dir_.c_str();
    auto o = options_;
    o.capacity = capacity;
    {
      auto t = sink(o);
      FUZZ_REQUIRE(t);
      for (std::uint32_t i = 0; i < 3; ++i) FUZZ_REQUIRE(t->try_push(sample{i, i, {}}));
      auto r = source(o);
      FUZZ_REQUIRE(r && r->try_pop());
      read_good();  // both live, as in a region whose owners were killed
    }
  }

  auto explained(const sluice::ring_options& o) const {
    return mapped_ ? sluice::explain_file<sample>(path_, o) : sluice::explain<sample>("ring", o);
  }
  const std::string& good() const { return good_; }
  const sluice::ring_options& options() const { return options_; }
  void put(const std::string& image) const {
    const sluice::unique_handle fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    FUZZ_REQUIRE(::ftruncate(fd.get(), 0) == 0);
    FUZZ_REQUIRE(::pwrite(fd.get(), image.data(), image.size(), 0) == static_cast<ssize_t>(image.size()));
  }

 private:
  void read_good() {
    std::ifstream f(path_, std::ios::binary);
    good_.assign(std::istreambuf_iterator<char>(f), {});
    FUZZ_REQUIRE(good_.size() > sizeof(region_header));
  }

  bool mapped_;
  test::scratch dir_;
  std::string path_;
  sluice::ring_options options_;
  std::string good_;
};

// The fields of the header where a lie goes furthest.
constexpr std::array fields{
    offsetof(region_header, major),       offsetof(region_header, minor),        offsetof(region_header, header_size),
    offsetof(region_header, byte_order),  offsetof(region_header, word_bits),    offsetof(region_header, compatible),
    offsetof(region_header, incompatible), offsetof(region_header, kind),        offsetof(region_header, participants),
    offsetof(region_header, region_size), offsetof(region_header, state_offset), offsetof(region_header, state_size),
    offsetof(region_header, body_offset), offsetof(region_header, body_size),    offsetof(region_header, capacity),
    offsetof(region_header, item_size),   offsetof(region_header, item_align),   offsetof(region_header, layout_low),
    offsetof(region_header, options),     offsetof(region_header, creator_boot), offsetof(region_header, text_size),
    offsetof(region_header, crc)};

std::uint64_t some_value(fuzz::input& in) {
  switch (in.below(4)) {
    case 0: return in.byte();
    case 1: return std::uint64_t{in.byte()} << (8 * in.below(8));
    case 2: return ~std::uint64_t{0} >> in.below(64);
    default: return in.take<std::uint64_t>();
  }
}
void set(std::string& image, std::size_t at, std::uint64_t v, std::size_t bytes) {
  if (at + bytes <= image.size()) image.replace(at, bytes, reinterpret_cast<const char*>(&v), bytes);
}
void damage(std::string& image, fuzz::input& in) {
  constexpr std::size_t state = sizeof(region_header), body = state + 4096;
  static constexpr std::size_t widths[] = {1, 2, 4, 8};
  switch (in.below(10)) {
    case 0: set(image, in.take<std::uint16_t>() % image.size(), in.byte(), 1); break;
    case 1: {  // one bit
      char& c = image[in.take<std::uint16_t>() % image.size()];
      c = static_cast<char>(c ^ 1 << in.below(8));
      break;
    }
    case 2: set(image, fields[in.below(fields.size())], some_value(in), widths[in.below(4)]); break;
    case 3: {  // two fields change places
      const std::size_t a = fields[in.below(fields.size())], b = fields[in.below(fields.size())];
      for (std::size_t k = 0; k < 8; ++k) std::swap(image[a + k], image[b + k]);
      break;
    }
    case 4: set(image, state + 8 * in.below(48), some_value(in), 8); break;         // region state and slots
    case 5: set(image, body + 128 * in.below(2), in.take<std::uint64_t>(), 8); break;  // a role and its gate
    case 6: set(image, body + 256 + 8 * in.below(2), some_value(in), 8); break;     // head and told
    case 7: {                                                                       // a stamp, or two that change places
      const std::size_t a = body + 384 + 64 * in.below(4), b = body + 384 + 64 * in.below(4);
      if (b + 64 > image.size() || a + 64 > image.size()) break;
      if (a == b) set(image, a, some_value(in), 8);
      else for (std::size_t k = 0; k < 64; ++k) std::swap(image[a + k], image[b + k]);
      break;
    }
    case 8: {  // the text, which explain() reads
      const auto text = in.rest(in.below(64));
      const std::size_t at = offsetof(region_header, text) + in.below(256);
      for (std::size_t k = 0; k < text.size() && at + k < image.size(); ++k) image[at + k] = static_cast<char>(text[k]);
      break;
    }
    default: {  // a sound header of another size: as many participants, as large a capacity as it claims
      region_header h;
      std::memcpy(&h, image.data(), sizeof h);
      h.participants = in.flag() ? in.byte() : in.take<std::uint16_t>();
      h.capacity = some_value(in) >> in.below(64);
      h.body_offset = sluice::detail::body_offset_for(h.participants, in.flag() ? 0 : 128u * in.byte());
      h.state_size = h.body_offset - h.state_offset;
      h.body_size = sluice::spsc_ring<sample>::bytes_for(h.capacity);
      h.region_size = sluice::detail::whole_pages(h.body_offset + h.body_size);
      std::memcpy(image.data(), &h, sizeof h);
      if (h.region_size < 1u << 20 && in.flag()) image.resize(h.region_size);
      break;
    }
  }
}

template <class Sink>
void use_sink(Sink& t) {
  FUZZ_REQUIRE(t.capacity() >= 1);
  for (int k = 0; k < 8; ++k) FUZZ_REQUIRE_ERROR(documented_use, t.try_push(sample{1, 2, {}}).err());
  const sample some[3] = {};
  FUZZ_REQUIRE_ERROR(documented_use, t.try_push(std::span<const sample>(some)).err());
  FUZZ_REQUIRE(t.approx_size() <= t.capacity());
  FUZZ_REQUIRE_ERROR(documented_use, t.push(sample{}, 20us).err());
  auto c = t.try_claim();
  FUZZ_REQUIRE_ERROR(documented_use, c.err());
  if (c) c->a = 1;
}
template <class Source>
void use_source(Source& r) {
  sample to[4];
  FUZZ_REQUIRE_ERROR(documented_use, r.try_pop(std::span<sample>(to)).err());
  for (std::size_t k = 0; k < 20; ++k) FUZZ_REQUIRE_ERROR(documented_use, r.try_pop().err());
  FUZZ_REQUIRE_ERROR(documented_use, r.pop(20us).err());
  auto l = r.try_borrow();
  FUZZ_REQUIRE_ERROR(documented_use, l.err());
  FUZZ_REQUIRE(r.peers() >= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const place places[2] = {place(false), place(true)};
  fuzz::input in(data, size);
  const unsigned how = in.byte();
  const place& where = places[how & 1];
  std::string image = where.good();
  for (unsigned n = 0; n < 12 && !in.empty(); ++n) damage(image, in);
  if ((how & 2) != 0) {
    region_header h;
    std::memcpy(&h, image.data(), sizeof h);
    h.crc = h.computed_crc();
    std::memcpy(image.data(), &h, sizeof h);
  }
  if ((how & 12) == 12) image.resize(in.take<std::uint16_t>() * (in.flag() ? 1u : 4u));  // cut, or stretched
  where.put(image);

  auto o = where.options();
  if ((how & 16) != 0) o.capacity = capacity;
  o.persistent = (how & 32) != 0;
  const auto before = test::now_ns();
  {
    FUZZ_REQUIRE(where.explained(o).size() > 10);
    auto t = where.sink(o);
    if (!t) FUZZ_REQUIRE_ERROR(documented_open, t.err());
    else if ((how & 64) != 0) use_sink(*t);
    auto r = where.source(o);
    if (!r) FUZZ_REQUIRE_ERROR(documented_open, r.err());
    else use_source(*r);
    if (t) use_sink(*t);
    if (t || r) {  // then it was all there
      region_header h;
      std::memcpy(&h, image.data(), sizeof h);
      FUZZ_REQUIRE(image.size() >= h.region_size);
    }
  }
  FUZZ_REQUIRE(test::now_ns() - before < patience_ns);
  return 0;
}
