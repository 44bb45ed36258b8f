// SPDX-License-Identifier: MIT
#include "errnos.hpp"
#include "operations.hpp"

#include "../catch.hpp"

#include <map>

// The k-th system call of an operation fails with e: for every k until the operation makes fewer, and every e that the
// manual page of that call names; then with every short count. And some calls fail always, as on an older kernel or in a
// sandbox.

namespace {

using faults::call;
using faults::remote;
using faults::verdict;

struct operation {
  const char* name;
  int (*body)(faults::stage&, const faults::site&);
};

int wait_word(faults::stage& s, const faults::site& at) { return faults::wait_for_message(s, at, false); }
int wait_words(faults::stage& s, const faults::site& at) { return faults::wait_for_message(s, at, true); }

constexpr operation operations[] = {
    {"create", faults::create},
    {"join", faults::join},
    {"take over", faults::take_over},
    {"leave", faults::leave},
    {"push to a sleeper", faults::push_to_sleeper},
    {"wait, one word", wait_word},
    {"wait, two words", wait_words},
    {"wait for the dead", faults::wait_for_the_dead},
    {"remove a name", faults::remove_name},
    {"explain", faults::explain_name},
    {"make a pipe", faults::make_pipe},
    {"messages in bytes", faults::stream},
    {"wait, bytes and stop", faults::wait_for_bytes},
};
bool has_mapped_form(const operation& o) {
  return o.body == faults::create || o.body == faults::join || o.body == faults::take_over || o.body == faults::leave;
}

/// What one operation was put through: for each system call how often it was made, and how many faults it was given.
struct row {
  struct cell {
    unsigned calls = 0, faults = 0;
  };
  std::map<std::string, cell> cells;
  unsigned faults = 0;
};
using always = std::function<int(const call&, const remote&)>;  // an errno, or 0

struct wrong {
  std::string text;
};

std::string told(const faults::ending& e) {
  return e.exited ? "line " + std::to_string(e.code) : std::string("signal ") + ::strsignal(e.code);
}

/// Puts one operation through everything. `base` holds throughout.
row sweep(const operation& o, bool mapped, const always& base, std::vector<std::string>& failures) {
  row r;
  const test::scratch dir(mapped ? "/tmp" : "/dev/shm");
  const faults::site at{&dir, mapped};
  for (unsigned k = 1;; ++k) {
    // What is the k-th call, and what may it say?
    std::vector<verdict> trials;
    std::string name;
    const auto plain = faults::run([&](faults::stage& s) { return o.body(s, at); },
                                   [&, n = 0u](const call& c, const remote& child) mutable -> verdict {
                                     if (const int e = base ? base(c, child) : 0) return {verdict::refuse, e};
                                     if (++n != k) return {};
                                     const auto* const d = faults::find_call(c.number);
                                     name = d == nullptr ? "system call " + std::to_string(c.number) : d->name;
                                     if (d == nullptr) failures.push_back(name + " is in no table");
                                     for (const int e : faults::errors_of(c, child))
                                       trials.push_back({c.number == SYS_close ? verdict::disown : verdict::refuse, e});
                                     for (const int count : faults::counts_of(c, child))
                                       trials.push_back({verdict::shorten, count});
                                     return {};
                                   });
    at.remove();
    if (!plain.exited || plain.code != 0) {
      failures.push_back(std::string(o.name) + " without a fault: " + told(plain));
      return r;
    }
    if (name.empty()) return r;
    ++r.cells[name].calls;
    for (const verdict& v : trials) {
      bool given = false;
      const auto e = faults::run([&](faults::stage& s) { return o.body(s, at); },
                                 [&, n = 0u](const call& c, const remote& child) mutable -> verdict {
                                   if (const int always_e = base ? base(c, child) : 0) return {verdict::refuse, always_e};
                                   if (++n != k) return {};
                                   given = true;
                                   return v;
                                 });
      at.remove();
      if (given) ++r.cells[name].faults, ++r.faults;
      if (!e.exited || e.code != 0)
        failures.push_back(std::string(o.name) + (mapped ? " (file)" : "") + ", call " + std::to_string(k) + ", " + name +
                           (v.how == verdict::shorten ? " moves " + std::to_string(v.value)
                                                      : std::string(" fails with ") + ::strerrorname_np(v.value)) +
                           ": " + told(e));
      if (dir.entries() != 0) {
        failures.push_back(std::string(o.name) + ", " + name + ": a name is left");
        for (const auto& left : std::filesystem::directory_iterator(dir.c_str())) std::filesystem::remove(left);
      }
    }
  }
}

void print(const char* name, bool mapped, const row& r) {
  std::printf("%-22s %-4s %5u faults:", name, mapped ? "file" : "", r.faults);
  for (const auto& [call_name, c] : r.cells) std::printf(" %s %ux=%u", call_name.c_str(), c.calls, c.faults);
  std::printf("\n");
}

#define SKIP_WHERE_NOT_AVAILABLE()                             \
  if (!faults::available) {                                    \
    WARN("skipped: the interceptor knows x86-64 only");        \
    return;                                                    \
  }

}  // namespace

TEST_CASE("every system call of every operation fails once, in every documented way") {
  SKIP_WHERE_NOT_AVAILABLE();
  std::vector<std::string> failures;
  unsigned all = 0;
  for (const operation& o : operations) {
    for (const bool mapped : {false, true}) {
      if (mapped && !has_mapped_form(o)) continue;
      const row r = sweep(o, mapped, {}, failures);
      print(o.name, mapped, r);
      all += r.faults;
      CHECK(r.faults > 0);
    }
  }
  std::printf("%u faults, %zu failures\n", all, failures.size());
  for (const auto& f : failures) std::printf("  %s\n", f.c_str());
  CHECK(failures.empty());
}
