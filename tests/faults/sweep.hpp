// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FAULTS_SWEEP_HPP
#define SLUICE_TESTS_FAULTS_SWEEP_HPP

#include "errnos.hpp"
#include "operations.hpp"

#include <map>
#include <set>

// The k-th system call of an operation fails with e: for every k until the operation makes fewer, and every e that the
// manual page of that call names; then with every short count.

namespace faults {

struct operation {
  const char* name;
  int (*body)(stage&, const site&);
};

/// What one operation was put through: for each system call how often it was made, and how many faults it was given.
struct row {
  struct cell {
    unsigned calls = 0, faults = 0;
  };
  std::map<std::string, cell> cells;
  unsigned faults = 0;
  double seconds = 0;
  std::set<std::string> leave_a_name;  // the calls after whose failure a temporary name stays, for the next one to remove
};
using always = std::function<int(const call&, const remote&)>;  // an errno, or 0

inline verdict refused_always(const always& base, const call& c, const remote& child) {
  const int e = base ? base(c, child) : 0;
  return e == 0 ? verdict{} : verdict{verdict::refuse, e};
}
inline std::string told(const ending& e) {
  return e.exited ? "line " + std::to_string(e.code) : std::string("signal ") + ::strsignal(e.code);
}

/// Puts one operation through everything. `base` holds throughout.
inline row sweep(const operation& o, bool mapped, const always& base, std::vector<std::string>& failures) {
  row r;
  const auto begun = test::now_ns();
  const test::scratch dir;  // for files too: they are synced often, which a disk would make slow
  const site at{&dir, mapped};
  for (unsigned k = 1;; ++k) {
    // What is the k-th call, and what may it say?
    std::vector<verdict> trials;
    std::string name;
    long number = -1;
    const auto plain = run([&](stage& s) { return o.body(s, at); },
                           [&, n = 0u](const call& c, const remote& child) mutable -> verdict {
                             if (const auto v = refused_always(base, c, child); v.how != verdict::pass) return v;
                             if (++n != k) return {};
                             number = c.number;
                             const auto* const d = find_call(c.number);
                             name = d == nullptr ? "system call " + std::to_string(c.number) : d->name;
                             if (d == nullptr) failures.push_back(name + " is in no table");
                             for (const int e : errors_of(c, child))
                               trials.push_back({c.number == SYS_close ? verdict::disown : verdict::refuse, e});
                             for (const int count : counts_of(c, child))
                               trials.push_back({verdict::shorten, count});
                             return {};
                           });
    at.remove();
    if (!plain.exited || plain.code != 0) {
      failures.push_back(std::string(o.name) + " without a fault: " + told(plain));
      return r;
    }
    r.seconds = static_cast<double>(test::now_ns() - begun) / 1e9;
    if (name.empty()) return r;
    ++r.cells[name].calls;
    for (const verdict& v : trials) {
      // A wait that sleeps once more or less, and the k-th call is another: what this one says is not for that. Once more.
      bool given = false;
      ending e;
      for (int tries = 0; tries < 20 && !given && (tries == 0 || (e.exited && e.code == 0)); ++tries) {
        e = run([&](stage& s) { return o.body(s, at); },
                [&, n = 0u](const call& c, const remote& child) mutable -> verdict {
                  if (const auto a = refused_always(base, c, child); a.how != verdict::pass) return a;
                  if (++n != k || c.number != number) return {};
                  given = true;
                  return v;
                });
        at.remove();
      }
      if (given) ++r.cells[name].faults, ++r.faults;
      if (!e.exited || e.code != 0)
        failures.push_back(std::string(o.name) + (mapped ? " (file)" : "") + ", call " + std::to_string(k) + ", " + name +
                           (v.how == verdict::shorten ? " moves " + std::to_string(v.value)
                                                      : std::string(" fails with ") + ::strerrorname_np(v.value)) +
                           ": " + told(e));
      if (dir.entries() == 0) continue;
      r.leave_a_name.insert(name);
      (void)run([&](stage& s) { return o.body(s, at); },
                [&](const call& c, const remote& child) -> verdict { return refused_always(base, c, child); });
      at.remove();
      if (dir.entries() != 0) {
        failures.push_back(std::string(o.name) + ", " + name + ": a name is left for good");
        for (const auto& left : std::filesystem::directory_iterator(dir.c_str())) std::filesystem::remove(left);
      }
    }
  }
}

inline void print(const char* name, bool mapped, const row& r) {
  std::printf("%-22s %-4s %5u faults in %4.1f s:", name, mapped ? "file" : "", r.faults, r.seconds);
  for (const auto& [call_name, c] : r.cells) std::printf(" %s %ux=%u", call_name.c_str(), c.calls, c.faults);
  std::printf("\n");
}

#define SKIP_WHERE_NOT_AVAILABLE()                             \
  if (!faults::available) {                                    \
    WARN("skipped: the interceptor knows x86-64 only");        \
    return;                                                    \
  }

}  // namespace faults

#endif
