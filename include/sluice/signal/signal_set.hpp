// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_SIGNAL_SET_HPP
#define SLUICE_SIGNAL_SIGNAL_SET_HPP

#include <sluice/signal/signal_box.hpp>
#include <sluice/signal/signal_hub.hpp>
#include <sluice/wait/doorbell.hpp>
#include <sluice/wait/verbs.hpp>

#include <initializer_list>

namespace sluice {

struct signal_options {
  std::size_t capacity = 256;  // signals that are kept one by one until the program looks; at least 2, at most 2^20
  bool chain = false;          // also call the handler that was there before, after this set was told
};

namespace detail {

/// A set of signals that somebody listens to.
class listened_signals {
 public:
  listened_signals() noexcept = default;
  listened_signals(const listened_signals&) = delete;
  listened_signals& operator=(const listened_signals&) = delete;

  status join(std::initializer_list<int> numbers, signal_listener& who, bool chain) noexcept {
    chain_ = chain;
    for (const int n : numbers) {
      if (n > 0 && n <= most_signals && has(n)) continue;
      if (const status s = signal_hub::of_this_process().join(n, who, chain); !s) {
        leave(who);
        return s;
      }
      bits_ |= bit(n);
    }
    return {};
  }
  void leave(signal_listener& who) noexcept {
    for (int n = 1; n <= most_signals; ++n)
      if (has(n)) signal_hub::of_this_process().leave(n, who, chain_);
    bits_ = 0;
  }
  [[nodiscard]] bool has(int n) const noexcept { return (bits_ & bit(n)) != 0; }

 private:
  static constexpr std::uint64_t bit(int n) noexcept { return std::uint64_t{1} << (n - 1); }
  std::uint64_t bits_ = 0;
  bool chain_ = false;
};

/// What the handler of a signal_set fills; it stays where it is while the set is moved.
class signal_inbox final : public signal_listener {
 public:
  explicit signal_inbox(pid_t process) noexcept : owner(process) {}
  void told(const signal_event& e) noexcept override {
    box.put(e);
    door.ring();
  }
  void arm(wait_set& set) noexcept {
    door.arm(set, [this] { return box.filled(); });
  }

  signal_box<> box;
  listened_signals listened;
  doorbell door;
  const pid_t owner;
};

}  // namespace detail

/// Signals as a source of messages: what would have been handlers is a loop.
///
///     signal_set keys{SIGINT, SIGTERM};
///     while (auto e = keys.pop()) quit(e->signo);
///
/// A handler, installed while there is such a set, puts each signal into a ring of this set's own. It blocks nothing, so
/// nothing is inherited by children, and threads may have been there before. Several sets may name the same signal: each
/// is told. When the last one goes, the disposition from before is back. Standard signals (below SIGRTMIN) are folded by
/// the kernel before anybody hears of them: they say "at least once since then". Real-time signals come each, with what
/// was sent along; in the order in which they were sent, if one thread alone takes them (the others block them). Those
/// that outrun the ring are folded into one event that says how many (`count`); to leave them with the kernel instead
/// there is blocked_signals.
///
/// In a forked child the set says `forked`, and signals do there what they would have done without it.
///
/// Threads: one at a time; no signal handler. Blocks: pop; never try_pop; close, while a handler still fills the ring.
/// Allocates: at construction. Errors: empty; closed; forked; invalid (a signal that cannot be caught, among them those that
/// say that an instruction failed: see trap()); no_space.
class signal_set : public source_verbs<signal_set> {
 public:
  using value_type = signal_event;
  static constexpr end_traits traits{.reliable = false,  // folded, not lost
                                     .ordered = false,   // two threads may take two at the same time
                                     .carries_close = false,
                                     .sees_reader_go = false,
                                     .survives_fork = false,
                                     .spans = reach::host,
                                     .max_size = sizeof(signal_event)};

  signal_set(std::initializer_list<int> numbers, signal_options o = {}) noexcept
      : inbox_(new (std::nothrow) detail::signal_inbox(::getpid())) {
    if (inbox_ == nullptr) why_ = error(errc::no_space, step::create);
    else why_ = inbox_->box.make(o.capacity).err();
    if (!why_) why_ = inbox_->listened.join(numbers, *inbox_, o.chain).err();
    if (why_) delete std::exchange(inbox_, nullptr);
  }
  signal_set(signal_set&& o) noexcept : inbox_(std::exchange(o.inbox_, nullptr)), why_(std::exchange(o.why_, error(errc::closed, step::pop))) {}
  signal_set& operator=(signal_set&& o) noexcept {
    if (this == &o) return *this;
    close();
    inbox_ = std::exchange(o.inbox_, nullptr);
    why_ = std::exchange(o.why_, error(errc::closed, step::pop));
    return *this;
  }
  ~signal_set() { close(); }

  /// Does it listen? A set that does not says why at every pop, too.
  [[nodiscard]] status ok() const noexcept { return why_; }

  result<signal_event> try_pop() noexcept {
    if (inbox_ == nullptr) return why_;
    if (inbox_->owner != ::getpid()) return error(errc::forked, step::pop);
    signal_event e;
    if (!inbox_->box.take(e)) return error(errc::empty, step::pop);
    return e;
  }
  void arm(want, wait_set& set) noexcept {
    if (inbox_ != nullptr && inbox_->owner == ::getpid()) inbox_->arm(set);
    else set.ready();
  }
  void disarm(want) noexcept {
    if (inbox_ != nullptr) inbox_->door.disarm();
  }
  /// Puts the dispositions back. What had come and was not popped is gone.
  void close() noexcept {
    if (inbox_ != nullptr) inbox_->listened.leave(*inbox_);
    delete std::exchange(inbox_, nullptr);
    why_ = error(errc::closed, step::pop);
  }

 private:
  detail::signal_inbox* inbox_;
  error why_;
};

/// Requests a stop when one of the signals comes, in its handler.
///
///     stop halt;
///     stop_on keys(halt, {SIGINT, SIGTERM});
///
/// Threads: any. Allocates: never.
class stop_on final : private detail::signal_listener {
 public:
  stop_on(stop& what, std::initializer_list<int> numbers, bool chain = false) noexcept : stop_(what) {
    why_ = listened_.join(numbers, *this, chain).err();
  }
  stop_on(const stop_on&) = delete;
  stop_on& operator=(const stop_on&) = delete;
  ~stop_on() { listened_.leave(*this); }

  [[nodiscard]] status ok() const noexcept { return why_; }

 private:
  void told(const signal_event&) noexcept override { stop_.request(); }

  stop& stop_;
  detail::listened_signals listened_;
  error why_;
};

}  // namespace sluice

#endif
