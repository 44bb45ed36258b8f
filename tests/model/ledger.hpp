// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_LEDGER_HPP
#define SLUICE_TESTS_MODEL_LEDGER_HPP

#include "explore.hpp"
#include "policy.hpp"

#include <vector>

namespace model {

/// A message of W words that says which one it is, and can tell whether it is whole.
template <unsigned W>
struct item {
  static constexpr unsigned torn = ~0u;
  std::uint64_t words[W];

  static item make(unsigned id) noexcept {
    item m{};
    for (unsigned k = 0; k < W; ++k) m.words[k] = id * 64 + k + 1;
    return m;
  }
  [[nodiscard]] unsigned id() const noexcept {
    const std::uint64_t n = words[0] - 1;
    for (unsigned k = 0; k < W; ++k)
      if (words[k] != n + k + 1) return torn;
    return n % 64 == 0 ? static_cast<unsigned>(n / 64) : torn;
  }
};

/// What was promised, against what came out: a message committed by push and not by pop is delivered once, in order, and
/// nothing else is. Whether a push or pop that was cut short by death had reached its commit point is read off the bytes
/// that the dead left: whatever a consumer attached to a copy of them would get.
class ledger {
 public:
  static constexpr unsigned most = 64;     // messages
  static constexpr unsigned session = 16;  // of one session of a producer: numbered from k * session on

  void pushing(unsigned id) noexcept { state_[id] = state::pushing; }
  void pushed(unsigned id) noexcept { state_[id] = state::committed; }
  /// What was about to be pushed was given back, or a batch ended before it.
  void withdrawn(unsigned id) noexcept { state_[id] = state::never; }

  /// A consumer has read it, inside of an operation that may still be cut short.
  void reading(unsigned id) { reading_.push_back(id); }
  void put_back() noexcept { reading_.clear(); }
  void popped(unsigned id) {
    if (id >= most) return fail("a message came out that is not whole");
    expect(state_[id] == state::pushing || state_[id] == state::committed, "a message came out that nobody pushed");
    expect(!out_[id], "a message came out twice");
    expect(id >= next_, "messages came out of order");
    out_[id] = true;
    next_ = id + 1;
    reading_.clear();
  }

  /// The producer of the session that begins at `first` was killed; `left` is what its bytes still give.
  void producer_died(unsigned first, const std::vector<unsigned>& left) {
    for (unsigned id = first; id < first + session; ++id)
      if (state_[id] == state::pushing) {
        const bool there = out_[id] || holds(left, id) || holds(reading_, id);
        state_[id] = there ? state::committed : state::never;
        saw(there ? "killed after the commit of a push" : "killed before the commit of a push");
      }
  }
  void consumer_died(const std::vector<unsigned>& left) {
    for (const unsigned id : reading_) {
      if (id >= most) continue;
      if (!out_[id] && !holds(left, id)) out_[id] = true, next_ = id + 1;
      saw(holds(left, id) ? "killed before the commit of a pop" : "killed after the commit of a pop");
    }
    reading_.clear();
  }
  /// Somebody was told that this is the end of the sessions before `last`: then all that was in them has come out.
  void all_out(unsigned first, unsigned last) {
    for (unsigned id = first; id < last; ++id)
      if (state_[id] == state::committed) expect(out_[id], "the end was told before a message that came before it");
  }
  /// At the end, `left` is what is still in the ring.
  void settle(const std::vector<unsigned>& left) {
    for (const unsigned id : left) popped(id);
    for (unsigned id = 0; id < most; ++id)
      if (state_[id] == state::committed) expect(out_[id], "a committed message was lost");
  }

 private:
  enum class state : std::uint8_t { unknown, pushing, committed, never };
  static bool holds(const std::vector<unsigned>& some, unsigned id) noexcept {
    for (const unsigned k : some)
      if (k == id) return true;
    return false;
  }
  state state_[most] = {};
  bool out_[most] = {};
  unsigned next_ = 0;
  std::vector<unsigned> reading_;
};

}  // namespace model

#endif
