// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_SIGNAL_DISPATCHER_HPP
#define SLUICE_SIGNAL_SIGNAL_DISPATCHER_HPP

#include <sluice/signal/dispatcher.hpp>
#include <sluice/signal/signal_set.hpp>

namespace sluice {

/// Handlers of process signals that are ordinary code: called by run(), where the program looks. They may do what those of a
/// dispatcher may, but for destroying this.
/// At most `Signals` numbers, and `Each` handlers of each.
///
///     signal_dispatcher<> on{SIGHUP, SIGTERM};
///     auto reread = on.subscribe(SIGHUP, [&config](const signal_event&) { config.read(); });
///     while (on.run_next()) {}
///
/// Threads: one at a time. Blocks: run_next; never run. Allocates: at construction.
/// Errors: those of signal_set; no_space (more than `Signals` numbers); run: forked; subscribe: full;
/// invalid (not one of these signals).
template <unsigned Signals = 8, unsigned Each = 4>
class signal_dispatcher {
 public:
  signal_dispatcher(std::initializer_list<int> numbers, signal_options o = {}) noexcept
      : set_(numbers, o), most_(o.capacity), why_(set_.ok().err()) {
    if (numbers.size() > Signals) {
      why_ = error(errc::no_space, step::create, subject::signal_number);
      set_.close();
    } else if (!why_) {
      for (const int n : numbers) numbers_[count_++] = n;
    }
  }

  [[nodiscard]] status ok() const noexcept { return why_; }

  /// `handler` is what a dispatcher takes, and is called with a `const signal_event&`.
  template <class F>
  result<subscription> subscribe(int signo, F handler) noexcept {
    if (why_) return why_;
    auto* const d = find(signo);
    if (d == nullptr) return error(errc::invalid, step::join, subject::signal_number);
    return d->subscribe(handler);
  }
  /// Calls the handlers of what has come, in the order in which it came; returns how many events that were. At most as
  /// many as the set keeps, so that it ends in a storm, too.
  result<std::size_t> run() {
    if (why_) return why_;
    std::size_t n = 0;
    for (; n != most_; ++n) {
      const auto e = set_.try_pop();
      if (!e && e.err() != errc::empty) return e.err();
      if (!e) break;
      if (auto* const d = find(e->signo)) d->dispatch(*e);
    }
    return n;
  }
  /// To wait here together with other ends, arm it with `want::pop`.
  void arm(want w, wait_set& set) noexcept { set_.arm(w, set); }
  void disarm(want w) noexcept { set_.disarm(w); }
  /// Calls the handlers of the next event, once there is one; until a deadline, for a while, or until a stop.
  template <class... Until>
  status run_next(Until&&... until) {
    if (why_) return why_;
    const auto e = set_.pop(std::forward<Until>(until)...);
    if (!e) return e.err();
    if (auto* const d = find(e->signo)) d->dispatch(*e);
    return {};
  }

 private:
  using handlers = dispatcher<void(const signal_event&), Each>;

  handlers* find(int signo) noexcept {
    for (unsigned i = 0; i != count_; ++i)
      if (numbers_[i] == signo) return &handlers_[i];
    return nullptr;
  }

  signal_set set_;
  std::size_t most_;
  error why_;
  unsigned count_ = 0;
  int numbers_[Signals] = {};
  handlers handlers_[Signals];
};

}  // namespace sluice

#endif
