// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_EXPLORE_HPP
#define SLUICE_TESTS_MODEL_EXPLORE_HPP

#include "world.hpp"

#include <initializer_list>
#include <unordered_set>

namespace model {

/// What an exploration came to.
struct report {
  std::string name;
  bool exhaustive = false;  // every execution that the options allow has been looked at
  std::uint64_t executions = 0;
  std::uint64_t complete = 0;   // the others were equal to one of these, and cut short
  std::uint64_t waited = 0;     // executions in which somebody had to wait for a stopped process
  std::size_t graphs = 0;       // distinct executions: who read what from whom
  double seconds = 0;
  std::set<std::string> outcomes;
  std::set<std::string, std::less<>> seen;
  std::string failure;  // empty: none
  std::string replay;   // of the failure
  std::vector<std::string> trace;

  [[nodiscard]] bool clean() const noexcept { return failure.empty() && complete != 0; }
  /// Nothing to complain about, nothing left out, and everything that had to be met was met.
  [[nodiscard]] bool proves(std::initializer_list<const char*> must_observe = {}) const;
  void print() const;
};

/// Drives a world through a search. A failure ends it.
class exploration {
 public:
  explicit exploration(const options& o);
  bool next();
  [[nodiscard]] world& stage() noexcept { return world_; }
  [[nodiscard]] bool run();
  void end();
  report finish();

 private:
  std::string replay_;
  options options_;
  search search_;
  world& world_;
  report report_;
  std::unordered_set<std::uint64_t> graphs_;
  bool over_ = false;
  std::int64_t begun_;
};

/// Explores the executions of a scenario. `make(world)` returns one for each execution: it sets memory up and spawns the
/// threads; `finish()` looks at what they left, when all is over.
template <class Make>
report explore(const options& o, Make make) {
  exploration e(o);
  while (e.next()) {
    auto scenario = make(e.stage());
    if (e.run()) scenario.finish();
    e.end();
  }
  return e.finish();
}

/// In a scenario: what must hold, what was seen (see report::proves), and what came out.
inline void expect(bool condition, const char* what) {
  if (!condition) fail(what);
}
inline void saw(const char* what) {
  auto& seen = world::current()->seen;
  if (!seen.contains(what)) seen.emplace(what);
}

}  // namespace model

#endif
