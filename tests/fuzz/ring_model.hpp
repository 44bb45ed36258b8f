// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FUZZ_RING_MODEL_HPP
#define SLUICE_TESTS_FUZZ_RING_MODEL_HPP

#include <sluice/core/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

namespace fuzz {

/// What an spsc channel is, said as plainly as possible: a queue of numbers and two roles, each held by at most one end.
/// The ends of one channel share one of these.
struct channel_model {
  enum class end_of { nothing, close, leaving };  // how the last session of a role came to its end

  struct role {
    bool held = false;
    unsigned session = 0;
    end_of ended = end_of::nothing;

    void begin() { held = true, ++session, ended = end_of::nothing; }
    void end(end_of how) { held = false, ended = how; }
  };

  std::size_t capacity = 0;
  bool persistent = false;
  std::deque<std::uint64_t> queue;
  role producer, consumer;
  unsigned told = 0;  // the producer session whose end some consumer was told of

  [[nodiscard]] bool is_over(const role& r) const {
    return r.ended == end_of::close || (r.ended == end_of::leaving && !persistent);
  }
};

/// The sending end of the model.
class model_sink {
 public:
  void open(std::shared_ptr<channel_model> at) {
    at_ = std::move(at);
    at_->producer.begin();
    ignored_ = at_->consumer.held ? 0 : at_->consumer.session;  // whoever has gone before we came is none of our peers
    claimed_ = false;
  }
  void end(channel_model::end_of how) {
    if (at_ != nullptr) at_->producer.end(how);
    at_ = nullptr;
    claimed_ = false;
  }
  [[nodiscard]] channel_model* channel() const { return at_.get(); }
  [[nodiscard]] bool claimed() const { return claimed_; }
  [[nodiscard]] sluice::errc refusal() const {
    using sluice::errc;
    if (at_ == nullptr) return errc::closed;
    if (claimed_) return errc::busy;
    const auto& peer = at_->consumer;
    if (at_->is_over(peer) && peer.session != ignored_) return errc::closed;
    return at_->queue.size() == at_->capacity ? errc::full : errc::ok;
  }
  [[nodiscard]] std::size_t room() const { return at_->capacity - at_->queue.size(); }
  void push(std::uint64_t v) { at_->queue.push_back(v); }
  void claim(bool taken) { claimed_ = taken; }

 private:
  std::shared_ptr<channel_model> at_;
  unsigned ignored_ = 0;
  bool claimed_ = false;
};

/// The receiving end of the model.
class model_source {
 public:
  void open(std::shared_ptr<channel_model> at) {
    at_ = std::move(at);
    at_->consumer.begin();
    told_before_ = at_->told;
    lent_ = false;
  }
  void end(channel_model::end_of how) {
    if (at_ != nullptr) at_->consumer.end(how);
    at_ = nullptr;
    lent_ = false;
  }
  [[nodiscard]] channel_model* channel() const { return at_.get(); }
  [[nodiscard]] bool lent() const { return lent_; }
  /// Not const: whoever is told of an end tells its successors that it was.
  [[nodiscard]] sluice::errc refusal() {
    using sluice::errc;
    if (at_ == nullptr) return errc::closed;
    if (lent_) return errc::busy;
    if (!at_->queue.empty()) return errc::ok;
    const auto& peer = at_->producer;
    if (!at_->is_over(peer) || peer.session == told_before_) return errc::empty;
    at_->told = peer.session;
    return errc::closed;
  }
  [[nodiscard]] std::uint64_t front(std::size_t n = 0) const { return at_->queue[n]; }
  void pop(std::size_t n = 1) { at_->queue.erase(at_->queue.begin(), at_->queue.begin() + static_cast<std::ptrdiff_t>(n)); }
  void lend(bool out) { lent_ = out; }

 private:
  std::shared_ptr<channel_model> at_;
  unsigned told_before_ = 0;
  bool lent_ = false;
};

}  // namespace fuzz

#endif
