// SPDX-License-Identifier: MIT
#ifndef SLUICE_WAIT_WAIT_SET_HPP
#define SLUICE_WAIT_WAIT_SET_HPP

#include <sluice/core/concepts.hpp>
#include <sluice/platform/event_queue.hpp>
#include <sluice/platform/word_bell.hpp>
#include <sluice/wait/until.hpp>

namespace sluice {

/// What one sleep waits for: words, descriptors, a time. The only class that sleeps.
///
/// Words alone are slept on by futex, descriptors alone by poll. Where both meet, ends are asked once more with
/// prefers_handles() set and offer a descriptor for their word if they have one; for words that remain a thread has a
/// word_bell, and where the system refuses that they are looked at again every millisecond. So is a set that ran out of
/// room: it degrades to a slice, nothing is dropped silently.
///
/// Threads: one. Allocates: never; but the word_bell of a thread is made when it is first wanted.
class wait_set {
 public:
  explicit wait_set(bool prefer_handles = false) noexcept : prefer_handles_(prefer_handles) {}
  /// A set that nobody sleeps on: somebody keeps a watch of his own on what is armed, for many ends at a time.
  static wait_set to_be_watched() noexcept {
    wait_set s(true);
    s.watched_ = true;
    return s;
  }

  /// Wake when the 32-bit word has another value than `value`.
  void on(const void* word, std::uint32_t value, bool shared) noexcept {
    if (words_ < detail::max_watched_words) word_[words_++] = {word, value, shared};
    else within(slice);
  }
  /// Wake when the descriptor is ready for the verb.
  void on(int fd, want k) noexcept {
    if (handles_ < detail::max_watched_handles) handle_[handles_++] = {fd, k == want::push};
    else within(slice);
  }
  /// Wake when there is news in the queue. Where nothing else is waited for it is the queue that sleeps: so the news is
  /// there when it is asked for, without another call.
  void on(detail::event_queue& q) noexcept {
    queue_ = &q;
    on(q.handle(), want::pop);
  }
  /// Wake after that many nanoseconds at the latest.
  void within(std::int64_t ns) noexcept {
    if (ns < within_) within_ = ns;
  }
  /// Do not sleep: there is something to do already.
  void ready() noexcept { within_ = 0; }

  [[nodiscard]] bool prefers_handles() const noexcept { return prefer_handles_; }
  /// What several may wait for in one watch offers its word: a descriptor can be watched for one of them alone.
  [[nodiscard]] bool watched() const noexcept { return watched_; }
  [[nodiscard]] bool mixed() const noexcept { return words_ != 0 && handles_ != 0; }

  /// For who keeps a watch of his own on what ends have armed.
  [[nodiscard]] std::span<const detail::watched_word> words() const noexcept { return {word_, words_}; }
  [[nodiscard]] std::span<const detail::watched_handle> handles() const noexcept { return {handle_, handles_}; }
  [[nodiscard]] std::int64_t longest() const noexcept { return within_; }

  /// Sleeps until something in the set happens; `timeout` once the deadline of `u`, which must be absolute, has passed.
  /// Success says only that it is worth while to try again.
  status sleep(const until& u) noexcept {
    if (within_ == 0) {  // no sleep; but an end that is always ready, and never gives anything, has its deadline too
      const bool over = u.deadline() != detail::never && detail::monotonic_ns() >= u.deadline();
      return over ? status(error(errc::timeout, step::wait)) : status();
    }
    std::int64_t most = within_;
    detail::word_bell* const bell = mixed() ? bell_of_this_thread() : nullptr;
    if (mixed() && bell == nullptr && slice < most) most = slice;
    std::int64_t wake_at = u.deadline();
    bool final = true;
    if (most != detail::never || wake_at != detail::never) {
      const std::int64_t t = detail::monotonic_ns();
      if (wake_at <= t) return error(errc::timeout, step::wait);
      if (wake_at - t > most) wake_at = t + most, final = false;
    }
    const auto w = bell != nullptr ? sleep_by(*bell, wake_at) : engine(wake_at);
    if (w == detail::wakeup::timeout && final) return error(errc::timeout, step::wait);
    return {};
  }

 private:
  static constexpr std::int64_t slice = 1'000'000;

  detail::wakeup engine(std::int64_t wake_at) noexcept {
    if (queue_ != nullptr && handles_ == 1 && words_ == 0) return queue_->sleep(wake_at);
    if (handles_ != 0 || words_ == 0) return detail::poll_any(handle_, handles_, wake_at);
    if (words_ == 1) return detail::futex_wait(word_[0], wake_at);
    const auto w = detail::futex_wait_any(word_, words_, wake_at);
    if (w != detail::wakeup::unsupported) return w;
    const std::int64_t soon = detail::monotonic_ns() + slice;  // before Linux 5.16: one of them, and a look at the rest
    return soon < wake_at ? (void)detail::futex_wait(word_[0], soon), detail::wakeup::woken
                          : detail::futex_wait(word_[0], wake_at);
  }

  static detail::word_bell* bell_of_this_thread() noexcept {
    thread_local detail::word_bell bell(detail::max_watched_words);
    if (!bell.ours()) {
      bell.~word_bell();
      ::new (static_cast<void*>(&bell)) detail::word_bell(detail::max_watched_words);
    }
    return bell ? &bell : nullptr;
  }
  /// Nobody starts a thread while this one sleeps, if it is alone: outlast_threads() is not needed.
  detail::wakeup sleep_by(detail::word_bell& bell, std::int64_t wake_at) noexcept {
    bool all = true;
    for (unsigned i = 0; i < words_; ++i) all = bell.watch(word_[i], i) && all;
    if (!all) {
      const std::int64_t soon = detail::monotonic_ns() + slice;
      if (soon < wake_at) wake_at = soon;
    }
    handle_[handles_] = {bell.handle(), false};
    auto w = detail::poll_any(handle_, handles_ + 1, wake_at);
    bell.forget_all();
    return all ? w : detail::wakeup::woken;
  }

  unsigned words_ = 0;
  unsigned handles_ = 0;
  bool prefer_handles_;
  bool watched_ = false;
  std::int64_t within_ = detail::never;
  detail::event_queue* queue_ = nullptr;
  detail::watched_word word_[detail::max_watched_words];
  detail::watched_handle handle_[detail::max_watched_handles + 1];  // and the bell
};

}  // namespace sluice

#endif
