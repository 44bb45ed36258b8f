// SPDX-License-Identifier: MIT
#include "input.hpp"

#include <sluice/channel/explain.hpp>

#include <string>

// The layout text of a region is whatever its file says. explain() must compare it with ours to its end, say so if they
// differ, and stay inside its buffer.

namespace {

struct empty {};
struct nested {
  empty e;
  std::uint32_t a;
  struct {
    double d[3];
    std::int16_t s;
  } inner[2];
};

// Text out of an alphabet that layouts are made of, so that the mutations come close to real ones; or any bytes.
std::string some_text(fuzz::input& in, const std::string& ours) {
  static constexpr char letters[] = "uifbe0123456789@x{}/ ";
  const unsigned how = in.below(4);
  std::string s = how == 0 ? std::string() : ours.substr(0, how == 1 ? ours.size() : in.byte());
  const unsigned edits = in.below(16);
  for (unsigned n = 0; n < edits; ++n) {
    const char c = how == 3 ? static_cast<char>(in.byte()) : letters[in.below(sizeof letters - 1)];
    const std::size_t at = in.byte() % (s.size() + 1);
    if (in.flag() && at < s.size()) s[at] = c;
    else s.insert(at, 1, c);
  }
  if (in.below(8) == 7) s.append(in.byte() * 16u, in.flag() ? '{' : 'u');  // longer than any buffer
  return s;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  char buffer[3900];
  const std::string ours(buffer, sluice::layout_text<nested>(buffer, sizeof buffer));
  const std::string theirs = some_text(in, ours);
  sluice::explanation t;
  sluice::detail::explain_layouts(t, theirs, ours);
  const std::string said(t.c_str(), t.size());
  FUZZ_REQUIRE(said.size() < sizeof(sluice::explanation));
  FUZZ_REQUIRE(t.c_str()[t.size()] == '\0');
  if (theirs == ours) FUZZ_REQUIRE(said.empty());
  // Layouts are their entries: braces and spaces only say how they are grouped.
  const auto entries = [](const std::string& s) {
    std::string e;
    bool gap = false;
    for (const char c : s)
      if (c == ' ' || c == '{' || c == '}') gap = !e.empty();
      else e += gap ? " " : "", gap = false, e += c;
    return e;
  };
  if (entries(theirs) != entries(ours)) FUZZ_REQUIRE(said.starts_with(" Field "));
  return 0;
}
