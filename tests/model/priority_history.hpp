// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_PRIORITY_HISTORY_HPP
#define SLUICE_TESTS_MODEL_PRIORITY_HISTORY_HPP

#include "ledger.hpp"

#include <vector>

namespace model {

/// What was done to a queue with priorities, and which of it is known to have been done before what: is there one order in
/// which a queue that does one thing at a time would have given the same? Refusals but `empty` have done nothing.
class history {
 public:
  /// An operation of the calling thread begins; what it does until exit() is said in between, in order.
  void enter(bool newest) {
    std::uint32_t known = 0;
    for (unsigned k = 0; k < done_.size(); ++k)
      if (done_[k].ended && (newest || world::current()->knows(done_[k].end))) known |= 1u << k;
    known_[world::me()] = known;
  }
  void exit() {
    if (world::self() == nullptr) return;
    for (deed& d : done_)
      if (d.thread == world::me() && !d.ended) d.ended = true, d.end = world::current()->now();
  }
  void pushed(unsigned id) { add(what::push, id); }
  void popped(unsigned id) { add(what::pop, id); }
  void found_empty() { add(what::empty, 0); }

  [[nodiscard]] bool linearizable(const unsigned* level) const {
    std::vector<unsigned> queue;
    return from(0, queue, level);
  }

 private:
  enum class what : std::uint8_t { push, pop, empty };
  struct deed {
    what kind;
    bool ended;
    unsigned id, thread;
    std::uint32_t before;
    world::moment end;
  };
  void add(what kind, unsigned id) {
    const unsigned me = world::me();
    if (done_.size() == 32) return fail("too long a history");
    done_.push_back({kind, world::self() == nullptr, id, me, known_[me], {}});
    known_[me] |= 1u << (done_.size() - 1);  // a batch is done in order
  }
  // The queue in order of its pushes. Is there an order of what is not in `did` yet?
  bool from(std::uint32_t did, std::vector<unsigned>& queue, const unsigned* level) const {
    bool all = true;
    for (unsigned k = 0; k < done_.size(); ++k) {
      if ((did >> k & 1) != 0) continue;
      all = false;
      const deed& d = done_[k];
      if ((d.before & ~did) != 0) continue;
      auto next = queue;
      if (d.kind == what::push) {
        next.push_back(d.id);
      } else if (d.kind == what::empty) {
        if (!queue.empty()) continue;
      } else {
        auto first = next.end();
        for (auto i = next.begin(); i != next.end(); ++i)
          if (first == next.end() || level[*i] > level[*first]) first = i;
        if (first == next.end() || *first != d.id) continue;
        next.erase(first);
      }
      if (from(did | 1u << k, next, level)) return true;
    }
    return all;
  }

  std::vector<deed> done_;
  std::uint32_t known_[max_threads + 1] = {};
};

}  // namespace model

#endif
