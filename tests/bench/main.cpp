// SPDX-License-Identifier: MIT
#include "counts.hpp"
#include "dispatchers.hpp"
#include "flow.hpp"
#include "report.hpp"
#include "streams.hpp"
#include "syscalls.hpp"

#include <charconv>
#include <ctime>
#include <string_view>

// One program, all candidates, all in one run. docs/benchmarks.md tells the method.

namespace {

using namespace bench;

struct options {
  bool list = false, syscalls = false, counts = false, streams = false, dispatcher = false, flow = false;
  std::vector<std::string> only, merge;
  unsigned rounds = 15;
  arrangement where;
  std::string json, doc;
};

[[noreturn]] void usage(const std::string& why) {
  if (!why.empty()) std::fprintf(stderr, "sluice_bench: %s\n", why.c_str());
  std::fputs(
      "usage: sluice_bench [options]\n"
      "  --list                     name workloads and candidates, and the peers that are absent\n"
      "  --streams                  the workloads of byte streams, framings and child processes instead of the others\n"
      "  --only SUBSTRING[,...]     only what has one of these in its workload/candidate\n"
      "  --rounds N                 default 15\n"
      "  --cpus A,B                 default 0,1\n"
      "  --json FILE|-              samples and summaries, a line each\n"
      "  --merge FILE[,...]         measure nothing; take the samples that earlier runs wrote by --json\n"
      "  --doc FILE                 put the tables between the marks of this document\n"
      "  --counts                   count instructions and accesses to shared memory of each kind's operations, and end\n"
      "  --dispatcher               what a call through a dispatcher costs, and end\n"
      "  --flow                     what select, poller, coroutines and calls cost, and end\n"
      "  --syscalls                 count the system calls of operations with nobody asleep, and end\n",
      stderr);
  std::exit(why.empty() ? 0 : 2);
}
template <class Number>
Number number(std::string_view s) {
  Number n{};
  const auto r = std::from_chars(s.data(), s.data() + s.size(), n);
  if (r.ec != std::errc() || r.ptr != s.data() + s.size()) usage("not a number: " + std::string(s));
  return n;
}
std::vector<std::string> split(const std::string& s) {
  std::vector<std::string> parts;
  std::stringstream in(s);
  for (std::string p; std::getline(in, p, ',');) parts.push_back(p);
  return parts;
}
options parse(int argc, char** argv) {
  options o;
  for (int i = 1; i < argc; ++i) {
    const std::string_view a = argv[i];
    const auto value = [&]() -> std::string {
      if (++i >= argc) usage(std::string(a) + " needs a value");
      return argv[i];
    };
    if (a == "--list") o.list = true;
    else if (a == "--syscalls") o.syscalls = true;
    else if (a == "--counts") o.counts = true;
    else if (a == "--streams") o.streams = true;
    else if (a == "--dispatcher") o.dispatcher = true;
    else if (a == "--flow") o.flow = true;
    else if (a == "--only") o.only = split(value());
    else if (a == "--merge") o.merge = split(value());
    else if (a == "--rounds") o.rounds = number<unsigned>(value());
    else if (a == "--json") o.json = value();
    else if (a == "--doc") o.doc = value();
    else if (a == "--help") usage("");
    else if (a == "--cpus") {
      const auto both = split(value());
      if (both.size() != 2) usage("--cpus A,B");
      for (unsigned k = 0; k < 2; ++k) o.where.cpu[k] = number<int>(both[k]);
    } else usage("unknown option: " + std::string(a));
  }
  return o;
}

std::vector<workload> wanted(const options& o) {
  std::vector<workload> all = o.streams ? stream_workloads() : all_workloads();
  if (o.only.empty()) return all;
  std::erase_if(all, [&](workload& w) {
    std::erase_if(w.candidates, [&](const candidate& c) {
      const std::string full = w.name + "/" + c.name;
      return std::none_of(o.only.begin(), o.only.end(), [&](const auto& s) { return full.find(s) != full.npos; });
    });
    return w.candidates.empty();
  });
  return all;
}

std::string join(const std::vector<std::string>& v) {
  std::string s;
  for (const auto& x : v) s += (s.empty() ? "" : ", ") + x;
  return s;
}

/// One candidate, once. Where the regime changed meanwhile, or another program took a cpu, it is done again, at most
/// nine times.
record measure(const options& o, const workload& w, const candidate& c, double& limit) {
  record r{};
  r.sleeps = w.sleeps;
  arrangement where = o.where;
  if (w.one_cpu) where.cpu[1] = where.cpu[0];
  for (unsigned attempt = 0; attempt < 10; ++attempt) {
    if (!w.one_cpu) {
      if (limit == 0) limit = ping_pong_ns(o.where);
      r.around.before = limit;
    }
    r.value = c.run(where);
    if (!w.one_cpu) r.around.after = limit = ping_pong_ns(o.where);
    if (r.usable()) break;
  }
  return r;
}

/// Everything once per round, so that each workload sees all the regimes that the run meets.
std::vector<record> measure_all(const options& o, const std::vector<workload>& all, std::FILE* json_to) {
  std::vector<record> records;
  std::map<std::string, std::string> failed;
  for (std::size_t round = 0; round < o.rounds; ++round) {
    std::fprintf(stderr, "\rround %zu of %u", round + 1, o.rounds);
    double limit = 0;
    for (std::size_t w = 0; w < all.size(); ++w)
      for (std::size_t c = 0; c < all[w].candidates.size(); ++c) {
        const std::string name = all[w].name + "/" + all[w].candidates[c].name;
        if (failed.count(name) != 0) continue;
        try {
          record r = measure(o, all[w], all[w].candidates[c], limit);
          r.round = round, r.workload = w, r.candidate = c;
          if (json_to != nullptr) std::fputs(json(all[w], r).c_str(), json_to), std::fflush(json_to);
          records.push_back(std::move(r));
        } catch (const std::exception& e) {
          failed[name] = e.what();
        }
      }
  }
  std::fputs("\n", stderr);
  for (const auto& [name, why] : failed) std::fprintf(stderr, "%s: %s\n", name.c_str(), why.c_str());
  return records;
}

/// The samples of earlier runs; returns how many rounds these had. Only runs of one build on one machine belong together.
std::size_t merge(const options& o, const std::vector<workload>& all, std::vector<record>& records) {
  std::size_t rounds = 0;
  for (const auto& path : o.merge)
    for (auto& r : samples_in(path, all, rounds)) records.push_back(std::move(r));
  return rounds;
}

std::string heading(const options& o, const std::vector<record>& records, double seconds) {
  std::map<regime, std::size_t> met;
  std::size_t unsteady = 0;
  for (const auto& r : records) {
    if (r.usable()) ++met[r.around.state()];
    else ++unsteady;
  }
  char day[32] = "";
  const std::time_t t = std::time(nullptr);
  std::strftime(day, sizeof day, "%Y-%m-%d", std::gmtime(&t));
  std::string s = "\n" + cpu_name() + ", cpus " + std::to_string(o.where.cpu[0]) + " and " +
                  std::to_string(o.where.cpu[1]) + ";\n" + kernel_name() + "; " + compiler_name() +
                  ", flags `" SLUICE_BENCH_FLAGS "`; " + day + ".\n";
  if (o.merge.empty()) s += std::to_string(o.rounds) + " rounds in " + std::to_string(static_cast<int>(seconds)) + " s.\n";
  else s += std::to_string(o.merge.size()) + " runs one after the other, each of some of the workloads.\n";
  s += "Samples by regime:";
  for (const auto& [state, n] : met)
    s += " " + std::to_string(n) + " at " + regime_names[static_cast<std::size_t>(state)] + ",";
  s += " " + std::to_string(unsteady) + " dropped because the limit moved or another program took a cpu.\n";
  if (const auto absent = absent_peers(o.streams); !absent.empty()) s += "Absent: " + join(absent) + ".\n";
  return s;
}

int run(const options& o) {
  const auto all = wanted(o);
  if (o.list) {
    for (const auto& w : all)
      for (const auto& c : w.candidates) std::printf("%s/%s\n", w.name.c_str(), c.name.c_str());
    const auto absent = absent_peers(o.streams);
    std::printf("absent: %s\n", absent.empty() ? "none" : join(absent).c_str());
    return 0;
  }
  if (all.empty()) usage("nothing has that name; see --list");
  const bool to_stdout = o.json == "-";
  std::FILE* const json_to = o.json.empty() ? nullptr : to_stdout ? stdout : std::fopen(o.json.c_str(), "w");
  if (!o.json.empty() && json_to == nullptr) usage("cannot write " + o.json);
  if (json_to != nullptr)
    std::fprintf(json_to,
                 "{\"type\":\"machine\",\"cpu\":%s,\"kernel\":%s,\"compiler\":%s,\"flags\":%s,\"rounds\":%u,"
                 "\"absent\":%s}\n",
                 quoted(cpu_name()).c_str(), quoted(kernel_name()).c_str(), quoted(compiler_name()).c_str(),
                 quoted(SLUICE_BENCH_FLAGS).c_str(), o.rounds, quoted(join(absent_peers(o.streams))).c_str());
  const double began = now_ns();
  std::vector<record> records;
  if (o.merge.empty()) records = measure_all(o, all, json_to);
  else if (merge(o, all, records) == 0) usage("no samples in " + join(o.merge));
  const auto summaries = summarize(all, records);
  if (json_to != nullptr) {
    for (const auto& s : summaries) std::fputs(json(all[s.workload], s).c_str(), json_to);
    std::fflush(json_to);
  }
  const std::string text = heading(o, records, (now_ns() - began) / 1e9) + tables(all, summaries) + "\n";
  std::fputs(text.c_str(), to_stdout ? stderr : stdout);
  if (!o.doc.empty() && !replace_results(o.doc, o.streams ? "streams" : "results", text)) usage("no marks in " + o.doc);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const options o = parse(argc, argv);
  if (o.syscalls) return count_system_calls();
  if (o.dispatcher) return measure_dispatchers(o.rounds, o.where.cpu[0]);
  if (o.flow) return measure_flow(o.rounds, o.where);
  return o.counts ? count_operations() : run(o);
}
