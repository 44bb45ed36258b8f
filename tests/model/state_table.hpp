// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_STATE_TABLE_HPP
#define SLUICE_TESTS_MODEL_STATE_TABLE_HPP

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace model {

/// From hashes of states to what slept there. Stops growing at 16 million, after which states are gone on from again.
class state_table {
 public:
  std::pair<std::uint64_t*, bool> find_or_insert(std::uint64_t hash, std::uint64_t value) {
    if (hash == 0) hash = 1;
    if (used_ * 2 >= entries_.size()) grow();
    entry& e = place(entries_, hash);
    if (e.hash == hash) return {&e.value, false};
    if (used_ == most) {
      spill_ = value;
      return {&spill_, true};
    }
    ++used_;
    e = {hash, value};
    return {&e.value, true};
  }

 private:
  struct entry {
    std::uint64_t hash, value;
  };
  static constexpr std::size_t most = std::size_t{1} << 24;

  static entry& place(std::vector<entry>& in, std::uint64_t hash) {
    std::size_t i = static_cast<std::size_t>(hash >> 20) & (in.size() - 1);
    while (in[i].hash != 0 && in[i].hash != hash) i = (i + 1) & (in.size() - 1);
    return in[i];
  }
  void grow() {
    std::vector<entry> larger(entries_.empty() ? 1024 : entries_.size() * 2);
    for (const entry& e : entries_)
      if (e.hash != 0) place(larger, e.hash) = e;
    entries_.swap(larger);
  }
  std::vector<entry> entries_;
  std::size_t used_ = 0;
  std::uint64_t spill_ = 0;
};

}  // namespace model

#endif
