// SPDX-License-Identifier: MIT
#ifndef SLUICE_BRIDGE_TASK_HPP
#define SLUICE_BRIDGE_TASK_HPP

#include <sluice/core/result.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

namespace sluice {

namespace detail {

class task_promise;

/// Tasks that nobody waits for.
class task_list {
 public:
  task_list() noexcept = default;
  task_list(const task_list&) = delete;
  task_list& operator=(const task_list&) = delete;
  ~task_list();

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void add(task_promise& p) noexcept;
  void remove(task_promise& p) noexcept;
  /// The first of those that have not come out yet stays.
  void failed(std::exception_ptr e) noexcept {
    if (!thrown_) thrown_ = std::move(e);
  }
  /// Throws what one of them has thrown, once.
  void rethrow() {
#ifdef __cpp_exceptions
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
#endif
  }

 private:
  task_promise* first_ = nullptr;
  std::size_t size_ = 0;
  std::exception_ptr thrown_;
};

/// What every task has: somebody who awaits its end, or a list that keeps it.
class task_promise {
 public:
  struct end {
    static bool await_ready() noexcept { return false; }
    template <class Promise>
    static std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> h) noexcept {
      return h.promise().leave();
    }
    static void await_resume() noexcept {}
  };

  static std::suspend_always initial_suspend() noexcept { return {}; }
  static end final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept {
#ifdef __cpp_exceptions
    thrown_ = std::current_exception();
#else
    std::terminate();
#endif
  }

  void resume() { self_.resume(); }
  void destroy() { self_.destroy(); }
  void kept_by(task_list& l) noexcept { l.add(*this); }
  void awaited_by(std::coroutine_handle<> who) noexcept { awaiting_ = who; }
  [[nodiscard]] std::coroutine_handle<> handle() const noexcept { return self_; }

 protected:
  explicit task_promise(std::coroutine_handle<> self) noexcept : self_(self) {}
  task_promise(const task_promise&) = delete;
  task_promise& operator=(const task_promise&) = delete;
  ~task_promise() = default;

  void rethrow() const {
#ifdef __cpp_exceptions
    if (thrown_) std::rethrow_exception(thrown_);
#endif
  }

 private:
  friend task_list;

  /// At the end: goes on with who awaits it; where nobody does, the frame is nobody's any more.
  std::coroutine_handle<> leave() noexcept {
    if (awaiting_) return awaiting_;
    if (list_ != nullptr) {
      task_list& l = *list_;
      if (thrown_) l.failed(std::move(thrown_));
      l.remove(*this);
      self_.destroy();
    }
    return std::noop_coroutine();
  }

  std::coroutine_handle<> self_, awaiting_;
  task_list* list_ = nullptr;
  task_promise *before_ = nullptr, *behind_ = nullptr;
  std::exception_ptr thrown_;
};

inline void task_list::add(task_promise& p) noexcept {
  p.list_ = this;
  p.behind_ = first_;
  if (first_ != nullptr) first_->before_ = &p;
  first_ = &p;
  ++size_;
}
inline void task_list::remove(task_promise& p) noexcept {
  (p.before_ != nullptr ? p.before_->behind_ : first_) = p.behind_;
  if (p.behind_ != nullptr) p.behind_->before_ = p.before_;
  p.list_ = nullptr;
  --size_;
}
inline task_list::~task_list() {
  while (first_ != nullptr) {
    task_promise& p = *first_;
    remove(p);
    p.destroy();
  }
}

template <class T>
class task_promise_of : public task_promise {
 public:
  using task_promise::task_promise;
  template <class U = T>
    requires std::convertible_to<U&&, T>
  void return_value(U&& value) {
    value_ = result<T>(std::in_place, std::forward<U>(value));
  }
  T take() {
    rethrow();
    return *std::move(value_);
  }

 private:
  result<T> value_ = errc::empty;
};
template <>
class task_promise_of<void> : public task_promise {
 public:
  using task_promise::task_promise;
  void return_void() noexcept {}
  void take() { rethrow(); }
};

}  // namespace detail

/// A coroutine that begins when it is awaited, by another one, or given to a loop. Destroyed before its end, it and all
/// that it awaits are destroyed where they stand.
///
/// What it throws comes out where it is awaited; without exceptions, that ends the program. Allocates: its frame.
template <class T>
class [[nodiscard]] task_of {
 public:
  struct promise_type : detail::task_promise_of<T> {
    promise_type() noexcept : detail::task_promise_of<T>(std::coroutine_handle<promise_type>::from_promise(*this)) {}
    task_of get_return_object() noexcept { return task_of(*this); }
  };

  task_of(task_of&& o) noexcept : promise_(std::exchange(o.promise_, nullptr)) {}
  task_of& operator=(task_of&& o) noexcept {
    std::swap(promise_, o.promise_);
    return *this;
  }
  ~task_of() {
    if (promise_ != nullptr) promise_->destroy();
  }

  /// Once.
  auto operator co_await() && noexcept {
    struct awaiter {
      promise_type& p;
      static bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> who) noexcept {
        p.awaited_by(who);
        return p.handle();
      }
      T await_resume() { return p.take(); }
    };
    SLUICE_ASSERT(promise_ != nullptr);
    return awaiter{*promise_};
  }
  /// Whoever takes it must see to its end.
  [[nodiscard]] promise_type* release() noexcept { return std::exchange(promise_, nullptr); }

 private:
  explicit task_of(promise_type& p) noexcept : promise_(&p) {}

  promise_type* promise_;
};

using task = task_of<void>;

}  // namespace sluice

#endif
