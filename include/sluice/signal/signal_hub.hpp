// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_SIGNAL_HUB_HPP
#define SLUICE_SIGNAL_SIGNAL_HUB_HPP

#include <sluice/core/result.hpp>
#include <sluice/platform/handle.hpp>
#include <sluice/signal/process_lock.hpp>
#include <sluice/signal/signal_event.hpp>

#include <atomic>
#include <cerrno>
#include <unistd.h>

// Who listens to which signal in this process. One handler serves all listeners; the disposition that was there before is
// kept, may be called after them, and is put back when the last listener goes.
//
// The handler takes no lock and allocates nothing. It counts itself in while it looks at listeners, so that one who goes can
// wait until nobody looks at it any more. There are two counts, used in turns: whoever waits switches the turn first, so
// that a storm of new handlers cannot hold it up.
//
// In a forked child the listeners are copies that nobody asks: there the handler does what would have been done without
// them. The child's first own listener starts afresh.

namespace sluice::detail {

/// Somebody who is told of signals, in a handler.
class signal_listener {
 public:
  virtual void told(const signal_event&) noexcept = 0;  // async-signal-safe

 protected:
  ~signal_listener() = default;
};

class signal_hub {
 public:
  static constexpr unsigned most_listeners = 16;  // of one signal

  static signal_hub& of_this_process() noexcept { return hub_; }

  /// `chain`: who was called before is still called, after the listeners. Errors: invalid; no_space (participants); os.
  status join(int signo, signal_listener& who, bool chain) noexcept {
    if (!may_be_caught(signo)) return error(errc::invalid, step::join, subject::signal_number);
    const process_locked hold(lock_);
    if (owner_.load(std::memory_order_relaxed) != ::getpid()) begin_afresh();
    line& l = lines_[signo];
    std::atomic<signal_listener*>* place = nullptr;
    for (auto& p : l.listeners)
      if (p.load(std::memory_order_relaxed) == nullptr) place = &p;
    if (place == nullptr) return error(errc::no_space, step::join, subject::participants);
    place->store(&who, std::memory_order_seq_cst);
    if (chain) ++l.chained;
    if (l.members++ == 0) {
      if (const error e = install(signo)) {
        place->store(nullptr, std::memory_order_seq_cst);
        l.members = 0, l.chained = 0;
        await_handlers();
        return e;
      }
    }
    return {};
  }
  /// Afterwards no handler knows of it. Not to be called in a handler.
  void leave(int signo, signal_listener& who, bool chain) noexcept {
    const process_locked hold(lock_);
    if (owner_.load(std::memory_order_relaxed) != ::getpid()) return;
    line& l = lines_[signo];
    for (auto& p : l.listeners) {
      if (p.load(std::memory_order_relaxed) != &who) continue;
      if (l.members == 1) put_back(signo);
      p.store(nullptr, std::memory_order_seq_cst);
      if (chain) --l.chained;
      --l.members;
    }
    await_handlers();
  }

 private:
  using plain_handler = void (*)(int);
  using full_handler = void (*)(int, siginfo_t*, void*);
  static_assert(std::atomic<plain_handler>::is_always_lock_free && std::atomic<signal_listener*>::is_always_lock_free);

  struct line {
    std::atomic<signal_listener*> listeners[most_listeners];
    std::atomic<unsigned> chained;
    unsigned members = 0;                 // under the lock
    std::atomic<plain_handler> before;    // the disposition that was there before, and its flags
    std::atomic<int> before_flags;
  };

  void begin_afresh() noexcept {
    for (line& l : lines_) {
      for (auto& p : l.listeners) p.store(nullptr, std::memory_order_relaxed);
      l.chained.store(0, std::memory_order_relaxed);
      l.members = 0;
    }
    for (auto& n : inside_) n.store(0, std::memory_order_relaxed);
    owner_.store(::getpid(), std::memory_order_seq_cst);
  }
  error install(int signo) noexcept {
    line& l = lines_[signo];
    struct sigaction there = {}, ours = {};
    if (::sigaction(signo, nullptr, &there) != 0) return last_error(step::join);
    if (is_ours(there)) return {};  // as a forked child inherits it
    remember(l, there);  // before the handler can need it
    ours.sa_sigaction = &handle;
    ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigfillset(&ours.sa_mask);
    if (::sigaction(signo, &ours, &there) != 0) return last_error(step::join);
    remember(l, there);  // somebody may have been quicker
    return {};
  }
  // Only what is still ours: who has come later keeps its handler.
  void put_back(int signo) noexcept {
    struct sigaction there = {};
    if (::sigaction(signo, nullptr, &there) != 0 || !is_ours(there)) return;
    struct sigaction before = before_[signo];
    (void)::sigaction(signo, &before, nullptr);
  }
  void remember(line& l, const struct sigaction& a) noexcept {
    before_[&l - lines_] = a;
    l.before_flags.store(a.sa_flags, std::memory_order_seq_cst);
    l.before.store((a.sa_flags & SA_SIGINFO) != 0 ? reinterpret_cast<plain_handler>(reinterpret_cast<void (*)()>(a.sa_sigaction))
                                                  : a.sa_handler,
                   std::memory_order_seq_cst);
  }
  static bool is_ours(const struct sigaction& a) noexcept { return (a.sa_flags & SA_SIGINFO) != 0 && a.sa_sigaction == &handle; }

  // A handler that was inside before is not any more. It may be inside under either turn.
  void await_handlers() noexcept {
    for (int i = 0; i < 2; ++i) {
      const unsigned old = turn_.fetch_add(1, std::memory_order_seq_cst) & 1;
      while (inside_[old].load(std::memory_order_seq_cst) != 0) process_lock::rest();
    }
  }

  static void handle(int signo, siginfo_t* info, void* context) noexcept {
    const int keep = errno;
    signal_hub& h = hub_;
    line& l = h.lines_[signo];
    bool heard = false, chained = true;
    if (h.owner_.load(std::memory_order_seq_cst) == ::getpid()) {
      auto& inside = h.inside_[h.turn_.load(std::memory_order_seq_cst) & 1];
      inside.fetch_add(1, std::memory_order_seq_cst);
      const signal_event e = event_of(*info);
      for (auto& p : l.listeners) {
        if (auto* const who = p.load(std::memory_order_seq_cst)) who->told(e), heard = true;
      }
      chained = !heard || l.chained.load(std::memory_order_relaxed) != 0;
      inside.fetch_sub(1, std::memory_order_seq_cst);  // before the old one is called: it might not come back
    }
    errno = keep;
    if (chained) as_before(l, signo, info, context, heard);
  }
  static void as_before(line& l, int signo, siginfo_t* info, void* context, bool heard) noexcept {
    const plain_handler before = l.before.load(std::memory_order_seq_cst);
    if (before == SIG_IGN) return;
    if (before == SIG_DFL) {
      if (heard || ignored_by_default(signo)) return;
      ::signal(signo, SIG_DFL);
      ::raise(signo);  // comes when this handler returns
    } else if ((l.before_flags.load(std::memory_order_seq_cst) & SA_SIGINFO) != 0) {
      reinterpret_cast<full_handler>(reinterpret_cast<void (*)()>(before))(signo, info, context);
    } else {
      before(signo);
    }
  }
  // Then nothing is to be done, and this handler stays: another thread may just now be opening a set that relies on it.
  static bool ignored_by_default(int signo) noexcept {
    return signo == SIGCHLD || signo == SIGCONT || signo == SIGURG || signo == SIGWINCH;
  }
  static signal_event event_of(const siginfo_t& i) noexcept {
    signal_event e;
    e.signo = i.si_signo;
    e.code = i.si_code;
    e.pid = i.si_pid;
    e.uid = i.si_uid;
    e.value = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(i.si_value.sival_ptr));
    return e;
  }

  static signal_hub hub_;
  std::atomic<int> owner_;
  process_lock lock_;
  std::atomic<unsigned> turn_;
  std::atomic<unsigned> inside_[2];
  line lines_[most_signals + 1];
  struct sigaction before_[most_signals + 1] = {};  // under the lock
};
inline constinit signal_hub signal_hub::hub_;

}  // namespace sluice::detail

#endif
