// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_WORLD_HPP
#define SLUICE_TESTS_MODEL_WORLD_HPP

#include "fiber.hpp"
#include "memory.hpp"
#include "search.hpp"
#include "state_table.hpp"

#include <functional>
#include <initializer_list>
#include <optional>
#include <set>

namespace model {

/// Who pays for the store-load pair between "publish" and "is anybody asleep?".
enum class fences : std::uint8_t { asymmetric, symmetric };

/// What can happen in an execution.
struct options {
  const char* name = "";
  walk how = walk::everything;
  std::uint64_t most = ~std::uint64_t{0};  // executions
  double seconds = 1e9;
  std::uint64_t seed = 1;
  const char* replay = "";

  unsigned kills = 0;        // of processes that may be killed
  unsigned stops = 0;        // of processes that may be stopped, until nobody else can go on
  unsigned spurious = 0;     // wake-ups from a futex for no reason
  unsigned weak = 0;         // failures of a weak compare-exchange for no reason
  unsigned stale = ~0u;      // reads of an old value, by each thread
  unsigned slices = 0;       // sleeps that end by themselves, of each thread, once nobody else can go on
  fences light = fences::asymmetric;
  bool without_light = false, without_heavy = false;  // mutants
  bool unordered_stores = false;                      // see memory.hpp
  // Both rely on this: what the threads of a scenario share outside of the memory of the model must follow from what each
  // of them has read in it.
  bool reduce = true;  // sleep sets; loads and deaths only where they can differ
  bool merge = true;   // go on only once from states that are equal, by a hash of 64 bits
  unsigned longest = 4000;                            // steps, until an execution counts as endless
};

/// The next thing that a thread wants to do.
struct intent {
  enum kind : std::uint8_t { go_on, load, store, modify, fence, light, heavy, wait, wake, certify, lock, unlock, bereaved };
  kind what = go_on;
  int where = -1;
  order how = order::relaxed;
};

/// One thread of the model, which is one process: they die one by one.
struct actor {
  fiber place;
  unsigned id = 0;
  std::string name;
  std::function<void()> body;
  intent next;
  bool killable, stoppable, may_sleep;
  bool heir;  // has not begun
  bool finished, asleep, stopped;
  bool woke_by_itself;
  bool deadly;          // to die now may differ from having died a step earlier: a load alone leaves no trace
  std::uint64_t trace;  // its history up to where it was last deadly
  int bed[2];   // the futexes it sleeps on, or is about to; none: -1
  bool roused;  // woken by one of them before it slept
  unsigned slices, stale;           // still to be had
  std::vector<const void*> locks;  // of the kernel, that it holds
};

/// One execution: threads over a memory, each of their steps a choice of the search.
class world {
 public:
  static world* current() noexcept { return current_; }
  /// The calling thread of the model; null outside of them, where memory is just memory.
  static actor* self() noexcept { return current_ == nullptr ? nullptr : current_->running_; }

  /// The number of the calling thread of the model, or max_threads.
  static unsigned me() noexcept {
    const actor* const a = self();
    return a == nullptr ? max_threads : a->id;
  }

  // ---- a scenario sets up, and says what it saw

  struct role {
    bool killable = false;
    bool stoppable = false;
    bool may_sleep = false;         // for ever: what it waits for need not come, and the scenario will look into that
    const void* heir_of = nullptr;  // begins when this kernel lock has become free; need not begin at all
  };
  unsigned spawn(std::string name, role r, std::function<void()> body);
  unsigned spawn(std::string name, std::function<void()> body) { return spawn(std::move(name), role(), std::move(body)); }
  /// The thread begins as the holder of this kernel lock.
  void hold(unsigned thread, std::uint32_t* lock);
  template <class Word>
  void call(const Word& w, const char* name, unsigned number = 0) {
    memory_.call(&w, sizeof w, name, number);
  }
  /// Nobody writes these bytes: a load of them is no step, and no word of the model.
  void constant(const void* from, const void* to) { constants_.push_back({from, to}); }
  std::function<void(unsigned)> on_death;  // sees the memory as the dead left it
  [[nodiscard]] bool asleep(unsigned thread) const noexcept { return cast_[thread]->asleep; }
  std::set<std::string> outcomes;
  std::set<std::string, std::less<>> seen;
  [[nodiscard]] bool replaying() const noexcept { return search_->replaying(); }

  /// What the calling thread has done so far, and whether it knows that of another.
  struct moment {
    unsigned thread = max_threads;
    index event = 0;
  };
  [[nodiscard]] moment now() { return {running_->id, static_cast<index>(mind().now.event[running_->id] - 1)}; }
  [[nodiscard]] bool knows(const moment& m) { return m.thread == max_threads || mind().now.event[m.thread] >= m.event; }

  // ---- a thread acts

  std::uint64_t load(const void* a, unsigned size, order o);
  void store(const void* a, unsigned size, std::uint64_t value, order o);
  template <class F>
  std::uint64_t modify(const void* a, unsigned size, order o, F change) {
    const int x = come(intent::modify, a, size, o);
    const std::uint64_t before = newest(x, o);
    write_back(x, change(before), o);
    return before;
  }
  bool exchange_if(const void* a, unsigned size, std::uint64_t& expected, std::uint64_t desired, order success,
                   order failure, bool weak);
  void fence(order o);
  void light_fence();
  void heavy_fence();
  void pause() { mind().pause(); }
  void read_data(const void* a, unsigned size) { touched_ = true, memory_.plain_read(mind(), a, size, minds_); }
  void write_data(const void* a, unsigned size) { touched_ = true, memory_.plain_write(mind(), a, size); }
  enum class sleep : std::uint8_t { refused, woken, by_itself };  // refused: the word has another value
  struct futex {
    const void* word;
    std::uint32_t expected;
  };
  sleep futex_wait(const void* word, std::uint32_t expected) { return futex_wait({{word, expected}}); }
  /// On one or two at once: the kernel looks at one after the other, and lies down at each before it looks at the next.
  sleep futex_wait(std::initializer_list<futex> on);
  unsigned futex_wake(const void* word, unsigned most);
  /// Locks of the kernel, which end with their holder. They are words that hold the holder's number plus 1.
  bool try_lock(const void* lock);
  void unlock(const void* lock);
  bool locked(const void* lock);

  // ---- the explorer drives

  enum class ending : std::uint8_t { complete, redundant, failed };
  void begin(const options& o, search& s);
  ending run();
  void forget_states() { states_ = {}; }
  void fail(const std::string& why);
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  [[nodiscard]] std::uint64_t graph() const noexcept;
  [[nodiscard]] unsigned waited_for_stopped() const noexcept { return waited_; }
  std::vector<std::string> trace;

 private:
  struct range {
    const void *from, *to;
  };
  [[nodiscard]] bool is_constant(const void* a) const noexcept {
    for (const range& r : constants_)
      if (a >= r.from && a < r.to) return true;
    return false;
  }
  enum misfortune : unsigned { run_, die_, wake_, stop_ };
  static constexpr moves bit(misfortune m, unsigned t) noexcept { return moves{1} << (m * max_threads + t); }

  int come(intent::kind k, const void* a, unsigned size, order o);
  void arrive(intent i);
  void leave();
  void done();
  std::uint64_t newest(int x, order o);
  void write_back(int x, std::uint64_t value, order o);
  [[nodiscard]] bool can_run(const actor& a) const;
  [[nodiscard]] moves enabled(bool& stuck);
  [[nodiscard]] bool dependent(int a, int b) const;
  [[nodiscard]] bool known(moves sleeping);
  void take(int transition);
  void kill(unsigned t);
  void note(const actor& a, const std::string& what);
  [[nodiscard]] observer& mind() noexcept { return minds_[running_->id]; }
  [[nodiscard]] unsigned pick(unsigned n) { return search_->value(n); }

  static inline world* current_ = nullptr;
  memory memory_;
  observer minds_[max_threads];
  std::vector<std::unique_ptr<actor>> cast_;
  unsigned size_ = 0;
  actor* running_ = nullptr;
  const options* rules_ = nullptr;
  search* search_ = nullptr;
  unsigned kills_ = 0, stops_ = 0, spurious_ = 0, weak_ = 0, waited_ = 0;
  std::uint32_t step_ = 0;
  state_table states_;  // where we have been, and what slept there
  std::vector<range> constants_;
  bool touched_ = false;  // data, in this step
  std::string failure_;
};

}  // namespace model

#endif
