// SPDX-License-Identifier: MIT
#ifndef SLUICE_BRIDGE_COROUTINE_HPP
#define SLUICE_BRIDGE_COROUTINE_HPP

#include <sluice/bridge/task.hpp>
#include <sluice/bridge/waiting_attempt.hpp>

// The verbs, as something that a coroutine awaits:
//
//   task echo(loop& io, source auto& in, sink<int> auto& out) {
//     while (auto m = co_await io.pop(in, 1s)) (void)co_await io.push(out, *m);
//   }
//   loop io;
//   io.spawn(echo(io, rx, tx));
//   io.run();
//
// Any coroutine may await them, whatever its promise. One that waits is a case of a poller; nothing is allocated for it.

namespace sluice {

namespace detail {
template <class End, class Attempt>
class awaited;
}

/// A thread's coroutines, and what they wait for: rings, descriptors, signals, times, as a poller does.
///
/// An operation that can be done at once does not suspend, but for one in `budget`, which lets the others have a turn.
/// Destroying a coroutine that waits, its deadline and its stop lose no message and send none. An end must outlive those
/// who wait for it, and a loop the coroutines that wait in it, but for its own tasks.
///
/// Threads: one at a time. Blocks: run. Allocates: the frames of coroutines; a place for each that waits, which is used
/// again.
class loop {
 public:
  explicit loop(poller_options o = {.budget = 64}) noexcept : budget_(o.budget != 0 ? o.budget : 1), poller_(o) {}
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  template <source Source>
  [[nodiscard]] auto pop(Source& from, until u = {}) {
    return attempt(from, want::pop, u, [&from] { return from.try_pop(); });
  }
  template <class Source>
    requires lending_source<Source>
  [[nodiscard]] auto borrow(Source& from, until u = {}) {
    return attempt(from, want::pop, u, [&from] { return from.try_borrow(); });
  }
  /// `value` is referred to until the push has come to an end; one that fails has not touched it.
  template <class Sink, class U = item_t<Sink>>
    requires sink<Sink, std::remove_cvref_t<U>>
  [[nodiscard]] auto push(Sink& into, U&& value, until u = {}) {
    return attempt(into, want::push, u, detail::push_attempt<Sink, U&&>(into, std::forward<U>(value)));
  }
  template <class Sink>
    requires requires(Sink& s) { s.try_claim(); }
  [[nodiscard]] auto claim(Sink& into, until u = {}) {
    return attempt(into, want::push, u, [&into] { return into.try_claim(); });
  }
  /// Any other operation of an end: `f()` is tried until it says something else than empty, full or pending.
  template <waitable End, std::invocable F>
  [[nodiscard]] auto attempt(End& end, want k, until u, F f) {
    return detail::awaited<End, F>(*this, end, k, u, std::move(f));
  }
  /// Until patience ends: `timeout` or `stopped`.
  [[nodiscard]] auto sleep(until u);
  /// Lets all others that can go on do so.
  [[nodiscard]] auto yield();

  /// Begins a task, which the loop keeps until it ends.
  void spawn(task t) {
    detail::task_promise* const p = t.release();
    SLUICE_ASSERT(p != nullptr);
    p->kept_by(tasks_);
    p->resume();
    if (!running_) tasks_.rethrow();
  }
  /// Lets coroutines go on until none waits here any more. What a task has thrown comes out here; of several that throw
  /// in one turn, what the first one has. Not in a coroutine.
  void run() { (void)run(until()); }
  /// The same while patience lasts. Errors: timeout, stopped; busy, in a coroutine.
  status run(until u) {
    if (running_) return error(errc::busy, step::wait);
    const until by = u.immediate() ? u : u.absolute();
    const struct in_a_turn {
      bool& flag;
      ~in_a_turn() { flag = false; }
    } while_it_runs{running_};
    running_ = true;
    for (;;) {
      const auto ran = poller_.run(by);
      tasks_.rethrow();
      if (ran) continue;
      if (ran.err() == errc::closed) return {};  // nobody waits
      return ran.err().again() ? error(errc::timeout, step::wait) : ran.err();
    }
  }
  /// How many tasks have been spawned and not ended.
  [[nodiscard]] std::size_t tasks() const noexcept { return tasks_.size(); }
  /// How many coroutines wait here, with the cases that were added.
  [[nodiscard]] std::size_t waiting() const noexcept { return poller_.size(); }
  /// What they wait in, which takes cases, too. Stops and times alone do not keep run().
  [[nodiscard]] poller& cases() noexcept { return poller_; }

 private:
  template <class End, class Attempt>
  friend class detail::awaited;

  unsigned budget_, since_turn_ = 0;
  bool running_ = false;
  poller poller_;
  detail::task_list tasks_;  // goes first: those who wait leave the poller
};

namespace detail {

/// An attempt that a coroutine waits for.
template <class End, class Attempt>
class awaited final : waiting_attempt<End, Attempt> {
  using base = waiting_attempt<End, Attempt>;
  using base::attempt_, base::outcome_, base::patience_;

 public:
  awaited(loop& l, End& end, want k, until u, Attempt a) : base(l.cases(), end, k, u, std::move(a)), loop_(&l) {}

  bool await_ready() {
    if (!patience_.immediate() && ++loop_->since_turn_ > loop_->budget_) return false;
    outcome_ = attempt_();
    if (!patience_.immediate()) return settled(outcome_);
    if (!settled(outcome_)) base::give_up(outcome_.err());
    return true;
  }
  bool await_suspend(std::coroutine_handle<> who) {
    loop_->since_turn_ = 0;
    who_ = who;
    return base::enter();
  }
  auto await_resume() { return base::take(); }

 private:
  error deliver() override { return who_.resume(), error(); }

  loop* loop_;
  std::coroutine_handle<> who_;
};

/// An end that has nothing ever: what is waited for is the patience.
struct nothing_to_come {
  void arm(want, wait_set&) const noexcept {}
  void disarm(want) const noexcept {}
};
inline nothing_to_come nothing_ever;

}  // namespace detail

inline auto loop::sleep(until u) {
  if (u.immediate()) u = until(std::chrono::nanoseconds(1));  // a turn of the others, all the same
  return attempt(detail::nothing_ever, want::pop, u, [] { return status(error(errc::empty, step::wait)); });
}
inline auto loop::yield() {
  since_turn_ = budget_;
  return attempt(detail::nothing_ever, want::pop, {}, [] { return status(); });
}

}  // namespace sluice

#endif
