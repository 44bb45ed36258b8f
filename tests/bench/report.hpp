// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_REPORT_HPP
#define SLUICE_BENCH_REPORT_HPP

#include "stats.hpp"
#include "suite.hpp"

#include <map>
#include <optional>
#include <sstream>

// From samples to lines of JSON and to tables that are Markdown as they stand.

namespace bench {

struct record {
  std::size_t round, workload, candidate;
  surroundings around;
  sample value;
  bool sleeps = false;
  /// In one regime from before to after, and no other program came between.
  [[nodiscard]] bool usable() const {
    return (around.state() == regime::one_cpu || around.steady()) && (sleeps || value.preempted == 0);
  }
};

struct summary {
  std::size_t workload, candidate;
  regime state;
  estimate ns, to_limit, to_peer;  // to_limit: see yardstick; to_peer: speed against the best peer of the round
  histogram latency;
};

/// A ratio of costs; what is below a nanosecond of it is noise of the measurement.
inline double over(double a, double b) { return std::max(a, 1.0) / std::max(b, 1.0); }

inline std::vector<summary> summarize(const std::vector<workload>& all, const std::vector<record>& records) {
  std::map<std::tuple<std::size_t, std::size_t, regime>, std::map<std::size_t, const record*>> cells;  // -> by round
  for (const auto& r : records)
    if (r.usable()) cells[{r.workload, r.candidate, r.around.state()}][r.round] = &r;
  std::vector<summary> out;
  for (const auto& [key, rounds] : cells) {
    const std::size_t w = std::get<0>(key), c = std::get<1>(key);
    const regime state = std::get<2>(key);
    const workload& load = all[w];
    summary s{w, c, state, {}, {}, {}, {}};
    std::vector<double> ns, to_limit, to_peer;
    for (const auto& [round, r] : rounds) {
      ns.push_back(r->value.ns);
      if (r->value.latency) s.latency.add(*r->value.latency);
      if (load.by == yardstick::ping_pong) to_limit.push_back(r->value.ns / r->around.mean());
      const auto in_round = [&, round = round](std::size_t k) -> const record* {
        const auto cell = cells.find({w, k, state});
        if (cell == cells.end()) return nullptr;
        const auto other = cell->second.find(round);
        return other == cell->second.end() ? nullptr : other->second;
      };
      // Long samples are dropped more often than short ones, so the best of those that happen to be left would flatter
      // us: a round counts only if everybody that we compare with is in it.
      const auto best_of = [&](auto wanted) {
        double best = 0;
        for (std::size_t k = 0; k < load.candidates.size(); ++k) {
          if (!wanted(load.candidates[k])) continue;
          const record* const other = in_round(k);
          if (other == nullptr) return 0.0;
          if (best == 0 || other->value.ns < best) best = other->value.ns;
        }
        return best;
      };
      if (load.by == yardstick::speed) {
        const double best = best_of([](const candidate& k) { return k.is == part::limit || k.is == part::reference; });
        if (best > 0) to_limit.push_back(best / r->value.ns);
      }
      if (load.candidates[c].is == part::ours) {
        const double best = best_of([](const candidate& k) { return k.is == part::peer; });
        if (best > 0) to_peer.push_back(over(best, r->value.ns));
      }
    }
    s.ns = estimate_of(ns), s.to_limit = estimate_of(to_limit), s.to_peer = estimate_of(to_peer);
    out.push_back(std::move(s));
  }
  return out;
}

inline std::string quoted(const std::string& s) {
  std::string q = "\"";
  for (const char ch : s) {
    if (ch == '"' || ch == '\\') q += '\\';
    q += ch;
  }
  return q + '"';
}
inline std::string json(const char* key, const estimate& e) {
  char b[160];
  if (e.n == 0) return {};
  if (e.has_interval())
    std::snprintf(b, sizeof b, ",\"%s\":{\"median\":%.4g,\"low\":%.4g,\"high\":%.4g,\"n\":%zu}", key, e.mid, e.low,
                  e.high, e.n);
  else std::snprintf(b, sizeof b, ",\"%s\":{\"median\":%.4g,\"n\":%zu}", key, e.mid, e.n);
  return b;
}
inline std::string json(const workload& w, const record& r) {
  char b[200];
  std::snprintf(
      b, sizeof b,
      ",\"round\":%zu,\"ns\":%.4f,\"limit_before\":%.1f,\"limit_after\":%.1f,\"preempted\":%ld,\"used\":%s}\n", r.round,
      r.value.ns, r.around.before, r.around.after, r.value.preempted, r.usable() ? "true" : "false");
  return "{\"type\":\"sample\",\"workload\":" + quoted(w.name) +
         ",\"candidate\":" + quoted(w.candidates[r.candidate].name) + b;
}
/// The samples, without latencies, in a file that `--json` wrote, as far as `all` has their names. Their rounds count on
/// from `round`, which moves on.
inline std::vector<record> samples_in(const std::string& path, const std::vector<workload>& all, std::size_t& round) {
  std::vector<record> records;
  std::size_t rounds = 0;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    char load[80], name[80];
    record r{};
    if (std::sscanf(line.c_str(),
                    "{\"type\":\"sample\",\"workload\":\"%79[^\"]\",\"candidate\":\"%79[^\"]\",\"round\":%zu,"
                    "\"ns\":%lf,\"limit_before\":%lf,\"limit_after\":%lf,\"preempted\":%ld",
                    load, name, &r.round, &r.value.ns, &r.around.before, &r.around.after, &r.value.preempted) != 7)
      continue;
    rounds = std::max(rounds, r.round + 1);
    r.round += round;
    for (r.workload = 0; r.workload < all.size() && all[r.workload].name != load;) ++r.workload;
    if (r.workload == all.size()) continue;
    const auto& c = all[r.workload].candidates;
    r.sleeps = all[r.workload].sleeps;
    for (r.candidate = 0; r.candidate < c.size() && c[r.candidate].name != name;) ++r.candidate;
    if (r.candidate < c.size()) records.push_back(std::move(r));
  }
  round += rounds;
  return records;
}
inline std::string json(const workload& w, const summary& s) {
  std::string line = "{\"type\":\"summary\",\"workload\":" + quoted(w.name) +
                     ",\"candidate\":" + quoted(w.candidates[s.candidate].name) +
                     ",\"regime\":" + quoted(regime_names[static_cast<std::size_t>(s.state)]) + json("ns", s.ns) +
                     json("to_limit", s.to_limit) + json("to_best_peer", s.to_peer);
  if (s.latency.total() != 0) {
    char b[160];
    const double t = ns_per_tick();
    std::snprintf(b, sizeof b, ",\"p50\":%.0f,\"p99\":%.0f,\"p99_9\":%.0f,\"max\":%.0f", t * s.latency.at(.5),
                  t * s.latency.at(.99), t * s.latency.at(.999), t * static_cast<double>(s.latency.largest()));
    line += b;
  }
  return line + "}\n";
}

/// A Markdown table with aligned columns.
class table {
 public:
  explicit table(std::vector<std::string> head) : rows_{std::move(head)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string text() const {
    std::vector<std::size_t> width(rows_[0].size(), 3);
    for (const auto& row : rows_)
      for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
    std::string out;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (std::size_t i = 0; i < width.size(); ++i)
        out += "| " + rows_[r][i] + std::string(width[i] - rows_[r][i].size() + 1, ' ');
      out += "|\n";
      if (r != 0) continue;
      for (const std::size_t w : width) out += "|" + std::string(w + 2, '-');
      out += "|\n";
    }
    return out;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

inline std::string shown(const estimate& e, int digits) {
  char b[80];
  if (e.n == 0) return "";
  if (e.has_interval()) std::snprintf(b, sizeof b, "%.*f [%.*f, %.*f]", digits, e.mid, digits, e.low, digits, e.high);
  else std::snprintf(b, sizeof b, "%.*f", digits, e.mid);
  return b;
}

inline std::string tables(const std::vector<workload>& all, const std::vector<summary>& summaries) {
  std::string out;
  for (std::size_t w = 0; w < all.size(); ++w) {
    const workload& load = all[w];
    const bool timed = load.name.rfind("latency", 0) == 0;
    const bool has_peer = std::any_of(load.candidates.begin(), load.candidates.end(),
                                      [](const candidate& c) { return c.is == part::peer; });
    std::vector<std::string> head{"regime", "candidate", "n"};
    if (timed) {
      for (const char* h : {"p50", "p99", "p99.9", "max"}) head.emplace_back(h);
    } else {
      head.emplace_back("median ns");
      if (load.by == yardstick::ping_pong) head.emplace_back("time / ping-pong");
      if (load.by == yardstick::speed) head.emplace_back("speed / " + load.against);
      if (has_peer) head.emplace_back("speed / best peer");
    }
    table t(head);
    bool any = false;
    for (std::size_t state = 0; state < regime_names.size(); ++state)
      for (const auto& s : summaries) {
        if (s.workload != w || static_cast<std::size_t>(s.state) != state) continue;
        any = true;
        std::vector<std::string> row{regime_names[state], load.candidates[s.candidate].name, std::to_string(s.ns.n)};
        if (timed) {
          const auto& l = s.latency;
          for (const double x : {l.at(.5), l.at(.99), l.at(.999), static_cast<double>(l.largest())}) {
            char b[40];
            std::snprintf(b, sizeof b, "%.0f", x * ns_per_tick());
            row.emplace_back(b);
          }
        } else {
          row.push_back(shown(s.ns, s.ns.mid < 1000 ? 2 : 0));
          if (load.by != yardstick::none) row.push_back(shown(s.to_limit, 2));
          if (has_peer) row.push_back(shown(s.to_peer, 2));
        }
        t.add(std::move(row));
      }
    if (any) out += "\n### " + load.name + "\n\n" + load.what + ".\n\n" + t.text();
  }
  return out;
}

/// Puts `text` between the two marks of that name in a document.
inline bool replace_results(const std::string& path, const std::string& name, const std::string& text) {
  std::ifstream in(path);
  std::stringstream all;
  all << in.rdbuf();
  const std::string old = all.str(), begin = "<!-- begin of " + name + " -->\n",
                    end = "<!-- end of " + name + " -->";
  const auto from = old.find(begin), to = old.find(end);
  if (from == old.npos || to == old.npos) return false;
  std::ofstream(path) << old.substr(0, from + begin.size()) << text << old.substr(to);
  return true;
}

}  // namespace bench

#endif
