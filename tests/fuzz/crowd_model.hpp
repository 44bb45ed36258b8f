// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FUZZ_CROWD_MODEL_HPP
#define SLUICE_TESTS_FUZZ_CROWD_MODEL_HPP

#include "../rig/every.hpp"

#include <algorithm>
#include <deque>
#include <optional>

// What every kind of ring is, said as plainly as possible, for ends that are called one after the other: which code a call
// returns, whom it names, which message comes. Messages are numbered from 1 in the order of their publication.

namespace fuzz {

using sluice::errc;

constexpr unsigned most_ends = 3;  // of a side

/// What a call is to say. Where the ring may know less than the model, `or_else` is as good.
struct expected {
  errc code = errc::ok, or_else = code;
  std::optional<unsigned> who = {};  // an end of the side that is in the way
  std::uint64_t missed = 0;

  [[nodiscard]] bool allows(errc c) const { return c == code || c == or_else; }
};

/// Which ends of which side have a place or a message out.
struct model_ends {
  std::optional<std::uint64_t> claimed[most_ends], lent[most_ends];  // the place, or the number of the message
  static constexpr unsigned far = 100;  // added to the number of a consumer, where anybody is named
  [[nodiscard]] static expected busy(const std::optional<std::uint64_t>& out) { return {out ? errc::busy : errc::ok}; }
};

/// Rings in which a message goes to one reader, and in which there is one order: spsc, mpsc, spmc, mpmc, bytes, bytes of many.
/// `Claims`: is a claim a place in the order? `Adopts`: may consumers overtake one that has a message out?
template <bool Claims, bool Adopts>
class queue_model : public model_ends {
  enum state : std::uint8_t { claimed_by, full, tomb, taken_by, orphan, gone };
  struct place {
    state is;
    unsigned owner;
    std::uint64_t number;
    bool named;  // the cell says who has taken the message, and not only the dispenser
  };

 public:
  explicit queue_model(std::size_t capacity) : capacity_(capacity) {}

  expected push(unsigned k) {
    if (const auto e = busy(claimed[k]); e.code != errc::ok) return e;
    if (places_.size() < capacity_) return {};
    const place& first = places_.front();
    if constexpr (!Claims) return {errc::full};
    if constexpr (!Adopts) {
      for (const place& p : places_)
        if (p.is == full) return {errc::full};
        else if (p.is == claimed_by) return {errc::pending, errc::pending, p.owner};
      return {errc::pending, errc::ok};  // nothing but what was given back: of the whole area it makes room
    }
    switch (first.is) {
      case claimed_by: return {errc::pending, errc::pending, places_.size() > 1 ? std::optional(first.owner) : std::nullopt};
      case tomb: return {errc::pending};
      case taken_by: return first.named ? expected{errc::pending, errc::pending, far + first.owner} : expected{errc::full};
      default: return {errc::full};
    }
  }
  [[nodiscard]] std::size_t room(unsigned) const { return capacity_ - std::min(capacity_, places_.size()); }
  void pushed(unsigned k, std::uint64_t number) { places_.push_back({full, k, number, false}); }
  void claim(unsigned k) {
    claimed[k] = base_ + places_.size();
    if (Claims) places_.push_back({claimed_by, k, 0, false});
  }
  void settle_claim(unsigned k, bool commit, std::uint64_t number) {
    const auto at = *std::exchange(claimed[k], std::nullopt);
    if (Claims) places_[at - base_].is = commit ? full : tomb, places_[at - base_].number = number;
    else if (commit) pushed(k, number);
  }

  expected pop(unsigned j) {
    if (const auto e = busy(lent[j]); e.code != errc::ok) return e;
    if (Adopts && first_orphan() < head_) return {};
    while (head_ < places_.size() && places_[head_].is == tomb) pass(j, gone);
    if (Adopts) trim();
    if (head_ < places_.size() && places_[head_].is == full) return {};
    trim();  // a consumer of bytes gives room with the next message, or when there is none
    if (head_ == places_.size()) return {errc::empty};
    // Nothing is known of a claim in an ordered ring before somebody claims the place behind it, and nothing need be.
    if (Adopts && head_ + 1 == places_.size()) return {errc::empty};
    return {errc::pending, errc::pending, places_[head_].owner};
  }
  /// How many messages one call gives, if it may give n.
  [[nodiscard]] std::size_t ready(unsigned, std::size_t n) const {
    if (redelivered()) return 1;
    std::size_t found = 0;
    for (auto k = head_; k < places_.size() && found < n; ++k) {
      if (places_[k].is == full) ++found;
      else if (Adopts || places_[k].is != tomb) break;
    }
    return found;
  }
  [[nodiscard]] bool may_be_next(unsigned, std::uint64_t number) const {
    auto k = redelivered() ? first_orphan() : head_;
    while (k < places_.size() && places_[k].is == tomb) ++k;
    return k < places_.size() && places_[k].number == number;
  }
  [[nodiscard]] bool redelivered() const { return Adopts && first_orphan() < head_; }
  void popped(unsigned j, std::uint64_t) {
    if (redelivered()) places_[first_orphan()].is = gone;
    else pass_tombs(j), pass(j, gone);
    trim();
  }
  /// A batch of bytes is popped one by one, and so ends with a look at what is no message.
  void looked_on(unsigned j)
    requires(!Adopts)
  {
    (void)pop(j);
  }
  void lend(unsigned j, std::uint64_t number) {
    lent[j] = number;
    if constexpr (!Adopts) return;
    if (redelivered()) {
      place& p = places_[first_orphan()];
      p.is = taken_by, p.owner = j, p.named = true;
    } else {
      pass(j, taken_by);
    }
  }
  void settle_loan(unsigned j, bool keep) {
    const auto number = *std::exchange(lent[j], std::nullopt);
    if constexpr (Adopts) {
      std::find_if(places_.begin(), places_.end(), [&](const place& p) { return p.is == taken_by && p.number == number; })->is =
          keep ? orphan : gone;
      trim();
    } else if (!keep) {
      pass_tombs(j), pass(j, gone);
      trim();
    }
  }
  void join(unsigned) {}
  void leave(unsigned) {}
  [[nodiscard]] std::size_t size(unsigned) const { return places_.size() - head_; }
  [[nodiscard]] bool knows_size() const { return Adopts || !Claims; }
  /// Does a consumer hold a message that may become another's?
  [[nodiscard]] bool holds() const {
    return Adopts && std::any_of(places_.begin(), places_.end(), [](const place& p) { return p.is == taken_by; });
  }

 private:
  [[nodiscard]] std::size_t first_orphan() const {
    return static_cast<std::size_t>(std::find_if(places_.begin(), places_.end(), [](const place& p) { return p.is == orphan; }) -
                                    places_.begin());
  }
  // Whoever takes a position sees to it that those before it have an owner on record.
  void pass(unsigned j, state s) {
    for (std::size_t k = 0; k < head_; ++k) places_[k].named = places_[k].named || places_[k].owner != j || places_[k].is != taken_by;
    place& p = places_[head_++];
    p.is = s, p.owner = j, p.named = false;
  }
  void pass_tombs(unsigned j) {
    while (!Adopts && places_[head_].is == tomb) pass(j, gone);
  }
  void trim() {
    while (head_ != 0 && places_.front().is == gone) places_.pop_front(), --head_, ++base_;
  }

  std::size_t capacity_, head_ = 0;
  std::uint64_t base_ = 0;
  std::deque<place> places_;  // from the oldest that is not free
};

/// A queue for each producer, by its slot; the consumer goes round.
class lanes_model : public model_ends {
 public:
  explicit lanes_model(std::size_t capacity) : capacity_(capacity) {}

  expected push(unsigned k) {
    if (const auto e = busy(claimed[k]); e.code != errc::ok) return e;
    return {lanes_[k].size() == capacity_ ? errc::full : errc::ok};
  }
  [[nodiscard]] std::size_t room(unsigned k) const { return capacity_ - lanes_[k].size(); }
  void pushed(unsigned k, std::uint64_t number) { lanes_[k].push_back(number); }
  void claim(unsigned k) { claimed[k] = 0; }
  void settle_claim(unsigned k, bool commit, std::uint64_t number) {
    claimed[k].reset();
    if (commit) pushed(k, number);
  }
  expected pop(unsigned j) {
    if (const auto e = busy(lent[j]); e.code != errc::ok) return e;
    return {size(j) == 0 ? errc::empty : errc::ok};
  }
  [[nodiscard]] std::size_t ready(unsigned j, std::size_t n) const { return std::min(n, size(j)); }
  /// Is it the first of its lane?
  [[nodiscard]] bool may_be_next(unsigned, std::uint64_t number) const {
    return std::any_of(lanes_, lanes_ + most_ends, [&](const auto& l) { return !l.empty() && l.front() == number; });
  }
  void popped(unsigned, std::uint64_t number) {
    for (auto& l : lanes_)
      if (!l.empty() && l.front() == number) return l.pop_front();
  }
  void lend(unsigned j, std::uint64_t number) { lent[j] = number; }
  void settle_loan(unsigned j, bool keep) {
    const auto number = *std::exchange(lent[j], std::nullopt);
    if (!keep) popped(j, number);
  }
  void join(unsigned) {}
  void leave(unsigned) {}
  [[nodiscard]] std::size_t size(unsigned) const {
    std::size_t n = 0;
    for (const auto& l : lanes_) n += l.size();
    return n;
  }
  [[nodiscard]] bool knows_size() const { return true; }
  [[nodiscard]] static constexpr bool holds() { return false; }
  [[nodiscard]] static constexpr bool redelivered() { return false; }

 private:
  std::size_t capacity_;
  std::deque<std::uint64_t> lanes_[most_ends];
};

/// Rings in which each message is for every reader; what is kept for one that is behind is all, the last, or the newest.
template <rig::keeps Kept>
class audience_model : public model_ends {
  struct reader {
    bool there = false, hurry = false;
    std::uint64_t next = 1;  // of the newest value: the last that was seen, plus one
    std::size_t grace = 0;   // pushes that were allowed before it came
  };

 public:
  explicit audience_model(std::size_t capacity) : capacity_(capacity) {}

  expected push(unsigned k) {
    if (const auto e = busy(claimed[k]); e.code != errc::ok) return e;
    if (Kept != rig::keeps::all) return {};
    bool blocked = false, certain = false;
    for (const reader& r : readers_)
      if (r.there && behind(r) >= capacity_) blocked = true, certain = certain || r.grace == 0;
    return blocked ? expected{errc::full, certain ? errc::full : errc::ok} : expected{};
  }
  [[nodiscard]] std::size_t room(unsigned) const {
    std::size_t n = ~std::size_t{0};
    if (Kept == rig::keeps::all)
      for (const reader& r : readers_)
        if (r.there) n = std::min(n, capacity_ - std::min<std::size_t>(capacity_, behind(r)));
    return n;
  }
  void pushed(unsigned, std::uint64_t number) {
    last_ = number;
    for (reader& r : readers_) r.grace -= r.grace != 0 ? 1u : 0u;
  }
  void claim(unsigned k) { claimed[k] = 0; }
  void settle_claim(unsigned k, bool commit, std::uint64_t number) {
    claimed[k].reset();
    if (commit) pushed(k, number);
  }
  expected pop(unsigned j) {
    if (const auto e = busy(lent[j]); e.code != errc::ok) return e;
    reader& r = readers_[j];
    if (Kept == rig::keeps::last && behind(r) > capacity_) {
      std::uint64_t to = last_ - (r.hurry ? (capacity_ - 1) / 2 : capacity_ - 1);
      to = std::max(to, r.next + 1);
      const std::uint64_t missed = to - std::exchange(r.next, to);
      r.hurry = true;
      return {errc::lagged, errc::lagged, {}, missed};
    }
    return {behind(r) == 0 ? errc::empty : errc::ok};
  }
  [[nodiscard]] std::size_t ready(unsigned j, std::size_t n) const {
    return Kept == rig::keeps::newest ? 1 : std::min<std::size_t>(n, behind(readers_[j]));
  }
  [[nodiscard]] bool may_be_next(unsigned j, std::uint64_t number) const {
    return number == (Kept == rig::keeps::newest ? last_ : readers_[j].next);
  }
  void popped(unsigned j, std::uint64_t number) { readers_[j].next = number + 1, readers_[j].hurry = false; }
  void lend(unsigned j, std::uint64_t number) { lent[j] = number; }
  void settle_loan(unsigned j, bool keep) {
    const auto number = *std::exchange(lent[j], std::nullopt);
    if (!keep) popped(j, number);
  }
  void join(unsigned j) {
    const std::uint64_t kept = Kept == rig::keeps::newest ? 1 : capacity_;
    readers_[j] = {true, false, last_ > kept ? last_ - kept + 1 : 1, (capacity_ + 3) / 4};
  }
  void leave(unsigned j) { readers_[j] = {}; }
  [[nodiscard]] std::size_t size(unsigned j) const {
    const std::uint64_t most = Kept == rig::keeps::all ? ~std::uint64_t{0} : Kept == rig::keeps::newest ? 1 : capacity_;
    return static_cast<std::size_t>(std::min(behind(readers_[j]), most));
  }
  [[nodiscard]] bool knows_size() const { return true; }
  [[nodiscard]] static constexpr bool holds() { return false; }
  [[nodiscard]] static constexpr bool redelivered() { return false; }

 private:
  [[nodiscard]] std::uint64_t behind(const reader& r) const { return last_ + 1 - r.next; }

  std::uint64_t capacity_, last_ = 0;
  reader readers_[most_ends];
};

/// The model of a ring.
template <class Rig>
struct model_of {
  using type = audience_model<Rig::promises.kept>;
};
template <class Rig>
  requires(!Rig::promises.to_each)
struct model_of<Rig> {
  static constexpr bool ordered = std::is_base_of_v<rig::ordered, Rig>;
  using type = queue_model<ordered || std::is_same_v<Rig, rig::bytes_mpsc>, ordered>;
};
template <>
struct model_of<rig::lanes> {
  using type = lanes_model;
};

}  // namespace fuzz

#endif
