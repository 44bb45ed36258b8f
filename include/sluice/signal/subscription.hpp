// SPDX-License-Identifier: MIT
#ifndef SLUICE_SIGNAL_SUBSCRIPTION_HPP
#define SLUICE_SIGNAL_SUBSCRIPTION_HPP

#include <sluice/core/config.hpp>

#include <utility>

namespace sluice {

class subscription;

namespace detail {

/// Who is subscribed, in order, and how far the running dispatches are: the part of dispatchers that knows no event.
///
/// Places close up at once when one goes, running or not, so that it is free for the next handler. What a dispatch
/// still has to call is therefore no list of its own but a range of places [at, end), which moves with them:
///
///     removed before `at`          called already, or running: both bounds move down
///     removed in [at, end)         is not called any more: the end moves down
///     added                        behind every `end`: for the next dispatch
class subscribers {
 protected:
  struct place {
    void (*call)() = nullptr;  // of its true type again when it is called
    void* state = nullptr;
    subscription* held = nullptr;  // nobody: subscribed for ever
  };

  constexpr explicit subscribers(place* first) noexcept : first_(first) {}
  subscribers(const subscribers&) = delete;
  subscribers& operator=(const subscribers&) = delete;
  ~subscribers() { forget_all(); }

  void add(place what, subscription& held) noexcept;

  /// The places that a running dispatch has still to call; on the stack, and known to those who remove.
  struct pass {
    unsigned at = 0, end = 0;
    bool orphaned = false;  // the dispatcher is gone
    pass* outer = nullptr;
  };
  /// A dispatch that runs. Nobody but the compiler sees this object, so what it holds stays in registers: a call to
  /// one handler would otherwise wait twice for what the call before stored (measured: 2.4 instead of 1.7 bare calls).
  class running {
   public:
    SLUICE_INLINE() running(subscribers& of, pass& mine) noexcept
        : of_(of), mine_(mine), outer_(of.running_) {
      mine.end = of.count_;
      mine.outer = outer_;
      pass* here = &mine;
      asm("" : "+r"(here));  // GCC 12 would warn of a pointer that is left behind, and it is not
      of.running_ = here;
    }
    running(const running&) = delete;
    running& operator=(const running&) = delete;
    SLUICE_INLINE() ~running() {
      if (!mine_.orphaned) of_.running_ = outer_;
    }

   private:
    subscribers& of_;
    pass& mine_;
    pass* const outer_;
  };

  place* first_;
  unsigned count_ = 0;

 private:
  friend subscription;

  [[nodiscard]] unsigned place_of(const subscription& s) const noexcept {
    unsigned i = 0;
    while (first_[i].held != &s) ++i;
    return i;
  }
  void remove(unsigned i) noexcept {
    for (pass* p = running_; p != nullptr; p = p->outer) {
      if (i < p->at) --p->at;
      if (i < p->end) --p->end;
    }
    --count_;
    for (; i != count_; ++i) first_[i] = first_[i + 1];
  }
  void forget_all() noexcept;

  pass* running_ = nullptr;  // the innermost
};

}  // namespace detail

/// Keeps a handler subscribed for as long as it lives. Where the dispatcher goes first, it keeps nothing any more.
///
/// Threads: that of the dispatcher. Blocks: never. Allocates: never.
class [[nodiscard]] subscription {
 public:
  constexpr subscription() noexcept = default;
  subscription(subscription&& o) noexcept { take(o); }
  subscription& operator=(subscription&& o) noexcept {
    if (this == &o) return *this;
    reset();
    take(o);
    return *this;
  }
  ~subscription() { reset(); }

  /// Is the handler subscribed by this?
  [[nodiscard]] explicit operator bool() const noexcept { return to_ != nullptr; }
  /// Unsubscribes: from now on the handler is not called. If it runs, it ends in its own time.
  void reset() noexcept {
    if (to_ != nullptr) to_->remove(to_->place_of(*this));
    to_ = nullptr;
  }
  /// Leaves the handler subscribed for as long as the dispatcher lives.
  void release() noexcept { hand_to(nullptr); }

 private:
  friend detail::subscribers;

  void take(subscription& o) noexcept {
    to_ = o.to_;
    o.hand_to(this);
  }
  void hand_to(subscription* other) noexcept {
    if (to_ != nullptr) to_->first_[to_->place_of(*this)].held = other;
    to_ = nullptr;
  }

  detail::subscribers* to_ = nullptr;
};

namespace detail {

inline void subscribers::add(place what, subscription& held) noexcept {
  what.held = &held;
  held.to_ = this;
  first_[count_++] = what;
}
inline void subscribers::forget_all() noexcept {
  for (unsigned i = 0; i != count_; ++i)
    if (first_[i].held != nullptr) first_[i].held->to_ = nullptr;
  for (pass* p = running_; p != nullptr; p = p->outer) {
    p->at = p->end;
    p->orphaned = true;
  }
}

}  // namespace detail
}  // namespace sluice

#endif
