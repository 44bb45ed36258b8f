// SPDX-License-Identifier: MIT
#include "../process.hpp"
#include "../rig/ends.hpp"
#include "../rig/every.hpp"
#include "input.hpp"

#include <sluice/channel/explain.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

// A sound region of any kind with messages in it, a place and a message out, is damaged as the input says: bits, fields,
// words of the ring, lines swapped, cut, stretched; half of the time the checksum is repaired, so that the damage gets past
// it. Then it is opened from both sides, which heal what seems to be of the dead, and used. Only documented errors, no
// signal, an end within a second.

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
constexpr std::size_t capacity = 5;  // messages
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
template <class Rig>
bool documented_use(error e) {
  switch (e.code) {
    case errc::ok:
    case errc::empty:
    case errc::full:
    case errc::closed:
    case errc::peer_died:
    case errc::timeout:
    case errc::corrupt: return true;
    case errc::pending: return !std::is_same_v<Rig, rig::spsc> && !std::is_same_v<Rig, rig::bytes>;
    case errc::lagged: return Rig::promises.kept == rig::keeps::last;
    case errc::too_big: return std::is_base_of_v<rig::bytes, Rig>;
    default: return false;
  }
}
#define FUZZ_REQUIRE_ERROR(predicate, e) \
  (predicate(e) ? static_cast<void>(0) : fuzz::violated(sluice::describe(e).c_str(), __FILE__, __LINE__))

/// The region that all images of a kind are made from, in shared memory or in a file.
template <class Rig>
class place {
 public:
  using kind = sluice::ring_kind<typename Rig::kind>;
  using sink = rig::sink_of<Rig, sample>;
  using source = rig::source_of<Rig, sample>;
  using ring = typename sink::home_type::ring_type;

  explicit place(bool mapped) : mapped_(mapped), dir_(mapped ? "/tmp" : "/dev/shm"), path_(dir_ / "ring") {
    if (!mapped) options_.directory = dir_.c_str();
    auto o = options_;
    o.capacity = room;
    auto t = open_sink(o);
    FUZZ_REQUIRE(t);
    for (std::uint32_t i = 0; i < 3; ++i) FUZZ_REQUIRE(t->push(sample{i, i, {}}, sluice::now));
    auto r = open_source(o);
    FUZZ_REQUIRE(r && r->pop(sluice::now));
    FUZZ_REQUIRE(t->push(sample{3, 3, {}}, sluice::now));
    const auto claimed = t->claim(sluice::now);
    const auto lent = r->borrow(sluice::now);
    FUZZ_REQUIRE(claimed && lent);
    read_good();  // both live and in the middle of it, as in a region whose owners were killed
  }

  static constexpr std::size_t room = rig::capacity_of<Rig, sample>(capacity);
  auto open_sink(const sluice::ring_options& o) const { return sluice::detail::open_end<sink>(where(o), o); }
  auto open_source(const sluice::ring_options& o) const { return sluice::detail::open_end<source>(where(o), o); }
  auto explained(const sluice::ring_options& o) const {
    return sluice::detail::explain_place<typename ring::value_type, typename Rig::kind, sluice::native_memory>(where(o), o);
  }
  const std::string& good() const { return good_; }
  const sluice::ring_options& options() const { return options_; }
  void put(const std::string& image) const {
    const sluice::unique_handle fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    FUZZ_REQUIRE(::ftruncate(fd.get(), 0) == 0);
    FUZZ_REQUIRE(::pwrite(fd.get(), image.data(), image.size(), 0) == static_cast<ssize_t>(image.size()));
  }

 private:
  sluice::result<sluice::region_place> where(const sluice::ring_options& o) const {
    return mapped_ ? sluice::detail::file_place(path_, o) : sluice::region_place::shared_memory("ring", o.region());
  }
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
/// What stands before the cells, or before the first part of a ring of several.
template <class Ring>
constexpr std::size_t control_of = [] {
  if constexpr (requires { typename Ring::control; }) return sizeof(typename Ring::control);
  else return sizeof(typename Ring::crowds);
}();
template <class Rig>
void damage(std::string& image, fuzz::input& in, std::size_t body) {
  using kind = typename place<Rig>::kind;
  using ring = typename place<Rig>::ring;
  constexpr std::size_t state = sizeof(region_header), control = control_of<ring>;
  const std::size_t body_lines = (ring::bytes_for(place<Rig>::room) + 63) / 64;
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
    // The words of the control part stand in front of a line, or in a row where there are many.
    case 5: set(image, body + 64 * (in.take<std::uint16_t>() % (control / 64)) + 8 * in.below(2), in.take<std::uint64_t>(), 8); break;
    case 6: set(image, body + 8 * (in.take<std::uint16_t>() % (8 * body_lines)), some_value(in), 8); break;
    case 7: {  // a stamp, cell or frame near the front of what is behind it, or two lines that change places
      const std::size_t a = body + control + 8 * in.below(64), b = body + 64 * (in.take<std::uint16_t>() % body_lines);
      if (b + 64 > image.size() || a + 64 > image.size()) break;
      if (in.flag()) set(image, a, some_value(in), 8);
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
      const std::size_t apart = requires { kind::least_rights_to_read; } ? control : 0;
      h.body_offset = sluice::detail::body_offset_for(h.participants, in.flag() ? apart : 128u * in.byte());
      h.state_size = h.body_offset - h.state_offset;
      h.body_size = ring::bytes_for(h.capacity);
      h.region_size = sluice::detail::whole_pages(h.body_offset + h.body_size);
      std::memcpy(image.data(), &h, sizeof h);
      if (h.region_size < 1u << 20 && in.flag()) image.resize(h.region_size);
      break;
    }
  }
}

template <class Rig>
void use_sink(rig::sink_of<Rig, sample>& t) {
  constexpr auto documented = documented_use<Rig>;
  FUZZ_REQUIRE(t.capacity() >= 1);
  for (int k = 0; k < 8; ++k) FUZZ_REQUIRE_ERROR(documented, t.try_push(sample{1, 2, {}}).err());
  const sample some[3] = {};
  FUZZ_REQUIRE_ERROR(documented, t.push(std::span<const sample>(some), sluice::now).err());
  FUZZ_REQUIRE(t.approx_size() <= t.capacity() * rig::parts_of<Rig>);
  FUZZ_REQUIRE_ERROR(documented, t.push(sample{}, 20us).err());
  auto c = t.claim(sluice::now);
  FUZZ_REQUIRE_ERROR(documented, c.err());
  if (c) (*c).a = 1;
}
template <class Rig>
void use_source(rig::source_of<Rig, sample>& r) {
  constexpr auto documented = documented_use<Rig>;
  sample to[4];
  FUZZ_REQUIRE_ERROR(documented, r.pop(std::span<sample>(to), sluice::now).err());
  for (std::size_t k = 0; k < 20; ++k) FUZZ_REQUIRE_ERROR(documented, r.try_pop().err());
  FUZZ_REQUIRE_ERROR(documented, r.pop(20us).err());
  const auto l = r.borrow(sluice::now);
  FUZZ_REQUIRE_ERROR(documented, l.err());
  FUZZ_REQUIRE(r.peers() >= 1);
}

template <class Rig>
void damage_and_use(fuzz::input& in) {
  static const place<Rig> places[2] = {place<Rig>(false), place<Rig>(true)};
  const unsigned how = in.byte();
  const place<Rig>& where = places[how & 1];
  std::string image = where.good();
  region_header h;
  std::memcpy(&h, image.data(), sizeof h);
  for (unsigned n = 0; n < 12 && !in.empty(); ++n) damage<Rig>(image, in, h.body_offset);
  if ((how & 2) != 0) {
    std::memcpy(&h, image.data(), sizeof h);
    h.crc = h.computed_crc();
    std::memcpy(image.data(), &h, sizeof h);
  }
  if ((how & 12) == 12) image.resize(in.take<std::uint16_t>() * (in.flag() ? 1u : 4u));  // cut, or stretched
  where.put(image);

  auto o = where.options();
  if ((how & 16) != 0) o.capacity = place<Rig>::room;
  o.persistent = (how & 32) != 0;
  const auto before = test::now_ns();
  {
    FUZZ_REQUIRE(where.explained(o).size() > 10);
    auto t = where.open_sink(o);
    if (!t) FUZZ_REQUIRE_ERROR(documented_open, t.err());
    else if ((how & 64) != 0) use_sink<Rig>(*t);
    auto r = where.open_source(o);
    if (!r) FUZZ_REQUIRE_ERROR(documented_open, r.err());
    else use_source<Rig>(*r);
    if (t) use_sink<Rig>(*t);
    if (t || r) {  // then it was all there
      std::memcpy(&h, image.data(), sizeof h);
      FUZZ_REQUIRE(image.size() >= h.region_size);
    }
  }
  FUZZ_REQUIRE(test::now_ns() - before < patience_ns);
}

template <class... Rigs>
void one_of(rig::list<Rigs...>, fuzz::input& in) {
  constexpr void (*each[])(fuzz::input&) = {&damage_and_use<Rigs>...};
  each[in.below(sizeof...(Rigs))](in);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  one_of(rig::every{}, in);
  return 0;
}
