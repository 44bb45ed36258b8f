// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_BYTES_LAYOUT_HPP
#define SLUICE_RING_BYTES_LAYOUT_HPP

#include <sluice/ring/spsc_layout.hpp>

// The single-producer single-consumer ring of messages of any length, in memory: one control part (that of the spsc
// ring), an array of frames, and the payload area. That of many producers, bytes_crowd_layout.hpp, has the same parts.
//
//   granule  64 bytes of payload area, aligned to a line. A message lies in one piece and starts on a granule.
//   frame    one word for each granule, apart from the payload, so that no payload is ever taken for framing. Only the
//            frame of a message's first granule means anything: {lap, size, state}.
//   padding  a message that does not fit between here and the end of the area lies at its start; the granules left out
//            are one frame of state `padding`, which readers never see.
//   cursor   {lap, granule}: a position.
//
// The frames from the consumer's cursor `head` on are a chain: each says where the next one is, and the chain ends at a
// frame that is 0 or of the lap before. That end is the tail; no word stores it.
//
//   frame of {lap, granule}                           who writes it, when
//   ------------------------------------------------  ------------------------------------------------------------
//   nothing: 0, or the frame of the lap before        producer, (B2), before the frame in front of it is published
//   padding                                           producer, (B1), just before the message that it makes way for
//   message                                           producer, (B3): the publication
//   passed: before head                               nobody, until the producer comes round
//
//   producer                                          consumer
//   (P1) load head, acquire: what lies before it is   (C1) load the frame at the own cursor, acquire
//        free; only if the known room is too small    (C2) read the payload
//   (P2) write the payload                            (C3) store head, release: past the message, and past padding
//   (B1) store the padding, if there must be one           in front of it
//   (B2) store 0 to the frame behind the message,
//        unless that one is the consumer's
//   (B3) store the frame of the message, release
//
// Pairs: (B3) with (C1), the payload is there before its frame; (C3) with (P1), the last read is before the reuse. (B1)
// and (B2) are relaxed: neither vouches for payload, and (B3) orders them before the message whose reader comes to
// them.
//
// Why no frame of some lap long ago is taken for one of this lap: when (B3) makes a frame the end of the chain, it is
// either 0 by (B2), or the one at head, which began a message or padding of the lap before. So a lap needs few bits.
//
// Killed at any instruction. The producer: up to (B3) nothing is published, whatever lies in the payload area; after
// (B1) alone, there is padding with nothing behind it, which takes no room that a message needs and is passed by the
// consumer's next look. After (B3) the message is there. The consumer: up to (C3) the message is left to its successor;
// after it, it was had. Successors find all of this in the frames and in head; there is nothing to heal but the role
// word.

namespace sluice {

/// A message takes this many bytes of payload area, or a multiple of it, and starts at a multiple of it.
inline constexpr std::size_t bytes_granule = line_bytes;

/// How laps, sizes and positions are packed into the words of policy P.
template <class P>
struct bytes_words {
  using word = typename P::word;
  static constexpr unsigned word_bits = 8 * sizeof(word);
  static constexpr unsigned lap_bits = word_bits == 64 ? 16 : 4;
  static constexpr unsigned lap_shift = word_bits - lap_bits;
  static constexpr word lap_mask = (word{1} << lap_bits) - 1;

  // A frame is lap | size | state.
  enum : word { nothing = 0, message = 1, padding = 2, state_mask = 3 };
  static constexpr unsigned size_shift = 2;
  static constexpr word size_mask = (word{1} << (lap_shift - size_shift)) - 1;
  static constexpr word frame(word lap, word size, word state) noexcept {
    return lap << lap_shift | size << size_shift | state;
  }

  // A cursor is lap | granule.
  static constexpr word index_mask = (word{1} << lap_shift) - 1;
  static constexpr word cursor(word lap, word index) noexcept { return lap << lap_shift | index; }
  static constexpr word index_of(word cursor) noexcept { return cursor & index_mask; }
  static constexpr word lap_of(word frame_or_cursor) noexcept { return frame_or_cursor >> lap_shift; }
};

namespace site {
struct bytes_pad : order_site<std::memory_order_relaxed> {};      // (B1) vouches for no payload; before (B3) in any case
struct bytes_clear : order_site<std::memory_order_relaxed> {};    // (B2) seen by whoever has seen (B3), and comes here then
struct bytes_publish : order_site<std::memory_order_release> {};  // (B3) payload and (B2) before the frame, pairs with (C1)
struct bytes_frame : order_site<std::memory_order_acquire> {};    // (C1)
struct bytes_consume : order_site<std::memory_order_release> {};  // (C3) reads of the payload before head, pairs with (P1)
struct bytes_head : order_site<std::memory_order_acquire> {};     // (P1) reuse comes after the last read
}  // namespace site

/// Where the parts of a ring of bytes lie: a control part, the frames, the payload area. A private copy of the
/// geometry; nothing of it is read from the shared memory again.
template <class Control, class P>
class bytes_area {
 public:
  using value_type = std::byte;
  using policy = P;
  using word = typename P::word;
  using frame = typename P::template atomic<word>;
  using control = Control;

  /// The granules that a message of n bytes takes: one at least, an empty message has a place too.
  [[nodiscard]] SLUICE_INLINE() static constexpr std::size_t granules_of(std::size_t n) noexcept {
    return n == 0 ? 1 : (n - 1) / bytes_granule + 1;
  }

  constexpr bytes_area() noexcept = default;
  bytes_area(std::byte* memory, std::size_t capacity, bool persistent) noexcept
      : control_(std::launder(reinterpret_cast<control*>(memory))),
        frames_(std::launder(reinterpret_cast<frame*>(memory + sizeof(control)))),
        payload_(memory + payload_at(granules_of(capacity))),
        granules_(static_cast<word>(granules_of(capacity))),
        persistent_(persistent) {}

  [[nodiscard]] control& shared() const noexcept { return *control_; }
  [[nodiscard]] frame& at(word index) const noexcept { return frames_[index]; }
  [[nodiscard]] std::byte* place(word index) const noexcept { return payload_ + index * bytes_granule; }
  /// Where a message may lie.
  [[nodiscard]] std::byte* some_item() const noexcept { return payload_; }
  [[nodiscard]] word granules() const noexcept { return granules_; }
  /// The size of the payload area, and of the largest message.
  [[nodiscard]] std::size_t capacity() const noexcept { return static_cast<std::size_t>(granules_) * bytes_granule; }
  [[nodiscard]] bool persistent() const noexcept { return persistent_; }
  [[nodiscard]] explicit operator bool() const noexcept { return control_ != nullptr; }

 protected:
  /// The bytes that a ring needs whose payload area has `capacity` bytes, rounded up to whole granules; 0 if there can
  /// be none, or if that is more than `most` bytes.
  [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t capacity, word most) noexcept {
    constexpr std::size_t room = static_cast<std::size_t>(-1) / 4 / (bytes_granule + sizeof(word));
    if (capacity == 0) return 0;
    const std::size_t n = granules_of(capacity);
    if (n > room || n > most / bytes_granule) return 0;
    return payload_at(n) + n * bytes_granule;
  }

  control* control_ = nullptr;
  frame* frames_ = nullptr;
  std::byte* payload_ = nullptr;
  word granules_ = 0;
  bool persistent_ = false;

 private:
  [[nodiscard]] static constexpr std::size_t payload_at(std::size_t granules) noexcept {
    return (sizeof(control) + granules * sizeof(word) + apart_bytes - 1) / apart_bytes * apart_bytes;
  }
};

/// A ring of messages of any length in memory that somebody else provides: where it is, and how large.
template <class P = native_memory>
class bytes_ring : public bytes_area<spsc_control<P>, P> {
  using base = bytes_area<spsc_control<P>, P>;
  using base::control_, base::frames_, base::granules_;

 public:
  using words = bytes_words<P>;
  using typename base::word;
  using base::granules_of;

  /// The bytes that such a ring needs; 0 if there can be none.
  [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t capacity) noexcept {
    return base::bytes_for(capacity, words::size_mask);
  }

  constexpr bytes_ring() noexcept = default;
  /// Views `bytes_for(capacity)` bytes, aligned to `apart_bytes`, that are all zero or hold such a ring already.
  bytes_ring(std::byte* memory, std::size_t capacity, bool persistent = false) noexcept : base(memory, capacity, persistent) {}

  /// The position n granules on, of which the area has so many from here to its end.
  [[nodiscard]] SLUICE_INLINE() word after(word cursor, word n) const noexcept {
    cursor += n;
    return words::index_of(cursor) == granules_ ? start_of_next_lap(cursor) : cursor;
  }
  [[nodiscard]] static constexpr word index_of(word cursor) noexcept { return words::index_of(cursor); }
  [[nodiscard]] static constexpr word start_of_next_lap(word cursor) noexcept {
    return words::cursor(words::lap_of(cursor) + 1, 0);
  }

  /// What the frame at a position says.
  struct seen {
    enum : std::uint8_t { nothing, message, padding, corrupt } what = nothing;
    word size = 0;  // of a message, checked to fit between here and the end of the area
  };
  [[nodiscard]] SLUICE_INLINE() seen look(word cursor) const noexcept {
    const word index = words::index_of(cursor);
    const word raw = frames_[index].load(P::template order<site::bytes_frame>);  // (C1)
    const untrusted<word> read{raw};
    seen s;
    if (((raw ^ cursor) >> words::lap_shift) == 0 && (raw & words::state_mask) == words::message) [[likely]] {
      const word room = (granules_ - index) * bytes_granule;
      s.what = read.field(words::size_shift, words::size_mask).within(0, room, s.size) ? seen::message : seen::corrupt;
      return s;
    }
    if (read.is(0) || words::lap_of(raw) == ((words::lap_of(cursor) - 1) & words::lap_mask)) return s;
    // Padding at the start of the area would lead back to itself: a message that needs it cannot fit at all.
    const word pads = words::frame(words::lap_of(cursor), (granules_ - index) * bytes_granule, words::padding);
    s.what = index != 0 && read.is(pads) ? seen::padding : seen::corrupt;
    return s;
  }

  /// The consumer's cursor, checked to lie inside the ring.
  [[nodiscard]] bool load_head(word& cursor) const noexcept {
    const word raw = control_->head.load(P::template order<site::bytes_head>);  // (P1)
    word index = 0;
    if (!untrusted<word>{raw}.field(0, words::index_mask).within(0, granules_ - 1, index)) return false;
    cursor = words::cursor(words::lap_of(raw), index);
    return true;
  }
  /// Can the tail be there when head is here? `padding` is where the last padding lies, or tail if there is none.
  [[nodiscard]] bool possible(word head, word tail, word padding) const noexcept {
    const word laps = (words::lap_of(tail) - words::lap_of(head)) & words::lap_mask;
    const word h = words::index_of(head), t = words::index_of(tail);
    if (laps == 0) return h <= t;
    // A message behind the padding at head may lie over the granules that the padding left out, up to the whole area.
    return (laps == 1 && (t <= h || head == padding)) || (laps == 2 && t == 0 && head == padding);
  }

  /// The chain of frames from head on.
  struct chain {
    word tail = 0;             // where it ends
    word padding = 0;          // where its last padding lies, or tail if there is none
    std::size_t messages = 0;
    bool sound = false;
  };
  [[nodiscard]] chain walk(word head) const noexcept {
    chain c;
    c.tail = head;
    bool padded = false;
    for (word steps = 0; steps < granules_ + 2; ++steps) {  // each one is a granule, or passes the end
      const seen s = look(c.tail);
      if (s.what == seen::message) {
        ++c.messages;
        c.tail = after(c.tail, static_cast<word>(granules_of(static_cast<std::size_t>(s.size))));
      } else if (s.what == seen::padding) {
        c.padding = c.tail, padded = true;
        c.tail = start_of_next_lap(c.tail);
      } else {
        if (!padded) c.padding = c.tail;
        c.sound = s.what == seen::nothing && possible(head, c.tail, c.padding);
        break;
      }
    }
    return c;
  }
  /// How many messages wait, at some moment during the call. Walks the frames.
  [[nodiscard]] std::size_t approx_size() const noexcept {
    word head = 0;
    return load_head(head) ? walk(head).messages : 0;
  }
};

}  // namespace sluice

#endif
