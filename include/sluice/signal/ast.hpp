// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_AST_HPP
#define SLUICE_SIGNAL_AST_HPP

#include <sluice/signal/signal_set.hpp>

#include <sys/syscall.h>

// Asynchronous system traps: a function is queued to a thread, and runs there.
//
//   deferred    where that thread next looks: it is a source of calls, and waits beside all others
//   immediate   at once, in a signal handler of that thread, whatever it does; but not where it holds them back
//
// An immediate call is made by a handler, between any two instructions of that thread. So it must be async-signal-safe, and
// its type says that somebody has thought of it.

namespace sluice {

/// A function to be called in a thread, with what it was posted with.
struct ast_call {
  void (*function)(void* context, std::int64_t value) = nullptr;
  void* context = nullptr;
  std::int64_t value = 0;

  void operator()() const { function(context, value); }
};
/// A function that may run in a signal handler: no lock, no heap, no stdio, nothing but signal-safety(7).
struct async_signal_safe {
  void (*function)(void* context, std::int64_t value);
};

struct ast_options {
  std::size_t capacity = 64;  // of either class, until it is `full`; at least 2, at most 2^20
  int signal = SIGURG;        // a standard one, by which immediate calls come; ignored by programs that do not use it
};

/// The traps of one thread: made by it, popped or run() by it; anybody may post, and must have come back from that before it
/// is destroyed.
///
///     ast_queue mine;                                      // in the thread
///     other.post({&resize, &window}, 3);                   // from anywhere, handlers included
///     while (auto call = mine.pop(100ms)) (*call)();
///
/// Threads: post() any, and async-signal-safe; the rest: the thread that made it. Blocks: pop. Allocates: at construction.
/// Errors: full; empty; closed; forked; invalid; no_space.
class ast_queue : public source_verbs<ast_queue> {
 public:
  using value_type = ast_call;
  static constexpr end_traits traits{
      .carries_close = false, .sees_reader_go = false, .survives_fork = false, .max_size = sizeof(ast_call)};

  explicit ast_queue(ast_options o = {}) noexcept : immediate_(closed_, ::gettid(), o.signal) {
    why_ = deferred_.make(o.capacity).err();
    if (!why_) why_ = immediate_.make(o.capacity).err();
    if (!why_) why_ = immediate_.listen();
  }
  ast_queue(const ast_queue&) = delete;
  ast_queue& operator=(const ast_queue&) = delete;

  [[nodiscard]] status ok() const noexcept { return closed() ? error(errc::closed, step::pop) : why_; }

  /// To be called where the thread next looks.
  status post(void (*function)(void*, std::int64_t), void* context, std::int64_t value = 0) noexcept {
    if (const error e = refusal(step::push)) return e;
    if (!deferred_.put({function, context, value})) return error(errc::full, step::push);
    door_.ring();
    return {};
  }
  /// To be called at once, in a handler of that thread.
  status post(async_signal_safe f, void* context, std::int64_t value = 0) noexcept {
    if (const error e = refusal(step::push)) return e;
    return immediate_.post({f.function, context, value});
  }
  /// The next deferred call.
  result<ast_call> try_pop() noexcept {
    if (const error e = refusal(step::pop)) return e;
    ast_call c;
    if (!deferred_.take(c)) return error(errc::empty, step::pop);
    return c;
  }
  /// Makes all deferred calls that are there; returns how many.
  std::size_t run() {
    std::size_t n = 0;
    for (auto c = try_pop(); c; c = try_pop(), ++n) (*c)();
    return n;
  }
  void arm(want, wait_set& set) noexcept {
    if (refusal(step::pop)) return set.ready();
    door_.arm(set, [this] { return deferred_.filled(); });
  }
  void disarm(want) noexcept { door_.disarm(); }
  /// Nothing is accepted any more, and nothing called. The signal is still listened to, until the end of this object: who
  /// has just posted is about to raise it.
  void close() noexcept { closed_.store(true, std::memory_order_relaxed); }

  /// Holds immediate calls back for as long as it lives, in the thread of the queue; those that came meanwhile are made at
  /// its end. May be nested. Costs no system call.
  class held {
   public:
    explicit held(ast_queue& q) noexcept : q_(q) { q_.immediate_.hold(); }
    held(const held&) = delete;
    held& operator=(const held&) = delete;
    ~held() { q_.immediate_.release(); }

   private:
    ast_queue& q_;
  };

 private:
  // The immediate calls. `held_` counts who keeps them back; whoever makes them is one of those, so they do not nest.
  class immediate final : public detail::signal_listener {
   public:
    immediate(const std::atomic<bool>& closed, pid_t thread, int signo) noexcept
        : closed_(closed), thread_(thread), signo_(signo) {}
    ~immediate() { listened_.leave(*this); }
    status make(std::size_t capacity) noexcept { return calls_.make(capacity); }
    // Not a real-time one: where too many are pending it is refused, and the call would be in the ring already.
    error listen() noexcept {
      if (signo_ >= 32) return error(errc::invalid, step::create, subject::signal_number);
      return listened_.join({signo_}, *this, false).err();
    }
    status post(const ast_call& c) noexcept {
      if (!calls_.put(c)) return error(errc::full, step::push);
      // A standard signal: if it is pending already, that is enough, since whoever handles it makes all calls.
      return ::syscall(SYS_tgkill, ::getpid(), thread_, signo_) == 0 ? status() : error(errc::closed, step::push);
    }
    void told(const signal_event&) noexcept override {
      if (here() && held_.load(std::memory_order_relaxed) == 0) call_all();
    }
    void hold() noexcept {
      held_.store(held_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    void release() noexcept {
      std::atomic_signal_fence(std::memory_order_seq_cst);
      const unsigned before = held_.load(std::memory_order_relaxed);
      held_.store(before - 1, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      if (before == 1 && calls_.filled() && here()) call_all();
    }

   private:
    // Not in another thread, nor in a forked child of this one.
    [[nodiscard]] bool here() const noexcept { return ::gettid() == thread_; }
    // A call that comes between the last look and the end of holding has raised its signal after that: another look.
    void call_all() noexcept {
      while (calls_.filled()) {
        held_.store(1, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        for (ast_call c; calls_.take(c);)
          if (!closed_.load(std::memory_order_relaxed)) c();
        std::atomic_signal_fence(std::memory_order_seq_cst);
        held_.store(0, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
      }
    }

    detail::handler_ring<ast_call> calls_;
    std::atomic<unsigned> held_{0};  // written by that thread and its handlers alone
    detail::listened_signals listened_;
    const std::atomic<bool>& closed_;
    const pid_t thread_;
    const int signo_;
  };

  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }
  [[nodiscard]] error refusal(step at) const noexcept {
    if (why_) return why_;
    if (owner_ != ::getpid()) return error(errc::forked, at);
    return closed() ? error(errc::closed, at) : error();
  }

  std::atomic<bool> closed_{false};
  detail::handler_ring<ast_call> deferred_;
  detail::doorbell door_;
  immediate immediate_;
  error why_;  // of the construction
  const pid_t owner_ = ::getpid();
};

/// Turns a signal that something else raises into a deferred call: a timer (timer_create), an asynchronous read, a change of
/// a descriptor (F_SETSIG), mq_notify. The value is the one that came with the signal.
///
/// Threads: any. Allocates: never. What comes while the queue is full is counted in dropped().
class ast_on final : private detail::signal_listener {
 public:
  ast_on(int signo, ast_queue& to, void (*function)(void*, std::int64_t), void* context) noexcept
      : to_(to), function_(function), context_(context) {
    why_ = listened_.join({signo}, *this, false).err();
  }
  ast_on(const ast_on&) = delete;
  ast_on& operator=(const ast_on&) = delete;
  ~ast_on() { listened_.leave(*this); }

  [[nodiscard]] status ok() const noexcept { return why_; }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  void told(const signal_event& e) noexcept override {
    if (!to_.post(function_, context_, e.value)) dropped_.fetch_add(1, std::memory_order_relaxed);
  }

  ast_queue& to_;
  void (*function_)(void*, std::int64_t);
  void* context_;
  std::atomic<std::uint64_t> dropped_{0};
  detail::listened_signals listened_;
  error why_;
};

}  // namespace sluice

#endif
