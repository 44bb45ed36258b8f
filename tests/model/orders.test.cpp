// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "bytes_crowd_trials.hpp"
#include "crowd_trials.hpp"
#include "rig/spsc.hpp"

#include <map>

// Mutation control of memory orders: each named site is weakened in turn, each fence taken out. Every mutant must be
// found, by a replay string that reproduces it, or be listed here with the proof that it is no worse than the original;
// and what is listed must really survive.

namespace {

using model::order;

const std::map<std::string, const char*> equivalent{
    {"gate_arm seq_cst -> relaxed",
     "equivalent: the heavy fence that follows orders the bit before the retry, and the futex compares with the newest value"},
    {"gate_raise seq_cst -> relaxed",
     "equivalent: a read-modify-write reads the newest value at any order, and so does the futex; what the sleeper then "
     "looks for is ordered by the fences, not by this word"},
};

const char* name_of(order o) {
  switch (o) {
    case order::relaxed: return "relaxed";
    case order::acquire: return "acquire";
    case order::release: return "release";
    case order::acq_rel: return "acq_rel";
    default: return "seq_cst";
  }
}
unsigned checked(const std::string& mutant, const model::verdict& v) {
  const auto known = equivalent.find(mutant);
  const bool excused = known != equivalent.end();
  const char* const why = excused ? known->second : nullptr;
  print_verdict(mutant, v, why);
  INFO(mutant);
  CHECK(v.killer.empty() == excused);
  CHECK((excused || v.reproduced));
  return excused ? 0 : 1;
}

struct tally {
  unsigned mutants = 0, killed = 0, weakest = 0;
  void print(const char* what) const {
    std::printf("%s: %u mutants, %u killed, %u excused above; %u sites are relaxed already\n", what, mutants, killed,
                mutants - killed, weakest);
  }
};
template <class Rig>
void weaken_each(const std::vector<model::trial>& all, tally& n) {
  Rig::each_site([&]<class Site>(const char* name) {
    if (Site::value == order::relaxed) {
      ++n.weakest;
      std::printf("%-44s is relaxed already\n", name);
      return;
    }
    model::order_of<Site> = order::relaxed;
    const auto v = judge(all);
    model::order_of<Site> = Site::value;
    ++n.mutants;
    n.killed += checked(std::string(name) + " " + name_of(Site::value) + " -> relaxed", v);
  });
}

}  // namespace

TEST_CASE("every weakened order and every missing fence is found, or proved to be no weaker") {
  const auto all = model::trials<rig::spsc>();
  const auto sound = judge(all);
  print_verdict("(no mutation)", sound, "as it must");
  REQUIRE(sound.killer.empty());
  tally n;
  weaken_each<rig::spsc>(all, n);
  for (const auto how : {model::fences::asymmetric, model::fences::symmetric})
    for (const bool light : {true, false}) {
      model::options o;
      o.light = how;
      o.without_light = light, o.without_heavy = !light;
      ++n.mutants;
      n.killed += checked(std::string(how == model::fences::asymmetric ? "asymmetric" : "full") + " fence of the " +
                            (light ? "waker" : "sleeper") + " -> none",
                        judge(all, o));
    }
  n.print("orders and fences");
}

#if SLUICE_TEST_TIER_FULL // minutes
TEST_CASE("every weakened order of the ordered ring and its crowds is found, or proved to be no weaker") {
  const auto all = model::crowd_trials();
  const auto sound = judge(all);
  print_verdict("(no mutation)", sound, "as it must");
  REQUIRE(sound.killer.empty());
  tally n;
  weaken_each<rig::ordered>(all, n);
  n.print("orders of the ordered ring");
}
TEST_CASE("every weakened order of the ring of bytes of many is found, or proved to be no weaker") {
  const auto all = model::bytes_crowd_trials();
  const auto sound = judge(all);
  print_verdict("(no mutation)", sound, "as it must");
  REQUIRE(sound.killer.empty());
  tally n;
  weaken_each<rig::bytes_mpsc>(all, n);
  n.print("orders of the ring of bytes of many");
}
#endif
