// SPDX-License-Identifier: MIT
#include "search.hpp"

#include <bit>
#include <utility>

namespace model {

namespace {
constexpr char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-+";
constexpr moves bit(int k) noexcept { return moves{1} << k; }
constexpr moves running = 0xffff;  // the transitions by which a thread runs; all others are misfortunes
}  // namespace

search::search(walk how, std::uint64_t seed, const std::string& replay)
    : how_(how), dice_(seed * 2 + 1), replaying_(!replay.empty()) {
  if (replaying_) consistent_ = parse(replay);
}

unsigned search::roll(unsigned n) {
  dice_ ^= dice_ << 13, dice_ ^= dice_ >> 7, dice_ ^= dice_ << 17;
  return static_cast<unsigned>((dice_ * 0x2545f4914f6cdd1du >> 33) % n);
}

bool search::next() {
  at_ = 0;
  step_ = 0;
  if (replaying_) return !std::exchange(begun_, true);
  if (how_ == walk::everything) {
    if (!std::exchange(begun_, true)) return true;
    exhausted_ = !backtrack();
    return !exhausted_;
  }
  path_.clear();
  for (auto& p : priority_) p = roll(1u << 30) + 3u;
  for (auto& c : change_) c = roll(longest_);
  return true;
}
bool search::backtrack() {
  for (; !path_.empty(); path_.pop_back()) {
    choice& c = path_.back();
    if (!c.transition) {
      if (++c.current < c.n) return true;
      continue;
    }
    c.done |= bit(c.current);
    const moves left = c.enabled & ~c.sleeping & ~c.done;
    if (left == 0) continue;
    c.current = static_cast<std::uint16_t>(std::countr_zero(left));
    return true;
  }
  return false;
}

unsigned search::value(unsigned n) {
  if (n <= 1) return 0;
  if (at_ < path_.size()) {
    choice& c = path_[at_++];
    if (replaying_) c.n = static_cast<std::uint16_t>(n);
    if (c.transition || c.n != n || c.current >= n) return consistent_ = false, 0u;
    return c.current;
  }
  if (replaying_) return consistent_ = false, 0u;
  const unsigned v = how_ == walk::everything ? 0 : roll(2) == 0 ? 0 : roll(n);
  path_.push_back({false, static_cast<std::uint16_t>(v), static_cast<std::uint16_t>(n), 0, 0, 0});
  ++at_;
  return v;
}
int search::favourite(moves candidates) {
  moves ordinary = candidates & running;
  if (ordinary == 0 || (candidates != ordinary && roll(24) == 0)) {  // misfortunes at any depth, not all at the start
    moves m = ordinary == 0 ? candidates : candidates & ~running;
    for (unsigned k = roll(static_cast<unsigned>(std::popcount(m))); k-- != 0;) m &= m - 1;
    return std::countr_zero(m);
  }
  if (how_ == walk::random) {
    for (unsigned k = roll(static_cast<unsigned>(std::popcount(ordinary))); k-- != 0;) ordinary &= ordinary - 1;
    return std::countr_zero(ordinary);
  }
  int best = -1;
  for (; ordinary != 0; ordinary &= ordinary - 1) {
    const int k = std::countr_zero(ordinary);
    if (best < 0 || priority_[k] > priority_[best]) best = k;
  }
  for (unsigned k = 0; k < 3; ++k)
    if (change_[k] == step_) priority_[best] = k;
  return best;
}
int search::transition(moves enabled, moves sleeping, moves& tried) {
  longest_ = ++step_ > longest_ ? step_ : longest_;
  tried = sleeping;
  const moves candidates = enabled & ~sleeping;
  if (candidates == 0) return -1;
  if ((enabled & (enabled - 1)) == 0) return std::countr_zero(enabled);
  if (at_ < path_.size()) {
    choice& c = path_[at_++];
    if (replaying_) c.enabled = enabled;
    if (!c.transition || c.enabled != enabled || (enabled & bit(c.current)) == 0)
      return consistent_ = false, std::countr_zero(candidates);
    tried = c.sleeping | c.done;
    return c.current;
  }
  if (replaying_) return consistent_ = false, std::countr_zero(candidates);
  const int k = how_ == walk::everything ? std::countr_zero(candidates) : favourite(candidates);
  path_.push_back({true, static_cast<std::uint16_t>(k), 0, enabled, sleeping, 0});
  ++at_;
  return k;
}

std::string search::text() const {
  std::string s;
  for (const choice& c : path_) s += c.transition ? digits[c.current] : '.', s += c.transition ? "" : std::string(1, digits[c.current & 63]);
  return s.empty() ? "." : s;
}
bool search::parse(const std::string& text) {
  const auto digit = [](char c) {
    unsigned k = 0;
    while (k < 64 && digits[k] != c) ++k;
    return k;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool transition = text[i] != '.';
    if (!transition && ++i == text.size()) return text.size() == 1;  // "." alone: no choice at all
    const unsigned k = digit(text[i]);
    if (k == 64) return false;
    path_.push_back({transition, static_cast<std::uint16_t>(k), 0, 0, 0, 0});
  }
  return true;
}

}  // namespace model
