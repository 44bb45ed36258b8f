// SPDX-License-Identifier: MIT
#include "explore.hpp"

#include <ctime>
#include <cstdio>
#include <cstdlib>

namespace model {

namespace {
// Of this process: other work of the machine does not count.
std::int64_t now_ns() noexcept { return static_cast<std::int64_t>(std::clock()) * (1'000'000'000 / CLOCKS_PER_SEC); }
// SLUICE_MODEL_REPLAY="name=string" replays one failure of the exploration of that name.
std::string asked_replay(const options& o) {
  if (*o.replay != '\0') return o.replay;
  const char* asked = std::getenv("SLUICE_MODEL_REPLAY");
  const std::string prefix = std::string(o.name) + "=", all = asked == nullptr ? "" : asked;
  return all.compare(0, prefix.size(), prefix) == 0 ? all.substr(prefix.size()) : "";
}
world& the_world() {
  static world w;  // its stacks and histories serve all explorations
  return w;
}
}  // namespace

bool report::proves(std::initializer_list<const char*> must_observe) const {
  bool all = clean() && exhaustive;
  for (const char* what : must_observe)
    if (!seen.contains(what)) {
      std::printf("  never observed: %s\n", what);
      all = false;
    }
  return all;
}
void report::print() const {
  std::printf("%s: exhaustive: %s, %llu executions (%llu complete), %zu graphs, %zu outcomes, %.2f s, %.0f/s\n", name.c_str(),
              exhaustive ? "yes" : "no", static_cast<unsigned long long>(executions), static_cast<unsigned long long>(complete),
              graphs, outcomes.size(), seconds, static_cast<double>(executions) / (seconds + 1e-9));
  if (!failure.empty()) std::printf("  FAILED: %s\n  replay: %s=%s\n", failure.c_str(), name.c_str(), replay.c_str());
  for (const auto& line : trace) std::printf("    %s\n", line.c_str());
}

exploration::exploration(const options& o)
    : replay_(asked_replay(o)), options_(o), search_(o.how, o.seed, replay_), world_(the_world()), begun_(now_ns()) {
  report_.name = o.name;
  world_.outcomes.clear();
  world_.forget_states();
  world_.seen.clear();
  world_.trace.clear();
}
bool exploration::next() {
  if (over_ || report_.executions >= options_.most) return false;
  if (report_.executions % 256 == 255 && static_cast<double>(now_ns() - begun_) > options_.seconds * 1e9) return false;
  if (!search_.next()) return false;
  world_.begin(options_, search_);
  return true;
}
bool exploration::run() {
  ++report_.executions;
  const auto how = world_.run();
  if (how != world::ending::complete) return false;
  ++report_.complete;
  graphs_.insert(world_.graph());
  report_.waited += world_.waited_for_stopped() != 0 ? 1u : 0u;
  return true;
}
void exploration::end() {
  if (world_.failure().empty()) return;
  report_.failure = world_.failure();
  report_.replay = search_.text();
  over_ = true;
}
report exploration::finish() {
  report_.exhaustive = search_.exhausted() && !over_;
  report_.graphs = graphs_.size();
  report_.outcomes = world_.outcomes;
  report_.seen = world_.seen;
  report_.trace = world_.trace;
  report_.seconds = static_cast<double>(now_ns() - begun_) / 1e9;
  return report_;
}

}  // namespace model
