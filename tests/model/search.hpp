// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_SEARCH_HPP
#define SLUICE_TESTS_MODEL_SEARCH_HPP

#include <cstdint>
#include <string>
#include <vector>

namespace model {

/// A set of transitions, one bit each; see transition_of in world.hpp.
using moves = std::uint64_t;

enum class walk : std::uint8_t {
  everything,  // depth first, until nothing is left
  random,      // every choice at random
  priorities,  // PCT: threads run by random priorities, which change at a few random steps
};

/// The choices of one execution, in order, and which come next. A choice is a transition or one of n values; where there
/// is only one possibility there is no choice. The sequence of choices, as text, is the replay string.
class search {
 public:
  search(walk how, std::uint64_t seed, const std::string& replay);

  /// Begins an execution; false if there is none left.
  bool next();

  /// One of n values; 0 is the most ordinary.
  unsigned value(unsigned n);
  /// One of the enabled transitions that do not sleep; -1 if all of them do. Sets `tried` to those that need not be
  /// taken after it until something dependent happens: they sleep.
  int transition(moves enabled, moves sleeping, moves& tried);

  /// Depth first, and past the choices that are only repeated.
  [[nodiscard]] bool breaking_new_ground() const noexcept {
    return how_ == walk::everything && !replaying_ && at_ == path_.size();
  }
  [[nodiscard]] bool replaying() const noexcept { return replaying_; }
  /// False once a replay did not fit what was replayed, or an execution was not the same twice.
  [[nodiscard]] bool consistent() const noexcept { return consistent_; }
  [[nodiscard]] bool exhausted() const noexcept { return exhausted_; }
  [[nodiscard]] std::string text() const;

 private:
  struct choice {
    bool transition;
    std::uint16_t current, n;
    moves enabled, sleeping, done;
  };
  bool backtrack();
  unsigned roll(unsigned n);
  int favourite(moves candidates);
  bool parse(const std::string& text);

  walk how_;
  std::uint64_t dice_;
  bool replaying_;
  bool consistent_ = true;
  bool exhausted_ = false;
  bool begun_ = false;
  std::vector<choice> path_;
  std::size_t at_ = 0;
  unsigned step_ = 0, longest_ = 16;
  std::uint64_t priority_[64] = {};
  unsigned change_[3] = {};
};

}  // namespace model

#endif
