// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_SIGNAL_BOX_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_SIGNAL_BOX_SCENARIO_HPP

#include "explore.hpp"
#include "policy.hpp"
#include "trials.hpp"

#include <sluice/signal/signal_box.hpp>

// Handlers in several threads, each of which runs one after the other, and the program that empties their box: every signal
// is taken once, alone or counted as folded, and those of one thread in order.

namespace model {

struct box_case {
  unsigned puts[3] = {2, 1, 0};  // how many signals the handlers of each thread put
  unsigned takes = 2;            // how often the program looks meanwhile
  bool other_number = false;     // the second thread gets another signal

  [[nodiscard]] std::string text() const {
    std::string s = "box of signals,";
    for (const unsigned n : puts)
      if (n != 0) s += " " + std::to_string(n);
    return s + " put, looks " + std::to_string(takes) + (other_number ? ", two numbers" : "");
  }
};

class box_scenario {
 public:
  box_scenario(world& w, const box_case& c) : case_(c) {
    expect(box_.make(2).has_value(), "no memory");
    for (unsigned k = 0; k < 3; ++k)
      if (c.puts[k] != 0) w.spawn("handlers", [this, k] { put(k); });
    w.spawn("program", [this] {
      for (unsigned i = 0; i < case_.takes; ++i) take();
    });
  }
  void finish() {
    while (take()) {
    }
    for (unsigned k = 0; k < 3; ++k) all_ += case_.puts[k];
    expect(count_ == all_, "a signal is lost, or counted twice");
  }

 private:
  void put(unsigned k) {
    for (unsigned n = 1; n <= case_.puts[k]; ++n) {
      sluice::signal_event e;
      e.signo = case_.other_number && k == 1 ? 12 : 10;
      e.pid = static_cast<std::int32_t>(k);
      e.value = n;
      box_.put(e);
    }
  }
  bool take() {
    sluice::signal_event e;
    if (!box_.take(e)) return false;
    count_ += e.count;
    expect(e.count != 0, "an event of nothing");
    expect(e.pid >= 0 && e.pid < 3 && e.value > last_[e.pid & 3], "a signal came twice, or late");
    last_[e.pid & 3] = e.value;
    if (e.count > 1) saw("folded");
    if (world::self() != nullptr) saw("taken meanwhile");
    return true;
  }

  box_case case_;
  sluice::detail::signal_box<policy<>> box_;
  std::int64_t last_[4] = {};
  unsigned count_ = 0, all_ = 0;
};

inline report explore_box(const box_case& c, options o = {}) {
  const std::string name = c.text();
  o.name = name.c_str();
  return explore(o, [&](world& w) { return box_scenario(w, c); });
}
inline const box_case box_cases[] = {{{3, 0, 0}, 2}, {{4, 0, 0}, 3}, {{2, 2, 0}, 1}, {{2, 1, 0}, 2, true}, {{3, 1, 0}, 1}};

inline std::vector<trial> signal_box_trials() {
  std::vector<trial> all;
  for (const box_case& c : box_cases) all.push_back([&c](const options& o) { return explore_box(c, o); });
  return all;
}

}  // namespace model

#endif
