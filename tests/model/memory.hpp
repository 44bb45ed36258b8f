// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_MEMORY_HPP
#define SLUICE_TESTS_MODEL_MEMORY_HPP

#include "clock.hpp"

#include <atomic>
#include <string>
#include <vector>

// The C++20 memory model, operationally (RC11 with views): every atomic location keeps all messages ever stored to it,
// in modification order, and each thread a view of the oldest ones that it may still read.
//
// Not modelled, so not found: load buffering (a load that sees a store of its own future), and a modification order
// other than that of execution. Therefore two threads that store to one location without synchronisation are an error.

namespace model {

using order = std::memory_order;

constexpr bool acquires(order o) noexcept {
  return o == order::acquire || o == order::consume || o == order::acq_rel || o == order::seq_cst;
}
constexpr bool releases(order o) noexcept {
  return o == order::release || o == order::acq_rel || o == order::seq_cst;
}
constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  a ^= b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2);
  a *= 0xff51afd7ed558ccdu;
  return a ^ a >> 33;
}

/// A faster one, for states.
constexpr std::uint64_t stir(std::uint64_t h, std::uint64_t w) noexcept {
  return ((h << 5 | h >> 59) ^ w) * 0x9e3779b97f4a7c15u;
}

/// Ends the execution with an error. Does not return to a thread of the model.
void fail(const std::string& why);

/// What a thread knows of the memory.
struct observer {
  unsigned id = 0;
  clock now;                  // what happens before its next event
  clock acquired;             // what an acquire fence would add to that
  clock released;             // what its last release fence made public
  view at_light_fence;        // its view at the last light fence
  std::uint32_t last_step;    // when it last did anything
  std::uint32_t operations;
  std::uint64_t hash;         // of all that it did and read
  index oldest_read[max_locations];  // since the last pause; `unread` if not at all
  bool fresh[max_locations];         // it has waited for news, so its next look must not be at an old value
  bool waits;                        // in a pause: goes on when something that it has read is no longer the newest
  index ordered;              // no compiler can hold back the data that it wrote up to this event of its own
  struct held {
    int location;
    index event;
  };
  std::vector<held> pending;  // later atomic stores, which a death may swallow
  bool dead;

  static constexpr index unread = 0xffff;
  void reset(unsigned who) noexcept;
  void pause() noexcept;
  void resume() noexcept;
};

struct message {
  std::uint64_t value;
  clock when;             // what an acquire load of it obtains
  std::uint64_t id;       // the same in every execution with the same past
  std::uint64_t shade;    // of this and all earlier messages with their `when`, which depends on the order of fences too
  std::uint32_t step;
  index event;            // of its writer
  std::uint8_t writer;
  bool read_by_others;
  bool changes;           // it is a read-modify-write's
};

class memory {
 public:
  static constexpr unsigned nobody = 255;

  void reset();

  /// The location at this address, which is created with the bytes that are there.
  int atomic_at(const void* address, unsigned size) { return find(address, size, false); }
  int find_atomic(const void* address) const noexcept;
  /// Names a word. Words that were named have the same number in every execution.
  void call(const void* address, unsigned size, const char* name, unsigned number) {
    names_.push_back({atomic_at(address, size), name, number});
  }
  [[nodiscard]] std::string name_of(int x) const;

  [[nodiscard]] unsigned newest(int x) const noexcept { return static_cast<unsigned>(history(x).size() - 1); }
  [[nodiscard]] const message& at(int x, unsigned i) const noexcept { return history(x)[i]; }
  [[nodiscard]] const message& last(int x) const noexcept { return history(x).back(); }
  [[nodiscard]] unsigned oldest_readable(const observer& t, int x, bool seq_cst) const noexcept;

  std::uint64_t read(observer& t, int x, unsigned i, order o);
  void store(observer& t, int x, std::uint64_t value, order o, std::uint32_t step);
  /// The second half of a read-modify-write, whose first half has read the newest message.
  void modify(observer& t, int x, std::uint64_t value, order o, std::uint32_t step);

  void acquire_fence(observer& t) noexcept { t.now.join(t.acquired); }
  void release_fence(observer& t) noexcept;
  void seq_cst_fence(observer& t) noexcept;
  /// The asymmetric pair gives no more than: of a light and a heavy fence one comes first, and what precedes that one
  /// is seen after the other. (membarrier gives more: all of a core's past, not only what precedes its light fence.)
  void light_fence(observer& t) noexcept;
  void heavy_fence(observer& t, const observer* all, unsigned n) noexcept;
  /// From here on everything is visible to `t`: time has passed.
  void catch_up(observer& t) noexcept;

  void plain_read(observer& t, const void* address, unsigned size, const observer* all);
  void plain_write(observer& t, const void* address, unsigned size);

  /// Has a word that `t` has read since its last pause changed since?
  [[nodiscard]] bool news_for(const observer& t) const noexcept;

  /// A compiler may have held back stores of the dead, below what came later in the program, up to the next release
  /// store, fence or system call: `swallow()` is asked of each one that nobody has read.
  template <class Choose>
  void bury(observer& t, Choose swallow) {
    t.dead = true;
    for (auto p = t.pending.rbegin(); p != t.pending.rend(); ++p) {
      const message& m = last(p->location);
      if (m.writer == t.id && m.event == p->event && !m.read_by_others && swallow()) take_back(t, p->location);
    }
  }
  /// A system call, or a compiler barrier.
  static void pin(observer& t) noexcept {
    t.ordered = t.now.event[t.id];
    t.pending.clear();
  }

  /// Who read what from whom, so far.
  [[nodiscard]] std::uint64_t graph() const noexcept;
  /// All that the future can depend on.
  [[nodiscard]] std::uint64_t state() const noexcept;
  [[nodiscard]] std::uint64_t state(const observer& t) const noexcept;
  [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }
  bool unordered_stores_allowed = false;

 private:
  struct location {
    std::byte* address;
    unsigned size;
  };
  struct cell {  // plain data: the last write, and each thread's last read
    const std::byte* address;
    unsigned size;
    unsigned writer;
    index written;
    index read[max_threads];
  };
  struct granule {  // who owns each of 8 neighbouring bytes
    std::uintptr_t key;
    std::uint32_t age;
    int owner[8];
  };
  static constexpr int none = -1, first_cell = 1 << 16;

  granule& granule_at(std::uintptr_t key);
  int find(const void* address, unsigned size, bool plain);
  int create(const void* address, unsigned size, bool plain);
  void append(observer& t, int x, std::uint64_t value, order o, std::uint32_t step, const message* continued);
  void take_back(observer& t, int x);
  [[nodiscard]] std::vector<message>& history(int x) noexcept { return histories_[static_cast<unsigned>(x)]; }
  [[nodiscard]] const std::vector<message>& history(int x) const noexcept { return histories_[static_cast<unsigned>(x)]; }

  location locations_[max_locations];
  std::vector<message> histories_[max_locations];
  std::vector<cell> cells_;
  std::vector<granule> granules_ = std::vector<granule>(4096);
  std::uint32_t age_ = 0;
  view seq_cst_, heavy_;  // what the seq_cst, the heavy fences have made common knowledge
  std::uint64_t messages_ = 0;
  struct label {
    int location;
    const char* name;
    unsigned number;
  };
  std::vector<label> names_;
};

}  // namespace model

#endif
