// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_POLL_ENTRY_HPP
#define SLUICE_FLOW_POLL_ENTRY_HPP

#include <sluice/flow/cases.hpp>

namespace sluice::detail {

/// One case of a poller, whatever its type, and what the poller knows of it. A case is either queued, to be looked at,
/// or armed and watched, so that it will be queued when there is news.
class poll_entry {
 public:
  virtual ~poll_entry() = default;
  virtual bool find() = 0;
  virtual error deliver() = 0;
  virtual void arm(wait_set& set) noexcept = 0;
  virtual void disarm() noexcept = 0;
  [[nodiscard]] virtual bool over() const noexcept = 0;

  const bool polled, is_an_end;
  const bool single;  // removed before it delivers, and not the poller's to delete
  bool armed = false, queued = false, gone = false;
  std::uint32_t place = 0;
  std::int64_t looks_at = never;      // when it wants to be looked at even if there is no news
  const void* words[2] = {};          // that the bell watches; those of an end that has more are looked at in slices
  poll_entry* before = nullptr;       // in the queue
  poll_entry* behind = nullptr;

 protected:
  poll_entry(bool p, bool e, bool once = false) noexcept : polled(p), is_an_end(e), single(once) {}
};

template <flow_case Case>
class poll_entry_of final : public poll_entry {
 public:
  explicit poll_entry_of(Case c) : poll_entry(Case::polled, Case::is_an_end), case_(std::move(c)) {}
  bool find() override { return case_.find(); }
  error deliver() override { return case_.deliver(); }
  void arm(wait_set& set) noexcept override { case_.arm(want::pop, set); }
  void disarm() noexcept override { case_.disarm(want::pop); }
  [[nodiscard]] bool over() const noexcept override { return case_.over(); }

 private:
  Case case_;
};

/// Those that have to be looked at, first come first served.
class poll_queue {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void push(poll_entry& e) noexcept {
    if (e.queued) return;
    e.queued = true;
    e.before = last_;
    e.behind = nullptr;
    (last_ != nullptr ? last_->behind : first_) = &e;
    last_ = &e;
    ++size_;
  }
  void remove(poll_entry& e) noexcept {
    if (!e.queued) return;
    e.queued = false;
    (e.before != nullptr ? e.before->behind : first_) = e.behind;
    (e.behind != nullptr ? e.behind->before : last_) = e.before;
    --size_;
  }
  poll_entry& pop() noexcept {
    poll_entry& e = *first_;
    remove(e);
    return e;
  }

 private:
  poll_entry* first_ = nullptr;
  poll_entry* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice::detail

#endif
