// SPDX-License-Identifier: MIT
#include "crowd_model.hpp"
#include "exact_memory.hpp"
#include "input.hpp"

#include <sluice/channel/priorities.hpp>

#include <map>
#include <span>

// The input is a program of calls on two producers and two consumers of a queue with priorities, which die with what
// they have out, are healed some time later, and come again. After every call the queue and its model must agree: result,
// error, whom it names, which message at which priority, whether it says redelivered(), how many there are.

namespace {

using fuzz::expected;
using sluice::errc;
using sluice::error;
using u64 = std::uint64_t;

constexpr unsigned levels = 3, ends = 2;
constexpr std::size_t most = 7;  // messages in a batch

struct message {
  u64 number;
  unsigned priority;
};
constexpr auto wake = [](auto&, std::uint32_t) {};

/// A queue of each priority; a consumer gets what the highest of them that has something gives it. It looks for orphans
/// where there were announced some since it last found none, and where there are some it passes no tombs.
class priorities_model {
  using queue = fuzz::queue_model<true, true>;

 public:
  explicit priorities_model(std::size_t capacity) {
    for (unsigned p = 0; p < levels; ++p) queues_.emplace(p, queue(capacity));
  }
  queue& at(unsigned priority) { return queues_.at(priority); }

  expected push(unsigned k, unsigned priority) {
    if (claim_of(k) != nullptr) return {errc::busy};
    return priority < levels ? at(priority).push(k) : expected{errc::invalid};
  }
  /// Where it would come from, if it comes.
  expected pop(unsigned j, unsigned& priority) {
    if (loan_of(j) != nullptr) return {errc::busy};
    expected why{errc::empty};
    bool found = false;
    for (auto& [p, q] : queues_) {
      const bool orphaned = seen_[j][p] != raised_[p] && q.redelivered();
      if (!orphaned) seen_[j][p] = raised_[p];
      const expected x = orphaned ? expected{} : q.pop(j);
      if (x.code == errc::ok) priority = p, found = true;
      else if (x.code != errc::empty) why = x;
    }
    return found ? expected{} : why;
  }
  void keep(unsigned priority) { ++raised_[priority]; }
  void heal() {
    for (auto& [p, q] : queues_) raised_[p] += q.redelivered() ? 1u : 0u;
  }
  void come(unsigned j) {
    for (unsigned p = 0; p < levels; ++p) seen_[j][p] = raised_[p] - 1;
  }
  queue* claim_of(unsigned k) {
    for (auto& [p, q] : queues_)
      if (q.claimed[k]) return &q;
    return nullptr;
  }
  queue* loan_of(unsigned j) {
    for (auto& [p, q] : queues_)
      if (q.lent[j]) return &q;
    return nullptr;
  }
  [[nodiscard]] std::size_t size() const {
    std::size_t n = 0;
    for (const auto& [p, q] : queues_) n += q.size(0);
    return n;
  }

 private:
  std::map<unsigned, queue> queues_;
  unsigned raised_[levels] = {}, seen_[ends][levels] = {};
};

class sequence {
  using kind = sluice::ring_kind<sluice::priorities_of<levels>>;
  using ring = kind::ring<message, sluice::native_memory>;

 public:
  explicit sequence(fuzz::input& in)
      : in_(in),
        capacity_(in.below(5) + 1u),
        model_(capacity_),
        memory_(ring::bytes_for(capacity_)),
        ring_(memory_.at, capacity_, true) {
    for (unsigned k = 0; k < ends; ++k) come(p_[k], k), come(c_[k], ends + k), model_.come(k);
  }
  void run() {
    for (int n = 0; n < 300 && !in_.empty(); ++n) {
      const unsigned how = in_.below(16), k = in_.below(ends);
      if (how < 8) produce(k, how);
      else consume(k, how - 8);
      FUZZ_REQUIRE(ring_.approx_size() == model_.size());
    }
    drain();
  }

 private:
  template <class Side>
  void come(Side& side, unsigned slot) {
    FUZZ_REQUIRE(side.attach(ring_, slot));
    side.begin();
  }
  void produce(unsigned k, unsigned how) {
    if (!p_[k].attached()) {
      if (how < 3) heal_producer(k);
      return;
    }
    switch (how) {
      case 0:
      case 1:
      case 2: push(k); break;
      case 3: push_batch(k); break;
      case 4: claim(k); break;
      case 5: settle_claim(k, true); break;
      case 6: settle_claim(k, false); break;
      default:
        if (in_.flag()) p_[k].detach();  // dies with what it has out
        break;
    }
  }
  void consume(unsigned j, unsigned how) {
    if (!c_[j].attached()) {
      if (how < 3) heal_consumer(j);
      return;
    }
    switch (how) {
      case 0:
      case 1: (void)pop(j); break;
      case 2: pop_batch(j); break;
      case 3:
      case 4: borrow(j); break;
      case 5: settle_loan(j, false); break;
      case 6: settle_loan(j, true); break;
      default:
        if (in_.flag()) c_[j].detach();
        break;
    }
  }
  void heal_producer(unsigned k) {
    auto* const q = model_.claim_of(k);
    FUZZ_REQUIRE(kind::heal(ring_, k, wake, sluice::orphans::redeliver).undelivered == (q != nullptr ? 1 : 0));
    if (q != nullptr) q->settle_claim(k, false, 0);
    model_.heal();
    come(p_[k], k);
  }
  void heal_consumer(unsigned j) {
    auto* const q = model_.loan_of(j);
    FUZZ_REQUIRE(kind::heal(ring_, ends + j, wake, sluice::orphans::redeliver).redelivered == (q != nullptr ? 1 : 0));
    if (q != nullptr) q->settle_loan(j, true);
    model_.heal();
    come(c_[j], ends + j), model_.come(j);
  }

  static bool agrees(error e, const expected& x) {
    constexpr unsigned far = fuzz::model_ends::far;
    if (!x.allows(e.code)) return false;
    return !x.who || e.code != x.code || e.who == (*x.who < far ? *x.who : ends + *x.who - far) + 1;
  }
  void push(unsigned k) {
    const unsigned p = in_.below(levels + 1);
    const expected x = model_.push(k, p);
    const error e = p_[k].try_push(message{next_, p}, wake, p).err();
    FUZZ_REQUIRE(agrees(e, x));
    if (!e) model_.at(p).pushed(k, next_++);
  }
  void push_batch(unsigned k) {
    const unsigned p = in_.below(levels + 1);
    const std::size_t n = in_.below(most) + 1u;
    message some[most];
    for (std::size_t i = 0; i < n; ++i) some[i] = {next_ + i, p};
    const expected x = model_.push(k, p);
    const auto done = p_[k].try_push(std::span<const message>(some, n), wake, p);
    FUZZ_REQUIRE(agrees(done.err(), x));
    if (!done) return;
    FUZZ_REQUIRE(*done == std::min(n, model_.at(p).room(k)));
    for (std::size_t i = 0; i < *done; ++i) model_.at(p).pushed(k, next_++);
  }
  void claim(unsigned k) {
    const unsigned p = in_.below(levels + 1);
    const expected x = model_.push(k, p);
    const auto place = p_[k].try_claim(p);
    FUZZ_REQUIRE(agrees(place.err(), x));
    if (!place) return;
    ::new (static_cast<void*>(*place)) message{next_++, p};
    model_.at(p).claim(k);
    claimed_[k] = next_ - 1;
  }
  void settle_claim(unsigned k, bool commit) {
    auto* const q = model_.claim_of(k);
    if (q == nullptr) return;
    if (commit) p_[k].commit(wake);
    else p_[k].abandon(wake);
    q->settle_claim(k, commit, claimed_[k]);
  }
  bool pop(unsigned j) {
    unsigned from = levels;
    const expected x = model_.pop(j, from);
    const auto v = c_[j].try_pop(wake);
    FUZZ_REQUIRE(agrees(v.err(), x));
    if (!v) return false;
    had(j, *v, from);
    model_.at(from).popped(j, v->number);
    return true;
  }
  void pop_batch(unsigned j) {
    unsigned from = levels;
    const std::size_t n = in_.below(most) + 1u;
    message to[most];
    const expected x = model_.pop(j, from);
    const auto done = c_[j].try_pop(std::span<message>(to, n), wake);
    FUZZ_REQUIRE(agrees(done.err(), x));
    if (!done) return;
    FUZZ_REQUIRE(*done == model_.at(from).ready(j, n));
    for (std::size_t i = 0; i < *done; ++i) {
      had(j, to[i], from);
      model_.at(from).popped(j, to[i].number);
    }
  }
  void borrow(unsigned j) {
    unsigned from = levels;
    const expected x = model_.pop(j, from);
    const auto item = c_[j].try_borrow(wake);
    FUZZ_REQUIRE(agrees(item.err(), x));
    if (!item) return;
    had(j, **item, from);
    model_.at(from).lend(j, (*item)->number);
  }
  void settle_loan(unsigned j, bool keep) {
    auto* const q = model_.loan_of(j);
    if (q == nullptr) return;
    if (keep) model_.keep(c_[j].priority()), c_[j].keep_loan(wake);
    else c_[j].consume_loan(wake);
    q->settle_loan(j, keep);
  }
  void had(unsigned j, const message& m, unsigned from) {
    FUZZ_REQUIRE(m.priority == from && c_[j].priority() == from);
    FUZZ_REQUIRE(model_.at(from).may_be_next(j, m.number));
    FUZZ_REQUIRE(c_[j].redelivered() == model_.at(from).redelivered());
  }
  // Nothing is lost, and the whole capacity is there again.
  void drain() {
    for (unsigned k = 0; k < ends; ++k) {
      if (!p_[k].attached()) heal_producer(k);
      if (!c_[k].attached()) heal_consumer(k);
      settle_claim(k, in_.flag()), settle_loan(k, in_.flag());
    }
    while (pop(0)) {
    }
    FUZZ_REQUIRE(model_.size() == 0 && ring_.approx_size() == 0);
    for (unsigned p = 0; p < levels; ++p) {
      for (std::size_t i = 0; i < capacity_; ++i) FUZZ_REQUIRE(p_[0].try_push(message{i, p}, wake, p));
      FUZZ_REQUIRE(p_[0].try_push(message{}, wake, p).err() == errc::full);
    }
    for (unsigned p = levels; p-- != 0;)
      for (std::size_t i = 0; i < capacity_; ++i) {
        const auto m = c_[1].try_pop(wake);
        FUZZ_REQUIRE(m && m->priority == p && m->number == i);
      }
    FUZZ_REQUIRE(c_[1].try_pop(wake).err() == errc::empty);
  }
  fuzz::input& in_;
  std::size_t capacity_;
  priorities_model model_;
  fuzz::exact_memory memory_;
  ring ring_;
  kind::producer<message, sluice::native_memory> p_[ends];
  kind::consumer<message, sluice::native_memory> c_[ends];
  u64 claimed_[ends] = {};
  u64 next_ = 1;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  sequence(in).run();
  return 0;
}
