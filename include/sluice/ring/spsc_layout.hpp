// SPDX-License-Identifier: MIT
#ifndef SLUICE_RING_SPSC_LAYOUT_HPP
#define SLUICE_RING_SPSC_LAYOUT_HPP

#include <sluice/core/result.hpp>
#include <sluice/core/role.hpp>
#include <sluice/core/untrusted.hpp>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

// The single-producer single-consumer ring in memory: one control part and an array of stamped blocks.
//
//   block   one stamp {lap, count} and `per_block` items; a small T shares one 64-byte line with the stamp, so that a
//           message costs its reader the transfer of one line, and seven 8-byte messages no more than that.
//   lap     how often the ring has been round; differs in neighbouring laps, wraps freely.
//   cursor  {lap, block, item}: a position, without division and without rounding the capacity up.
//
// The capacity is exact because it is counted in items. Reusing a block destroys what it held, so there is one block
// more than the items need, unless a block is a single item.
//
// Who writes what: stamps and items the producer, `head` the consumer, each role word its holder (or a healer). All
// zero is an empty ring.

namespace sluice {

/// How laps, blocks and counts are packed into the words of policy P.
template <class P>
struct spsc_words {
  using word = typename P::word;
  static constexpr unsigned word_bits = 8 * sizeof(word);
  static constexpr unsigned lap_bits = word_bits == 64 ? 24 : 8;
  static constexpr unsigned count_bits = 8;
  static constexpr unsigned block_bits = word_bits - lap_bits - count_bits;
  static constexpr word count_mask = (word{1} << count_bits) - 1;
  static constexpr word block_mask = (word{1} << block_bits) - 1;
  static constexpr word lap_mask = (word{1} << lap_bits) - 1;

  // A stamp is lap << 8 | count.
  static constexpr word one_lap = word{1} << count_bits;
  static constexpr word stamp_mask = (lap_mask << count_bits) | count_mask;

  // A cursor is lap | block | item, the lap on top so that it wraps by itself.
  static constexpr unsigned lap_shift = block_bits + count_bits;
  static constexpr word one_block = word{1} << count_bits;
  static constexpr word cursor(word lap, word block, word item) noexcept {
    return lap << lap_shift | block << count_bits | item;
  }
  static constexpr word lap_of(word cursor) noexcept { return cursor >> lap_shift; }
  static constexpr word block_of(word cursor) noexcept { return cursor >> count_bits & block_mask; }
  static constexpr word item_of(word cursor) noexcept { return cursor & count_mask; }
};

/// One stamp and the items it speaks for.
template <class T, class P>
struct spsc_block {
  using word = typename P::word;
  static constexpr std::size_t items_at = alignof(T) > sizeof(word) ? alignof(T) : sizeof(word);
  static constexpr std::size_t fit = items_at < line_bytes ? (line_bytes - items_at) / sizeof(T) : 0;
  static constexpr word per_block = fit == 0 ? 1 : fit;
  static constexpr std::size_t alignment = fit == 0 ? items_at : line_bytes;  // a large item keeps its natural stride
  static_assert(per_block < 255 && alignof(T) <= apart_bytes);

  alignas(alignment) typename P::template atomic<word> stamp;
  alignas(alignof(T)) std::byte items[per_block * sizeof(T)];

  [[nodiscard]] T* item(word k) noexcept { return std::launder(reinterpret_cast<T*>(items)) + k; }
};

/// The words that both sides share, each writer's on lines of its own.
template <class P = native_memory>
struct spsc_control {
  alignas(apart_bytes) role<P> producer;
  alignas(apart_bytes) role<P> consumer;
  alignas(apart_bytes) typename P::template atomic<typename P::word> head;  // the consumer's cursor: before it, all is taken
  typename P::template atomic<std::uint32_t> told;  // the last producer session whose end a consumer was told of
};

namespace site {
struct spsc_publish : order_site<std::memory_order_release> {};  // (P3) items before stamp, pairs with (C1)
struct spsc_stamp : order_site<std::memory_order_acquire> {};    // (C1)
struct spsc_consume : order_site<std::memory_order_release> {};  // (C3) reads of the items before head, pairs with (P1)
struct spsc_head : order_site<std::memory_order_acquire> {};     // (P1) reuse of a block comes after its last read
struct spsc_told : order_site<std::memory_order_relaxed> {};     // one writer; read when that writer is certified gone
}  // namespace site

/// Blocks, and the cursor of whoever reads them: what of a ring is not about its participants. A private copy of the
/// geometry; nothing of it is read from the shared memory again.
template <class T, class P = native_memory>
class spsc_lane {
 public:
  using words = spsc_words<P>;
  using word = typename P::word;
  using block = spsc_block<T, P>;
  using head_word = typename P::template atomic<word>;
  static constexpr word per_block = block::per_block;

  /// The blocks that a capacity needs; 0 if they do not fit into the words.
  [[nodiscard]] static constexpr std::size_t blocks_for(std::size_t capacity) noexcept {
    if (capacity == 0) return 0;
    const std::size_t n = (capacity - 1) / per_block + ((capacity - 1) % per_block != 0 ? 1 : 0) + 1;
    return n <= words::block_mask ? n : 0;
  }

  constexpr spsc_lane() noexcept = default;
  spsc_lane(head_word& head, std::byte* blocks, std::size_t capacity) noexcept
      : head_(&head),
        first_(std::launder(reinterpret_cast<block*>(blocks))),
        end_(first_ + blocks_for(capacity)),
        capacity_(static_cast<word>(capacity)) {}

  [[nodiscard]] head_word& head() const noexcept { return *head_; }
  [[nodiscard]] block* first() const noexcept { return first_; }
  [[nodiscard]] block* end() const noexcept { return end_; }
  /// Where an item may lie.
  [[nodiscard]] T* some_item() const noexcept { return first_->item(0); }
  [[nodiscard]] word blocks() const noexcept { return static_cast<word>(end_ - first_); }
  [[nodiscard]] word capacity() const noexcept { return capacity_; }

  /// The consumer's cursor, checked to lie inside the ring.
  [[nodiscard]] bool load_head(word& cursor) const noexcept {
    const auto raw = head_->load(P::template order<site::spsc_head>);
    const untrusted<word> seen{raw};
    word index = 0, item = 0;
    if (!seen.field(words::count_bits, words::block_mask).within(0, blocks() - 1, index)) return false;
    if (!seen.field(0, words::count_mask).within(0, per_block - 1, item)) return false;
    cursor = words::cursor(words::lap_of(raw), index, item);
    return true;
  }
  /// How many items lie from `head` to `tail`, checked to be possible.
  [[nodiscard]] bool count_between(word head, word tail, word& count) const noexcept {
    const word laps = (words::lap_of(tail) - words::lap_of(head)) & words::lap_mask;
    if (laps > 1) return false;
    const word h = words::block_of(head) * per_block + words::item_of(head);
    const word t = words::block_of(tail) * per_block + words::item_of(tail) + (laps != 0 ? blocks() * per_block : 0);
    return t >= h && untrusted<word>(t - h).within(0, capacity_, count);
  }
  /// Where the next item goes, read off the stamps: a stored index could be one store behind a killed producer.
  [[nodiscard]] bool find_tail(word head, word& tail) const noexcept {
    word lap = words::lap_of(head), index = words::block_of(head);
    block* b = first_ + index;
    for (word steps = 0; steps < blocks(); ++steps) {
      word count = b->stamp.load(P::template order<site::spsc_stamp>) - (lap << words::count_bits);
      if (count > words::count_mask) count = 0;  // the stamp of an earlier lap
      if (count > per_block) return false;
      if (count < per_block) {
        tail = words::cursor(lap, index, count);
        return steps != 0 || count >= words::item_of(head);
      }
      ++b, ++index;
      if (b == end_) b = first_, index = 0, lap = (lap + 1) & words::lap_mask;
    }
    tail = words::cursor(lap, index, 0);  // every block is complete: only a ring of single items can be that full
    return true;
  }
  /// How many items wait, at some moment during the call. Walks the stamps.
  [[nodiscard]] std::size_t approx_size() const noexcept {
    word head = 0, tail = 0, n = 0;
    return load_head(head) && find_tail(head, tail) && count_between(head, tail, n) ? static_cast<std::size_t>(n) : 0;
  }

 private:
  head_word* head_ = nullptr;
  block* first_ = nullptr;
  block* end_ = nullptr;
  word capacity_ = 0;
};

/// The roles of the ring are participants 0 and 1 of its region.
enum class spsc_slot : unsigned { producer, consumer };

/// An spsc ring of T in memory that somebody else provides: where it is, and how large.
template <class T, class P = native_memory>
class spsc_ring : public spsc_lane<T, P> {
  using lane = spsc_lane<T, P>;

 public:
  using value_type = T;
  using policy = P;
  using typename lane::block;
  using control = spsc_control<P>;

  /// The bytes that a ring of this capacity needs; 0 if there can be none.
  [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t capacity) noexcept {
    const std::size_t n = lane::blocks_for(capacity);
    const std::size_t most = (static_cast<std::size_t>(-1) / 4 - sizeof(control)) / sizeof(block);
    return n == 0 || n > most ? 0 : sizeof(control) + n * sizeof(block);
  }

  constexpr spsc_ring() noexcept = default;
  /// Views `bytes_for(capacity)` bytes, aligned to `apart_bytes`, that are all zero or hold such a ring already.
  spsc_ring(std::byte* memory, std::size_t capacity, bool persistent = false) noexcept
      : spsc_ring(*std::launder(reinterpret_cast<control*>(memory)), memory + sizeof(control), capacity, persistent) {}

  [[nodiscard]] control& shared() const noexcept { return *control_; }
  [[nodiscard]] bool persistent() const noexcept { return persistent_; }
  [[nodiscard]] explicit operator bool() const noexcept { return control_ != nullptr; }

 private:
  spsc_ring(control& shared, std::byte* blocks, std::size_t capacity, bool persistent) noexcept
      : lane(shared.head, blocks, capacity), control_(&shared), persistent_(persistent) {}

  control* control_ = nullptr;
  bool persistent_ = false;
};

}  // namespace sluice

#endif
