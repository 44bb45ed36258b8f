// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "explore.hpp"
#include "policy.hpp"

#include <array>
#include <vector>

// The checker's own tests: small programs whose possible outcomes are known exactly. An outcome is what the loads read,
// register by register.

namespace {

using model::order;
using enum model::order;
using set = std::set<std::string>;
using u32 = std::uint32_t;

struct shared {
  model::atomic<u32> x{0}, y{0}, z{0}, w{0};
  u32 data = 0;
  std::array<u32, 6> r{};  // registers

  void fence(order o) const { model::world::current()->fence(o); }
  void light() const { model::world::current()->light_fence(); }
  void heavy() const { model::world::current()->heavy_fence(); }
  void write(u32 v) { model::policy<>::copy_out(&data, v); }
  u32 read() const { return model::policy<>::copy_in(&data); }
};
using thread = std::function<void(shared&)>;

struct program {
  shared v;
  const std::vector<thread>& threads;
  unsigned registers;
  program(model::world& w, const std::vector<thread>& t, unsigned n) : threads(t), registers(n) {
    for (std::size_t k = 0; k < t.size(); ++k) w.spawn("T" + std::to_string(k), [this, k] { threads[k](v); });
  }
  void finish() {
    std::string s;
    for (unsigned k = 0; k < registers; ++k) s += std::to_string(v.r[k]);
    model::world::current()->outcomes.insert(s);
  }
};
model::report explore(const std::vector<thread>& threads, unsigned registers, model::options o = {}) {
  if (*o.name == '\0') o.name = "litmus";
  return model::explore(o, [&](model::world& w) { return program(w, threads, registers); });
}
set outcomes(const std::vector<thread>& threads, unsigned registers, const model::options& o = {}) {
  const auto r = explore(threads, registers, o);
  INFO(r.failure);
  CHECK(r.proves());
  return r.outcomes;
}
std::string failure(const std::vector<thread>& threads, model::options o = {}) {
  o.name = "litmus";
  const auto r = explore(threads, 0, o);
  if (r.failure.empty()) return "";
  o.replay = r.replay.c_str();  // what fails once fails again, the same way
  CHECK(explore(threads, 0, o).failure == r.failure);
  return r.failure;
}
const set all2{"00", "01", "10", "11"};
const set no_00{"01", "10", "11"};
const set no_10{"00", "01", "11"};

}  // namespace

TEST_CASE("store buffering: only seq_cst accesses or fences forbid that both loads miss the stores") {
  const auto sb = [](order store, order load, int fences) {
    return outcomes({[=](shared& v) {
                       v.x.store(1, store);
                       if (fences & 1) v.fence(seq_cst);
                       v.r[0] = v.y.load(load);
                     },
                     [=](shared& v) {
                       v.y.store(1, store);
                       if (fences & 2) v.fence(seq_cst);
                       v.r[1] = v.x.load(load);
                     }},
                    2);
  };
  CHECK(sb(relaxed, relaxed, 0) == all2);
  CHECK(sb(release, acquire, 0) == all2);
  CHECK(sb(seq_cst, acquire, 0) == all2);
  CHECK(sb(release, seq_cst, 0) == all2);
  CHECK(sb(seq_cst, seq_cst, 0) == no_00);
  CHECK(sb(relaxed, relaxed, 1) == all2);
  CHECK(sb(relaxed, relaxed, 2) == all2);
  CHECK(sb(relaxed, relaxed, 3) == no_00);
}

TEST_CASE("store buffering: the same with read-modify-writes, and with a fence on one side and accesses on the other") {
  const auto rmw = [](order o) {
    return outcomes({[=](shared& v) {
                       v.x.exchange(1, o);
                       v.r[0] = v.y.load(o == acq_rel ? acquire : o);
                     },
                     [=](shared& v) {
                       v.y.exchange(1, o);
                       v.r[1] = v.x.load(o == acq_rel ? acquire : o);
                     }},
                    2);
  };
  CHECK(rmw(acq_rel) == all2);
  CHECK(rmw(seq_cst) == no_00);
  CHECK(outcomes({[](shared& v) {
                    v.x.store(1, relaxed);
                    v.fence(seq_cst);
                    v.r[0] = v.y.load(relaxed);
                  },
                  [](shared& v) {
                    v.y.store(1, seq_cst);
                    v.r[1] = v.x.load(seq_cst);
                  }},
                 2) == no_00);
}

TEST_CASE("store buffering: an asymmetric pair of fences is as good as two full ones, one half of it is nothing") {
  const auto sb = [](bool light, bool heavy, model::fences how) {
    model::options o;
    o.light = how;
    return outcomes({[=](shared& v) {
                       v.x.store(1, relaxed);
                       if (light) v.light();
                       v.r[0] = v.y.load(relaxed);
                     },
                     [=](shared& v) {
                       v.y.store(1, relaxed);
                       if (heavy) v.heavy();
                       v.r[1] = v.x.load(relaxed);
                     }},
                    2, o);
  };
  for (const auto how : {model::fences::asymmetric, model::fences::symmetric}) {
    CHECK(sb(true, true, how) == no_00);
    CHECK(sb(false, true, how) == all2);
    CHECK(sb(true, false, how) == all2);
  }
  CHECK(outcomes({[](shared& v) {  // two light fences are nothing either
                    v.x.store(1, relaxed);
                    v.light();
                    v.r[0] = v.y.load(relaxed);
                  },
                  [](shared& v) {
                    v.y.store(1, relaxed);
                    v.light();
                    v.r[1] = v.x.load(relaxed);
                  }},
                 2) == all2);
}

TEST_CASE("message passing: a release and an acquire together, and nothing less") {
  const auto mp = [](order store, order load) {
    return outcomes({[=](shared& v) {
                       v.x.store(1, relaxed);
                       v.y.store(1, store);
                     },
                     [=](shared& v) {
                       v.r[0] = v.y.load(load);
                       v.r[1] = v.x.load(relaxed);
                     }},
                    2);
  };
  for (const order s : {relaxed, release, seq_cst})
    for (const order l : {relaxed, acquire, seq_cst}) CHECK(mp(s, l) == (s != relaxed && l != relaxed ? no_10 : all2));
}

TEST_CASE("message passing: fences on one side or both") {
  const auto mp = [](bool release_fence, bool acquire_fence, order f) {
    return outcomes({[=](shared& v) {
                       v.x.store(1, relaxed);
                       if (release_fence) v.fence(f == seq_cst ? seq_cst : release);
                       v.y.store(1, release_fence ? relaxed : release);
                     },
                     [=](shared& v) {
                       v.r[0] = v.y.load(acquire_fence ? relaxed : acquire);
                       if (acquire_fence) v.fence(f == seq_cst ? seq_cst : acquire);
                       v.r[1] = v.x.load(relaxed);
                     }},
                    2);
  };
  for (const order f : {acq_rel, seq_cst})
    for (const bool a : {false, true})
      for (const bool b : {false, true}) CHECK(mp(a, b, f) == no_10);
  CHECK(outcomes({[](shared& v) {  // a release fence after the store is none
                    v.x.store(1, relaxed);
                    v.y.store(1, relaxed);
                    v.fence(release);
                  },
                  [](shared& v) {
                    v.r[0] = v.y.load(acquire);
                    v.r[1] = v.x.load(relaxed);
                  }},
                 2) == all2);
}

TEST_CASE("load buffering is not modelled: the outcome that C++ allows and no processor we know shows is missing") {
  CHECK(outcomes({[](shared& v) {
                    v.r[0] = v.x.load(relaxed);
                    v.y.store(1, relaxed);
                  },
                  [](shared& v) {
                    v.r[1] = v.y.load(relaxed);
                    v.x.store(1, relaxed);
                  }},
                 2) == set{"00", "01", "10"});
}

TEST_CASE("independent reads of independent writes agree only if all is seq_cst") {
  const auto iriw = [](order store, order load, bool fence) {
    return outcomes({[=](shared& v) { v.x.store(1, store); }, [=](shared& v) { v.y.store(1, store); },
                     [=](shared& v) {
                       v.r[0] = v.x.load(load);
                       if (fence) v.fence(seq_cst);
                       v.r[1] = v.y.load(load);
                     },
                     [=](shared& v) {
                       v.r[2] = v.y.load(load);
                       if (fence) v.fence(seq_cst);
                       v.r[3] = v.x.load(load);
                     }},
                    4);
  };
  CHECK(iriw(relaxed, relaxed, false).size() == 16);
  CHECK(iriw(release, acquire, false).count("1010") == 1);
  CHECK(iriw(release, acquire, false).size() == 16);
  CHECK(iriw(seq_cst, acquire, false).count("1010") == 1);
  CHECK(iriw(seq_cst, seq_cst, false).count("1010") == 0);
  CHECK(iriw(seq_cst, seq_cst, false).size() == 15);
  CHECK(iriw(relaxed, relaxed, true).count("1010") == 0);
  CHECK(iriw(relaxed, relaxed, true).size() == 15);
}

TEST_CASE("write to read causality carries through a third thread") {
  const auto wrc = [](order store, order load) {
    return outcomes({[=](shared& v) { v.x.store(1, relaxed); },
                     [=](shared& v) {
                       v.r[0] = v.x.load(relaxed);
                       v.y.store(1, store);
                     },
                     [=](shared& v) {
                       v.r[1] = v.y.load(load);
                       v.r[2] = v.x.load(relaxed);
                     }},
                    3)
        .count("110");
  };
  CHECK(wrc(release, acquire) == 0);
  CHECK(wrc(relaxed, acquire) == 1);
  CHECK(wrc(release, relaxed) == 1);
}

TEST_CASE("ISA2: two release-acquire hops carry an older relaxed store along, one broken hop loses it") {
  const auto isa2 = [](order a, order b, order c, order d) {
    return outcomes({[=](shared& v) {
                       v.x.store(1, relaxed);
                       v.y.store(1, a);
                     },
                     [=](shared& v) {
                       v.r[0] = v.y.load(b);
                       v.z.store(1, c);
                     },
                     [=](shared& v) {
                       v.r[1] = v.z.load(d);
                       v.r[2] = v.x.load(relaxed);
                     }},
                    3)
        .count("110");
  };
  CHECK(isa2(release, acquire, release, acquire) == 0);
  CHECK(isa2(relaxed, acquire, release, acquire) == 1);
  CHECK(isa2(release, relaxed, release, acquire) == 1);
  CHECK(isa2(release, acquire, relaxed, acquire) == 1);
  CHECK(isa2(release, acquire, release, relaxed) == 1);
}

TEST_CASE("read to write causality needs a full fence or seq_cst") {
  const auto rwc = [](bool fences) {
    return outcomes({[](shared& v) { v.x.store(1, relaxed); },
                     [=](shared& v) {
                       v.r[0] = v.x.load(acquire);
                       if (fences) v.fence(seq_cst);
                       v.r[1] = v.y.load(relaxed);
                     },
                     [=](shared& v) {
                       v.y.store(1, relaxed);
                       if (fences) v.fence(seq_cst);
                       v.r[2] = v.x.load(relaxed);
                     }},
                    3)
        .count("100");
  };
  CHECK(rwc(false) == 1);
  CHECK(rwc(true) == 0);
}

TEST_CASE("coherence: one location never runs backwards") {
  CHECK(outcomes({[](shared& v) {
                    v.x.store(1, relaxed);
                    v.x.store(2, relaxed);
                  },
                  [](shared& v) {
                    v.r[0] = v.x.load(relaxed);
                    v.r[1] = v.x.load(relaxed);
                  }},
                 2) == set{"00", "01", "02", "11", "12", "22"});  // CoRR
  CHECK(outcomes({[](shared& v) {
                    v.x.store(1, relaxed);
                    v.r[0] = v.x.load(relaxed);
                  }},
                 1) == set{"1"});  // CoWR
  CHECK(outcomes({[](shared& v) { v.x.exchange(1, relaxed); },
                  [](shared& v) {
                    v.r[0] = v.x.load(relaxed);
                    v.r[1] = v.x.fetch_add(2, relaxed);
                    v.r[2] = v.x.load(relaxed);
                  }},
                 3) == set{"001", "002", "013", "113"});  // CoRW and CoWW
}

TEST_CASE("2+2W is not modelled, and refused instead: unordered stores of two threads to one word are an error") {
  const std::vector<thread> t{[](shared& v) {
                                v.x.store(1, relaxed);
                                v.y.store(2, relaxed);
                              },
                              [](shared& v) {
                                v.y.store(1, relaxed);
                                v.x.store(2, relaxed);
                              },
                              [](shared& v) {
                                v.r[0] = v.x.load(relaxed);
                                v.r[1] = v.y.load(relaxed);
                              }};
  CHECK(failure(t).find("without an order") != std::string::npos);
  model::options o;
  o.unordered_stores = true;
  o.merge = false;  // who of them is last is nothing that they have read
  const auto last = [](unsigned a, unsigned b) {  // the final values are what C++ would also let be 1 and 1
    return std::vector<thread>{[=](shared& v) {
                                 v.x.store(a, relaxed);
                                 v.y.store(b, relaxed);
                                 v.r[2]++;
                                 if (v.r[2] == 2) v.r[0] = v.x.load(relaxed), v.r[1] = v.y.load(relaxed);
                               },
                               [=](shared& v) {
                                 v.y.store(a, relaxed);
                                 v.x.store(b, relaxed);
                                 v.r[2]++;
                                 if (v.r[2] == 2) v.r[0] = v.x.load(relaxed), v.r[1] = v.y.load(relaxed);
                               }};
  };
  CHECK(explore(last(1, 2), 2, o).outcomes.count("11") == 0);  // in C++ it is possible
}

TEST_CASE("a read-modify-write is atomic and reads the newest value, whatever its order") {
  const thread twice = [](shared& v) {
    v.x.fetch_add(1, relaxed);
    v.x.fetch_add(1, relaxed);
  };
  const thread last = [](shared& v) {
    v.x.fetch_add(1, relaxed);
    v.x.fetch_add(1, relaxed);
    if (v.w.fetch_add(1, relaxed) == 1) v.r[0] = v.x.load(relaxed);
  };
  set s;
  for (const auto& o : outcomes({twice, twice, [](shared& v) { v.r[0] = v.x.load(relaxed); }}, 1)) s.insert(o);
  CHECK(s == set{"0", "1", "2", "3", "4"});
  CHECK(outcomes({[](shared& v) { v.r[0] = v.x.fetch_add(1, relaxed); }, [](shared& v) { v.r[1] = v.x.fetch_add(1, relaxed); },
                  [](shared& v) { v.r[2] = v.x.fetch_add(1, relaxed); }},
                 3) == set{"012", "021", "102", "120", "201", "210"});
  CHECK(outcomes({last, last}, 1).count("1") == 0);
}

TEST_CASE("a release sequence goes on through anybody's read-modify-write, and since C++20 through nothing else") {
  const thread reader = [](shared& v) {
    v.r[0] = v.y.load(acquire);
    v.r[1] = v.x.load(relaxed);
  };
  const auto after = [&](const thread& own, const thread& other) {
    return outcomes({[&](shared& v) {
                       v.x.store(1, relaxed);
                       v.y.store(1, release);
                       own(v);
                     },
                     other, reader},
                    2)
        .count("20");
  };
  const thread nothing = [](shared&) {};
  const thread add = [](shared& v) {
    u32 e = 1;
    v.y.compare_exchange_strong(e, 2, relaxed, relaxed);
  };
  CHECK(after(add, nothing) == 0);
  CHECK(after(nothing, add) == 0);
  CHECK(after([](shared& v) { v.y.store(2, relaxed); }, nothing) == 1);
}

TEST_CASE("a compare-exchange that fails is a load: of its failure order, and not of the newest value") {
  const auto publish = [](shared& v) {
    v.x.store(1, relaxed);
    v.y.store(1, release);
  };
  const auto failing = [&](order success, order failure) {
    return outcomes({publish,
                     [=](shared& v) {
                       u32 e = 7;  // never there
                       CHECK(!v.y.compare_exchange_strong(e, 9, success, failure));
                       v.r[0] = e;
                       v.r[1] = v.x.load(relaxed);
                     }},
                    2);
  };
  CHECK(failing(acq_rel, acquire) == no_10);
  CHECK(failing(acq_rel, relaxed) == all2);
  CHECK(failing(seq_cst, relaxed) == all2);
  CHECK(outcomes({[](shared& v) { v.x.store(1, relaxed); v.y.store(1, release); },
                  [](shared& v) {
                    v.r[0] = v.y.load(relaxed);  // may see 1 ...
                    u32 e = 2;
                    v.y.compare_exchange_strong(e, 3, relaxed, relaxed);
                    v.r[1] = e;  // ... and then not 0
                  }},
                 2) == no_10);
  const auto stale = outcomes({[](shared& v) { v.y.store(1, relaxed); v.x.store(1, release); },
                               [](shared& v) {
                                 v.r[0] = v.x.load(relaxed);
                                 u32 e = 5;
                                 v.y.compare_exchange_strong(e, 3, relaxed, relaxed);
                                 v.r[1] = e;
                               }},
                              2);
  CHECK(stale == all2);  // 10: it failed with an old value
  CHECK(outcomes({[](shared& v) { v.y.exchange(1, relaxed); },
                  [](shared& v) {
                    u32 e = 0;
                    v.r[0] = v.y.compare_exchange_strong(e, 2, relaxed, relaxed);
                    v.r[1] = e;
                  }},
                 2) == set{"01", "10"});  // a strong one does not fail with the value that it wants
}

TEST_CASE("a weak compare-exchange may fail for no reason, as often as the budget says") {
  const std::vector<thread> t{[](shared& v) {
    for (u32 tries = 1;; ++tries) {
      u32 e = 0;
      if (v.x.compare_exchange_weak(e, 1, relaxed, relaxed)) {
        v.r[0] = tries;
        return;
      }
    }
  }};
  model::options o;
  CHECK(outcomes(t, 1, o) == set{"1"});
  o.weak = 2;
  CHECK(outcomes(t, 1, o) == set{"1", "2", "3"});
}

TEST_CASE("data races are found in whichever order the accesses happen") {
  const auto race = [](order store, order load, bool late) {
    return failure({[=](shared& v) {
                      if (!late) v.write(1);
                      v.x.store(1, store);
                      if (late) v.write(1);
                    },
                    [=](shared& v) {
                      if (v.x.load(load) == 1) (void)v.read();
                    }});
  };
  CHECK(race(release, acquire, false) == "");
  CHECK(race(relaxed, acquire, false).find("data race") == 0);
  CHECK(race(release, relaxed, false).find("data race") == 0);
  CHECK(race(release, acquire, true).find("data race") == 0);
  CHECK(failure({[](shared& v) { (void)v.read(); v.x.store(1, relaxed); },
                 [](shared& v) { if (v.x.load(acquire) == 1) v.write(1); }})
            .find("data race") == 0);
  CHECK(failure({[](shared& v) { v.write(1); v.x.store(1, relaxed); v.fence(seq_cst); },
                 [](shared& v) { v.fence(seq_cst); if (v.x.load(relaxed) == 1) (void)v.read(); }})
            .find("data race") == 0);  // a seq_cst fence is no more than it says: nothing was released
}

TEST_CASE("words have one size, and are not data too") {
  CHECK(failure({[](shared& v) {
          (void)v.x.load(relaxed);
          model::world::current()->load(&v.x, 8, relaxed);
        }}).find("two sizes") != std::string::npos);
  CHECK(failure({[](shared& v) {
          v.write(1);
          model::world::current()->load(&v.data, 4, relaxed);
        }}).find("as atomic and as data") != std::string::npos);
}

TEST_CASE("who spins is woken by any word it has read, and is stuck without a change") {
  const thread wait_both = [](shared& v) {
    while (v.x.load(relaxed) + v.y.load(relaxed) != 2) model::policy<>::pause();
    v.r[0] = 1;
  };
  const thread set_x = [](shared& v) { v.x.store(1, relaxed); };
  const thread set_y = [](shared& v) { v.y.store(1, relaxed); };
  CHECK(outcomes({wait_both, set_x, set_y}, 1) == set{"1"});
  CHECK(failure({wait_both, set_x}).find("stuck") == 0);
  CHECK(outcomes({[](shared& v) {  // an old value read first and a new one second: the old one counts
                    for (;;) {
                      const u32 first = v.x.load(relaxed), second = v.x.load(relaxed);
                      if (first == 1) break;
                      if (second == 1) v.r[1] = 1;
                      model::policy<>::pause();
                    }
                    v.r[0] = 1;
                  },
                  set_x},
                 2) == set{"10", "11"});
}

TEST_CASE("futex: compares and sleeps in one step, wakes sleepers only, and is no fence for other words") {
  const thread sleeper = [](shared& v) {
    model::world::current()->futex_wait(&v.x, 0);
    v.r[0] = v.x.load(acquire);
  };
  const thread waker = [](shared& v) {
    v.x.store(1, relaxed);
    model::world::current()->futex_wake(&v.x, 1);
  };
  CHECK(outcomes({sleeper, waker}, 1) == set{"0", "1"});  // being woken is no synchronisation that we count on
  CHECK(outcomes({[](shared& v) {
                    while (v.x.load(relaxed) == 0) {
                      if (model::world::current()->futex_wait(&v.x, 0) == model::world::sleep::refused) v.r[0] = v.x.load(relaxed);
                    }
                    v.r[1] = 1;
                  },
                  waker},
                 2) == set{"01", "11"});  // who does not fall asleep has seen the value
  CHECK(failure({sleeper,
                 [](shared& v) {
                   model::world::current()->futex_wake(&v.x, 1);
                   v.x.store(1, relaxed);
                 }})
            .find("stuck") == 0);
  CHECK(failure({sleeper, sleeper, waker}).find("stuck") == 0);  // one of two is woken
  CHECK(failure({sleeper}).find("stuck") == 0);
  model::options o;
  o.slices = 1;
  CHECK(outcomes({sleeper}, 1, o) == set{"0"});
  o.slices = 0, o.spurious = 1;
  CHECK(failure({sleeper}, o).find("stuck") == 0);  // what may happen need not happen
  CHECK(outcomes({[](shared& v) {
                    v.r[0] = model::world::current()->futex_wait(&v.x, 0) == model::world::sleep::by_itself && v.y.load(relaxed) == 0;
                  },
                  [](shared& v) {
                    v.y.store(1, release);
                    v.x.store(1, release);
                    model::world::current()->futex_wake(&v.x, 1);
                  }},
                 1, o) == set{"0", "1"});
  CHECK(outcomes({[](shared& v) {  // store buffering across the two system calls
                    v.x.store(1, relaxed);
                    model::world::current()->futex_wake(&v.z, 1);
                    v.r[0] = v.y.load(relaxed);
                  },
                  [](shared& v) {
                    v.y.store(1, relaxed);
                    model::world::current()->futex_wait(&v.z, 1);
                    v.r[1] = v.x.load(relaxed);
                  }},
                 2) == all2);
}

TEST_CASE("there is room for many threads and many words") {
  constexpr unsigned threads = 12, words = 100;
  struct crowd {
    std::array<model::atomic<u32>, words> w{};
    explicit crowd(model::world& stage) {
      for (unsigned t = 0; t < threads; ++t)
        stage.spawn("T", [this, t] {
          for (unsigned k = t; k < words; k += threads) w[k].store(w[(k + 1) % words].load(acquire) + 1, release);
        });
    }
    void finish() {
      for (auto& x : w) model::expect(x.load() != 0, "a word that nobody wrote");
    }
  };
  model::options o;
  o.name = "crowd";
  for (const auto how : {model::walk::random, model::walk::priorities, model::walk::everything}) {
    o.how = how;
    o.most = 1000;
    const auto r = model::explore(o, [](model::world& w) { return crowd(w); });
    CHECK(r.clean());
    CHECK(r.executions == 1000);
    CHECK(!r.exhaustive);
  }
}

TEST_CASE("a death may swallow the last stores of the dead, but none that a release, a fence or a system call follows") {
  struct will {
    model::atomic<u32> x{0}, y{0};
    u32 life = 0;
    int how;
    will(model::world& w, int h) : how(h) {
      const unsigned t = w.spawn("testator", {.killable = true}, [this] {
        x.store(1, release);
        if (how == 1) model::world::current()->light_fence();
        if (how == 2) model::world::current()->futex_wake(&life, 1);
        y.store(1, how == 3 ? release : relaxed);
        (void)y.fetch_add(1, relaxed);
        (void)y.fetch_add(1, release);
      });
      w.hold(t, &life);
      w.on_death = [this](unsigned) {
        model::world::current()->outcomes.insert(std::to_string(x.load()) + std::to_string(y.load()));
      };
    }
    void finish() {}
  };
  const auto left = [](int how) {
    model::options o;
    o.name = "will";
    o.kills = 1;
    const auto r = model::explore(o, [how](model::world& w) { return will(w, how); });
    CHECK(r.proves());
    return r.outcomes;
  };
  CHECK(left(0) == set{"00", "01", "02", "10", "11", "12"});  // 01: the first store was still held back
  CHECK(left(1) == set{"00", "10", "11", "12"});
  CHECK(left(2) == set{"00", "10", "11", "12"});
  CHECK(left(3) == set{"00", "10", "11", "12"});
}

TEST_CASE("an heir sees all that the dead had done, and data only that the dead had released") {
  struct estate {
    model::atomic<u32> x{0};
    u32 data = 0, life = 0;
    estate(model::world& w, order o) {
      const unsigned t = w.spawn("testator", {.killable = true}, [this, o] {
        model::policy<>::copy_out(&data, u32{7});
        x.store(1, o);
        (void)x.load(relaxed);
      });
      w.hold(t, &life);
      w.spawn("heir", {.heir_of = &life}, [this] {
        if (x.load(relaxed) == 1) model::expect(model::policy<>::copy_in(&data) == 7, "old data");
      });
    }
    void finish() {}
  };
  const auto failure_of = [](order how) {
    model::options o;
    o.name = "estate";
    o.kills = 1;
    return model::explore(o, [how](model::world& w) { return estate(w, how); }).failure;
  };
  CHECK(failure_of(release) == "");
  CHECK(failure_of(relaxed).find("data of the dead") == 0);
}
