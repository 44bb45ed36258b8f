// SPDX-License-Identifier: MIT
#ifndef SLUICE_MEMORY_REGION_FORMAT_HPP
#define SLUICE_MEMORY_REGION_FORMAT_HPP

#include <sluice/core/crc32c.hpp>
#include <sluice/core/layout.hpp>
#include <sluice/core/liveness.hpp>
#include <sluice/core/memory_policy.hpp>
#include <sluice/core/result.hpp>
#include <sluice/memory/rights.hpp>

#include <cstddef>
#include <span>

// What the bytes of a shared region mean. docs/format.md is the same in prose. Little-endian; a file is
//
//   [0, 4096)                    region_header, never written again once the region has a name
//   [state_offset, + state_size) region_state and one participant_record for each slot
//   [body_offset, + body_size)   the ring; all zero when fresh. Begins at a page; but where readers may map the payload
//                                read-only, so that the payload does, behind the control part

namespace sluice {

/// What a region holds. Numbers are part of the format.
enum class region_kind : std::uint32_t {
  none = 0, spsc = 1, mpsc = 2, spmc = 3, mpmc = 4, lanes = 5, broadcast = 6, latest = 7, lossy_broadcast = 8, bytes = 9,
  bytes_mpsc = 10, priorities = 11
};

/// The first words of a region, as they lie in it: what it is, and who made it. Written once, before it has a name.
struct region_header {
  static constexpr unsigned char magic_bytes[8] = {0x89, 'S', 'L', 'U', 'I', '\r', '\n', 0x1a};
  static constexpr std::uint16_t current_major = 1;
  static constexpr std::uint16_t current_minor = 0;
  static constexpr std::uint32_t byte_order_mark = 0x01020304;
  static constexpr std::uint64_t persistent = 1, drops_orphans = 2;  // in `options`

  unsigned char magic[8];
  std::uint16_t major;  // another one is refused
  std::uint16_t minor;
  std::uint32_t header_size;
  std::uint32_t byte_order;
  std::uint8_t word_bits;
  std::uint8_t line_log2;
  std::uint8_t page_log2;
  std::uint8_t reserved0;
  std::uint64_t compatible;    // features that an opener may ignore
  std::uint64_t incompatible;  // features that it must know, or refuse the region
  std::uint32_t kind;
  std::uint32_t participants;
  std::uint64_t region_size;
  std::uint64_t state_offset;
  std::uint64_t state_size;
  std::uint64_t body_offset;
  std::uint64_t body_size;
  std::uint64_t capacity;
  std::uint32_t item_size;
  std::uint32_t item_align;
  std::uint64_t layout_low;
  std::uint64_t layout_high;
  std::uint64_t options;
  unsigned char uuid[16];
  std::int64_t created_ns;  // from here to boot: for people, never for decisions
  std::uint32_t creator_pid;
  std::uint32_t creator_uid;
  std::uint64_t creator_start;
  std::uint64_t creator_pid_namespace;
  std::uint64_t creator_boot;
  std::uint32_t text_size;
  std::uint32_t reserved1;
  char text[3900];  // the layout in words, cut if longer
  std::uint32_t crc;  // CRC-32C of everything before it

  [[nodiscard]] std::uint32_t computed_crc() const noexcept {
    return crc32c(std::as_bytes(std::span(this, 1)).first(offsetof(region_header, crc)));
  }
  [[nodiscard]] layout_print layout() const noexcept { return {layout_low, layout_high}; }
  [[nodiscard]] orphans after_death() const noexcept { return (options & drops_orphans) != 0 ? orphans::drop : orphans::redeliver; }
};
static_assert(sizeof(region_header) == 4096 && offsetof(region_header, text) == 192);
static_assert(std::is_trivially_copyable_v<region_header> && std::is_standard_layout_v<region_header>);

/// One slot: who takes part. Written by its living owner, or by a healer with a certificate of the owner's death.
template <class P = native_memory>
struct participant_record {
  alignas(apart_bytes) typename P::template atomic<std::uint64_t> incarnation;  // odd while in use; grows
  typename P::template atomic<std::uint32_t> fenced;                            // a sleeper's heavy fence reaches it
  typename P::template atomic<std::uint32_t> pid;                               // the rest is for people
  typename P::template atomic<std::uint64_t> start_time;
  typename P::template atomic<std::uint64_t> pid_namespace;
};

/// Behind the header: whether a durable region may be trusted after a reboot.
template <class P = native_memory>
struct region_state {
  alignas(apart_bytes) typename P::template atomic<std::uint64_t> boot;  // the boot in which the words below were last valid
  typename P::template atomic<std::uint64_t> clean;  // 1: the last participant left in order and all is on disk
};
static_assert(sizeof(participant_record<>) == apart_bytes && sizeof(region_state<>) == apart_bytes);

/// What an opener wants of a region, and what it would create.
struct region_spec {
  region_kind kind = region_kind::none;
  std::uint64_t capacity = 0;  // 0 adopts what is there
  std::uint64_t default_capacity = 1024;
  std::uint32_t participants = 0;  // 0 adopts
  std::uint32_t least_participants = 1;  // what the kind cannot do without
  std::uint32_t most_participants = 1024;  // what it has room for
  std::uint32_t default_participants = 0;  // 0: as few as it can
  bool persistent = false;  // false adopts
  orphans after_death = orphans::as_created;
  bool has_orphans = false;  // the kind knows of them
  rights least_rights = rights::read_write;  // what this opener cannot do without
  std::uint64_t control_bytes = 0;  // how much of the body comes before the payload; 0 where nobody asks
  std::uint32_t item_size = 0;
  std::uint32_t item_align = 0;
  layout_print layout;
  std::size_t (*layout_text)(char* to, std::size_t room) noexcept = nullptr;
  std::size_t (*body_bytes)(std::size_t capacity) noexcept = nullptr;  // 0: impossible
};

namespace detail {

inline constexpr std::uint64_t page_bytes = 4096;
inline constexpr std::uint32_t max_participants = 1024;

constexpr std::uint64_t whole_pages(std::uint64_t n) noexcept { return (n + page_bytes - 1) / page_bytes * page_bytes; }
constexpr std::uint64_t state_bytes(std::uint32_t participants) noexcept {
  return sizeof(region_state<>) + participants * sizeof(participant_record<>);
}
/// The body begins at a page or, where it has a control part, so close before one that the payload does.
constexpr std::uint64_t body_offset_for(std::uint32_t participants, std::uint64_t control_bytes) noexcept {
  return whole_pages(sizeof(region_header) + state_bytes(participants) + control_bytes) - control_bytes;
}

/// Can such an opener, of such a kind, have what it asks for at all?
inline status check_possible(rights asked, const region_spec& want) noexcept {
  if (asked > want.least_rights) return error(errc::unsupported, step::open, subject::rights);
  if (want.after_death != orphans::as_created && !want.has_orphans) return error(errc::unsupported, step::open, subject::after_death);
  return {};
}

/// The header of a region as `spec` would create it.
inline result<region_header> make_header(const region_spec& spec) noexcept {
  if constexpr (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) return error(errc::unsupported, step::create, subject::byte_order);
  region_header h{};
  __builtin_memcpy(h.magic, region_header::magic_bytes, sizeof h.magic);
  h.major = region_header::current_major;
  h.minor = region_header::current_minor;
  h.header_size = sizeof h;
  h.byte_order = region_header::byte_order_mark;
  h.word_bits = 64;
  h.line_log2 = 6;
  h.page_log2 = 12;
  h.kind = static_cast<std::uint32_t>(spec.kind);
  h.participants = spec.participants != 0           ? spec.participants
                   : spec.default_participants != 0 ? spec.default_participants
                                                    : spec.least_participants;
  if (h.participants < spec.least_participants || h.participants > spec.most_participants || h.participants > max_participants) return error(errc::invalid, step::create, subject::participants);
  h.capacity = spec.capacity != 0 ? spec.capacity : spec.default_capacity;
  h.state_offset = sizeof h;
  h.body_offset = body_offset_for(h.participants, spec.control_bytes);
  h.state_size = h.body_offset - h.state_offset;
  h.body_size = spec.body_bytes(static_cast<std::size_t>(h.capacity));
  if (h.body_size == 0) return error(errc::too_big, step::create, subject::capacity);
  h.region_size = whole_pages(h.body_offset + h.body_size);
  h.item_size = spec.item_size;
  h.item_align = spec.item_align;
  h.layout_low = spec.layout.low;
  h.layout_high = spec.layout.high;
  h.options = (spec.persistent ? region_header::persistent : 0) | (spec.after_death == orphans::drop ? region_header::drops_orphans : 0);
  h.text_size = static_cast<std::uint32_t>(spec.layout_text(h.text, sizeof h.text));
  return h;
}

/// Is this, which was read from a file of `file_size` bytes, the header of a sound region? Judges a private copy.
inline status check_sound(const region_header& h, std::uint64_t file_size) noexcept {
  constexpr auto at = step::validate;
  if (__builtin_memcmp(h.magic, region_header::magic_bytes, sizeof h.magic) != 0) return error(errc::corrupt, at, subject::magic);
  if (h.byte_order != region_header::byte_order_mark) return error(errc::mismatch, at, subject::byte_order);
  if (h.major != region_header::current_major) return error(errc::mismatch, at, subject::format_version);
  if (h.header_size != sizeof h || h.crc != h.computed_crc()) return error(errc::corrupt, at, subject::checksum);
  if (h.incompatible != 0) return error(errc::mismatch, at, subject::feature_flags);
  if (h.word_bits != 64 || h.line_log2 != 6) return error(errc::mismatch, at, subject::format_version);
  if (h.participants == 0 || h.participants > max_participants || h.text_size > sizeof h.text)
    return error(errc::corrupt, at, subject::participants);
  constexpr std::uint64_t most_state = std::uint64_t{1} << 32;
  if (h.state_offset != sizeof h || h.state_size < state_bytes(h.participants) || h.state_size > most_state ||
      h.body_offset != h.state_offset + h.state_size || h.body_offset % apart_bytes != 0 || h.body_size == 0 ||
      h.body_size > static_cast<std::size_t>(-1) / 2 || h.region_size != whole_pages(h.body_offset + h.body_size))
    return error(errc::corrupt, at, subject::size);
  if (file_size < h.region_size) return error(errc::truncated, at, subject::size);
  return {};
}

/// Is a sound region the one that the opener wants?
inline status check_wanted(const region_header& h, const region_spec& want) noexcept {
  constexpr auto at = step::validate;
  if (h.kind != static_cast<std::uint32_t>(want.kind)) return error(errc::mismatch, at, subject::kind);
  if (h.item_size != want.item_size || h.item_align != want.item_align || h.layout() != want.layout)
    return error(errc::mismatch, at, subject::type_layout);
  if (want.capacity != 0 && h.capacity != want.capacity) return error(errc::mismatch, at, subject::capacity);
  if (want.participants != 0 && h.participants != want.participants)
    return error(errc::mismatch, at, subject::participants);
  if (want.persistent && (h.options & region_header::persistent) == 0)
    return error(errc::mismatch, at, subject::persistence);
  if (want.after_death != orphans::as_created && want.after_death != h.after_death())
    return error(errc::mismatch, at, subject::after_death);
  if (h.participants < want.least_participants || h.participants > want.most_participants)
    return error(errc::corrupt, at, subject::participants);
  if (h.body_offset != body_offset_for(h.participants, want.control_bytes)) return error(errc::corrupt, at, subject::size);
  if (h.capacity > static_cast<std::size_t>(-1) || want.body_bytes(static_cast<std::size_t>(h.capacity)) != h.body_size)
    return error(errc::corrupt, at, subject::capacity);
  return {};
}

}  // namespace detail
}  // namespace sluice

#endif
