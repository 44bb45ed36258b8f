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
///
/// In order: a message comes before another of the same line of producers that is pushed after it, and before any other
/// whose push begins when its own has returned; no consumer pops it when the other has been popped already, unless it says
/// that it is redelivered. That is so in any order of the steps of the model, since positions are dispensed by one word.
/// (A search that takes steps in one order only, of those that commute, has seen all orders within a thread, but not all
/// those between returns and beginnings of different threads. Random walks have.)
class ledger {
 public:
  static constexpr unsigned most = 64;    // messages
  static constexpr unsigned session = 8;  // of one session of a producer: numbered from k * session on

  ledger() noexcept = default;
  /// Sessions k, k + lines, k + 2 * lines... are those of one producer and its heirs.
  explicit ledger(unsigned lines, bool fellows) noexcept : lines_(lines), fellows_(fellows) {}

  void pushing(unsigned id) noexcept {
    state_[id] = state::pushing;
    before_[id] = returned_;
    for (unsigned k = 0; k < id; ++k)
      if (line_of(k) == line_of(id)) before_[id] |= bit(k);
  }
  void pushed(unsigned id) noexcept {
    state_[id] = state::committed;
    returned_ |= bit(id);
    if (world::self() != nullptr) return_of_push_[id] = world::current()->now();
  }
  /// What was about to be pushed was given back, or a batch ended before it.
  void withdrawn(unsigned id) noexcept { state_[id] = state::never; }

  /// Where consumers have fellows, each pop begins here.
  void popping() noexcept { out_before_[self()] = out_; }
  /// A consumer has read it, inside of an operation that may still be cut short.
  void reading(unsigned id) { reading_[self()].push_back(id); }
  void put_back() noexcept { reading_[self()].clear(); }
  void popped(unsigned id, bool redelivered = false) {
    if (id >= most) return fail("a message came out that is not whole");
    expect(state_[id] == state::pushing || state_[id] == state::committed, "a message came out that nobody pushed");
    expect(!out(id), "a message came out twice");
    expect((dropped_ & bit(id)) == 0, "a message came out that a dead consumer had held, and that was to be dropped");
    const unsigned me = self();
    if (!redelivered)
      for (unsigned k = 0; k < most; ++k)
        if ((earlier(me) & bit(k)) != 0) expect((before_[k] & bit(id)) == 0, "messages came out of order");
    out_ |= bit(id), out_before_[me] |= bit(id);
    if (world::self() != nullptr) return_of_pop_[id] = world::current()->now();
    reading_[me].clear();
  }

  /// The producer of the session that begins at `first` was killed; `left` is what its bytes still give.
  void producer_died(unsigned first, const std::vector<unsigned>& left) {
    for (unsigned id = first; id < first + session; ++id)
      if (state_[id] == state::pushing) {
        const bool there = out(id) || holds(left, id) || read_by_any_but(no_exception, id);
        state_[id] = there ? state::committed : state::never;
        saw(there ? "killed after the commit of a push" : "killed before the commit of a push");
      }
  }
  void consumer_died(const std::vector<unsigned>& left, unsigned who = nobody) {
    auto& read = reading_[who];
    for (const unsigned id : read) {
      if (id >= most) continue;
      // What it had put back may be out already, or on its way.
      if (!holds(left, id) && !read_by_any_but(who, id)) out_ |= bit(id);
      saw(holds(left, id) ? "killed before the commit of a pop" : "killed after the commit of a pop");
    }
    read.clear();
  }
  /// Of what the bytes give as long as nothing is dropped, the rest was held by the dead consumers: nobody may get it.
  void dropped(const std::vector<unsigned>& before, const std::vector<unsigned>& after) {
    for (const unsigned id : after) expect(holds(before, id), "there is more after something was dropped");
    for (const unsigned id : before)
      if (!holds(after, id)) dropped_ |= bit(id), saw("dropped");
  }
  /// Somebody was told that this is the end of the sessions before `last`: then all that was in them has come out, or is
  /// on its way out of a pop that is done.
  void all_out(unsigned first, unsigned last) {
    for (unsigned id = first; id < last; ++id)
      if (owed(id))
        expect(out(id) || read_by_any_but(self(), id), "the end was told before a message that came before it");
  }
  /// At the end, `left` is what is still in the ring: first what is redelivered.
  void settle(const std::vector<unsigned>& left, std::size_t redelivered = 0) {
    for (const unsigned id : left) popped(id, redelivered != 0 && redelivered-- != 0);
    for (unsigned id = 0; id < most; ++id)
      if (owed(id)) expect(out(id), "a committed message was lost");
  }

  [[nodiscard]] bool out(unsigned id) const noexcept { return (out_ & bit(id)) != 0; }
  [[nodiscard]] std::uint64_t committed() const noexcept {
    std::uint64_t all = 0;
    for (unsigned id = 0; id < most; ++id) all |= state_[id] == state::committed ? bit(id) : 0;
    return all;
  }
  [[nodiscard]] std::uint64_t begun() const noexcept {
    std::uint64_t all = committed();
    for (unsigned id = 0; id < most; ++id) all |= state_[id] == state::pushing ? bit(id) : 0;
    return all;
  }
  [[nodiscard]] std::uint64_t out() const noexcept { return out_; }
  /// Of what has been pushed, popped: what the calling thread knows to be so. Where loads see the newest, that is all.
  [[nodiscard]] std::uint64_t known_pushed(bool newest) const { return known(returned_, return_of_push_, newest); }
  [[nodiscard]] std::uint64_t known_popped(bool newest) const { return known(out_, return_of_pop_, newest); }

 private:
  enum class state : std::uint8_t { unknown, pushing, committed, never };
  static constexpr unsigned nobody = max_threads, no_exception = nobody + 1;
  static constexpr std::uint64_t bit(unsigned id) noexcept { return std::uint64_t{1} << id; }
  static bool holds(const std::vector<unsigned>& some, unsigned id) noexcept {
    for (const unsigned k : some)
      if (k == id) return true;
    return false;
  }
  [[nodiscard]] bool owed(unsigned id) const noexcept { return state_[id] == state::committed && (dropped_ & bit(id)) == 0; }
  [[nodiscard]] unsigned self() const noexcept { return fellows_ ? world::me() : nobody; }
  [[nodiscard]] unsigned line_of(unsigned id) const noexcept { return id / session % lines_; }
  [[nodiscard]] std::uint64_t earlier(unsigned me) const noexcept { return me == nobody ? out_ : out_before_[me]; }
  [[nodiscard]] bool read_by_any_but(unsigned who, unsigned id) const noexcept {
    for (unsigned t = 0; t <= max_threads; ++t)
      if (t != who && holds(reading_[t], id)) return true;
    return false;
  }
  static std::uint64_t known(std::uint64_t all, const world::moment* when, bool newest) {
    if (newest) return all;
    for (unsigned id = 0; id < most; ++id)
      if ((all & bit(id)) != 0 && !world::current()->knows(when[id])) all &= ~bit(id);
    return all;
  }

  unsigned lines_ = 1;
  bool fellows_ = false;  // consumers have
  state state_[most] = {};
  std::uint64_t before_[most] = {};  // what must not come out after it
  std::uint64_t returned_ = 0, out_ = 0, dropped_ = 0;
  std::uint64_t out_before_[max_threads + 1] = {};  // what was out when this consumer began to pop, or by itself
  world::moment return_of_push_[most], return_of_pop_[most];
  std::vector<unsigned> reading_[max_threads + 1];
};

/// The policy of the model, which also tells the ledger, or ledgers, what a consumer reads.
template <class Word, class Books = ledger>
struct watched : policy<Word> {
  static inline Books* book = nullptr;
  template <class T>
  static T copy_in(const T* shared) noexcept {
    T value;
    copy_in(&value, shared, 1);
    return value;
  }
  template <class T>
  static void copy_in(T* to, const T* shared, std::size_t n) noexcept {
    policy<Word>::copy_in(to, shared, n);
    if (world::self() != nullptr)
      for (std::size_t i = 0; i < n; ++i) book->reading(to[i].id());
  }
};

/// Which operations were by themselves: overlapped by none of another, and by somebody who knows of all that were before.
/// These find the ring at rest, and must say exactly what there is.
class overlaps {
 public:
  void enter(bool newest) {
    const unsigned me = world::me();
    inside_ |= 1u << me, overlapped_ &= ~(1u << me);
    if ((inside_ & (inside_ - 1)) != 0) overlapped_ |= inside_;
    for (unsigned t = 0; t < max_threads && !newest; ++t)
      if (!world::current()->knows(last_[t])) overlapped_ |= 1u << me;
  }
  void exit() {
    inside_ &= ~(1u << world::me());
    last_[world::me()] = world::current()->now();
  }
  [[nodiscard]] bool alone() const noexcept { return (overlapped_ & 1u << world::me()) == 0; }

 private:
  unsigned inside_ = 0, overlapped_ = 0;
  world::moment last_[max_threads + 1];
};

}  // namespace model

#endif
